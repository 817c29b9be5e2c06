// Recorded runs replayed in memory: whatever a user did and however often the run was restarted, its journal comes out again; and whatever
// is changed afterwards is found at its entry.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { wavesConfig } from '../contract/dca-config.fixture.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import { createDemoMarket, DEMO_SEED } from '../core/market/demo-market.ts'
import { demoTime, marketAt } from '../market-data/demo-feed.ts'
import { DemoHub } from '../market-data/hub.ts'
import { createFeedOpener, type FeedOpener } from './open-feed.ts'
import { PaperRun } from './paper-run.ts'
import type { SavedRun } from './ports.ts'
import { type RecordedRun, type ReplayDeps, type ReplayReport, replayRun } from './replay-run.ts'
import type { LateRange } from './replay-run-feeds.ts'
import type { JournalHashes, RecordedEntry } from './replay-run-journal.ts'
import { ASSIGNMENT, candlesThrough, HOUR, historyOf, MemoryRunStore, QUIET, replayFeeds, waves } from './runs.fixture.ts'
import { Turns } from './turns.ts'

const WAVES = candlesThrough(waves(400))
const MARKET = createDemoMarket(DEMO_SEED)
const T0 = Date.UTC(2026, 4, 5, 12)

const config = (changes: Record<string, unknown> = {}): DcaConfig => wavesConfig({ name: 'replayed', ...changes })

const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
const HASHES: JournalHashes = {
  genesis: '0'.repeat(64),
  entry: (previous, { seq, atMs, kind, payload }) => sha(`${previous}\n${canonicalJson({ atMs, kind, payload, seq })}`),
  state: state => sha(canonicalJson(state)),
}

/** The journal as storage would keep it: through JSON, chained, with a hash of the state at the end of each transaction. */
function journalOf(store: MemoryRunStore): RecordedEntry[] {
  let prevHash = HASHES.genesis
  return store.batches.flatMap(batch =>
    batch.journal.map(each => {
      const entry = JSON.parse(canonicalJson(each)) as RecordedEntry
      const hash = HASHES.entry(prevHash, entry)
      const stateHash = each.seq === batch.lastSeq ? HASHES.state(batch.state) : null
      const row = { ...entry, stateHash, prevHash, hash }
      prevHash = hash
      return row
    }),
  )
}

function rechained(entries: readonly RecordedEntry[]): RecordedEntry[] {
  let prevHash = HASHES.genesis
  return entries.map(entry => {
    const row = { ...entry, prevHash, hash: HASHES.entry(prevHash, entry) }
    prevHash = row.hash
    return row
  })
}

interface Changed {
  readonly entries?: readonly RecordedEntry[]
  readonly candles?: CandleColumns
  readonly config?: (version: number) => DcaConfig | null
  readonly engineVersion?: string
  readonly fromSeq?: number
  readonly startVersion?: number
}

async function replay(store: MemoryRunStore, changed: Changed = {}): Promise<ReplayReport> {
  const entries = changed.entries ?? journalOf(store)
  const saved = (await store.load()) as SavedRun
  const recorded: RecordedRun = {
    assignment: ASSIGNMENT,
    saved: { ...saved, nextBotTradeSeq: 1, ...(changed.config ? { config: changed.config } : {}) },
    engineVersion: '1',
    startVersion: changed.startVersion ?? 1,
    versions: [...store.configs.keys()],
    lastSeq: entries.length,
    late: entries.filter(entry => entry.kind === 'caught_up').map(entry => entry.payload as LateRange),
    async *entries() {
      yield* entries
    },
  }
  const deps: ReplayDeps = {
    instruments: (exchange, symbols) => store.instruments(exchange, symbols),
    history: historyOf({ 'BTC/USDT': changed.candles ?? WAVES }),
    market: MARKET,
    hashes: HASHES,
    engineVersion: changed.engineVersion ?? '1',
  }
  return replayRun(recorded, deps, changed.fromSeq === undefined ? {} : { fromSeq: changed.fromSeq })
}

function assertEqual(report: ReplayReport, store: MemoryRunStore): void {
  assert.deepEqual(report.first, null, JSON.stringify(report.first, null, 1))
  assert.deepEqual([report.verdict, report.reason], ['equal', null])
  assert.equal(report.compared, store.journalEntries.length)
  assert.equal(report.states, store.batches.length)
  assert.deepEqual(report.chain, { entries: store.journalEntries.length, brokenAtSeq: null, reason: null })
}

