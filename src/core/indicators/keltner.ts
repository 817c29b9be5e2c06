/**
 * Keltner channel: middle = EMA of the close, upper and lower = middle +- multiplier*ATR.
 * First values of all three after max(period, atrPeriod+1) bars. Source: C. Keltner (1960) in L. Raschke's ATR form.
 */
import type { CandleColumns } from '../market/candles.ts'
import { AtrSeries } from './atr.ts'
import {
  CandleState,
  emaHistory,
  factorParam,
  type IndicatorDefinition,
  type IndicatorState,
  numberOf,
  periodParam,
  wilderHistory,
} from './indicator.ts'
import { EmaMean } from './means.ts'

class Keltner extends CandleState implements IndicatorState {
  private readonly multiplier: number
  private readonly mean: EmaMean
  private readonly atr: AtrSeries
  private middle = Number.NaN
  private reach = Number.NaN

  constructor(period: number, atrPeriod: number, multiplier: number) {
    super()
    this.multiplier = multiplier
    this.mean = new EmaMean(period)
    this.atr = new AtrSeries(atrPeriod)
  }

  step(high: number, low: number, close: number): void {
    const middle = this.mean.push(close)
    const reach = this.multiplier * this.atr.push(high, low, close)
    if (Number.isNaN(middle + reach)) return
    this.middle = middle
    this.reach = reach
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    this.step(high, low, close)
    out[0] = this.middle
    out[1] = this.middle + this.reach
    out[2] = this.middle - this.reach
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const middles = outs[0]!
    const uppers = outs[1]!
    const lowers = outs[2]!
    for (let i = from; i < to; i++) {
      this.step(high[i]!, low[i]!, close[i]!)
      middles[i] = this.middle
      uppers[i] = this.middle + this.reach
      lowers[i] = this.middle - this.reach
    }
  }
}

export const keltner: IndicatorDefinition = {
  id: 'keltner',
  params: [periodParam(20), periodParam(5, 'atrPeriod'), factorParam('multiplier', 1.5, 0.01, 100)],
  components: ['middle', 'upper', 'lower'],
  usesSource: false,
  bars(p) {
    const n = Math.max(numberOf(p, 'period'), numberOf(p, 'atrPeriod') + 1)
    return { middle: n, upper: n, lower: n }
  },
  history: p => Math.max(emaHistory(numberOf(p, 'period')), wilderHistory(numberOf(p, 'atrPeriod'))),
  create: p => new Keltner(numberOf(p, 'period'), numberOf(p, 'atrPeriod'), numberOf(p, 'multiplier')),
  reference: 'Keltner 1960, Raschke; EMA and ATR as in TA-Lib',
}
