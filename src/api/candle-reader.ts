// The port through which the API reads the market's history. The application composes it of stored candles and the demo market.

import type { CandleColumns } from '../core/market/candles.ts'
import type { Timeframe } from '../core/market/timeframe.ts'

/** One stored series. */
export interface SeriesCoverage {
  readonly instrumentId: string
  readonly timeframe: Timeframe
  /** Open time of the first and of the last bar. */
  readonly firstMs: number
  readonly lastMs: number
  readonly bars: number
}

export interface CandleReader {
  /** Series that are stored, of one instrument or of all. */
  coverage(instrumentId?: string): Promise<readonly SeriesCoverage[]>
  /**
   * Closed bars with fromMs <= open time < toMs, ascending, aggregated where only finer ones are stored.
   * @throws an error with code INSUFFICIENT_DATA where no stored series gives this timeframe.
   */
  columns(instrumentId: string, timeframe: Timeframe, fromMs: number, toMs: number): Promise<CandleColumns>
  /** Close of the latest bar known, null where there is none. */
  lastPrice(instrumentId: string): Promise<string | null>
}

const COVERAGE_TTL_MS = 5_000

/** Counting bars of a long series takes a while, and every chart asks; what is stored changes rarely. */
export function withCachedCoverage(reader: CandleReader, now: () => number): CandleReader {
  const kept = new Map<string, { readonly atMs: number; readonly coverage: Promise<readonly SeriesCoverage[]> }>()
  return {
    columns: (id, timeframe, fromMs, toMs) => reader.columns(id, timeframe, fromMs, toMs),
    lastPrice: id => reader.lastPrice(id),
    coverage(id = '') {
      const known = kept.get(id)
      if (known && now() - known.atMs < COVERAGE_TTL_MS) return known.coverage
      const coverage = reader.coverage(id === '' ? undefined : id)
      if (kept.size > 1000) kept.clear()
      kept.set(id, { atMs: now(), coverage })
      coverage.catch(() => kept.delete(id))
      return coverage
    },
  }
}
