/**
 * RSI = 100*G/(G+L), G and L = Wilder means of the gains and of the losses of the source; 50 if nothing moved.
 * First value after n+1 bars. Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978); TA-Lib RSI.
 */
import { type IndicatorDefinition, numberOf, periodParam, wilderHistory } from './indicator.ts'
import { NOTHING, WilderMean } from './means.ts'
import { onSource, type SeriesState } from './source.ts'

/** RSI of one series; StochRSI stands on it too. */
export class RsiSeries {
  private readonly gains: WilderMean
  private readonly losses: WilderMean
  private previous = Number.NaN

  constructor(period: number) {
    this.gains = new WilderMean(period)
    this.losses = new WilderMean(period)
  }

  push(x: number): number {
    const change = x - this.previous
    this.previous = x
    if (Number.isNaN(change)) return Number.NaN
    const gain = this.gains.push(change > 0 ? change : 0)
    const loss = this.losses.push(change < 0 ? -change : 0)
    const both = gain + loss
    return both < NOTHING ? 50 : (100 * gain) / both
  }
}

class Rsi implements SeriesState {
  private readonly series: RsiSeries

  constructor(period: number) {
    this.series = new RsiSeries(period)
  }

  next(x: number, out: Float64Array): void {
    out[0] = this.series.push(x)
  }

  run(xs: Float64Array, from: number, to: number, outs: readonly Float64Array[]): void {
    const value = outs[0]!
    const series = this.series
    for (let i = from; i < to; i++) value[i] = series.push(xs[i]!)
  }
}

export const rsi: IndicatorDefinition = {
  id: 'rsi',
  params: [periodParam(14)],
  components: ['value'],
  usesSource: true,
  levels: { overbought: 70, oversold: 30, mid: 50 },
  bars: p => ({ value: numberOf(p, 'period') + 1 }),
  history: p => wilderHistory(numberOf(p, 'period')),
  create: onSource(p => new Rsi(numberOf(p, 'period'))),
  reference: 'Wilder 1978; TA-Lib RSI',
}
