// Paper runs on the demo market: how fast the first deal comes, and what a restart makes of the time nobody was there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { allocateColumns, type Candle } from '../core/market/candles.ts'
import { createDemoMarket, DEMO_SEED, type DemoMarket } from '../core/market/demo-market.ts'
import { demoTime, marketAt } from '../market-data/demo-feed.ts'
import { DemoHub } from '../market-data/hub.ts'
import { createFeedOpener } from './open-feed.ts'
import { PaperRun } from './paper-run.ts'
import { ASSIGNMENT, historyOf, MemoryRunStore, QUIET } from './runs.fixture.ts'
import { Turns } from './turns.ts'

const MINUTE = 60_000
const T0 = Date.UTC(2026, 4, 5, 12)

function config(changes: Record<string, unknown> = {}): DcaConfig {
  const parsed = parseDcaConfig({
    schemaVersion: 1,
    type: 'dca',
    name: 'demo',
    exchange: 'demo',
    pairs: ['BTC/USDT'],
    timeframe: '1m',
    dealStart: { cooldownSec: 86_400 },
    baseOrder: { size: '100' },
    entry: { mode: 'immediate' },
    averaging: {
      rule: { type: 'ladder', stepPct: '2', stepScale: '1' },
      amount: { type: 'fixed', value: '100' },
      volumeScale: '1',
      maxOrders: 1,
    },
    exits: {
      takeProfit: { targets: [{ profitPct: '3', sellPct: '100' }], placement: 'resting' },
      stopLoss: { type: 'pct', value: '5', basis: 'base_order' },
    },
    ...changes,
  })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.config
}

/** Minutes through these closes from T0 on, flat before and after; every candle reaches from its open to its close. */
function scripted(closes: readonly number[]): DemoMarket {
  const closeAt = (openMs: number): number => {
    const i = Math.floor((openMs - T0) / MINUTE)
    return i < 0 ? closes[0]! : closes[Math.min(i, closes.length - 1)]!
  }
  const candle = (_symbol: string, openTimeMs: number): Candle => {
    const open = closeAt(openTimeMs - MINUTE)
    const close = closeAt(openTimeMs)
    return { openTimeMs, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 1_000_000 }
  }
  return {
    ...createDemoMarket(DEMO_SEED),
    candle,
    candles: (symbol, fromMs, toMs) => {
      const bars = Math.max(0, Math.floor((toMs - fromMs) / MINUTE))
      const columns = allocateColumns(bars)
      for (let i = 0; i < bars; i += 1) {
        const bar = candle(symbol, fromMs + i * MINUTE)
        for (const key of ['openTimeMs', 'open', 'high', 'low', 'close', 'volume'] as const) columns[key][i] = bar[key]
      }
      return columns
    },
  }
}

/** A world whose wall clock passes only while somebody sleeps. */
class DemoWorld {
  nowMs = T0
  readonly market: DemoMarket
  readonly store: MemoryRunStore

  constructor(market: DemoMarket, of: DcaConfig, speed = 60) {
    this.market = market
    this.store = new MemoryRunStore(of, { kind: 'demo', speed })
  }

  /** One process, until `isDone` after a commit or a tick, or a crash of the store. */
  async live(isDone: () => boolean): Promise<string> {
    const stop = new AbortController()
    const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      if (isDone() || this.nowMs > T0 + 3_600_000) stop.abort()
      if (signal?.aborted) throw signal.reason
      this.nowMs += ms
      await turn()
      if (signal?.aborted) throw signal.reason
    }
    const clock = { now: () => this.nowMs, sleep }
    const hub = new DemoHub(this.market, clock)
    const feeds = createFeedOpener({
      store: this.store,
      history: historyOf({}),
      demo: {
        market: this.market,
        clock: speed => demoTime(speed, this.nowMs),
        subscribe: (symbols, time) => hub.subscribe(symbols, time),
        marketNow: time => marketAt(time, this.nowMs),
      },
      now: clock.now,
      sleep,
    })
    const run = new PaperRun(ASSIGNMENT, {
      store: this.store,
      feeds,
      workerId: 'w',
      log: QUIET,
      turns: new Turns(),
      now: clock.now,
      monotonic: clock.now,
      sleep,
      mayAct: () => true,
    })
    try {
      return await run.run(stop.signal)
    } catch (error) {
      if ((error as { code?: string }).code === 'CRASH') return 'crashed'
      throw error
    } finally {
      assert.equal(hub.pulses, 0, 'whoever goes takes his feed along')
    }
  }

  minutes(atMs: number): number {
    return (atMs - T0) / MINUTE
  }

  saved(): { startMs: number; cursor: { atMs: number } } {
    return this.store.last!.state as { startMs: number; cursor: { atMs: number } }
  }
}

test('at sixty times the speed the first deal opens within ten seconds', async () => {
  const world = new DemoWorld(createDemoMarket(DEMO_SEED), config())
  await world.live(() => world.store.fills().length > 0 || world.nowMs > T0 + 60_000)
  const [fill] = world.store.fills()
  assert.equal(fill?.purpose, 'base')
  assert.ok(world.nowMs - T0 <= 10_000, `${world.nowMs - T0} ms`)
})

