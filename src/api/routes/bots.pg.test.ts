// A bot's life through HTTP: made, read, edited as a new version, removed; and everything that is refused on the way.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEMO_INSTRUMENTS } from '../../core/market/demo-instruments.ts'
import { upsertInstruments } from '../../storage/instrument-store.ts'
import {
  type Client,
  contractProblem,
  dcaConfig,
  errorCode,
  NO_CANDLES,
  openTestServer,
  type Reply,
  type TestServer,
} from '../testing.ts'

let server: TestServer
let owner: Client
before(async () => {
  server = await openTestServer({ candles: { ...NO_CANDLES, lastPrice: async () => '60000' } })
  await server.database.db.withApp(tx => upsertInstruments(tx, DEMO_INSTRUMENTS))
  owner = await server.signUp()
})
after(() => server.close())

interface Detail {
  readonly path: string
  readonly code: string
  readonly message: string
}
const details = (reply: Reply): Detail[] => (reply.body as { error: { details: Detail[] } }).error.details

async function make(changes: Record<string, unknown> = {}): Promise<string> {
  const reply = await owner.call('POST', '/api/bots', { body: { config: dcaConfig(changes) } })
  assert.equal(reply.status, 201, reply.text)
  return (reply.body as { botId: string }).botId
}
const bots = async (): Promise<number> =>
  ((await owner.call('GET', '/api/bots?limit=1000')).body as { items: unknown[] }).items.length

test('a bot is made from the example, with the capital one deal needs at the last price', async () => {
  const reply = await owner.call('POST', '/api/bots/dca-bots', {
    body: { name: 'BTC dip', symbol: 'BTC/USDT', interval: '1h', config: dcaConfig() },
  })
  assert.equal(contractProblem('createBot', reply), null)
  const { botId, ...rest } = reply.body as { botId: string }
  assert.match(botId, /^dca_bot_\d{13}_[a-z0-9]+$/)
  assert.deepEqual(rest, { status: 'inactive', version: 1, requiredCapital: '113.81886516', conflicts: [] })
  assert.equal(reply.headers['location'], `/api/bots/${botId}`)
  const read = await owner.call('GET', `/api/bots/dca-bots/${botId}`)
  assert.equal(contractProblem('getBot', read), null)
  assert.equal(read.headers['etag'], '"1"')
})

test('outer fields fill what the config leaves out', async () => {
  const { name: _, pairs: __, timeframe: ___, ...config } = dcaConfig()
  const reply = await owner.call('POST', '/api/bots', { body: { name: 'Outer', symbol: 'ETH/USDT', interval: '4h', config } })
  assert.equal(reply.status, 201, reply.text)
  const bot = (await owner.call('GET', `/api/bots/${(reply.body as { botId: string }).botId}`)).body as Record<string, unknown>
  assert.deepEqual([bot['name'], bot['symbol'], bot['interval']], ['Outer', 'ETH/USDT', '4h'])
})

const BAD: readonly [string, unknown, [path: string, code: string][]][] = [
  ['an unknown key, with the key that was meant', { config: dcaConfig({ baseOrdr: {} }) }, [['config.baseOrdr', 'UNKNOWN_KEY']]],
  ['an unknown outer key', { config: dcaConfig(), owner: 'me' }, [['owner', 'UNKNOWN_KEY']]],
  ['a user id', { config: dcaConfig(), user_id: '00000000-0000-4000-8000-000000000001' }, [['user_id', 'UNKNOWN_KEY']]],
  [
    'an unknown symbol, with the one that was meant',
    { config: dcaConfig({ pairs: ['BTC/USDX'] }) },
    [['config.pairs[0]', 'UNKNOWN_SYMBOL']],
  ],
  ['a negative size', { config: dcaConfig({ baseOrder: { size: '-20' } }) }, [['config.baseOrder.size', 'OUT_OF_RANGE']]],
  ['a size that is no number', { config: dcaConfig({ baseOrder: { size: 'NaN' } }) }, [['config.baseOrder.size', 'NOT_DECIMAL']]],
  ['an unknown timeframe', { config: dcaConfig({ timeframe: '7m' }) }, [['config.timeframe', 'BAD_ENUM']]],
  ['outer fields that disagree', { name: 'Other', config: dcaConfig() }, [['name', 'OUT_OF_RANGE']]],
  ['no config', {}, [['config', 'WRONG_TYPE']]],
]
for (const [what, body, expected] of BAD) {
  test(`${what} is refused with its path, and nothing is made`, async () => {
    const before = await bots()
    const reply = await owner.call('POST', '/api/bots', { body })
    assert.equal(reply.status, 422, reply.text)
    assert.equal(errorCode(reply), 'VALIDATION_ERROR')
    assert.deepEqual(
      details(reply).map(one => [one.path, one.code]),
      expected,
    )
    assert.equal(await bots(), before)
  })
}

