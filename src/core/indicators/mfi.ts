/**
 * MFI = 100*pos/(pos+neg): TP*V of the last n bars, summed by the sign of the change of TP = (H+L+C)/3; 50 if nothing
 * flowed. First value after n+1 bars. Source: G. Quong, A. Soudack (1989); TA-Lib MFI.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { volumeOf } from './source.ts'
import { WindowSum } from './windows.ts'

class Mfi extends CandleState implements IndicatorState {
  private readonly positive: WindowSum
  private readonly negative: WindowSum
  private previous = Number.NaN

  constructor(period: number) {
    super()
    this.positive = new WindowSum(period)
    this.negative = new WindowSum(period)
  }

  step(high: number, low: number, close: number, volume: number): number {
    const tp = (high + low + close) / 3
    const change = tp - this.previous
    this.previous = tp
    if (Number.isNaN(change)) return change
    const flow = tp * volume
    const positive = this.positive.push(change > 0 ? flow : 0)
    const both = positive + this.negative.push(change < 0 ? flow : 0)
    return both === 0 ? 50 : (100 * positive) / both
  }

  next(_t: number, _open: number, high: number, low: number, close: number, volume: number, out: Float64Array): void {
    out[0] = this.step(high, low, close, volumeOf(volume))
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close, volume } = columns
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(high[i]!, low[i]!, close[i]!, volumeOf(volume[i]!))
  }
}

export const mfi: IndicatorDefinition = {
  id: 'mfi',
  params: [periodParam(14)],
  components: ['value'],
  needsVolume: true,
  usesSource: false,
  levels: { overbought: 80, oversold: 20, mid: 50 },
  bars: p => ({ value: numberOf(p, 'period') + 1 }),
  create: p => new Mfi(numberOf(p, 'period')),
  reference: 'Quong, Soudack 1989; TA-Lib MFI',
}
