// The safety record on a real Postgres: what survives, what is not believed, and who may touch whose.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { SafetyLevel } from '../core/risk/safety.ts'
import { createBot } from './bots-store.ts'
import type { Transaction } from './database.ts'
import { listSafetyHistory } from './safety-queries.ts'
import {
  changeSafety,
  readSafetyLimits,
  readSafetyScopes,
  ruling,
  type SafetyChange,
  type SafetyTarget,
  tighten,
  writeSafetyLimits,
} from './safety-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from './testing.ts'

let database: TestDatabase
let userId: string

before(async () => {
  database = await openTestDatabase()
  userId = await createTestUser(database.db)
})
after(() => database.close())

const GLOBAL: SafetyTarget = { scope: 'global', scopeId: null }
const tenant = (id = userId): SafetyTarget => ({ scope: 'tenant', scopeId: id })

function asTenant<T>(work: (tx: Transaction) => Promise<T>, id = userId): Promise<T> {
  return database.db.withTenant(id, work)
}

function set(target: SafetyTarget, state: SafetyLevel, more: Partial<SafetyChange> = {}, id = userId) {
  return asTenant(tx => changeSafety(tx, target, () => ({ state, reason: 'because', actor: `user:${id}`, ...more })), id)
}

const scopesOf = (id = userId, botId: string | null = null) => asTenant(tx => readSafetyScopes(tx, { botId }), id)
const levelOf = async (id = userId, botId: string | null = null) => ruling(await scopesOf(id, botId)).level

async function newBot(id = userId): Promise<string> {
  const bot = await asTenant(
    tx =>
      createBot(tx, { name: 'x', botType: 'dca', symbol: 'BTC/USDT', interval: '1h', config: { pairs: [] }, schemaVersion: 1 }),
    id,
  )
  return bot.botId
}

/** Past every rule, as somebody with the database's own password could. */
async function tamper(sql: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('set session_replication_role = replica')
  await client.query(sql, values)
  await client.end()
}

test('what was never written is normal', async () => {
  const scopes = await scopesOf()
  assert.deepEqual(
    scopes.map(each => [each.scope, each.level]),
    [
      ['global', 'normal'],
      ['tenant', 'normal'],
    ],
  )
})

test('a change is written with its history, its event and a wake-up, and rules from then on', async () => {
  const id = await createTestUser(database.db)
  const heard: string[] = []
  const unlisten = await database.db.listen('ek_command', payload => heard.push(payload))
  const { now, changed } = await set(tenant(id), 'halted', { reason: 'smoke' }, id)
  assert.deepEqual([changed, now.level, now.reason, now.rowVersion], [true, 'halted', 'smoke', 1])
  await set(tenant(id), 'normal', { reason: 'aired' }, id)
  const history = await asTenant(tx => listSafetyHistory(tx, 10, null), id)
  assert.deepEqual(
    history.map(each => [each.scope, each.before, each.state, each.reason]),
    [
      ['tenant', 'halted', 'normal', 'aired'],
      ['tenant', 'normal', 'halted', 'smoke'],
    ],
  )
  const { rows } = await asTenant(
    tx => tx.query<{ event_type: string; severity: string }>('select event_type, severity from system_events order by id'),
    id,
  )
  assert.deepEqual(rows, [
    { event_type: 'SAFETY_CHANGED', severity: 'critical' },
    { event_type: 'SAFETY_RESET', severity: 'info' },
  ])
  for (let i = 0; i < 100 && heard.length < 2; i += 1) await new Promise(done => setTimeout(done, 10))
  assert.deepEqual(heard, ['{"safety":"tenant"}', '{"safety":"tenant"}'])
  await unlisten()
})

