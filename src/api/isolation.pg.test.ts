// Two people, a traded bot each. Over every GET of the contract the second one sees none of the first one's rows, and can command none of
// his bots. The endpoints come from the contract: a new one is tested without being named here.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Route } from '../contract/http.ts'
import { ROUTES, type RouteName } from '../contract/routes.ts'
import { commitBatch, type RunContext } from '../storage/run-commit-store.ts'
import { startTestRun, testBatch } from '../storage/testing-batches.ts'
import { type Client, contractProblem, errorCode, openTestServer, type TestServer } from './testing.ts'

interface Person {
  readonly client: Client
  readonly run: RunContext
  readonly tradeId: string
  readonly orderId: string
  readonly sessionId: string
  readonly tokenId: string
}

let server: TestServer
let ada: Person
let bert: Person

async function person(): Promise<Person> {
  const client = await server.signUp()
  const { db } = server.database
  const run = await startTestRun(db, client.userId)
  for (let n = 1; n <= 3; n += 1) await commitBatch(db, run, testBatch(n))
  await db.withTenant(client.userId, tx =>
    tx.query(`insert into holdings (mode, exchange, currency, qty, user_id) values ('paper', 'paper_trading', $1, 1, $2)`, [
      `C${client.userId.slice(0, 4)}`,
      client.userId,
    ]),
  )
  const first = async (path: string, key: string): Promise<string> => {
    const reply = await client.call('GET', path)
    const [item] = (reply.body as { items: Record<string, string>[] }).items
    assert.ok(item?.[key], `${path} is empty: ${reply.text}`)
    return item[key]
  }
  const token = await client.call('POST', '/api/tokens', { body: { name: 'mine', scopes: ['bots:read'] } })
  return {
    client,
    run,
    tradeId: await first('/api/trades', 'id'),
    orderId: await first('/api/orders', 'orderId'),
    sessionId: await first('/api/auth/sessions', 'id'),
    tokenId: (token.body as { id: string }).id,
  }
}

before(async () => {
  server = await openTestServer()
  ada = await person()
  bert = await person()
})
after(() => server.close())

/** What would give the other one away, wherever it stands in an answer. */
function tracesOf(of: Person): string[] {
  return [of.client.userId, of.client.email, of.run.botId, of.run.runId, of.tradeId, of.orderId, of.sessionId, of.tokenId]
}

/** Paths of a route with the ids of one person filled in; every id where it is not known which one is meant. */
function pathsOf(definition: Route, of: Person): string[] {
  return [definition.path, ...(definition.aliases ?? [])]
    .flatMap(path => {
      if (!path.includes('{id}')) return [path]
      const ids = path.startsWith('/bots')
        ? [of.run.botId]
        : path.startsWith('/instruments')
          ? ['demo%3ABTC%2FUSDT']
          : [of.tradeId, of.orderId, of.run.runId, of.sessionId, of.tokenId]
      return ids.map(id => `/api${path.replace('{id}', id)}`)
    })
    .map(path => (path.startsWith('/api') ? path : `/api${path}`))
}

const QUERIES: Partial<Record<string, string>> = {
  listCandles: '?exchange=demo&symbol=BTC/USDT',
  listPositions: '?status=all',
  botPositions: '?status=all',
}
const READS = (Object.entries(ROUTES) as [RouteName, Route][]).filter(
  ([, route]) => route.method === 'GET' && !route.stream && route.access !== 'public',
)

