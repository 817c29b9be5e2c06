/**
 * MACD: line = EMA(fast) - EMA(slow) of the source, signal = EMA of the line, histogram = line - signal.
 * `seeding` own: each EMA starts from the first bar. `ta_lib`: the fast EMA is seeded from the `fast` bars that end where
 * the slow one gets its first value, as TA-Lib does; the two converge. First values after slow, slow+signal-1 bars.
 * Source: G. Appel, "Technical Analysis: Power Tools for Active Investors" (2005); TA-Lib MACD.
 */
import { emaHistory, type IndicatorDefinition, numberOf, periodParam } from './indicator.ts'
import { EmaMean } from './means.ts'
import { onSource, type SeriesState } from './source.ts'

class Macd implements SeriesState {
  private readonly fast: EmaMean
  private readonly slow: EmaMean
  private readonly mean: EmaMean
  private line = Number.NaN
  private signal = Number.NaN
  /** Bars that the fast EMA still leaves out before its seed begins. */
  private idle: number

  constructor(fast: number, slow: number, signal: number, seeding: string) {
    this.fast = new EmaMean(fast)
    this.slow = new EmaMean(slow)
    this.mean = new EmaMean(signal)
    this.idle = seeding === 'ta_lib' ? slow - fast : 0
  }

  step(x: number): void {
    const slow = this.slow.push(x)
    if (this.idle > 0) {
      this.idle--
      return
    }
    const line = this.fast.push(x) - slow
    if (Number.isNaN(line)) return
    this.line = line
    this.signal = this.mean.push(line)
  }

  next(x: number, out: Float64Array): void {
    this.step(x)
    out[0] = this.line
    out[1] = this.signal
    out[2] = this.line - this.signal
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const lines = outs[0]!
    const signals = outs[1]!
    const histograms = outs[2]!
    for (let i = from; i < to; i++) {
      this.step(xs[i]!)
      lines[i] = this.line
      signals[i] = this.signal
      histograms[i] = this.line - this.signal
    }
  }
}

export const macd: IndicatorDefinition = {
  id: 'macd',
  params: [
    periodParam(12, 'fast'),
    periodParam(26, 'slow', 2),
    periodParam(9, 'signal'),
    { name: 'seeding', default: 'own', choices: ['own', 'ta_lib'] },
  ],
  components: ['line', 'signal', 'histogram'],
  usesSource: true,
  bars(p) {
    const slow = numberOf(p, 'slow')
    const both = slow + numberOf(p, 'signal') - 1
    return { line: slow, signal: both, histogram: both }
  },
  history: p => emaHistory(numberOf(p, 'slow')),
  check: p => (numberOf(p, 'fast') < numberOf(p, 'slow') ? [] : [{ name: 'fast', message: 'fast must be below slow' }]),
  create: onSource(p => new Macd(numberOf(p, 'fast'), numberOf(p, 'slow'), numberOf(p, 'signal'), String(p.seeding))),
  reference: 'Appel 2005; TA-Lib MACD with seeding ta_lib',
}
