// Parity through HTTP: empty, of one deal, its sentence, and nothing of another tenant's.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEMO_INSTRUMENTS } from '../../core/market/demo-instruments.ts'
import { upsertInstruments } from '../../storage/instrument-store.ts'
import { saveParity } from '../../storage/parity-store.ts'
import { type Client, contractProblem, dcaConfig, errorCode, NO_CANDLES, openTestServer, type TestServer } from '../testing.ts'

let server: TestServer
let owner: Client
before(async () => {
  server = await openTestServer({ candles: { ...NO_CANDLES, lastPrice: async () => '60000' } })
  await server.database.db.withApp(tx => upsertInstruments(tx, DEMO_INSTRUMENTS))
  owner = await server.signUp()
})
after(() => server.close())

const RUN = '00000000-0000-4000-8000-0000000000aa'
const TRADE = '00000000-0000-4000-8000-0000000000bb'

test('a bot without deals has nothing to compare; a deal whose simulation is to come answers null; then its report is told in words', async () => {
  const made = await owner.call('POST', '/api/bots', { body: { config: dcaConfig() } })
  const { botId } = made.body as { botId: string }
  const empty = await owner.call('GET', `/api/bots/${botId}/parity`)
  assert.equal(contractProblem('botParity', empty), null)
  assert.deepEqual(empty.body, {
    items: [],
    nextCursor: null,
    summary: { matched: 0, union: 0, unavailable: 0, waiting: 0, deviation: '0', deviationBps: null },
  })
  const { db } = server.database
  const { rows } = await db.withSystem(tx => tx.query<{ user_id: string }>('select user_id from bots where bot_id = $1', [botId]))
  const userId = rows[0]!.user_id
  await db.withTenant(userId, async tx => {
    await tx.query(
      `insert into bot_runs (run_id, bot_id, bot_version, status, initial_balance, engine_version, user_id) values ($1, $2, 1, 'stopped', 100, '1', $3)`,
      [RUN, botId, userId],
    )
    await tx.query(
      `insert into trades (id, bot_id, run_id, trade_seq, bot_version, trade_type, entry_logic_name, exit_logic_name, symbol, instrument_id,
         interval, direction, status, deal_status, entry_time, exit_time, entry_value, net_pnl, user_id)
       values ($1, $2, $3, 1, 1, 'paper', 'immediate', 'dca_exits', 'BTC/USDT', 'demo:BTC/USDT', '1h', 'long', 'closed', 'closed',
         now(), now(), 80.096, 3.66, $4)`,
      [TRADE, botId, RUN, userId],
    )
  })
  const waiting = await owner.call('GET', `/api/trades/${TRADE}/parity`)
  assert.equal(contractProblem('tradeParity', waiting), null)
  assert.equal(waiting.body, null)
  const parts = {
    decisions: '0',
    quantity: '-0.99',
    entryLatency: '-0.032',
    entrySlippage: '-0.024',
    exitLatency: '-0.048',
    exitSlippage: '-0.032',
    fees: '0.041034',
    funding: '0',
    path: '0',
  }
  await saveParity(db, userId, {
    tradeId: TRADE,
    botId,
    runId: RUN,
    status: 'compared',
    reason: null,
    matched: true,
    cause: null,
    netPnl: '3.659984',
    simulatedPnl: '4.74495',
    difference: '-1.084966',
    entryValue: '80.096',
    parts,
    details: { missed: [], extra: [] },
    engineVersion: '1',
  })
  const told = await owner.call('GET', `/api/deals/${TRADE}/parity`)
  assert.equal(contractProblem('tradeParity', told), null)
  const report = told.body as { headline: string; parts: object }
  assert.equal(report.headline, '-1.08 USDT, of which -0.99 by another quantity and -0.05 by a later exit')
  assert.deepEqual(report.parts, parts)
  const list = await owner.call('GET', `/api/bots/${botId}/parity?runId=${RUN}`)
  assert.equal(contractProblem('botParity', list), null)
  const { items, summary } = list.body as { items: unknown[]; summary: object }
  assert.equal(items.length, 1)
  assert.deepEqual(summary, { matched: 1, union: 1, unavailable: 0, waiting: 0, deviation: '1.084966', deviationBps: '135.4582' })
})

test('what is not there is 404', async () => {
  assert.equal(errorCode(await owner.call('GET', '/api/bots/none/parity')), 'NOT_FOUND')
  assert.equal(errorCode(await owner.call('GET', '/api/trades/00000000-0000-4000-8000-00000000000f/parity')), 'NOT_FOUND')
})
