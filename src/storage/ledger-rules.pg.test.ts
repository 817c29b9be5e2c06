// What the database itself refuses of the books: each rule is attacked as the app role, and as those who may do more.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Transaction } from './database.ts'
import { derivedUuid } from './ids.ts'
import { openRunWriter, type RunContext } from './run-commit-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'

let database: TestDatabase
let context: RunContext
let stranger: RunContext
before(async () => {
  database = await openTestDatabase()
  context = await startTestRun(database.db)
  stranger = await startTestRun(database.db)
  for (const run of [context, stranger]) {
    const writer = await openRunWriter(database.db, run)
    for (let n = 1; n <= 2; n += 1) await writer.commit(testBatch(n))
  }
})
after(() => database.close())

class Undo extends Error {}

/** Runs in a transaction that leaves nothing behind. */
async function trial<T>(
  work: (tx: Transaction) => Promise<T>,
  as: 'app' | 'superuser' | 'evenkeel_system' | 'evenkeel_owner' = 'app',
): Promise<T> {
  let result: { value: T } | null = null
  const inside = async (tx: Transaction): Promise<never> => {
    if (as !== 'app') await tx.query(as === 'superuser' ? 'reset role' : `set local role ${as}`)
    result = { value: await work(tx) }
    throw new Undo()
  }
  try {
    await (as === 'app'
      ? database.db.withTenant(context.userId, inside, { retries: 0 })
      : database.db.withSystem(inside, { retries: 0 }))
  } catch (error) {
    if (!(error instanceof Undo)) throw error
  }
  return (result as unknown as { value: T }).value
}

async function refused(
  sql: string,
  expected: { code: string; message?: RegExp },
  as?: Parameters<typeof trial>[1],
): Promise<void> {
  await assert.rejects(
    trial(tx => tx.query(sql), as),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, expected.code, error.message)
      if (expected.message) assert.match(error.message, expected.message)
      return true
    },
  )
}

interface Given {
  readonly id: string
  readonly kind?: string
  readonly bot_id?: string | null
  readonly currency?: string
}

const account = (name: string): string => derivedUuid('test account', name)

/** Books by the function, as a commit does. */
function book(tx: Transaction, accounts: readonly Given[], transfers: readonly object[]) {
  const named = accounts.map(each => ({ kind: 'free', bot_id: null, trade_id: null, currency: 'EUR', ...each }))
  const moved = transfers.map((each, i) => ({ id: `test-${i}`, kind: 'test', currency: 'EUR', amount: '1', ...each }))
  return tx.query(`select ek.book('paper', 'paper_trading', null, null, $1::jsonb, $2::jsonb)`, [
    JSON.stringify(named),
    JSON.stringify(moved),
  ])
}

const balanceOf = async (tx: Transaction, id: string): Promise<string | undefined> =>
  (await tx.one<{ balance: string }>('select balance from ledger_accounts where id = $1', [id]))?.balance

const PAIR: readonly Given[] = [{ id: account('a') }, { id: account('b'), kind: 'external' }]
const MOVE = { debit: account('a'), credit: account('b') }

