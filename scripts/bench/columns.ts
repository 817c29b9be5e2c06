// Synthetic 1m candles for measurements: a seeded walk on the tick, calm enough that a chosen ladder trades about once per hundred bars.

import { allocateColumns, type CandleColumns } from '../../src/core/market/candles.ts'

const START_MS = Date.UTC(2020, 0, 1)

export function walkColumns(length: number, seed: number): CandleColumns {
  const columns = allocateColumns(length)
  let state = seed | 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const onTick = (price: number): number => Math.round(price * 100) / 100
  let price = 30000
  for (let i = 0; i < length; i += 1) {
    const open = price
    const pull = (30000 - price) / 30000 / 400
    const close = onTick(open * (1 + pull + (random() - 0.5) * 0.002))
    columns.openTimeMs[i] = START_MS + i * 60_000
    columns.open[i] = open
    columns.high[i] = onTick(Math.max(open, close) * (1 + random() * 0.0003))
    columns.low[i] = onTick(Math.min(open, close) * (1 - random() * 0.0003))
    columns.close[i] = close
    columns.volume[i] = 50 + Math.floor(random() * 100)
    price = close
  }
  return columns
}
