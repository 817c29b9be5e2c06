// The store as one worker reaches it: the real one behind a connection that is slow, breaks, and lies about what became of a commit.
// Every commit that took effect is shown to the laboratory, once.

import type { AccountAssignment, AccountCommit, OrderRecord, SavedAccount } from '../engine/account-store.ts'
import type { AccountStore } from '../engine/ports.ts'
import { StorageError } from '../storage/errors.ts'
import type { Dice } from './dice.ts'
import type { FaultPlan } from './faults.ts'
import type { Scheduler } from './scheduler.ts'
import type { WorkerProcess } from './worker-process.ts'

export interface StoreWorld {
  readonly scheduler: Scheduler
  readonly faults: FaultPlan
  readonly travel: Dice
  /** The database cannot be reached, or cannot write, until then. */
  outage: { readonly untilMs: number; readonly isDisk: boolean } | null
  committed(worker: WorkerProcess, commit: AccountCommit): void
}

/** A store that can be made to lose the answer of its next commit, after it took effect. */
export interface Backend {
  readonly store: AccountStore
  /** @returns whether it took effect now; false where it was recognised as one that had before. @throws what the store throws. */
  commit(assignment: AccountAssignment, commit: AccountCommit, losesAnswer: boolean): Promise<boolean>
}

export class LabStore implements AccountStore {
  readonly #world: StoreWorld
  readonly #worker: WorkerProcess
  readonly #backend: Backend

  constructor(world: StoreWorld, worker: WorkerProcess, backend: Backend) {
    this.#world = world
    this.#worker = worker
    this.#backend = backend
  }

  load(assignment: AccountAssignment, endedSinceMs: number): Promise<SavedAccount> {
    return this.#call('store load', () => this.#backend.store.load(assignment, endedSinceMs))
  }

  findOrder(assignment: AccountAssignment, clientOrderId: string): Promise<OrderRecord | null> {
    return this.#call('store find', () => this.#backend.store.findOrder(assignment, clientOrderId))
  }

  commit(assignment: AccountAssignment, commit: AccountCommit): Promise<void> {
    return this.#call('store commit', async () => {
      const { faults } = this.#world
      if (this.#world.outage?.isDisk) throw unavailable('no space is left on the device')
      if (faults.strikes('db_lost_commit')) throw unavailable('the connection broke before the commit')
      const losesAnswer = faults.strikes('db_false_error')
      try {
        if (await this.#backend.commit(assignment, commit, losesAnswer)) this.#world.committed(this.#worker, commit)
      } catch (error) {
        if (!(error instanceof AnswerLost)) throw error
        this.#world.committed(this.#worker, commit)
        throw unavailable('the connection broke during the commit')
      }
    })
  }

  #call<T>(where: string, work: () => Promise<T>): Promise<T> {
    const { faults, travel } = this.#world
    const slow = faults.strikes('db_slow') ? faults.dice('db_slow').whole(200, 8_000) : 0
    return this.#worker.operation(where, { outMs: travel.whole(1, 3) + slow, backMs: 1 }, () => {
      const { outage } = this.#world
      if (outage && !outage.isDisk) throw unavailable('the database cannot be reached')
      return work()
    })
  }
}

/** Thrown by a backend whose commit took effect although its answer was lost. */
export class AnswerLost extends Error {}

function unavailable(message: string): StorageError {
  return new StorageError('DATABASE_UNAVAILABLE', message)
}