test('a restart goes on along the same path from the same start', async () => {
  const world = new DemoWorld(createDemoMarket(DEMO_SEED), config())
  await world.live(() => world.store.fills().length > 0)
  const { startMs, cursor } = world.saved()
  assert.ok(world.store.feed.kind === 'demo' && world.store.feed.time, 'its time is stored')
  world.nowMs += 5000
  await world.live(() => world.saved().cursor.atMs >= cursor.atMs + 20 * MINUTE)
  assert.equal(world.saved().startMs, startMs)
  assert.equal(world.store.fills().length, 1)
  const kinds = world.store.kinds()
  assert.equal(kinds.filter(kind => kind === 'run_started').length, 1)
})

test('while nobody was there only what rested filled; the passed stop fires at once at the first live open', async () => {
  // The rung at 98 rests; the stop at 95 needs this server.
  const away = [99, 97.5, 96, 94, 93, 93.5]
  const closes = [100, 100, 100, 100, 100, ...away, 92, 92, 92, 92]
  const world = new DemoWorld(scripted(closes), config())
  await world.live(() => world.minutes(world.saved()?.cursor.atMs ?? T0) >= 4 && world.store.fills().length > 0)
  const stood = world.minutes(world.saved().cursor.atMs)
  const decidedBefore = world.store.batches.flatMap(batch => batch.decisions).length
  world.nowMs = T0 + (5 + away.length) * 1000
  await world.live(() => world.store.fills().some(fill => fill.side === 'sell'))
  const [base, rung, stop] = world.store.fills()
  assert.equal(base?.purpose, 'base')
  assert.equal(rung?.purpose, 'avg')
  assert.equal(Math.floor(world.minutes(rung!.atMs)), 6, 'filled where the price went through it')
  assert.equal(stop?.purpose, 'sl')
  assert.equal(stop?.side, 'sell')
  const firstLive = 5 + away.length
  assert.equal(world.minutes(stop!.atMs), firstLive, 'at the open of the first candle it saw closing')
  assert.ok(stop!.price.toNumber() <= 93.5 && stop!.price.toNumber() > 93, `${stop!.price}`)
  const [deal] = world.store.deals()
  assert.equal(deal?.exitReason, 'stop_loss')
  const late = world.store.batches
    .flatMap(batch => batch.decisions)
    .slice(decidedBefore)
    .filter(each => world.minutes(each.decidedAtMs) > stood && world.minutes(each.decidedAtMs) <= firstLive)
  assert.deepEqual(late, [], 'missed decisions are not made up')
})

test('a virtual target that was passed and left again while nobody was there does not fire', async () => {
  const exits = { takeProfit: { targets: [{ profitPct: '3', sellPct: '100' }], placement: 'virtual' } }
  const closes = [100, 100, 100, 100, 100, 104, 104, 101, 101, 101, 101, 101]
  const world = new DemoWorld(scripted(closes), config({ exits, averaging: null }))
  await world.live(() => world.minutes(world.saved()?.cursor.atMs ?? T0) >= 4 && world.store.fills().length > 0)
  world.nowMs += 5000
  const from = world.saved().cursor.atMs
  await world.live(() => world.saved().cursor.atMs >= from + 8 * MINUTE || world.nowMs > T0 + 120_000)
  assert.equal(world.store.fills().length, 1, 'still held')
})

test('a market order that was on its way at the kill is filled at the next open, once', async () => {
  const world = new DemoWorld(
    scripted([100, 100, 101, 102, 103, 104, 105]),
    config({ exits: { takeProfit: { targets: [{ profitPct: '50', sellPct: '100' }] } } }),
  )
  world.store.onCommit = batch => {
    if (batch.orders.some(order => order.purpose === 'base')) {
      world.store.crashAt = { commit: world.store.commits, kind: 'after' }
      world.store.onCommit = () => {}
    }
  }
  const end = await world.live(() => false)
  assert.equal(end, 'crashed')
  const [order] = world.store.orders()
  assert.equal(order?.status, 'open')
  world.store.crashAt = null
  const decidedAt = world.saved().cursor.atMs
  world.nowMs += 3000
  await world.live(() => world.nowMs > T0 + 30_000)
  const buys = world.store.fills()
  assert.equal(buys.length, 1)
  assert.equal(buys[0]!.atMs, decidedAt, 'at the open right behind its decision')
  assert.equal(world.store.orders().filter(each => each.purpose === 'base').length, 1)
})

test('quiet minutes are written each minute of the wall, so that a kill forgets little', async () => {
  const world = new DemoWorld(scripted([100]), config({ entry: { mode: 'signal' } }), 1)
  await world.live(() => world.nowMs > T0 + 30 * MINUTE)
  const asleep = world.store.kinds().filter(kind => kind === 'asleep' || kind === 'progress')
  assert.ok(asleep.length >= 15, `${asleep.length} in 30 minutes`)
  assert.ok(world.minutes(world.saved().cursor.atMs) >= 28)
  assert.ok(world.store.heartbeats.length >= 25)
})
