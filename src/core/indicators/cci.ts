/**
 * CCI = (TP - SMA(TP)) / (0.015 * mean absolute deviation of TP from that SMA), TP = (H+L+C)/3; 0 if the window is flat.
 * First value after n bars. O(n) per bar: the mean absolute deviation has no shorter exact form.
 * Source: D. Lambert, "Commodity Channel Index" (1980); TA-Lib CCI.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { EqualRun, WindowMean } from './windows.ts'

class Cci extends CandleState implements IndicatorState {
  private readonly slots: Float64Array
  private readonly mean: WindowMean
  private readonly equal: EqualRun
  private at = 0

  constructor(period: number) {
    super()
    this.slots = new Float64Array(period)
    this.mean = new WindowMean(period)
    this.equal = new EqualRun(period)
  }

  step(high: number, low: number, close: number): number {
    const slots = this.slots
    const period = slots.length
    const tp = (high + low + close) / 3
    slots[this.at] = tp
    this.at = this.at + 1 < period ? this.at + 1 : 0
    const mean = this.mean.push(tp)
    if (this.equal.push(tp)) return 0
    if (Number.isNaN(mean)) return mean
    let deviation = 0
    for (let i = 0; i < period; i++) deviation += Math.abs(slots[i]! - mean)
    return (tp - mean) / ((0.015 * deviation) / period)
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    out[0] = this.step(high, low, close)
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(high[i]!, low[i]!, close[i]!)
  }
}

export const cci: IndicatorDefinition = {
  id: 'cci',
  params: [periodParam(20)],
  components: ['value'],
  usesSource: false,
  levels: { overbought: 100, oversold: -100, mid: 0 },
  bars: p => ({ value: numberOf(p, 'period') }),
  create: p => new Cci(numberOf(p, 'period')),
  reference: 'Lambert 1980; TA-Lib CCI',
}
