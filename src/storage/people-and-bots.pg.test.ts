// People sign up and in; bots are made, edited, run and deleted: the rules that the database layer keeps.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { findBot, listBots, listBotVersions, listRuns } from './bots-queries.ts'
import { createBot, deleteBot, newBotId, setBotStatus, updateBot } from './bots-store.ts'
import type { Transaction } from './database.ts'
import { StorageError } from './errors.ts'
import { listEvents } from './evidence-queries.ts'
import {
  authFailures,
  createSession,
  createToken,
  createUser,
  findLogin,
  findSession,
  findToken,
  findUser,
  listSessions,
  ownerExists,
  recordAuthAttempt,
  revokeSessions,
  revokeToken,
} from './identity-store.ts'
import { commitBatch } from './run-commit-store.ts'
import { endRun, startRun } from './runs-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'
import { verify } from './verify.ts'

let database: TestDatabase

before(async () => {
  database = await openTestDatabase()
})

after(async () => {
  await database.close()
})

function code(expected: string): (error: unknown) => boolean {
  return error => error instanceof StorageError && error.code === expected
}

const SOON = new Date(Date.now() + 3_600_000).toISOString()
const PAST = new Date(Date.now() - 1_000).toISOString()

function person(email: string, role: 'owner' | 'trader' = 'trader') {
  return { email, role, passwordHash: 'hash', dataKeyWrapped: 'wrapped', kekId: 'k1' }
}

test('one owner, whoever is faster; addresses are unique whatever their case', async () => {
  const { db } = database
  assert.equal(await ownerExists(db), false)
  const results = await Promise.allSettled([
    createUser(db, person('one@example.org', 'owner')),
    createUser(db, person('two@example.org', 'owner')),
  ])
  assert.deepEqual(results.map(result => result.status).sort(), ['fulfilled', 'rejected'])
  assert.equal(await ownerExists(db), true)
  const taken = results[0]!.status === 'fulfilled' ? 'ONE@example.org' : 'TWO@example.org'
  await assert.rejects(createUser(db, person(taken)), code('CONFLICT'))
  assert.equal((await findLogin(db, taken))?.role, 'owner')
  assert.equal(await findLogin(db, 'nobody@example.org'), null)
})

test('sessions and tokens are found by their hash while they are valid', async () => {
  const { db } = database
  const { id } = await createUser(db, person('sessions@example.org'))
  const session = (tokenHash: string, expiresAt: string) => ({
    tokenHash,
    ip: '127.0.0.1',
    userAgent: 'test',
    idleExpiresAt: expiresAt,
    expiresAt,
  })
  const { sessionId } = await db.withTenant(id, tx => createSession(tx, session('h1', SOON)))
  await db.withTenant(id, tx => createSession(tx, session('h2', PAST)))
  assert.equal((await findSession(db, 'h1'))?.userId, id)
  assert.equal(await findSession(db, 'h2'), null)
  assert.equal(await findSession(db, 'unknown'), null)
  assert.deepEqual(
    (await db.withTenant(id, listSessions)).map(row => row.id),
    [sessionId],
  )
  assert.equal(await db.withTenant(id, tx => revokeSessions(tx, sessionId)), 1)
  assert.equal(await findSession(db, 'h1'), null)

  const token = { name: 'script', prefix: 'ek_abc', tokenHash: 't1', scopes: ['bots:read'], cidrs: [], expiresAt: SOON }
  const { tokenId } = await db.withTenant(id, tx => createToken(tx, token))
  assert.deepEqual((await findToken(db, 't1'))?.scopes, ['bots:read'])
  assert.equal(await db.withTenant(id, tx => revokeToken(tx, tokenId)), true)
  assert.equal(await findToken(db, 't1'), null)
  assert.equal((await db.withTenant(id, findUser))?.email, 'sessions@example.org')
})

test('failures are counted by address since its last success, and by network address', async () => {
  const { db } = database
  const since = new Date(Date.now() - 60_000).toISOString()
  for (const success of [false, false, true, false]) await recordAuthAttempt(db, 'e1', '10.0.0.1', success)
  await recordAuthAttempt(db, 'e2', '10.0.0.1', false)
  const failures = await authFailures(db, 'e1', '10.0.0.1', since)
  assert.deepEqual([failures.byEmail, failures.byIp], [1, 4])
})

async function newBot(tx: Transaction, requiredCapital: string | null = null): Promise<string> {
  const bot = {
    name: 'Dip',
    botType: 'dca' as const,
    symbol: 'BTC/USDT',
    interval: '1h',
    config: { a: '1' },
    schemaVersion: 1,
    requiredCapital,
  }
  return (await createBot(tx, bot)).botId
}

