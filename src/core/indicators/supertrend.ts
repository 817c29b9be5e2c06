/**
 * SuperTrend: u, d = (H+L)/2 +- multiplier*ATR; U = u if u < U' or C' > U', else U'; D = d if d > D' or C' < D', else D';
 * direction starts -1, becomes +1 when C > U and -1 when C < D; line = D if +1, else U. First value after n+1 bars.
 * Source: O. Seban's SuperTrend, with Wilder's ATR.
 */
import type { CandleColumns } from '../market/candles.ts'
import { AtrSeries } from './atr.ts'
import {
  CandleState,
  factorParam,
  type IndicatorDefinition,
  type IndicatorState,
  numberOf,
  periodParam,
  wilderHistory,
} from './indicator.ts'

class Supertrend extends CandleState implements IndicatorState {
  private readonly multiplier: number
  private readonly atr: AtrSeries
  private upper = Number.NaN
  private lower = Number.NaN
  private previousClose = Number.NaN
  private line = Number.NaN
  private direction = Number.NaN

  constructor(period: number, multiplier: number) {
    super()
    this.multiplier = multiplier
    this.atr = new AtrSeries(period)
  }

  step(high: number, low: number, close: number): void {
    const reach = this.multiplier * this.atr.push(high, low, close)
    const previousClose = this.previousClose
    this.previousClose = close
    if (Number.isNaN(reach)) return
    const middle = (high + low) / 2
    const u = middle + reach
    const d = middle - reach
    if (Number.isNaN(this.upper)) {
      this.upper = u
      this.lower = d
      this.direction = -1
    } else {
      if (u < this.upper || previousClose > this.upper) this.upper = u
      if (d > this.lower || previousClose < this.lower) this.lower = d
    }
    if (close > this.upper) this.direction = 1
    else if (close < this.lower) this.direction = -1
    this.line = this.direction > 0 ? this.lower : this.upper
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    this.step(high, low, close)
    out[0] = this.line
    out[1] = this.direction
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const lines = outs[0]!
    const directions = outs[1]!
    for (let i = from; i < to; i++) {
      this.step(high[i]!, low[i]!, close[i]!)
      lines[i] = this.line
      directions[i] = this.direction
    }
  }
}

export const supertrend: IndicatorDefinition = {
  id: 'supertrend',
  params: [periodParam(10), factorParam('multiplier', 3, 0.01, 100)],
  components: ['line', 'direction'],
  usesSource: false,
  bars: p => ({ line: numberOf(p, 'period') + 1, direction: numberOf(p, 'period') + 1 }),
  history: p => wilderHistory(numberOf(p, 'period')),
  create: p => new Supertrend(numberOf(p, 'period'), numberOf(p, 'multiplier')),
  reference: 'Seban; ATR as in TA-Lib',
}
