// The clocks of one worker: a wall clock that may be wrong and may jump, one that is never set, and sleep in virtual time.

import type { AccountClock } from '../runs/account-ports.ts'
import type { Scheduler } from './scheduler.ts'
import type { WorkerProcess } from './worker-process.ts'

/** A worker's monotonic clock starts anew with it. */
export class LabClock implements AccountClock {
  readonly #scheduler: Scheduler
  readonly #worker: WorkerProcess
  readonly #bornMs: number

  constructor(scheduler: Scheduler, worker: WorkerProcess) {
    this.#scheduler = scheduler
    this.#worker = worker
    this.#bornMs = scheduler.nowMs
  }

  now(): number {
    this.#worker.asks()
    return this.#scheduler.nowMs + this.#worker.clockErrorMs
  }

  monotonic(): number {
    this.#worker.asks()
    return this.#scheduler.nowMs - this.#bornMs
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#worker.asks()
    return new Promise(resolve => {
      if (signal.aborted) {
        resolve()
        return
      }
      let over = false
      const leave = (): void => signal.removeEventListener('abort', end)
      const end = (): void => {
        if (over) return
        over = true
        leave()
        this.#worker.forget(leave)
        resolve()
      }
      signal.addEventListener('abort', end)
      // Node keeps a joined signal for as long as somebody listens, and with it a dead worker and its whole world.
      this.#worker.whenKilled(leave)
      this.#worker.deliver(Math.max(0, ms), end)
    })
  }
}
