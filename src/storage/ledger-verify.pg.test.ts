// `evenkeel ledger verify` finds what was planted, one kind at a time, and nothing in sound books.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { verifyLedger } from './ledger-verify.ts'
import { openRunWriter, type RunContext } from './run-commit-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'

let database: TestDatabase
let context: RunContext
let other: RunContext
before(async () => {
  database = await openTestDatabase()
  for (const run of [await startTestRun(database.db), await startTestRun(database.db)]) {
    const writer = await openRunWriter(database.db, run)
    for (let n = 1; n <= 5; n += 1) await writer.commit(testBatch(n))
    other = context ?? run
    context = run
  }
})
after(() => database.close())

class Undo extends Error {}

/** What is found with this planted; undone afterwards. Triggers and references are off: somebody did it who could. */
async function found(...planted: string[]): Promise<string[]> {
  let lines: string[] = []
  const db = database.db
  const inOne: typeof db = {
    ...db,
    withSystem: (work, options) =>
      db.withSystem(
        async tx => {
          await tx.query('reset role')
          await tx.query(`set local session_replication_role = replica`)
          for (const sql of planted) {
            const { rowCount } = await tx.query(sql)
            assert.ok(rowCount > 0, `${sql} changes something`)
          }
          await tx.query('set local role evenkeel_system')
          const report = await work(tx)
          lines = (
            report as { differences: { check: string; what: string; stored: string; recomputed: string }[] }
          ).differences.map(each => `${each.check} | ${each.what} | ${each.stored} | ${each.recomputed}`)
          throw new Undo()
        },
        { ...options, readOnly: false },
      ),
  }
  await assert.rejects(verifyLedger(inOne), Undo)
  return lines
}

const DEAL = `(select id from trades where trade_seq = 1 and user_id = '$USER')`
const of = (sql: string): string => sql.replaceAll('$DEAL', DEAL).replaceAll('$USER', context.userId)

describe('sound books', () => {
  test('have no difference; what was looked at is counted', async () => {
    const report = await verifyLedger(database.db)
    assert.deepEqual(report.differences, [])
    assert.equal(report.ok, true)
    assert.deepEqual(report.checked, {
      transfers: 34,
      accounts: 26,
      fills: 10,
      orders: 10,
      positions: 6,
      funds: 2,
      holdings: 0,
      deals: 6,
      states: 0,
    })
  })

  test('of one bot are looked at alone', async () => {
    const report = await verifyLedger(database.db, { botId: context.botId })
    assert.equal(report.ok, true)
    assert.deepEqual([report.checked.fills, report.checked.deals, report.checked.transfers], [5, 3, 15])
    const elsewhere = await verifyLedger(database.db, { botId: other.botId })
    assert.equal(elsewhere.checked.fills, 5)
  })
})

describe('two bots that book at the same time', () => {
  let busy: TestDatabase
  before(async () => {
    busy = await openTestDatabase()
  })
  after(() => busy.close())

  test('have sound books, in whatever order their transfers were numbered', async () => {
    const asOwner = (sql: string) =>
      busy.db.withSystem(async tx => {
        await tx.query('reset role')
        await tx.query(sql)
      })
    const writers = []
    for (const run of [await startTestRun(busy.db), await startTestRun(busy.db)]) writers.push(await openRunWriter(busy.db, run))
    // Each transfer takes a while after it was given its number: that of the other bot is given the next one.
    await asOwner(`create function public.take_a_while() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$;
      create trigger take_a_while before insert on ledger_transfers for each row execute function public.take_a_while()`)
    for (let n = 1; n <= 4; n += 1) await Promise.all(writers.map(writer => writer.commit(testBatch(n))))
    const { rows } = await busy.db.withSystem(tx =>
      tx.query<{ n: number }>(`select count(*)::integer as n from (
        select fill_id, max(booking) - min(booking) + 1 > count(*) as is_cut from ledger_transfers where fill_id is not null group by fill_id) each
        where is_cut`),
    )
    assert.ok(rows[0]!.n > 2, 'they are mixed')
    const report = await verifyLedger(busy.db)
    assert.deepEqual(report.differences, [])
    assert.deepEqual([report.checked.fills, report.checked.deals], [8, 4])
  })
})

