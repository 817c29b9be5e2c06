// Holes in a series of bars: slots of the grid between the first and the last bar that hold none.

import type { CandleColumns } from './candles.ts'
import { nextBucketStart, type Timeframe, timeframeMs } from './timeframe.ts'

export interface Gap {
  /** Open time of the first missing bar. */
  readonly fromMs: number
  /** Open time of the bar after the hole. */
  readonly toMs: number
  /** Missing bars. */
  readonly bars: number
}

/** Holes of `columns` (ascending, on the grid of `timeframe`), oldest first. */
export function findGaps(columns: CandleColumns, timeframe: Timeframe): Gap[] {
  const gaps: Gap[] = []
  const { openTimeMs, length } = columns
  const stepMs = timeframeMs(timeframe)
  if (timeframe === '1M') {
    for (let i = 1; i < length; i += 1) {
      const fromMs = nextBucketStart(timeframe, openTimeMs[i - 1]!)
      const toMs = openTimeMs[i]!
      let bars = 0
      for (let atMs = fromMs; atMs < toMs; atMs = nextBucketStart(timeframe, atMs)) bars += 1
      if (bars > 0) gaps.push({ fromMs, toMs, bars })
    }
    return gaps
  }
  for (let i = 1; i < length; i += 1) {
    const fromMs = openTimeMs[i - 1]! + stepMs
    const toMs = openTimeMs[i]!
    if (toMs > fromMs) gaps.push({ fromMs, toMs, bars: Math.round((toMs - fromMs) / stepMs) })
  }
  return gaps
}
