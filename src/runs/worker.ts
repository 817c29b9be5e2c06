// A worker: holds a lease, claims the runs that want one, and keeps each going. A run that fails is started again after a while; one that
// keeps failing is held in error. A worker that cannot renew its lease decides nothing.

import { isOutage, nap, outageWaitMs } from './outage.ts'
import { brokenInvariant, isOwnMistake } from './own-mistake.ts'
import { PaperRun, type PaperRunDeps } from './paper-run.ts'
import type { Assignment } from './ports.ts'
import { Turns } from './turns.ts'

export interface WorkerOptions {
  readonly maxRuns: number
  /** Leases are renewed this often; three missed renewals lose them. */
  readonly renewMs: number
  readonly claimMs: number
}

export type WorkerDeps = Omit<PaperRunDeps, 'mayAct' | 'turns'>

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
  readonly #deps: WorkerDeps
  readonly #options: WorkerOptions
  readonly #stop = new AbortController()
  readonly #turns = new Turns()
  readonly #runs = new Map<string, Supervised>()
  /** Monotonic times of a bot's last failures. */
  readonly #failures = new Map<string, number[]>()
  /** Bots that wait before they are started again, until which monotonic time. */
  readonly #resting = new Map<string, number>()
  /** Monotonic time at which the last renewal that was answered was sent. */
  #renewedAtMs = Number.NEGATIVE_INFINITY
  #claimNow = new AbortController()
  #loops: Promise<void>[] = []

  constructor(deps: WorkerDeps, options: WorkerOptions = DEFAULT_WORKER_OPTIONS) {
    this.#deps = deps
    this.#options = options
  }

  /** Resolves once the first claim is done: what can run is running. */
  async start(): Promise<void> {
    await this.#renew()
    await this.#claim()
    this.#loops = [
      this.#repeat(async () => {
        await nap(this.#deps, this.#options.renewMs, this.#stop.signal)
        if (!this.#stop.signal.aborted) await this.#renew()
      }),
      this.#repeat(async () => {
        await nap(this.#deps, this.#options.claimMs, AbortSignal.any([this.#stop.signal, this.#claimNow.signal]))
        this.#claimNow = new AbortController()
        if (!this.#stop.signal.aborted) await this.#claim()
      }),
    ]
  }

  /** Something changed for a bot, or for any (null): commands are read, new runs are claimed at once. */
  notify(botId: string | null): void {
    if (botId === null) for (const { run } of this.#runs.values()) run.wake()
    else this.#runs.get(botId)?.run.wake()
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
    return this.#deps.monotonic() - this.#renewedAtMs < SILENT_AFTER_MS
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) await work()
  }

  async #renew(): Promise<void> {
    const sentAtMs = this.#deps.monotonic()
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
      if (this.#deps.monotonic() < (this.#resting.get(assignment.botId) ?? 0)) continue
      this.#resting.delete(assignment.botId)
      const run = new PaperRun(assignment, { ...this.#deps, turns: this.#turns, mayAct: () => this.#mayAct() })
      this.#runs.set(assignment.botId, { run, done: this.#supervise(run) })
    }
  }

  async #supervise(run: PaperRun): Promise<void> {
    const { botId, runId } = run.assignment
    const { log } = this.#deps
    const startedMs = this.#deps.monotonic()
    try {
      const end = await run.run(this.#stop.signal)
      log.info({ botId, runId, end }, 'run left')
      this.#failures.delete(botId)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      await this.#failed(run.assignment, error, startedMs)
    } finally {
      this.#runs.delete(botId)
    }
  }

  async #failed(assignment: Assignment, error: unknown, startedMs: number): Promise<void> {
    const { botId, runId } = assignment
    const { log } = this.#deps
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const now = this.#deps.monotonic()
    if (code === 'LEASE_LOST') {
      log.warn({ botId, runId }, 'another worker has taken this bot over')
      this.#resting.set(botId, now + this.#options.renewMs)
      return
    }
    if (isOutage(error)) {
      // An outage says nothing against the bot: it is no failure of the five.
      log.warn({ botId, runId, error: String(error) }, 'the database is away: the bot is opened again later')
      this.#resting.set(botId, now + outageWaitMs(3))
      return
    }
    const message = error instanceof Error ? error.message : String(error)
    const isHealthy = now - startedMs > HEALTHY_MS
    const recent = isHealthy ? [] : (this.#failures.get(botId) ?? []).filter(at => now - at < RESTART_WINDOW_MS)
    recent.push(now)
    this.#failures.set(botId, recent)
    const final = recent.length > RESTART_LIMIT || UNRECOVERABLE.has(code)
    const waitMs = Math.min(1000 * 2 ** (recent.length - 1), LONGEST_RESTART_WAIT_MS)
    this.#resting.set(botId, now + waitMs)
    log.error({ botId, runId, code, error: error instanceof Error ? error.stack : message, final, waitMs }, 'run failed')
    try {
      if (isOwnMistake(error)) await this.#deps.store.restrict(assignment, brokenInvariant(message), null)
      await this.#deps.store.fail(assignment, message, final)
      if (final) this.#failures.delete(botId)
    } catch (cause) {
      log.error({ botId, error: String(cause) }, 'the failure could not be noted')
    }
  }
}

/** Trying again would find the same: the bot is held until somebody looks. */
const UNRECOVERABLE: ReadonlySet<string> = new Set(['STATE_DAMAGED', 'INSUFFICIENT_DATA', 'CAPABILITY_MISSING', 'NOT_FOUND'])
