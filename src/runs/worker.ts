// A worker: holds a lease, claims the runs that want one, and keeps each going. A run that fails is started again after a while; one that
// keeps failing is held in error. A worker that cannot renew its lease decides nothing.

import { PaperRun, type PaperRunDeps, type PaperRunEnd } from './paper-run.ts'
import type { Assignment } from './ports.ts'

export interface WorkerOptions {
  readonly maxRuns: number
  /** Leases are renewed this often; three missed renewals lose them. */
  readonly renewMs: number
  readonly claimMs: number
}

export const DEFAULT_WORKER_OPTIONS: WorkerOptions = { maxRuns: 10_000, renewMs: 5000, claimMs: 2000 }

/** A holder stops deciding this long after it sent its last good renewal (execution.md 8.2). */
const SILENT_AFTER_MS = 10_000
const RESTART_LIMIT = 5
const RESTART_WINDOW_MS = 15 * 60_000
const HEALTHY_MS = 10 * 60_000
const LONGEST_RESTART_WAIT_MS = 60_000

interface Supervised {
  readonly run: PaperRun
  readonly done: Promise<void>
}

export class Worker {
  readonly #deps: Omit<PaperRunDeps, 'mayAct'>
  readonly #options: WorkerOptions
  readonly #stop = new AbortController()
  readonly #runs = new Map<string, Supervised>()
  readonly #failures = new Map<string, number[]>()
  /** Bots that wait before they are started again, until when. */
  readonly #resting = new Map<string, number>()
  /** Monotonic time of the last renewal that was answered. */
  #renewedAtMs = Number.NEGATIVE_INFINITY
  #claimNow = new AbortController()
  #loops: Promise<void>[] = []

  constructor(deps: Omit<PaperRunDeps, 'mayAct'>, options: WorkerOptions = DEFAULT_WORKER_OPTIONS) {
    this.#deps = deps
    this.#options = options
  }

  /** Resolves once the first claim is done: what can run is running. */
  async start(): Promise<void> {
    await this.#renew()
    await this.#claim()
    this.#loops = [
      this.#every(this.#options.renewMs, () => this.#renew()),
      this.#every(
        this.#options.claimMs,
        () => this.#claim(),
        () => this.#claimNow.signal,
      ),
    ]
  }

  /** Something changed for a bot (or for any): commands are read, new runs are claimed at once. */
  notify(botId: string | null): void {
    if (botId) this.#runs.get(botId)?.run.wake()
    this.#claimNow.abort()
  }

  running(): number {
    return this.#runs.size
  }

  /** Lets every run finish its instant, then gives the leases back. What the bots should do stays as it is. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#claimNow.abort()
    await Promise.allSettled([...this.#loops, ...[...this.#runs.values()].map(each => each.done)])
    try {
      await this.#deps.store.retire(this.#deps.workerId)
    } catch (error) {
      this.#deps.log.warn({ error: String(error) }, 'the lease could not be given back: it runs out by itself')
    }
  }

  #mayAct(): boolean {
    return this.#deps.now() - this.#renewedAtMs < SILENT_AFTER_MS
  }

  async #every(ms: number, work: () => Promise<void>, hurry?: () => AbortSignal): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const wait = hurry ? AbortSignal.any([signal, hurry()]) : signal
      try {
        await this.#deps.sleep(ms, wait)
      } catch (cause) {
        if (!wait.aborted) throw cause
      }
      if (signal.aborted) return
      if (this.#claimNow.signal.aborted) this.#claimNow = new AbortController()
      await work()
    }
  }

  async #renew(): Promise<void> {
    const sentAtMs = this.#deps.now()
    try {
      await this.#deps.store.renew(this.#deps.workerId)
      this.#renewedAtMs = sentAtMs
    } catch (error) {
      this.#deps.log.warn({ error: String(error) }, 'the lease could not be renewed')
    }
  }

  async #claim(): Promise<void> {
    let assignments: Assignment[]
    try {
      assignments = await this.#deps.store.claim(this.#deps.workerId, this.#options.maxRuns)
    } catch (error) {
      this.#deps.log.warn({ error: String(error) }, 'runs could not be claimed')
      return
    }
    for (const assignment of assignments) {
      if (this.#runs.has(assignment.botId) || this.#stop.signal.aborted) continue
      if (this.#deps.now() < (this.#resting.get(assignment.botId) ?? 0)) continue
      const run = new PaperRun(assignment, { ...this.#deps, mayAct: () => this.#mayAct() })
      this.#runs.set(assignment.botId, { run, done: this.#supervise(run) })
    }
  }

  async #supervise(run: PaperRun): Promise<void> {
    const { botId, runId } = run.assignment
    const { log } = this.#deps
    const startedMs = this.#deps.now()
    try {
      const end: PaperRunEnd = await run.run(this.#stop.signal)
      log.info({ botId, runId, end }, 'run left')
      if (end === 'ended') this.#failures.delete(botId)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      await this.#failed(run.assignment, error, startedMs)
    } finally {
      this.#runs.delete(botId)
    }
  }

  async #failed(assignment: Assignment, error: unknown, startedMs: number): Promise<void> {
    const { botId, runId } = assignment
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const message = error instanceof Error ? error.message : String(error)
    if (code === 'LEASE_LOST') {
      this.#deps.log.warn({ botId, runId }, 'another worker has taken this bot over')
      this.#resting.set(botId, this.#deps.now() + this.#options.renewMs)
      return
    }
    const now = this.#deps.now()
    const recent =
      now - startedMs > HEALTHY_MS ? [] : (this.#failures.get(botId) ?? []).filter(at => now - at < RESTART_WINDOW_MS)
    recent.push(now)
    this.#failures.set(botId, recent)
    const final = recent.length > RESTART_LIMIT || UNRECOVERABLE.has(code)
    const waitMs = Math.min(1000 * 2 ** (recent.length - 1), LONGEST_RESTART_WAIT_MS)
    this.#resting.set(botId, now + waitMs)
    this.#deps.log.error(
      { botId, runId, code, error: error instanceof Error ? error.stack : message, final, waitMs },
      'run failed',
    )
    try {
      await this.#deps.store.fail(assignment, message, final)
    } catch (cause) {
      this.#deps.log.error({ botId, error: String(cause) }, 'the failure could not be noted')
    }
  }
}

/** Trying again would find the same: the bot is held until somebody looks. */
const UNRECOVERABLE: ReadonlySet<string> = new Set(['STATE_DAMAGED', 'INSUFFICIENT_DATA', 'CAPABILITY_MISSING', 'NOT_FOUND'])
