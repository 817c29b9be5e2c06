/**
 * CMF = sum(((C-L)-(H-C))/(H-L)*V) / sum(V) over n bars; a bar without span counts 0, a window without volume is 0.
 * First value after n bars. Source: M. Chaikin's money flow.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { volumeOf } from './source.ts'
import { WindowSum } from './windows.ts'

class Cmf extends CandleState implements IndicatorState {
  private readonly flow: WindowSum
  private readonly volume: WindowSum

  constructor(period: number) {
    super()
    this.flow = new WindowSum(period)
    this.volume = new WindowSum(period)
  }

  step(high: number, low: number, close: number, traded: number): number {
    const span = high - low
    const flow = this.flow.push(span === 0 ? 0 : ((close - low - (high - close)) / span) * traded)
    const volume = this.volume.push(traded)
    return volume === 0 ? 0 : flow / volume
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

export const cmf: IndicatorDefinition = {
  id: 'cmf',
  params: [periodParam(20)],
  components: ['value'],
  needsVolume: true,
  usesSource: false,
  bars: p => ({ value: numberOf(p, 'period') }),
  create: p => new Cmf(numberOf(p, 'period')),
  reference: 'Chaikin money flow',
}
