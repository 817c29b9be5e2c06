// What a paper run reads: closed candles of its instruments, one tick per open time, in the order of time.

import type { Candle } from '../core/market/candles.ts'
import type { Timeframe } from '../core/market/timeframe.ts'

export interface FeedTick {
  /** Open time of the candles, epoch ms; they have closed. */
  readonly atMs: number
  /** By symbol; an instrument without a bar at this time is absent. */
  readonly candles: ReadonlyMap<string, Candle>
  /** Closed while nobody listened: fills are caught up, missed decisions are not made up. */
  readonly late: boolean
}

export interface Feed {
  readonly timeframe: Timeframe
  /** Symbols. */
  readonly instruments: readonly string[]
  /**
   * Ticks with atMs > afterMs; null begins with the first bar that has not closed yet (a replay: with its first bar).
   * The iteration ends when the data ends or after `stop`. A feed is started once.
   */
  start(afterMs: number | null): AsyncIterable<FeedTick>
  stop(): void
}
