// What the candles verbs ask of the place where candles are kept.

import type { CandleColumns } from '../core/market/candles.ts'
import type { InstrumentRules } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { CandleCoverage, CandleSource } from '../market-data/candle-source.ts'

export interface ImportedSeries {
  /** Kept where the instrument is not known yet; known rules stay. */
  readonly rules: InstrumentRules
  readonly timeframe: Timeframe
  readonly columns: CandleColumns
}

export interface ImportedCount {
  readonly instrumentId: string
  readonly timeframe: Timeframe
  /** Bars that were not there, that had other figures, and that were there already. */
  readonly inserted: number
  readonly changed: number
  readonly unchanged: number
}

export interface CandleArchive extends CandleSource {
  /** All series in one transaction. */
  importSeries(series: readonly ImportedSeries[], progress: (done: number) => void): Promise<readonly ImportedCount[]>
  /** Every stored series, by instrument and timeframe. */
  list(): Promise<readonly CandleCoverage[]>
  /** Deletes bars with fromMs <= open time < toMs in one transaction. @returns how many. */
  deleteSeries(instrumentId: string, timeframes: readonly Timeframe[], fromMs?: number, toMs?: number): Promise<number>
  close(): Promise<void>
}
