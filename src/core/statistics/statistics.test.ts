import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import { cagrPct } from './cagr.ts'
import { calmarRatio } from './calmar-ratio.ts'
import { type ClosedTrade, countOutcomes } from './closed-trade.ts'
import { dailyReturns } from './daily-returns.ts'
import { tradeDurations } from './durations.ts'
import { DAY_MS, type EquitySeries } from './equity-series.ts'
import { exposurePct } from './exposure.ts'
import { performanceMetrics } from './index.ts'
import { maxDrawdown } from './max-drawdown.ts'
import { profitFactor } from './profit-factor.ts'
import { sharpeRatio } from './sharpe-ratio.ts'
import { sortinoRatio } from './sortino-ratio.ts'
import { sqn } from './sqn.ts'
import { longestStreaks } from './streaks.ts'
import { totalReturn } from './total-return.ts'
import { winRate } from './win-rate.ts'

const HOUR_MS = 3_600_000

function trades(...nets: (string | number)[]): ClosedTrade[] {
  return nets.map((net, i) => ({ netPnl: Decimal.from(net), openedAtMs: i * HOUR_MS, closedAtMs: i * HOUR_MS + HOUR_MS / 2 }))
}

function series(samples: readonly (readonly [atMs: number, value: number])[]): EquitySeries {
  return { atMs: Float64Array.from(samples, s => s[0]), value: Float64Array.from(samples, s => s[1]) }
}

/** One sample a day, at its end. */
function daily(...values: number[]): EquitySeries {
  return series(values.map((value, i) => [(i + 1) * DAY_MS, value]))
}

function near(actual: number | null, expected: number, places: number): void {
  assert.notEqual(actual, null)
  assert.equal(actual!.toFixed(places), expected.toFixed(places))
}

// The textbook's two passes, for comparison with what the files compute in one.
function plainRatios(returns: readonly number[]): { sharpe: number; sortino: number } {
  const mean = returns.reduce((a, b) => a + b) / returns.length
  const variance = returns.reduce((sum, r) => sum + (r - mean) * (r - mean), 0) / (returns.length - 1)
  const downside = returns.filter(r => r < 0).reduce((sum, r) => sum + r * r, 0) / returns.length
  return { sharpe: (mean * Math.sqrt(365)) / Math.sqrt(variance), sortino: (mean * Math.sqrt(365)) / Math.sqrt(downside) }
}

describe('worked examples', () => {
  test('net 100, -50, 30, 0, -20 on 1000', () => {
    const metrics = performanceMetrics({
      trades: trades(100, -50, 30, 0, -20),
      equity: daily(1100, 1050, 1080, 1080, 1060),
      initialBalance: 1000,
    })
    assert.equal(metrics.totalTrades, 5)
    assert.equal(metrics.winningTrades, 2)
    assert.equal(metrics.losingTrades, 2)
    assert.equal(metrics.breakEvenTrades, 1)
    assert.equal(metrics.winRate, 50)
    near(metrics.profitFactor, 1.857143, 6)
    assert.equal(metrics.avgWin, '65')
    assert.equal(metrics.avgLoss, '-35')
    assert.equal(metrics.largestWin, '100')
    assert.equal(metrics.largestLoss, '-50')
    near(metrics.maxDrawdown, 4.545455, 6)
    near(metrics.totalReturn, 6, 9)
    assert.equal(metrics.netPnl, '60')
    assert.equal(metrics.expectancy, '12')
    assert.equal(metrics.lowSample, true)
  })

  test('daily equity 1000, 1010, 1000, 1020, 1015, 1040', () => {
    const equity = daily(1010, 1000, 1020, 1015, 1040)
    const returns = dailyReturns(equity, 1000)
    near(sharpeRatio(returns), 10.0813, 4)
    near(sortinoRatio(returns), 30.8007, 4)
    near(maxDrawdown(equity, 1000), 0.9901, 4)
  })

  test('net 12, -5, 0, 8, -4', () => {
    const five = trades(12, -5, 0, 8, -4)
    assert.equal(winRate(countOutcomes(five)), 50)
    near(profitFactor(countOutcomes(five)), 2.2222, 4)
    near(sqn(five), 0.6562, 4)
  })

  test('+10 % in 182.5 days is 21 % a year', () => {
    near(cagrPct(1000, 1100, 182.5 * DAY_MS), 21, 9)
  })
})

