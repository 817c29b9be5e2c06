// A limit that is reached, on a real Postgres: the bot's record, its history, the events and the run's journal say the same, another
// worker finds it so, and a person's reset lets the bot go on.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMarket } from '../app/market.ts'
import { createRunStore } from '../app/run-store.ts'
import { parseDcaConfig } from '../contract/dca-config.ts'
import { defaultRules } from '../core/market/instrument.ts'
import { systemClock } from '../market-data/clock.ts'
import { createBot } from '../storage/bots-store.ts'
import { importCandles } from '../storage/candle-store.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import { startRun } from '../storage/runs-store.ts'
import { changeSafety, writeSafetyLimits } from '../storage/safety-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { createFeedOpener } from './open-feed.ts'
import { candlesThrough, QUIET, waves } from './runs.fixture.ts'
import { Worker } from './worker.ts'

let database: TestDatabase
let userId: string
/** A fall that a deal is held through, then waves with plenty of entries. */
const CLOSES = [100, 100, 95, 90, 85, 84, 84, 85, ...waves(600)]

before(async () => {
  database = await openTestDatabase()
  const { db } = database
  userId = await createTestUser(db)
  await db.withApp(tx => upsertInstruments(tx, [defaultRules('binance', 'BTC/USDT')]))
  await importCandles(db, {
    instrumentId: 'binance:BTC/USDT',
    timeframe: '1h',
    symbol: 'BTC/USDT',
    source: 'test',
    columns: candlesThrough(CLOSES),
  })
})
after(() => database.close())

function newWorker(id: string): Worker {
  const store = createRunStore({ database: database.db, host: 'test', pid: process.pid, version: '0', leaseSec: 15 })
  const market = createMarket(database.db, systemClock)
  const now = (): number => Date.now()
  const feeds = createFeedOpener({ store, history: market.history, demo: market.demo, now, sleep: systemClock.sleep })
  return new Worker(
    { store, feeds, workerId: id, log: QUIET, now, monotonic: () => performance.now(), sleep: systemClock.sleep },
    { maxRuns: 10, renewMs: 1000, claimMs: 100 },
  )
}

async function all<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  return (await database.db.withSystem(tx => tx.query<Row>(text, values))).rows
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 40_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`)
    await sleep(20)
  }
}

test('a drawdown halts the bot in its record; the next worker obeys it; a reset lets it trade again', async () => {
  const parsed = parseDcaConfig({
    schemaVersion: 1,
    type: 'dca',
    name: 'falls',
    exchange: 'binance',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    baseOrder: { size: '1000' },
    entry: { mode: 'immediate' },
    exits: { takeProfit: { targets: [{ profitPct: '1', sellPct: '100' }] } },
  })
  assert.ok(parsed.ok)
  const { db } = database
  const { botId, runId } = await db.withTenant(userId, async tx => {
    await writeSafetyLimits(tx, { maxDrawdownPct: '5' }, 0)
    const bot = await createBot(tx, {
      name: 'falls',
      botType: 'dca',
      symbol: 'BTC/USDT',
      interval: '1h',
      config: parsed.config,
      schemaVersion: 1,
    })
    const run = await startRun(tx, {
      botId: bot.botId,
      mode: 'paper',
      initialBalance: '2000',
      currency: 'USDT',
      engineVersion: '1',
      meta: { feed: { kind: 'replay', exchange: 'binance', speed: 60 } },
    })
    return { botId: bot.botId, runId: run.runId }
  })
  const buys = async () =>
    (await all<{ n: number }>(`select count(*)::int as n from fills where side = 'buy' and user_id = $1`, [userId]))[0]!.n
  const record = async () =>
    (
      await all<{ state: string; reason: string; actor: string; peak_equity: string | null }>(
        'select state, reason, actor, peak_equity from safety_record where scope_id = $1',
        [botId],
      )
    )[0]

  const first = newWorker('w-first')
  await first.start()
  await until('the halt', async () => (await record())?.state === 'halted')
  const halted = (await record())!
  assert.equal(halted.actor, 'trigger:drawdown')
  assert.match(halted.reason, /below the highest equity, the limit is 5 %/)
  assert.ok(Number(halted.peak_equity) > 1990, String(halted.peak_equity))
  const history = await all<{ state: string; actor: string }>(
    'select h.state, h.actor from safety_history h join safety_record r on r.id = h.safety_id where r.scope_id = $1',
    [botId],
  )
  assert.deepEqual(history, [{ state: 'halted', actor: 'trigger:drawdown' }])
  await until('the event in the journal', async () => {
    const rows = await all<{ level: string }>(
      `select payload -> 'event' ->> 'level' as level from journal where run_id = $1 and kind = 'safety_changed' order by seq desc limit 1`,
      [runId],
    )
    return rows[0]?.level === 'halted'
  })
  const events = await all<{ severity: string }>(
    `select severity from system_events where bot_id = $1 and event_type = 'SAFETY_CHANGED' and event_category = 'audit'`,
    [botId],
  )
  assert.deepEqual(events, [{ severity: 'critical' }])
  const [bot] = await all<{ paused_by: string[] }>('select paused_by from bots where bot_id = $1', [botId])
  assert.deepEqual(bot?.paused_by, ['kill_switch'])
  await first.stop()

  const bought = await buys()
  const second = newWorker('w-second')
  await second.start()
  await sleep(1500)
  assert.equal(await buys(), bought, 'the next worker opens nothing either')
  await db.withTenant(userId, tx =>
    changeSafety(tx, { scope: 'bot', scopeId: botId }, () => ({
      state: 'normal',
      reason: 'looked at it',
      actor: `user:${userId}`,
    })),
  )
  second.notify(botId)
  await until('a new deal', async () => (await buys()) > bought)
  await second.stop()
})
