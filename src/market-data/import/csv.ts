// Candles from CSV text, byte by byte: no line or field becomes a string unless it must. Understood are a header in any order and case
// (time or its usual names, open, high, low, close, volume), and the headerless dumps of the exchanges: 12 columns (Binance klines) or
// time, open, high, low, close[, volume[, count]].

import { CandleFileError } from './candle-file-error.ts'
import { decimalsOf, epochMs, RawRows, textMs } from './raw-rows.ts'

const LF = 10
const CR = 13
const SPACE = 32
const QUOTE = 34
const MINUS = 45
const POINT = 46
const ZERO = 48
const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3}))?$/

const TIME = 0
const OPEN = 1
const HIGH = 2
const LOW = 3
const CLOSE = 4
const VOLUME = 5
const ROLE_NAMES = ['time', 'open', 'high', 'low', 'close', 'volume'] as const
/** Names of the time column, the most telling first. */
const TIME_NAMES = ['open_time', 'open time', 'opentime', 'time', 'timestamp', 'unix', 'date', 'datetime']

interface Layout {
  readonly delimiter: number
  /** Role of each field, -1 for one that is not read. */
  readonly roles: Int8Array
  readonly hasVolume: boolean
  /** Byte and line where the rows begin. */
  readonly start: number
  readonly firstLine: number
  readonly notices: readonly string[]
}

/**
 * @param file name for messages.
 * @throws CandleFileError where no columns can be made out at all; bad rows become findings of the result.
 */
export function parseCsv(file: string, bytes: Uint8Array): RawRows {
  const layout = findLayout(file, bytes)
  const rows = new RawRows(countLines(bytes, layout.start))
  rows.notices.push(...layout.notices)
  const { delimiter, roles, hasVolume } = layout
  const end = bytes.length
  const neededFields = roles.length
  const values = new Float64Array(6)
  values[VOLUME] = Number.NaN

  let at = layout.start
  let line = layout.firstLine
  while (at < end) {
    let field = 0
    let bad: string | undefined
    let blank = true
    // one row; a field ends at the delimiter, the row at LF
    for (;;) {
      let from = at
      while (at < end && bytes[at] !== delimiter && bytes[at] !== LF) at += 1
      let to = at
      while (from < to && (bytes[from] === SPACE || bytes[from] === QUOTE)) from += 1
      while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === QUOTE || bytes[to - 1] === CR)) to -= 1
      if (to > from) blank = false
      const role = field < neededFields ? roles[field]! : -1
      if (role > TIME) {
        if (role === VOLUME && to === from) {
          values[VOLUME] = Number.NaN
        } else {
          const value = parseNumber(bytes, from, to)
          values[role] = value
          if (Number.isNaN(value)) bad ??= `${ROLE_NAMES[role]} is ${quoted(bytes, from, to)}: not a number`
          if (role !== VOLUME && places > rows.priceDecimals) {
            rows.priceDecimals = decimalsOf(value, rows.priceDecimals)
          }
        }
      } else if (role === TIME) {
        const timeMs = parseTime(bytes, from, to)
        values[TIME] = timeMs
        if (Number.isNaN(timeMs)) bad ??= `time is ${quoted(bytes, from, to)}: neither epoch s, ms or us nor an ISO time`
      }
      field += 1
      if (at >= end || bytes[at] === LF) break
      at += 1
    }
    at += 1
    if (!blank || field > 1) {
      if (field < neededFields) rows.findings.add(line, `${field} fields where ${neededFields} are needed`)
      else if (bad !== undefined) rows.findings.add(line, bad)
      else rows.add(line, values[TIME]!, values[OPEN]!, values[HIGH]!, values[LOW]!, values[CLOSE]!, values[VOLUME]!)
    }
    line += 1
  }
  if (!hasVolume) rows.notices.push('no volume column: volume is unknown')
  return rows
}

/** Decimal places that the last number was written with. */
let places = 0

/**
 * Digits with an optional point, correctly rounded: up to 2^53 in the digits and 22 places one division is exact (Clinger 1990); all
 * else goes through Number(). NaN where it is no number.
 */
function parseNumber(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  const negative = bytes[at] === MINUS
  if (negative) at += 1
  let mantissa = 0
  let point = -1
  const digitsFrom = at
  for (; at < to; at += 1) {
    const digit = bytes[at]! - ZERO
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit
    else if (bytes[at] === POINT && point < 0) point = at
    else return parseOddNumber(bytes, from, to)
  }
  places = point < 0 ? 0 : to - point - 1
  const digits = to - digitsFrom - (point < 0 ? 0 : 1)
  if (digits === 0 || mantissa > Number.MAX_SAFE_INTEGER || places > 22) return parseOddNumber(bytes, from, to)
  const value = mantissa / POWERS[places]!
  return negative ? -value : value
}

