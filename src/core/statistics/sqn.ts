// System quality number (Tharp): how far the mean trade stands out of the noise between trades.

import type { ClosedTrade } from './closed-trade.ts'
import { moments } from './moments.ts'

/** sqrt(n) x mean / stdev(n - 1) of net PnLs; null with fewer than two trades or without deviation. */
export function sqn(trades: readonly ClosedTrade[]): number | null {
  const { count, mean, deviation } = moments(trades.map(trade => trade.netPnl.toNumber()))
  return deviation > 0 ? (Math.sqrt(count) * mean) / deviation : null
}