test('a change that fails leaves neither row nor history', async () => {
  const id = await createTestUser(database.db)
  await assert.rejects(
    asTenant(async tx => {
      await changeSafety(tx, tenant(id), () => ({ state: 'halted', reason: 'x', actor: 'user:x' }))
      throw new Error('power cut')
    }, id),
    /power cut/,
  )
  assert.equal(await levelOf(id), 'normal')
  assert.deepEqual(await asTenant(tx => listSafetyHistory(tx, 10, null), id), [])
})

test('two at once: one writes, the other is told that the record has moved on', async () => {
  const id = await createTestUser(database.db)
  await set(tenant(id), 'paused', {}, id)
  const results = await Promise.allSettled([
    set(tenant(id), 'halted', { baseVersion: 1 }, id),
    set(tenant(id), 'normal', { baseVersion: 1 }, id),
  ])
  assert.equal(results.filter(each => each.status === 'fulfilled').length, 1)
  const lost = results.flatMap(each => (each.status === 'rejected' ? [(each.reason as { code?: string }).code] : []))
  assert.deepEqual(lost, ['VERSION_CONFLICT'])
  assert.equal((await asTenant(tx => listSafetyHistory(tx, 10, null), id)).length, 2)
})

test('tightening never loosens', async () => {
  const id = await createTestUser(database.db)
  await set(tenant(id), 'halted', {}, id)
  const outcome = await asTenant(
    tx => changeSafety(tx, tenant(id), tighten({ state: 'paused', reason: 'y', actor: 'trigger:x' })),
    id,
  )
  assert.deepEqual([outcome.changed, outcome.now.level], [false, 'halted'])
})

const DAMAGE: [string, string][] = [
  ['its state', `update safety_record set state = 'normal' where scope_id = $1`],
  ['its reason', `update safety_record set reason = 'nothing' where scope_id = $1`],
  ['its peak', `update safety_record set peak_equity = 5 where scope_id = $1`],
  ['its checksum', `update safety_record set checksum = '' where scope_id = $1`],
  ['its version', `update safety_record set version = version + 1 where scope_id = $1`],
]
for (const [what, sql] of DAMAGE) {
  test(`a record with ${what} altered is halted, and can be written anew`, async () => {
    const id = await createTestUser(database.db)
    await set(tenant(id), 'paused', { figures: { peakEquity: '10', dayStartEquity: '9', dayStartAtMs: 0, lossStreak: 1 } }, id)
    assert.equal(await levelOf(id), 'paused')
    await tamper(sql, [id])
    const damaged = (await scopesOf(id)).find(each => each.scope === 'tenant')
    assert.deepEqual([damaged?.level, damaged?.problem], ['halted', 'damaged'])
    await set(tenant(id), 'normal', {}, id)
    assert.equal(await levelOf(id), 'normal')
  })
}

test('a record that has disappeared is halted: of a person, of a bot, of the whole instance', async () => {
  const id = await createTestUser(database.db)
  const botId = await newBot(id)
  await set({ scope: 'bot', scopeId: botId }, 'normal', {}, id)
  await set(tenant(id), 'normal', {}, id)
  assert.equal(await levelOf(id, botId), 'normal')
  await tamper('delete from safety_record where scope_id = $1', [botId])
  assert.equal(await levelOf(id, botId), 'halted')
  assert.equal(await levelOf(id), 'normal', 'other bots go on')
  await tamper('delete from safety_record where scope_id = $1', [id])
  assert.equal(await levelOf(id), 'halted')
  await set({ scope: 'bot', scopeId: botId }, 'normal', {}, id)
  await set(tenant(id), 'normal', {}, id)
  assert.equal(await levelOf(id, botId), 'normal')

  await set(GLOBAL, 'normal')
  await tamper(`delete from safety_record where scope = 'global'`)
  assert.equal(await levelOf(id), 'halted')
  await set(GLOBAL, 'normal')
  assert.equal(await levelOf(id), 'normal')
})

