// Small rules of storage that need no database.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CATALOGUE, tableDefinition } from './catalogue.ts'
import { parseTable } from './catalogue-notation.ts'
import { databaseUrlFrom, resolveDatabaseUrl, URL_WAITS_MS } from './database.ts'
import { isConnectionError, StorageError, sqlState } from './errors.ts'
import { readMigrations } from './migrate.ts'
import { camelCase, isoTime, minimalDecimal, snakeCase } from './sql-types.ts'

test('numbers and times read from SQL', () => {
  assert.equal(minimalDecimal('1.500'), '1.5')
  assert.equal(minimalDecimal('100'), '100')
  assert.equal(minimalDecimal('-0.00'), '0')
  assert.equal(minimalDecimal('0.000000000000000001'), '0.000000000000000001')
  assert.equal(isoTime('2024-01-02 03:04:05+00'), '2024-01-02T03:04:05.000Z')
  assert.equal(isoTime('2024-01-02 03:04:05.678901+00'), '2024-01-02T03:04:05.678Z')
  assert.equal(isoTime('2024-01-02 03:04:05+02'), '2024-01-02T01:04:05.000Z')
  assert.equal(camelCase('total_pnl'), 'totalPnl')
  assert.equal(camelCase('tp1_price'), 'tp1Price')
  assert.equal(snakeCase('totalPnl'), 'total_pnl')
})

test('the catalogue reads its notation', () => {
  const table = parseTable(
    'x',
    'things',
    'T',
    'F',
    "id:u @bot? n0(a b) c{x/y}='x' d:z? user?",
    "U(a,b) where c = 'x'; I(d) idx_two(a,d); a > 0",
  )
  assert.deepEqual(
    table.columns.map(column => `${column.name} ${column.type}${column.nullable ? '?' : ''} ${column.default ?? ''}`.trim()),
    [
      'id uuid gen_random_uuid()',
      'bot_id text?',
      'a exact_num (0)::numeric',
      'b exact_num (0)::numeric',
      "c text 'x'::text",
      'd timestamptz?',
      'user_id uuid?',
      'created_at timestamptz now()',
      'updated_at timestamptz now()',
    ],
  )
  assert.deepEqual(table.primaryKey, ['id'])
  assert.deepEqual(
    table.indexes.map(index => [index.name, index.columns.join(), index.unique, index.where]),
    [
      [null, 'a,b', true, "c = 'x'"],
      [null, 'd', false, null],
      ['idx_two', 'a,d', false, null],
    ],
  )
  assert.deepEqual(table.checks, ['a > 0'])
  assert.deepEqual(
    table.references.map(reference => `${reference.column}->${reference.table}`),
    ['bot_id->bots', 'user_id->users'],
  )
  assert.throws(() => parseTable('x', 'bad', 'T', 'F', 'id:?u', ''), /cannot read/)
})

test('parents come before children in the catalogue, and every reference is known', () => {
  const seen = new Set<string>()
  for (const table of CATALOGUE) {
    for (const reference of table.references)
      assert.ok(seen.has(reference.table) || reference.table === table.name, `${table.name} -> ${reference.table}`)
    seen.add(table.name)
  }
  assert.equal(seen.size, CATALOGUE.length)
  assert.equal(tableDefinition('bots').primaryKey[0], 'bot_id')
  assert.throws(() => tableDefinition('nothing'), /not in the catalogue/)
})

test('every migration opens with a sentence', () => {
  for (const file of readMigrations()) assert.match(file.sql, /^-- [A-Z]/, file.name)
})

test('the database address: value, file, host variables, and the wait for a late one', async () => {
  assert.equal(databaseUrlFrom({}), undefined)
  assert.equal(databaseUrlFrom({ DATABASE_URL: ' postgres://a ' }), 'postgres://a')
  assert.throws(() => databaseUrlFrom({ DATABASE_URL_FILE: '/nonexistent' }), /nonexistent/)
  assert.throws(
    () => databaseUrlFrom({ SUPABASE_URL: 'https://x.supabase.co' }),
    (error: unknown) => error instanceof StorageError && error.exitCode === 2 && /connection string/.test(error.message),
  )
  assert.equal(
    URL_WAITS_MS.reduce((sum, ms) => sum + ms, 0),
    13_125,
  )
  const waited: number[] = []
  const wait = async (ms: number): Promise<void> => {
    waited.push(ms)
  }
  const late = await resolveDatabaseUrl(
    () => (waited.length < 2 ? { DATABASE_REQUIRED: '1' } : { DATABASE_REQUIRED: '1', DATABASE_URL: 'postgres://b' }),
    wait,
  )
  assert.equal(late, 'postgres://b')
  assert.deepEqual(waited, [1000, 1500])
  waited.length = 0
  await assert.rejects(
    resolveDatabaseUrl(() => ({ DATABASE_REQUIRED: '1' }), wait),
    (error: unknown) => error instanceof StorageError && error.code === 'DATABASE_URL_MISSING',
  )
  assert.deepEqual(waited, [...URL_WAITS_MS])
  assert.equal(await resolveDatabaseUrl(() => ({}), wait), undefined)
})

test('an outage is told from a refusal', () => {
  assert.equal(sqlState({ code: '23505' }), '23505')
  assert.equal(sqlState(new Error('x')), null)
  for (const outage of [
    { code: '57P01' },
    { code: '08006' },
    { code: 'ECONNREFUSED' },
    new Error('Connection terminated unexpectedly'),
  ]) {
    assert.equal(isConnectionError(outage), true)
  }
  for (const refusal of [{ code: '23505' }, { code: '40001' }, { code: 'EK001' }, new Error('no'), null]) {
    assert.equal(isConnectionError(refusal), false)
  }
})
