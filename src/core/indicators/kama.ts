/**
 * KAMA: ER = abs(x-x[n]) / sum of abs(dx) over n bars (0/0 = 1), c = (ER*(2/(fast+1)-2/(slow+1)) + 2/(slow+1))^2,
 * K += c*(x-K), seeded with the previous x. First value after n+1 bars.
 * Source: P. Kaufman, "Smarter Trading" (1995); TA-Lib KAMA (fast 2, slow 30).
 */
import { type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { onSource, type SeriesState } from './source.ts'
import { Delay, WindowSum } from './windows.ts'

class Kama implements SeriesState {
  private readonly slowWeight: number
  private readonly span: number
  private readonly delay: Delay
  private readonly path: WindowSum
  private previous = Number.NaN
  private value = Number.NaN

  constructor(period: number, fast: number, slow: number) {
    this.slowWeight = 2 / (slow + 1)
    this.span = 2 / (fast + 1) - this.slowWeight
    this.delay = new Delay(period)
    this.path = new WindowSum(period)
  }

  step(x: number): number {
    const previous = this.previous
    const old = this.delay.push(x)
    this.previous = x
    if (Number.isNaN(previous)) return previous
    const path = this.path.push(Math.abs(x - previous))
    if (Number.isNaN(path)) return path
    const direct = Math.abs(x - old)
    // the path is never shorter than the way; rounding may say so
    const efficiency = direct >= path ? 1 : direct / path
    const root = efficiency * this.span + this.slowWeight
    const last = Number.isNaN(this.value) ? previous : this.value
    this.value = last + root * root * (x - last)
    return this.value
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.step(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(xs[i]!)
  }
}

export const kama: IndicatorDefinition = {
  id: 'kama',
  params: [periodParam(10), periodParam(2, 'fast'), periodParam(30, 'slow', 2)],
  components: ['value'],
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') + 1 }),
  check: p => (numberOf(p, 'fast') < numberOf(p, 'slow') ? [] : [{ name: 'fast', message: 'fast must be below slow' }]),
  create: onSource(p => new Kama(numberOf(p, 'period'), numberOf(p, 'fast'), numberOf(p, 'slow'))),
  reference: 'Kaufman 1995; TA-Lib KAMA',
}
