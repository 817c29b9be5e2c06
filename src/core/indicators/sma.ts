/**
 * SMA: mean of the last n values of the source. First value after n bars.
 * Source: the arithmetic mean; TA-Lib SMA.
 */
import { type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { WindowMean } from './windows.ts'

class Sma implements SeriesState {
  private readonly mean: WindowMean

  constructor(period: number) {
    this.mean = new WindowMean(period)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.mean.push(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    const mean = this.mean
    for (let i = from; i < to; i++) value[i] = mean.push(xs[i]!)
  }
}

export const sma: IndicatorDefinition = {
  id: 'sma',
  params: [periodParam(20)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') }),
  create: onSource(p => new Sma(numberOf(p, 'period'))),
  reference: 'TA-Lib SMA',
}
