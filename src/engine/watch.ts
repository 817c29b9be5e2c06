// What a sleeping bot waits for (execution.md 1.5). A pump may skip every candle that can fire none of these; stepping through all of
// them gives the same trades.

import type { Decimal } from '../core/money/decimal.ts'

/** Fires once when the price is there. Strict: the price must trade through, as a resting limit needs; else a touch is enough. */
export interface PriceWatch {
  readonly kind: 'price_at_or_below' | 'price_at_or_above'
  readonly id: string
  readonly symbol: string
  readonly price: Decimal
  readonly strict: boolean
  /** A take profit: under the pessimistic path it acts from the candle after the fill that called it into being. */
  readonly isTarget: boolean
}

export type Watch =
  | PriceWatch
  /** A best price that is followed: told wherever a rise stops, not at each tick of it. */
  | { readonly kind: 'peak_above'; readonly id: string; readonly symbol: string; readonly price: Decimal }
  /** A memoryless playbook, by its key, takes this truth at a close; `not_true` is false or not evaluable. */
  | { readonly kind: 'condition'; readonly node: string; readonly becomes: boolean | 'not_true' }
  /** Every decision instant, or the first one of this pair after each close of one series. */
  | {
      readonly kind: 'candle_close'
      readonly symbol: string | null
      readonly instrumentId: string | null
      readonly timeframe: string | null
    }
  /** The first decision instant at or after a time: a time inside a bar acts at that bar's close. */
  | { readonly kind: 'close_at_or_after'; readonly atMs: number }
  | { readonly kind: 'time'; readonly id: string; readonly atMs: number }
