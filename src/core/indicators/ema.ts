/**
 * EMA: seed = SMA of the first n values of the source, then e += 2/(n+1)*(x-e). First value after n bars.
 * Source: TA-Lib EMA (its default seed).
 */
import { emaHistory, type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { EmaMean } from './means.ts'
import { onSource, type SeriesState } from './source.ts'

class Ema implements SeriesState {
  private readonly mean: EmaMean

  constructor(period: number) {
    this.mean = new EmaMean(period)
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

export const ema: IndicatorDefinition = {
  id: 'ema',
  params: [periodParam(20)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') }),
  history: p => emaHistory(numberOf(p, 'period')),
  create: onSource(p => new Ema(numberOf(p, 'period'))),
  reference: 'TA-Lib EMA',
}
