import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Candle, columnsFrom } from '../core/market/candles.ts'
import { createDemoMarket, DEMO_START_MS } from '../core/market/demo-market.ts'
import { type Clock, systemClock } from './clock.ts'
import { DemoFeed, DemoPulse, demoTime, marketAt, wallAt } from './demo-feed.ts'
import type { FeedTick } from './feed.ts'
import { DemoHub } from './hub.ts'
import { ReplayFeed } from './replay-feed.ts'

const MINUTE = 60_000
const T0 = Date.UTC(2026, 4, 4, 10, 0)
const market = createDemoMarket(0)

/** A wall clock whose sleepers wake only when a test moves it. */
class TestClock implements Clock {
  nowMs: number
  sleeps = 0
  #sleepers: { atMs: number; wake: () => void }[] = []
  constructor(nowMs: number) {
    this.nowMs = nowMs
  }
  now(): number {
    return this.nowMs
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps += 1
    return new Promise((resolve, reject) => {
      const sleeper = { atMs: this.nowMs + ms, wake: resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter(one => one !== sleeper)
        reject(signal.reason)
      })
    })
  }
  get sleeping(): number {
    return this.#sleepers.length
  }
  async to(nowMs: number): Promise<void> {
    this.nowMs = nowMs
    for (const sleeper of this.#sleepers.filter(one => one.atMs <= nowMs)) {
      this.#sleepers = this.#sleepers.filter(one => one !== sleeper)
      sleeper.wake()
    }
    await settle()
  }
}

const settle = () => new Promise<void>(resolve => setImmediate(resolve))

/** Reads a feed into an array as its ticks come. */
function follow(ticks: AsyncIterable<FeedTick>): { got: FeedTick[]; ended: Promise<void> } {
  const got: FeedTick[] = []
  const ended = (async () => {
    for await (const tick of ticks) got.push(tick)
  })()
  return { got, ended }
}

test('a demo feed first delivers what was missed, late, then each minute at its close', async () => {
  const clock = new TestClock(T0 + 30_000)
  const feed = new DemoFeed(new DemoPulse(market, clock, demoTime(1, T0)), ['BTC/USDT', 'SOL/USDT'])
  const { got, ended } = follow(feed.start(T0 - 4 * MINUTE))
  await settle()
  assert.deepEqual(
    got.map(tick => [tick.atMs - T0, tick.late]),
    [
      [-3 * MINUTE, true],
      [-2 * MINUTE, true],
      [-MINUTE, true],
    ],
  )
  await clock.to(T0 + MINUTE - 1)
  assert.equal(got.length, 3)
  await clock.to(T0 + MINUTE)
  assert.deepEqual([got[3]!.atMs, got[3]!.late], [T0, false])
  assert.deepEqual(got[3]!.candles.get('SOL/USDT'), market.candle('SOL/USDT', T0))
  assert.deepEqual([...got[3]!.candles.keys()], ['BTC/USDT', 'SOL/USDT'])
  feed.stop()
  await ended
  assert.equal(clock.sleeping, 0)
})

test('a restart goes on along the same path without a hole or a repetition', async () => {
  const time = demoTime(60, T0 + 12_345)
  const whole: FeedTick[] = []
  let afterMs: number | null = null
  let wallMs = T0 + 12_345
  for (let life = 0; life < 4; life += 1) {
    const clock = new TestClock(wallMs)
    const feed = new DemoFeed(new DemoPulse(market, clock, time), ['ETH/USDT'])
    const { got, ended } = follow(feed.start(afterMs))
    for (let step = 0; step < 5; step += 1) {
      wallMs += 1000
      await clock.to(wallMs)
    }
    feed.stop()
    await ended
    whole.push(...got)
    afterMs = got.at(-1)!.atMs
    // dead for seven seconds: seven minutes of the market
    wallMs += 7000
  }
  const first = whole[0]!.atMs
  assert.equal(first, Math.floor(marketAt(time, T0 + 12_345) / MINUTE) * MINUTE)
  assert.deepEqual(
    whole.map(tick => tick.atMs),
    whole.map((_, i) => first + i * MINUTE),
  )
  assert.ok(whole.length >= 40)
  assert.ok(whole.some(tick => tick.late) && whole.some(tick => !tick.late))
})

test('a feed that begins now begins with the bar in the making, and a sleeping machine makes bars late', async () => {
  const clock = new TestClock(T0 + 1)
  const feed = new DemoFeed(new DemoPulse(market, clock, demoTime(1, T0)), ['BTC/USDT'])
  const { got } = follow(feed.start(null))
  await clock.to(T0 + MINUTE)
  assert.deepEqual([got[0]!.atMs, got[0]!.late], [T0, false])
  await clock.to(T0 + 5 * MINUTE)
  await settle()
  assert.deepEqual(
    got.map(tick => tick.late),
    [false, true, true, false, false],
  )
  feed.stop()
})

test('market time and wall time are each other’s inverse', () => {
  const time = demoTime(30, T0 + 59_999)
  assert.equal(time.marketMs, T0)
  assert.equal(marketAt(time, T0 + 1000), T0 + 30_000)
  assert.equal(wallAt(time, marketAt(time, T0 + 4711)), T0 + 4711)
  assert.equal(marketAt(demoTime(1, T0), T0 + 5), T0 + 5)
  assert.throws(() => demoTime(61, T0), /speed is 61/)
  assert.throws(() => demoTime(Number.NaN, T0), /speed is NaN/)
})

