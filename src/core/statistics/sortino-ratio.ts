// Sortino and Price (1994): like Sharpe, but only falls count as risk. Target return 0.

import { DAYS_A_YEAR } from './equity-series.ts'
import { moments } from './moments.ts'

/** mean / sqrt(mean(min(0, r)^2)) x sqrt(365) of daily returns, the mean over all days; null where no day lost. */
export function sortinoRatio(returns: ArrayLike<number>): number | null {
  let squares = 0
  for (let i = 0; i < returns.length; i += 1) squares += Math.min(0, returns[i]!) ** 2
  return squares > 0 ? (moments(returns).mean / Math.sqrt(squares / returns.length)) * Math.sqrt(DAYS_A_YEAR) : null
}
