// One name for the same candles wherever they came from: SHA-256 over the columns, not over the file's text.

import { createHash } from 'node:crypto'
import { endianness } from 'node:os'
import type { CandleColumns } from '../../core/market/candles.ts'

const COLUMNS = ['openTimeMs', 'open', 'high', 'low', 'close', 'volume'] as const

/**
 * SHA-256 (hex) of the little-endian float64 bytes of openTimeMs, open, high, low, close, volume, one column after another; an absent
 * volume is the quiet NaN 7ff8000000000000, minus zero is zero.
 */
export function dataHash(columns: CandleColumns): string {
  const hash = createHash('sha256')
  const block = new Float64Array(8192)
  for (const name of COLUMNS) {
    const column = columns[name]
    for (let start = 0; start < columns.length; start += block.length) {
      const count = Math.min(block.length, columns.length - start)
      // a copy, so that every NaN has the one pattern and zero has no sign
      for (let i = 0; i < count; i += 1) {
        const value = column[start + i]!
        block[i] = Number.isNaN(value) ? Number.NaN : value + 0
      }
      const bytes = Buffer.from(block.buffer, 0, count * 8)
      if (endianness() === 'BE') bytes.swap64()
      hash.update(bytes)
      if (endianness() === 'BE') bytes.swap64()
    }
  }
  return hash.digest('hex')
}
