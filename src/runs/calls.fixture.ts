// A clock for tests of calls: time passes only when it is told to, and whoever sleeps wakes in order.

import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import type { AccountClock } from './account-ports.ts'

interface Sleeper {
  readonly atMs: number
  wake(): void
}

export class SteppedClock implements AccountClock {
  #monotonicMs = 0
  /** Wall clock less monotonic clock. */
  #wallLeadMs: number
  #sleepers: Sleeper[] = []

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallLeadMs = wallMs
  }

  now(): number {
    return this.#monotonicMs + this.#wallLeadMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#wallLeadMs += ms
  }

  get sleeping(): number {
    return this.#sleepers.length
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted) return resolve()
      const sleeper: Sleeper = {
        atMs: this.#monotonicMs + Math.max(0, ms),
        wake: () => {
          signal.removeEventListener('abort', sleeper.wake)
          this.#sleepers = this.#sleepers.filter(each => each !== sleeper)
          resolve()
        },
      }
      signal.addEventListener('abort', sleeper.wake, { once: true })
      this.#sleepers.push(sleeper)
    })
  }

  /** Lets time pass; whatever the woken do is done before the next one wakes. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms
    await eventLoopTurn()
    for (;;) {
      const next = this.#sleepers.reduce<Sleeper | null>((first, each) => (first && first.atMs <= each.atMs ? first : each), null)
      if (!next || next.atMs > untilMs) break
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs)
      next.wake()
      await eventLoopTurn()
    }
    this.#monotonicMs = untilMs
  }
}
