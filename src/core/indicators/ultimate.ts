/**
 * Ultimate oscillator = 100*(4*A1 + 2*A2 + A3)/7, A = sum(C - min(L,C')) / sum(max(H,C') - min(L,C')) over the short,
 * medium and long window; the A of a flat window is 1/2. First value after long+1 bars.
 * Source: L. Williams, "The Ultimate Oscillator" (1985); TA-Lib ULTOSC.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'
import { WindowSum } from './windows.ts'

/** Buying pressure as a share of the true range over one window. */
class Pressure {
  private readonly bought: WindowSum
  private readonly range: WindowSum

  constructor(period: number) {
    this.bought = new WindowSum(period)
    this.range = new WindowSum(period)
  }

  push(bought: number, range: number): number {
    const total = this.range.push(range)
    const part = this.bought.push(bought)
    return total === 0 ? 0.5 : part / total
  }
}

class Ultimate extends CandleState implements IndicatorState {
  private readonly short: Pressure
  private readonly medium: Pressure
  private readonly long: Pressure
  private previousClose = Number.NaN

  constructor(short: number, medium: number, long: number) {
    super()
    this.short = new Pressure(short)
    this.medium = new Pressure(medium)
    this.long = new Pressure(long)
  }

  step(high: number, low: number, close: number): number {
    const previousClose = this.previousClose
    this.previousClose = close
    if (Number.isNaN(previousClose)) return previousClose
    const bottom = low < previousClose ? low : previousClose
    const top = high > previousClose ? high : previousClose
    const bought = close - bottom
    const range = top - bottom
    const a1 = this.short.push(bought, range)
    const a2 = this.medium.push(bought, range)
    const a3 = this.long.push(bought, range)
    return (100 * (4 * a1 + 2 * a2 + a3)) / 7
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

export const ultimate: IndicatorDefinition = {
  id: 'ultimate',
  params: [periodParam(7, 'short'), periodParam(14, 'medium', 2), periodParam(28, 'long', 3)],
  components: ['value'],
  usesSource: false,
  levels: { overbought: 70, oversold: 30, mid: 50 },
  bars: p => ({ value: numberOf(p, 'long') + 1 }),
  check(p) {
    const findings = []
    if (numberOf(p, 'short') >= numberOf(p, 'medium')) findings.push({ name: 'short', message: 'short must be below medium' })
    if (numberOf(p, 'medium') >= numberOf(p, 'long')) findings.push({ name: 'medium', message: 'medium must be below long' })
    return findings
  },
  create: p => new Ultimate(numberOf(p, 'short'), numberOf(p, 'medium'), numberOf(p, 'long')),
  reference: 'Williams 1985; TA-Lib ULTOSC',
}
