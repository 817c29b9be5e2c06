// A bot that trades often, candles for it, and what a backtest of both comes to: what the tests of killed and stopped processes compare
// their runs with.

import { join } from 'node:path'
import { runBacktest } from '../../src/backtest/run-backtest.ts'
import { parseDcaConfig } from '../../src/contract/dca-config.ts'
import { type CandleColumns, sliceColumns } from '../../src/core/market/candles.ts'
import { createDemoMarket, DEMO_SEED } from '../../src/core/market/demo-market.ts'
import { defaultRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { readCandleFile } from '../../src/market-data/import/read-candle-file.ts'

export const CAPITAL = '10000'

/** A venue that is slow, refuses and cuts executions in two: drawn from each order's own name, so that every run meets the same. */
export const TROUBLED_VENUE = {
  latencyMs: { min: 0, max: 2 },
  cancelLatencyMs: { min: 0, max: 2 },
  rejectProb: 0.02,
  partialProb: 0.2,
} as const

export const CONFIG = {
  schemaVersion: 1,
  type: 'dca',
  name: 'killed',
  exchange: 'binance',
  pairs: ['BTC/USDT'],
  timeframe: '1h',
  baseOrder: { size: '100' },
  entry: {
    mode: 'conditional',
    playbook: {
      items: [
        {
          id: 'dip',
          condition: {
            timeframe: '1h',
            lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } },
            op: 'lt',
            rhs: { kind: 'const', value: '35' },
          },
        },
      ],
    },
  },
  averaging: {
    rule: { type: 'ladder', stepPct: '1.2', stepScale: '1.2' },
    amount: { type: 'fixed', value: '100' },
    volumeScale: '1.3',
    maxOrders: 5,
    activeOrdersCount: 2,
  },
  exits: {
    takeProfit: {
      targets: [
        { profitPct: '1', sellPct: '40' },
        { profitPct: '2.5', sellPct: '60' },
      ],
      placement: 'resting',
    },
    stopLoss: { type: 'pct', value: '14', trailing: true, breakEvenAfterTarget: 1 },
  },
}

/** @param bars how many of the newest. */
export async function tradedCandles(bars: number): Promise<CandleColumns> {
  const folder = process.env['EVENKEEL_TEST_DATA']
  if (folder) {
    const { columns } = await readCandleFile(join(folder, 'binance-BTC_USDT-1h-2017-2024.csv.gz'))
    return sliceColumns(columns, columns.length - bars, columns.length)
  }
  const toMs = Date.UTC(2026, 0, 1)
  return createDemoMarket(DEMO_SEED).candles('BTC/USDT', toMs - bars * 3_600_000, toMs, '1h')
}

/** What the run must come to. */
export function expectedResult(
  columns: CandleColumns,
  isTroubled = false,
): { readonly tradesHash: string; readonly closedTrades: number } {
  const parsed = parseDcaConfig(CONFIG)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed))
  const instrument = instrumentFromRules(defaultRules('binance', 'BTC/USDT'))
  const backtest = runBacktest({
    config: parsed.config,
    instruments: new Map([['BTC/USDT', instrument]]),
    candles: new Map([['BTC/USDT', columns]]),
    timeframe: '1h',
    capital: Decimal.from(CAPITAL),
    venue: {
      fillPath: 'pessimistic',
      slippageBps: Decimal.from('5'),
      impactBpsPerPctVolume: ZERO,
      volumeCapPct: Decimal.from('10'),
      ...(isTroubled
        ? {
            latency: { minMs: TROUBLED_VENUE.latencyMs.min, maxMs: TROUBLED_VENUE.latencyMs.max },
            cancelLatency: { minMs: TROUBLED_VENUE.cancelLatencyMs.min, maxMs: TROUBLED_VENUE.cancelLatencyMs.max },
            rejectProb: TROUBLED_VENUE.rejectProb,
            partialProb: TROUBLED_VENUE.partialProb,
          }
        : {}),
    },
    skip: true,
  })
  return { tradesHash: backtest.tradesHash, closedTrades: backtest.journal.closedTrades().length }
}