describe('trades', () => {
  test('a win is net of fees: zero is neither win nor loss', () => {
    const { won, lost, ...counts } = countOutcomes(trades('0', '0.000000000000000001', '-0.000000000000000001'))
    assert.deepEqual(counts, { total: 3, wins: 1, losses: 1, breakEven: 1 })
    assert.equal(won.toString(), '0.000000000000000001')
    assert.equal(lost.toString(), '-0.000000000000000001')
  })

  test('sums stay exact where floats would not', () => {
    const metrics = performanceMetrics({ trades: trades('0.1', '0.2'), equity: daily(), initialBalance: 1 })
    assert.equal(metrics.netPnl, '0.3')
    assert.equal(metrics.expectancy, '0.15')
  })

  test('a profit factor needs losses, a win rate a decision', () => {
    assert.equal(profitFactor(countOutcomes(trades(5, 7))), null)
    assert.equal(profitFactor(countOutcomes(trades(-5))), 0)
    assert.equal(winRate(countOutcomes(trades(0, 0))), null)
    assert.equal(winRate(countOutcomes(trades(-1))), 0)
  })

  test('rows of wins and losses go by closing time and ignore break-even', () => {
    const [a, b, c, d, e] = trades(1, 0, 1, -1, 1)
    assert.deepEqual(longestStreaks([e!, a!, d!, b!, c!]), { wins: 2, losses: 1 })
    assert.deepEqual(longestStreaks(trades(-1, -1, 0, -1)), { wins: 0, losses: 3 })
    assert.deepEqual(longestStreaks([]), { wins: 0, losses: 0 })
  })

  test('durations', () => {
    const held = (sec: number): ClosedTrade => ({ netPnl: Decimal.from(1), openedAtMs: 5000, closedAtMs: 5000 + sec * 1000 })
    assert.deepEqual(tradeDurations([held(60), held(10), held(50)]), { avgSec: 40, medianSec: 50, maxSec: 60 })
    assert.deepEqual(tradeDurations([held(60), held(10)]), { avgSec: 35, medianSec: 35, maxSec: 60 })
    assert.deepEqual(tradeDurations([]), { avgSec: null, medianSec: null, maxSec: null })
  })

  test('exposure counts overlapping trades once and only what lies in the run', () => {
    const held = (openedAtMs: number, closedAtMs: number): ClosedTrade => ({ netPnl: Decimal.from(1), openedAtMs, closedAtMs })
    assert.equal(exposurePct([held(10, 30), held(20, 40), held(25, 26)], 0, 100), 30)
    assert.equal(exposurePct([held(60, 70), held(0, 10)], 0, 100), 20)
    assert.equal(exposurePct([held(0, 50), held(90, 200)], 40, 100), (20 / 60) * 100)
    assert.equal(exposurePct([], 0, 100), 0)
    assert.equal(exposurePct([], 5, 5), null)
  })

  test('SQN needs two trades that differ', () => {
    assert.equal(sqn(trades(5)), null)
    assert.equal(sqn(trades('0.1', '0.1', '0.1')), null)
  })
})

