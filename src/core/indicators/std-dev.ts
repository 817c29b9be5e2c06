/**
 * StdDev: population standard deviation of the last n values of the source, times `multiplier`. First value after n bars.
 * Source: TA-Lib STDDEV.
 */
import { factorParam, type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { WindowSquares } from './windows.ts'

class StdDev implements SeriesState {
  private readonly period: number
  private readonly multiplier: number
  private readonly squares: WindowSquares

  constructor(period: number, multiplier: number) {
    this.period = period
    this.multiplier = multiplier
    this.squares = new WindowSquares(period)
  }

  step(x: number): number {
    return this.multiplier * Math.sqrt(this.squares.push(x) / this.period)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.step(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(xs[i]!)
  }
}

export const stdDev: IndicatorDefinition = {
  id: 'stdDev',
  params: [periodParam(20), factorParam('multiplier', 1, 0.01, 100)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') }),
  create: onSource(p => new StdDev(numberOf(p, 'period'), numberOf(p, 'multiplier'))),
  reference: 'TA-Lib STDDEV',
}
