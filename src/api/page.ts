// Lists in pages. A cursor names the last row seen by its sort keys, so that rows which come meanwhile shift nothing; it is opaque to
// clients and bound to its list.

import { ApiError, finding } from './api-error.ts'

export const PAGE_DEFAULT = 100
export const PAGE_MAX = 1000

export interface Page<Row> {
  readonly items: readonly Row[]
  /** Give it back as `cursor` for the rows after these; null at the end. */
  readonly nextCursor: string | null
}

export function encodeCursor(list: string, keys: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([list, ...keys])).toString('base64url')
}

/** @throws VALIDATION_ERROR for a cursor of another list, or none at all. */
export function decodeCursor(list: string, cursor: string, length: number): readonly (string | number)[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(parsed) && parsed.length === length + 1 && parsed[0] === list && parsed.every(isKey)) return parsed.slice(1)
  } catch {
    // Not JSON: refused below like every other text that is no cursor.
  }
  throw finding('cursor', 'OUT_OF_RANGE', 'not a cursor of this list')
}

function isKey(value: unknown): value is string | number {
  return typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value))
}

/** Cuts `limit + 1` rows to a page. */
export function pageOf<Row>(
  list: string,
  rows: readonly Row[],
  limit: number,
  keysOf: (row: Row) => readonly (string | number)[],
): Page<Row> {
  if (rows.length <= limit) return { items: rows, nextCursor: null }
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  if (last === undefined) throw new ApiError('INTERNAL', 'a page of no rows')
  return { items, nextCursor: encodeCursor(list, keysOf(last)) }
}
