// The database of a story: in memory for the thousands, on Postgres for the few. Both are the store's contract and a few strings that a
// laboratory must be able to pull.

import type { SafetyLevel } from '../core/risk/safety.ts'
import type { AccountAssignment, AccountCommit } from '../engine/account-store.ts'
import type { AccountStore } from '../engine/ports.ts'
import { StorageError } from '../storage/errors.ts'
import { ACCOUNT_ID } from './account-id.ts'
import { AnswerLost, type Backend } from './lab-store.ts'
import { MemoryAccountStore } from './memory-store.ts'
import type { Story } from './story.ts'

export interface LabBackend extends Backend {
  /** Another worker holds the account from now on. */
  takeOver(): Promise<AccountAssignment>
  setSafety(level: SafetyLevel): Promise<void>
  /** null where this backend cannot. */
  snapshot(): unknown
  restore(snapshot: unknown): Promise<AccountAssignment>
  setEpoch(epoch: number): void
}

export class MemoryBackend implements LabBackend {
  readonly #store = new MemoryAccountStore()

  constructor(story: Story) {
    this.#store.open({
      accountId: ACCOUNT_ID,
      userId: 'lab_user',
      exchange: 'lab',
      bots: story.bots.map(({ botId, runId }) => ({ botId, runId })),
    })
  }

  get store(): AccountStore {
    return this.#store
  }

  async commit(assignment: AccountAssignment, commit: AccountCommit, losesAnswer: boolean): Promise<boolean> {
    const view = this.#store.view(ACCOUNT_ID)
    const before = view.commits
    this.#store.faults = losesAnswer
      ? {
          afterCommit: () => {
            throw new StorageError('DATABASE_UNAVAILABLE', 'the connection broke during the commit')
          },
        }
      : {}
    try {
      await this.#store.commit(assignment, commit)
    } catch (error) {
      if (view.commits > before) throw new AnswerLost('the commit took effect, its answer was lost')
      throw error
    } finally {
      this.#store.faults = {}
    }
    return view.commits > before
  }

  async takeOver(): Promise<AccountAssignment> {
    return this.#store.takeOver(ACCOUNT_ID)
  }

  async setSafety(level: SafetyLevel): Promise<void> {
    this.#store.setSafety(ACCOUNT_ID, level)
  }

  snapshot(): unknown {
    return this.#store.snapshot(ACCOUNT_ID)
  }

  async restore(snapshot: unknown): Promise<AccountAssignment> {
    return this.#store.restore(ACCOUNT_ID, snapshot as ReturnType<MemoryAccountStore['snapshot']>)
  }

  setEpoch(epoch: number): void {
    this.#store.epoch = epoch
  }
}
