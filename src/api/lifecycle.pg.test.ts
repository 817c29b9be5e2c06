// Each status times each command (platform.md 3), through HTTP: what is answered, what is written, and what the worker is told.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEMO_INSTRUMENTS } from '../core/market/demo-instruments.ts'
import { pendingCommands } from '../storage/command-inbox.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import type { BotStatus } from './bot-commands.ts'
import { type Client, contractProblem, dcaConfig, errorCode, openTestServer, type TestServer } from './testing.ts'

let server: TestServer
let owner: Client
before(async () => {
  server = await openTestServer()
  await server.database.db.withApp(tx => upsertInstruments(tx, DEMO_INSTRUMENTS))
  owner = await server.signUp()
})
after(() => server.close())

const DESIRED: Record<BotStatus, string> = {
  inactive: 'stopped',
  stopped: 'stopped',
  starting: 'running',
  running: 'running',
  paused: 'paused',
  stopping: 'stopped',
  error: 'stopped',
}
const HAS_RUN: ReadonlySet<BotStatus> = new Set(['starting', 'running', 'paused', 'stopping'])

/** A bot in a status, as a worker would have left it. */
async function botIn(status: BotStatus): Promise<{ id: string; runId: string | null }> {
  const made = await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ name: `Bot ${status}` }) } })
  const { botId: id } = made.body as { botId: string }
  let runId: string | null = null
  if (HAS_RUN.has(status)) {
    const started = await owner.call('POST', `/api/bots/${id}/start-paper`, { body: { initialBalance: '1000' } })
    assert.equal(started.status, 202, started.text)
    runId = (started.body as { runId: string }).runId
  }
  await server.database.db.withTenant(owner.userId, tx =>
    tx.query('update bots set status = $2, desired_state = $3 where bot_id = $1', [id, status, DESIRED[status]]),
  )
  return { id, runId }
}

const told = (botId: string) => server.database.db.withTenant(owner.userId, tx => pendingCommands(tx, botId, 'paper', 0))

type Expected = readonly [status: number, code?: string]
interface Row {
  readonly 'start-paper': Expected
  readonly pause: Expected
  readonly resume: Expected
  readonly stop: Expected
  readonly stopClose: Expected
  readonly stopRelease: Expected
  readonly delete: Expected
}
const REFUSED: Expected = [409, 'INVALID_STATUS_TRANSITION']
const ACTIVE: Expected = [409, 'BOT_ACTIVE']
const OFF: Row = {
  'start-paper': [202],
  pause: REFUSED,
  resume: REFUSED,
  stop: [200],
  stopClose: [200],
  stopRelease: [200],
  delete: [200],
}
const ON: Row = {
  'start-paper': [200],
  pause: [202],
  resume: [200],
  stop: [202],
  stopClose: [202],
  stopRelease: [202],
  delete: ACTIVE,
}
const TABLE: Record<BotStatus, Row> = {
  inactive: OFF,
  stopped: OFF,
  starting: ON,
  running: ON,
  paused: { ...ON, 'start-paper': REFUSED, pause: [200], resume: [202] },
  stopping: { ...ON, 'start-paper': [202], pause: REFUSED, resume: REFUSED, stop: [200] },
  error: { ...OFF, stop: [202], stopClose: [202], stopRelease: [202] },
}

async function command(id: string, name: keyof Row) {
  if (name === 'delete') return owner.call('DELETE', `/api/bots/${id}`)
  if (name === 'stopClose') return owner.call('POST', `/api/bots/${id}/stop`, { body: { openDeals: 'close' } })
  if (name === 'stopRelease') return owner.call('POST', `/api/bots/${id}/stop`, { body: { openDeals: 'release' } })
  return owner.call('POST', `/api/bots/dca-bots/${id}/${name}`)
}

for (const [status, row] of Object.entries(TABLE) as [BotStatus, Row][]) {
  for (const [name, [expected, code]] of Object.entries(row) as [keyof Row, Expected][]) {
    test(`${name} of a bot that is ${status} answers ${expected} ${code ?? ''}`, async () => {
      const { id, runId } = await botIn(status)
      const before = await told(id)
      const reply = await command(id, name)
      assert.equal(`${reply.status} ${errorCode(reply) ?? ''}`, `${expected} ${code ?? ''}`, reply.text)
      const changed = expected === 202
      const newRun = changed && name === 'start-paper' && runId === null
      if (expected < 300 && name !== 'delete') {
        const route = name.startsWith('stop')
          ? 'stopBot'
          : name === 'start-paper'
            ? 'startPaper'
            : name === 'pause'
              ? 'pauseBot'
              : 'resumeBot'
        assert.equal(contractProblem(route, reply), null)
        const body = reply.body as { runId: string | null; mode: string | null }
        if (runId !== null) assert.equal(body.runId, runId, 'the same run')
        if (newRun) assert.equal(body.mode, 'paper')
      }
      const messages = (await told(id)).slice(before.length)
      assert.equal(messages.length, changed && runId !== null ? 1 : 0, `the worker was told ${JSON.stringify(messages)}`)
      const runs = await owner.call('GET', `/api/bots/${id}/runs`)
      const count = (runs.body as { items: unknown[] }).items.length
      assert.equal(count, (runId === null ? 0 : 1) + (newRun ? 1 : 0))
    })
  }
}

