/**
 * Aroon: up = 100*(n - bars since the highest high)/n, down likewise of the lowest low, over the last n+1 bars, the newest
 * extreme winning a tie; oscillator = up - down. A flat window gives 50, 50, 0. First value after n+1 bars.
 * Source: T. Chande (1995); TA-Lib AROON, AROONOSC.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState, numberOf, periodParam } from './indicator.ts'

/** Age in bars of the greatest of the last `size` values, folded in blocks as the other windows are. */
class WindowMaxAge {
  /** The greatest value itself, valid after `push`. */
  max = Number.NaN
  private readonly slots: Float64Array
  /** Where in its block the value of `slots` stands. */
  private readonly places: Float64Array
  private at = 0
  private head = Number.NEGATIVE_INFINITY
  private headPlace = 0
  private full = false

  constructor(size: number) {
    this.slots = new Float64Array(size)
    this.places = new Float64Array(size)
  }

  push(x: number): number {
    const { slots, places, at } = this
    const size = slots.length
    slots[at] = x
    if (x >= this.head) {
      this.head = x
      this.headPlace = at
    }
    const { head, headPlace } = this
    if (at + 1 < size) {
      this.at = at + 1
      if (!this.full) return Number.NaN
      const tail = slots[at + 1]!
      this.max = head >= tail ? head : tail
      return head >= tail ? at - headPlace : at + size - places[at + 1]!
    }
    this.fold()
    this.max = head
    return at - headPlace
  }

  private fold(): void {
    const { slots, places } = this
    let tail = Number.NEGATIVE_INFINITY
    let place = 0
    for (let i = slots.length - 1; i >= 0; i--) {
      if (slots[i]! > tail) {
        tail = slots[i]!
        place = i
      }
      slots[i] = tail
      places[i] = place
    }
    this.at = 0
    this.head = Number.NEGATIVE_INFINITY
    this.full = true
  }
}

class Aroon extends CandleState implements IndicatorState {
  private readonly period: number
  private readonly highest: WindowMaxAge
  /** Runs on negated lows. */
  private readonly lowest: WindowMaxAge
  private up = Number.NaN
  private down = Number.NaN

  constructor(period: number) {
    super()
    this.period = period
    this.highest = new WindowMaxAge(period + 1)
    this.lowest = new WindowMaxAge(period + 1)
  }

  step(high: number, low: number): void {
    const { period, highest, lowest } = this
    const sinceHigh = highest.push(high)
    const sinceLow = lowest.push(-low)
    const flat = highest.max === -lowest.max
    this.up = flat ? 50 : (100 * (period - sinceHigh)) / period
    this.down = flat ? 50 : (100 * (period - sinceLow)) / period
  }

  next(_t: number, _open: number, high: number, low: number, _close: number, _volume: number, out: Float64Array): void {
    this.step(high, low)
    out[0] = this.up - this.down
    out[1] = this.up
    out[2] = this.down
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { high, low } = columns
    const oscillators = outs[0]!
    const ups = outs[1]!
    const downs = outs[2]!
    for (let i = from; i < to; i++) {
      this.step(high[i]!, low[i]!)
      oscillators[i] = this.up - this.down
      ups[i] = this.up
      downs[i] = this.down
    }
  }
}

export const aroon: IndicatorDefinition = {
  id: 'aroon',
  params: [periodParam(14)],
  components: ['oscillator', 'up', 'down'],
  usesSource: false,
  bars(p) {
    const n = numberOf(p, 'period') + 1
    return { oscillator: n, up: n, down: n }
  },
  create: p => new Aroon(numberOf(p, 'period')),
  reference: 'Chande 1995; TA-Lib AROON, AROONOSC',
}
