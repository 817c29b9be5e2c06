// A paper run on a store in memory: what is written, what a kill at any commit leaves behind, and what commands do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runBacktest } from '../backtest/run-backtest.ts'
import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../core/market/instrument.ts'
import { Decimal, sumDecimals, ZERO } from '../core/money/decimal.ts'
import { PaperRun, type PaperRunDeps, type PaperRunEnd } from './paper-run.ts'
import { ASSIGNMENT, candlesThrough, historyOf, MemoryRunStore, QUIET, replayFeeds, waves } from './runs.fixture.ts'
import { Turns } from './turns.ts'

const WAVES = candlesThrough(waves(400))
const REPLAY = { kind: 'replay', exchange: 'binance', speed: 'max' } as const

function config(changes: Record<string, unknown> = {}): DcaConfig {
  const parsed = parseDcaConfig({
    schemaVersion: 1,
    type: 'dca',
    name: 'waves',
    exchange: 'binance',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    baseOrder: { size: '100' },
    entry: { mode: 'immediate' },
    averaging: {
      rule: { type: 'ladder', stepPct: '2', stepScale: '1.1' },
      amount: { type: 'fixed', value: '100' },
      volumeScale: '1.2',
      maxOrders: 3,
      activeOrdersCount: 2,
    },
    exits: {
      takeProfit: {
        targets: [
          { profitPct: '1.5', sellPct: '50' },
          { profitPct: '3', sellPct: '50' },
        ],
      },
      stopLoss: { type: 'pct', value: '11', trailing: true },
    },
    ...changes,
  })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.config
}

function deps(
  store: MemoryRunStore,
  candles: Readonly<Record<string, CandleColumns>>,
  more: Partial<PaperRunDeps> = {},
): PaperRunDeps {
  return {
    store,
    feeds: replayFeeds(store, historyOf(candles)),
    workerId: 'w',
    log: QUIET,
    turns: new Turns(),
    now: () => 0,
    monotonic: () => performance.now(),
    sleep: async () => {},
    mayAct: () => true,
    ...more,
  }
}

/** One process: runs until it ends or the store crashes it. */
async function live(
  store: MemoryRunStore,
  candles: Readonly<Record<string, CandleColumns>> = { 'BTC/USDT': WAVES },
  more: Partial<PaperRunDeps> = {},
): Promise<PaperRunEnd | 'crashed'> {
  try {
    return await new PaperRun({ ...ASSIGNMENT, token: store.token }, deps(store, candles, more)).run(new AbortController().signal)
  } catch (error) {
    if ((error as { code?: string }).code === 'CRASH') return 'crashed'
    throw error
  }
}

function backtestHash(of: DcaConfig, candles: Readonly<Record<string, CandleColumns>> = { 'BTC/USDT': WAVES }): string {
  const instruments = new Map(Object.keys(candles).map(symbol => [symbol, instrumentFromRules(defaultRules('binance', symbol))]))
  return runBacktest({
    config: of,
    instruments,
    candles: new Map(Object.entries(candles)),
    timeframe: '1h',
    capital: Decimal.from('10000'),
    venue: { fillPath: 'pessimistic', slippageBps: Decimal.from('5'), impactBpsPerPctVolume: ZERO, volumeCapPct: ZERO },
    skip: true,
  }).tradesHash
}

test('a replay gives the hash of the backtest, and its sums agree', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  assert.equal(await live(store), 'ended')
  const { totals, funds, botStatus } = store.last!
  assert.equal(totals.status, 'completed')
  assert.equal(botStatus, 'stopped')
  assert.equal(totals.tradesHash, backtestHash(config()))
  const closed = store.deals().filter(deal => deal.dealStatus === 'closed')
  assert.ok(closed.length > 10, `${closed.length} deals`)
  const net = sumDecimals(closed.map(deal => deal.netPnl ?? ZERO))
  const state = store.last!.state as { engine: { dust: Record<string, { basis: Decimal }> } }
  const dust = sumDecimals(Object.values(state.engine.dust).map(each => each.basis))
  assert.equal(funds[0]!.free.plus(funds[0]!.locked).plus(dust).minus(Decimal.from('10000')).toString(), net.toString())
})

