// Watches the disk that EVENKEEL_HOME lies on (execution.md 8.3). A little room left warns; hardly any allows closing only; and when it
// is full, a file that was kept for this is given up, so that exits can still be written down. When there is room again, all of it ends
// by itself.

import type { RunLog } from './ports.ts'

export interface DiskStatus {
  readonly state: 'ok' | 'low' | 'close_only' | 'unknown'
  /** Percent of the file system that may still be used. */
  readonly freePct: number | null
  readonly freeBytes: number | null
  readonly reserve: 'held' | 'freed' | 'off'
  readonly checkedAtMs: number | null
}

export interface DiskSpace {
  readonly freeBytes: number
  readonly totalBytes: number
}

/** The file that is kept for a full disk. */
export interface DiskReserve {
  isHeld(): Promise<boolean>
  /** Writes it whole. */
  make(bytes: number): Promise<void>
  free(): Promise<void>
}

export interface DiskWatchDeps {
  space(): Promise<DiskSpace>
  readonly reserve: DiskReserve
  /** Sets or ends "close-only" for the whole instance; ends only what this watch has set. */
  closeOnly(reason: string | null): Promise<void>
  readonly log: RunLog
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface DiskWatchOptions {
  /** 0 = no reserve file. */
  readonly reserveBytes: number
  readonly everyMs: number
}

export const WARN_BELOW_PCT = 15
export const CLOSE_ONLY_BELOW_PCT = 5
/** A little above the other, so that it does not flicker. */
export const OPEN_ABOVE_PCT = 6
/** Full, for what a database and its log need at once. */
const FULL_BELOW_BYTES = 64 * 1024 * 1024

export class DiskWatch {
  readonly #deps: DiskWatchDeps
  readonly #options: DiskWatchOptions
  readonly #stop = new AbortController()
  #loop: Promise<void> | null = null
  /** What the safety record was last told; null before the first time. */
  #isCloseOnly: boolean | null = null
  #status: DiskStatus

  constructor(deps: DiskWatchDeps, options: DiskWatchOptions) {
    this.#deps = deps
    this.#options = options
    const reserve = options.reserveBytes > 0 ? 'freed' : 'off'
    this.#status = { state: 'unknown', freePct: null, freeBytes: null, reserve, checkedAtMs: null }
  }

  status(): DiskStatus {
    return this.#status
  }

  /** Looks once before it returns, then again and again until it is stopped. The reserve is only written later: nobody waits for it. */
  async start(): Promise<void> {
    await this.#look(false)
    this.#loop = this.#repeat()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop
  }

  async #repeat(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#deps.sleep(this.#options.everyMs, this.#stop.signal).catch(() => undefined)
      if (!this.#stop.signal.aborted) await this.check()
    }
  }

  /** One look; whatever cannot be done is said in the log and tried again at the next. */
  check(): Promise<void> {
    return this.#look(true)
  }

  async #look(mayMakeReserve: boolean): Promise<void> {
    let space: DiskSpace
    try {
      space = await this.#deps.space()
    } catch (error) {
      this.#deps.log.warn({ error: String(error) }, 'the free space of the disk cannot be read')
      this.#status = { ...this.#status, state: 'unknown', freePct: null, freeBytes: null, checkedAtMs: this.#deps.now() }
      return
    }
    const reserve = await this.#keepReserve(space, mayMakeReserve)
    const freePct = percentOf(space)
    const isCloseOnly = freePct < CLOSE_ONLY_BELOW_PCT || (this.#isCloseOnly === true && freePct <= OPEN_ABOVE_PCT)
    const state = isCloseOnly ? 'close_only' : freePct < WARN_BELOW_PCT ? 'low' : 'ok'
    if (state !== this.#status.state && state !== 'ok') {
      this.#deps.log.warn({ freePct, state }, 'the disk is getting full')
    }
    this.#status = { state, freePct, freeBytes: space.freeBytes, reserve, checkedAtMs: this.#deps.now() }
    await this.#tell(isCloseOnly, freePct)
  }

  async #tell(isCloseOnly: boolean, freePct: number): Promise<void> {
    if (this.#isCloseOnly === isCloseOnly) return
    // Between the bounds right after a start, what the process before has set stays.
    const isSure = freePct < CLOSE_ONLY_BELOW_PCT || freePct > OPEN_ABOVE_PCT
    if (!isSure) return
    try {
      await this.#deps.closeOnly(
        isCloseOnly
          ? `only ${freePct} % of the disk are free; nothing new is opened until more than ${OPEN_ABOVE_PCT} % are free again`
          : null,
      )
      this.#isCloseOnly = isCloseOnly
    } catch (error) {
      this.#deps.log.error({ error: String(error), isCloseOnly }, 'the safety record could not be told of the disk')
    }
  }

  async #keepReserve({ freeBytes, totalBytes }: DiskSpace, mayMake: boolean): Promise<DiskStatus['reserve']> {
    const { reserveBytes } = this.#options
    if (reserveBytes <= 0) return 'off'
    const { reserve, log } = this.#deps
    try {
      const isHeld = await reserve.isHeld()
      if (isHeld && freeBytes < FULL_BELOW_BYTES) {
        await reserve.free()
        log.error({ freeBytes }, 'the disk is full: the reserve was given up, so that exits can be written')
        return 'freed'
      }
      const afterwards = percentOf({ freeBytes: freeBytes - reserveBytes, totalBytes })
      if (mayMake && !isHeld && afterwards > OPEN_ABOVE_PCT && freeBytes - reserveBytes > FULL_BELOW_BYTES) {
        await reserve.make(reserveBytes)
        return 'held'
      }
      return isHeld ? 'held' : 'freed'
    } catch (error) {
      log.warn({ error: String(error) }, 'the reserve file could not be kept')
      return 'freed'
    }
  }
}

/** One decimal, rounded down. */
function percentOf({ freeBytes, totalBytes }: DiskSpace): number {
  return totalBytes > 0 ? Math.floor((Math.max(0, freeBytes) / totalBytes) * 1000) / 10 : 100
}
