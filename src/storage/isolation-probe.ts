// Proves tenant isolation, table by table, as the catalogue lists them: two tenants with a row in each table, and every way by which the
// one could reach the other's. Runs inside a transaction that the caller rolls back; needs a login that may act as other roles.

import { randomBytes, randomUUID } from 'node:crypto'
import { CATALOGUE, type ColumnDefinition, type TableDefinition } from './catalogue.ts'
import { globalRowsVisible, grantsOf, hasOneDoor } from './catalogue-notation.ts'
import type { Transaction } from './database.ts'
import { sqlState } from './errors.ts'

export interface ProbeFailure {
  readonly table: string
  readonly assertion: string
  readonly detail: string
}

interface Tenant {
  readonly id: string
  /** Primary key of this tenant's row, by table. */
  readonly rows: Map<string, Record<string, unknown>>
}

type Values = Record<string, unknown>

function sampleOf(column: ColumnDefinition, tag: string): unknown {
  if (column.values) return column.values[0]
  switch (column.type) {
    case 'text':
      return `${column.name}-${tag}`
    case 'uuid':
      return randomUUID()
    case 'exact_num':
    case 'integer':
    case 'bigint':
      return 1
    case 'boolean':
      return false
    case 'timestamptz':
      return new Date().toISOString()
    case 'jsonb':
      return '{}'
  }
}

/** Columns whose value makes a row distinct although they may be null. */
const DISTINGUISHING: Record<string, readonly string[]> = { safety_record: ['scope_id'], webhooks: ['path_token_hash'] }

function rowFor(table: TableDefinition, tenant: Tenant | null, shared: Map<string, Values>, tag: string): Values {
  const row: Values = {}
  for (const column of table.columns) {
    if (column.kind !== 'plain') continue
    const reference = table.references.find(candidate => candidate.column === column.name)
    if (column.name === 'user_id') row.user_id = tenant?.id
    else if (reference) {
      if (column.nullable && reference.table === table.name) continue
      const parent = tenant?.rows.get(reference.table) ?? shared.get(reference.table)
      if (parent) row[column.name] = parent[keyOf(reference.table)]
    } else if (!column.nullable || DISTINGUISHING[table.name]?.includes(column.name)) {
      if (column.default !== null && column.type !== 'uuid') continue
      row[column.name] = sampleOf(column, tag)
    }
  }
  if (table.name === 'users' && tenant) row.id = tenant.id
  if (table.name === 'ledger_transfers' && tenant) row.credit_account_id = tenant.rows.get('ledger_accounts (second)')?.id
  if (table.name === 'ledger_transfers' || table.name === 'ledger_accounts') row.currency = 'EUR'
  return row
}

function keyOf(table: string): string {
  return CATALOGUE.find(candidate => candidate.name === table)!.primaryKey[0]!
}

async function insert(tx: Transaction, table: string, row: Values): Promise<Values> {
  const names = Object.keys(row)
  const list = names.map((_, i) => `$${i + 1}`).join(', ')
  const { rows } = await tx.query<Values>(
    `insert into ${table} (${names.join(', ')}) values (${list}) returning *`,
    Object.values(row),
  )
  return rows[0]!
}

async function act(tx: Transaction, role: string, tenantId: string | null): Promise<void> {
  await tx.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
    role,
    tenantId === null ? '' : JSON.stringify({ sub: tenantId, role: 'authenticated' }),
  ])
}

/** SQLSTATE of a statement, or the number of rows it touched; undone either way. */
async function attempt(
  tx: Transaction,
  text: string,
  values: readonly unknown[] = [],
): Promise<{ code: string | null; rows: number }> {
  await tx.query('savepoint probe')
  try {
    const { rowCount } = await tx.query(text, values)
    return { code: null, rows: rowCount }
  } catch (error) {
    const code = sqlState(error)
    if (code === null) throw error
    return { code, rows: 0 }
  } finally {
    await tx.query('rollback to savepoint probe')
  }
}

/** The role that inserts rows; where the app role does it by a function, the function's. */
function writerOf(table: TableDefinition): string {
  return hasOneDoor(table) ? 'evenkeel_system' : 'evenkeel_app'
}

/** Rows of both tenants in every table, written as the roles that write them. */
async function populate(tx: Transaction): Promise<{ a: Tenant; b: Tenant }> {
  const shared = new Map<string, Values>()
  const tenants = ['a', 'b'].map(name => ({ name, id: randomUUID(), rows: new Map<string, Values>() }))
  const hosted = await tx.one<{ there: boolean }>(`select to_regclass('auth.users') is not null as there`)
  if (hosted?.there) {
    await tx.query('reset role')
    for (const tenant of tenants) await tx.query('insert into auth.users (id) values ($1)', [tenant.id])
  }
  for (const table of CATALOGUE) {
    const tag = randomBytes(6).toString('hex')
    if (table.tenantColumn === null) {
      await act(tx, table.rls === 'G' ? 'evenkeel_app' : 'evenkeel_system', null)
      const row = rowFor(table, null, shared, tag)
      if (table.name === 'schema_migrations') row.version = 9_999
      shared.set(table.name, await insert(tx, table.name, row))
      continue
    }
    for (const tenant of tenants) {
      await act(tx, writerOf(table), tenant.id)
      const own = `${tag}-${tenant.name}`
      tenant.rows.set(table.name, await insert(tx, table.name, rowFor(table, tenant, shared, own)))
      if (table.name === 'ledger_accounts') {
        const second = { ...rowFor(table, tenant, shared, own), kind: 'free' }
        tenant.rows.set('ledger_accounts (second)', await insert(tx, table.name, second))
      }
      if (table.name === 'trades') {
        const second = { ...rowFor(table, tenant, shared, own), trade_seq: 2 }
        tenant.rows.set('trades (second)', await insert(tx, table.name, second))
      }
    }
  }
  return { a: tenants[0]!, b: tenants[1]! }
}

