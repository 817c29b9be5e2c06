/**
 * Choppiness = 100*log10(sum of TR / (HH-LL)) / log10(n) over n bars, TR from the second bar on; 50 if the window is flat.
 * Near 100 = sideways, near 0 = trending. First value after n+1 bars. Source: E. W. Dreiss's choppiness index.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { trueRange } from './means.ts'
import { WindowMax, WindowMin, WindowSum } from './windows.ts'

class Choppiness extends CandleState implements IndicatorState {
  private readonly scale: number
  private readonly ranges: WindowSum
  private readonly highest: WindowMax
  private readonly lowest: WindowMin
  private previousClose = Number.NaN

  constructor(period: number) {
    super()
    this.scale = 100 / Math.log10(period)
    this.ranges = new WindowSum(period)
    this.highest = new WindowMax(period)
    this.lowest = new WindowMin(period)
  }

  step(high: number, low: number, close: number): number {
    const previousClose = this.previousClose
    this.previousClose = close
    const span = this.highest.push(high) - this.lowest.push(low)
    if (Number.isNaN(previousClose)) return previousClose
    const ranges = this.ranges.push(trueRange(high, low, previousClose))
    if (Number.isNaN(ranges)) return ranges
    return span === 0 ? 50 : this.scale * Math.log10(ranges / span)
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

export const choppiness: IndicatorDefinition = {
  id: 'choppiness',
  params: [periodParam(14, 'period', 2)],
  components: ['value'],
  usesSource: false,
  bars: p => ({ value: numberOf(p, 'period') + 1 }),
  create: p => new Choppiness(numberOf(p, 'period')),
  reference: 'Dreiss choppiness index',
}
