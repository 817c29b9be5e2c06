/**
 * Bollinger bands: middle = SMA of the source, upper and lower = middle +- k*population sigma, bandwidth = (U-L)/middle,
 * percentB = (x-L)/(U-L), 0.5 if the window is flat. First value after n bars.
 * Source: J. Bollinger, "Bollinger on Bollinger Bands" (2001); TA-Lib BBANDS.
 */
import { factorParam, type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { WindowMean, WindowSquares } from './windows.ts'

class Bollinger implements SeriesState {
  private readonly period: number
  private readonly k: number
  private readonly mean: WindowMean
  private readonly squares: WindowSquares
  private middle = Number.NaN
  private reach = Number.NaN

  constructor(period: number, k: number) {
    this.period = period
    this.k = k
    this.mean = new WindowMean(period)
    this.squares = new WindowSquares(period)
  }

  step(x: number): void {
    this.middle = this.mean.push(x)
    this.reach = this.k * Math.sqrt(this.squares.push(x) / this.period)
  }

  next(x: number, out: Float64Array): void {
    this.step(x)
    const { middle, reach } = this
    const lower = middle - reach
    out[0] = middle
    out[1] = middle + reach
    out[2] = lower
    out[3] = bandwidth(middle, reach)
    out[4] = percentB(x, lower, reach)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const middles = outs[0]!
    const uppers = outs[1]!
    const lowers = outs[2]!
    const bandwidths = outs[3]!
    const percents = outs[4]!
    for (let i = from; i < to; i++) {
      const x = xs[i]!
      this.step(x)
      const { middle, reach } = this
      const lower = middle - reach
      middles[i] = middle
      uppers[i] = middle + reach
      lowers[i] = lower
      bandwidths[i] = bandwidth(middle, reach)
      percents[i] = percentB(x, lower, reach)
    }
  }
}

function bandwidth(middle: number, reach: number): number {
  return reach === 0 ? 0 : (2 * reach) / middle
}

function percentB(x: number, lower: number, reach: number): number {
  return reach === 0 ? 0.5 : (x - lower) / (2 * reach)
}

export const bollinger: IndicatorDefinition = {
  id: 'bollinger',
  params: [periodParam(20), factorParam('k', 2, 0.01, 100)],
  components: ['middle', 'upper', 'lower', 'bandwidth', 'percentB'],
  usesSource: true,
  bars(p) {
    const n = numberOf(p, 'period')
    return { middle: n, upper: n, lower: n, bandwidth: n, percentB: n }
  },
  create: onSource(p => new Bollinger(numberOf(p, 'period'), numberOf(p, 'k'))),
  reference: 'Bollinger 2001; TA-Lib BBANDS',
}
