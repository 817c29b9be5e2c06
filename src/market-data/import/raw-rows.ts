// Rows as they were read from a file, before anybody asked whether they make a series: in file order, times in epoch ms.

import { FindingList } from './candle-file-error.ts'

export class RawRows {
  length = 0
  readonly timeMs: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  /** NaN where the file gives none. */
  readonly volume: Float64Array
  readonly line: Uint32Array
  readonly findings = new FindingList()
  readonly notices: string[] = []
  /** Most decimal places of any price, trailing zeros not counted. */
  priceDecimals = 0

  constructor(capacity: number) {
    this.timeMs = new Float64Array(capacity)
    this.open = new Float64Array(capacity)
    this.high = new Float64Array(capacity)
    this.low = new Float64Array(capacity)
    this.close = new Float64Array(capacity)
    this.volume = new Float64Array(capacity)
    this.line = new Uint32Array(capacity)
  }

  /** Keep a row whose figures make a bar; else say why they do not. */
  add(line: number, timeMs: number, open: number, high: number, low: number, close: number, volume: number): void {
    if (
      !(
        low > 0 &&
        open <= high &&
        close <= high &&
        low <= open &&
        low <= close &&
        high < Number.POSITIVE_INFINITY &&
        !(volume < 0)
      )
    ) {
      this.findings.add(line, whyNoBar(open, high, low, close, volume))
      return
    }
    const i = this.length
    this.timeMs[i] = timeMs
    this.open[i] = open
    this.high[i] = high
    this.low[i] = low
    this.close[i] = close
    this.volume[i] = volume
    this.line[i] = line
    this.length = i + 1
  }
}

function whyNoBar(open: number, high: number, low: number, close: number, volume: number): string {
  const prices = { open, high, low, close }
  for (const [name, price] of Object.entries(prices)) {
    if (!(price > 0 && Number.isFinite(price))) return `${name} is ${price}: a price is above 0`
  }
  if (volume < 0) return `volume is ${volume}: it cannot be negative`
  if (high < low) return `high ${high} is below low ${low}`
  for (const name of ['open', 'close'] as const) {
    if (prices[name] > high) return `${name} ${prices[name]} is above high ${high}`
    if (prices[name] < low) return `${name} ${prices[name]} is below low ${low}`
  }
  return 'the prices make no bar'
}

/** Epoch seconds, milliseconds, microseconds or nanoseconds, told apart by size: 10, 13, 16 or 19 digits in our century. NaN if none. */
export function epochMs(value: number): number {
  const size = Math.abs(value)
  if (size < 1e8) return Number.NaN
  if (size < 1e11) return value * 1000
  if (size < 1e14) return value
  if (size < 1e17) return value / 1000
  return size < 1e20 ? value / 1e6 : Number.NaN
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?: ?(Z|UTC|[+-]\d\d:?\d\d))?)?$/

/** ISO-8601 text to epoch ms, a missing zone meaning UTC; NaN where it is none or names a day or hour that does not exist. */
export function isoMs(text: string): number {
  const match = ISO.exec(text)
  if (!match) return Number.NaN
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return Number.NaN
  const dayMs = Date.UTC(Number(year), Number(month) - 1, Number(day))
  const date = new Date(dayMs)
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() !== Number(month) - 1) return Number.NaN
  const ms = fraction === '' ? 0 : Number(`0.${fraction}`) * 1000
  const sign = zone[0] === '-' ? 1 : zone[0] === '+' ? -1 : 0
  const offsetMinutes = sign === 0 ? 0 : sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)))
  return dayMs + ((Number(hour) * 60 + Number(minute) + offsetMinutes) * 60 + Number(second)) * 1000 + ms
}

/** Time as a file writes it. NaN where it cannot be understood. */
export function textMs(text: string): number {
  return /^-?\d+(\.\d*)?$/.test(text) ? epochMs(Number(text)) : isoMs(text)
}

/** The larger of `atLeast` and the decimal places of the price's shortest text, which is not made while `atLeast` places hold it. */
export function decimalsOf(price: number, atLeast: number): number {
  if (atLeast < 16 && Math.round(price * 10 ** atLeast) / 10 ** atLeast === price) return atLeast
  const match = /^-?\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(price))
  return match ? Math.max(atLeast, (match[1]?.length ?? 0) - Number(match[2] ?? 0)) : atLeast
}