test('killed at any commit, before or after it is kept, the run writes the journal of an undisturbed one', async () => {
  const short = { 'BTC/USDT': candlesThrough(waves(120)) }
  const calm = new MemoryRunStore(config(), REPLAY)
  await live(calm, short)
  assert.ok(calm.commits > 30, `${calm.commits} commits`)
  for (const kind of ['before', 'after'] as const) {
    for (let commit = 1; commit <= calm.commits; commit += 1) {
      const store = new MemoryRunStore(config(), REPLAY)
      store.crashAt = { commit, kind }
      assert.equal(await live(store, short), 'crashed')
      assert.equal(store.batches.length, kind === 'after' ? commit : commit - 1)
      store.crashAt = null
      if (!store.ended) await live(store, short)
      assert.deepEqual(store.journalEntries, calm.journalEntries, `killed ${kind} commit ${commit}`)
      assert.equal(store.last!.totals.tradesHash, calm.last!.totals.tradesHash)
      assert.deepEqual(store.fills(), calm.fills())
    }
  }
})

test('killed at every commit in a row, two pairs that close together', async () => {
  const pairs = ['BTC/USDT', 'ETH/USDT']
  const two = config({ pairs, maxActiveDeals: 2, entry: { mode: 'conditional', playbook: dip() } })
  const candles = {
    'BTC/USDT': WAVES,
    'ETH/USDT': candlesThrough(
      waves(437)
        .slice(37)
        .map(price => price / 10),
    ),
  }
  const calm = new MemoryRunStore(two, REPLAY)
  await live(calm, candles)
  const store = new MemoryRunStore(two, REPLAY)
  while (!store.ended) {
    store.commits = 0
    store.crashAt = { commit: 1 + (store.batches.length % 3), kind: store.batches.length % 2 ? 'before' : 'after' }
    if (store.crashAt.commit === 1 && store.crashAt.kind === 'before') store.crashAt = { commit: 2, kind: 'before' }
    await live(store, candles)
  }
  assert.deepEqual(store.journalEntries, calm.journalEntries)
  assert.equal(store.last!.totals.tradesHash, backtestHash(two, candles))
})

test('killed anywhere with several deals on one pair and volume for parts of their orders only', async () => {
  const three = config({ maxActiveDeals: 3, maxDealsPerPair: 3, dealStart: { cooldownSec: 0 } })
  const candles = { 'BTC/USDT': candlesThrough(waves(90), 8) }
  const newStore = (): MemoryRunStore => {
    const store = new MemoryRunStore(three, REPLAY)
    store.venue = { fillPath: 'pessimistic', slippageBps: '5', volumeCapPct: '10' }
    return store
  }
  const calm = newStore()
  await live(calm, candles)
  const parts = calm.orders().filter(order => calm.fills().filter(fill => isOf(fill, order)).length > 1)
  assert.ok(parts.length > 3, `${parts.length} orders filled in parts`)
  for (let commit = 2; commit <= calm.commits; commit += 1) {
    const store = newStore()
    store.crashAt = { commit, kind: commit % 2 ? 'before' : 'after' }
    await live(store, candles)
    store.crashAt = null
    if (!store.ended) await live(store, candles)
    assert.deepEqual(store.journalEntries, calm.journalEntries, `killed at commit ${commit}`)
  }
})

function isOf(fill: { tradeSeq: number; purpose: string; sequence: number }, order: typeof fill): boolean {
  return fill.tradeSeq === order.tradeSeq && fill.purpose === order.purpose && fill.sequence === order.sequence
}

function dip() {
  return {
    items: [
      {
        id: 'dip',
        condition: {
          timeframe: '1h',
          lhs: { kind: 'indicator', name: 'rsi', params: { period: 6 } },
          op: 'lt',
          rhs: { kind: 'const', value: '35' },
        },
      },
    ],
  }
}

