// Candles from JSON: freqtrade's [[ms, open, high, low, close, volume], ...], or a list of {time, open, high, low, close, volume}.

import { CandleFileError } from './candle-file-error.ts'
import { decimalsOf, epochMs, RawRows, textMs } from './raw-rows.ts'

const TIME_KEYS = ['time', 'timestamp', 'open_time', 'openTime', 'date', 'unix']
const PRICES = ['open', 'high', 'low', 'close'] as const

/** @throws CandleFileError where the text is no list; bad rows become findings of the result. */
export function parseJsonRows(file: string, text: string): RawRows {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (cause) {
    throw new CandleFileError(
      file,
      [{ line: 0, reason: `not JSON: ${cause instanceof Error ? cause.message : cause}` }],
      1,
      cause,
    )
  }
  if (!Array.isArray(list)) {
    throw new CandleFileError(
      file,
      [{ line: 0, reason: 'not a list of candles [[time, open, high, low, close, volume], ...]' }],
      1,
    )
  }
  if (list.length === 0) throw new CandleFileError(file, [{ line: 0, reason: 'the file holds no candles' }], 1)
  const rows = new RawRows(list.length)
  let hasVolume = false
  list.forEach((item: unknown, i) => {
    const line = i + 1
    const fields = rowFields(item)
    if (!fields) {
      rows.findings.add(line, `row is ${JSON.stringify(item)?.slice(0, 60)}: expected [time, open, high, low, close, volume]`)
      return
    }
    const [time, open, high, low, close, volume] = fields
    const timeMs = typeof time === 'number' ? epochMs(time) : typeof time === 'string' ? textMs(time) : Number.NaN
    if (Number.isNaN(timeMs)) {
      rows.findings.add(line, `time is ${JSON.stringify(time)}: neither epoch s, ms or us nor an ISO time`)
      return
    }
    const prices = [open, high, low, close].map(figure)
    const wrong = prices.findIndex(Number.isNaN)
    if (wrong >= 0) {
      rows.findings.add(line, `${PRICES[wrong]} is ${JSON.stringify(fields[wrong + 1])}: not a number`)
      return
    }
    const amount = volume === undefined || volume === null ? Number.NaN : figure(volume)
    if (volume !== undefined && volume !== null && Number.isNaN(amount)) {
      rows.findings.add(line, `volume is ${JSON.stringify(volume)}: not a number`)
      return
    }
    if (!Number.isNaN(amount)) hasVolume = true
    for (const price of prices) rows.priceDecimals = decimalsOf(price, rows.priceDecimals)
    rows.add(line, timeMs, prices[0]!, prices[1]!, prices[2]!, prices[3]!, amount)
  })
  if (!hasVolume) rows.notices.push('no volume: volume is unknown')
  return rows
}

function rowFields(item: unknown): unknown[] | undefined {
  if (Array.isArray(item)) return item.length >= 5 ? item : undefined
  if (typeof item !== 'object' || item === null) return undefined
  const record = item as Record<string, unknown>
  const key = TIME_KEYS.find(name => name in record)
  if (key === undefined || PRICES.some(name => !(name in record))) return undefined
  return [record[key], ...PRICES.map(name => record[name]), record.volume]
}

function figure(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : Number.NaN
}
