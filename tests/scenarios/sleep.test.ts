import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seriesKey } from '../../src/core/conditions/series-node.ts'
import { columnsFrom } from '../../src/core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { seriesLookup } from '../../src/engine/candle-series.ts'
import { ColumnRun } from '../../src/engine/column-run.ts'
import type { BotMachine } from '../../src/engine/machine.ts'
import { SimulatedRun } from '../../src/engine/simulated-run.ts'
import { START_MS } from './story.ts'

const HOUR_MS = 3_600_000
const SYMBOL = 'BTC/USDT'

/** A machine that waits for one price and does nothing else. */
function waiter(price: string, touchedAt: number[]): BotMachine<{ done: boolean }> {
  return {
    initialState: () => ({ done: false }),
    step(state, event) {
      if (event.kind === 'price_touched') touchedAt.push(event.price.toNumber())
      return {
        state: { done: state.done || event.kind === 'price_touched' },
        commands: [],
        decisions: [],
        changes: { orders: [], fills: [], transfers: [], trades: [], events: [], endedDeals: false },
      }
    },
    watches: state =>
      state.done
        ? []
        : [{ kind: 'price_at_or_below', id: 'w', symbol: SYMBOL, price: Decimal.from(price), strict: false, isTarget: false }],
    revive: () => ({ done: false }),
    summary: () => ({ status: 'running', pausedBy: [], ended: null, funds: [], lots: [], closedTrades: 0, realizedPnl: ZERO }),
    hasEnded: () => false,
    liveOrders: () => [],
    playbook: () => null,
  }
}

/** Which candles were looked at, by number. */
function visited(lows: readonly number[], price: string): { candles: number[]; touchedAt: number[] } {
  const instrument = instrumentFromRules(defaultRules('binance', SYMBOL))
  const columns = columnsFrom(
    lows.map((low, i) => ({
      openTimeMs: START_MS + i * HOUR_MS,
      open: low + 1,
      high: low + 2,
      low,
      close: low + 0.5,
      volume: 1,
    })),
  )
  const touchedAt: number[] = []
  const run = new SimulatedRun({
    machine: waiter(price, touchedAt),
    instruments: new Map([[SYMBOL, instrument]]),
    venue: { fillPath: 'pessimistic', slippageBps: ZERO, impactBpsPerPctVolume: ZERO, volumeCapPct: ZERO },
    venueTimeframe: '1h',
    direction: 'long',
    sink: { stepped() {} },
  })
  const pump = new ColumnRun({
    run,
    pairs: [{ symbol: SYMBOL, instrument }],
    lookup: seriesLookup([{ instrumentId: instrument.id, columns }], '1h', []),
    venueTimeframe: '1h',
    decisionTimeframe: '1h',
    series: [seriesKey(instrument.id, '1h')],
    fromMs: START_MS,
    toMs: START_MS + lows.length * HOUR_MS,
    skip: true,
  })
  const candles: number[] = []
  for (let advance = pump.next(); advance.kind !== 'end'; advance = pump.next()) {
    if (advance.kind === 'candle') candles.push((advance.openMs - START_MS) / HOUR_MS)
  }
  return { candles, touchedAt }
}

test('worked example: lows of 98.5 - i wake a watch at 95.2 in candle 4 and in no other', () => {
  const lows = Array.from({ length: 10 }, (_, i) => 98.5 - i)
  assert.deepEqual(visited(lows, '95.2'), { candles: [4], touchedAt: [95.2] })
})

test('a touch is enough, and what is never reached wakes nobody', () => {
  assert.deepEqual(visited([98, 97, 96, 95], '96').candles, [2])
  assert.deepEqual(visited([98, 97, 96, 95], '94.99').candles, [])
})
