// Cost grows with the input, not faster: twice the candles are twice the work, give or take what a shared machine adds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BacktestOutcome, runBacktest } from '../../src/backtest/run-backtest.ts'
import { parseDcaConfig } from '../../src/contract/dca-config.ts'
import { allocateColumns, type CandleColumns, sliceColumns } from '../../src/core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { randomStream } from './random-bot.ts'

const MINUTE = 60_000

function walk(length: number): CandleColumns {
  const columns = allocateColumns(length)
  const random = randomStream(11)
  const onTick = (price: number): number => Math.round(price * 100) / 100
  let price = 1000
  for (let i = 0; i < length; i += 1) {
    const close = onTick(price * (1 + (1000 - price) / 400000 + (random() - 0.5) * 0.004))
    columns.openTimeMs[i] = Date.UTC(2024, 0, 1) + i * MINUTE
    columns.open[i] = price
    columns.high[i] = onTick(Math.max(price, close) * 1.0002)
    columns.low[i] = onTick(Math.min(price, close) * 0.9998)
    columns.close[i] = close
    columns.volume[i] = 500
    price = close
  }
  return columns
}

const BOT = {
  schemaVersion: 1,
  type: 'dca',
  name: 'busy',
  exchange: 'test',
  pairs: ['AAA/USDT'],
  timeframe: '1m',
  baseOrder: { size: '100' },
  averaging: { rule: { type: 'ladder', stepPct: '0.5' }, amount: { type: 'fixed', value: '100' }, maxOrders: 3 },
  exits: {
    takeProfit: { targets: [{ profitPct: '0.6', sellPct: '100' }], placement: 'virtual' },
    stopLoss: { value: '2', trailing: true },
  },
}

function timed(columns: CandleColumns, skip: boolean): { ms: number; outcome: BacktestOutcome } {
  const parsed = parseDcaConfig(BOT)
  assert.ok(parsed.ok)
  // CPU time: other processes on a shared machine do not count.
  const before = process.cpuUsage()
  const outcome = runBacktest({
    config: parsed.config,
    instruments: new Map([['AAA/USDT', instrumentFromRules(defaultRules('test', 'AAA/USDT'))]]),
    candles: new Map([['AAA/USDT', columns]]),
    timeframe: '1m',
    capital: Decimal.from(1_000_000),
    venue: { fillPath: 'pessimistic', slippageBps: Decimal.from(5), impactBpsPerPctVolume: ZERO, volumeCapPct: Decimal.from(10) },
    skip,
  })
  const { user, system } = process.cpuUsage(before)
  return { ms: (user + system) / 1000, outcome }
}

for (const skip of [true, false]) {
  test(`twice the candles, about twice the work, ${skip ? 'skipping' : 'stepping'}`, () => {
    const all = walk(skip ? 120_000 : 40_000)
    const half = sliceColumns(all, 0, all.length / 2)
    timed(half, skip)
    const best = (columns: CandleColumns): number => Math.min(...[1, 2, 3, 4, 5].map(() => timed(columns, skip).ms))
    let ratio = best(all) / best(half)
    for (let attempt = 1; attempt < 3 && ratio >= 3.3; attempt += 1) ratio = Math.min(ratio, best(all) / best(half))
    // quadratic work would be 4
    assert.ok(ratio < 3.3, `twice the candles took ${ratio.toFixed(2)} times as long`)
    const [small, large] = [timed(half, skip).outcome, timed(all, skip).outcome]
    const steps = large.journal.steps / small.journal.steps
    assert.ok(steps > 1.5 && steps < 2.5, `${small.journal.steps} steps became ${large.journal.steps}`)
    assert.ok(large.journal.closedTrades().length > 100)
  })
}
