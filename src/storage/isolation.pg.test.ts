// Tenant isolation, generated from the catalogue, and the proof that this test can fail.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { CATALOGUE } from './catalogue.ts'
import { probeIsolation } from './isolation-probe.ts'
import { rolledBack } from './rolled-back.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'

let database: TestDatabase

before(async () => {
  database = await openTestDatabase()
})

after(async () => {
  await database.close()
})

async function asSuperuser(statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(statements)
  await client.end()
}

test('every table of the schema is in the catalogue', async () => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<{ relname: string }>(
    `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') order by 1`,
  )
  await client.end()
  assert.deepEqual(
    rows.map(row => row.relname),
    CATALOGUE.map(table => table.name).sort(),
  )
})

test('two tenants cannot reach each other in any table', async () => {
  assert.deepEqual(await rolledBack(database.db, tx => probeIsolation(tx)), [])
})

test('the probe leaves nothing behind', async () => {
  const count = await rolledBack(database.db, tx => tx.one<{ n: number }>('select count(*)::integer as n from users'))
  assert.equal(count?.n, 0)
})

const BREAKS: readonly { name: string; sql: string; repair: string; expected: RegExp }[] = [
  {
    name: 'a policy that was removed',
    sql: 'drop policy tenant on fills',
    repair:
      'create policy tenant on fills to evenkeel_app, authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()))',
    expected: /row-level security|own rows are seen/,
  },
  {
    name: 'a policy that lets all rows through',
    sql: 'create policy leak on order_logs for select to evenkeel_app using (true)',
    repair: 'drop policy leak on order_logs',
    expected: /another tenant's rows are not seen/,
  },
  {
    name: 'row level security switched off',
    sql: 'alter table bots disable row level security',
    repair: 'alter table bots enable row level security',
    expected: /another tenant's rows are not seen/,
  },
  {
    name: 'an update granted on an append-only table',
    sql: 'grant update on journal to evenkeel_app',
    repair: 'revoke update on journal from evenkeel_app',
    expected: /no update at all/,
  },
  {
    name: 'a plain foreign key in place of the composite one',
    sql: `alter table fills drop constraint fills_order_id_user_id_fkey;
          alter table fills add constraint plain foreign key (order_id) references order_logs (order_id)`,
    repair: `alter table fills drop constraint plain;
             alter table fills add constraint fills_order_id_user_id_fkey foreign key (order_id, user_id) references order_logs (order_id, user_id)`,
    expected: /no child of another tenant's order_logs/,
  },
]

for (const broken of BREAKS) {
  test(`the probe finds ${broken.name}`, async () => {
    await asSuperuser(broken.sql)
    try {
      let found: string
      try {
        const failures = await rolledBack(database.db, tx => probeIsolation(tx))
        found = failures.map(failure => `${failure.table}: ${failure.assertion}`).join('\n')
      } catch (error) {
        found = (error as Error).message
      }
      assert.match(found, broken.expected)
    } finally {
      await asSuperuser(broken.repair)
    }
  })
}
