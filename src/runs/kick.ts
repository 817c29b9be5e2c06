// Waiting for a time, or for somebody who says that there is something to do. A kick while nobody waits is remembered.

import type { AccountClock } from './account-ports.ts'
import { nap } from './outage.ts'

export class Kick {
  readonly #clock: Pick<AccountClock, 'sleep'>
  #pending = new AbortController()

  constructor(clock: Pick<AccountClock, 'sleep'>) {
    this.#clock = clock
  }

  kick(): void {
    this.#pending.abort()
  }

  /** Resolves after the time, at the next kick, at once where one came since the last wait, or when the signal aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const kicked = this.#pending
    if (!kicked.signal.aborted) await nap(this.#clock, ms, AbortSignal.any([signal, kicked.signal]))
    if (kicked.signal.aborted && this.#pending === kicked) this.#pending = new AbortController()
  }
}
