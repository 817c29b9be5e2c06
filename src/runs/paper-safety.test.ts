// Paper runs under the safety record: asked before the first candle, obeyed before anything else, exits always; and the limits that trip
// it by themselves.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { Decimal } from '../core/money/decimal.ts'
import { DEFAULT_SAFETY_LIMITS } from '../core/risk/safety-limits.ts'
import type { Command, EngineEvent } from '../engine/machine.ts'
import type { FeedOpener } from './open-feed.ts'
import { isOwnMistake } from './own-mistake.ts'
import { PaperRun, type PaperRunEnd } from './paper-run.ts'
import { RunGuard } from './run-guard.ts'
import {
  ASSIGNMENT,
  CodedError,
  candlesThrough,
  HOUR,
  historyOf,
  MemoryRunStore,
  QUIET,
  replayFeeds,
  waves,
} from './runs.fixture.ts'
import { Turns } from './turns.ts'

const REPLAY = { kind: 'replay', exchange: 'binance', speed: 'max' } as const
const START = Date.UTC(2026, 0, 1)

function config(changes: Record<string, unknown> = {}): DcaConfig {
  const parsed = parseDcaConfig({
    schemaVersion: 1,
    type: 'dca',
    name: 'waves',
    exchange: 'binance',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    baseOrder: { size: '1000' },
    entry: { mode: 'immediate' },
    averaging: {
      rule: { type: 'ladder', stepPct: '2', stepScale: '1' },
      amount: { type: 'fixed', value: '1000' },
      maxOrders: 3,
    },
    exits: { takeProfit: { targets: [{ profitPct: '2', sellPct: '100' }] } },
    ...changes,
  })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.config
}

async function live(store: MemoryRunStore, closes: readonly number[]): Promise<PaperRunEnd | 'crashed'> {
  const run = new PaperRun(
    { ...ASSIGNMENT, token: store.token },
    {
      store,
      feeds: watched(store, replayFeeds(store, historyOf({ 'BTC/USDT': candlesThrough(closes) })), atMs => {
        for (const change of changes.get(store) ?? []) if (atMs >= change.atMs) change.once(run)
      }),
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
    return await run.run(new AbortController().signal)
  } catch (error) {
    if ((error as { code?: string }).code === 'CRASH') return 'crashed'
    throw error
  }
}

/** Walks every bar and tells how far it has come. */
function watched(store: MemoryRunStore, feeds: FeedOpener, come: (atMs: number) => void): FeedOpener {
  return {
    venueTimeframe: feeds.venueTimeframe,
    async open(request) {
      const { pump } = await feeds.open({ ...request, everyBar: changes.has(store) || request.everyBar })
      return {
        pump: {
          ...pump,
          async next(patience) {
            const cursor = await pump.next(patience)
            if (cursor) come(cursor.atMs)
            return cursor
          },
        },
      }
    },
  }
}

const changes = new WeakMap<MemoryRunStore, { atMs: number; once(run: PaperRun): void }[]>()

/** Something happens once the run has come as far as this instant; its worker is told of it. */
function at(store: MemoryRunStore, atMs: number, happen: () => void): void {
  let isDone = false
  const once = (run: PaperRun): void => {
    if (isDone) return
    isDone = true
    happen()
    run.wake()
  }
  changes.set(store, [...(changes.get(store) ?? []), { atMs, once }])
}

/** What the engine was told of levels; that limits were chosen, it is told too. */
function safetyEvents(store: MemoryRunStore) {
  let level = 'normal'
  return store.journalEntries.flatMap(entry => {
    const { event } = entry.payload as { event?: EngineEvent }
    if (event?.kind !== 'safety_changed' || event.level === level) return []
    level = event.level
    return [{ atMs: entry.atMs, level, reason: event.reason }]
  })
}
const entriesAfter = (store: MemoryRunStore, atMs: number) =>
  store.fills().filter(fill => fill.side === 'buy' && fill.atMs > atMs)

test('a run that starts while everything is halted is told so before its first candle, and opens nothing', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.above = { level: 'halted', reason: 'smoke' }
  assert.equal(await live(store, waves(200)), 'ended')
  assert.deepEqual(store.kinds().slice(0, 2), ['run_started', 'safety_changed'])
  assert.deepEqual(store.orders(), [])
  assert.ok(store.last!.pausedBy.includes('kill_switch'), 'and it says why')
})

