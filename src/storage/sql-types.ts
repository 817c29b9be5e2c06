// How values travel between Postgres and us: numbers that are money stay text, times are ISO-8601 text in UTC.

import pg from 'pg'

const OID = { int8: 20, float8: 701, numeric: 1700, timestamptz: 1184, timestamp: 1114, date: 1082 }

/** `1.500` -> `1.5`, `0.00` -> `0`: the shortest text of the same number. */
export function minimalDecimal(text: string): string {
  if (!text.includes('.')) return text
  let end = text.length
  while (text.charCodeAt(end - 1) === 48) end -= 1
  if (text.charCodeAt(end - 1) === 46) end -= 1
  const short = text.slice(0, end)
  return short === '-0' ? '0' : short
}

/** bigint as a number where it is exact, else as text. */
function bigintValue(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}

/** `2024-01-02 03:04:05.678901+00` -> `2024-01-02T03:04:05.678Z`; any other offset goes through Date. */
export function isoTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00(?::00)?$/.exec(text)
  if (match) return `${match[1]}T${match[2]}.${(match[3] ?? '').padEnd(3, '0').slice(0, 3)}Z`
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? text : date.toISOString()
}

type Parser = (text: string) => unknown

const PARSERS = new Map<number, Parser>([
  [OID.numeric, minimalDecimal],
  [OID.int8, bigintValue],
  [OID.timestamptz, isoTime],
  [OID.timestamp, text => text],
  [OID.date, text => text],
])

/** Type parsers for one pool; the global ones of the driver are left alone. */
export const TYPES: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : PARSERS.get(oid)) ??
    pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
}

/** Epoch milliseconds as timestamptz input. */
export function timeOf(atMs: number): string {
  return new Date(atMs).toISOString()
}

export function timeOrNull(atMs: number | null): string | null {
  return atMs === null ? null : timeOf(atMs)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** `total_pnl` -> `totalPnl`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** `totalPnl` -> `total_pnl`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