/** A run over WAVES whose user acts at commits; it is killed at others. */
async function live(
  store: MemoryRunStore,
  acts: Record<number, () => void> = {},
  kills: readonly number[] = [],
  pace = 'max',
): Promise<void> {
  let nowMs = 0
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number): Promise<void> => {
      nowMs += ms
      await turn()
    },
  }
  if (pace === 'paced') store.feed = { kind: 'replay', exchange: 'binance', speed: 0.1 }
  const pending = new Set(kills)
  for (let restart = 0; !store.ended; restart += 1) {
    assert.ok(restart < 100, 'the run comes to its end')
    const run = new PaperRun(ASSIGNMENT, {
      store,
      feeds: replayFeeds(store, historyOf({ 'BTC/USDT': WAVES }), clock),
      workerId: 'w',
      log: QUIET,
      turns: new Turns(),
      now: clock.now,
      monotonic: pace === 'paced' ? clock.now : () => 0,
      sleep: clock.sleep,
      mayAct: () => true,
    })
    store.onCommit = () => {
      acts[store.commits]?.()
      run.wake()
    }
    const [next] = [...pending].filter(commit => commit > store.commits).toSorted((a, b) => a - b)
    store.crashAt = next === undefined ? null : { commit: next, kind: next % 2 === 0 ? 'before' : 'after' }
    if (next !== undefined) pending.delete(next)
    await run.run(new AbortController().signal).catch((error: unknown) => {
      if ((error as { code?: string }).code !== 'CRASH') throw error
    })
  }
}

const rsi = (id: string, timeframe: string, value: string) => ({
  id,
  condition: {
    timeframe,
    lhs: { kind: 'indicator', name: 'rsi', params: { period: 5 } },
    op: 'lt',
    rhs: { kind: 'const', value },
  },
})
const REPLAY = { kind: 'replay', exchange: 'binance', speed: 'max' } as const
const WIDE = config({ exits: { takeProfit: { targets: [{ profitPct: '4', sellPct: '100' }] } }, timeframe: '2h' })

/** Pauses, edits, closes, starts and stops, at any commit. */
async function eventful(pace: 'max' | 'paced' = 'max', of = config()): Promise<MemoryRunStore> {
  const store = new MemoryRunStore(of, REPLAY)
  await live(
    store,
    {
      10: () => store.give({ kind: 'pause', untilMs: null }),
      11: () => store.edit(WIDE),
      14: () => store.give({ kind: 'resume' }),
      30: () => store.give({ kind: 'close_deal', tradeSeq: store.deals().at(-1)!.tradeSeq }),
      45: () => store.give({ kind: 'panic' }),
      47: () => store.give({ kind: 'resume' }),
      55: () => store.edit(of),
      70: () => {
        store.give({ kind: 'pause', untilMs: WAVES.openTimeMs[0]! + 390 * HOUR })
        store.give({ kind: 'resume' })
      },
    },
    [5, 12, 31, 46, 56, 57, 71],
    pace,
  )
  return store
}

test('an undisturbed run comes out of its candles again, entry by entry and state by state', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await live(store)
  assert.ok(store.batches.length > 100)
  assertEqual(await replay(store), store)
})

test('so does one that was paused, edited twice, closed by hand, panicked and killed again and again', async () => {
  const store = await eventful()
  const kinds = new Set(store.kinds())
  for (const kind of ['run_paused', 'run_resumed', 'config_applied', 'user_command']) assert.ok(kinds.has(kind), kind)
  assertEqual(await replay(store), store)
})

test('and a paced one, that steps through every candle and writes quiet stretches', async () => {
  const store = await eventful('paced', config({ entry: { mode: 'conditional', playbook: { items: [rsi('dip', '1h', '20')] } } }))
  assert.ok(store.kinds().filter(kind => kind === 'progress' || kind === 'asleep').length > 5)
  assertEqual(await replay(store), store)
})

test('conditions, two timeframes, a stop that leaves its deals to the market', async () => {
  const store = new MemoryRunStore(
    config({ entry: { mode: 'conditional', playbook: { items: [rsi('a', '1h', '45'), rsi('b', '4h', '60')] } } }),
    REPLAY,
  )
  await live(store, { 40: () => store.give({ kind: 'stop', openDeals: 'manage' }) }, [8, 9])
  assert.equal(store.last!.totals.status, 'stopped')
  assertEqual(await replay(store), store)
})

