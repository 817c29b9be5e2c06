/**
 * Linear regression of the last n values of the source on their place 0..n-1: value = the line's end at the newest bar,
 * slope = its rise per bar, intercept = its start at the oldest bar. First value after n bars.
 * Source: least squares; TA-Lib LINEARREG, LINEARREG_SLOPE, LINEARREG_INTERCEPT.
 */
import { type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { EqualRun, WindowWeightedSum } from './windows.ts'

class LinearRegression implements SeriesState {
  private readonly period: number
  private readonly spread: number
  private readonly weighted: WindowWeightedSum
  private readonly equal: EqualRun
  private mean = Number.NaN
  private slope = Number.NaN

  constructor(period: number) {
    this.period = period
    this.spread = (period * (period * period - 1)) / 12
    this.weighted = new WindowWeightedSum(period)
    this.equal = new EqualRun(period)
  }

  step(x: number): void {
    const weighted = this.weighted.push(x)
    const { sum } = this.weighted
    const equal = this.equal.push(x)
    this.mean = equal ? x : sum / this.period
    this.slope = equal ? 0 : (weighted - (sum * (this.period + 1)) / 2) / this.spread
  }

  next(x: number, out: Float64Array): void {
    this.step(x)
    const half = (this.slope * (this.period - 1)) / 2
    out[0] = this.mean + half
    out[1] = this.slope
    out[2] = this.mean - half
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const values = outs[0]!
    const slopes = outs[1]!
    const intercepts = outs[2]!
    for (let i = from; i < to; i++) {
      this.step(xs[i]!)
      const half = (this.slope * (this.period - 1)) / 2
      values[i] = this.mean + half
      slopes[i] = this.slope
      intercepts[i] = this.mean - half
    }
  }
}

export const linearRegression: IndicatorDefinition = {
  id: 'linearRegression',
  params: [periodParam(14, 'period', 2)],
  components: ['value', 'slope', 'intercept'],
  usesSource: true,
  bars(p) {
    const n = numberOf(p, 'period')
    return { value: n, slope: n, intercept: n }
  },
  create: onSource(p => new LinearRegression(numberOf(p, 'period'))),
  reference: 'least squares; TA-Lib LINEARREG',
}