test('a thousand bots share one timer, one pulse and one tick', async () => {
  const clock = new TestClock(T0)
  const hub = new DemoHub(market, clock)
  const feeds = Array.from({ length: 1000 }, () => hub.subscribe(['BTC/USDT'], demoTime(1, T0)))
  const other = hub.subscribe(['BTC/USDT', 'ETH/USDT'], demoTime(60, T0))
  assert.equal(hub.pulses, 2)
  assert.deepEqual(
    [...hub.listeners()],
    [
      ['BTC/USDT', 1001],
      ['ETH/USDT', 1],
    ],
  )
  const readers = feeds.map(feed => follow(feed.start(null)))
  await settle()
  assert.equal(clock.sleeping, 1)
  await clock.to(T0 + MINUTE)
  assert.equal(new Set(readers.map(reader => reader.got[0])).size, 1)
  assert.ok(readers.every(reader => reader.got.length === 1))
  for (const feed of feeds) feed.stop()
  await Promise.all(readers.map(reader => reader.ended))
  assert.equal(hub.pulses, 1)
  assert.equal(clock.sleeping, 0)
  other.stop()
  other.stop()
  assert.equal(hub.pulses, 0)
  assert.equal(hub.listeners().size, 0)
  assert.throws(() => hub.subscribe(['NOPE/USDT'], demoTime(1, T0)), /does not list NOPE/)
  assert.equal(hub.pulses, 0)
})

test('one of two who wait leaves, the other still gets its bar', async () => {
  const clock = new TestClock(T0)
  const hub = new DemoHub(market, clock)
  const [a, b] = [hub.subscribe(['BTC/USDT'], demoTime(1, T0)), hub.subscribe(['BTC/USDT'], demoTime(1, T0))]
  const [readA, readB] = [follow(a.start(null)), follow(b.start(null))]
  await settle()
  a.stop()
  await readA.ended
  await clock.to(T0 + MINUTE)
  assert.equal(readA.got.length, 0)
  assert.equal(readB.got.length, 1)
  b.stop()
})

test('the real clock: a feed at sixtyfold speed gives a bar a second, and stops at once', async () => {
  const nowMs = Date.now()
  const time = { speed: 60, wallMs: nowMs, marketMs: T0 + MINUTE - 3000 }
  const feed = new DemoFeed(new DemoPulse(market, systemClock, time), ['BTC/USDT'])
  const startedAt = performance.now()
  for await (const tick of feed.start(null)) {
    assert.equal(tick.atMs, T0)
    break
  }
  const tookMs = performance.now() - startedAt
  assert.ok(tookMs >= 40 && tookMs < 1000, `${tookMs}`)
})

function bars(times: readonly number[], price: number): Candle[] {
  return times.map(openTimeMs => ({ openTimeMs, open: price, high: price, low: price, close: price, volume: 1 }))
}

test('a replay merges its series by time and begins after where it ended', async () => {
  const series = new Map([
    ['A/USDT', columnsFrom(bars([1, 2, 4], 10))],
    ['B/USDT', columnsFrom(bars([2, 3, 4], 20))],
  ])
  const read = async (afterMs: number | null) => {
    const { got, ended } = follow(new ReplayFeed({ timeframe: '1m', series, speed: 'max', clock: systemClock }).start(afterMs))
    await ended
    return got.map(tick => [tick.atMs, ...tick.candles.keys()])
  }
  assert.deepEqual(await read(null), [
    [1, 'A/USDT'],
    [2, 'A/USDT', 'B/USDT'],
    [3, 'B/USDT'],
    [4, 'A/USDT', 'B/USDT'],
  ])
  assert.deepEqual(await read(2), [
    [3, 'B/USDT'],
    [4, 'A/USDT', 'B/USDT'],
  ])
  assert.deepEqual(await read(4), [])
})

test('a replay keeps its pace, does not flood after a pause, and stops while it naps', async () => {
  const series = new Map([
    [
      'A/USDT',
      columnsFrom(
        bars(
          Array.from({ length: 100 }, (_, i) => i),
          10,
        ),
      ),
    ],
  ])
  const clock = new TestClock(T0)
  const feed = new ReplayFeed({ timeframe: '1m', series, speed: 2, clock })
  const { got, ended } = follow(feed.start(null))
  await settle()
  assert.equal(got.length, 1)
  for (let step = 1; step <= 4; step += 1) await clock.to(T0 + step * 500)
  assert.equal(got.length, 5)
  await clock.to(T0 + 60_000)
  assert.ok(got.length <= 7, `${got.length} after a pause`)
  feed.stop()
  await ended
  assert.equal(clock.sleeping, 0)
  assert.throws(() => new ReplayFeed({ timeframe: '1m', series, speed: 0, clock }), /speed is 0/)
})

test('before its life the demo market has no tick to give', async () => {
  const clock = new TestClock(DEMO_START_MS + 2 * MINUTE)
  const feed = new DemoFeed(new DemoPulse(market, clock, demoTime(1, DEMO_START_MS)), ['BTC/USDT'])
  const { got } = follow(feed.start(DEMO_START_MS - MINUTE))
  await settle()
  assert.deepEqual(
    got.map(tick => tick.candles.size),
    [1, 1],
  )
  feed.stop()
})