const PLANTED: readonly { name: string; sql: string; expected: readonly RegExp[]; only?: number }[] = [
  {
    name: 'a balance that was raised',
    sql: `update ledger_accounts set balance = balance + 1 where kind = 'fees' and user_id = '$USER'`,
    expected: [
      /^balance of an account \| .* fees USDT .* \| 1\.05 \| 0\.05$/,
      /^sum of a currency over all accounts \| USDT .* \| 1 \| 0$/,
    ],
    only: 2,
  },
  {
    name: 'a transfer that is gone',
    sql: `delete from ledger_transfers where kind = 'cost' and trade_id = $DEAL`,
    expected: [
      /^transfers of a fill: money \| fill .* \| 0 \| 10$/,
      /^balance of an account \| .*: bot_free/,
      /^balance of an account \| .*: market USDT/,
    ],
    only: 3,
  },
  {
    name: 'an amount that was changed',
    sql: `update ledger_transfers set amount = 0.2 where kind = 'quantity' and trade_id = $DEAL and booking = (select min(booking) from ledger_transfers where kind = 'quantity' and trade_id = $DEAL)`,
    expected: [/^transfers of a fill: coins \| .* \| -0\.2 \| -0\.1$/, /^balance of an account \| .*: position BTC/],
  },
  {
    name: 'a fee that was not charged',
    sql: `delete from ledger_transfers where kind = 'fee' and trade_id = $DEAL`,
    expected: [/^transfers of a fill: fee \| .* \| 0 \| 0\.01$/],
  },
  {
    name: 'a transfer of another order',
    sql: `update ledger_transfers set order_id = (select order_id from order_logs where trade_id <> $DEAL limit 1) where kind = 'cost' and trade_id = $DEAL`,
    expected: [/^transfers of a fill: order and deal \|/],
    only: 1,
  },
  {
    name: 'a fill of which nothing was booked',
    sql: `delete from ledger_transfers where fill_id = (select fill_id from fills where trade_id = $DEAL and side = 'sell')`,
    expected: [
      /^transfers of a fill \| fill .* \| none \| sell of 0\.1 at 101$/,
      /^position of a deal \| quantity of deal .* \| 0 \| 0\.1$/,
    ],
  },
  {
    name: 'a price of a fill that was changed',
    sql: `update fills set price = 100.5 where trade_id = $DEAL and side = 'buy'`,
    expected: [
      /^transfers of a fill: money \| .* \| 10 \| 10\.05$/,
      /^figures of a deal \| entry value of deal .* \| 10 \| 10\.05$/,
      /^figures of a deal \| net result of deal .* \| 0\.08 \| 0\.03$/,
      /^position of a deal \| realised result of deal .* \| 0\.08 \| 0\.03$/,
      /^fills of an order \| average price of order .* \| 100 \| 100\.5$/,
    ],
  },
  {
    name: 'an order that says more than its fills',
    sql: `update order_logs set filled_qty = 0.2 where trade_id = $DEAL and purpose = 'base'`,
    expected: [/^fills of an order \| filled quantity of order .* \| 0\.2 \| 0\.1$/],
    only: 1,
  },
  {
    name: 'an average price of an order',
    sql: `update order_logs set avg_price = 99 where trade_id = $DEAL and purpose = 'base'`,
    expected: [/^fills of an order \| average price of order .* \| 99 \| 100$/],
    only: 1,
  },
  {
    name: 'a position beside its fills',
    sql: `update positions set qty = 1, basis_current = 3 where trade_id = $DEAL`,
    expected: [/^position of a deal \| quantity of deal .* \| 1 \| 0$/, /^position of a deal \| cost of deal .* \| 3 \| 0$/],
    only: 2,
  },
  {
    name: 'a realised result and fees',
    sql: `update positions set realized_pnl = 1, fees_paid = 0 where trade_id = $DEAL`,
    expected: [/realised result of deal .* \| 1 \| 0\.08$/, /fees of deal .* \| 0 \| 0\.02$/],
    only: 2,
  },
  {
    name: 'figures of a deal',
    sql: `update trades set gross_pnl = 5, net_pnl = 4.98, commission = 0.03 where id = $DEAL`,
    expected: [
      /commission of deal .* \| 0\.03 \| 0\.02$/,
      /gross result of deal .* \| 5 \| 0\.1$/,
      /net result of deal .* \| 4\.98 \| 0\.08$/,
    ],
    only: 3,
  },
  {
    name: 'funds beside the ledger',
    sql: `update funds set free = free + 0.01, locked = 7 where user_id = '$USER'`,
    expected: [
      /^funds of a bot \| free USDT of bot .* \| 9990\.16 \| 9990\.15$/,
      /^funds of a bot \| locked USDT of bot .* \| 7 \| 0$/,
    ],
    only: 2,
  },
  {
    name: 'funds that are gone',
    sql: `delete from funds where user_id = '$USER'`,
    expected: [/^funds of a bot \| free USDT of bot .* \| 0 \| 9990\.15$/],
    only: 1,
  },
  {
    name: 'holdings that no bot keeps',
    sql: `insert into holdings (mode, exchange, currency, qty, user_id) values ('paper', 'paper_trading', 'BTC', 0.3, '$USER')`,
    expected: [/^holdings \| BTC on paper_trading .* \| 0\.3 \| 0$/],
    only: 1,
  },
  {
    name: 'a state that goes on with other money and coins',
    sql: `update bot_state set state = '{"engine": {"quote": "USDT", "free": "1", "reserved": "0", "dust": {"BTC": {"quantity": "0.2", "basis": "3"}}}}' where user_id = '$USER'`,
    expected: [
      /^state of a bot \| free USDT of bot .* \| 1 \| 9990\.15$/,
      /kept BTC of bot .* \| 0\.2 \| 0$/,
      /cost of kept BTC of bot .* \| 3 \| 0$/,
    ],
    only: 3,
  },
]

describe('it names', () => {
  for (const { name, sql, expected, only } of PLANTED) {
    test(name, async () => {
      const lines = await found(of(sql))
      for (const each of expected)
        assert.ok(
          lines.some(line => each.test(line)),
          `${each} in:\n${lines.join('\n')}`,
        )
      if (only !== undefined) assert.equal(lines.length, only, lines.join('\n'))
    })
  }
})
