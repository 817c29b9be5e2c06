// Candles: one bar as a record, many as columns of float64. A bar is stamped at its open time, UTC; only closed bars are here.

import type { Timeframe } from './timeframe.ts'

export interface Candle {
  readonly openTimeMs: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  /** Base currency; NaN where the source has no volume. */
  readonly volume: number
}

/** n bars ascending by open time, unique; 48 bytes a bar. Missing bars are absent, not filled. */
export interface CandleColumns {
  readonly length: number
  readonly openTimeMs: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
}

export interface CandleSeries {
  readonly instrumentId: string
  readonly timeframe: Timeframe
  readonly columns: CandleColumns
}

export function allocateColumns(length: number): CandleColumns {
  return {
    length,
    openTimeMs: new Float64Array(length),
    open: new Float64Array(length),
    high: new Float64Array(length),
    low: new Float64Array(length),
    close: new Float64Array(length),
    volume: new Float64Array(length),
  }
}

export function columnsFrom(candles: readonly Candle[]): CandleColumns {
  const columns = allocateColumns(candles.length)
  candles.forEach((candle, i) => {
    columns.openTimeMs[i] = candle.openTimeMs
    columns.open[i] = candle.open
    columns.high[i] = candle.high
    columns.low[i] = candle.low
    columns.close[i] = candle.close
    columns.volume[i] = candle.volume
  })
  return columns
}

export function candleAt(columns: CandleColumns, i: number): Candle {
  return {
    openTimeMs: columns.openTimeMs[i]!,
    open: columns.open[i]!,
    high: columns.high[i]!,
    low: columns.low[i]!,
    close: columns.close[i]!,
    volume: columns.volume[i]!,
  }
}

/** Bars from index `start` up to, not including, `end`, sharing memory with the original. */
export function sliceColumns(columns: CandleColumns, start: number, end: number): CandleColumns {
  return {
    length: Math.max(0, end - start),
    openTimeMs: columns.openTimeMs.subarray(start, end),
    open: columns.open.subarray(start, end),
    high: columns.high.subarray(start, end),
    low: columns.low.subarray(start, end),
    close: columns.close.subarray(start, end),
    volume: columns.volume.subarray(start, end),
  }
}

/** Index of the first bar with openTimeMs >= atMs (length when there is none). */
export function firstIndexAtOrAfter(columns: CandleColumns, atMs: number): number {
  let low = 0
  let high = columns.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (columns.openTimeMs[middle]! < atMs) low = middle + 1
    else high = middle
  }
  return low
}