/** A row of A's for a table that meets no unique key of the row A has already. */
function another(table: TableDefinition, tenant: Tenant): Values {
  const tag = randomBytes(6).toString('hex')
  const shared = new Map<string, Values>()
  const row = rowFor(table, tenant, shared, tag)
  for (const reference of table.references) {
    const original = tenant.rows.get(table.name)?.[reference.column]
    if (row[reference.column] === undefined && original !== undefined && original !== null) row[reference.column] = original
  }
  for (const column of table.columns) {
    const counted = column.type === 'integer' || column.type === 'bigint'
    if (counted && column.kind === 'plain' && !column.nullable) row[column.name] = 2 + randomBytes(3).readUIntBE(0, 3)
  }
  if (table.name === 'bot_runs') row.status = 'completed'
  if (table.name === 'positions' || table.name === 'parity_reports') row.trade_id = tenant.rows.get('trades (second)')?.id
  return row
}

/**
 * Every assertion that fails; none on a sound schema.
 * @param only names of tables, default all.
 */
export async function probeIsolation(tx: Transaction, only?: readonly string[]): Promise<ProbeFailure[]> {
  const failures: ProbeFailure[] = []
  const { a, b } = await populate(tx)
  const anon = await tx.one<{ there: boolean }>(`select exists (select from pg_roles where rolname = 'anon') as there`)
  for (const table of CATALOGUE) {
    if (only && !only.includes(table.name)) continue
    const expect = (assertion: string, good: boolean, found: unknown): void => {
      if (!good) failures.push({ table: table.name, assertion, detail: `found ${JSON.stringify(found)}` })
    }
    const grants = grantsOf(table)
    const { name } = table
    await act(tx, 'evenkeel_app', a.id)
    if (table.tenantColumn === null) {
      if (table.rls === 'Y') {
        const read = await attempt(tx, `select 1 from ${name}`)
        expect('the app role has no access to a system table', read.code === '42501', read)
      }
      const remove = await attempt(tx, `delete from ${name}`)
      expect('the app role deletes nothing here', remove.code === '42501', remove)
    } else {
      const tenantColumn = table.tenantColumn
      const own = await attempt(tx, `select 1 from ${name} where ${tenantColumn} = $1`, [a.id])
      expect('own rows are seen', own.rows >= 1, own)
      const seen = await attempt(tx, `select 1 from ${name} where ${tenantColumn} = $1`, [b.id])
      expect("another tenant's rows are not seen", seen.code === null && seen.rows === 0, seen)
      const update = await attempt(tx, `update ${name} set created_at = created_at where ${tenantColumn} = $1`, [b.id])
      if (grants.app.includes('UPDATE'))
        expect("an update of another tenant's rows touches none", update.code === null && update.rows === 0, update)
      else expect('no update at all', update.code === '42501', update)
      const remove = await attempt(tx, `delete from ${name} where ${tenantColumn} = $1`, [b.id])
      if (grants.app.includes('DELETE'))
        expect("a delete of another tenant's rows touches none", remove.code === null && remove.rows === 0, remove)
      else expect('no delete at all', remove.code === '42501', remove)
      const foreign: Values = { ...another(table, a), [tenantColumn]: name === 'users' ? randomUUID() : b.id }
      const names = Object.keys(foreign)
      const insertText = `insert into ${name} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`
      const insertion = await attempt(tx, insertText, Object.values(foreign))
      expect("no insert under another tenant's id", insertion.code === '42501', insertion)
      await act(tx, writerOf(table), a.id)
      for (const reference of table.references) {
        const parentRow = b.rows.get(reference.table)
        if (reference.column === 'user_id' || !parentRow) continue
        const child: Values = { ...another(table, a), [reference.column]: parentRow[keyOf(reference.table)] }
        const columns = Object.keys(child)
        const result = await attempt(
          tx,
          `insert into ${name} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
          Object.values(child),
        )
        const inKey =
          table.primaryKey.includes(reference.column) ||
          table.indexes.some(index => index.unique && index.columns.includes(reference.column))
        expect(
          `no child of another tenant's ${reference.table} (${reference.column})`,
          result.code === '23503' || (inKey && result.code === '23505'),
          result,
        )
      }
      await act(tx, 'evenkeel_app', null)
      const nobody = await attempt(tx, `select 1 from ${name}${globalRowsVisible(table) ? ' where user_id is not null' : ''}`)
      expect('without claims no rows', nobody.code === null && nobody.rows === 0, nobody)
    }
    await act(tx, 'authenticated', a.id)
    const read = await attempt(
      tx,
      `select 1 from ${name}${table.tenantColumn ? ` where ${table.tenantColumn} = $1` : ''}`,
      table.tenantColumn ? [b.id] : [],
    )
    if (!grants.authenticated.includes('SELECT')) expect('role authenticated has no access', read.code === '42501', read)
    else if (table.tenantColumn)
      expect("role authenticated sees no other tenant's rows", read.code === null && read.rows === 0, read)
    const write = await attempt(tx, `update ${name} set created_at = created_at`)
    expect('role authenticated writes nothing', write.code === '42501', write)
    if (anon?.there) {
      await act(tx, 'anon', null)
      const public_ = await attempt(tx, `select 1 from ${name}`)
      expect('role anon has no access', public_.code === '42501', public_)
    }
  }
  return failures
}
