// Commits of a run: all or nothing, once, in order, under the lease; and what a restart finds.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { botStatusFigures, listBots } from './bots-queries.ts'
import { StorageError } from './errors.ts'
import { listLedgerTransfers } from './evidence-queries.ts'
import { commitBatch, GENESIS_HASH, loadRunState, openRunWriter, type RunContext } from './run-commit-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'
import { findOrder, listFunds, listOrders, listPositions, listTrades, tradeSummary } from './trading-queries.ts'
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

async function counts(context: RunContext): Promise<Record<string, number>> {
  const row = await database.db.withTenant(context.userId, tx =>
    tx.one<Record<string, number>>(
      `select (select count(*)::integer from journal where run_id = $1) as journal,
         (select count(*)::integer from order_logs where run_id = $1) as orders,
         (select count(*)::integer from fills f join order_logs o using (order_id) where o.run_id = $1) as fills,
         (select count(*)::integer from trades where run_id = $1) as trades`,
      [context.runId],
    ),
  )
  return row!
}

test('a deal is written whole, and reads back as it was', async () => {
  const { db } = database
  const context = await startTestRun(db)
  const writer = await openRunWriter(db, context)
  assert.deepEqual(await writer.commit(testBatch(1)), { written: true, tail: writer.tail() })
  await writer.commit(testBatch(2))
  assert.deepEqual(await counts(context), { journal: 2, orders: 2, fills: 2, trades: 1 })
  await db.withTenant(context.userId, async tx => {
    const { items: trades } = await listTrades(tx, { botId: context.botId })
    assert.equal(trades.length, 1)
    const trade = trades[0]!
    assert.deepEqual(
      {
        status: trade.status,
        net: trade.netPnl,
        gross: trade.grossPnl,
        commission: trade.commission,
        percent: trade.pnlPercentage,
      },
      { status: 'closed', net: '0.08', gross: '0.1', commission: '0.02', percent: '0.8' },
    )
    const { items: orders } = await listOrders(tx, { tradeId: String(trade.id) })
    const order = await findOrder(tx, String(orders[0]!.orderId))
    assert.equal(order?.fills.length, 1)
    assert.match(String(order?.clientOrderId), /^ek[0-9a-z]{16}$/)
    assert.deepEqual((await listPositions(tx)).items, [])
    assert.equal((await listPositions(tx, { status: 'closed' })).items.length, 1)
    const funds = await listFunds(tx, { by: 'bot' })
    assert.deepEqual(
      funds.items.map(row => [row.botId, row.currency, row.free, row.total]),
      [[context.botId, 'USDT', '10000.08', '10000.08']],
    )
    assert.equal((await listFunds(tx)).items[0]?.total, '10000.08')
    // Opening: deposit and allocation; then three transfers per fill.
    assert.equal((await listLedgerTransfers(tx)).items.length, 8)
    const summary = await tradeSummary(tx, { botId: context.botId })
    assert.deepEqual(
      { wins: summary.wins, net: summary.netPnl, rate: summary.winRate, factor: summary.profitFactor },
      { wins: 1, net: '0.08', rate: '100', factor: null },
    )
    const status = await botStatusFigures(tx, context.botId)
    assert.deepEqual(
      { equity: status?.equity, total: status?.totalPnl, realized: status?.realizedPnl, orders: status?.totalOrders },
      { equity: '10000.08', total: '0.08', realized: '0.08', orders: 2 },
    )
    assert.equal((await listBots(tx)).items[0]?.status, 'running')
  })
})