test('quiet bars are one asleep range in front of what happened next', async () => {
  const store = new MemoryRunStore(config({ entry: { mode: 'conditional', playbook: dip() } }), { ...REPLAY, speed: 1_000_000 })
  await live(store)
  const asleep = store.batches.flatMap(batch => batch.decisions).filter(each => (each.trace as { asleep?: unknown }).asleep)
  assert.ok(asleep.length > 3, `${asleep.length} ranges`)
  for (const { trace } of asleep) {
    const { fromMs, toMs, bars } = (trace as { asleep: { fromMs: number; toMs: number; bars: number } }).asleep
    assert.equal(toMs - fromMs, (bars - 1) * 3_600_000)
  }
  assert.equal(store.last!.totals.tradesHash, backtestHash(config({ entry: { mode: 'conditional', playbook: dip() } })))
})

test('each command is done exactly once, wherever the kill strikes', async () => {
  for (const kind of ['before', 'after'] as const) {
    for (const commit of [2, 3, 4, 5, 6]) {
      const store = new MemoryRunStore(config(), REPLAY)
      store.give({ kind: 'pause', untilMs: null })
      store.give({ kind: 'resume' })
      store.give({ kind: 'start_deal', symbol: 'BTC/USDT' })
      store.crashAt = { commit, kind }
      assert.equal(await live(store), 'crashed')
      store.crashAt = null
      await live(store)
      const count = (wanted: string): number => store.kinds().filter(each => each === wanted).length
      assert.deepEqual(
        [count('run_started'), count('run_paused'), count('run_resumed'), count('user_command')],
        [1, 1, 1, 1],
        `killed ${kind} commit ${commit}`,
      )
      assert.equal(store.forgotten.at(-1), 3)
    }
  }
})

test('commands that were given to an earlier run are none of this one', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.commandsBefore = store.give({ kind: 'stop', openDeals: 'close' })
  await live(store)
  assert.ok(!store.kinds().includes('stop_requested'))
  assert.equal(store.last!.totals.tradesHash, backtestHash(config()))
})

/** Acts once the first deal has been bought, and wakes the run as a notification would. */
async function liveWaking(store: MemoryRunStore, act: () => void): Promise<void> {
  const run = new PaperRun(ASSIGNMENT, deps(store, { 'BTC/USDT': WAVES }))
  let isDone = false
  store.onCommit = batch => {
    if (isDone || batch.fills.length === 0) return
    isDone = true
    act()
    run.wake()
  }
  await run.run(new AbortController().signal)
}

test('paused: resting rungs are cancelled, exits work, nothing new begins; resumed, deals begin again', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await liveWaking(store, () => store.give({ kind: 'pause', untilMs: null }))
  const paused = store.batches.findIndex(batch => batch.botStatus === 'paused')
  assert.deepEqual(store.batches[paused]!.pausedBy, ['user'])
  assert.ok(store.orders().some(order => order.purpose === 'avg' && order.status === 'cancelled'))
  assert.equal(store.deals().length, 1, 'no deal after the pause')
  assert.equal(store.deals()[0]!.dealStatus, 'closed', 'its exits went on')
  assert.ok(!store.batches.slice(paused).some(batch => batch.fills.some(fill => fill.side === 'buy')))
  assert.equal(store.last!.totals.status, 'completed')
})

test('stop: manage works the deal to flat, close sells at the next open, release hands the coins over', async () => {
  for (const openDeals of ['manage', 'close', 'release'] as const) {
    const store = new MemoryRunStore(config(), REPLAY)
    await liveWaking(store, () => store.give({ kind: 'stop', openDeals }))
    const { totals, botStatus } = store.last!
    assert.equal(totals.status, 'stopped', openDeals)
    assert.equal(botStatus, 'stopped')
    const [deal, ...others] = store.deals()
    assert.equal(others.length, 0)
    const sells = store.fills().filter(fill => fill.side === 'sell')
    if (openDeals === 'release') {
      assert.equal(deal!.dealStatus, 'released')
      assert.equal(sells.length, 0, 'nothing is sold')
    } else {
      assert.equal(deal!.dealStatus, 'closed')
      assert.equal(deal!.position.quantity.toString(), '0')
      if (openDeals === 'close') assert.equal(deal!.exitReason, 'manual')
      assert.ok(!store.orders().some(order => order.purpose === 'avg' && ['open', 'part_filled'].includes(order.status)))
    }
    assert.deepEqual(store.last!.funds[0]!.locked.toString(), '0', 'nothing stays locked')
  }
})

