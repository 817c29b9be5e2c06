// The venue's time on our clock (execution.md 2.8): the offset is measured by asking, from the answer that came back quickest. If our
// clock was set while we ran, entries wait until it is measured again.

import type { Venue } from '../engine/ports.ts'
import type { AccountClock } from './account-ports.ts'
import { callOnce } from './retry.ts'

export interface ClockSample {
  /** server - (t0 + t1) / 2 */
  readonly offsetMs: number
  readonly roundTripMs: number
}

const SAMPLES = 5
const EVERY_MS = 10 * 60_000
/** After a measurement that failed. */
const RETRY_MS = 30_000
/** How far the wall clock may go from the monotonic one before it counts as set. */
const JUMP_MS = 2_000
/** How often it is looked at in between. */
const WATCH_MS = 5_000
const SAMPLE_TIMEOUT_MS = 5_000

/** @param t0 our wall clock before the call, `t1` after it, in ms. */
export function clockSample(t0: number, t1: number, serverMs: number): ClockSample {
  return { offsetMs: serverMs - (t0 + t1) / 2, roundTripMs: t1 - t0 }
}

/** The one with the shortest round trip; null of none. */
export function bestSample(samples: readonly ClockSample[]): ClockSample | null {
  return samples.reduce<ClockSample | null>(
    (best, each) => (best === null || each.roundTripMs < best.roundTripMs ? each : best),
    null,
  )
}

export interface VenueClockEvents {
  /** Our clock was set by so much, forwards or backwards. */
  onJump(jumpMs: number): void
  onSync(sample: ClockSample): void
  onFailure(message: string): void
}

export class VenueClock {
  readonly #venue: Pick<Venue, 'serverTime'>
  readonly #clock: AccountClock
  readonly #events: VenueClockEvents
  #offsetMs = 0
  #isSynced = false
  #nextAtMs: number
  /** Both clocks when they were last seen to agree, or to differ. */
  #wallMs: number
  #monotonicMs: number
  /** Both clocks at the last measurement. */
  #measuredWallMs: number
  #measuredMonotonicMs: number
  #syncing: Promise<boolean> | null = null

  constructor(venue: Pick<Venue, 'serverTime'>, clock: AccountClock, events: VenueClockEvents) {
    this.#venue = venue
    this.#clock = clock
    this.#events = events
    this.#wallMs = clock.now()
    this.#monotonicMs = clock.monotonic()
    this.#measuredWallMs = this.#wallMs
    this.#measuredMonotonicMs = this.#monotonicMs
    this.#nextAtMs = this.#monotonicMs
  }

  /** What is added to our clock to have the venue's; 0 before the first measurement. */
  get offsetMs(): number {
    return this.#offsetMs
  }

  /** The venue's time, epoch ms: as it was last measured, and what has passed since on a clock that nobody sets. */
  now(): number {
    return Math.round(this.#measuredWallMs + this.#clock.monotonic() - this.#measuredMonotonicMs + this.#offsetMs)
  }

  /** Whether entries may rely on it. Looks at the clock: a jump is noticed by whoever asks first. */
  isTrusted(): boolean {
    this.#look()
    return this.#isSynced
  }

  /** The venue disputed our time: entries wait until it is measured. */
  distrust(): void {
    this.#isSynced = false
    this.#nextAtMs = this.#clock.monotonic()
  }

  /** Measures now; callers at the same time share one measurement. @returns whether it succeeded. Never rejects. */
  sync(): Promise<boolean> {
    this.#syncing ??= this.#measure().finally(() => {
      this.#syncing = null
    })
    return this.#syncing
  }

  /** Measures when due until the signal aborts, and watches the clock in between. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#look()
      if (this.#clock.monotonic() >= this.#nextAtMs) await this.sync()
      if (!signal.aborted) await this.#clock.sleep(WATCH_MS, signal).catch(() => {})
    }
  }

  #look(): void {
    const wallMs = this.#clock.now()
    const monotonicMs = this.#clock.monotonic()
    const jumpMs = wallMs - this.#wallMs - (monotonicMs - this.#monotonicMs)
    if (Math.abs(jumpMs) <= JUMP_MS) return
    this.#wallMs = wallMs
    this.#monotonicMs = monotonicMs
    this.#isSynced = false
    this.#nextAtMs = monotonicMs
    this.#events.onJump(jumpMs)
  }

  async #measure(): Promise<boolean> {
    this.#look()
    const samples: ClockSample[] = []
    let failure = ''
    for (let i = 0; i < SAMPLES; i += 1) {
      const wall0 = this.#clock.now()
      const monotonic0 = this.#clock.monotonic()
      const answer = await callOnce(() => this.#venue.serverTime(), SAMPLE_TIMEOUT_MS, this.#clock).catch((error: Error) => error)
      const roundTripMs = this.#clock.monotonic() - monotonic0
      const wall1 = this.#clock.now()
      if (answer instanceof Error) failure = answer.message
      else if (!Number.isFinite(answer)) failure = `the venue's time is not a number: ${answer}`
      else if (Math.abs(wall1 - wall0 - roundTripMs) > JUMP_MS) failure = 'our clock was set while it was measured'
      else samples.push({ ...clockSample(wall0, wall1, answer), roundTripMs })
    }
    const best = bestSample(samples)
    if (best === null) {
      this.#nextAtMs = this.#clock.monotonic() + RETRY_MS
      this.#events.onFailure(failure)
      return false
    }
    // A jump between the samples spoils those before it: it is seen here, and the next measurement decides.
    const untouched = this.#monotonicMs
    this.#look()
    if (this.#monotonicMs !== untouched) return false
    this.#offsetMs = best.offsetMs
    this.#isSynced = true
    this.#wallMs = this.#clock.now()
    this.#monotonicMs = this.#clock.monotonic()
    this.#measuredWallMs = this.#wallMs
    this.#measuredMonotonicMs = this.#monotonicMs
    this.#nextAtMs = this.#monotonicMs + EVERY_MS
    this.#events.onSync(best)
    return true
  }
}
