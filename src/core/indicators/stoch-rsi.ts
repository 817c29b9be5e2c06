/**
 * StochRSI: the stochastic of RSI itself: k = SMA of 100*(R-LL(R))/(HH(R)-LL(R)) over smoothK bars, d = SMA of k; a flat
 * window counts as 50. First values after rsiPeriod+k+smoothK-1 bars, d after d-1 more.
 * Source: T. Chande, S. Kroll, "The New Technical Trader" (1994); TA-Lib STOCHRSI (smoothK 1).
 */
import { type IndicatorDefinition, numberOf, periodParam, wilderHistory } from './indicator.ts'
import { RsiSeries } from './rsi.ts'
import { onSource, type SeriesState } from './source.ts'
import { StochasticSeries } from './stochastic.ts'

class StochRsi implements SeriesState {
  private readonly rsi: RsiSeries
  private readonly series: StochasticSeries

  constructor(rsiPeriod: number, k: number, smoothK: number, d: number) {
    this.rsi = new RsiSeries(rsiPeriod)
    this.series = new StochasticSeries(k, smoothK, d)
  }

  step(x: number): void {
    const rsi = this.rsi.push(x)
    if (!Number.isNaN(rsi)) this.series.push(rsi, rsi, rsi)
  }

  next(x: number, out: Float64Array): void {
    this.step(x)
    out[0] = this.series.k
    out[1] = this.series.d
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const ks = outs[0]!
    const ds = outs[1]!
    for (let i = from; i < to; i++) {
      this.step(xs[i]!)
      ks[i] = this.series.k
      ds[i] = this.series.d
    }
  }
}

export const stochRsi: IndicatorDefinition = {
  id: 'stochRsi',
  params: [periodParam(14, 'rsiPeriod'), periodParam(14, 'k'), periodParam(3, 'smoothK'), periodParam(3, 'd')],
  components: ['k', 'd'],
  usesSource: true,
  levels: { overbought: 80, oversold: 20, mid: 50 },
  bars(p) {
    const k = numberOf(p, 'rsiPeriod') + numberOf(p, 'k') + numberOf(p, 'smoothK') - 1
    return { k, d: k + numberOf(p, 'd') - 1 }
  },
  history: p => wilderHistory(numberOf(p, 'rsiPeriod')),
  create: onSource(p => new StochRsi(numberOf(p, 'rsiPeriod'), numberOf(p, 'k'), numberOf(p, 'smoothK'), numberOf(p, 'd'))),
  reference: 'Chande, Kroll 1994; TA-Lib STOCHRSI',
}
