// Stored candles as a feed: the series of several instruments, merged by time, as fast as they are read or so many per second.

import { type Candle, type CandleColumns, candleAt, firstIndexAtOrAfter } from '../core/market/candles.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { Clock } from './clock.ts'
import type { Feed, FeedTick } from './feed.ts'

export interface ReplayOptions {
  readonly timeframe: Timeframe
  /** Columns of that timeframe by symbol. */
  readonly series: ReadonlyMap<string, CandleColumns>
  /** Ticks per second, or as fast as they are read. */
  readonly speed: number | 'max'
  readonly clock: Clock
}

export class ReplayFeed implements Feed {
  readonly timeframe: Timeframe
  readonly instruments: readonly string[]
  readonly #series: readonly CandleColumns[]
  readonly #everyMs: number
  readonly #clock: Clock
  readonly #stop = new AbortController()

  /** @throws RangeError for a speed that is not above 0. */
  constructor(options: ReplayOptions) {
    const { speed } = options
    if (speed !== 'max' && !(speed > 0)) throw new RangeError(`speed is ${speed}: it must be candles per second above 0, or max`)
    this.timeframe = options.timeframe
    this.instruments = [...options.series.keys()]
    this.#series = [...options.series.values()]
    this.#everyMs = speed === 'max' ? 0 : 1000 / speed
    this.#clock = options.clock
  }

  async *start(afterMs: number | null): AsyncGenerator<FeedTick, void, void> {
    const series = this.#series
    const { signal } = this.#stop
    const next = series.map(columns => (afterMs === null ? 0 : firstIndexAtOrAfter(columns, afterMs + 1)))
    let dueMs = this.#clock.now()
    while (!signal.aborted) {
      let atMs = Number.POSITIVE_INFINITY
      for (let k = 0; k < series.length; k += 1) {
        const columns = series[k]!
        if (next[k]! < columns.length) atMs = Math.min(atMs, columns.openTimeMs[next[k]!]!)
      }
      if (atMs === Number.POSITIVE_INFINITY) return
      if (this.#everyMs > 0) {
        const aheadMs = dueMs - this.#clock.now()
        // timers are a millisecond or more coarse: at hundreds of candles a second, short naps are saved up
        if (aheadMs >= 4) await this.#nap(aheadMs)
        if (signal.aborted) return
        // a reader that paused is not flooded afterwards
        dueMs = Math.max(dueMs, this.#clock.now() - 100) + this.#everyMs
      }
      const candles = new Map<string, Candle>()
      for (let k = 0; k < series.length; k += 1) {
        const columns = series[k]!
        const i = next[k]!
        if (i < columns.length && columns.openTimeMs[i] === atMs) {
          candles.set(this.instruments[k]!, candleAt(columns, i))
          next[k] = i + 1
        }
      }
      yield { atMs, candles, late: false }
    }
  }

  async #nap(ms: number): Promise<void> {
    const { signal } = this.#stop
    try {
      await this.#clock.sleep(ms, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  stop(): void {
    this.#stop.abort()
  }
}