for (const [name, definition] of READS) {
  test(`GET ${definition.path} shows nothing of another person`, async () => {
    const query = QUERIES[name] ?? ''
    for (const path of pathsOf(definition, ada)) {
      const reply = await bert.client.call('GET', `${path}${query}`)
      for (const trace of tracesOf(ada))
        assert.ok(!reply.text.includes(trace) || path.includes(trace), `${path} shows ${trace}: ${reply.text}`)
      if (path.includes(ada.run.botId) || definition.path.includes('{id}')) {
        if (!definition.path.startsWith('/instruments')) assert.equal(reply.status, 404, `${path} ${reply.text}`)
      } else assert.equal(contractProblem(name, reply), null)
    }
  })

  test(`GET ${definition.path} shows a person his own, as the contract says`, async () => {
    const query = QUERIES[name] ?? ''
    const replies = await Promise.all(pathsOf(definition, ada).map(path => ada.client.call('GET', `${path}${query}`)))
    const good = replies.filter(reply => reply.status === 200)
    assert.ok(good.length > 0, replies.map(reply => reply.text).join('\n'))
    for (const reply of good) assert.equal(contractProblem(name, reply), null)
  })
}

test('the endpoints with rows of a person answer him some, so that the silence above means something', async () => {
  const filled = [
    'listBots',
    'botRuns',
    'listOrders',
    'botOrders',
    'listPositions',
    'botPositions',
    'listFunds',
    'botFunds',
    'listTrades',
    'botTrades',
    'listEvents',
    'botLogs',
    'botVersions',
    'listSessions',
    'listTokens',
  ]
  for (const name of filled as RouteName[]) {
    const [path] = pathsOf(ROUTES[name] as Route, ada)
    const reply = await ada.client.call('GET', `${path}${QUERIES[name] ?? ''}`)
    assert.ok((reply.body as { items: unknown[] }).items.length > 0, `${path} is empty`)
  }
})

const WRITES = (Object.entries(ROUTES) as [RouteName, Route][]).filter(
  ([, route]) => route.method !== 'GET' && route.path.includes('{id}'),
)
for (const [, definition] of WRITES) {
  test(`${definition.method} ${definition.path} of another person's is 404 and changes nothing`, async () => {
    const rows = async () =>
      server.database.db.withSystem(async tx => {
        const bots = await tx.query('select bot_id, status, desired_state, version, deleted_at from bots where user_id = $1', [
          ada.client.userId,
        ])
        const rest = await tx.one(
          `select (select count(*) from bot_runs where user_id = $1) as runs, (select count(*) from system_events where user_id = $1) as events,
             (select count(*) from sessions where user_id = $1 and revoked_at is null) as sessions,
             (select count(*) from api_tokens where user_id = $1 and revoked_at is null) as tokens,
             (select count(*) from bot_state where user_id = $1) as states`,
          [ada.client.userId],
        )
        return { bots: bots.rows, rest }
      })
    const before = await rows()
    const body: Record<string, unknown> = { replaceBot: {}, startDeal: { symbol: 'BTC/USDT' } }
    const name = (Object.entries(ROUTES) as [RouteName, Route][]).find(([, route]) => route === definition)?.[0] ?? ''
    for (const path of pathsOf(definition, ada)) {
      const reply = await bert.client.call(definition.method, path, {
        body: body[name],
        headers: { 'idempotency-key': `x${path.length}` },
      })
      assert.equal(errorCode(reply), 'NOT_FOUND', `${path} ${reply.text}`)
    }
    assert.deepEqual(await rows(), before)
  })
}

test('without anybody signed in every endpoint that is not public is 401', async () => {
  for (const [, definition] of Object.entries(ROUTES) as [RouteName, Route][]) {
    if (definition.access === 'public') continue
    for (const path of pathsOf(definition, ada)) {
      const reply = await server.call(definition.method, path)
      assert.equal(errorCode(reply), 'UNAUTHENTICATED', `${definition.method} ${path} ${reply.text}`)
    }
  }
})

test('equal idempotency keys of two people are two keys', async () => {
  const make = (of: Person) =>
    of.client.call('POST', `/api/bots/${of.run.botId}/start-paper`, { headers: { 'idempotency-key': 'same' } })
  const [first, second] = [await make(ada), await make(bert)]
  assert.equal((first.body as { botId: string }).botId, ada.run.botId)
  assert.equal((second.body as { botId: string }).botId, bert.run.botId)
})
