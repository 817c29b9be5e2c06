/**
 * Hull average = WMA_m(2*WMA_floor(n/2) - WMA_n) of the source, m = floor(sqrt n). First value after n+m-1 bars.
 * Source: A. Hull, "Hull Moving Average" (2005).
 */
import { type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { WmaSeries } from './wma.ts'

class Hull implements SeriesState {
  private readonly half: WmaSeries
  private readonly whole: WmaSeries
  private readonly smooth: WmaSeries

  constructor(period: number) {
    this.half = new WmaSeries(Math.floor(period / 2))
    this.whole = new WmaSeries(period)
    this.smooth = new WmaSeries(Math.floor(Math.sqrt(period)))
  }

  step(x: number): number {
    const half = this.half.push(x)
    const whole = this.whole.push(x)
    return Number.isNaN(whole) ? whole : this.smooth.push(2 * half - whole)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.step(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(xs[i]!)
  }
}

export const hull: IndicatorDefinition = {
  id: 'hull',
  params: [periodParam(20, 'period', 2)],
  components: ['value'],
  usesSource: true,
  bars(p) {
    const n = numberOf(p, 'period')
    return { value: n + Math.floor(Math.sqrt(n)) - 1 }
  },
  create: onSource(p => new Hull(numberOf(p, 'period'))),
  reference: 'Hull 2005',
}
