/**
 * The `source` option: which series of the candles a one-series indicator reads. Price fields as in conditions,
 * the volume, and the four prices of Heikin-Ashi candles.
 *
 * Heikin-Ashi (Nison, "Beyond Candlesticks", 1994): close = (O+H+L+C)/4; open = (open' + close')/2, at first (O+C)/2;
 * high = max(H, open, close); low = min(L, open, close). Recursive, so it starts at the series' anchor.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorState } from './indicator.ts'

export const SOURCES = [
  'close',
  'open',
  'high',
  'low',
  'hl2',
  'hlc3',
  'ohlc4',
  'volume',
  'ha_open',
  'ha_high',
  'ha_low',
  'ha_close',
] as const

export type Source = (typeof SOURCES)[number]

/** A running indicator on one series: one number in, one value per component out. Same promises as `IndicatorState`. */
export interface SeriesState {
  next(x: number, out: Float64Array): void
  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void
}

/** A candle's volume as a number; data without volume (NaN) counts as nothing traded. */
export function volumeOf(volume: number): number {
  return Number.isNaN(volume) ? 0 : volume
}

/** Picks the source's value out of a candle; Heikin-Ashi needs the state. */
export class SourcePicker {
  haOpen = Number.NaN
  haClose = Number.NaN
  readonly source: Source

  constructor(source: Source) {
    this.source = source
  }

  pick(open: number, high: number, low: number, close: number, volume: number): number {
    switch (this.source) {
      case 'open':
        return open
      case 'high':
        return high
      case 'low':
        return low
      case 'close':
        return close
      case 'hl2':
        return (high + low) / 2
      case 'hlc3':
        return (high + low + close) / 3
      case 'ohlc4':
        return (open + high + low + close) / 4
      case 'volume':
        return volumeOf(volume)
      default:
        return this.heikinAshi(open, high, low, close)
    }
  }

  private heikinAshi(open: number, high: number, low: number, close: number): number {
    const haOpen = Number.isNaN(this.haOpen) ? (open + close) / 2 : (this.haOpen + this.haClose) / 2
    const haClose = (open + high + low + close) / 4
    this.haOpen = haOpen
    this.haClose = haClose
    if (this.source === 'ha_open') return haOpen
    if (this.source === 'ha_close') return haClose
    return this.source === 'ha_high' ? Math.max(high, haOpen, haClose) : Math.min(low, haOpen, haClose)
  }
}

/** Runs a series indicator on one source of the candles. */
export class OnSource extends CandleState implements IndicatorState {
  private readonly picker: SourcePicker
  private readonly series: SeriesState

  constructor(series: SeriesState, source: Source) {
    super()
    this.series = series
    this.picker = new SourcePicker(source)
  }

  next(_openTimeMs: number, open: number, high: number, low: number, close: number, volume: number, out: Float64Array): void {
    this.series.next(this.picker.pick(open, high, low, close, volume), out)
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { source } = this.picker
    if (source === 'close' || source === 'open' || source === 'high' || source === 'low') {
      this.series.run(columns[source], from, to, outs)
      return
    }
    const { open, high, low, close, volume } = columns
    const xs = new Float64Array(to - from)
    for (let i = from; i < to; i++) xs[i - from] = this.picker.pick(open[i]!, high[i]!, low[i]!, close[i]!, volume[i]!)
    this.series.run(
      xs,
      0,
      xs.length,
      outs.map(o => o.subarray(from, to)),
    )
  }
}

/** The `create` of a one-series indicator. */
export function onSource(make: (params: Readonly<Record<string, number | string>>) => SeriesState) {
  return (params: Readonly<Record<string, number | string>>, source: Source): IndicatorState => new OnSource(make(params), source)
}
