// The simulated venue's book of one instrument: what rests, what waits for the next open, and what of it a price could touch.

import type { Decimal } from '../../core/money/decimal.ts'
import { type Order, type OrderKey, PURPOSES, remainingQuantity, TRIGGERED } from '../../core/orders/order.ts'

export interface BookOrder {
  readonly order: Order
  /** A stop that has triggered works on as a market order. */
  kind: 'market' | 'limit' | 'stop'
  /** Limit or trigger price; null for market orders. */
  readonly price: Decimal | null
  /** The same as float64, for comparing with candle prices. */
  readonly priceNumber: number
  remaining: Decimal
  /** Number of the candle in which it was placed; earlier ones rest since before. */
  readonly bornIn: number
  readonly isTarget: boolean
}

/** A stop that was touched, or has fills, has triggered before. */
function kindOf(order: Order): BookOrder['kind'] {
  if (order.type === 'limit') return 'limit'
  return order.type === 'market' || order.reason === TRIGGERED || order.filledQuantity.isPositive() ? 'market' : 'stop'
}

export class Book {
  readonly #orders: BookOrder[] = []

  get size(): number {
    return this.#orders.length
  }

  all(): readonly BookOrder[] {
    return this.#orders
  }

  add(order: Order, bornIn: number): BookOrder {
    const price = order.limitPrice ?? order.stopPrice
    const entry: BookOrder = {
      order,
      kind: kindOf(order),
      price,
      priceNumber: price ? price.toNumber() : Number.NaN,
      remaining: remainingQuantity(order),
      bornIn,
      isTarget: order.purpose === 'tp',
    }
    let at = this.#orders.length
    while (at > 0 && comesBefore(order, this.#orders[at - 1]!.order)) at -= 1
    this.#orders.splice(at, 0, entry)
    return entry
  }

  find(key: OrderKey): BookOrder | undefined {
    return this.#orders.find(
      ({ order }) => order.tradeSeq === key.tradeSeq && order.purpose === key.purpose && order.sequence === key.sequence,
    )
  }

  remove(entry: BookOrder): void {
    const index = this.#orders.indexOf(entry)
    if (index >= 0) this.#orders.splice(index, 1)
  }

  hasMarket(): boolean {
    return this.#orders.some(entry => entry.kind === 'market')
  }
}

/** Older orders fill first. The order is told by the orders alone, so that a book rebuilt after a restart is the same book. */
function comesBefore(a: Order, b: Order): boolean {
  if (a.intendedAtMs !== b.intendedAtMs) return a.intendedAtMs < b.intendedAtMs
  if (a.tradeSeq !== b.tradeSeq) return a.tradeSeq < b.tradeSeq
  if (a.purpose !== b.purpose) return PURPOSES.indexOf(a.purpose) < PURPOSES.indexOf(b.purpose)
  return a.sequence < b.sequence
}
