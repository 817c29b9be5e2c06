/**
 * Node values over whole histories, computed once per node group and shared by every condition, bot and trial that asks; and the
 * reads of one decision instant, served from those columns.
 */

import type { CandleColumns, CandleSeries } from '../market/candles.ts'
import { nextBucketStart, type Timeframe, timeframeMs } from '../market/timeframe.ts'
import type { Reads } from './evaluate.ts'
import { componentOf, computeGroup, type SeriesKey, type SeriesNode, seriesKey } from './series-node.ts'

interface StoredSeries {
  readonly timeframe: Timeframe
  readonly columns: CandleColumns
  /** Close of each bar, ms. */
  closes: Float64Array | null
}

/** Candle columns by series, and what was computed from them. Columns start at the series' anchor. */
export class SeriesLookup {
  readonly #series = new Map<SeriesKey, StoredSeries>()
  readonly #groups = new Map<string, Float64Array[]>()
  readonly #joins = new Map<string, Int32Array>()

  constructor(series: Iterable<CandleSeries>) {
    for (const { instrumentId, timeframe, columns } of series) {
      this.#series.set(seriesKey(instrumentId, timeframe), { timeframe, columns, closes: null })
    }
  }

  has(series: SeriesKey): boolean {
    return this.#series.has(series)
  }

  /** @throws RangeError naming the series that is not here. */
  columns(series: SeriesKey): CandleColumns {
    return this.#stored(series).columns
  }

  /** Close time of every bar. A bar closes where the next bucket of the grid opens. */
  closes(series: SeriesKey): Float64Array {
    const stored = this.#stored(series)
    stored.closes ??= closeTimes(stored.timeframe, stored.columns)
    return stored.closes
  }

  /** Value of the node at every bar of its series. Read-only: it may be the candles' own column. */
  node(node: SeriesNode): Float64Array {
    let group = this.#groups.get(node.groupId)
    if (!group) {
      group = computeGroup(node, this.columns(node.series))
      this.#groups.set(node.groupId, group)
    }
    return group[componentOf(node)]!
  }

  /** For every bar of `onto`: index of the latest bar of `series` that has closed when that bar closes; -1 before the first. */
  join(series: SeriesKey, onto: SeriesKey): Int32Array {
    const key = `${series} ${onto}`
    let joined = this.#joins.get(key)
    if (!joined) {
      joined = joinCloses(this.closes(series), this.closes(onto))
      this.#joins.set(key, joined)
    }
    return joined
  }

  #stored(series: SeriesKey): StoredSeries {
    const stored = this.#series.get(series)
    if (!stored) throw new RangeError(`no candles of ${series} were given`)
    return stored
  }
}

function closeTimes(timeframe: Timeframe, columns: CandleColumns): Float64Array {
  const { openTimeMs, length } = columns
  const closes = new Float64Array(length)
  if (timeframe === '1M' || length === 0) {
    for (let i = 0; i < length; i += 1) closes[i] = nextBucketStart(timeframe, openTimeMs[i]!)
    return closes
  }
  // Of five million minutes this is the first thing a run asks for: 3 ns a bar instead of 40.
  const lengthMs = timeframeMs(timeframe)
  const offsetMs = nextBucketStart(timeframe, 0) % lengthMs
  let closeMs = Number.NaN
  for (let i = 0; i < length; i += 1) {
    const openMs = openTimeMs[i]!
    // mostly the next bar opens where this one closes
    closeMs =
      openMs === closeMs ? closeMs + lengthMs : Math.floor((openMs - offsetMs) / lengthMs) * lengthMs + offsetMs + lengthMs
    closes[i] = closeMs
  }
  return closes
}

/** Last index whose close is at or before `atMs`, searched from `from` onward in growing strides: near ones cost one look. */
function lastAtOrBefore(closes: Float64Array, atMs: number, from: number): number {
  let low = from
  let stride = 1
  while (low + stride < closes.length && closes[low + stride]! <= atMs) {
    low += stride
    stride *= 2
  }
  let high = Math.min(low + stride, closes.length)
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (closes[middle]! <= atMs) low = middle
    else high = middle
  }
  return low
}

function joinCloses(closes: Float64Array, onto: Float64Array): Int32Array {
  const out = new Int32Array(onto.length)
  let at = -1
  for (let i = 0; i < onto.length; i++) {
    const instant = onto[i]!
    while (at + 1 < closes.length && closes[at + 1]! <= instant) at++
    out[i] = at
  }
  return out
}

/**
 * Reads at a decision instant over columns: what a backtest in stepping mode hands to an evaluation. `advanceTo` moves only forward;
 * each series then stands at its latest bar that has closed by that instant.
 */
export class ColumnReads implements Reads {
  readonly #lookup: SeriesLookup
  readonly #at = new Map<SeriesKey, { index: number; closes: Float64Array; opens: Float64Array }>()

  constructor(lookup: SeriesLookup, series: Iterable<SeriesKey>) {
    this.#lookup = lookup
    for (const key of series) {
      this.#at.set(key, { index: -1, closes: lookup.closes(key), opens: lookup.columns(key).openTimeMs })
    }
  }

  advanceTo(atMs: number): void {
    for (const cursor of this.#at.values()) {
      cursor.index = lastAtOrBefore(cursor.closes, atMs, cursor.index)
    }
  }

  value(node: SeriesNode, barsAgo: number): number | undefined {
    const cursor = this.#at.get(node.series)
    return cursor === undefined ? undefined : this.#lookup.node(node)[cursor.index - barsAgo]
  }

  barOpenMs(series: SeriesKey, barsAgo: number): number | undefined {
    const cursor = this.#at.get(series)
    return cursor?.opens[cursor.index - barsAgo]
  }

  barCount(series: SeriesKey): number {
    return (this.#at.get(series)?.index ?? -1) + 1
  }
}
