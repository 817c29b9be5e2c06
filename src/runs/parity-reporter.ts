// Compares every closed deal with its simulation, in the background: never in the transaction of a trade, one deal at a time, and asleep
// for a multiple of what it has computed. What it has not done yet is found again after a restart: it is what has no report.

import { nap } from './outage.ts'
import type { RunLog } from './ports.ts'

export interface DueDeals<Deal> {
  /** Deals without a report: of one run, or of all. Each call may name the same ones again until they have theirs. */
  due(runId: string | null, atMost: number): Promise<readonly Deal[]>
  /** Makes and keeps the report of one deal. What a deal cannot be simulated for is a report, too. */
  report(deal: Deal, signal: AbortSignal): Promise<void>
}

export interface ReporterDeps<Deal> {
  readonly deals: DueDeals<Deal>
  readonly log: RunLog
  /** Ms of a clock that is never set. */
  monotonic(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

const CHUNK = 50
/** It computes at most one part in four of the time. */
const REST_FACTOR = 3
const SHORTEST_REST_MS = 5
const NOTHING_DUE_MS = 500
const AFTER_TROUBLE_MS = 30_000

export class ParityReporter<Deal> {
  readonly #deps: ReporterDeps<Deal>
  readonly #stop = new AbortController()
  /** Runs that have closed deals; null stands for all of them. */
  readonly #waiting = new Set<string | null>([null])
  #wake = new AbortController()
  #loop: Promise<void> | null = null

  constructor(deps: ReporterDeps<Deal>) {
    this.#deps = deps
  }

  start(): void {
    this.#loop = this.#work()
  }

  /** A deal of this run has closed, or the run has ended. */
  notice(runId: string): void {
    this.#waiting.add(runId)
    this.#wake.abort()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake.abort()
    await this.#loop
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const [next] = this.#waiting
      if (next === undefined) {
        await nap(this.#deps, AFTER_TROUBLE_MS, AbortSignal.any([signal, this.#wake.signal]))
        continue
      }
      this.#waiting.delete(next)
      try {
        if (!(await this.#reportAll(next))) this.#waiting.add(next)
      } catch (error) {
        if (signal.aborted) return
        this.#deps.log.warn(
          { runId: next, error: String(error) },
          'deals could not be compared with their simulation: again later',
        )
        this.#waiting.add(next)
        await nap(this.#deps, AFTER_TROUBLE_MS, signal)
      }
    }
  }

  /** @returns true when nothing more was due. */
  async #reportAll(runId: string | null): Promise<boolean> {
    const { deals, monotonic } = this.#deps
    const { signal } = this.#stop
    const due = await deals.due(runId, CHUNK)
    for (const deal of due) {
      const beganMs = monotonic()
      await deals.report(deal, signal)
      await nap(this.#deps, Math.max(SHORTEST_REST_MS, REST_FACTOR * (monotonic() - beganMs)), signal)
      if (signal.aborted) return false
    }
    // A run that closes deals faster than they may be compared is not asked about each of them.
    if (due.length === 0) await nap(this.#deps, NOTHING_DUE_MS, signal)
    return due.length < CHUNK
  }
}
