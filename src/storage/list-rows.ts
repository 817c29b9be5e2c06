// Lists in pages by keyset: a cursor names the last row by its sort value and key, so rows that come meanwhile shift nothing. Columns
// come from the catalogue, in camelCase; money is text.

import { tableDefinition } from './catalogue.ts'
import type { Transaction } from './database.ts'
import { StorageError } from './errors.ts'
import { camelCase } from './sql-types.ts'

export interface Page<Row> {
  readonly items: Row[]
  /** Give it back as `cursor`; null at the end. */
  readonly nextCursor: string | null
}

export interface PageRequest {
  /** 1 to 1000, default 100. */
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

/** `[column, operator, value]`; a filter whose value is undefined is left out. */
export type Filter = readonly [column: string, operator: '=' | '>=' | '<' | 'in' | 'is', value: unknown]

export interface ListQuery extends PageRequest {
  readonly table: string
  readonly filters: readonly Filter[]
  /** Column or expression that is never null. */
  readonly orderBy: string
  /** Type of it, for the cursor. */
  readonly orderType: 'timestamptz' | 'bigint' | 'text'
  /** Unique column that breaks ties. */
  readonly key: string
  readonly direction: 'asc' | 'desc'
  readonly omit?: readonly string[]
}

const MAX_LIMIT = 1000

/** Select list of a table: every column but the tenant's, as camelCase. */
export function selectList(table: string, omit: readonly string[] = [], alias = ''): string {
  const prefix = alias ? `${alias}.` : ''
  return tableDefinition(table)
    .columns.filter(column => column.name !== 'user_id' && !omit.includes(column.name))
    .map(column => `${prefix}${column.name} as "${camelCase(column.name)}"`)
    .join(', ')
}

function decode(cursor: string, table: string): [string, string] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(parsed) && parsed.length === 3 && parsed[0] === table && parsed.every(part => typeof part === 'string')) {
      return [parsed[1] as string, parsed[2] as string]
    }
  } catch {
    // Not ours: refused below.
  }
  throw new StorageError('BAD_CURSOR', 'The cursor is not one of this list', { exitCode: 2 })
}

/** `where` of filters; values are appended to `values`. */
export function whereOf(filters: readonly Filter[], values: unknown[]): string {
  const parts: string[] = []
  for (const [column, operator, value] of filters) {
    if (value === undefined) continue
    if (operator === 'is') {
      parts.push(`${column} is ${value === null ? '' : 'not '}null`)
      continue
    }
    values.push(value)
    parts.push(operator === 'in' ? `${column} = any($${values.length})` : `${column} ${operator} $${values.length}`)
  }
  return parts.length === 0 ? 'true' : parts.join(' and ')
}

/** @throws BAD_CURSOR */
export async function listRows<Row extends object>(tx: Transaction, query: ListQuery): Promise<Page<Row>> {
  const { table, orderBy, orderType, key, direction } = query
  const limit = Math.min(MAX_LIMIT, Math.max(1, Math.floor(query.limit ?? 100)))
  const keyType = tableDefinition(table).columns.find(column => column.name === key)?.type ?? 'text'
  const values: unknown[] = []
  let where = whereOf(query.filters, values)
  if (query.cursor !== undefined) {
    values.push(...decode(query.cursor, table))
    const comparison = direction === 'desc' ? '<' : '>'
    where += ` and (${orderBy}, ${key}) ${comparison} ($${values.length - 1}::${orderType}, $${values.length}::${keyType})`
  }
  const { rows } = await tx.query<Row & { cursorOrder: string; cursorKey: string }>(
    `select ${selectList(table, query.omit)}, (${orderBy})::text as "cursorOrder", ${key}::text as "cursorKey"
     from ${table} where ${where} order by ${orderBy} ${direction}, ${key} ${direction} limit ${limit + 1}`,
    values,
  )
  const more = rows.length > limit
  const page = more ? rows.slice(0, limit) : rows
  const last = page[page.length - 1]
  const nextCursor =
    more && last ? Buffer.from(JSON.stringify([table, last.cursorOrder, last.cursorKey])).toString('base64url') : null
  const items = page.map(({ cursorOrder: _, cursorKey: __, ...row }) => row as unknown as Row)
  return { items, nextCursor }
}
