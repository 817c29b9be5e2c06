/** Candles made by formula, for the tests of indicators. */
import type { CandleColumns } from '../market/candles.ts'

const HOUR_MS = 3_600_000

/** Columns made candle by candle; volume 1 where none is given. */
export function columnsOf(
  length: number,
  candle: (i: number) => readonly [open: number, high: number, low: number, close: number, volume: number],
  stepMs = HOUR_MS,
): CandleColumns {
  const columns = {
    length,
    openTimeMs: Float64Array.from({ length }, (_, i) => i * stepMs),
    open: new Float64Array(length),
    high: new Float64Array(length),
    low: new Float64Array(length),
    close: new Float64Array(length),
    volume: new Float64Array(length),
  }
  for (let i = 0; i < length; i++) {
    const [open, high, low, close, volume] = candle(i)
    columns.open[i] = open
    columns.high[i] = high
    columns.low[i] = low
    columns.close[i] = close
    columns.volume[i] = volume
  }
  return columns
}

/** Series D of the DCA specification's worked examples: hourly from 00:00 UTC. */
export function seriesD(length: number): CandleColumns {
  const closeAt = (i: number) => 100 + ((7 * i) % 13) - ((5 * i) % 11) + Math.floor(i / 6)
  return columnsOf(length, i => {
    const close = closeAt(i)
    const open = i === 0 ? 100 : closeAt(i - 1)
    const high = Math.max(open, close) + 1 + (i % 3)
    const low = Math.min(open, close) - 1 - (i % 2)
    return [open, high, low, close, 1000 + ((37 * i) % 101)]
  })
}

/** The same candle over and over. */
export function flatSeries(length: number, price: number, volume: number): CandleColumns {
  return columnsOf(length, () => [price, price, price, price, volume])
}

/** A random walk from a 32-bit seed (xorshift), prices near `level`, some candles without volume. */
export function walkSeries(length: number, seed: number, level = 100, stepMs = HOUR_MS): CandleColumns {
  let state = seed | 1
  const random = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4294967296
  }
  let previous = level
  return columnsOf(
    length,
    () => {
      const open = previous
      const close = open * (1 + (random() - 0.5) * 0.02) + (level - open) * 0.001
      const high = Math.max(open, close) * (1 + random() * 0.005)
      const low = Math.min(open, close) * (1 - random() * 0.005)
      previous = close
      return [open, high, low, close, random() < 0.03 ? 0 : 1000 * random()]
    },
    stepMs,
  )
}
