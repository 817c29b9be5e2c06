// The kill switch over HTTP: who may set it, who may end it and with what, and what it refuses.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { SafetyView } from '../../contract/safety.ts'
import { commitBatch } from '../../storage/run-commit-store.ts'
import { startTestRun, testBatch } from '../../storage/testing-batches.ts'
import { addUser } from '../auth/sign-in.ts'
import {
  type Client,
  contractProblem,
  dcaConfig,
  errorCode,
  openTestServer,
  PASSWORD,
  type Reply,
  type TestServer,
} from '../testing.ts'

let server: TestServer
let owner: Client
let trader: Client
let viewer: Client

before(async () => {
  server = await openTestServer()
  owner = await server.signUp()
  trader = await server.signUp()
  const { randomBytes } = await import('node:crypto')
  await addUser(
    { database: server.database.db, random: randomBytes },
    { email: 'viewer@example.org', password: PASSWORD, role: 'viewer' },
  )
  viewer = await server.login('viewer@example.org')
})
after(() => server.close())

const kill = (client: Client, body: object = {}) =>
  client.call('POST', '/api/safety/kill-switch', { body: { reason: 'smoke in the room', ...body } })
const reset = (client: Client, body: object = {}) =>
  client.call('POST', '/api/safety/reset', { body: { reason: 'all is well again', password: PASSWORD, ...body } })
const safety = async (client: Client): Promise<SafetyView> => {
  const reply = await client.call('GET', '/api/safety')
  assert.equal(contractProblem('getSafety', reply), null)
  return reply.body as SafetyView
}

async function newBot(client: Client, config: Record<string, unknown> = {}): Promise<string> {
  const reply = await client.call('POST', '/api/bots', { body: { config: dcaConfig(config) } })
  assert.equal(reply.status, 201, reply.text)
  return (reply.body as { botId: string }).botId
}

async function token(client: Client, scopes: string[]): Promise<(method: string, path: string, body?: object) => Promise<Reply>> {
  const reply = await client.call('POST', '/api/tokens', { body: { name: scopes.join(), scopes } })
  const { token: secret } = reply.body as { token: string }
  return (method, path, body) => server.call(method, path, { body, headers: { authorization: `Bearer ${secret}` } })
}

test('set, seen with reason and person, and reset with reason and password', async () => {
  assert.equal((await safety(trader)).level, 'normal')
  const set = await kill(trader)
  assert.equal(contractProblem('killSwitch', set), null)
  const seen = await safety(trader)
  assert.equal(seen.level, 'halted')
  const own = seen.records.find(each => each.scope === 'tenant')
  assert.deepEqual(
    [own?.level, own?.reason, own?.actor, own?.problem],
    ['halted', 'smoke in the room', { kind: 'user', name: trader.email }, null],
  )
  assert.equal((await safety(owner)).level, 'normal', 'one person stops only himself')

  const again = await kill(trader)
  assert.deepEqual([again.status, (again.body as { changed: boolean }).changed], [200, false])
  const laxer = await kill(trader, { level: 'paused' })
  assert.deepEqual([laxer.status, errorCode(laxer)], [409, 'SAFETY_STATE'])

  for (const [body, status, code] of [
    [{ password: 'not the password 77' }, 403, 'STEP_UP_REQUIRED'],
    [{ password: undefined }, 422, 'VALIDATION_ERROR'],
    [{ reason: undefined }, 422, 'VALIDATION_ERROR'],
    [{ reason: '  ' }, 422, 'VALIDATION_ERROR'],
    [{ baseVersion: 99 }, 409, 'VERSION_CONFLICT'],
  ] as const) {
    const refused = await reset(trader, body)
    assert.deepEqual([refused.status, errorCode(refused)], [status, code], refused.text)
  }
  assert.equal((await safety(trader)).level, 'halted')
  const done = await reset(trader)
  assert.equal(contractProblem('resetSafety', done), null)
  assert.equal((await safety(trader)).level, 'normal')

  const history = await trader.call('GET', '/api/safety/history?limit=1')
  assert.equal(contractProblem('safetyHistory', history), null)
  const { items, nextCursor } = history.body as { items: { before: string; level: string; reason: string }[]; nextCursor: string }
  assert.deepEqual([items[0]?.before, items[0]?.level, items[0]?.reason], ['halted', 'normal', 'all is well again'])
  const rest = await trader.call('GET', `/api/safety/history?cursor=${nextCursor}`)
  assert.deepEqual(
    (rest.body as { items: { level: string }[]; nextCursor: null }).items.map(each => each.level),
    ['halted'],
  )
})

