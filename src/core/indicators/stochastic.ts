/**
 * Stochastic: k = SMA of 100*(C-LL)/(HH-LL) over smoothK bars, d = SMA of k; a flat window counts as 50.
 * First values after k+smoothK-1 bars, d after d-1 more. Source: G. Lane; TA-Lib STOCHF (smoothK 1), STOCH.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { WindowMax, WindowMean, WindowMin } from './windows.ts'

/** Place of a value between the extremes of a window, smoothed twice; StochRSI stands on it too. */
export class StochasticSeries {
  k = Number.NaN
  d = Number.NaN
  private readonly highest: WindowMax
  private readonly lowest: WindowMin
  private readonly meanK: WindowMean
  private readonly meanD: WindowMean

  constructor(period: number, smoothK: number, smoothD: number) {
    this.highest = new WindowMax(period)
    this.lowest = new WindowMin(period)
    this.meanK = new WindowMean(smoothK)
    this.meanD = new WindowMean(smoothD)
  }

  push(high: number, low: number, value: number): void {
    const top = this.highest.push(high)
    const bottom = this.lowest.push(low)
    const span = top - bottom
    if (Number.isNaN(span)) return
    const k = this.meanK.push(span === 0 ? 50 : (100 * (value - bottom)) / span)
    if (Number.isNaN(k)) return
    this.k = k
    this.d = this.meanD.push(k)
  }
}

class Stochastic extends CandleState implements IndicatorState {
  private readonly series: StochasticSeries

  constructor(k: number, smoothK: number, d: number) {
    super()
    this.series = new StochasticSeries(k, smoothK, d)
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    this.series.push(high, low, close)
    out[0] = this.series.k
    out[1] = this.series.d
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const ks = outs[0]!
    const ds = outs[1]!
    const series = this.series
    for (let i = from; i < to; i++) {
      series.push(high[i]!, low[i]!, close[i]!)
      ks[i] = series.k
      ds[i] = series.d
    }
  }
}

export const stochastic: IndicatorDefinition = {
  id: 'stochastic',
  params: [periodParam(14, 'k'), periodParam(1, 'smoothK'), periodParam(3, 'd')],
  components: ['k', 'd'],
  usesSource: false,
  levels: { overbought: 80, oversold: 20, mid: 50 },
  bars(p) {
    const k = numberOf(p, 'k') + numberOf(p, 'smoothK') - 1
    return { k, d: k + numberOf(p, 'd') - 1 }
  },
  create: p => new Stochastic(numberOf(p, 'k'), numberOf(p, 'smoothK'), numberOf(p, 'd')),
  reference: 'Lane; TA-Lib STOCHF, STOCH',
}
