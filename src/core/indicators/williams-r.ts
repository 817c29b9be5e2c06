/**
 * Williams %R = -100*(HH-C)/(HH-LL) over n bars; -50 if the window is flat. First value after n bars.
 * Source: L. Williams, "How I Made One Million Dollars" (1973); TA-Lib WILLR.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { WindowMax, WindowMin } from './windows.ts'

class WilliamsR extends CandleState implements IndicatorState {
  private readonly highest: WindowMax
  private readonly lowest: WindowMin

  constructor(period: number) {
    super()
    this.highest = new WindowMax(period)
    this.lowest = new WindowMin(period)
  }

  step(high: number, low: number, close: number): number {
    const top = this.highest.push(high)
    const span = top - this.lowest.push(low)
    return span === 0 ? -50 : (100 * (close - top)) / span
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

export const williamsR: IndicatorDefinition = {
  id: 'williamsR',
  params: [periodParam(14)],
  components: ['value'],
  usesSource: false,
  levels: { overbought: -20, oversold: -80, mid: -50 },
  bars: p => ({ value: numberOf(p, 'period') }),
  create: p => new WilliamsR(numberOf(p, 'period')),
  reference: 'Williams 1973; TA-Lib WILLR',
}