test('a restart finds the state, the end of the journal and the next deal number', async () => {
  const { db } = database
  const context = await startTestRun(db)
  assert.deepEqual((await loadRunState(db, context)).tail, { seq: 0, hash: GENESIS_HASH })
  const first = await openRunWriter(db, context)
  for (let n = 1; n <= 3; n += 1) await first.commit(testBatch(n))
  const saved = await loadRunState(db, context)
  assert.equal(saved.tail.seq, 3)
  assert.equal(saved.tail.hash, first.tail().hash)
  assert.equal(saved.nextBotTradeSeq, 3)
  assert.deepEqual(saved.state, { n: 3, filler: 'x'.repeat(600) })
  const second = await openRunWriter(db, context)
  await second.commit(testBatch(4))
  assert.deepEqual(await counts(context), { journal: 4, orders: 4, fills: 4, trades: 2 })
  // The first writer has been overtaken: nothing of it is written any more.
  await assert.rejects(first.commit(testBatch(4)), code('JOURNAL_GAP'))
  await assert.rejects(first.commit(testBatch(5)), code('JOURNAL_GAP'))
  assert.deepEqual(await counts(context), { journal: 4, orders: 4, fills: 4, trades: 2 })
})

test('gaps and repetitions are refused, and nothing of them stays', async () => {
  const { db } = database
  const context = await startTestRun(db)
  await commitBatch(db, context, testBatch(1))
  await assert.rejects(commitBatch(db, context, testBatch(1)), code('JOURNAL_GAP'))
  await assert.rejects(commitBatch(db, context, testBatch(3)), code('JOURNAL_GAP'))
  const writer = await openRunWriter(db, context)
  const repeated = { ...testBatch(2), fills: testBatch(1).fills, orders: [], transfers: [] }
  await assert.rejects(writer.commit(repeated), (error: { code?: string }) => error.code === '23505')
  assert.deepEqual(await counts(context), { journal: 1, orders: 1, fills: 1, trades: 1 })
  await writer.commit(testBatch(2))
})

test('a commit whose answer was lost is recognised when it is tried again', async () => {
  const { db } = database
  const context = await startTestRun(db)
  let lose: 'before' | 'after' | null = null
  const flaky = {
    ...db,
    pipelineTenant: async (...args: Parameters<typeof db.pipelineTenant>) => {
      const down = new StorageError('DATABASE_UNAVAILABLE', 'the connection was lost')
      if (lose === 'before') throw down
      const result = await db.pipelineTenant(...args)
      if (lose === 'after') throw down
      return result
    },
  }
  const writer = await openRunWriter(flaky, context)
  await writer.commit(testBatch(1))
  lose = 'after'
  await assert.rejects(writer.commit(testBatch(2)), code('DATABASE_UNAVAILABLE'))
  lose = null
  assert.equal((await writer.commit(testBatch(2))).written, false)
  lose = 'before'
  await assert.rejects(writer.commit(testBatch(3)), code('DATABASE_UNAVAILABLE'))
  lose = null
  assert.equal((await writer.commit(testBatch(3))).written, true)
  assert.deepEqual(await counts(context), { journal: 3, orders: 3, fills: 3, trades: 2 })
})

test('a state that is not the one of the journal is damage, not a start', async () => {
  const { db } = database
  const context = await startTestRun(db)
  await commitBatch(db, context, testBatch(1))
  await db.withTenant(context.userId, tx =>
    tx.query(`update bot_state set state = '{"n": 7}' where bot_id = $1`, [context.botId]),
  )
  await assert.rejects(loadRunState(db, context), code('STATE_DAMAGED'))
})

test('a lease that was taken over refuses the former holder', async () => {
  const { db } = database
  const base = await startTestRun(db)
  const claim = (worker: string) =>
    db.withApp(
      async tx =>
        (await tx.one<{ token: number | null }>('select ek.claim_scope($1, $2) as token', [`bot:${base.botId}`, worker]))?.token,
    )
  const renew = (worker: string, seconds: number) =>
    db.withApp(tx => tx.query(`select ek.renew_worker($1, 'host', 1, 'test', $2)`, [worker, seconds]))
  await renew('w1', 15)
  const token = await claim('w1')
  assert.equal(token, 1)
  assert.equal(await claim('w1'), 1)
  const context = { ...base, leaseToken: token ?? null, workerId: 'w1' }
  const writer = await openRunWriter(db, context)
  await writer.commit(testBatch(1))
  await renew('w2', 15)
  assert.equal(await claim('w2'), null)
  // Expired by less than five seconds: not yet.
  await renew('w1', -4)
  assert.equal(await claim('w2'), null)
  await renew('w1', -6)
  assert.equal(await claim('w2'), 2)
  await assert.rejects(writer.commit(testBatch(2)), code('LEASE_LOST'))
  assert.equal((await counts(context)).journal, 1)
  const successor = await openRunWriter(db, { ...context, leaseToken: 2, workerId: 'w2' })
  await successor.commit(testBatch(2))
  await assert.rejects(claim('unknown'), (error: { code?: string }) => error.code === 'EK001')
})

