// What is asked across bots: ledger, dashboard, timeline; and commands on deals, copies of bots, accounts for others.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEMO_INSTRUMENTS } from '../../core/market/demo-instruments.ts'
import { Decimal, ZERO } from '../../core/money/decimal.ts'
import { pendingCommands } from '../../storage/command-inbox.ts'
import { upsertInstruments } from '../../storage/instrument-store.ts'
import { commitBatch, type RunContext } from '../../storage/run-commit-store.ts'
import { startTestRun, testBatch } from '../../storage/testing-batches.ts'
import { type Client, contractProblem, dcaConfig, errorCode, openTestServer, PASSWORD, type TestServer } from '../testing.ts'

let server: TestServer
let owner: Client
let run: RunContext
before(async () => {
  server = await openTestServer()
  await server.database.db.withApp(tx => upsertInstruments(tx, DEMO_INSTRUMENTS))
  owner = await server.signUp()
  run = await startTestRun(server.database.db, owner.userId)
  for (let n = 1; n <= 3; n += 1) await commitBatch(server.database.db, run, testBatch(n))
  await server.database.db.withTenant(owner.userId, tx =>
    tx.query(`update bots set status = 'running' where bot_id = $1`, [run.botId]),
  )
})
after(() => server.close())

const items = async <Row>(path: string): Promise<Row[]> => ((await owner.call('GET', path)).body as { items: Row[] }).items

test('per currency the balances of all accounts sum to zero, and transfers name both sides', async () => {
  const accounts = await items<{ id: string; currency: string; kind: string; balance: string }>('/api/ledger/accounts?limit=1000')
  const sums = new Map<string, Decimal>()
  for (const { currency, balance } of accounts) sums.set(currency, (sums.get(currency) ?? ZERO).plus(Decimal.from(balance)))
  assert.ok(accounts.length >= 6)
  for (const [currency, sum] of sums) assert.equal(sum.toString(), '0', currency)
  const transfers = await items<{ debitAccountId: string; debitKind: string; botId: string | null; amount: string }>(
    `/api/ledger/transfers?botId=${run.botId}`,
  )
  assert.ok(transfers.length >= 9)
  for (const transfer of transfers) {
    assert.equal(accounts.find(one => one.id === transfer.debitAccountId)?.kind, transfer.debitKind)
    assert.equal(transfer.botId, run.botId)
    assert.ok(Decimal.from(transfer.amount).isPositive())
  }
})

test('the dashboard counts bots, deals and money', async () => {
  const reply = await owner.call('GET', '/api/dashboard/summary')
  assert.equal(contractProblem('dashboardSummary', reply), null)
  const { bots, openDeals, funds } = reply.body as {
    bots: { total: number; running: number }
    openDeals: number
    funds: Record<string, string>[]
  }
  assert.deepEqual([bots.total, bots.running, openDeals], [1, 1, 1])
  const [usdt] = funds.filter(one => one['currency'] === 'USDT')
  const [bot] = await items<{ total: string }>(`/api/bots/${run.botId}/funds`)
  assert.equal(usdt?.['total'], bot?.total)
  assert.equal(
    usdt?.['equity'],
    Decimal.from(bot?.total ?? '0')
      .plus(Decimal.from(usdt?.['positionValue'] ?? '0'))
      .toString(),
  )
})