test('a stopping bot that is started again runs on', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await liveWaking(store, () => {
    store.give({ kind: 'stop', openDeals: 'manage' })
    store.give({ kind: 'resume' })
  })
  assert.equal(store.last!.totals.status, 'completed')
  assert.ok(store.deals().length > 5)
})

test('panic closes every deal and pauses', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await liveWaking(store, () => store.give({ kind: 'panic' }))
  assert.deepEqual(
    store.deals().map(deal => [deal.dealStatus, deal.exitReason]),
    [['closed', 'panic']],
  )
})

test('a new version holds for new deals; open ones keep the version they began with', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  const wide = config({ exits: { takeProfit: { targets: [{ profitPct: '4', sellPct: '100' }] } } })
  await liveWaking(store, () => store.edit(wide))
  const [first, second] = store.deals()
  assert.equal(first!.configVersion, 1)
  assert.equal(second!.configVersion, 2)
  assert.equal(store.kinds().filter(kind => kind === 'config_applied').length, 1)
  assert.equal(store.loads, 3, 'the run was opened again for the new version, and when the old one had no deal left')
  const targets = (tradeSeq: number): number =>
    new Set(
      store
        .orders()
        .filter(order => order.tradeSeq === tradeSeq && order.purpose === 'tp')
        .map(order => order.rung),
    ).size
  assert.equal(targets(1), 2)
  assert.equal(targets(2), 1)
})

test('while the database is away the run waits and then writes the same', async () => {
  const calm = new MemoryRunStore(config(), REPLAY)
  await live(calm)
  const store = new MemoryRunStore(config(), REPLAY)
  let waits = 0
  store.onCommit = batch => {
    if (batch.firstSeq % 5 === 0) store.isAway = true
  }
  const end = await live(
    store,
    { 'BTC/USDT': WAVES },
    {
      sleep: async () => {
        waits += 1
        if (waits % 4 === 0) store.isAway = false
      },
    },
  )
  assert.equal(end, 'ended')
  assert.ok(waits > 20, `${waits} waits`)
  assert.deepEqual(store.journalEntries, calm.journalEntries)
  assert.equal(store.loads, 1, 'an outage is waited out where the run stands')
})

test('when the lease is lost nothing more is written', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.onCommit = batch => {
    if (batch.lastSeq > 20) store.token = 2
  }
  await assert.rejects(new PaperRun(ASSIGNMENT, deps(store, { 'BTC/USDT': WAVES })).run(new AbortController().signal), {
    code: 'LEASE_LOST',
  })
  const written = store.batches.length
  assert.equal(await live(store), 'ended', 'the new holder goes on behind it')
  assert.ok(store.batches.length > written)
  assert.equal(store.last!.totals.tradesHash, backtestHash(config()))
})

test('a worker that may not act decides nothing', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  let asked = 0
  const stop = new AbortController()
  const run = new PaperRun(
    ASSIGNMENT,
    deps(
      store,
      { 'BTC/USDT': WAVES },
      {
        mayAct: () => false,
        sleep: async () => {
          asked += 1
          if (asked === 5) stop.abort()
        },
      },
    ),
  )
  assert.equal(await run.run(stop.signal), 'stopped')
  assert.deepEqual(store.kinds(), ['run_started'])
})

test('right after a restart the bot shows what it is doing', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.crashAt = { commit: 8, kind: 'after' }
  await live(store)
  store.heartbeats.length = 0
  store.crashAt = { commit: 9, kind: 'before' }
  await live(store)
  assert.deepEqual(store.heartbeats[0], { botStatus: 'running', pausedBy: [] })
})

test('finer candles that were stored meanwhile do not change the candles a run walks', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.crashAt = { commit: 20, kind: 'after' }
  await live(store)
  store.crashAt = null
  const history = historyOf({ 'BTC/USDT': WAVES })
  await live(store, {}, { feeds: replayFeeds(store, { ...history, venueTimeframe: async () => '1m' }) })
  assert.equal(store.last!.totals.tradesHash, backtestHash(config()))
})

test('without candles the run says so', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await assert.rejects(live(store, {}), { code: 'INSUFFICIENT_DATA' })
})
