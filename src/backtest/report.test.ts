import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SMALL } from '../contract/dca-config.fixture.ts'
import { parseDcaConfig } from '../contract/dca-config.ts'
import { columnsFrom } from '../core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../core/market/instrument.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import { BooksBrokenError, checkBooks } from './book-check.ts'
import { backtestReport, reportJson } from './report.ts'
import { type BacktestOutcome, runBacktest } from './run-backtest.ts'

const HOUR = 3_600_000
const START = Date.UTC(2024, 0, 1)
const CAPITAL = Decimal.from(1000)
const VENUE = {
  fillPath: 'pessimistic',
  slippageBps: Decimal.from(5),
  impactBpsPerPctVolume: ZERO,
  volumeCapPct: Decimal.from(10),
} as const
const INSTRUMENT = instrumentFromRules(defaultRules('binance', 'BTC/USDT'))

function outcomeOf(closes: readonly number[]): BacktestOutcome {
  const parsed = parseDcaConfig(SMALL)
  assert.ok(parsed.ok)
  let open = closes[0]!
  const candles = closes.map((close, i) => {
    const candle = {
      openTimeMs: START + i * HOUR,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: 1e6,
    }
    open = close
    return candle
  })
  return runBacktest({
    config: parsed.config,
    instruments: new Map([['BTC/USDT', INSTRUMENT]]),
    candles: new Map([['BTC/USDT', columnsFrom(candles)]]),
    timeframe: '1h',
    capital: CAPITAL,
    venue: VENUE,
    skip: true,
  })
}

const reportOf = (outcome: BacktestOutcome) =>
  backtestReport({
    outcome,
    config: SMALL,
    capital: CAPITAL,
    instruments: [INSTRUMENT],
    venue: VENUE,
    skip: true,
    series: [],
    dataHash: 'x',
    gaps: [],
  })

test('a report is plain JSON: money as text, the pieces together the whole', () => {
  const report = reportOf(outcomeOf([100, 100, 98, 103, 104, 100, 97, 96, 101]))
  assert.ok(report.trades.length >= 2)
  assert.deepEqual(JSON.parse([...reportJson(report)].join('')), JSON.parse(JSON.stringify(report)))
  const [first] = report.trades
  assert.equal(first?.exitReason, 'take_profit')
  assert.equal(typeof first?.netPnl, 'string')
  assert.deepEqual(
    first?.orders.filter(order => order.status === 'filled').map(order => order.purpose),
    ['base', 'avg', 'tp'],
  )
  assert.equal(report.trades.at(-1)?.exitReason, 'end_of_data')
})

test('without a trade every ratio is null, not zero', () => {
  const parsed = reportOf(outcomeOf([100]))
  assert.equal(parsed.trades.length, 0)
  assert.equal(parsed.metrics.winRate, null)
  assert.equal(parsed.metrics.profitFactor, null)
  assert.equal(parsed.metrics.finalEquity, '1000')
})

test('books that do not close stop the run', () => {
  const { journal, state } = outcomeOf([100, 100, 98, 103, 104])
  const sums = checkBooks(journal, state, CAPITAL).sums
  assert.deepEqual(sums, { USDT: '0', BTC: '0' })
  const refused = (changed: Partial<typeof state>, capital: Decimal, message: RegExp) =>
    assert.throws(
      () => checkBooks(journal, { ...state, ...changed }, capital),
      (error: unknown) => error instanceof BooksBrokenError && error.exitCode === 5 && message.test(error.message),
    )
  refused({ free: state.free.plus(Decimal.from('0.00000001')) }, CAPITAL, /account bot_free holds/)
  refused({ reserved: Decimal.from(1) }, CAPITAL, /account bot_reserved holds 0/)
  refused({}, Decimal.from(999), /trades made .* net, equity changed by/)
})