test('without tampering a record with history cannot be deleted', async () => {
  const id = await createTestUser(database.db)
  await set(tenant(id), 'paused', {}, id)
  await assert.rejects(
    asTenant(tx => tx.query('delete from safety_record'), id),
    /safety_history/,
  )
  await assert.rejects(
    asTenant(tx => tx.query('delete from safety_history'), id),
    /permission denied/,
  )
})

test('the whole instance rules everybody; one person rules only himself', async () => {
  const a = await createTestUser(database.db)
  const b = await createTestUser(database.db)
  await set(tenant(a), 'halted', {}, a)
  assert.deepEqual([await levelOf(a), await levelOf(b)], ['halted', 'normal'])
  await set(GLOBAL, 'reduce_only', { reason: 'disk' }, a)
  assert.deepEqual([await levelOf(a), await levelOf(b)], ['halted', 'reduce_only'])
  assert.deepEqual(ruling(await scopesOf(b)), { level: 'reduce_only', reason: 'disk (the whole instance)' })
  assert.deepEqual(
    (await asTenant(tx => listSafetyHistory(tx, 1, null), b)).map(each => [each.scope, each.reason]),
    [['global', 'disk']],
  )
  await set(GLOBAL, 'normal', {}, a)
})

test("nobody sets or sees another person's record", async () => {
  const a = await createTestUser(database.db)
  const b = await createTestUser(database.db)
  const botId = await newBot(a)
  await set({ scope: 'bot', scopeId: botId }, 'paused', {}, a)
  for (const target of [tenant(a), { scope: 'bot', scopeId: botId }, { scope: 'account', scopeId: a }] as SafetyTarget[]) {
    await assert.rejects(set(target, 'halted', {}, b), { code: 'NOT_FOUND' }, target.scope)
  }
  const seen = await asTenant(tx => readSafetyScopes(tx, { botId, all: true }), b)
  assert.deepEqual(
    seen.map(each => [each.scope, each.level]),
    [
      ['global', 'normal'],
      ['tenant', 'normal'],
      ['bot', 'normal'],
    ],
    'asking for a bot of somebody else tells nothing of it',
  )
  assert.equal(await levelOf(a, botId), 'paused')
})

test('all scopes of a person are listed, the ones that have disappeared too', async () => {
  const id = await createTestUser(database.db)
  const bots = [await newBot(id), await newBot(id)]
  for (const botId of bots) await set({ scope: 'bot', scopeId: botId }, 'paused', {}, id)
  await tamper('delete from safety_record where scope_id = $1', [bots[1]])
  const all = await asTenant(tx => readSafetyScopes(tx, { all: true }), id)
  const found = new Map(all.map(each => [each.scopeId, each.problem ?? each.level]))
  assert.equal(found.size, 4)
  assert.deepEqual([found.get(bots[0]!), found.get(bots[1]!)], ['paused', 'missing'])
})

test('limits are stored by version; what cannot be read is no limit but a fault', async () => {
  const id = await createTestUser(database.db)
  assert.deepEqual(await asTenant(tx => readSafetyLimits(tx), id), { chosen: {}, version: 0 })
  assert.equal(await asTenant(tx => writeSafetyLimits(tx, { maxDailyLossPct: '5' }, 0), id), 1)
  assert.equal(await asTenant(tx => writeSafetyLimits(tx, { maxDailyLossPct: '6', maxRejectsPerMin: 3 }, 1), id), 2)
  await assert.rejects(
    asTenant(tx => writeSafetyLimits(tx, {}, 1), id),
    { code: 'VERSION_CONFLICT' },
  )
  assert.deepEqual(await asTenant(tx => readSafetyLimits(tx), id), {
    chosen: { maxDailyLossPct: '6', maxRejectsPerMin: 3 },
    version: 2,
  })
  await tamper(`update settings set value = '{"maxDailyLossPct": 6}' where user_id = $1`, [id])
  assert.equal((await asTenant(tx => readSafetyLimits(tx), id)).chosen, null)
})