test('the whole instance belongs to owner and admin; a trader sees that it is stopped and why, not by whom', async () => {
  const refused = await kill(trader, { scope: 'global' })
  assert.deepEqual([refused.status, errorCode(refused)], [403, 'FORBIDDEN'])
  assert.equal((await kill(owner, { scope: 'global', level: 'reduce_only' })).status, 200)
  const seen = await safety(trader)
  assert.deepEqual([seen.level, seen.reason], ['reduce_only', 'smoke in the room (the whole instance)'])
  assert.equal(seen.records[0]?.actor?.name, 'An owner or admin of this instance')
  assert.ok(!seen.mayReset.includes('global'))
  assert.equal((await reset(trader, { scope: 'global' })).status, 403)
  assert.equal((await reset(owner, { scope: 'global' })).status, 200)
  assert.equal((await safety(trader)).level, 'normal')
})

test('a viewer looks and touches nothing', async () => {
  assert.equal((await safety(viewer)).level, 'normal')
  assert.deepEqual((await safety(viewer)).mayReset, [])
  for (const reply of [
    await kill(viewer),
    await reset(viewer),
    await viewer.call('PUT', '/api/safety', { body: { limits: {} } }),
  ]) {
    assert.deepEqual([reply.status, errorCode(reply)], [403, 'FORBIDDEN'])
  }
})

test('a token with trades:write sets, the whole instance only with admin; no token resets', async () => {
  const weak = await token(owner, ['bots:read'])
  assert.equal(errorCode(await weak('POST', '/api/safety/kill-switch', { reason: 'by token' })), 'SCOPE_MISSING')
  const strong = await token(owner, ['trades:write', 'bots:read'])
  const set = await strong('POST', '/api/safety/kill-switch', { reason: 'by token' })
  assert.equal(set.status, 200, set.text)
  assert.equal(
    errorCode(await strong('POST', '/api/safety/kill-switch', { reason: 'by token', scope: 'global' })),
    'SCOPE_MISSING',
  )
  const ended = await strong('POST', '/api/safety/reset', { reason: 'by token', password: PASSWORD })
  assert.deepEqual([ended.status, errorCode(ended)], [403, 'FORBIDDEN'])
  assert.equal((await safety(owner)).records.find(each => each.scope === 'tenant')?.actor?.kind, 'token')
  assert.equal((await reset(owner)).status, 200)
})

test("a bot of one's own can be stopped alone; one of somebody else is not there", async () => {
  const botId = await newBot(trader)
  assert.equal((await kill(trader, { scope: 'bot', scopeId: botId })).status, 200)
  const seen = await safety(trader)
  assert.equal(seen.level, 'normal', 'the others go on')
  assert.deepEqual(
    seen.records.filter(each => each.scope === 'bot').map(each => [each.name, each.level]),
    [['BTC dip', 'halted']],
  )
  for (const reply of [
    await kill(owner, { scope: 'bot', scopeId: botId }),
    await reset(owner, { scope: 'bot', scopeId: botId }),
    await kill(trader, { scope: 'bot', scopeId: 'dca_bot_0_none' }),
    await kill(trader, { scope: 'account', scopeId: owner.userId }),
  ]) {
    assert.deepEqual([reply.status, errorCode(reply)], [404, 'NOT_FOUND'])
  }
  assert.equal((await kill(trader, { scope: 'bot' })).status, 422)
  assert.equal((await kill(trader, { scopeId: botId })).status, 422)
  assert.ok(!(await owner.call('GET', '/api/safety/history?limit=1000')).text.includes(botId))
  const deal = await trader.call('POST', `/api/bots/${botId}/start-deal`, { body: {} })
  assert.deepEqual([deal.status, errorCode(deal)], [409, 'SAFETY_STATE'])
  assert.match(deal.text, /smoke in the room/)
})

test('bad input names the field', async () => {
  for (const [body, path] of [
    [{ reason: 'x' }, 'reason'],
    [{ reason: 'y'.repeat(501) }, 'reason'],
    [{ level: 'normal' }, 'level'],
    [{ level: 'HALTED' }, 'level'],
    [{ scope: 'everything' }, 'scope'],
    [{ flatten: 'yes' }, 'flatten'],
    [{ levle: 'halted' }, 'levle'],
    [{ userId: owner.userId }, 'userId'],
  ] as const) {
    const reply = await kill(trader, body)
    assert.equal(reply.status, 422, reply.text)
    assert.deepEqual(
      (reply.body as { error: { details: { path: string }[] } }).error.details.map(each => each.path),
      [path],
    )
  }
  assert.equal((await safety(trader)).records.find(each => each.scope === 'tenant')?.level, 'normal')
})

