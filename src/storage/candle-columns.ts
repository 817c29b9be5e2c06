// Turns rows of Postgres' binary COPY format into float64 columns: no text, no row objects.

import { allocateColumns, type CandleColumns, sliceColumns } from '../core/market/candles.ts'

/** Milliseconds from 1970 to 2000, the epoch of timestamptz on the wire. */
const EPOCH_2000_MS = 946_684_800_000
const SIGNATURE_BYTES = 19
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i)
const NEGATIVE = 0x4000
const NAN_SIGN = 0xc000

/**
 * A numeric as Postgres sends it: base-10000 digits, weight of the first, sign, scale. Exactly rounded: up to 2^53 the integer of its
 * digits and a power of ten to 10^22 are exact doubles, so one division rounds once; anything longer goes through text.
 */
export function readNumeric(bytes: Buffer, at: number): number {
  const count = (bytes[at]! << 8) | bytes[at + 1]!
  const weight = (((bytes[at + 2]! << 8) | bytes[at + 3]!) << 16) >> 16
  const sign = (bytes[at + 4]! << 8) | bytes[at + 5]!
  if (sign === NAN_SIGN) return Number.NaN
  let value = 0
  for (let i = at + 8, end = i + 2 * count; i < end; i += 2) value = value * 10_000 + ((bytes[i]! << 8) | bytes[i + 1]!)
  const shift = 4 * (weight - count + 1)
  if (value <= Number.MAX_SAFE_INTEGER && shift <= 20 && shift >= -20) {
    const scaled = shift >= 0 ? value * POWERS[shift]! : value / POWERS[-shift]!
    if (shift <= 0 || scaled <= Number.MAX_SAFE_INTEGER) return sign === NEGATIVE ? -scaled : scaled
  }
  let digits = ''
  for (let i = 0; i < count; i += 1) digits += String(bytes.readUInt16BE(at + 8 + 2 * i)).padStart(4, '0')
  return Number(`${sign === NEGATIVE ? '-' : ''}${digits || '0'}e${shift}`)
}

export interface CandleRowReader {
  /** One COPY message: the file's signature with the first row, a row, or the end mark. */
  read(bytes: Buffer, start: number, end: number): void
  columns(): CandleColumns
}

/**
 * For rows of `open_time, open, high, low, close, volume`, ascending.
 * @param expected rows, where known; the columns grow beyond it.
 */
export function candleRowReader(expected: number): CandleRowReader {
  let columns = allocateColumns(Math.max(16, expected))
  let count = 0
  let signature = true
  return {
    read: (bytes, start, end) => {
      let at = start
      if (signature) {
        at += SIGNATURE_BYTES
        signature = false
      }
      if (at + 2 > end || bytes.readInt16BE(at) === -1) return
      if (count === columns.length) columns = grown(columns)
      // Microseconds of our times stay far below 2^53, so two halves make an exact double without a BigInt.
      const microseconds = bytes.readInt32BE(at + 6) * 4_294_967_296 + bytes.readUInt32BE(at + 10)
      columns.openTimeMs[count] = microseconds / 1000 + EPOCH_2000_MS
      at += 14
      columns.open[count] = readNumeric(bytes, at + 4)
      at += 4 + bytes.readInt32BE(at)
      columns.high[count] = readNumeric(bytes, at + 4)
      at += 4 + bytes.readInt32BE(at)
      columns.low[count] = readNumeric(bytes, at + 4)
      at += 4 + bytes.readInt32BE(at)
      columns.close[count] = readNumeric(bytes, at + 4)
      at += 4 + bytes.readInt32BE(at)
      columns.volume[count] = readNumeric(bytes, at + 4)
      count += 1
    },
    columns: () => sliceColumns(columns, 0, count),
  }
}

function grown(columns: CandleColumns): CandleColumns {
  const next = allocateColumns(columns.length * 2)
  for (const name of ['openTimeMs', 'open', 'high', 'low', 'close', 'volume'] as const) next[name].set(columns[name])
  return next
}
