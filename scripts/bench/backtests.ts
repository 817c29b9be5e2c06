// The backtests of the bench: what they trade, and how fast. Each is run several times in one process and the median counts.

import { runBacktest } from '../../src/backtest/run-backtest.ts'
import { parseDcaConfig } from '../../src/contract/dca-config.ts'
import type { CandleColumns } from '../../src/core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'

const BASE = {
  schemaVersion: 1,
  type: 'dca',
  name: 'bench',
  exchange: 'bench',
  pairs: ['BTC/USDT'],
  timeframe: '1m',
}

const indicator = (name: string, op: string, value: string, more: object = {}) => ({
  timeframe: '1m',
  lhs: { kind: 'indicator', name, ...more },
  op,
  rhs: { kind: 'const', value },
})

/** Always in the market: a base order, a ladder of three on the book one at a time, one target. */
export const BUSY = {
  ...BASE,
  baseOrder: { size: '300' },
  averaging: {
    rule: { type: 'ladder', stepPct: '0.7', stepScale: '1.2' },
    amount: { type: 'fixed', value: '300' },
    maxOrders: 3,
    activeOrdersCount: 1,
  },
  exits: { takeProfit: { targets: [{ profitPct: '0.9', sellPct: '100' }] }, stopLoss: { value: '1.6' } },
}

/** The same, seldom. */
export const SLEEPY = {
  ...BASE,
  baseOrder: { size: '300' },
  averaging: { rule: { type: 'ladder', stepPct: '3', stepScale: '1.5' }, amount: { type: 'fixed', value: '300' }, maxOrders: 3 },
  exits: { takeProfit: { targets: [{ profitPct: '4', sellPct: '100' }] } },
}

/** Five indicators decide when a deal starts. */
export const PLAYBOOK = {
  ...SLEEPY,
  entry: {
    mode: 'conditional',
    playbook: {
      items: [
        { id: 'rsi', condition: indicator('rsi', 'lt', '45') },
        { id: 'macd', condition: indicator('macd', 'lt', '0', { component: 'histogram' }) },
        { id: 'band', condition: indicator('bollinger', 'lt', '0.4', { component: 'percentB' }) },
        { id: 'cci', condition: indicator('cci', 'lt', '-50') },
        {
          id: 'trend',
          condition: {
            timeframe: '1m',
            lhs: { kind: 'price', field: 'close' },
            op: 'lt',
            rhs: { kind: 'indicator', name: 'ema', params: { period: 50 } },
          },
        },
      ],
    },
  },
  exits: { takeProfit: { targets: [{ profitPct: '1.2', sellPct: '100' }] } },
}

export interface Measured {
  readonly candles: number
  readonly orders: number
  readonly fills: number
  readonly deals: number
  readonly steps: number
  readonly wakeUps: number
  readonly ms: number
}

export function measureBacktest(input: unknown, columns: CandleColumns, skip = true): Measured {
  const parsed = parseDcaConfig(input)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.findings))
  const instrument = instrumentFromRules(defaultRules('bench', 'BTC/USDT'))
  const startedAtMs = performance.now()
  const outcome = runBacktest({
    config: parsed.config,
    instruments: new Map([['BTC/USDT', instrument]]),
    candles: new Map([['BTC/USDT', columns]]),
    timeframe: '1m',
    capital: Decimal.from(1_000_000),
    venue: { fillPath: 'pessimistic', slippageBps: Decimal.from(5), impactBpsPerPctVolume: ZERO, volumeCapPct: Decimal.from(10) },
    skip,
    samplesEquity: false,
  })
  const ms = performance.now() - startedAtMs
  let orders = 0
  let fills = 0
  for (const trade of outcome.journal.closedTrades()) {
    orders += outcome.journal.ordersOf(trade.tradeSeq).length
    fills += outcome.journal.fillsOf(trade.tradeSeq).length
  }
  return {
    candles: columns.length,
    orders,
    fills,
    deals: outcome.journal.closedTrades().length,
    steps: outcome.journal.steps,
    wakeUps: outcome.wakeUps,
    ms,
  }
}

/** What the machine can do at most: the loop over high and low that any backtest needs, alone. */
export function plainLoopMs(columns: CandleColumns): number {
  const { high, low, length } = columns
  const startedAtMs = performance.now()
  let hits = 0
  for (let i = 0; i < length; i += 1) if (low[i]! <= 1 || high[i]! >= 1e9) hits += 1
  const ms = performance.now() - startedAtMs
  if (hits > 0) throw new Error('the plain loop met a price that does not exist')
  return ms
}
