// Released coins: they leave the deal at their cost, stand in the holdings, and every figure counts them once.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Transfer } from '../core/ledger/transfer.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import { KEPT_COINS, PRICED_HOLDINGS } from './kept-coins.ts'
import { openRunWriter } from './run-commit-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'
import { verify } from './verify.ts'

let database: TestDatabase
before(async () => {
  database = await openTestDatabase()
})
after(() => database.close())

const QUANTITY = '0.1'

/** The second instant of the test run, ended by release in place of a sale. */
function releasing(basis = '10'): CommitBatch {
  const opened = testBatch(1)
  const sold = testBatch(2)
  const [trade] = sold.trades
  const transfer: Transfer = {
    cause: 'dust:1:1',
    kind: 'dust',
    debit: 'bot_dust',
    credit: 'position',
    currency: 'BTC',
    amount: Decimal.from(QUANTITY),
    tradeSeq: 1,
    orderKey: null,
    fillId: null,
  }
  const fee = Decimal.from('0.01')
  return {
    ...sold,
    orders: [],
    fills: [],
    transfers: [transfer],
    funds: opened.funds,
    trades: [
      {
        ...trade!,
        dealStatus: 'released',
        exitPrice: null,
        exitValue: null,
        grossPnl: ZERO,
        commission: fee,
        netPnl: fee.negated(),
        exitReason: 'manual',
        position: { ...trade!.position, realizedPnl: fee.negated(), feesPaid: fee, currentPrice: Decimal.from('98') },
      },
    ],
    state: {
      engine: {
        quote: 'USDT',
        dust: { BTC: { quantity: QUANTITY, basis } },
        pairs: { 'BTC/USDT': { lastPrice: '98' } },
      },
    },
  }
}

async function failed(): Promise<readonly string[]> {
  const report = await verify(database.db, 'full')
  return report.checks.filter(check => check.status === 'failed').map(check => check.name)
}

test('released coins become holdings at their cost, in the commit that releases them', async () => {
  const context = await startTestRun(database.db)
  const writer = await openRunWriter(database.db, context)
  await writer.commit(testBatch(1))
  await writer.commit(releasing())
  await database.db.withTenant(context.userId, async tx => {
    const holding = await tx.one('select mode, exchange, currency, qty, avg_price from holdings')
    assert.deepEqual(holding, { mode: 'paper', exchange: 'paper_trading', currency: 'BTC', qty: '0.1', avg_price: '100' })
    const kept = await tx.one(`select quote, qty, basis, price from (${KEPT_COINS}) coins where bot_id = $1`, [context.botId])
    assert.deepEqual(kept, { quote: 'USDT', qty: '0.1', basis: '10', price: '98' })
  })
  assert.deepEqual(await failed(), [])
})

test('verify names holdings that are not what the ledger kept, and cash that does not follow from the deals', async () => {
  await database.db.withSystem(tx => tx.query('update holdings set qty = 0.2'))
  assert.deepEqual(await failed(), ['holdings are the coins that bots keep outside of deals'])
  await database.db.withSystem(async tx => {
    await tx.query('update holdings set qty = 0.1')
    await tx.query('update positions set realized_pnl = realized_pnl + 1')
  })
  assert.deepEqual(await failed(), ['cash and the cost of what is held are the balance of the start and the realised result'])
})

test('coins that several bots released at other costs show their result without the dirt of an average', async () => {
  const { db } = database
  const userId = await createTestUser(db)
  for (const basis of ['10', '10.01', '10']) {
    const writer = await openRunWriter(db, await startTestRun(db, userId))
    await writer.commit(testBatch(1))
    await writer.commit(releasing(basis))
  }
  await db.withTenant(userId, async tx => {
    const shown = await tx.one(`select total_value, unrealized_pnl from (${PRICED_HOLDINGS}) shown`)
    assert.deepEqual(shown, { total_value: '29.4', unrealized_pnl: '-0.61' })
  })
})