test('halted in the middle of a deal: entry orders are taken back, the deal still reaches its target, no other begins', async () => {
  // A deal at 100 that averages down, then a recovery that would end it and a hundred bars in which others would begin.
  const closes = [100, 100, 98.5, 97.5, 97.5, 97.6, 97.7, 98, 99, 100, 101, 102, 103, ...waves(100)]
  const store = new MemoryRunStore(config(), REPLAY)
  const haltedAtMs = START + 4 * HOUR
  at(store, haltedAtMs, () => {
    store.above = { level: 'halted', reason: 'smoke' }
  })
  assert.equal(await live(store, closes), 'ended')
  const [event] = safetyEvents(store)
  assert.deepEqual([event?.level, event?.reason], ['halted', 'smoke'])
  assert.deepEqual(entriesAfter(store, event!.atMs), [])
  assert.equal(store.deals().length, 1)
  assert.equal(store.deals()[0]?.exitReason, 'take_profit')
  const live_ = store.orders().filter(order => order.status === 'open')
  assert.deepEqual(live_, [])
})

for (const level of ['paused', 'reduce_only'] as const) {
  test(`${level}: nothing is added, the target still sells; normal again, deals begin again`, async () => {
    const store = new MemoryRunStore(config(), REPLAY)
    at(store, START + 50 * HOUR, () => {
      store.above = { level, reason: 'wait' }
    })
    at(store, START + 150 * HOUR, () => {
      store.above = { level: 'normal', reason: '' }
    })
    assert.equal(await live(store, waves(400)), 'ended')
    const events = safetyEvents(store)
    assert.equal(events[0]?.level, level)
    const untilMs = events[1]?.atMs ?? Number.POSITIVE_INFINITY
    assert.deepEqual(
      entriesAfter(store, events[0]!.atMs).filter(fill => fill.atMs < untilMs),
      [],
    )
    assert.ok(
      store.fills().some(fill => fill.side === 'sell' && fill.atMs > events[0]!.atMs),
      'exits went on',
    )
  })
}

test('what was told survives a kill: a restart does not tell it again, and a change in between is told first', async () => {
  const store = new MemoryRunStore(config(), REPLAY)
  store.above = { level: 'paused', reason: 'wait' }
  store.crashAt = { commit: 2, kind: 'after' }
  assert.equal(await live(store, waves(100)), 'crashed')
  store.crashAt = null
  store.above = { level: 'halted', reason: 'smoke' }
  const before = store.journalEntries.length
  assert.equal(await live(store, waves(100)), 'ended')
  assert.equal(store.journalEntries[before]?.kind, 'safety_changed')
  assert.deepEqual(
    safetyEvents(store).map(event => event.level),
    ['paused', 'halted'],
  )
  assert.deepEqual(store.orders(), [])
})

test('a drawdown halts the bot itself and stays, although the figures recover', async () => {
  const closes = [100, 100, 99, 95, 90, 85, 85, 90, 100, 110, 110, ...waves(50)]
  const store = new MemoryRunStore(config({ exits: { takeProfit: { targets: [{ profitPct: '9', sellPct: '100' }] } } }), REPLAY)
  store.initialBalance = '5000'
  store.limits = { maxDrawdownPct: '5' }
  assert.equal(await live(store, closes), 'ended')
  assert.equal(store.restrictions.length, 1)
  assert.match(store.restrictions[0]!.reason, /^fell \d+(\.\d+)? % below the highest equity, the limit is 5 %$/)
  assert.equal(store.own.level, 'halted')
  const [event] = safetyEvents(store)
  assert.deepEqual(entriesAfter(store, event!.atMs), [])
  assert.equal(store.deals().length, 1)
})