test('a wish counts before it is observed: pausing twice is "so already", stopping then starting keeps the run', async () => {
  const { id, runId } = await botIn('running')
  assert.equal((await command(id, 'pause')).status, 202)
  assert.equal((await command(id, 'pause')).status, 200)
  assert.equal((await command(id, 'stop')).status, 202)
  assert.equal((await command(id, 'resume')).status, 409)
  const again = await command(id, 'start-paper')
  assert.equal(again.status, 202)
  assert.equal((again.body as { runId: string }).runId, runId)
  assert.deepEqual(
    (await told(id)).map(one => one.kind),
    ['pause', 'stop', 'resume'],
  )
})

test('a bot in error without a run is stopped at once, since nobody else would observe it', async () => {
  const { id } = await botIn('error')
  assert.equal((await command(id, 'stop')).status, 202)
  assert.equal(((await owner.call('GET', `/api/bots/${id}`)).body as { status: string }).status, 'stopped')
  assert.equal((await command(id, 'stop')).status, 200)
})

test('two starts at once make one run', async () => {
  const { id } = await botIn('inactive')
  const replies = await Promise.all([command(id, 'start-paper'), command(id, 'start-paper')])
  assert.deepEqual(replies.map(reply => reply.status).sort(), [200, 202])
  const runs = (await owner.call('GET', `/api/bots/${id}/runs`)).body as { items: unknown[] }
  assert.equal(runs.items.length, 1)
})

test('without a body a paper run starts with 10000 in the quote, on the demo market', async () => {
  const { id } = await botIn('inactive')
  await command(id, 'start-paper')
  const [run] = (
    (await owner.call('GET', `/api/bots/${id}/runs`)).body as { items: { initialBalance: string; meta: unknown; mode: string }[] }
  ).items
  assert.ok(run)
  assert.equal(run.initialBalance, '10000')
  assert.equal(run.mode, 'paper')
  assert.deepEqual((run.meta as { feed: unknown }).feed, { kind: 'demo', speed: 1 })
})

test('a start it cannot fund, a feed it cannot have and a pair nobody knows are refused, with nothing begun', async () => {
  const { id } = await botIn('inactive')
  await server.database.db.withTenant(owner.userId, tx =>
    tx.query('update bots set required_capital = 113.8 where bot_id = $1', [id]),
  )
  const poor = await owner.call('POST', `/api/bots/${id}/start-paper`, { body: { initialBalance: '100' } })
  assert.equal(errorCode(poor), 'INSUFFICIENT_FUNDS')
  const made = await owner.call('POST', '/api/bots', { body: { config: dcaConfig({ exchange: 'binance' }) } })
  const other = (made.body as { botId: string }).botId
  const demo = await owner.call('POST', `/api/bots/${other}/start-paper`, { body: { feed: { kind: 'demo' } } })
  assert.equal(errorCode(demo), 'VALIDATION_ERROR')
  const unknown = await owner.call('POST', `/api/bots/${other}/start-paper`)
  assert.equal(errorCode(unknown), 'CONFLICT')
  for (const bot of [id, other]) {
    assert.deepEqual(((await owner.call('GET', `/api/bots/${bot}/runs`)).body as { items: unknown[] }).items, [])
    assert.equal(((await owner.call('GET', `/api/bots/${bot}`)).body as { status: string }).status, 'inactive')
  }
})

test('bodies of commands are read strictly', async () => {
  const { id } = await botIn('running')
  for (const [path, body] of [
    ['stop', { openDeals: 'burn' }],
    ['stop', { opendeals: 'close' }],
    ['pause', { until: 'tomorrow' }],
    ['resume', { now: true }],
    ['start-paper', { initialBalance: 1000 }],
    ['start-paper', { initialBalance: '-5' }],
    ['start-paper', { feed: { kind: 'demo', speed: 61 } }],
  ] as const) {
    const reply = await owner.call('POST', `/api/bots/${id}/${path}`, { body })
    assert.equal(errorCode(reply), 'VALIDATION_ERROR', `${path} ${JSON.stringify(body)} ${reply.text}`)
  }
  assert.deepEqual(await told(id), [])
})

