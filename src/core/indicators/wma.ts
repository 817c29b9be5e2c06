/**
 * WMA: mean of the last n values of the source with weights 1 (oldest) to n (newest). First value after n bars.
 * Source: TA-Lib WMA.
 */
import { type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { EqualRun, WindowWeightedSum } from './windows.ts'

/** WMA of one series; Hull stands on it too. */
export class WmaSeries {
  private readonly weights: number
  private readonly sum: WindowWeightedSum
  private readonly equal: EqualRun

  constructor(period: number) {
    this.weights = (period * (period + 1)) / 2
    this.sum = new WindowWeightedSum(period)
    this.equal = new EqualRun(period)
  }

  push(x: number): number {
    const sum = this.sum.push(x)
    return this.equal.push(x) ? x : sum / this.weights
  }
}

class Wma implements SeriesState {
  private readonly series: WmaSeries

  constructor(period: number) {
    this.series = new WmaSeries(period)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.series.push(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    const series = this.series
    for (let i = from; i < to; i++) value[i] = series.push(xs[i]!)
  }
}

export const wma: IndicatorDefinition = {
  id: 'wma',
  params: [periodParam(20)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') }),
  create: onSource(p => new Wma(numberOf(p, 'period'))),
  reference: 'TA-Lib WMA',
}
