/**
 * VWMA = sum(x*V)/sum(V) over the last n bars; where nothing was traded in all of them, their plain mean.
 * First value after n bars. Source: the volume-weighted mean as charting platforms define it (TradingView ta.vwma).
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { type Source, SourcePicker, volumeOf } from './source.ts'
import { EqualRun, WindowMean, WindowSum } from './windows.ts'

class Vwma extends CandleState implements IndicatorState {
  private readonly picker: SourcePicker
  private readonly turnover: WindowSum
  private readonly volume: WindowSum
  private readonly plain: WindowMean
  private readonly equal: EqualRun

  constructor(period: number, source: Source) {
    super()
    this.picker = new SourcePicker(source)
    this.turnover = new WindowSum(period)
    this.volume = new WindowSum(period)
    this.plain = new WindowMean(period)
    this.equal = new EqualRun(period)
  }

  step(x: number, traded: number): number {
    const turnover = this.turnover.push(x * traded)
    const volume = this.volume.push(traded)
    const plain = this.plain.push(x)
    const equal = this.equal.push(x)
    if (volume === 0) return plain
    return equal ? x : turnover / volume
  }

  next(_t: number, open: number, high: number, low: number, close: number, volume: number, out: Float64Array): void {
    out[0] = this.step(this.picker.pick(open, high, low, close, volume), volumeOf(volume))
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { open, high, low, close, volume } = columns
    const value = outs[0]!
    for (let i = from; i < to; i++) {
      const traded = volume[i]!
      value[i] = this.step(this.picker.pick(open[i]!, high[i]!, low[i]!, close[i]!, traded), volumeOf(traded))
    }
  }
}

export const vwma: IndicatorDefinition = {
  id: 'vwma',
  params: [periodParam(20)],
  components: ['value'],
  needsVolume: true,
  usesSource: true,
  bars: p => ({ value: numberOf(p, 'period') }),
  create: (p, source) => new Vwma(numberOf(p, 'period'), source),
  reference: 'TradingView ta.vwma',
}
