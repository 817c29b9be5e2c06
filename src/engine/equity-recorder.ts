// Equity at each bar close of the bot's timeframe: cash and what is held at that close. Between events nothing that it is made of
// changes but the price, so slept bars are sampled afterwards and give the same figures as stepped ones.

import type { CandleColumns } from '../core/market/candles.ts'
import type { RunSummary } from './machine.ts'

export interface EquityLane {
  readonly symbol: string
  readonly bars: CandleColumns
  readonly closes: Float64Array
}

export interface EquityPoint {
  readonly atMs: number
  readonly equity: number
  readonly balance: number
  readonly unrealized: number
}

export class EquityRecorder {
  readonly #lanes: readonly EquityLane[]
  readonly #cursors: Int32Array
  readonly #last: Float64Array
  readonly #toMs: number

  constructor(lanes: readonly EquityLane[], fromMs: number, toMs: number) {
    this.#lanes = lanes
    this.#toMs = toMs
    this.#last = new Float64Array(lanes.length).fill(Number.NaN)
    this.#cursors = new Int32Array(lanes.length)
    lanes.forEach((lane, k) => {
      let i = 0
      while (i < lane.closes.length && lane.closes[i]! <= fromMs) i += 1
      this.#cursors[k] = i
      if (i > 0) this.#last[k] = lane.bars.close[i - 1]!
    })
  }

  /** Calls `emit` for every bar close up to and with `uptoMs` that was not sampled yet, with what is held now. */
  flush(uptoMs: number, summary: () => RunSummary, emit: (point: EquityPoint) => void): void {
    const limit = Math.min(uptoMs, this.#toMs)
    let held: { cash: number; lots: { k: number; quantity: number; basis: number }[] } | null = null
    for (;;) {
      let atMs = Number.POSITIVE_INFINITY
      for (let k = 0; k < this.#lanes.length; k += 1) {
        const closes = this.#lanes[k]!.closes
        const cursor = this.#cursors[k]!
        if (cursor < closes.length && closes[cursor]! < atMs) atMs = closes[cursor]!
      }
      if (!(atMs <= limit)) return
      held ??= this.#holdings(summary())
      for (let k = 0; k < this.#lanes.length; k += 1) {
        const lane = this.#lanes[k]!
        const cursor = this.#cursors[k]!
        if (cursor < lane.closes.length && lane.closes[cursor] === atMs) {
          this.#last[k] = lane.bars.close[cursor]!
          this.#cursors[k] = cursor + 1
        }
      }
      let value = 0
      let basis = 0
      for (const lot of held.lots) {
        const price = this.#last[lot.k]!
        value += Number.isNaN(price) ? lot.basis : lot.quantity * price
        basis += lot.basis
      }
      emit({ atMs, equity: held.cash + value, balance: held.cash, unrealized: value - basis })
    }
  }

  #holdings(summary: RunSummary): { cash: number; lots: { k: number; quantity: number; basis: number }[] } {
    let cash = 0
    for (const fund of summary.funds) cash += fund.free.plus(fund.locked).toNumber()
    const lots = summary.lots.map(lot => ({
      k: this.#lanes.findIndex(lane => lane.symbol === lot.symbol),
      quantity: lot.quantity.toNumber(),
      basis: lot.basis.toNumber(),
    }))
    return { cash, lots: lots.filter(lot => lot.k >= 0) }
  }
}
