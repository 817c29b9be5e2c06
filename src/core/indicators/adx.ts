/**
 * ADX: sums of +DM, -DM and TR of bars 1..n-1, then S += x - S/n; DI = 100*DM/TR; adx = Wilder mean of
 * 100*abs(+DI - -DI)/(+DI + -DI). Without any movement DI and adx are 0. First values: DI after n+1 bars, adx after 2n.
 * Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978); TA-Lib ADX, PLUS_DI, MINUS_DI.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam, wilderHistory } from './indicator.ts'
import { NOTHING, trueRange, WilderMean } from './means.ts'

class Adx extends CandleState implements IndicatorState {
  private readonly period: number
  private readonly mean: WilderMean
  private seen = 0
  private high = Number.NaN
  private low = Number.NaN
  private close = Number.NaN
  private plus = 0
  private minus = 0
  private range = 0
  private plusDi = Number.NaN
  private minusDi = Number.NaN
  private adx = Number.NaN

  constructor(period: number) {
    super()
    this.period = period
    this.mean = new WilderMean(period)
  }

  step(high: number, low: number, close: number): void {
    const up = high - this.high
    const down = this.low - low
    const range = trueRange(high, low, this.close)
    this.high = high
    this.low = low
    this.close = close
    if (Number.isNaN(up)) return
    const plus = up > down && up > 0 ? up : 0
    const minus = down > up && down > 0 ? down : 0
    if (this.seen < this.period - 1) {
      this.seen++
      this.plus += plus
      this.minus += minus
      this.range += range
      return
    }
    const period = this.period
    this.plus += plus - this.plus / period
    this.minus += minus - this.minus / period
    this.range += range - this.range / period
    const still = this.range < NOTHING
    this.plusDi = still ? 0 : (100 * this.plus) / this.range
    this.minusDi = still ? 0 : (100 * this.minus) / this.range
    const sum = this.plusDi + this.minusDi
    this.adx = this.mean.push(sum < NOTHING ? 0 : (100 * Math.abs(this.plusDi - this.minusDi)) / sum)
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    this.step(high, low, close)
    out[0] = this.adx
    out[1] = this.plusDi
    out[2] = this.minusDi
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const adxs = outs[0]!
    const plusDis = outs[1]!
    const minusDis = outs[2]!
    for (let i = from; i < to; i++) {
      this.step(high[i]!, low[i]!, close[i]!)
      adxs[i] = this.adx
      plusDis[i] = this.plusDi
      minusDis[i] = this.minusDi
    }
  }
}

export const adx: IndicatorDefinition = {
  id: 'adx',
  params: [periodParam(14)],
  components: ['adx', 'plusDi', 'minusDi'],
  usesSource: false,
  bars(p) {
    const n = numberOf(p, 'period')
    return { adx: 2 * n, plusDi: n + 1, minusDi: n + 1 }
  },
  history: p => wilderHistory(numberOf(p, 'period')),
  create: p => new Adx(numberOf(p, 'period')),
  reference: 'Wilder 1978; TA-Lib ADX, PLUS_DI, MINUS_DI',
}
