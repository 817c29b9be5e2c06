// verify passes on a sound database, changes nothing, and names each thing that is broken.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { CATALOGUE } from './catalogue.ts'
import { openRunWriter } from './run-commit-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'
import { VERIFY_PARTS, verify } from './verify.ts'

let database: TestDatabase
let superuser: pg.Client

before(async () => {
  database = await openTestDatabase()
  superuser = new pg.Client({ connectionString: database.url })
  await superuser.connect()
  const writer = await openRunWriter(database.db, await startTestRun(database.db))
  for (let n = 1; n <= 5; n += 1) await writer.commit(testBatch(n))
})

after(async () => {
  await superuser.end()
  await database.close()
})

async function failures(part: 'full' | 'schema' | 'columns' | 'tables'): Promise<string[]> {
  const report = await verify(database.db, part)
  return report.checks
    .filter(check => check.status === 'failed')
    .flatMap(check => check.details.map(detail => `${check.name}: ${detail}`))
}

async function rowCounts(): Promise<string> {
  const counts: string[] = []
  for (const table of CATALOGUE) {
    const { rows } = await superuser.query<{ n: string }>(`select count(*) as n from ${table.name}`)
    counts.push(`${table.name} ${rows[0]!.n}`)
  }
  return counts.join('\n')
}

test('every part passes, twice, and changes no row count', async () => {
  const before = await rowCounts()
  for (const part of [...VERIFY_PARTS, 'full' as const]) {
    const report = await verify(database.db, part)
    assert.deepEqual(
      report.checks.filter(check => check.status === 'failed'),
      [],
    )
    assert.equal(report.ok, true)
  }
  assert.equal(await rowCounts(), before)
})

const SCHEMA_BREAKS: readonly { name: string; sql: string; expected: RegExp }[] = [
  {
    name: 'a column of another type',
    sql: 'alter table positions alter column avg_price type numeric',
    expected: /positions\.avg_price is numeric/,
  },
  {
    name: 'a column that may be null',
    sql: 'alter table bots alter column name drop not null',
    expected: /bots\.name is nullable/,
  },
  {
    name: 'another default',
    sql: `alter table bots alter column interval set default '5m'`,
    expected: /bots\.interval has default/,
  },
  { name: 'an unknown column', sql: 'alter table bots add column colour text', expected: /bots\.colour is not in the catalogue/ },
  { name: 'an unknown table', sql: 'create table stray (id integer)', expected: /table stray is not in the catalogue/ },
  { name: 'a missing index', sql: 'drop index idx_entry_time', expected: /trades \(entry_time\) is missing/ },
  {
    name: 'a missing foreign key',
    sql: 'alter table trades drop constraint trades_run_id_user_id_fkey',
    expected: /trades\.run_id -> bot_runs is missing/,
  },
  {
    name: 'a missing check',
    sql: 'alter table fills drop constraint fills_price_check',
    expected: /check \(price > 0\) of fills is missing/,
  },
  {
    name: 'a narrower list of values',
    sql: `alter table users drop constraint users_role_check; alter table users add constraint users_role_check check (role in ('owner', 'trader'))`,
    expected: /values of users\.role/,
  },
  { name: 'a missing policy', sql: 'drop policy tenant on bots', expected: /policy tenant of bots is missing/ },
  {
    name: 'one policy too many',
    sql: 'create policy leak on bots using (true)',
    expected: /policy leak of bots is not in the catalogue/,
  },
  { name: 'row level security not forced', sql: 'alter table bots no force row level security', expected: /bots is not forced/ },
  {
    name: 'a grant too many',
    sql: 'grant delete on journal to evenkeel_app',
    expected: /evenkeel_app may .*DELETE.* on journal/,
  },
  { name: 'a table everybody may read', sql: 'grant select on sessions to public', expected: /public may SELECT on sessions/ },
  {
    name: 'a migration that was edited',
    sql: `update schema_migrations set checksum = 'x' where version = 2`,
    expected: /0002_identity\.sql was edited/,
  },
]

/** What verify says of a database in which all of these were broken at once. */
async function verdictOn(breaks: readonly { sql: string }[]): Promise<string> {
  const own = await openTestDatabase()
  try {
    const writer = await openRunWriter(own.db, await startTestRun(own.db))
    for (let n = 1; n <= 5; n += 1) await writer.commit(testBatch(n))
    const client = new pg.Client({ connectionString: own.url })
    await client.connect()
    for (const { sql } of breaks) await client.query(sql)
    await client.end()
    const report = await verify(own.db, 'full')
    assert.equal(report.ok, false)
    return report.checks.flatMap(check => (check.status === 'failed' ? check.details : [])).join('\n')
  } finally {
    await own.close()
  }
}

const FACT_BREAKS: readonly { name: string; sql: string; expected: RegExp }[] = [
  {
    name: 'a balance that was raised',
    sql: `set role evenkeel_system; update ledger_accounts set balance = balance + 1 where kind = 'fees'; reset role`,
    expected: /sums to 1[\s\S]*its transfers say/,
  },
  { name: 'funds beside the ledger', sql: 'update funds set free = free + 0.01', expected: /funds of bot .* the ledger/ },
  { name: 'a position beside its fills', sql: 'update positions set qty = qty + 1', expected: /position of deal/ },
  {
    name: 'an order beside its fills',
    sql: 'update order_logs set filled_qty = 0.05 where sequence = 1',
    expected: /order .* its fills/,
  },
  {
    name: 'a journal entry that was changed',
    sql: `update journal set payload = '{"forged": true}' where seq = 2`,
    expected: /run .* at seq 2/,
  },
  { name: 'a journal entry that is gone', sql: 'delete from journal where seq = 3', expected: /run .* at seq 4/ },
  {
    name: 'a profit that is not the sum of its parts',
    sql: 'update trades set net_pnl = net_pnl + 1 where status = $$closed$$',
    expected: /deal .*: net/,
  },
]

let schemaVerdict = ''
let factVerdict = ''
before(async () => {
  schemaVerdict = await verdictOn(SCHEMA_BREAKS)
  factVerdict = await verdictOn(FACT_BREAKS)
})

for (const broken of SCHEMA_BREAKS) {
  test(`it names ${broken.name}`, () => assert.match(schemaVerdict, broken.expected))
}
for (const broken of FACT_BREAKS) {
  test(`it names ${broken.name}`, () => assert.match(factVerdict, broken.expected))
}

test('a part alone tells only its own failures', async () => {
  assert.deepEqual(await failures('tables'), [])
  assert.deepEqual(await failures('columns'), [])
})
