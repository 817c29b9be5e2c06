// The deepest fall of equity from its highest point so far, unrealised losses included (decisions.md, semantics 15).

import type { EquitySeries } from './equity-series.ts'

/** Positive percent of the peak; 0 where equity never fell. The initial balance is the first peak. */
export function maxDrawdown(equity: EquitySeries, initialBalance: number): number {
  let peak = initialBalance
  let deepest = 0
  for (const value of equity.value) {
    if (value > peak) peak = value
    else if (peak > 0 && (peak - value) / peak > deepest) deepest = (peak - value) / peak
  }
  return deepest * 100
}
