/**
 * OBV: the first bar's volume, then plus the volume of each bar that closed higher and minus that of each that closed
 * lower, from the series' anchor; ma = SMA of it. First values after 1 and maPeriod bars.
 * Source: J. Granville, "New Key to Stock Market Profits" (1963); TA-Lib OBV.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { volumeOf } from './source.ts'
import { WindowMean } from './windows.ts'

class Obv extends CandleState implements IndicatorState {
  private readonly mean: WindowMean
  private previousClose = Number.NaN
  private value = 0

  constructor(maPeriod: number) {
    super()
    this.mean = new WindowMean(maPeriod)
  }

  step(close: number, volume: number): number {
    const previous = this.previousClose
    this.previousClose = close
    if (Number.isNaN(previous) || close > previous) this.value += volume
    else if (close < previous) this.value -= volume
    return this.value
  }

  next(_t: number, _open: number, _high: number, _low: number, close: number, volume: number, out: Float64Array): void {
    const value = this.step(close, volumeOf(volume))
    out[0] = value
    out[1] = this.mean.push(value)
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { close, volume } = columns
    const values = outs[0]!
    const means = outs[1]!
    for (let i = from; i < to; i++) {
      const value = this.step(close[i]!, volumeOf(volume[i]!))
      values[i] = value
      means[i] = this.mean.push(value)
    }
  }
}

export const obv: IndicatorDefinition = {
  id: 'obv',
  params: [periodParam(20, 'maPeriod')],
  components: ['value', 'ma'],
  needsVolume: true,
  usesSource: false,
  bars: p => ({ value: 1, ma: numberOf(p, 'maPeriod') }),
  create: p => new Obv(numberOf(p, 'maPeriod')),
  reference: 'Granville 1963; TA-Lib OBV',
}
