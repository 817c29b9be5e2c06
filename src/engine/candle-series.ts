// The candle series a run reads: what is stored at the venue's timeframe, and the coarser ones made of it.

import { SeriesLookup } from '../core/conditions/series-lookup.ts'
import { seriesKey } from '../core/conditions/series-node.ts'
import { aggregateColumns } from '../core/market/aggregate.ts'
import type { CandleColumns, CandleSeries } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'

export interface VenueSeries {
  readonly instrumentId: string
  readonly columns: CandleColumns
}

/** @throws InsufficientDataError where a wanted timeframe is finer than the data. */
export function seriesLookup(
  venue: readonly VenueSeries[],
  venueTimeframe: Timeframe,
  wanted: Iterable<{ readonly instrumentId: string; readonly timeframe: Timeframe }>,
): SeriesLookup {
  const series = new Map<string, CandleSeries>()
  for (const { instrumentId, columns } of venue) {
    series.set(seriesKey(instrumentId, venueTimeframe), { instrumentId, timeframe: venueTimeframe, columns })
  }
  for (const { instrumentId, timeframe } of wanted) {
    const key = seriesKey(instrumentId, timeframe)
    if (series.has(key)) continue
    const source = series.get(seriesKey(instrumentId, venueTimeframe))
    if (!source) throw new RangeError(`no candles of ${instrumentId} were given`)
    series.set(key, { instrumentId, timeframe, columns: aggregateColumns(source.columns, venueTimeframe, timeframe) })
  }
  return new SeriesLookup(series.values())
}

/** A tick above this share of the lowest price cannot be the venue's: rounding alone would eat every profit. */
const LARGEST_TICK_SHARE = 0.1

export class InstrumentMismatchError extends RangeError {
  readonly code = 'INSTRUMENT_MISMATCH'
}

/** @throws InstrumentMismatchError where the candles' prices are too small for the instrument's tick. */
export function checkTick(instrument: Instrument, columns: CandleColumns): void {
  let lowest = Number.POSITIVE_INFINITY
  for (let i = 0; i < columns.length; i += 1) if (columns.low[i]! < lowest) lowest = columns.low[i]!
  if (columns.length === 0 || instrument.tick.toNumber() <= lowest * LARGEST_TICK_SHARE) return
  throw new InstrumentMismatchError(
    `${instrument.symbol} trades as low as ${lowest}, but the tick of ${instrument.id} is ${instrument.tick}: give the venue's own rules (--instrument)`,
  )
}
