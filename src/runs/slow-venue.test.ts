// A paper run at a venue that is slow, refuses and fills in parts: killed at any commit it goes on with what was on its way, and ends
// like the backtest.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runBacktest } from '../backtest/run-backtest.ts'
import { parseDcaConfig } from '../contract/dca-config.ts'
import { defaultRules, instrumentFromRules } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { venueParameters } from './open-feed.ts'
import { PaperRun } from './paper-run.ts'
import type { VenueSpec } from './ports.ts'
import { ASSIGNMENT, candlesThrough, historyOf, MemoryRunStore, QUIET, replayFeeds, waves } from './runs.fixture.ts'
import { Turns } from './turns.ts'

const CANDLES = candlesThrough(waves(160))
const REPLAY = { kind: 'replay', exchange: 'binance', speed: 'max' } as const
const VENUE: VenueSpec = {
  fillPath: 'pessimistic',
  slippageBps: '5',
  volumeCapPct: '0',
  latencyMs: { min: 100, max: 5_000_000 },
  cancelLatencyMs: { min: 0, max: 9_000_000 },
  rejectProb: 0.1,
  partialProb: 0.5,
  seed: 4,
}

const parsed = parseDcaConfig({
  schemaVersion: 1,
  type: 'dca',
  name: 'waves',
  exchange: 'binance',
  pairs: ['BTC/USDT'],
  timeframe: '1h',
  baseOrder: { size: '100' },
  averaging: {
    rule: { type: 'ladder', stepPct: '1', stepScale: '1.1' },
    amount: { type: 'fixed', value: '100' },
    maxOrders: 3,
    activeOrdersCount: 2,
  },
  exits: {
    takeProfit: {
      targets: [
        { profitPct: '1', sellPct: '50' },
        { profitPct: '2', sellPct: '50' },
      ],
    },
    stopLoss: { type: 'pct', value: '7', trailing: true },
  },
})
assert.ok(parsed.ok)
const { config } = parsed

/** One process: until the end, or until the store crashes it. */
async function live(store: MemoryRunStore): Promise<void> {
  const run = new PaperRun(
    { ...ASSIGNMENT, token: store.token },
    {
      store,
      feeds: replayFeeds(store, historyOf({ 'BTC/USDT': CANDLES })),
      workerId: 'w',
      log: QUIET,
      turns: new Turns(),
      now: () => 0,
      monotonic: () => performance.now(),
      sleep: async () => {},
      mayAct: () => true,
    },
  )
  try {
    await run.run(new AbortController().signal)
  } catch (error) {
    if ((error as { code?: string }).code !== 'CRASH') throw error
  }
}

function slowStore(): MemoryRunStore {
  const store = new MemoryRunStore(config, REPLAY)
  store.venue = VENUE
  return store
}

test('a paper run ends like the backtest, whole or killed at every commit', async () => {
  const calm = slowStore()
  await live(calm)
  const { tradesHash } = runBacktest({
    config,
    instruments: new Map([['BTC/USDT', instrumentFromRules(defaultRules('binance', 'BTC/USDT'))]]),
    candles: new Map([['BTC/USDT', CANDLES]]),
    timeframe: '1h',
    capital: Decimal.from('10000'),
    venue: venueParameters(VENUE),
    skip: true,
  })
  assert.equal(calm.last!.totals.tradesHash, tradesHash)
  const orders = calm.orders()
  assert.ok(calm.deals().length > 3)
  assert.ok(orders.some(order => order.status === 'rejected' && order.reason === 'REJECTED_BY_CHANCE'))
  const saved = calm.batches.map(batch => batch.state as { venue?: { underWay: { what: string }[] } })
  for (const what of ['order', 'cancel'])
    assert.ok(
      saved.some(state => state.venue?.underWay.some(each => each.what === what)),
      `no ${what} was ever on its way`,
    )

  for (const kind of ['before', 'after'] as const) {
    const store = slowStore()
    for (let life = 0; !store.ended; life += 1) {
      assert.ok(life < 2000, 'the run does not get on')
      store.crashAt = { commit: store.commits + 2, kind }
      await live(store)
    }
    assert.equal(store.last!.totals.tradesHash, tradesHash, kind)
  }
})
