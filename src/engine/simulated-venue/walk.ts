// A candle on its way: where the price stands, and what it could meet.

import type { Decimal } from '../../core/money/decimal.ts'
import type { Watch } from '../watch.ts'
import type { BookOrder } from './book.ts'

export type PriceTrigger = Extract<Watch, { kind: 'price_at_or_below' | 'price_at_or_above' }>

/** Something the price can meet: an order of the book or a watch of the machine. */
export type Item = { readonly order: BookOrder; readonly watch: null } | { readonly order: null; readonly watch: PriceTrigger }

/** Where the walk through a candle stands. */
export interface Walk {
  readonly symbol: string
  readonly openMs: number
  readonly innerMs: number
  readonly restingOnly: boolean
  price: Decimal
  priceNumber: number
  atOpen: boolean
  /** Of the candle, base currency; NaN where the source tells none. */
  readonly volume: number
  cap: Decimal | null
  /** Watches that fired in this candle, with their price and where the price stood: each fires once at a place. */
  readonly spent: { readonly id: string; readonly price: number; readonly at: number }[]
}

export function isSpent(walk: Walk, watch: PriceTrigger, at: number): boolean {
  if (walk.spent.length === 0) return false
  const price = watch.price.toNumber()
  return walk.spent.some(each => each.id === watch.id && each.price === price && each.at === at)
}
