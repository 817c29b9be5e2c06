// The worker: who runs, what happens when a run fails, when the lease is lost, when the database is away.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { parseDcaConfig } from '../contract/dca-config.ts'
import { CodedError, candlesThrough, historyOf, MemoryRunStore, QUIET, replayFeeds, waves } from './runs.fixture.ts'
import { Turns } from './turns.ts'
import { Worker, type WorkerOptions } from './worker.ts'

const OPTIONS: WorkerOptions = { maxRuns: 10, renewMs: 5000, claimMs: 2000 }

function newStore(): MemoryRunStore {
  const parsed = parseDcaConfig({
    schemaVersion: 1,
    type: 'dca',
    name: 'waves',
    exchange: 'binance',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    baseOrder: { size: '100' },
    entry: { mode: 'immediate' },
    exits: { takeProfit: { targets: [{ profitPct: '1.5', sellPct: '100' }] } },
  })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return new MemoryRunStore(parsed.config, { kind: 'replay', exchange: 'binance', speed: 'max' })
}

/** A world whose monotonic clock only passes when the test lets it: sleepers wake when their time has come. */
class World {
  nowMs = 0
  readonly store = newStore()
  readonly worker: Worker
  #sleepers: { dueMs: number; wake: () => void }[] = []

  constructor(more: { openError?: () => Error | null } = {}) {
    const { store } = this
    const feeds = replayFeeds(store, historyOf({ 'BTC/USDT': candlesThrough(waves(60)) }), {
      now: () => this.nowMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    })
    this.worker = new Worker(
      {
        store,
        feeds: {
          venueTimeframe: feeds.venueTimeframe,
          open: async request => {
            const error = more.openError?.()
            if (error) throw error
            return feeds.open(request)
          },
        },
        workerId: 'w',
        log: QUIET,
        now: () => this.nowMs,
        monotonic: () => this.nowMs,
        sleep: (ms, signal) => this.#sleep(ms, signal),
      },
      OPTIONS,
    )
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((wake, fail) => {
      const sleeper = { dueMs: this.nowMs + ms, wake }
      this.#sleepers.push(sleeper)
      const cancel = (): void => {
        this.#sleepers = this.#sleepers.filter(each => each !== sleeper)
        fail(signal.reason)
      }
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel, { once: true })
    })
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 60; i += 1) await turn()
  }

  /** Lets time pass in steps, so that everybody wakes in the order of time. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    await this.settle()
    for (;;) {
      const next = Math.min(...this.#sleepers.map(each => each.dueMs))
      if (!(next <= untilMs)) break
      this.nowMs = Math.max(this.nowMs, next)
      const due = this.#sleepers.filter(each => each.dueMs <= this.nowMs)
      this.#sleepers = this.#sleepers.filter(each => each.dueMs > this.nowMs)
      for (const sleeper of due) sleeper.wake()
      await this.settle()
    }
    this.nowMs = untilMs
  }

  async untilEnded(): Promise<void> {
    for (let i = 0; i < 800 && !this.store.ended; i += 1) await this.pass(100)
    assert.ok(this.store.ended, 'the run has ended')
  }
}

test('a claimed run runs to its end', async () => {
  const world = new World()
  await world.worker.start()
  await world.untilEnded()
  assert.equal(world.store.last!.totals.status, 'completed')
  await world.pass(10_000)
  assert.equal(world.worker.running(), 0)
  assert.equal(world.store.loads, 1, 'what has ended is not claimed again')
  await world.worker.stop()
})

test('a failure that nobody named is our own mistake: the bot is halted, and what is started again opens nothing', async () => {
  let isBroken = true
  const world = new World({ openError: () => (isBroken ? new TypeError('x is undefined\nat somewhere') : null) })
  await world.worker.start()
  await world.pass(500)
  isBroken = false
  assert.equal(world.store.own.level, 'halted')
  assert.equal(world.store.own.reason, 'its run has failed by a mistake of the program: x is undefined')
  await world.untilEnded()
  assert.deepEqual(world.store.orders(), [])
  await world.worker.stop()
})

test('an outage or a named failure halts nothing', async () => {
  for (const code of ['DATABASE_UNAVAILABLE', 'INSUFFICIENT_DATA', 'LEASE_LOST']) {
    const world = new World({ openError: () => new CodedError(code) })
    await world.worker.start()
    await world.pass(5000)
    assert.deepEqual(world.store.restrictions, [], code)
    await world.worker.stop()
  }
})

test('a run that keeps failing is started five times again, with longer and longer waits, and is then held in error', async () => {
  const world = new World({ openError: () => new Error('broken') })
  await world.worker.start()
  await world.pass(200_000)
  assert.deepEqual(
    world.store.failures.map(each => each.final),
    [false, false, false, false, false, true],
  )
  assert.equal(world.store.failures[0]!.message, 'broken')
  assert.ok(world.nowMs >= 1000 + 2000 + 4000 + 8000 + 16_000)
  await world.worker.stop()
})

test('failures more than 15 minutes apart never add up', async () => {
  let failing = 0
  const world = new World({
    openError: () => (failing++ % 2 === 0 ? new Error('now and then') : new CodedError('DATABASE_UNAVAILABLE')),
  })
  world.store.onCommit = () => {}
  await world.worker.start()
  for (let i = 0; i < 8; i += 1) {
    world.store.claimable = false
    await world.pass(16 * 60_000)
    world.store.claimable = true
    failing = 0
    await world.pass(2100)
    world.store.claimable = false
  }
  assert.ok(world.store.failures.length >= 7)
  assert.ok(world.store.failures.every(each => !each.final))
  await world.worker.stop()
})

test('what trying again cannot mend is held in error at once', async () => {
  const world = new World({ openError: () => new CodedError('INSUFFICIENT_DATA', 'no candles') })
  await world.worker.start()
  await world.pass(60_000)
  assert.deepEqual(world.store.failures, [{ message: 'no candles', final: true }])
  await world.worker.stop()
})

test('an outage is no failure, however long it lasts; the run goes on when it is over', async () => {
  const world = new World()
  await world.worker.start()
  world.store.isAway = true
  await world.pass(30 * 60_000)
  assert.deepEqual(world.store.failures, [])
  world.store.isAway = false
  await world.pass(60_000)
  await world.untilEnded()
  assert.deepEqual(world.store.failures, [])
  await world.worker.stop()
})

test('ten seconds after its last good renewal a worker decides nothing more, and renewed it goes on', async () => {
  const world = new World()
  const { store } = world
  const renew = store.renew.bind(store)
  let renewals = true
  store.renew = async () => {
    if (!renewals) throw new CodedError('DATABASE_UNAVAILABLE')
    await renew()
  }
  store.feed = { kind: 'replay', exchange: 'binance', speed: 2 }
  await world.worker.start()
  await world.pass(4000)
  const before = store.batches.length
  assert.ok(before > 0)
  renewals = false
  await world.pass(12_000)
  const silent = store.batches.length
  await world.pass(60_000)
  assert.equal(store.batches.length, silent, 'nothing is written without a lease')
  renewals = true
  await world.untilEnded()
  await world.worker.stop()
})

test('a bot that another worker has taken over is left alone, without an error', async () => {
  const world = new World()
  const { store } = world
  store.onCommit = batch => {
    if (batch.lastSeq >= 9) {
      store.token = 2
      store.claimable = false
    }
  }
  await world.worker.start()
  await world.pass(20_000)
  assert.equal(world.worker.running(), 0)
  assert.deepEqual(store.failures, [])
  assert.ok(!store.ended)
  await world.worker.stop()
})

test('a notification wakes the bot it names; one that names none wakes all', async () => {
  for (const named of ['dca_bot_1700000000000_a1b2c3', null]) {
    const world = new World()
    world.store.feed = { kind: 'replay', exchange: 'binance', speed: 0.001 }
    await world.worker.start()
    await world.settle()
    world.store.give({ kind: 'pause', untilMs: null })
    await world.settle()
    assert.ok(!world.store.kinds().includes('run_paused'), 'nobody looks by himself at once')
    world.worker.notify(named)
    await world.settle()
    assert.ok(world.store.kinds().includes('run_paused'), `woken by ${named}`)
    await world.worker.stop()
  }
})

test('stopping lets the instant end, writes how far the feed was read, and the next start goes on behind it', async () => {
  const world = new World()
  world.store.feed = { kind: 'replay', exchange: 'binance', speed: 1 }
  await world.worker.start()
  await world.pass(7000)
  await world.worker.stop()
  const cursor = (world.store.last!.state as { cursor: { atMs: number } }).cursor.atMs
  assert.ok(cursor > Date.UTC(2026, 0, 1, 2), new Date(cursor).toISOString())
  assert.ok(!world.store.ended)
  assert.deepEqual(world.store.failures, [])
})

test('turns: a timer and a request get through between the turns of many busy runs', async () => {
  const turns = new Turns()
  const order: string[] = []
  let isOver = false
  const busy = async (name: string): Promise<void> => {
    while (!isOver) {
      order.push(name)
      await turns.next()
    }
  }
  const runs = ['a', 'b', 'c'].map(busy)
  await turn()
  order.length = 0
  for (let i = 0; i < 30; i += 1) {
    order.push('io')
    await turn()
  }
  isOver = true
  await Promise.all(runs)
  const busiest = order
    .join(' ')
    .split('io')
    .map(part => part.trim().split(' ').filter(Boolean).length)
  assert.ok(Math.max(...busiest) <= 2, `between two looks at the network at most two turns: ${busiest}`)
  for (const name of ['a', 'b', 'c']) assert.ok(order.filter(each => each === name).length >= 5, `${name} has its share`)
})
