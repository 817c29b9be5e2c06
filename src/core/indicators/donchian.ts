/**
 * Donchian channel: upper = highest high, lower = lowest low of the last n bars incl. this one, middle between them.
 * First value after n bars. Source: R. Donchian (1960); TA-Lib MAX of high, MIN of low.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { WindowMax, WindowMin } from './windows.ts'

class Donchian extends CandleState implements IndicatorState {
  private readonly highest: WindowMax
  private readonly lowest: WindowMin

  constructor(period: number) {
    super()
    this.highest = new WindowMax(period)
    this.lowest = new WindowMin(period)
  }

  next(_t: number, _open: number, high: number, low: number, _close: number, _volume: number, out: Float64Array): void {
    const upper = this.highest.push(high)
    const lower = this.lowest.push(low)
    out[0] = upper
    out[1] = lower
    out[2] = (upper + lower) / 2
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low } = columns
    const uppers = outs[0]!
    const lowers = outs[1]!
    const middles = outs[2]!
    const { highest, lowest } = this
    for (let i = from; i < to; i++) {
      const upper = highest.push(high[i]!)
      const lower = lowest.push(low[i]!)
      uppers[i] = upper
      lowers[i] = lower
      middles[i] = (upper + lower) / 2
    }
  }
}

export const donchian: IndicatorDefinition = {
  id: 'donchian',
  params: [periodParam(20)],
  components: ['upper', 'lower', 'middle'],
  usesSource: false,
  bars(p) {
    const n = numberOf(p, 'period')
    return { upper: n, lower: n, middle: n }
  },
  create: p => new Donchian(numberOf(p, 'period')),
  reference: 'Donchian 1960; TA-Lib MAX, MIN',
}
