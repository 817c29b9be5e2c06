// Compound annual growth rate by calendar time, whether the bot traded on those days or not.

import { DAY_MS, DAYS_A_YEAR } from './equity-series.ts'

/** Under a month a yearly figure says more about the exponent than about the bot. */
const SHORTEST_DAYS = 30

/** ((end / start)^(365 / days) - 1) x 100 percent points; null under 30 days. Everything lost is -100. */
export function cagrPct(startEquity: number, endEquity: number, durationMs: number): number | null {
  const days = durationMs / DAY_MS
  if (days < SHORTEST_DAYS || !(startEquity > 0)) return null
  if (endEquity <= 0) return -100
  return ((endEquity / startEquity) ** (DAYS_A_YEAR / days) - 1) * 100
}