describe('a transfer', () => {
  test('is booked on both of its accounts by the function that writes it, several of one statement together', async () => {
    await trial(async tx => {
      await book(tx, PAIR, [
        { ...MOVE, amount: '5' },
        { ...MOVE, id: 'second', amount: '0.25' },
        { id: 'back', debit: account('b'), credit: account('a'), amount: '1' },
      ])
      assert.deepEqual([await balanceOf(tx, account('a')), await balanceOf(tx, account('b'))], ['4.25', '-4.25'])
      const { rows } = await tx.query<{ booking: number }>(
        `select booking from ledger_transfers where currency = 'EUR' order by booking`,
      )
      assert.equal(rows.length, 3)
    })
  })

  test('is above zero, between two accounts of its currency, and written once', async () => {
    const bad = async (code: string, accounts: readonly Given[], transfers: readonly object[]): Promise<void> => {
      await assert.rejects(
        trial(tx => book(tx, accounts, transfers)),
        { code },
      )
    }
    await bad('23514', PAIR, [{ ...MOVE, amount: '0' }])
    await bad('23514', PAIR, [{ ...MOVE, amount: '-1' }])
    await bad('23514', PAIR, [{ debit: account('a'), credit: account('a') }])
    await bad('23503', [PAIR[0]!, { ...PAIR[1]!, currency: 'USD' }], [MOVE])
    await bad('23505', PAIR, [
      { ...MOVE, id: 'same' },
      { ...MOVE, id: 'same' },
    ])
  })

  test('names accounts that are given, and of the tenant who writes it', async () => {
    await assert.rejects(
      trial(tx => book(tx, [PAIR[0]!], [MOVE])),
      { code: '23503' },
    )
    await assert.rejects(
      trial(async tx => {
        await book(tx, PAIR, [{ ...MOVE, id: 'opens both' }])
        await book(tx, [PAIR[0]!], [MOVE])
      }),
      { code: 'EK004', message: /are not given/ },
    )
    const theirs = await database.db.withSystem(tx =>
      tx.one<{ id: string }>(`select id from ledger_accounts where user_id = $1 and kind = 'bot_free'`, [stranger.userId]),
    )
    const stolen = { id: theirs!.id, kind: 'bot_free', bot_id: stranger.botId, currency: 'USDT' }
    const own = { id: account('mine'), kind: 'unexplained', currency: 'USDT' }
    await assert.rejects(
      trial(tx => book(tx, [stolen, own], [{ debit: own.id, credit: stolen.id, currency: 'USDT', amount: '100' }])),
      { code: '23503' },
    )
    await assert.rejects(
      database.db.withApp(tx => book(tx, PAIR, [MOVE])),
      { code: 'EK004', message: /this transaction has none/ },
    )
  })

  test('is never changed nor emptied, whoever tries', async () => {
    await refused('update ledger_transfers set amount = 2', { code: '42501' })
    await refused('delete from ledger_transfers', { code: '42501' })
    await refused('update ledger_transfers set amount = 2', { code: 'EK004', message: /book the opposite one/ }, 'superuser')
    await refused('update ledger_transfers set amount = 2', { code: 'EK004' }, 'evenkeel_system')
    await refused('update ledger_transfers set amount = 2', { code: 'EK004' }, 'evenkeel_owner')
    await refused('truncate ledger_transfers', { code: 'EK004' }, 'superuser')
  })

  test('is written by the function alone', async () => {
    const insert = `insert into ledger_transfers (id, kind, debit_account_id, credit_account_id, amount, currency, user_id)
      select 'by hand', 'x', debit_account_id, credit_account_id, 1, currency, user_id from ledger_transfers limit 1`
    await refused(insert, { code: '42501' })
    await refused(insert, { code: 'EK004', message: /ek\.book alone/ }, 'superuser')
    await refused(insert, { code: 'EK004' }, 'evenkeel_owner')
  })

  test('that goes with its deal is booked back', async () => {
    await trial(async tx => {
      const sum = async () =>
        (await tx.one<{ n: string }>('select sum(abs(balance)) as n from ledger_accounts where trade_id is not null'))!.n
      assert.notEqual(Number(await sum()), 0)
      await tx.query('delete from ledger_transfers')
      assert.equal(Number(await sum()), 0)
      const all = await tx.one<{ n: number }>('select count(*)::integer as n from ledger_accounts where balance <> 0')
      assert.equal(all!.n, 0)
    }, 'evenkeel_system')
  })
})

