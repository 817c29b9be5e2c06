// One worker of the laboratory as the world sees it: it lives, may freeze and may be killed. Whatever it asks of the world goes out as
// an operation; a dead worker's operations are never answered, and what it had under way either arrives or does not.

import type { Dice } from './dice.ts'
import type { Kills } from './kills.ts'
import type { Scheduler } from './scheduler.ts'

/** How an operation travels. */
export interface Passage {
  readonly outMs: number
  /** null: the answer never comes. */
  readonly backMs: number | null
}

/** What is counted and told of all workers. */
export interface WorkerWorld {
  readonly scheduler: Scheduler
  readonly kills: Kills
  /** Whether something of a dead worker that was under way still arrives. */
  readonly fate: Dice
  killed(worker: WorkerProcess, where: string): void
  /** A worker asks the world again and again without ever waiting. */
  spins(worker: WorkerProcess): void
}

/** Questions that a worker may ask at one instant; more are a loop that never waits. */
const MOST_QUESTIONS = 20_000

export class WorkerProcess {
  /** Counts workers, from 1. */
  readonly number: number
  /** Fencing token that it was started with. */
  readonly token: number
  readonly #world: WorkerWorld
  #alive = true
  readonly #cleanUps = new Set<() => void>()
  #askedAtStep = -1
  #asked = 0
  #frozenUntilMs = Number.NEGATIVE_INFINITY
  /** Wall clock less true time. */
  clockErrorMs = 0

  constructor(number: number, token: number, world: WorkerWorld) {
    this.number = number
    this.token = token
    this.#world = world
  }

  get isAlive(): boolean {
    return this.#alive
  }

  get isFrozen(): boolean {
    return this.#world.scheduler.nowMs < this.#frozenUntilMs
  }

  /** Nothing of it runs until then; what arrives meanwhile waits for it. */
  freeze(untilMs: number): void {
    this.#frozenUntilMs = untilMs
  }

  kill(): void {
    this.#alive = false
    for (const cleanUp of this.#cleanUps) cleanUp()
    this.#cleanUps.clear()
  }

  /** Called once when it dies. */
  whenKilled(cleanUp: () => void): void {
    this.#cleanUps.add(cleanUp)
  }

  forget(cleanUp: () => void): void {
    this.#cleanUps.delete(cleanUp)
  }

  /** Every question to the world counts. @throws where the worker goes in circles: it is dead then. */
  asks(): void {
    const { steps } = this.#world.scheduler
    if (steps !== this.#askedAtStep) {
      this.#askedAtStep = steps
      this.#asked = 0
    }
    this.#asked += 1
    if (this.#asked < MOST_QUESTIONS) return
    if (this.#alive) this.#world.spins(this)
    this.kill()
    throw new Error('the worker goes in circles')
  }

  /**
   * A request that leaves, takes effect in the world, and comes back with what `effect` gave or threw.
   * @param mayDie false for what no death can come between, such as waking up.
   */
  operation<T>(where: string, passage: Passage, effect: () => T | Promise<T>, mayDie = true): Promise<T> {
    this.asks()
    return new Promise<T>((resolve, reject) => {
      if (!this.#alive) return
      if (mayDie && this.#diesAt(`${where}, issued`)) {
        // It may have left the machine just before.
        if (!this.#world.fate.chance(0.5)) return
      }
      this.#world.scheduler.after(passage.outMs, async () => {
        let answer: () => void
        try {
          const value = await effect()
          answer = () => resolve(value)
        } catch (error) {
          answer = () => reject(error)
        }
        if (mayDie && this.#alive) this.#diesAt(`${where}, done`)
        if (passage.backMs !== null) this.deliver(passage.backMs, answer)
      })
    })
  }

  /** Hands something to the worker after a while: not to a dead one, and to a frozen one when it wakes. */
  deliver(delayMs: number, hand: () => void): void {
    if (!this.#alive) return
    this.#world.scheduler.after(delayMs, () => {
      if (!this.#alive) return
      if (this.isFrozen) this.deliver(this.#frozenUntilMs - this.#world.scheduler.nowMs, hand)
      else hand()
    })
  }

  #diesAt(where: string): boolean {
    if (!this.#world.kills.passes(where)) return false
    this.kill()
    this.#world.killed(this, where)
    return true
  }
}
