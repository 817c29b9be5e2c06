// The simulated venue's book of one instrument: what rests, what waits for the next open, and what of it a price could touch.

import { type Decimal, ZERO } from '../../core/money/decimal.ts'
import { type Order, type OrderKey, PURPOSES, remainingQuantity, TRIGGERED } from '../../core/orders/order.ts'

export class BookOrder {
  readonly order: Order
  /** A stop that has triggered works on as a market order, or as a limit where it has one. */
  kind: 'market' | 'limit' | 'stop'
  /** Limit or trigger price; null for market orders. */
  price: Decimal | null
  /** The same as float64, for comparing with candle prices. */
  priceNumber: number
  remaining: Decimal
  /** Number of the candle in which it was placed; earlier ones rest since before. */
  readonly bornIn: number
  readonly isTarget: boolean
  /** Number of the candle in which nothing more of it happens: its execution was cut there. */
  restsIn = 0
  /** Nothing of it has been executed yet. */
  isWhole: boolean

  constructor(order: Order, bornIn: number) {
    this.order = order
    this.kind = kindOf(order)
    this.price = this.kind === 'stop' ? order.stopPrice : (order.limitPrice ?? order.stopPrice)
    this.priceNumber = this.price ? this.price.toNumber() : Number.NaN
    this.remaining = remainingQuantity(order)
    this.bornIn = bornIn
    this.isTarget = order.purpose === 'tp'
    this.isWhole = order.filledQuantity.equals(ZERO)
  }

  /** The stop has been touched. */
  trigger(): void {
    if (this.order.type !== 'stop_limit') {
      this.kind = 'market'
      return
    }
    this.kind = 'limit'
    this.price = this.order.limitPrice
    this.priceNumber = this.price!.toNumber()
  }
}

/** A stop that was touched, or has fills, has triggered before. */
function kindOf(order: Order): BookOrder['kind'] {
  if (order.type === 'limit' || order.type === 'market') return order.type
  if (order.reason !== TRIGGERED && !order.filledQuantity.isPositive()) return 'stop'
  return order.type === 'stop_limit' ? 'limit' : 'market'
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
    const entry = new BookOrder(order, bornIn)
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
}

/** Older orders fill first. The order is told by the orders alone, so that a book rebuilt after a restart is the same book. */
function comesBefore(a: Order, b: Order): boolean {
  if (a.intendedAtMs !== b.intendedAtMs) return a.intendedAtMs < b.intendedAtMs
  if (a.tradeSeq !== b.tradeSeq) return a.tradeSeq < b.tradeSeq
  if (a.purpose !== b.purpose) return PURPOSES.indexOf(a.purpose) < PURPOSES.indexOf(b.purpose)
  return a.sequence < b.sequence
}