test('a daily loss allows closing only until UTC midnight of the run, then deals begin again by themselves', async () => {
  // Falls through a stop at 03:00; 24 bars of flat follow, and the next day goes on.
  const closes = [100, 100, 100, 80, 80, 80, ...Array.from({ length: 42 }, () => 80)]
  const store = new MemoryRunStore(
    config({
      averaging: { enabled: false },
      exits: { takeProfit: { targets: [{ profitPct: '9', sellPct: '100' }] }, stopLoss: { type: 'pct', value: '10' } },
    }),
    REPLAY,
  )
  store.initialBalance = '2000'
  store.limits = { maxDailyLossPct: '3' }
  assert.equal(await live(store, closes), 'ended')
  assert.deepEqual(
    store.restrictions.map(each => [each.cause, each.level]),
    [['daily_loss', 'reduce_only']],
  )
  const [tripped, ended] = safetyEvents(store)
  assert.deepEqual([tripped?.level, ended?.level], ['reduce_only', 'normal'])
  assert.ok(tripped!.atMs < START + 24 * HOUR)
  assert.ok(ended!.atMs >= START + 24 * HOUR && ended!.atMs <= START + 25 * HOUR, new Date(ended!.atMs).toISOString())
  const again = entriesAfter(store, tripped!.atMs)
  assert.ok(again.length > 0 && again.every(fill => fill.atMs >= ended!.atMs))
})

test('a reset by a person lets the same drawdown be; the limit counts anew from there', async () => {
  const fall = [100, 100, 95, 90, 85, 85]
  const flat = Array.from({ length: 30 }, () => 85)
  const holding = config({ exits: { takeProfit: { targets: [{ profitPct: '50', sellPct: '100' }] } } })
  for (const [rest, tripped] of [
    [flat, 1],
    [[...flat, 82, 78, 75, 75, 75], 2],
  ] as const) {
    const store = new MemoryRunStore(holding, REPLAY)
    store.initialBalance = '5000'
    store.limits = { maxDrawdownPct: '5' }
    at(store, START + 12 * HOUR, () => {
      store.own = { level: 'normal', reason: '', cause: '', dayStartAtMs: null }
    })
    assert.equal(await live(store, [...fall, ...rest]), 'ended')
    assert.equal(store.restrictions.length, tripped)
  }
})

test('orders and refusals are counted in real time only', () => {
  const place = { kind: 'place_order' } as Command
  const event = { kind: 'timer_fired', atMs: 1000 } as EngineEvent
  const refused = { kind: 'order_event', event: 'rejected', atMs: 1000 } as EngineEvent
  const guard = (isRealTime: boolean) =>
    new RunGuard({ limits: DEFAULT_SAFETY_LIMITS, initialBalance: Decimal.from(1), isRealTime, saved: null })
  const replayed = guard(false)
  replayed.stepped(event, { commands: Array.from({ length: 100 }, () => place) })
  for (let i = 0; i < 20; i += 1) replayed.stepped(refused, { commands: [] })
  assert.equal(replayed.takeTrigger(), null)
  const real = guard(true)
  real.stepped(event, { commands: Array.from({ length: 11 }, () => place) })
  assert.equal(real.takeTrigger()?.cause, 'order_rate')
  assert.equal(real.takeTrigger(), null, 'taken once')
  for (let i = 0; i < 6; i += 1) real.stepped(refused, { commands: [] })
  assert.equal(real.takeTrigger()?.cause, 'reject_rate')
})

test('an error without a name, an assertion and a broken promise of the database are our own mistake; outages and lost leases are not', () => {
  const assertion = (() => {
    try {
      assert.equal(1, 2)
    } catch (error) {
      return error
    }
  })()
  for (const own of [new Error('x'), new TypeError('y'), assertion, new CodedError('23505'), new CodedError('22003'), 'text']) {
    assert.equal(isOwnMistake(own), true, String(own))
  }
  for (const code of ['DATABASE_UNAVAILABLE', 'LEASE_LOST', 'JOURNAL_GAP', 'STATE_DAMAGED', 'INSUFFICIENT_DATA', 'NOT_FOUND']) {
    assert.equal(isOwnMistake(new CodedError(code)), false, code)
  }
})