test('an entry that was changed is named, also where its chain was mended', async () => {
  const store = await eventful()
  const entries = journalOf(store)
  const at = entries.findIndex((entry, i) => i > 40 && entry.kind === 'fill_reported')
  const target = entries[at]!
  const { event } = target.payload as { event: { fill: { price: string } } }
  const forged = {
    ...target,
    payload: { ...(target.payload as object), event: { ...event, fill: { ...event.fill, price: '1' } } },
  }
  const broken = await replay(store, { entries: entries.with(at, forged) })
  assert.deepEqual([broken.verdict, broken.first?.seq, broken.chain.brokenAtSeq], ['unequal', target.seq, target.seq])
  const mended = await replay(store, { entries: rechained(entries.with(at, forged)) })
  assert.deepEqual([mended.verdict, mended.first?.seq, mended.first?.what], ['unequal', target.seq, 'entry'])
  assert.equal(mended.chain.brokenAtSeq, null)
  const later = await replay(store, { entries: rechained(entries.with(at, forged)), fromSeq: target.seq + 1 })
  assert.equal(later.verdict, 'equal', 'compared from the next one on')
  const ends = entries.findIndex((entry, i) => i > 60 && entry.stateHash !== null)
  const state = await replay(store, { entries: entries.with(ends, { ...entries[ends]!, stateHash: sha('x') }) })
  assert.deepEqual([state.verdict, state.first?.seq, state.first?.what], ['unequal', entries[ends]!.seq, 'state'])
})

test('a command that was slipped in, taken out or moved is found at its entry', async () => {
  const store = await eventful()
  const entries = journalOf(store)
  const pause = entries.findIndex(entry => entry.kind === 'run_paused')
  const renumbered = (list: readonly RecordedEntry[]): RecordedEntry[] =>
    rechained(list.map((entry, i) => ({ ...entry, seq: i + 1 })))
  const without = await replay(store, { entries: renumbered(entries.toSpliced(pause, 1)) })
  assert.equal(without.verdict, 'unequal')
  assert.ok(without.first!.seq >= pause + 1 && without.first!.seq <= pause + 6, `${without.first!.seq} after ${pause + 1}`)
  const cut = await replay(store, { entries: entries.toSpliced(pause, 1) })
  assert.equal(cut.chain.brokenAtSeq, pause + 2, 'a hole in the numbers')
})

test('a changed candle is found where a decision first met it', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await live(store)
  const fill = store.journalEntries.find(
    entry =>
      entry.kind === 'fill_reported' && (entry.payload as { event: { fill: { purpose: string } } }).event.fill.purpose === 'avg',
  )!
  const candles = { ...WAVES, low: WAVES.low.slice() }
  const index = WAVES.openTimeMs.findLastIndex(openMs => openMs <= fill.atMs)
  candles.low[index] = Math.max(WAVES.open[index]!, WAVES.close[index]!) * 0.9999
  const report = await replay(store, { candles })
  assert.equal(report.verdict, 'unequal')
  assert.ok(Math.abs(report.first!.seq - fill.seq) <= 3, `${report.first!.seq} near ${fill.seq}`)
})

test('a changed version of the configuration is found', async () => {
  const store = await eventful()
  const report = await replay(store, {
    config: version => (version === 2 ? config() : (store.configs.get(version) as DcaConfig)),
  })
  assert.equal(report.verdict, 'unequal')
  const applied = store.journalEntries.find(entry => entry.kind === 'config_applied')!
  assert.ok(report.first!.seq > applied.seq)
})

test('what cannot be replayed is never called equal: candles that are gone, another engine, a journal of old', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  await live(store)
  const later = candlesThrough(waves(400).slice(100), 1000, WAVES.openTimeMs[100])
  const head = await replay(store, { candles: later })
  assert.deepEqual([head.verdict, head.compared], ['impossible', 0])
  assert.match(head.reason!, /import them again/)
  const tail = await replay(store, { candles: candlesThrough(waves(300)) })
  assert.equal(tail.verdict, 'impossible')
  assert.match(tail.reason!, /stored candles end at .*journal goes on with/)
  const engine = await replay(store, { engineVersion: '2' })
  assert.equal(engine.verdict, 'impossible')
  assert.match(engine.reason!, /engine 1, this is engine 2/)
  const entries = journalOf(store)
  const { cursor: _, ...payload } = entries[0]!.payload as { cursor: unknown }
  const old = await replay(store, { entries: rechained(entries.with(0, { ...entries[0]!, payload })) })
  assert.deepEqual([old.verdict, old.chain.brokenAtSeq], ['impossible', null])
  assert.equal(old.chain.entries, entries.length, 'its chain is verified all the same')
})

test('an edit between the start command and the first instant', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.edit(WIDE)
  await live(store)
  assertEqual(await replay(store, { startVersion: 1 }), store)
})