test('the timeline tells orders, fills and events in one order, page by page', async () => {
  const seen: { at: string; kind: string; id: string; title: string }[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const reply = await owner.call('GET', `/api/bots/${run.botId}/timeline?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
    assert.equal(contractProblem('botTimeline', reply), null)
    const page: { items: typeof seen; nextCursor: string | null } = reply.body as {
      items: typeof seen
      nextCursor: string | null
    }
    seen.push(...page.items)
    cursor = page.nextCursor
  }
  assert.equal(new Set(seen.map(one => `${one.kind} ${one.id}`)).size, seen.length)
  assert.deepEqual(
    seen.map(one => one.at),
    seen
      .map(one => one.at)
      .toSorted()
      .reverse(),
  )
  const kinds = new Set(seen.map(one => one.kind))
  for (const kind of ['order', 'fill', 'event']) assert.ok(kinds.has(kind), kind)
  assert.equal(seen.filter(one => one.kind === 'fill').length, 3)
  assert.ok(
    seen.some(one => one.title === 'bought 0.1 at 100'),
    JSON.stringify(seen.map(one => one.title)),
  )
})

test('a deal is closed by hand once; a closed one cannot be', async () => {
  const trades = await items<{ id: string; status: string }>('/api/trades')
  const [open, closed] = [trades.find(one => one.status === 'open'), trades.find(one => one.status === 'closed')]
  const reply = await owner.call('POST', `/api/deals/${open?.id}/close`)
  assert.equal(contractProblem('closeTrade', reply), null)
  assert.equal(reply.status, 202)
  assert.equal(errorCode(await owner.call('POST', `/api/trades/${closed?.id}/close`)), 'INVALID_DEAL_TRANSITION')
  assert.equal(errorCode(await owner.call('POST', '/api/trades/none/close')), 'NOT_FOUND')
  const panic = await owner.call('POST', `/api/bots/${run.botId}/panic`)
  assert.equal(contractProblem('panicBot', panic), null)
  const told = await server.database.db.withTenant(owner.userId, tx => pendingCommands(tx, run.botId, 'paper', 0))
  assert.deepEqual(
    told.map(({ n: _, ...one }) => one),
    [{ kind: 'close_deal', tradeSeq: 2 }, { kind: 'panic' }],
  )
})

test('a copy is a bot of its own, at version 1 and off', async () => {
  const made = await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ name: 'Original' }) } })
  const id = (made.body as { botId: string }).botId
  const copy = await owner.call('POST', `/api/bots/dca-bots/${id}/duplicate`)
  assert.equal(contractProblem('duplicateBot', copy), null)
  const bot = (await owner.call('GET', `/api/bots/${(copy.body as { botId: string }).botId}`)).body as {
    name: string
    status: string
    config: { name: string }
  }
  assert.deepEqual([bot.name, bot.config.name, bot.status], ['Original (copy)', 'Original (copy)', 'inactive'])
  const named = await owner.call('POST', `/api/bots/${id}/duplicate`, { body: { name: 'Second' } })
  assert.equal(named.status, 201)
  assert.deepEqual((await items<{ name: string }>('/api/bots')).map(one => one.name).slice(0, 2), ['Second', 'Original (copy)'])
})

test('the owner makes accounts; others do not', async () => {
  const body = { email: 'carla@example.org', password: PASSWORD }
  const made = await owner.call('POST', '/api/users', { body })
  assert.equal(contractProblem('createUser', made), null)
  assert.equal((made.body as { role: string }).role, 'trader')
  assert.equal(errorCode(await owner.call('POST', '/api/users', { body: { ...body, email: 'CARLA@example.org' } })), 'CONFLICT')
  assert.equal((await owner.call('POST', '/api/users', { body: { ...body, role: 'owner' } })).status, 422)
  const carla = await server.login('carla@example.org')
  assert.equal(errorCode(await carla.call('POST', '/api/users', { body: { ...body, email: 'd@example.org' } })), 'FORBIDDEN')
  assert.deepEqual(((await carla.call('GET', '/api/bots')).body as { items: unknown[] }).items, [])
})

test('a viewer reads and changes nothing', async () => {
  await owner.call('POST', '/api/users', { body: { email: 'viewer@example.org', password: PASSWORD, role: 'viewer' } })
  const viewer = await server.login('viewer@example.org')
  assert.equal((await viewer.call('GET', '/api/bots')).status, 200)
  assert.equal(errorCode(await viewer.call('POST', '/api/bots', { body: { config: dcaConfig() } })), 'FORBIDDEN')
})

test('a new password needs the present one and ends every other session', async () => {
  const [here, there] = [await server.login('carla@example.org'), await server.login('carla@example.org')]
  const change = (currentPassword: string, newPassword: string) =>
    here.call('POST', '/api/auth/password', { body: { currentPassword, newPassword } })
  const next = 'a quiet harbour at 5 in spring'
  assert.equal((await change('wrong-wrong-wrong-wrong', next)).status, 422)
  assert.equal((await change(PASSWORD, 'password1234')).status, 422)
  assert.equal((await change(PASSWORD, next)).status, 204)
  assert.equal((await here.call('GET', '/api/me')).status, 200)
  assert.equal((await there.call('GET', '/api/me')).status, 401)
  assert.equal(
    (await server.call('POST', '/api/auth/login', { body: { email: 'carla@example.org', password: PASSWORD } })).status,
    401,
  )
  await server.login('carla@example.org', next)
})
