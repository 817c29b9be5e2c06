// The best and the worst single trade.

import type { Decimal } from '../money/decimal.ts'
import type { ClosedTrade } from './closed-trade.ts'

/** In quote, > 0; null without wins. */
export function largestWin(trades: readonly ClosedTrade[]): Decimal | null {
  let largest: Decimal | null = null
  for (const { netPnl } of trades) if (netPnl.isPositive() && (largest === null || netPnl.gt(largest))) largest = netPnl
  return largest
}

/** In quote, < 0; null without losses. */
export function largestLoss(trades: readonly ClosedTrade[]): Decimal | null {
  let largest: Decimal | null = null
  for (const { netPnl } of trades) if (netPnl.isNegative() && (largest === null || netPnl.lt(largest))) largest = netPnl
  return largest
}
