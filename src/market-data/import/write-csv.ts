// Candles as the CSV that can be imported again: header time,open,high,low,close,volume, times in epoch ms, figures in their shortest
// exact decimal form, an absent volume empty.

import type { CandleColumns } from '../../core/market/candles.ts'

export const CSV_HEADER = 'time,open,high,low,close,volume\n'

/** Rows from `start` up to, not including, `end`, without the header. */
export function csvRows(columns: CandleColumns, start = 0, end = columns.length): string {
  const { openTimeMs, open, high, low, close, volume } = columns
  let text = ''
  for (let i = start; i < end; i += 1) {
    const amount = volume[i]!
    text += `${openTimeMs[i]},${plain(open[i]!)},${plain(high[i]!)},${plain(low[i]!)},${plain(close[i]!)},${Number.isNaN(amount) ? '' : plain(amount)}\n`
  }
  return text
}

/** Shortest decimal text that reads back as the same float64, without an exponent. */
function plain(value: number): string {
  const text = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (!match) return text
  const digits = match[2]! + (match[3] ?? '')
  const exponent = Number(match[4])
  if (exponent < 0) return `${match[1]}0.${'0'.repeat(-exponent - 1)}${digits}`
  return match[1]! + digits.padEnd(exponent + 1, '0')
}