test('a worker claims up to its limit, and another one gets only what is free', async () => {
  const own = await openTestDatabase()
  try {
    const first = await startTestRun(own.db)
    for (let i = 0; i < 4; i += 1) await startTestRun(own.db, first.userId)
    const claim = (worker: string, atMost: number) =>
      own.db.withApp(async tx => {
        await tx.query(`select ek.renew_worker($1, 'host', 1, 'test', 15)`, [worker])
        const { rows } = await tx.query<{ bot_id: string; token: number }>('select bot_id, token from ek.claim_bots($1, $2)', [
          worker,
          atMost,
        ])
        return rows
      })
    const held = (await claim('w1', 2)).map(row => row.bot_id)
    assert.equal(held.length, 2)
    await startTestRun(own.db, first.userId)
    assert.deepEqual(
      (await claim('w1', 2)).map(row => row.bot_id),
      held,
    )
    assert.equal((await claim('w1', 5)).length, 5)
    const others = await claim('w2', 10)
    assert.equal(others.length, 1)
    const all = await claim('w1', 10)
    assert.equal(all.length, 5)
    assert.ok(all.every(row => row.token === 1 && row.bot_id !== others[0]!.bot_id))
    await own.db.withApp(tx => tx.query(`select ek.retire_worker('w2')`))
    assert.equal((await claim('w1', 10)).filter(row => row.token === 2).length, 1)
  } finally {
    await own.close()
  }
})

test('another tenant can neither see nor continue a run', async () => {
  const { db } = database
  const context = await startTestRun(db)
  await commitBatch(db, context, testBatch(1))
  const stranger = await createTestUser(db)
  const stolen = { ...context, userId: stranger }
  await assert.rejects(loadRunState(db, stolen), code('NOT_FOUND'))
  await assert.rejects(openRunWriter(db, stolen), code('NOT_FOUND'))
})

test('concurrent runs of one tenant share accounts without losing a transfer', async () => {
  const own = await openTestDatabase()
  try {
    const first = await startTestRun(own.db)
    const contexts = [first, ...(await Promise.all([1, 2, 3].map(() => startTestRun(own.db, first.userId))))]
    await Promise.all(
      contexts.map(async context => {
        const writer = await openRunWriter(own.db, context)
        for (let n = 1; n <= 20; n += 1) await writer.commit(testBatch(n))
      }),
    )
    const report = await verify(own.db, 'full')
    assert.deepEqual(
      report.checks.filter(check => check.status === 'failed'),
      [],
    )
    const fees = await own.db.withTenant(first.userId, tx =>
      tx.one<{ balance: string }>(`select balance from ledger_accounts where kind = 'fees'`),
    )
    assert.equal(fees?.balance, '0.8')
  } finally {
    await own.close()
  }
})

test('a bot whose run has ended is paused by nothing, whatever held it until then', async () => {
  const context = await startTestRun(database.db)
  const writer = await openRunWriter(database.db, context)
  const held = { ...testBatch(1), pausedBy: ['kill_switch'] } as const
  await writer.commit(held)
  const pauses = async () =>
    (
      await database.db.withTenant(context.userId, tx =>
        tx.query<{ paused_by: string[] }>('select paused_by from bots where bot_id = $1', [context.botId]),
      )
    ).rows[0]?.paused_by
  assert.deepEqual(await pauses(), ['kill_switch'])
  const last = testBatch(2)
  const endedAtMs = Date.UTC(2024, 0, 2)
  await writer.commit({
    ...last,
    pausedBy: ['kill_switch'],
    botStatus: 'stopped',
    totals: { ...last.totals, status: 'stopped', endedAtMs },
  })
  assert.deepEqual(await pauses(), [])
})
