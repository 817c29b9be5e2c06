// Returns from the end of one UTC day to the end of the next: what Sharpe and Sortino are made of. A day without a sample ends as
// the day before did: its return is 0. So a bot on weekly bars is not taken for one that makes a week's return every day.

import { DAY_MS, type EquitySeries, sampleDay } from './equity-series.ts'

/**
 * One return a day, as a fraction (0.01 = 1 %). The first day starts from the initial balance, so that the returns compound to the
 * total return. Equity at or below zero ends the series: there is nothing left to earn a return on.
 */
export function dailyReturns(equity: EquitySeries, initialBalance: number): Float64Array {
  const { atMs, value } = equity
  if (atMs.length === 0) return new Float64Array(0)
  const firstDay = sampleDay(atMs[0]!)
  const returns = new Float64Array(sampleDay(atMs[atMs.length - 1]!) - firstDay + 1)
  let former = initialBalance
  let i = 0
  for (let day = 0; day < returns.length; day += 1) {
    if (!(former > 0)) return returns.subarray(0, day)
    const endMs = (firstDay + day + 1) * DAY_MS
    let last = former
    while (i < atMs.length && atMs[i]! <= endMs) {
      last = value[i]!
      i += 1
    }
    returns[day] = last / former - 1
    former = last
  }
  return returns
}