function parseOddNumber(bytes: Uint8Array, from: number, to: number): number {
  const text = decode(bytes, from, to)
  const match = NUMBER.exec(text)
  places = 0
  if (!match) return Number.NaN
  const fraction = /\.(\d*)/.exec(text)?.[1] ?? ''
  places = Math.max(0, fraction.length - Number(match[2] ?? 0))
  return Number(text)
}

function parseTime(bytes: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = bytes[at]! - ZERO
    if (!(digit >= 0 && digit <= 9)) return textMs(decode(bytes, from, to))
    value = value * 10 + digit
  }
  return to > from ? epochMs(value) : Number.NaN
}

const decoder = new TextDecoder()

function decode(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to))
}

function quoted(bytes: Uint8Array, from: number, to: number): string {
  return to === from ? 'empty' : JSON.stringify(decode(bytes, from, Math.min(to, from + 40)))
}

function countLines(bytes: Uint8Array, start: number): number {
  let lines = 1
  for (let at = start; at < bytes.length; at += 1) if (bytes[at] === LF) lines += 1
  return lines
}

function findLayout(file: string, bytes: Uint8Array): Layout {
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  let line = 1
  const notices: string[] = []
  for (;;) {
    if (start >= bytes.length) throw new CandleFileError(file, [{ line: 0, reason: 'the file holds no candles' }], 1)
    const lineEnd = bytes.indexOf(LF, start)
    const next = lineEnd < 0 ? bytes.length : lineEnd + 1
    const text = decode(bytes, start, Math.min(next, start + 4096)).trim()
    // some archives put their address above the header
    if (text !== '' && !/^https?:\/\/\S+$/i.test(text)) {
      const delimiter = [',', ';', '\t'].find(one => text.includes(one)) ?? ','
      const fields = text.split(delimiter).map(field => field.trim().replace(/^"(.*)"$/, '$1'))
      const headerless = Number.isFinite(textMs(fields[0]!)) || NUMBER.test(fields[0]!)
      const roles = headerless ? dumpRoles(file, line, fields.length) : headerRoles(file, line, fields, notices)
      let needed = roles.length
      while (needed > 0 && roles[needed - 1]! < 0) needed -= 1
      return {
        delimiter: delimiter.charCodeAt(0),
        roles: Int8Array.from(roles.slice(0, needed)),
        hasVolume: roles.includes(VOLUME),
        start: headerless ? start : next,
        firstLine: headerless ? line : line + 1,
        notices,
      }
    }
    start = next
    line += 1
  }
}

function dumpRoles(file: string, line: number, fields: number): number[] {
  if (fields === 5) return [TIME, OPEN, HIGH, LOW, CLOSE]
  if (fields === 6 || fields === 7 || fields === 11 || fields === 12) return [TIME, OPEN, HIGH, LOW, CLOSE, VOLUME]
  const reason = `no header, and ${fields} columns: write the header time,open,high,low,close,volume`
  throw new CandleFileError(file, [{ line, reason }], 1)
}

function headerRoles(file: string, line: number, fields: readonly string[], notices: string[]): number[] {
  const names = fields.map(field => field.toLowerCase())
  const roles = names.map(() => -1)
  const take = (role: number, index: number) => {
    if (index >= 0) roles[index] = role
    return index >= 0
  }
  const missing: string[] = []
  if (!TIME_NAMES.some(name => take(TIME, names.indexOf(name)))) missing.push('time')
  for (const role of [OPEN, HIGH, LOW, CLOSE]) {
    if (!take(role, names.indexOf(ROLE_NAMES[role]!))) missing.push(ROLE_NAMES[role]!)
  }
  if (missing.length > 0) {
    const reason = `the header has no column ${missing.join(', ')}; it is ${JSON.stringify(fields.join(',').slice(0, 120))}`
    throw new CandleFileError(file, [{ line, reason }], 1)
  }
  const volumeNames = names.filter(name => /^vol(ume)?([ _].*)?$/.test(name))
  const volume = volumeNames.find(name => name === 'volume' || name === 'vol') ?? volumeNames[0]
  if (volume !== undefined) {
    take(VOLUME, names.indexOf(volume))
    if (volumeNames.length > 1) notices.push(`volume is column ${JSON.stringify(fields[names.indexOf(volume)])}`)
  }
  const ignored = fields.filter((_, i) => roles[i]! < 0)
  if (ignored.length > 0) notices.push(`columns not read: ${ignored.join(', ')}`)
  return roles
}