describe('equity', () => {
  test('the drawdown starts at the initial balance and sees unrealised losses between closed trades', () => {
    assert.equal(maxDrawdown(daily(990, 995), 1000), 1)
    assert.equal(maxDrawdown(daily(1100, 880, 1200, 1080), 1000), 20)
    assert.equal(maxDrawdown(daily(1000, 1000, 1001), 1000), 0)
    assert.equal(maxDrawdown(daily(), 1000), 0)
  })

  test('the last sample of each UTC day counts; a close at midnight ends the day before', () => {
    const equity = series([
      [HOUR_MS, 1010],
      [DAY_MS, 1100],
      [DAY_MS + 1, 2000],
      [2 * DAY_MS - 1, 990],
    ])
    assert.deepEqual([...dailyReturns(equity, 1000)], [1100 / 1000 - 1, 990 / 1100 - 1])
  })

  test('a day without samples returned nothing', () => {
    const weekly = series([
      [DAY_MS, 1000],
      [8 * DAY_MS, 1070],
    ])
    const returns = dailyReturns(weekly, 1000)
    assert.equal(returns.length, 8)
    assert.deepEqual([...returns.subarray(0, 7)], [0, 0, 0, 0, 0, 0, 0])
    near(returns[7]!, 0.07, 12)
  })

  test('nothing is earned on nothing: the series ends where equity is gone', () => {
    assert.deepEqual([...dailyReturns(daily(500, 0, 100), 1000)], [-0.5, -1])
    assert.deepEqual([...dailyReturns(daily(), 1000)], [])
  })

  test('property: daily returns compound to the total return', () => {
    const anyEquity = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 * DAY_MS }), fc.integer({ min: 1, max: 1e6 })), {
      minLength: 1,
      maxLength: 60,
    })
    fc.assert(
      fc.property(anyEquity, fc.integer({ min: 1, max: 1e6 }), (samples, initial) => {
        const equity = series([...samples].sort((a, b) => a[0] - b[0]))
        const compounded = dailyReturns(equity, initial).reduce((product, r) => product * (1 + r), 1)
        const total = totalReturn(equity.value[equity.value.length - 1]!, initial)! / 100 + 1
        assert.ok(Math.abs(compounded / total - 1) < 1e-9, `${compounded} against ${total}`)
      }),
    )
  })

  test('property: Sharpe and Sortino agree with two-pass sums', () => {
    const someReturns = fc.array(fc.integer({ min: -900, max: 900 }), { minLength: 2, maxLength: 400 })
    fc.assert(
      fc.property(someReturns, raw => {
        const returns = raw.map(each => each / 10_000)
        fc.pre(new Set(returns).size > 1 && returns.some(r => r < 0))
        const plain = plainRatios(returns)
        assert.ok(Math.abs(sharpeRatio(returns)! - plain.sharpe) < 1e-9 * Math.max(1, Math.abs(plain.sharpe)))
        assert.ok(Math.abs(sortinoRatio(returns)! - plain.sortino) < 1e-9 * Math.max(1, Math.abs(plain.sortino)))
      }),
    )
  })

  test('without risk there is no ratio', () => {
    assert.equal(sharpeRatio([0.01]), null)
    assert.equal(sharpeRatio([0.01, 0.01, 0.01]), null)
    // The same percent each day, off by a last bit here and there.
    assert.equal(sharpeRatio(dailyReturns(daily(1010, 1020.1, 1030.301, 1040.60401), 1000)), null)
    assert.equal(sortinoRatio([0.01, 0.02]), null)
    assert.equal(sortinoRatio([]), null)
  })

  test('growth a year: by the calendar, not under thirty days, and all lost is -100', () => {
    near(cagrPct(1000, 2000, 730 * DAY_MS), (Math.sqrt(2) - 1) * 100, 9)
    near(cagrPct(1000, 500, 365 * DAY_MS), -50, 9)
    assert.equal(cagrPct(1000, 2000, 29.9 * DAY_MS), null)
    near(cagrPct(1000, 1001, 30 * DAY_MS), (Math.exp((365 / 30) * Math.log(1.001)) - 1) * 100, 9)
    assert.equal(cagrPct(1000, 0, 365 * DAY_MS), -100)
  })

  test('Calmar needs growth and a fall', () => {
    assert.equal(calmarRatio(20, 10), 2)
    assert.equal(calmarRatio(null, 10), null)
    assert.equal(calmarRatio(20, 0), null)
  })

  test('a year of daily equity, each figure once more by hand', () => {
    const values = Array.from({ length: 365 }, (_, i) => 1000 + i + 40 * Math.sin(i / 9))
    const metrics = performanceMetrics({ trades: [], equity: daily(...values), initialBalance: 1000, startedAtMs: 0 })
    const returns = values.map((value, i) => value / (i === 0 ? 1000 : values[i - 1]!) - 1)
    const plain = plainRatios(returns)
    near(metrics.sharpeRatio, plain.sharpe, 9)
    near(metrics.sortinoRatio, plain.sortino, 9)
    near(metrics.cagrPct, (values[364]! / 1000 - 1) * 100, 9)
    const falls = values.map((value, i) => 1 - value / Math.max(1000, ...values.slice(0, i + 1)))
    near(metrics.maxDrawdown, Math.max(...falls) * 100, 9)
    near(metrics.calmarRatio, metrics.cagrPct! / metrics.maxDrawdown!, 12)
    assert.equal(metrics.days, 365)
  })
})

test('the result is plain JSON: numbers that are finite, money as text, null where nothing is defined', () => {
  const empty = performanceMetrics({ trades: [], equity: daily(), initialBalance: 1000 })
  assert.deepEqual(JSON.parse(JSON.stringify(empty)), empty)
  for (const name of ['sharpeRatio', 'winRate', 'profitFactor', 'maxDrawdown', 'totalReturn', 'avgWin', 'cagrPct'] as const) {
    assert.equal(empty[name], null, name)
  }
  const full = performanceMetrics({
    trades: [{ ...trades(-3)[0]!, fees: Decimal.from('0.1'), funding: Decimal.from('-0.02') }],
    equity: daily(997),
    initialBalance: 1000,
  })
  assert.deepEqual(JSON.parse(JSON.stringify(full)), full)
  assert.equal(full.fees, '0.1')
  assert.equal(full.funding, '-0.02')
})
