// The store of exchange accounts on PostgreSQL keeps the promises of every store, and its rows are sound.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Transfer } from '../core/ledger/transfer.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { Order } from '../core/orders/order.ts'
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
import type { AccountCommit } from '../engine/account-store.ts'
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

test('the rows of an account are sound: ledger, projections, coins outside of deals, journals', async () => {
  const own = await openTestDatabase()
  try {
    const account = await startTestAccount(own.db)
    const store = createAccountStore({ database: own.db, epoch: 1 })
    const write = (commit: AccountCommit): Promise<void> => store.commit(account.assignment, commit)
    const share = Decimal.from('1000')
    const funds = (free: Decimal) => [{ currency: 'USDT', free, locked: ZERO }]
    await write(commitOf({ transfers: [moveOf('deposit', 'free', 'external', '2000.5')] }))
    for (const botId of account.botIds) {
      const bot = new StoryBot(botId)
      const order = orderOf({ tradeSeq: 1, purpose: 'base', sequence: 1 })
      const fill = fillOf(order, `f-${botId}`, '0.3', { feeEstimated: true })
      const cost = fill.price.times(fill.quantity)
      const rest = Decimal.from('0.1')
      const allocate = moveOf('allocate', 'bot_free', 'free', '1000')
      await write(
        commitOf({
          bots: [bot.batch({ transfers: [allocate], trades: [tradeOf(1)], orders: [order], funds: funds(share) })],
          newIntents: [bot.intent(order)],
        }),
      )
      bot.seq = 1
      const filled: Order = { ...order, status: 'filled', filledQuantity: fill.quantity, filledValue: cost, closedAtMs: START_MS }
      const toDust: Transfer = { ...moveOf('dust:1', 'bot_dust', 'position', '0.1', 'BTC'), tradeSeq: 1 }
      const position = {
        ...tradeOf(1).position,
        quantity: fill.quantity.minus(rest),
        basis: cost.minus(fill.price.times(rest)),
        realizedPnl: fill.fee.negated(),
        feesPaid: fill.fee,
      }
      const open = { dealStatus: 'open', openedAtMs: START_MS, entryPrice: fill.price, position } as const
      await write(
        commitOf({
          bots: [
            bot.batch({
              fills: [fill],
              transfers: [...transfersOf(fill), toDust],
              orders: [filled],
              funds: funds(share.minus(cost).minus(fill.fee)),
              trades: [tradeOf(1, 1, open)],
              state: { engine: { quote: 'USDT', pairs: {}, dust: { BTC: { quantity: rest, basis: fill.price.times(rest) } } } },
            }),
          ],
          words: [bot.word(order, `v-${botId}`)],
          intentChanges: [changeOf(bot.intent(order).id, 'settled')],
        }),
      )
    }
    const report = await verify(own.db, 'full')
    assert.deepEqual(
      // No candles are fed here: whether they are fresh is another question.
      report.checks.filter(check => check.status === 'failed' && !check.name.includes('fresh candles')),
      [],
    )
    const { rows } = await own.db.withTenant(account.assignment.userId, tx =>
      tx.query<{ free: string; qty: string; estimated: boolean }>(
        `select free, (select qty from holdings) as qty, (select bool_and(fee_estimated) from fills) as estimated
         from funds order by bot_id nulls last`,
      ),
    )
    assert.deepEqual(rows, [
      { free: '969.84', qty: '0.2', estimated: true },
      { free: '969.84', qty: '0.2', estimated: true },
      { free: '0.5', qty: '0.2', estimated: true },
    ])
  } finally {
    await own.close()
  }
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