test('all that is wrong is named at once', async () => {
  const body = { config: dcaConfig({ baseOrdr: {}, timeframe: '7m', pairs: ['BTC/USDX'] }), extra: 1 }
  const reply = await owner.call('POST', '/api/bots', { body })
  assert.equal((reply.body as { error: { message: string } }).error.message, '4 problems')
  assert.match(details(reply).find(one => one.path === 'config.baseOrdr')?.message ?? '', /baseOrder\?/)
  assert.match(details(reply).find(one => one.path === 'config.pairs[0]')?.message ?? '', /BTC\/USDT\?/)
})

test('a config is tried without being stored', async () => {
  const before = await bots()
  const good = await owner.call('POST', '/api/bots/validate', {
    body: { config: dcaConfig({ exits: { takeProfit: { targets: [{ profitPct: '0.1', sellPct: '100' }] } } }) },
  })
  assert.equal(contractProblem('validateBot', good), null)
  const { ok, requiredCapital, conflicts } = good.body as { ok: boolean; requiredCapital: string; conflicts: { code: string }[] }
  assert.deepEqual([ok, requiredCapital, conflicts.map(one => one.code)], [true, '113.81886516', ['W_TP_BELOW_FEES']])
  const bad = await owner.call('POST', '/api/bots/validate', { body: { config: dcaConfig({ baseOrdr: 1 }) } })
  assert.equal(contractProblem('validateBot', bad), null)
  assert.equal((bad.body as { ok: boolean }).ok, false)
  assert.equal(await bots(), before)
})

test('an edit is a new version, made on a version that is named', async () => {
  const id = await make()
  const path = `/api/bots/${id}`
  const config = dcaConfig({ name: 'BTC dip 2', baseOrder: { size: '25' } })
  assert.equal(errorCode(await owner.call('PUT', path, { body: { config } })), 'PRECONDITION_REQUIRED')
  assert.equal(errorCode(await owner.call('PUT', path, { body: { config }, headers: { 'if-match': '*' } })), 'BAD_REQUEST')
  const edited = await owner.call('PUT', path, { body: { config, note: 'larger' }, headers: { 'if-match': '"1"' } })
  assert.equal(contractProblem('replaceBot', edited), null)
  assert.equal(edited.headers['etag'], '"2"')
  assert.equal((edited.body as { name: string }).name, 'BTC dip 2')
  const stale = await owner.call('PUT', path, { body: { config, baseVersion: 1 } })
  assert.equal(errorCode(stale), 'VERSION_CONFLICT')
  const versions = await owner.call('GET', `${path}/versions`)
  assert.equal(contractProblem('botVersions', versions), null)
  const items = (versions.body as { items: { version: number; note: string | null; config: { baseOrder: { size: string } } }[] })
    .items
  assert.deepEqual(
    items.map(one => [one.version, one.note, one.config.baseOrder.size]),
    [
      [2, 'larger', '25'],
      [1, null, '20'],
    ],
  )
})

test('of two edits of one version at once the second is told so', async () => {
  const id = await make()
  const edit = () => owner.call('PUT', `/api/bots/${id}`, { body: { config: dcaConfig({ name: 'raced' }), baseVersion: 1 } })
  const replies = await Promise.all([edit(), edit()])
  assert.deepEqual(replies.map(reply => reply.status).sort(), [200, 409])
})

test('a PUT replaces the whole config: what it leaves out is gone', async () => {
  const id = await make({ maxActiveDeals: 3 })
  const reply = await owner.call('PUT', `/api/bots/${id}`, { body: { config: dcaConfig(), baseVersion: 1 } })
  assert.equal((reply.body as { config: { maxActiveDeals: number } }).config.maxActiveDeals, 1)
})

test('a removed bot is gone, and its history stays', async () => {
  const id = await make()
  const gone = await owner.call('DELETE', `/api/bots/${id}`)
  assert.equal(contractProblem('deleteBot', gone), null)
  assert.equal((await owner.call('GET', `/api/bots/${id}`)).status, 404)
  assert.equal((await owner.call('DELETE', `/api/bots/${id}`)).status, 404)
  assert.equal((await owner.call('POST', `/api/bots/${id}/start-paper`)).status, 404)
  const logs = (await owner.call('GET', `/api/bots/${id}/logs`)).body as { items: { eventType: string }[] }
  assert.deepEqual(
    logs.items.map(one => one.eventType),
    ['BOT_DELETED', 'BOT_CREATED'],
  )
})