test('each edit is a version; an edit of an old one is refused', async () => {
  const { db } = database
  const userId = await createTestUser(db)
  await db.withTenant(userId, async tx => {
    const botId = await newBot(tx)
    assert.match(botId, /^dca_bot_\d+_[0-9a-f]{6}$/)
    assert.deepEqual(await updateBot(tx, botId, { baseVersion: 1, config: { a: '2' }, schemaVersion: 1, requiredCapital: '5' }), {
      version: 2,
    })
    await assert.rejects(updateBot(tx, botId, { baseVersion: 1, config: {}, schemaVersion: 1 }), code('VERSION_CONFLICT'))
    const bot = await findBot(tx, botId)
    assert.deepEqual([bot?.version, bot?.config, bot?.requiredCapital, bot?.pausedBy], [2, { a: '2' }, '5', []])
    const versions = await listBotVersions(tx, botId)
    assert.deepEqual(
      versions.items.map(version => [version.version, version.config]),
      [
        [2, { a: '2' }],
        [1, { a: '1' }],
      ],
    )
  })
})

test('lists go on where a page ended', async () => {
  const { db } = database
  const userId = await createTestUser(db)
  const made: string[] = []
  for (let i = 0; i < 5; i += 1) made.push(await db.withTenant(userId, tx => newBot(tx)))
  await db.withTenant(userId, async tx => {
    const first = await listBots(tx, { limit: 2 })
    assert.deepEqual(
      first.items.map(bot => bot.botId),
      [made[4], made[3]],
    )
    const second = await listBots(tx, { limit: 2, cursor: first.nextCursor! })
    assert.deepEqual(
      second.items.map(bot => bot.botId),
      [made[2], made[1]],
    )
    const third = await listBots(tx, { limit: 2, cursor: second.nextCursor! })
    assert.deepEqual([third.items.map(bot => bot.botId), third.nextCursor], [[made[0]], null])
    await assert.rejects(listBots(tx, { cursor: 'nonsense' }), code('BAD_CURSOR'))
    await assert.rejects(listRuns(tx, { cursor: first.nextCursor! }), code('BAD_CURSOR'))
  })
})

test('a run needs the capital of one deal, and only one run is on', async () => {
  const { db } = database
  const userId = await createTestUser(db)
  const run = { mode: 'paper' as const, currency: 'USDT', engineVersion: 'test' }
  await db.withTenant(userId, async tx => {
    const botId = await newBot(tx, '113.8')
    await assert.rejects(startRun(tx, { ...run, botId, initialBalance: '100' }), code('INSUFFICIENT_FUNDS'))
    await assert.rejects(startRun(tx, { ...run, botId, initialBalance: '0' }), code('INSUFFICIENT_FUNDS'))
    await assert.rejects(startRun(tx, { ...run, botId: newBotId('dca'), initialBalance: '100' }), code('NOT_FOUND'))
    const { runId } = await startRun(tx, { ...run, botId, initialBalance: '1000' })
    await assert.rejects(startRun(tx, { ...run, botId, initialBalance: '1000' }), code('INVALID_STATUS_TRANSITION'))
    assert.deepEqual([(await findBot(tx, botId))?.status, (await findBot(tx, botId))?.desiredState], ['starting', 'running'])
    await assert.rejects(deleteBot(tx, botId), code('BOT_ACTIVE'))
    await endRun(tx, { runId, status: 'error', error: 'no candles' })
    await endRun(tx, { runId, status: 'error', error: 'again' })
    const bot = await findBot(tx, botId)
    assert.deepEqual([bot?.status, bot?.desiredState, bot?.lastError], ['error', 'stopped', 'no candles'])
    // The second run starts with its own balance; what the first one left has gone back.
    await startRun(tx, { ...run, botId, initialBalance: '500' })
    const free = await tx.one<{ balance: string }>(
      `select balance from ledger_accounts where bot_id = $1 and kind = 'bot_free'`,
      [botId],
    )
    assert.equal(free?.balance, '500')
    const events = await listEvents(tx, { botId, severity: 'error' })
    assert.deepEqual(
      events.items.map(event => event.eventType),
      ['RUN_FAILED'],
    )
  })
})

test('a bot with open deals stays; deleting one keeps its history', async () => {
  const { db } = database
  const context = await startTestRun(db)
  await commitBatch(db, context, testBatch(1))
  await db.withTenant(context.userId, async tx => {
    await endRun(tx, { runId: context.runId, status: 'stopped' })
    await assert.rejects(deleteBot(tx, context.botId), code('BOT_HAS_OPEN_DEALS'))
  })
  const other = await startTestRun(db, context.userId)
  await commitBatch(db, other, testBatch(1))
  await commitBatch(db, other, { ...testBatch(2), firstSeq: 2, lastSeq: 2 })
  await db.withTenant(context.userId, async tx => {
    await endRun(tx, { runId: other.runId, status: 'stopped' })
    await setBotStatus(tx, other.botId, { status: 'stopped' })
    await deleteBot(tx, other.botId)
    assert.equal(await findBot(tx, other.botId), null)
    const row = await tx.one<{ n: number }>('select count(*)::integer as n from trades where bot_id = $1', [other.botId])
    assert.equal(row?.n, 1)
    await assert.rejects(deleteBot(tx, other.botId), code('NOT_FOUND'))
  })
  const report = await verify(db, 'full')
  assert.deepEqual(
    report.checks.filter(check => check.status === 'failed'),
    [],
  )
})
