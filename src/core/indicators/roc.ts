/**
 * ROC = 100*(x - x[n])/x[n], the change of the source against n bars ago in percent. First value after n+1 bars.
 * Source: TA-Lib ROC.
 */
import { type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { Delay } from './windows.ts'

class Roc implements SeriesState {
  private readonly delay: Delay

  constructor(period: number) {
    this.delay = new Delay(period)
  }

  step(x: number): number {
    const old = this.delay.push(x)
    return old === 0 ? 0 : (100 * (x - old)) / old
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.step(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(xs[i]!)
  }
}

export const roc: IndicatorDefinition = {
  id: 'roc',
  params: [periodParam(10)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') + 1 }),
  create: onSource(p => new Roc(numberOf(p, 'period'))),
  reference: 'TA-Lib ROC',
}
