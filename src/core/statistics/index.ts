// All metrics of a run in one plain JSON object. Names are the columns of performance_metrics in camelCase and, beside them, the
// extras that its extra_metadata holds. Percentages are percent points; money is exact and therefore text; a figure that is not
// defined (nothing to divide by) is null, never 0.

import { ZERO } from '../money/decimal.ts'
import { averageLoss, averageWin, expectancy } from './average-outcome.ts'
import { cagrPct } from './cagr.ts'
import { calmarRatio } from './calmar-ratio.ts'
import { type ClosedTrade, countOutcomes } from './closed-trade.ts'
import { dailyReturns } from './daily-returns.ts'
import { tradeDurations } from './durations.ts'
import { type EquitySeries, lastEquity } from './equity-series.ts'
import { exposurePct } from './exposure.ts'
import { largestLoss, largestWin } from './largest-outcome.ts'
import { maxDrawdown } from './max-drawdown.ts'
import { profitFactor } from './profit-factor.ts'
import { sharpeRatio } from './sharpe-ratio.ts'
import { sortinoRatio } from './sortino-ratio.ts'
import { sqn } from './sqn.ts'
import { longestStreaks } from './streaks.ts'
import { totalReturn } from './total-return.ts'
import { winRate } from './win-rate.ts'

export type { ClosedTrade } from './closed-trade.ts'
export type { EquitySeries } from './equity-series.ts'

export interface MetricColumns {
  readonly sharpeRatio: number | null
  /** Percent points of decided trades. */
  readonly winRate: number | null
  readonly profitFactor: number | null
  /** Positive percent. */
  readonly maxDrawdown: number | null
  /** Percent points. */
  readonly totalReturn: number | null
  readonly avgWin: string | null
  /** Negative. */
  readonly avgLoss: string | null
  readonly largestWin: string | null
  /** Negative. */
  readonly largestLoss: string | null
  readonly totalTrades: number
  readonly winningTrades: number
  readonly losingTrades: number
}

export interface MetricExtras {
  readonly sortinoRatio: number | null
  readonly cagrPct: number | null
  readonly calmarRatio: number | null
  readonly sqn: number | null
  /** Net PnL of the mean trade, in quote. */
  readonly expectancy: string | null
  /** Sum over trades, in quote. */
  readonly netPnl: string
  /** Fees of both legs, in quote. */
  readonly fees: string
  readonly funding: string
  readonly breakEvenTrades: number
  readonly longestWinStreak: number
  readonly longestLossStreak: number
  /** Share of time with a trade open. */
  readonly exposurePct: number | null
  readonly avgDurationSec: number | null
  readonly medianDurationSec: number | null
  readonly maxDurationSec: number | null
  /** Days with a daily return. */
  readonly days: number
  /** Fewer than 30 trades: figures say little. */
  readonly lowSample: boolean
}

export type PerformanceMetrics = MetricColumns & MetricExtras

export interface PerformanceInput {
  /** Closed trades in any order; rows of partial exits do not belong here. */
  readonly trades: readonly ClosedTrade[]
  /** Sampled at bar closes. */
  readonly equity: EquitySeries
  /** In quote, > 0. */
  readonly initialBalance: number
  /** When the run began; the first equity sample's time where it is not given. */
  readonly startedAtMs?: number
}

const FEW_TRADES = 30

export function performanceMetrics(input: PerformanceInput): PerformanceMetrics {
  const { trades, equity, initialBalance } = input
  const outcomes = countOutcomes(trades)
  const returns = dailyReturns(equity, initialBalance)
  const end = lastEquity(equity)
  const samples = equity.atMs.length
  const fromMs = input.startedAtMs ?? equity.atMs[0] ?? 0
  const toMs = samples > 0 ? equity.atMs[samples - 1]! : fromMs
  const drawdown = end === null ? null : maxDrawdown(equity, initialBalance)
  const growth = end === null ? null : cagrPct(initialBalance, end, toMs - fromMs)
  const streaks = longestStreaks(trades)
  const durations = tradeDurations(trades)
  return {
    sharpeRatio: sharpeRatio(returns),
    winRate: winRate(outcomes),
    profitFactor: profitFactor(outcomes),
    maxDrawdown: drawdown,
    totalReturn: end === null ? null : totalReturn(end, initialBalance),
    avgWin: averageWin(outcomes)?.toString() ?? null,
    avgLoss: averageLoss(outcomes)?.toString() ?? null,
    largestWin: largestWin(trades)?.toString() ?? null,
    largestLoss: largestLoss(trades)?.toString() ?? null,
    totalTrades: outcomes.total,
    winningTrades: outcomes.wins,
    losingTrades: outcomes.losses,
    sortinoRatio: sortinoRatio(returns),
    cagrPct: growth,
    calmarRatio: drawdown === null ? null : calmarRatio(growth, drawdown),
    sqn: sqn(trades),
    expectancy: expectancy(outcomes)?.toString() ?? null,
    netPnl: outcomes.won.plus(outcomes.lost).toString(),
    fees: trades.reduce((sum, trade) => sum.plus(trade.fees ?? ZERO), ZERO).toString(),
    funding: trades.reduce((sum, trade) => sum.plus(trade.funding ?? ZERO), ZERO).toString(),
    breakEvenTrades: outcomes.breakEven,
    longestWinStreak: streaks.wins,
    longestLossStreak: streaks.losses,
    exposurePct: exposurePct(trades, fromMs, toMs),
    avgDurationSec: durations.avgSec,
    medianDurationSec: durations.medianSec,
    maxDurationSec: durations.maxSec,
    days: returns.length,
    lowSample: outcomes.total < FEW_TRADES,
  }
}
