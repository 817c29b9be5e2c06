// The store of exchange accounts on PostgreSQL keeps the promises of every store, and its rows are sound.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accountStoreConformance } from '../crash-lab/store-conformance.ts'
import {
  changeOf,
  commitOf,
  fillOf,
  moveOf,
  orderOf,
  START_MS,
  StoryBot,
  tradeOf,
  transfersOf,
} from '../crash-lab/store-story.ts'
import { createAccountStore } from './account-store.ts'
import type { Database } from './database.ts'
import { StorageError } from './errors.ts'
import { changeSafety } from './safety-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestAccount } from './testing-accounts.ts'
import { verify } from './verify.ts'

let database: TestDatabase

before(async () => {
  database = await openTestDatabase()
})

accountStoreConformance('PostgreSQL', async () => {
  const { db } = database
  const account = await startTestAccount(db)
  const other = await startTestAccount(db, 1)
  const { accountId, userId } = account.assignment
  let lost: 'before' | 'after' | null = null
  const flaky: Database = {
    ...db,
    pipelineTenant: async (...args: Parameters<typeof db.pipelineTenant>) => {
      const down = new StorageError('DATABASE_UNAVAILABLE', 'the connection was lost')
      if (lost === 'before') throw down
      const result = await db.pipelineTenant(...args)
      if (lost === 'after') throw down
      return result
    },
  }
  const [one, two] = account.botIds
  return {
    store: createAccountStore({ database: flaky, epoch: 1 }),
    assignment: account.assignment,
    botIds: [one!, two!],
    other: { assignment: other.assignment, botId: other.botIds[0]! },
    takeOver: account.takeOver,
    lose: when => {
      lost = when
    },
    reopened: () => createAccountStore({ database: db, epoch: 1 }),
    damageState: async botId => {
      await db.withTenant(userId, tx => tx.query(`update bot_state set state = '{"engine":{"n":7}}' where bot_id = $1`, [botId]))
    },
    setSafety: async (level, botId) => {
      const target = botId ? ({ scope: 'bot', scopeId: botId } as const) : ({ scope: 'account', scopeId: accountId } as const)
      await db.withTenant(userId, tx => changeSafety(tx, target, () => ({ state: level, reason: 'a test', actor: 'test' })))
    },
    counts: async () => {
      const row = await db.withTenant(userId, tx =>
        tx.one<Record<'journal' | 'orders' | 'fills' | 'transfers' | 'intents' | 'events', number>>(
          `select (select count(*)::integer from journal) as journal, (select count(*)::integer from order_logs) as orders,
             (select count(*)::integer from fills) as fills, (select count(*)::integer from ledger_transfers) as transfers,
             (select count(*)::integer from order_intents) as intents,
             (select count(*)::integer from system_events where run_id is not null) as events`,
        ),
      )
      return row!
    },
    close: async () => undefined,
  }
})

test('the rows of an account are sound: ledger, projections, journals', async () => {
  const { db } = database
  const own = await openTestDatabase()
  try {
    const account = await startTestAccount(own.db)
    const store = createAccountStore({ database: own.db, epoch: 1 })
    const bots = account.botIds.map(botId => new StoryBot(botId))
    await store.commit(account.assignment, commitOf({ transfers: [moveOf('deposit', 'free', 'external', '2000')] }))
    for (const bot of bots) {
      const order = orderOf({ tradeSeq: 1, purpose: 'base', sequence: 1 })
      const fill = fillOf(order, `f-${bot.botId}`, '0.3')
      const { tradeSeq, position } = tradeOf(1)
      await store.commit(
        account.assignment,
        commitOf({
          bots: [
            bot.batch({
              transfers: [moveOf('allocate', 'bot_free', 'free', '1000')],
              trades: [tradeOf(tradeSeq)],
              orders: [order],
              funds: [{ currency: 'USDT', free: moveOf('', 'free', 'fees', '1000').amount, locked: order.filledQuantity }],
            }),
          ],
          newIntents: [bot.intent(order)],
        }),
      )
      bot.seq = 1
      const cost = fill.price.times(fill.quantity)
      const left = moveOf('', 'free', 'fees', '1000').amount.minus(cost).minus(fill.fee)
      await store.commit(
        account.assignment,
        commitOf({
          bots: [
            bot.batch({
              fills: [fill],
              transfers: transfersOf(fill),
              orders: [
                { ...order, status: 'filled', filledQuantity: fill.quantity, filledValue: cost, closedAtMs: START_MS + 9 },
              ],
              funds: [{ currency: 'USDT', free: left, locked: order.filledQuantity }],
              trades: [
                tradeOf(1, 1, {
                  dealStatus: 'open',
                  openedAtMs: START_MS,
                  entryPrice: fill.price,
                  position: {
                    ...position,
                    quantity: fill.quantity,
                    basis: cost,
                    realizedPnl: fill.fee.negated(),
                    feesPaid: fill.fee,
                  },
                }),
              ],
            }),
          ],
          words: [bot.word(order, `v-${bot.botId}`)],
          intentChanges: [changeOf(bot.intent(order).id, 'settled')],
        }),
      )
      bot.seq = 2
    }
    const report = await verify(own.db, 'full')
    assert.deepEqual(
      // No candles are fed here: whether they are fresh is another question.
      report.checks.filter(check => check.status === 'failed' && !check.name.includes('fresh candles')),
      [],
    )
    const funds = await own.db.withTenant(account.assignment.userId, tx =>
      tx.query<{ bot_id: string | null; free: string }>('select bot_id, free from funds order by bot_id nulls last'),
    )
    assert.deepEqual(
      funds.rows.map(row => row.free),
      ['969.84', '969.84', '0'],
    )
  } finally {
    await own.close()
  }
  assert.equal(db.state(), 'up')
})

test('a worker that only believes to hold the account cannot write under a token nobody gave it', async () => {
  const account = await startTestAccount(database.db)
  const store = createAccountStore({ database: database.db, epoch: 1 })
  const forged = { ...account.assignment, token: account.assignment.token + 1 }
  await assert.rejects(store.load(forged, 0), { code: 'LEASE_LOST' })
  await assert.rejects(store.commit(forged, commitOf({})), { code: 'LEASE_LOST' })
})

test('a safety record that was tampered with halts', async () => {
  const { db } = database
  const { assignment, botIds } = await startTestAccount(db)
  const { userId, accountId } = assignment
  const target = { scope: 'account', scopeId: accountId } as const
  await db.withTenant(userId, tx => changeSafety(tx, target, () => ({ state: 'paused', reason: 'a test', actor: 'test' })))
  await db.withTenant(userId, tx => tx.query(`update safety_record set state = 'normal' where scope_id = $1`, [accountId]))
  const saved = await createAccountStore({ database: db, epoch: 1 }).load(assignment, 0)
  assert.deepEqual([saved.safety, ...saved.bots.map(bot => bot.safety)], ['halted', 'halted', 'halted'])
  assert.equal(saved.bots.length, botIds.length)
})

after(async () => {
  await database.close()
})
