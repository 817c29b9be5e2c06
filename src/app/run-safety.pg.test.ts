// The safety record as runs and the disk watch meet it on a real Postgres: what cannot be read halts, only the holder of a bot restricts
// it, and the disk ends only what it has set.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { SafetyTrigger } from '../core/risk/safety-triggers.ts'
import type { Assignment, RunStore } from '../runs/ports.ts'
import type { Transaction } from '../storage/database.ts'
import { changeSafety, readSafetyScopes, ruling, type SafetyTarget, writeSafetyLimits } from '../storage/safety-store.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { startTestRun } from '../storage/testing-batches.ts'
import { reserveFile, tellRecord } from './disk.ts'
import { createRunStore } from './run-store.ts'

let database: TestDatabase
let store: RunStore
let bot: Assignment

before(async () => {
  database = await openTestDatabase()
  const run = await startTestRun(database.db)
  store = createRunStore({ database: database.db, host: 'test', pid: 1, version: '0', leaseSec: 60 })
  await store.renew('w')
  const claimed = await store.claim('w', 10)
  bot = claimed.find(each => each.botId === run.botId) ?? assert.fail('the bot was not claimed')
})
after(() => database.close())

async function asSuperuser(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(sql)
  await client.end()
}

function asTenant<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
  return database.db.withTenant(bot.userId, work)
}

const GLOBAL: SafetyTarget = { scope: 'global', scopeId: null }
const LOSS: SafetyTrigger = { cause: 'daily_loss', level: 'reduce_only', reason: 'lost 5 %' }
const DAY = Date.UTC(2026, 0, 2)
const FIGURES = {
  peakEquity: '1000',
  lastEquity: '940',
  dayStartEquity: '990',
  dayStartAtMs: DAY,
  lossStreak: 2,
  orderTimesMs: [],
  rejectTimesMs: [],
}

test('a bot that nothing restricts is told so, with the limits its person has chosen', async () => {
  assert.deepEqual(await store.safety(bot), { level: 'normal', reason: '', own: 'normal', dailyLoss: null, limits: {} })
  await asTenant(tx => writeSafetyLimits(tx, { maxDailyLossPct: '5' }, 0))
  assert.deepEqual((await store.inbox(bot, 0)).safety.limits, { maxDailyLossPct: '5' })
})

test('a daily loss is written with its figures, and ends on another day, never by another hand', async () => {
  await store.restrict(bot, LOSS, FIGURES)
  const safety = await store.safety(bot)
  assert.deepEqual(
    [safety.level, safety.own, safety.reason, safety.dailyLoss],
    ['reduce_only', 'reduce_only', 'lost 5 % (this bot)', { dayStartAtMs: DAY }],
  )
  const row = (await asTenant(tx => readSafetyScopes(tx, { botId: bot.botId }))).find(each => each.scope === 'bot')?.record
  assert.deepEqual([row?.peakEquity, row?.dayStartEquity, row?.lossStreak], ['1000', '990', 2])
  await store.endDailyLoss(bot, DAY + 86_399_999)
  assert.equal((await store.safety(bot)).level, 'reduce_only')
  await store.endDailyLoss(bot, DAY + 86_400_000)
  assert.equal((await store.safety(bot)).level, 'normal')

  await store.restrict(bot, LOSS, FIGURES)
  await store.restrict(bot, { cause: 'drawdown', level: 'halted', reason: 'fell' }, FIGURES)
  await store.restrict(bot, LOSS, FIGURES)
  await store.endDailyLoss(bot, DAY + 86_400_000)
  assert.equal((await store.safety(bot)).level, 'halted', 'what is stricter is ended by a person')
  await asTenant(tx =>
    changeSafety(tx, { scope: 'bot', scopeId: bot.botId }, () => ({ state: 'normal', reason: 'reset', actor: 'user:x' })),
  )
})

test('who does not hold the bot restricts nothing', async () => {
  await assert.rejects(store.restrict({ ...bot, token: bot.token + 1 }, LOSS, null), { code: 'LEASE_LOST' })
  assert.equal((await store.safety(bot)).level, 'normal')
})

test('a record that cannot be read, for whatever reason, halts, and commands still arrive', async () => {
  for (const [breaks, repairs] of [
    ['alter function ek.safety_scopes rename to mislaid', 'alter function ek.mislaid rename to safety_scopes'],
    [
      'revoke execute on function ek.safety_scopes from evenkeel_app',
      'grant execute on function ek.safety_scopes to evenkeel_app',
    ],
    [
      `update settings set value = '{"maxDailyLossPct": "none"}' where key = 'safety_limits'`,
      `update settings set value = '{"maxDailyLossPct": "5"}' where key = 'safety_limits'`,
    ],
  ] as const) {
    await asSuperuser(breaks)
    const broken = await store.safety(bot).catch((error: Error) => assert.fail(`${breaks}: ${error.message}`))
    const inbox = await store.inbox(bot, 0)
    await asSuperuser(repairs)
    assert.deepEqual([broken.level, broken.own], ['halted', null], breaks)
    assert.match(broken.reason, /cannot be read/)
    assert.deepEqual([inbox.safety.level, inbox.commands], ['halted', []])
    assert.equal((await store.safety(bot)).level, 'normal', repairs)
  }
})

test('the disk allows closing only, never loosens, and ends only what it has set itself', async () => {
  const level = async () => ruling(await database.db.withApp(tx => readSafetyScopes(tx))).level
  await tellRecord(database.db, 'worker_a', 'only 3 % are free')
  assert.equal(await level(), 'reduce_only')
  await tellRecord(database.db, 'worker_b', null)
  assert.equal(await level(), 'reduce_only', 'the disk of another machine')
  await tellRecord(database.db, 'worker_a', null)
  assert.equal(await level(), 'normal')

  await asTenant(tx => changeSafety(tx, GLOBAL, () => ({ state: 'halted', reason: 'smoke', actor: 'user:x' })))
  await tellRecord(database.db, 'worker_a', 'only 3 % are free')
  await tellRecord(database.db, 'worker_a', null)
  assert.equal(await level(), 'halted')
  await asTenant(tx => changeSafety(tx, GLOBAL, () => ({ state: 'normal', reason: 'aired', actor: 'user:x' })))
})

test('the reserve is real bytes, and gone when it is given up', async () => {
  const home = mkdtempSync(join(tmpdir(), 'evenkeel-reserve-'))
  try {
    const reserve = reserveFile(home)
    assert.equal(await reserve.isHeld(), false)
    await reserve.make(5 * 1024 * 1024)
    const { size, blocks } = statSync(join(home, 'run', 'disk-reserve'))
    assert.deepEqual([size, blocks * 512 >= size, await reserve.isHeld()], [5 * 1024 * 1024, true, true])
    await reserve.free()
    assert.equal(await reserve.isHeld(), false)
    await reserve.free()
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
