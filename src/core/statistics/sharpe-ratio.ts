// Sharpe (1966): mean return for one unit of deviation, risk-free rate 0, scaled from days to a year of 365.

import { DAYS_A_YEAR } from './equity-series.ts'
import { moments } from './moments.ts'

/** mean / stdev(n - 1) x sqrt(365) of daily returns; null with fewer than two or without deviation. */
export function sharpeRatio(returns: ArrayLike<number>): number | null {
  const { mean, deviation } = moments(returns)
  return deviation > 0 ? (mean / deviation) * Math.sqrt(DAYS_A_YEAR) : null
}
