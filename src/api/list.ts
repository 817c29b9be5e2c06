// Lists of rows. What a row answers is what the contract's schema names: its keys are the columns. Every list has a total order, and a
// cursor is the place of the last row in it.

import type { z } from 'zod'
import type { Transaction } from '../storage/database.ts'
import { isUuid, snakeCase } from '../storage/sql-types.ts'
import { finding } from './api-error.ts'
import { decodeCursor, type Page, pageOf } from './page.ts'

/** One key of the order. time: timestamptz, kept to the microsecond. */
export interface OrderKey {
  readonly sql: string
  readonly type: 'time' | 'text' | 'uuid' | 'bigint'
}

export interface ListSpec<Item extends z.ZodObject> {
  /** Names the cursor. */
  readonly name: string
  /** From clause; the rows are those of alias `t`. */
  readonly from: string
  readonly item: Item
  /** Keys that are not a column of `t` under their own name. */
  readonly columns?: Readonly<Record<string, string>>
  readonly order: readonly OrderKey[]
  readonly descending: boolean
}

/** Conditions that are joined by and, with their values. */
export class Where {
  readonly values: unknown[] = []
  readonly #parts: string[] = []

  /** @param sql with `?` where the value stands. */
  add(sql: string, value: unknown): this {
    this.#parts.push(sql.replaceAll('?', `$${this.values.push(value)}`))
    return this
  }

  /** Only when there is a value. */
  optional(sql: string, value: unknown): this {
    return value === undefined || value === null ? this : this.add(sql, value)
  }

  /** @throws VALIDATION_ERROR for text that is no uuid. */
  uuid(sql: string, path: string, value: string | undefined): this {
    if (value === undefined) return this
    if (!isUuid(value)) throw finding(path, 'OUT_OF_RANGE', 'must be a uuid')
    return this.add(sql, value)
  }

  always(sql: string): this {
    this.#parts.push(sql)
    return this
  }

  toString(): string {
    return this.#parts.length === 0 ? 'true' : this.#parts.join(' and ')
  }
}

const CAST: Record<OrderKey['type'], (place: string) => string> = {
  time: place => `(timestamptz 'epoch' + ${place}::bigint * interval '1 microsecond')`,
  text: place => `${place}::text`,
  uuid: place => `${place}::uuid`,
  bigint: place => `${place}::bigint`,
}

function keySql({ sql, type }: OrderKey): string {
  return type === 'time' ? `(extract(epoch from ${sql}) * 1000000)::bigint` : `${sql}`
}

export function columnsOf(item: z.ZodObject, columns: Readonly<Record<string, string>> = {}): string {
  return Object.keys(item.shape)
    .map(key => `${columns[key] ?? `t.${snakeCase(key)}`} as "${key}"`)
    .join(', ')
}

export async function listRows<Item extends z.ZodObject>(
  tx: Transaction,
  spec: ListSpec<Item>,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  where: Where = new Where(),
): Promise<Page<z.output<Item>>> {
  const { name, from, item, columns, order, descending } = spec
  const values = [...where.values]
  const conditions = [where.toString()]
  if (page.cursor !== undefined) {
    const keys = decodeCursor(name, page.cursor, order.length)
    const places = order.map((key, i) => CAST[key.type](`$${values.push(checkKey(key, keys[i]!))}`))
    conditions.push(`(${order.map(key => key.sql).join(', ')}) ${descending ? '<' : '>'} (${places.join(', ')})`)
  }
  const direction = descending ? 'desc' : 'asc'
  const { rows } = await tx.query<Record<string, unknown>>(
    `select ${columnsOf(item, columns)}, ${order.map((key, i) => `${keySql(key)} as "_${i}"`).join(', ')}
     from ${from} where ${conditions.join(' and ')}
     order by ${order.map(key => `${key.sql} ${direction}`).join(', ')} limit $${values.push(page.limit + 1)}`,
    values,
  )
  const { items, nextCursor } = pageOf(name, rows, page.limit, row => order.map((_, i) => row[`_${i}`] as string | number))
  return { items: items.map(withoutKeys) as z.output<Item>[], nextCursor }
}

function checkKey(key: OrderKey, value: string | number): string | number {
  const fits = key.type === 'uuid' ? typeof value === 'string' && isUuid(value) : key.type === 'text' || typeof value === 'number'
  if (!fits) throw finding('cursor', 'OUT_OF_RANGE', 'not a cursor of this list')
  return value
}

function withoutKeys(row: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const key in row) if (!key.startsWith('_')) out[key] = row[key]
  return out
}

/** One row by its key, null where there is none (or it is another tenant's). */
export async function findRow<Item extends z.ZodObject>(
  tx: Transaction,
  spec: Pick<ListSpec<Item>, 'from' | 'item' | 'columns'>,
  where: Where,
): Promise<z.output<Item> | null> {
  return tx.one(
    `select ${columnsOf(spec.item, spec.columns)} from ${spec.from} where ${where}`,
    where.values,
  ) as Promise<z.output<Item> | null>
}

/** An instant of a query: ISO-8601 or epoch milliseconds. */
export function instantMs(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text)
}

export function instantIso(path: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const date = new Date(instantMs(text))
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 || date.getUTCFullYear() < 1)
    throw finding(path, 'OUT_OF_RANGE', 'not an instant')
  return date.toISOString()
}
