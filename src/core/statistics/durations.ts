// How long trades were held, first fill to flat.

import type { ClosedTrade } from './closed-trade.ts'

export interface Durations {
  /** Seconds; null without trades. */
  readonly avgSec: number | null
  /** The middle one; of an even count the mean of the two in the middle. */
  readonly medianSec: number | null
  readonly maxSec: number | null
}

export function tradeDurations(trades: readonly ClosedTrade[]): Durations {
  if (trades.length === 0) return { avgSec: null, medianSec: null, maxSec: null }
  const seconds = trades.map(trade => (trade.closedAtMs - trade.openedAtMs) / 1000).sort((a, b) => a - b)
  const middle = seconds.length >> 1
  return {
    avgSec: seconds.reduce((sum, each) => sum + each, 0) / seconds.length,
    medianSec: seconds.length % 2 === 1 ? seconds[middle]! : (seconds[middle - 1]! + seconds[middle]!) / 2,
    maxSec: seconds[seconds.length - 1]!,
  }
}