describe('a balance', () => {
  test('changes by transfers alone', async () => {
    const update = 'update ledger_accounts set balance = balance + 1'
    await refused(update, { code: 'EK004', message: /by transfers alone/ })
    await refused(update, { code: 'EK004' }, 'superuser')
    await refused('update ledger_accounts set version = 0', { code: 'EK004' })
    await trial(async tx => {
      const { rowCount } = await tx.query('update ledger_accounts set updated_at = now()')
      assert.ok(rowCount > 0, 'what is not a balance may be written')
    })
  })

  test('begins with the first transfer: no account is opened by hand, and none becomes another', async () => {
    const insert = `insert into ledger_accounts (mode, exchange, currency, kind, balance, user_id)
      values ('paper', 'x', 'EUR', 'free', 0, '$USER')`
    await refused(insert.replace('$USER', context.userId), { code: '42501' })
    await refused(insert.replace('$USER', context.userId), { code: 'EK004', message: /opened by ek\.book/ }, 'superuser')
    for (const change of [`kind = 'free'`, `currency = 'EUR'`, `exchange = 'other'`, 'bot_id = null', 'trade_id = null']) {
      await refused(
        `update ledger_accounts set ${change} where kind = 'position'`,
        { code: 'EK004', message: /stays what it is/ },
        'evenkeel_system',
      )
    }
    await refused('delete from ledger_accounts', { code: '42501' })
    await refused('delete from ledger_accounts', { code: '23503' }, 'evenkeel_system')
  })

  test('of every account is what its transfers say, after bots of one tenant have written at once', async () => {
    const runs = await Promise.all(Array.from({ length: 3 }, () => startTestRun(database.db, context.userId)))
    await Promise.all(
      runs.map(async run => {
        const writer = await openRunWriter(database.db, run)
        for (let n = 1; n <= 20; n += 1) await writer.commit(testBatch(n))
      }),
    )
    const { rows } = await database.db.withSystem(tx =>
      tx.query(`select a.id from ledger_accounts a left join (
          select account, sum(amount) as sum from (select debit_account_id as account, amount from ledger_transfers
            union all select credit_account_id, -amount from ledger_transfers) s group by account) t on t.account = a.id
        where a.balance <> coalesce(t.sum, 0)`),
    )
    assert.deepEqual(rows, [])
  })
})

describe('facts', () => {
  test('of fills and journal are not changed nor removed by the app role', async () => {
    for (const table of ['fills', 'journal', 'ledger_transfers']) {
      await refused(`update ${table} set created_at = now()`, { code: '42501' })
      await refused(`delete from ${table}`, { code: '42501' })
      await refused(`truncate ${table}`, { code: '42501' })
    }
  })

  test('an execution is booked once: by its order on paper, by account, instrument and venue id in live', async () => {
    const copy = (columns: string, values: string): string =>
      `insert into fills (fill_id, order_id, trade_id, mode, connection_id, symbol, instrument_id, exchange_trade_id, side, qty, price, liquidity, filled_at, user_id)
       select gen_random_uuid(), ${columns}, trade_id, ${values}, side, qty, price, liquidity, filled_at, user_id from fills where side = 'buy' limit 1`
    await refused(copy('order_id', 'mode, connection_id, symbol, instrument_id, exchange_trade_id'), { code: '23505' })
    const key = `(select id from exchange_keys limit 1)`
    const otherOrder = `(select order_id from order_logs where purpose = 'tp' and user_id = '${context.userId}' limit 1)`
    await assert.rejects(
      trial(async tx => {
        await tx.query(
          `insert into exchange_keys (exchange, api_key_encrypted, api_secret_encrypted, permissions, user_id) values ('demo', 'x', 'x', '{}', $1)`,
          [context.userId],
        )
        const live = (order: string): string => copy(order, `'live', ${key}, symbol, instrument_id, 'v-1'`)
        await tx.query(live('order_id'))
        await tx.query(live(otherOrder))
      }),
      { code: '23505' },
    )
    await trial(async tx => {
      const { rowCount } = await tx.query(copy('order_id', `mode, connection_id, symbol, instrument_id, 'another'`))
      assert.equal(rowCount, 1, 'another id is another execution')
    })
  })
})
