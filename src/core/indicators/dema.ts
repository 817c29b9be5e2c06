/**
 * DEMA = 2*E1 - E2, E1 = EMA of the source, E2 = EMA of E1, each seeded with an SMA. First value after 2n-1 bars.
 * Source: P. Mulloy, "Smoothing Data with Faster Moving Averages" (1994); TA-Lib DEMA.
 */
import { emaHistory, type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { EmaMean } from './means.ts'
import { onSource, type SeriesState } from './source.ts'

class Dema implements SeriesState {
  private readonly first: EmaMean
  private readonly second: EmaMean

  constructor(period: number) {
    this.first = new EmaMean(period)
    this.second = new EmaMean(period)
  }

  step(x: number): number {
    const e1 = this.first.push(x)
    return Number.isNaN(e1) ? e1 : 2 * e1 - this.second.push(e1)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.step(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(xs[i]!)
  }
}

export const dema: IndicatorDefinition = {
  id: 'dema',
  params: [periodParam(20)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: 2 * numberOf(p, 'period') - 1 }),
  history: p => emaHistory(numberOf(p, 'period')),
  create: onSource(p => new Dema(numberOf(p, 'period'))),
  reference: 'Mulloy 1994; TA-Lib DEMA',
}