test('what the safety record allowed and what tripped it is replayed, too', async () => {
  const store = new MemoryRunStore(config({ baseOrder: { size: '2000' } }), REPLAY)
  const free = store.own
  await live(
    store,
    {
      12: () => {
        store.above = { level: 'paused', reason: 'lunch' }
      },
      13: () => {
        store.above = { level: 'normal', reason: '' }
      },
      20: () => {
        store.limits = { maxDailyLossPct: '0.3', maxDrawdownPct: '20' }
      },
      40: () => {
        store.own = free
      },
    },
    [13, 21, 22, 30],
  )
  const changes = store.kinds().filter(kind => kind === 'safety_changed').length
  assert.ok(changes >= 5, `${changes} changes of safety`)
  assert.ok(store.restrictions.length > 0, 'a day went too far')
  assertEqual(await replay(store), store)
})

/** The demo market on a clock that passes only while somebody sleeps, and stands still or jumps between two processes. */
class DemoWorld {
  nowMs = T0
  readonly store: MemoryRunStore

  constructor(of: DcaConfig, speed: number) {
    this.store = new MemoryRunStore(of, { kind: 'demo', speed })
  }

  feeds(sleep: (ms: number, signal?: AbortSignal) => Promise<void>): FeedOpener {
    const hub = new DemoHub(MARKET, { now: () => this.nowMs, sleep })
    return createFeedOpener({
      store: this.store,
      history: historyOf({}),
      demo: {
        market: MARKET,
        clock: speed => demoTime(speed, this.nowMs),
        subscribe: (symbols, time) => hub.subscribe(symbols, time),
        marketNow: time => marketAt(time, this.nowMs),
      },
      now: () => this.nowMs,
      sleep,
    })
  }

  async live(untilMs: number): Promise<void> {
    const stop = new AbortController()
    const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      if (this.nowMs > untilMs) stop.abort()
      if (signal?.aborted) throw signal.reason
      this.nowMs += ms
      await turn()
      if (signal?.aborted) throw signal.reason
    }
    const run = new PaperRun(ASSIGNMENT, {
      store: this.store,
      feeds: this.feeds(sleep),
      workerId: 'w',
      log: QUIET,
      turns: new Turns(),
      now: () => this.nowMs,
      monotonic: () => this.nowMs,
      sleep,
      mayAct: () => true,
    })
    await run.run(stop.signal)
  }
}

test('the demo market: late minutes after each outage, commands, an edit, quiet minutes, restarts', async () => {
  const demo = config({
    exchange: 'demo',
    timeframe: '5m',
    entry: {
      mode: 'conditional',
      playbook: {
        items: [
          {
            id: 'dip',
            condition: {
              timeframe: '1m',
              lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } },
              op: 'lt',
              rhs: { kind: 'const', value: '45' },
            },
          },
        ],
      },
    },
    exits: {
      takeProfit: { targets: [{ profitPct: '0.4', sellPct: '100' }], placement: 'resting' },
      stopLoss: { type: 'pct', value: '1' },
    },
    averaging: {
      rule: { type: 'ladder', stepPct: '0.3', stepScale: '1' },
      amount: { type: 'fixed', value: '100' },
      volumeScale: '1',
      maxOrders: 2,
    },
  })
  const world = new DemoWorld(demo, 60)
  const { store } = world
  await world.live(T0 + 200_000)
  world.nowMs += 60_000
  store.give({ kind: 'pause', untilMs: null })
  await world.live(T0 + 400_000)
  store.give({ kind: 'resume' })
  store.edit({ ...demo, maxActiveDeals: 2, maxDealsPerPair: 2, timeframe: '3m' } as DcaConfig)
  await world.live(T0 + 700_000)
  world.nowMs += 500_000
  await world.live(T0 + 2_000_000)
  const kinds = store.kinds()
  assert.ok(kinds.filter(kind => kind === 'caught_up').length >= 2, 'two outages')
  assert.ok(store.fills().length > 10, `${store.fills().length} fills`)
  assertEqual(await replay(store), store)

  const entries = journalOf(store)
  const outage = entries.findLastIndex(entry => entry.kind === 'caught_up')
  const { fromMs, toMs } = entries[outage]!.payload as LateRange
  const onTime = rechained(entries.with(outage, { ...entries[outage]!, payload: { fromMs: toMs, toMs, candles: 1 } }))
  assert.ok(toMs - fromMs > 100 * 60_000)
  const forgotten = await replay(store, { entries: onTime })
  assert.equal(forgotten.verdict, 'unequal', 'as if nobody had been away')
})
