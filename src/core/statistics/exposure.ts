// The share of a run's time with at least one trade open; trades that overlap count once.

import type { ClosedTrade } from './closed-trade.ts'

/** Percent points of [fromMs, toMs]; null for an empty span. */
export function exposurePct(trades: readonly ClosedTrade[], fromMs: number, toMs: number): number | null {
  if (!(toMs > fromMs)) return null
  let openMs = 0
  let coveredTo = fromMs
  for (const trade of [...trades].sort((a, b) => a.openedAtMs - b.openedAtMs)) {
    const from = Math.max(trade.openedAtMs, coveredTo)
    const to = Math.min(trade.closedAtMs, toMs)
    if (to <= from) continue
    openMs += to - from
    coveredTo = to
  }
  return (openMs / (toMs - fromMs)) * 100
}
