/**
 * Parabolic SAR as TA-Lib's SAR. The first direction is down if the second bar's low fell further than its high rose,
 * else up. While long the stop follows the highest high by an acceleration that grows by `step` up to `max`, never above
 * the last two lows; a low at or below it turns the direction (+1 long, -1 short). First value after 2 bars.
 * Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978); TA-Lib SAR.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, factorParam, type IndicatorDefinition, type IndicatorState, numberOf } from './indicator.ts'

class Psar extends CandleState implements IndicatorState {
  private readonly increment: number
  private readonly limit: number
  private high = Number.NaN
  private low = Number.NaN
  /** The stop for the coming bar. */
  private stop = Number.NaN
  private extreme = Number.NaN
  private acceleration: number
  private value = Number.NaN
  private direction = Number.NaN

  constructor(step: number, max: number) {
    super()
    this.increment = step
    this.limit = max
    this.acceleration = step
  }

  step(high: number, low: number): void {
    let previousHigh = this.high
    let previousLow = this.low
    this.high = high
    this.low = low
    if (Number.isNaN(previousHigh)) return
    if (Number.isNaN(this.direction)) {
      const fall = previousLow - low
      const short = fall > 0 && fall > high - previousHigh
      this.direction = short ? -1 : 1
      this.stop = short ? previousHigh : previousLow
      this.extreme = short ? low : high
      // as TA-Lib, the first stop is bounded by the second bar alone
      previousHigh = high
      previousLow = low
    }
    if (this.direction > 0) this.stepLong(high, low, previousHigh, previousLow)
    else this.stepShort(high, low, previousHigh, previousLow)
  }

  private stepLong(high: number, low: number, previousHigh: number, previousLow: number): void {
    if (low <= this.stop) {
      this.turn(-1, low, Math.max(this.extreme, previousHigh, high))
      this.stop = Math.max(this.stop, previousHigh, high)
      return
    }
    this.value = this.stop
    if (high > this.extreme) this.follow(high)
    this.stop = Math.min(this.stop + this.acceleration * (this.extreme - this.stop), previousLow, low)
  }

  private stepShort(high: number, low: number, previousHigh: number, previousLow: number): void {
    if (high >= this.stop) {
      this.turn(1, high, Math.min(this.extreme, previousLow, low))
      this.stop = Math.min(this.stop, previousLow, low)
      return
    }
    this.value = this.stop
    if (low < this.extreme) this.follow(low)
    this.stop = Math.max(this.stop + this.acceleration * (this.extreme - this.stop), previousHigh, high)
  }

  private turn(direction: number, extreme: number, value: number): void {
    this.direction = direction
    this.value = value
    this.acceleration = this.increment
    this.extreme = extreme
    this.stop = value + this.acceleration * (extreme - value)
  }

  private follow(extreme: number): void {
    this.extreme = extreme
    this.acceleration = Math.min(this.acceleration + this.increment, this.limit)
  }

  next(_t: number, _open: number, high: number, low: number, _close: number, _volume: number, out: Float64Array): void {
    this.step(high, low)
    out[0] = this.value
    out[1] = this.direction
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low } = columns
    const values = outs[0]!
    const directions = outs[1]!
    for (let i = from; i < to; i++) {
      this.step(high[i]!, low[i]!)
      values[i] = this.value
      directions[i] = this.direction
    }
  }
}

export const psar: IndicatorDefinition = {
  id: 'psar',
  params: [factorParam('step', 0.02, 0.0001, 1), factorParam('max', 0.2, 0.0001, 1)],
  components: ['value', 'direction'],
  usesSource: false,
  bars: () => ({ value: 2, direction: 2 }),
  check: p => (numberOf(p, 'step') <= numberOf(p, 'max') ? [] : [{ name: 'step', message: 'step must not be above max' }]),
  create: p => new Psar(numberOf(p, 'step'), numberOf(p, 'max')),
  reference: 'Wilder 1978; TA-Lib SAR',
}
