// Young (1991): yearly growth for one percent of the deepest fall.

/** Both in percent points; null without a growth rate or without a fall. */
export function calmarRatio(growthPct: number | null, maxDrawdownPct: number): number | null {
  return growthPct !== null && maxDrawdownPct > 0 ? growthPct / maxDrawdownPct : null
}
