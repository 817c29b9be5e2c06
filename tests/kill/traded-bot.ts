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
export function expectedResult(columns: CandleColumns): { readonly tradesHash: string; readonly closedTrades: number } {
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
    },
    skip: true,
  })
  return { tradesHash: backtest.tradesHash, closedTrades: backtest.journal.closedTrades().length }
}