test('lists come in pages that miss nothing and repeat nothing', async () => {
  for (let i = 0; i < 5; i += 1) await make({ name: `Page ${i}` })
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Reply = await owner.call('GET', `/api/bots?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    assert.equal(contractProblem('listBots', page), null)
    const { items, nextCursor } = page.body as { items: { botId: string }[]; nextCursor: string | null }
    assert.ok(items.length <= 2)
    seen.push(...items.map(one => one.botId))
    cursor = nextCursor
  }
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen.length, await bots())
})

for (const query of [
  'limit=0',
  'limit=1001',
  'limit=ten',
  'limit=1&limit=2',
  'cursor=abc',
  'status=asleep',
  'user_id=1',
  'sort=name',
]) {
  test(`?${query} is refused with 422`, async () => {
    const reply = await owner.call('GET', `/api/bots?${query}`)
    assert.equal(reply.status, 422, reply.text)
    assert.equal(details(reply)[0]?.path, query.split('=')[0])
  })
}

const UNKNOWN = '00000000-0000-4000-8000-00000000000f'
for (const path of [
  '/bots/none',
  '/bots/none/orders',
  '/bots/dca-bots/status/none',
  `/orders/${UNKNOWN}`,
  '/orders/none',
  `/trades/${UNKNOWN}`,
  '/deals/none',
  `/runs/${UNKNOWN}`,
  '/runs/none',
  '/instruments/demo%3ANONE%2FUSDT',
]) {
  test(`GET ${path} is 404`, async () => assert.equal(errorCode(await owner.call('GET', `/api${path}`)), 'NOT_FOUND'))
}

for (const query of [
  '/orders?runId=none',
  '/orders?status=lost',
  '/trades?from=yesterday',
  '/trades?runId=1',
  '/positions?mode=demo',
  '/funds?by=coin',
  '/events?severity=loud',
]) {
  test(`GET ${query} is 422`, async () => assert.equal((await owner.call('GET', `/api${query}`)).status, 422))
}

test('text that SQL cannot hold is the client’s mistake, not ours', async () => {
  const reply = await owner.call('GET', '/api/bots/a%00b')
  assert.ok(reply.status === 400 || reply.status === 404, reply.text)
  const body = await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ name: 'a\u0000b' }) } })
  assert.ok(body.status === 400 || body.status === 422, body.text)
})

test('an instrument is found by its id, written into the path', async () => {
  const reply = await owner.call('GET', `/api/instruments/${encodeURIComponent('demo:BTC/USDT')}`)
  assert.equal(contractProblem('getInstrument', reply), null)
})

test('the same request under the same key acts once and answers the same', async () => {
  const before = await bots()
  const headers = { 'idempotency-key': 'make-one' }
  const body = { config: dcaConfig({ name: 'Once' }) }
  const first = await owner.call('POST', '/api/bots', { body, headers })
  const second = await owner.call('POST', '/api/bots', { body, headers })
  assert.equal(first.status, 201)
  assert.deepEqual([second.status, second.body], [first.status, first.body])
  assert.equal(second.headers['idempotency-replayed'], 'true')
  assert.equal(await bots(), before + 1)
  const other = await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ name: 'Twice' }) }, headers })
  assert.equal(errorCode(other), 'IDEMPOTENCY_MISMATCH')
  const elsewhere = await owner.call('POST', '/api/bots/dca-bots', { body, headers })
  assert.equal(errorCode(elsewhere), 'IDEMPOTENCY_MISMATCH')
})

test('two at once under one key: one acts, the other is told to wait or gets the reply', async () => {
  const before = await bots()
  const headers = { 'idempotency-key': 'at-once' }
  const body = { config: dcaConfig({ name: 'At once' }) }
  const replies = await Promise.all(Array.from({ length: 4 }, () => owner.call('POST', '/api/bots', { body, headers })))
  assert.ok(
    replies.every(reply => reply.status === 201 || errorCode(reply) === 'IDEMPOTENCY_IN_PROGRESS'),
    replies.map(reply => reply.text).join('\n'),
  )
  assert.equal(await bots(), before + 1)
})

test('a refused request may be sent again under its key once it is right', async () => {
  const headers = { 'idempotency-key': 'mended' }
  assert.equal((await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ nme: 1 }) }, headers })).status, 422)
  assert.equal((await owner.call('POST', '/api/bots', { body: { config: dcaConfig() }, headers })).status, 201)
})
