/**
 * Pivot points of the previous UTC day's high, low and close; P = (H+L+C)/3, S = H-L. `method`:
 * classic    R1 = 2P-L, R2 = P+S, R3 = H+2(P-L); S1 = 2P-H, S2 = P-S, S3 = L-2(H-P)
 * fibonacci  P +- 0.382, 0.618, 1 times S
 * camarilla  C +- 1.1/12, 1.1/6, 1.1/4 times S
 * First value with the first bar after a whole day: one day of bars and one more where the series starts at 00:00 UTC,
 * later where it starts inside a day (a day seen in part has no levels). Timeframes below one day only.
 * Source: floor traders' pivots; J. Person, "A Complete Guide to Technical Trading Tactics" (2004).
 */
import type { CandleColumns } from '../market/candles.ts'
import { CandleState, type IndicatorDefinition, type IndicatorState } from './indicator.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const LEVELS = 7

class PivotPoints extends CandleState implements IndicatorState {
  private readonly classic: boolean
  private readonly camarilla: boolean
  private dayEndMs = Number.NEGATIVE_INFINITY
  /** False while the first bars of the running day were not seen. */
  private whole = false
  private high = Number.NaN
  private low = Number.NaN
  private close = Number.NaN
  private readonly levels = new Float64Array(LEVELS).fill(Number.NaN)

  constructor(method: string) {
    super()
    this.classic = method === 'classic'
    this.camarilla = method === 'camarilla'
  }

  step(openTimeMs: number, high: number, low: number, close: number): void {
    if (openTimeMs >= this.dayEndMs) {
      const anchored = this.dayEndMs === Number.NEGATIVE_INFINITY
      if (this.whole) this.setLevels()
      this.whole = !anchored || openTimeMs % DAY_MS === 0
      this.dayEndMs = (Math.floor(openTimeMs / DAY_MS) + 1) * DAY_MS
      this.high = high
      this.low = low
    } else {
      if (high > this.high) this.high = high
      if (low < this.low) this.low = low
    }
    this.close = close
  }

  private setLevels(): void {
    const { levels, high, low, close } = this
    const pivot = (high + low + close) / 3
    const span = high - low
    levels[0] = pivot
    if (this.classic) {
      levels[1] = 2 * pivot - low
      levels[2] = pivot + span
      levels[3] = high + 2 * (pivot - low)
      levels[4] = 2 * pivot - high
      levels[5] = pivot - span
      levels[6] = low - 2 * (high - pivot)
      return
    }
    const middle = this.camarilla ? close : pivot
    const factors = this.camarilla ? [1.1 / 12, 1.1 / 6, 1.1 / 4] : [0.382, 0.618, 1]
    factors.forEach((factor, k) => {
      levels[1 + k] = middle + factor * span
      levels[4 + k] = middle - factor * span
    })
  }

  next(openTimeMs: number, _open: number, high: number, low: number, close: number, _volume: number, out: Float64Array): void {
    this.step(openTimeMs, high, low, close)
    out.set(this.levels)
  }

  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void {
    const { openTimeMs, high, low, close } = columns
    const { levels } = this
    for (let i = from; i < to; i++) {
      this.step(openTimeMs[i]!, high[i]!, low[i]!, close[i]!)
      for (let c = 0; c < LEVELS; c++) outs[c]![i] = levels[c]!
    }
  }
}

export const pivotPoints: IndicatorDefinition = {
  id: 'pivotPoints',
  params: [{ name: 'method', default: 'classic', choices: ['classic', 'fibonacci', 'camarilla'] }],
  components: ['pivot', 'r1', 'r2', 'r3', 's1', 's2', 's3'],
  usesSource: false,
  intradayOnly: true,
  bars(_p, ctx) {
    const n = DAY_MS / (ctx?.timeframeMs ?? HOUR_MS) + 1
    return { pivot: n, r1: n, r2: n, r3: n, s1: n, s2: n, s3: n }
  },
  create: p => new PivotPoints(String(p.method)),
  reference: "floor traders' pivots; Person 2004",
}
