// The demo market as a feed. Its time passes with the wall clock, or up to sixty times as fast from the moment a run began; since its
// prices are a function of time, a restart continues the same path and first delivers what was missed.

import type { Candle } from '../core/market/candles.ts'
import { DEMO_END_MS, type DemoMarket } from '../core/market/demo-market.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { Clock } from './clock.ts'
import type { Feed, FeedTick } from './feed.ts'

const MINUTE = 60_000
export const DEMO_SPEED_MAX = 60
/** A bar that reaches its reader later than this after its close is late, whatever held it up (a sleeping laptop, a stopped process). */
const LATE_AFTER_MS = 60_000

/** How the demo market's time passes: at `wallMs` it was `marketMs`, and since then `speed` times as fast. Stored with the run. */
export interface DemoTime {
  readonly speed: number
  readonly wallMs: number
  readonly marketMs: number
}

/**
 * The time of a run that begins now. At speed 1 all runs share the wall's time; a faster one begins at the present minute, so that those
 * begun in one minute share theirs.
 * @throws RangeError for a speed that is not from 1 to 60.
 */
export function demoTime(speed: number, nowMs: number): DemoTime {
  if (!(speed >= 1 && speed <= DEMO_SPEED_MAX)) throw new RangeError(`speed is ${speed}: it must be from 1 to ${DEMO_SPEED_MAX}`)
  const minuteMs = speed === 1 ? 0 : Math.floor(nowMs / MINUTE) * MINUTE
  return { speed, wallMs: minuteMs, marketMs: minuteMs }
}

export function marketAt(time: DemoTime, wallMs: number): number {
  return time.marketMs + (wallMs - time.wallMs) * time.speed
}

export function wallAt(time: DemoTime, marketMs: number): number {
  return time.wallMs + (marketMs - time.marketMs) / time.speed
}

/** The beat of all feeds that share one time: each minute is waited for once and its bars are read once, however many bots listen. */
export class DemoPulse {
  readonly time: DemoTime
  readonly market: DemoMarket
  readonly #clock: Clock
  #waiting: { openMs: number; waiters: number; closed: Promise<void>; cancel: AbortController } | null = null
  #ticksAtMs = Number.NaN
  readonly #ticks = new Map<string, FeedTick>()

  constructor(market: DemoMarket, clock: Clock, time: DemoTime) {
    this.market = market
    this.time = time
    this.#clock = clock
  }

  marketNow(): number {
    return marketAt(this.time, this.#clock.now())
  }

  /** How long ago, by the wall, the bar that opened at `openMs` has closed. */
  behindMs(openMs: number): number {
    return this.#clock.now() - wallAt(this.time, openMs + MINUTE)
  }

  /** Resolves when the bar that opens at `openMs` has closed, or when `signal` is aborted. */
  async closed(openMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.marketNow() < openMs + MINUTE) {
      if (this.#waiting?.openMs !== openMs) {
        const cancel = new AbortController()
        const sleepMs = Math.ceil(wallAt(this.time, openMs + MINUTE) - this.#clock.now())
        // a cancelled sleep is no trouble: whoever waits looks at the clock again
        const closed = this.#clock.sleep(sleepMs, cancel.signal).catch((error: unknown) => {
          if (!cancel.signal.aborted) throw error
        })
        this.#waiting = { openMs, waiters: 0, closed, cancel }
      }
      const waiting = this.#waiting
      waiting.waiters += 1
      const stopped = new Promise<void>(resolve => {
        signal.addEventListener('abort', () => resolve(), { once: true, signal: waiting.cancel.signal })
      })
      await Promise.race([waiting.closed, stopped])
      waiting.waiters -= 1
      if (waiting.waiters === 0) {
        // nobody is left: no timer may keep the process alive, no listener the signal
        waiting.cancel.abort()
        if (this.#waiting === waiting) this.#waiting = null
      }
    }
  }

  /** The tick of one minute for a list of symbols, shared by all who ask for the same. */
  tick(symbols: readonly string[], openMs: number, late: boolean): FeedTick {
    if (this.#ticksAtMs !== openMs) {
      this.#ticks.clear()
      this.#ticksAtMs = openMs
    }
    const key = `${late} ${symbols.join(' ')}`
    let tick = this.#ticks.get(key)
    if (!tick) {
      const candles = new Map<string, Candle>()
      for (const symbol of symbols) {
        const candle = this.market.candle(symbol, openMs)
        if (candle) candles.set(symbol, candle)
      }
      tick = { atMs: openMs, candles, late }
      this.#ticks.set(key, tick)
    }
    return tick
  }
}

export class DemoFeed implements Feed {
  readonly timeframe: Timeframe = '1m'
  readonly instruments: readonly string[]
  readonly #pulse: DemoPulse
  readonly #onStop: () => void
  readonly #stop = new AbortController()

  /** @throws RangeError for a symbol the demo market does not list. */
  constructor(pulse: DemoPulse, symbols: readonly string[], onStop: () => void = () => {}) {
    for (const symbol of symbols) pulse.market.candle(symbol, 0)
    this.instruments = symbols
    this.#pulse = pulse
    this.#onStop = onStop
  }

  async *start(afterMs: number | null): AsyncGenerator<FeedTick, void, void> {
    const pulse = this.#pulse
    const { signal } = this.#stop
    const begunMs = pulse.marketNow()
    let openMs = afterMs === null ? Math.floor(begunMs / MINUTE) * MINUTE : Math.floor(afterMs / MINUTE) * MINUTE + MINUTE
    try {
      for (; openMs < DEMO_END_MS; openMs += MINUTE) {
        const missed = openMs + MINUTE <= begunMs
        if (!missed) await pulse.closed(openMs, signal)
        if (signal.aborted) return
        yield pulse.tick(this.instruments, openMs, missed || pulse.behindMs(openMs) > LATE_AFTER_MS)
        if (signal.aborted) return
      }
    } finally {
      this.stop()
    }
  }

  stop(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#onStop()
  }
}