test('a deal is started by hand only while the bot runs, on a pair it trades', async () => {
  const { id } = await botIn('running')
  const good = await owner.call('POST', `/api/bots/${id}/start-deal`, { body: { symbol: 'BTC/USDT' } })
  assert.equal(contractProblem('startDeal', good), null)
  assert.deepEqual(
    (await told(id)).map(({ n: _, ...one }) => one),
    [{ kind: 'start_deal', symbol: 'BTC/USDT' }],
  )
  const foreign = await owner.call('POST', `/api/bots/${id}/start-deal`, { body: { symbol: 'ETH/USDT' } })
  assert.equal(errorCode(foreign), 'VALIDATION_ERROR')
  const { id: off } = await botIn('inactive')
  const idle = await owner.call('POST', `/api/bots/${off}/start-deal`, { body: { symbol: 'BTC/USDT' } })
  assert.equal(errorCode(idle), 'INVALID_STATUS_TRANSITION')
})

test('live says what is missing, whatever else is wrong with the request', async () => {
  const { id } = await botIn('inactive')
  for (const body of [undefined, {}, { confirm: 'Bot inactive' }]) {
    const reply = await owner.call('POST', `/api/bots/${id}/start`, {
      body,
      headers: { 'idempotency-key': `live-${JSON.stringify(body)}` },
    })
    assert.equal(reply.status, 403)
    assert.equal(errorCode(reply), 'LIVE_DISABLED')
    assert.match(reply.text, /LIVE_TRADING_ENABLED/)
  }
  assert.equal((await owner.call('POST', '/api/bots/dca_bot_1_x/start', { body: {} })).status, 404)
})

test('with live switched on a missing confirmation is 409, and there is no connection to trade with', async () => {
  const live = await openTestServer({
    config: { host: '127.0.0.1', port: 0, trustedProxies: [], corsOrigins: [], authMode: 'local', liveTradingEnabled: true },
  })
  const person = await live.signUp()
  const made = await person.call('POST', '/api/bots', { body: { config: dcaConfig() } })
  const path = `/api/bots/${(made.body as { botId: string }).botId}/start`
  const start = (body: object, key: string) => person.call('POST', path, { body, headers: { 'idempotency-key': key } })
  assert.equal(errorCode(await start({}, 'a')), 'CONFIRMATION_REQUIRED')
  assert.equal(errorCode(await start({ confirm: 'btc dip' }, 'b')), 'CONFIRMATION_REQUIRED')
  assert.equal(errorCode(await start({ confirm: 'BTC dip' }, 'c')), 'CONNECTION_REQUIRED')
  assert.equal(errorCode(await person.call('POST', path, { body: { confirm: 'BTC dip' } })), 'PRECONDITION_REQUIRED')
  await live.close()
})

test('a replay of candles that nobody imported is refused at once, and says how to import them', async () => {
  const { id } = await botIn('stopped')
  const reply = await owner.call('POST', `/api/bots/${id}/start-paper`, {
    body: { feed: { kind: 'replay', exchange: 'kraken' } },
  })
  assert.equal(`${reply.status} ${errorCode(reply)}`, '409 CONFLICT', reply.text)
  assert.match(reply.text, /evenkeel candles import FILE --exchange kraken --symbol BTC\/USDT/)
  const runs = await owner.call('GET', `/api/bots/${id}/runs`)
  assert.deepEqual((runs.body as { items: unknown[] }).items, [])
})

test('a pause that is over already is refused', async () => {
  const { id } = await botIn('running')
  const reply = await owner.call('POST', `/api/bots/${id}/pause`, { body: { until: '2020-01-01T00:00:00Z' } })
  assert.equal(`${reply.status} ${errorCode(reply)}`, '422 VALIDATION_ERROR', reply.text)
  assert.match(reply.text, /OUT_OF_RANGE/)
  assert.deepEqual(await told(id), [])
})

test('after a panic the bot is meant to be paused, and resume is what it takes', async () => {
  const { id } = await botIn('running')
  const panic = await owner.call('POST', `/api/bots/${id}/panic`)
  assert.equal(panic.status, 202, panic.text)
  assert.equal((panic.body as { desiredState: string }).desiredState, 'paused')
  const again = await owner.call('GET', `/api/bots/${id}`)
  assert.equal((again.body as { desiredState: string }).desiredState, 'paused')
  assert.equal((await command(id, 'resume')).status, 202)
})

test('the default balance holds the reserve of every deal at once; a balance below one reserve is refused', async () => {
  const config = dcaConfig({ name: 'Large' })
  const made = await owner.call('POST', '/api/bots', { body: { config } })
  const { botId } = made.body as { botId: string }
  await server.database.db.withTenant(owner.userId, tx =>
    tx.query(`update bots set required_capital = 20000 where bot_id = $1`, [botId]),
  )
  const low = await owner.call('POST', `/api/bots/${botId}/start-paper`, { body: { initialBalance: '20059' } })
  assert.equal(`${low.status} ${errorCode(low)}`, '409 INSUFFICIENT_FUNDS', low.text)
  const started = await owner.call('POST', `/api/bots/${botId}/start-paper`)
  assert.equal(started.status, 202, started.text)
  const status = await owner.call('GET', `/api/bots/${botId}/status`)
  assert.equal((status.body as { initialBalance: string }).initialBalance, '20261')
})
