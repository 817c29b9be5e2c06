/**
 * VWAP = sum(TP*V)/sum(V) since 00:00 UTC, TP = (H+L+C)/3; while nothing was traded that day, the plain mean of TP.
 * First value after 1 bar; timeframes below one day only. Source: session VWAP as charting platforms define it.
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState } from './indicator.ts'
import { volumeOf } from './source.ts'

const DAY_MS = 86_400_000

class Vwap extends CandleState implements IndicatorState {
  /** When the day that the sums belong to is over. */
  private dayEndMs = Number.NEGATIVE_INFINITY
  private volume = 0
  private count = 0
  private value = 0

  /** Moves the mean towards the new price by its share of the volume, so that one price all day stays that price. */
  step(openTimeMs: number, high: number, low: number, close: number, volume: number): number {
    if (openTimeMs >= this.dayEndMs) {
      this.dayEndMs = (Math.floor(openTimeMs / DAY_MS) + 1) * DAY_MS
      this.volume = 0
      this.count = 0
      this.value = 0
    }
    const tp = (high + low + close) / 3
    const before = this.volume
    this.volume += volume
    if (before === 0 && volume > 0) this.value = tp
    else if (before > 0) this.value += ((tp - this.value) * volume) / this.volume
    else {
      this.count++
      this.value += (tp - this.value) / this.count
    }
    return this.value
  }

  next(openTimeMs: number, _open: number, high: number, low: number, close: number, volume: number, out: Float64Array): void {
    out[0] = this.step(openTimeMs, high, low, close, volumeOf(volume))
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { openTimeMs, high, low, close, volume } = columns
    const value = outs[0]!
    for (let i = from; i < to; i++) value[i] = this.step(openTimeMs[i]!, high[i]!, low[i]!, close[i]!, volumeOf(volume[i]!))
  }
}

export const vwap: IndicatorDefinition = {
  id: 'vwap',
  params: [],
  components: ['value'],
  needsVolume: true,
  usesSource: false,
  intradayOnly: true,
  bars: () => ({ value: 1 }),
  create: () => new Vwap(),
  reference: 'session VWAP from 00:00 UTC',
}
