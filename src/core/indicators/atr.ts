/**
 * ATR: Wilder mean of the true range, which begins at the second bar; pct = 100*ATR/close. First value after n+1 bars.
 * Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978); TA-Lib ATR, NATR.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam, wilderHistory } from './indicator.ts'
import { trueRange, WilderMean } from './means.ts'

/** ATR of a candle series; Keltner and SuperTrend stand on it too. */
export class AtrSeries {
  private readonly mean: WilderMean
  private previousClose = Number.NaN

  constructor(period: number) {
    this.mean = new WilderMean(period)
  }

  push(high: number, low: number, close: number): number {
    const previousClose = this.previousClose
    this.previousClose = close
    return Number.isNaN(previousClose) ? Number.NaN : this.mean.push(trueRange(high, low, previousClose))
  }
}

class Atr extends CandleState implements IndicatorState {
  private readonly atr: AtrSeries

  constructor(period: number) {
    super()
    this.atr = new AtrSeries(period)
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    const value = this.atr.push(high, low, close)
    out[0] = value
    out[1] = percentOf(value, close)
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const values = outs[0]!
    const pcts = outs[1]!
    const atr = this.atr
    for (let i = from; i < to; i++) {
      const value = atr.push(high[i]!, low[i]!, close[i]!)
      values[i] = value
      pcts[i] = percentOf(value, close[i]!)
    }
  }
}

function percentOf(value: number, close: number): number {
  return close === 0 ? 0 * value : (100 * value) / close
}

export const atr: IndicatorDefinition = {
  id: 'atr',
  params: [periodParam(14)],
  components: ['value', 'pct'],
  usesSource: false,
  bars: p => ({ value: numberOf(p, 'period') + 1, pct: numberOf(p, 'period') + 1 }),
  history: p => wilderHistory(numberOf(p, 'period')),
  create: p => new Atr(numberOf(p, 'period')),
  reference: 'Wilder 1978; TA-Lib ATR, NATR',
}