test('selling everything is a choice of its own, confirmed in words, and tells each open deal to close', async () => {
  const person = await server.signUp()
  const { db } = server.database
  const run = await startTestRun(db, person.userId)
  await commitBatch(db, run, testBatch(1))
  const open = await db.withTenant(person.userId, tx =>
    tx.one<{ n: number }>(`select count(*)::integer as n from trades where status = 'open' and parent_trade_id is null`),
  )
  assert.ok((open?.n ?? 0) > 0)
  const unconfirmed = await kill(person, { flatten: true, confirm: 'yes' })
  assert.deepEqual([unconfirmed.status, errorCode(unconfirmed)], [409, 'CONFIRMATION_REQUIRED'])
  assert.equal((await safety(person)).level, 'normal', 'nothing is done halfway')
  const ofOthers = await kill(owner, { scope: 'global', flatten: true, confirm: 'close all deals' })
  assert.equal(ofOthers.status, 422)
  const done = await kill(person, { flatten: true, confirm: 'close all deals' })
  assert.deepEqual([done.status, (done.body as { closing: number }).closing], [200, open?.n])
  const commands = await db.withTenant(person.userId, tx =>
    tx.one<{ kinds: string[] }>(
      `select array_agg(each ->> 'kind') as kinds from bot_state, jsonb_array_elements(state -> 'pending') each where scope = 'commands'`,
    ),
  )
  assert.deepEqual(
    commands?.kinds,
    Array.from({ length: open!.n }, () => 'close_deal'),
  )
  const without = await kill(await server.signUp(), {})
  assert.equal((without.body as { closing: number }).closing, 0)
})

test('limits: stored by version, refused where they make no sense, and a bot whose own limits lie outside does not start', async () => {
  const put = (body: object) => trader.call('PUT', '/api/safety', { body })
  for (const limits of [
    { maxDailyLossPct: 5 },
    { maxDailyLossPct: '0' },
    { maxDrawdownPct: '101' },
    { maxRejectsPerMin: 0 },
    { maxOrdersPerMin: 1.5 },
    { maxOrders: 3 },
  ]) {
    assert.equal((await put({ limits })).status, 422, JSON.stringify(limits))
  }
  const stored = await put({ limits: { maxDailyLossPct: '3', maxOrdersPer10Sec: 4 } })
  assert.equal(contractProblem('setSafetyLimits', stored), null)
  const { version } = stored.body as { version: number }
  const late = await put({ limits: {}, baseVersion: version - 1 })
  assert.equal(late.status, 409)
  assert.match(late.text, new RegExp(`changed since version ${version - 1}\\.`))
  assert.deepEqual((await safety(trader)).limits, { chosen: { maxDailyLossPct: '3', maxOrdersPer10Sec: 4 }, version })

  const loose = await newBot(trader, { name: 'loose', risk: { maxDailyLossPct: '5' } })
  const refused = await trader.call('POST', `/api/bots/${loose}/start-paper`)
  assert.deepEqual([refused.status, errorCode(refused)], [422, 'SAFETY_LIMIT_TIGHTER'])
  assert.match(refused.text, /maxDailyLossPct of 3 is tighter than risk\.maxDailyLossPct of 5/)
  const many = await newBot(trader, {
    name: 'many',
    averaging: {
      rule: { type: 'ladder', stepPct: '1', stepScale: '1' },
      amount: { type: 'fixed', value: '20' },
      maxOrders: 8,
      activeOrdersCount: 8,
    },
  })
  const burst = await trader.call('POST', `/api/bots/${many}/start-paper`)
  assert.deepEqual([burst.status, errorCode(burst)], [422, 'SAFETY_LIMIT_TIGHTER'])
  assert.match(burst.text, /maxOrdersPer10Sec of 4 is tighter than averaging\.activeOrdersCount of 9/)
  await put({ limits: { maxDailyLossPct: '5', maxOrdersPer10Sec: 9 } })
  for (const botId of [loose, many]) {
    const started = await trader.call('POST', `/api/bots/${botId}/start-paper`)
    assert.equal(started.status, 202, started.text)
  }
})

test('the state of the system says what is allowed', async () => {
  const reply = await trader.call('GET', '/api/system/status')
  assert.equal(contractProblem('systemStatus', reply), null)
  assert.deepEqual((reply.body as { safety: object }).safety, { level: 'normal', reason: '' })
})

test('a question that takes nothing says so', async () => {
  const reply = await trader.call('GET', '/api/safety?x=1')
  assert.equal(reply.status, 422)
  assert.match(reply.text, /unknown key: none is known here/)
})
