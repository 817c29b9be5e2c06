// The running figures of a paper run, small enough to be part of its saved state: equity's peak and deepest fall, the moments of daily
// returns, and sums over closed deals. They give what core/statistics computes over whole series.

import { Decimal } from '../core/money/decimal.ts'
import { DAYS_A_YEAR, sampleDay } from '../core/statistics/equity-series.ts'
import type { MetricsImage } from '../engine/commit-batch.ts'

export interface RunStatisticsState {
  peakEquity: number
  maxDrawdownPct: number
  lastEquity: number
  /** UTC day of lastEquity, and the equity the day before ended with. */
  day: number
  dayBase: number
  returns: number
  returnMean: number
  returnSquares: number
  wins: number
  losses: number
  breakEven: number
  winSum: string
  lossSum: string
  largestWin: string | null
  largestLoss: string | null
}

export class RunStatistics {
  readonly #initial: number
  #s: RunStatisticsState

  constructor(initialBalance: number, saved: RunStatisticsState | null) {
    this.#initial = initialBalance
    this.#s = saved
      ? { ...saved }
      : {
          peakEquity: initialBalance,
          maxDrawdownPct: 0,
          lastEquity: initialBalance,
          day: -1,
          dayBase: initialBalance,
          returns: 0,
          returnMean: 0,
          returnSquares: 0,
          wins: 0,
          losses: 0,
          breakEven: 0,
          winSum: '0',
          lossSum: '0',
          largestWin: null,
          largestLoss: null,
        }
  }

  get state(): RunStatisticsState {
    return { ...this.#s }
  }

  get maxDrawdownPct(): number {
    return this.#s.maxDrawdownPct
  }

  /** @returns how far this equity lies below the highest so far, positive percent. */
  sample(atMs: number, equity: number): number {
    const s = this.#s
    const day = sampleDay(atMs)
    // A day without a sample ends as the day before did: its return is 0.
    for (; s.day >= 0 && s.day < day; s.day += 1) {
      Object.assign(s, withReturn(s, dayReturn(s)))
      s.dayBase = s.lastEquity
    }
    s.day = day
    s.lastEquity = equity
    if (equity > s.peakEquity) s.peakEquity = equity
    const drawdown = s.peakEquity > 0 ? ((s.peakEquity - equity) / s.peakEquity) * 100 : 0
    if (drawdown > s.maxDrawdownPct) s.maxDrawdownPct = drawdown
    return drawdown
  }

  closed(netPnl: Decimal): void {
    const s = this.#s
    if (netPnl.isPositive()) {
      s.wins += 1
      s.winSum = Decimal.from(s.winSum).plus(netPnl).toString()
      if (s.largestWin === null || netPnl.gt(Decimal.from(s.largestWin))) s.largestWin = netPnl.toString()
    } else if (netPnl.isNegative()) {
      s.losses += 1
      s.lossSum = Decimal.from(s.lossSum).plus(netPnl).toString()
      if (s.largestLoss === null || netPnl.lt(Decimal.from(s.largestLoss))) s.largestLoss = netPnl.toString()
    } else {
      s.breakEven += 1
    }
  }

  /** Of all days so far, the one that is not over included: what core/statistics gives for the same samples. */
  sharpe(): number | null {
    const s = this.#s
    if (s.day < 0) return null
    const { returns, returnMean, returnSquares } = withReturn(s, dayReturn(s))
    if (returns < 2) return null
    const deviation = Math.sqrt(returnSquares / (returns - 1))
    return deviation > 0 ? (returnMean / deviation) * Math.sqrt(DAYS_A_YEAR) : null
  }

  metrics(): MetricsImage {
    const s = this.#s
    const total = s.wins + s.losses + s.breakEven
    const mean = (sum: string, n: number): string | null =>
      n === 0 ? null : Decimal.from(sum).dividedBy(Decimal.from(n), 18, 'half_even').toString()
    const lossSum = Decimal.from(s.lossSum)
    return {
      sharpeRatio: this.sharpe(),
      winRate: s.wins + s.losses === 0 ? null : (s.wins / (s.wins + s.losses)) * 100,
      profitFactor: lossSum.isZero() ? null : Decimal.from(s.winSum).toNumber() / -lossSum.toNumber(),
      maxDrawdown: s.maxDrawdownPct,
      totalReturn: this.#initial > 0 ? (s.lastEquity / this.#initial - 1) * 100 : null,
      avgWin: mean(s.winSum, s.wins),
      avgLoss: mean(s.lossSum, s.losses),
      largestWin: s.largestWin,
      largestLoss: s.largestLoss,
      totalTrades: total,
      winningTrades: s.wins,
      losingTrades: s.losses,
      extra: { breakEvenTrades: s.breakEven },
    }
  }
}

type Moments = Pick<RunStatisticsState, 'returns' | 'returnMean' | 'returnSquares'>

function dayReturn(s: RunStatisticsState): number {
  return s.dayBase > 0 ? s.lastEquity / s.dayBase - 1 : 0
}

/** One more return into count, mean and sum of squared deviations (Welford 1962). */
function withReturn(s: Moments, change: number): Moments {
  const returns = s.returns + 1
  const delta = change - s.returnMean
  const returnMean = s.returnMean + delta / returns
  return { returns, returnMean, returnSquares: s.returnSquares + delta * (change - returnMean) }
}
