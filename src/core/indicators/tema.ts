/**
 * TEMA = 3*E1 - 3*E2 + E3, Ek = EMA of Ek-1, E1 of the source, each seeded with an SMA. First value after 3n-2 bars.
 * Source: P. Mulloy, "Smoothing Data with Faster Moving Averages" (1994); TA-Lib TEMA.
 */
import { emaHistory, type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { EmaMean } from './means.ts'
import { onSource, type SeriesState } from './source.ts'

class Tema implements SeriesState {
  private readonly first: EmaMean
  private readonly second: EmaMean
  private readonly third: EmaMean

  constructor(period: number) {
    this.first = new EmaMean(period)
    this.second = new EmaMean(period)
    this.third = new EmaMean(period)
  }

  step(x: number): number {
    const e1 = this.first.push(x)
    if (Number.isNaN(e1)) return e1
    const e2 = this.second.push(e1)
    return Number.isNaN(e2) ? e2 : 3 * e1 - 3 * e2 + this.third.push(e2)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.step(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(xs[i]!)
  }
}

export const tema: IndicatorDefinition = {
  id: 'tema',
  params: [periodParam(20)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: 3 * numberOf(p, 'period') - 2 }),
  history: p => emaHistory(numberOf(p, 'period')),
  create: onSource(p => new Tema(numberOf(p, 'period'))),
  reference: 'Mulloy 1994; TA-Lib TEMA',
}
