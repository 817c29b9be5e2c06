/**
 * Ease of movement = SMA of divisor*(mid-mid')*(H-L)/V, mid = (H+L)/2; a bar without volume adds 0.
 * First value after n+1 bars. Source: R. Arms, "Volume Cycles in the Stock Market" (1983).
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, factorParam, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { volumeOf } from './source.ts'
import { WindowMean } from './windows.ts'

class Eom extends CandleState implements IndicatorState {
  private readonly divisor: number
  private readonly mean: WindowMean
  private previous = Number.NaN

  constructor(period: number, divisor: number) {
    super()
    this.divisor = divisor
    this.mean = new WindowMean(period)
  }

  step(high: number, low: number, volume: number): number {
    const middle = (high + low) / 2
    const moved = middle - this.previous
    this.previous = middle
    if (Number.isNaN(moved)) return moved
    return this.mean.push(volume === 0 ? 0 : (this.divisor * moved * (high - low)) / volume)
  }

  next(_t: number, _open: number, high: number, low: number, _close: number, volume: number, out: Float64Array): void {
    out[0] = this.step(high, low, volumeOf(volume))
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, volume } = columns
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(high[i]!, low[i]!, volumeOf(volume[i]!))
  }
}

export const eom: IndicatorDefinition = {
  id: 'eom',
  params: [periodParam(14), factorParam('divisor', 10_000, 1e-9, 1e15)],
  components: ['value'],
  needsVolume: true,
  usesSource: false,
  bars: p => ({ value: numberOf(p, 'period') + 1 }),
  create: p => new Eom(numberOf(p, 'period'), numberOf(p, 'divisor')),
  reference: 'Arms 1983',
}
