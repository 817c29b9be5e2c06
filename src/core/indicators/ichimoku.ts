/**
 * Ichimoku: tenkan, kijun = (HH+LL)/2 of their windows; spanA = (tenkan+kijun)/2 and spanB = middle of the senkou window,
 * both as computed displacement-1 bars back, so the cloud that lies over this candle; chikouRef = the close displacement-1
 * bars back, to compare this close with. First values after tenkan; kijun; max(tenkan,kijun)+displacement-1 (spanA);
 * senkou+displacement-1 (spanB); displacement (chikouRef) bars.
 * Source: G. Hosoda, "Ichimoku Kinko Hyo" (1969).
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { Delay, WindowMax, WindowMin } from './windows.ts'

/** Middle between the highest high and the lowest low of a window. */
class Middle {
  private readonly highest: WindowMax
  private readonly lowest: WindowMin

  constructor(period: number) {
    this.highest = new WindowMax(period)
    this.lowest = new WindowMin(period)
  }

  push(high: number, low: number): number {
    return (this.highest.push(high) + this.lowest.push(low)) / 2
  }
}

class Ichimoku extends CandleState implements IndicatorState {
  private readonly fast: Middle
  private readonly base: Middle
  private readonly wide: Middle
  private readonly delayA: Delay
  private readonly delayB: Delay
  private readonly delayClose: Delay
  private tenkan = Number.NaN
  private kijun = Number.NaN
  private spanA = Number.NaN
  private spanB = Number.NaN
  private chikouRef = Number.NaN

  constructor(tenkan: number, kijun: number, senkou: number, displacement: number) {
    super()
    this.fast = new Middle(tenkan)
    this.base = new Middle(kijun)
    this.wide = new Middle(senkou)
    this.delayA = new Delay(displacement - 1)
    this.delayB = new Delay(displacement - 1)
    this.delayClose = new Delay(displacement - 1)
  }

  step(high: number, low: number, close: number): void {
    this.tenkan = this.fast.push(high, low)
    this.kijun = this.base.push(high, low)
    this.spanA = this.delayA.push((this.tenkan + this.kijun) / 2)
    this.spanB = this.delayB.push(this.wide.push(high, low))
    this.chikouRef = this.delayClose.push(close)
  }

  next(_t: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    this.step(high, low, close)
    out[0] = this.tenkan
    out[1] = this.kijun
    out[2] = this.spanA
    out[3] = this.spanB
    out[4] = this.chikouRef
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low, close } = columns
    const tenkans = outs[0]!
    const kijuns = outs[1]!
    const spanAs = outs[2]!
    const spanBs = outs[3]!
    const chikouRefs = outs[4]!
    for (let i = from; i < to; i++) {
      this.step(high[i]!, low[i]!, close[i]!)
      tenkans[i] = this.tenkan
      kijuns[i] = this.kijun
      spanAs[i] = this.spanA
      spanBs[i] = this.spanB
      chikouRefs[i] = this.chikouRef
    }
  }
}

export const ichimoku: IndicatorDefinition = {
  id: 'ichimoku',
  params: [periodParam(9, 'tenkan'), periodParam(26, 'kijun'), periodParam(52, 'senkou'), periodParam(26, 'displacement')],
  components: ['tenkan', 'kijun', 'spanA', 'spanB', 'chikouRef'],
  usesSource: false,
  bars(p) {
    const tenkan = numberOf(p, 'tenkan')
    const kijun = numberOf(p, 'kijun')
    const displacement = numberOf(p, 'displacement')
    return {
      tenkan,
      kijun,
      spanA: Math.max(tenkan, kijun) + displacement - 1,
      spanB: numberOf(p, 'senkou') + displacement - 1,
      chikouRef: displacement,
    }
  },
  create: p => new Ichimoku(numberOf(p, 'tenkan'), numberOf(p, 'kijun'), numberOf(p, 'senkou'), numberOf(p, 'displacement')),
  reference: 'Hosoda 1969',
}
