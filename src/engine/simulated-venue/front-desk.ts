// What the simulated venue does to an order before and beside filling it: the time it travels, what is refused, what is cut in two.

import type { Instrument } from '../../core/market/instrument.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import type { Order, OrderKey } from '../../core/orders/order.ts'
import type { BookOrder } from './book.ts'
import type { VenueParameters } from './fill-price.ts'
import { type FilterFacts, filterRejection, type Rejection } from './filters.ts'
import { firstPart, isRefused, NO_LATENCY, TICK_LATENCY, travelMs } from './odds.ts'

export class FrontDesk {
  readonly #venue: VenueParameters
  readonly #seed: number
  /** Whether trades drive the run: then orders travel for a while unless it was said how long. */
  isTicking = false

  constructor(venue: VenueParameters) {
    this.#venue = venue
    this.#seed = venue.seed ?? 0
  }

  orderTravelMs(key: OrderKey): number {
    return travelMs(this.#venue.latency ?? this.#usual, this.#seed, key, 'ack')
  }

  cancelTravelMs(key: OrderKey): number {
    return travelMs(this.#venue.cancelLatency ?? this.#usual, this.#seed, key, 'cancel')
  }

  /** Judged where the market stands as the order goes out; null where the venue will take it. */
  rejection(order: Order, facts: FilterFacts): Rejection | null {
    const { rejectProb = 0 } = this.#venue
    if (isRefused(rejectProb, this.#seed, order))
      return { code: 'REJECTED_BY_CHANCE', message: `the simulated venue refuses a share of ${rejectProb} of all orders` }
    const { side, type, quantity, limitPrice, stopPrice } = order
    return filterRejection({ side, type, quantity, limitPrice, stopPrice, reduceOnly: false }, facts)
  }

  /** What of an execution comes at once: the first one of an order may be cut, and its rest waits until this candle or trade is over. */
  atOnce(entry: BookOrder, quantity: Decimal, instrument: Instrument, candle: number): Decimal {
    if (!entry.isWhole) return quantity
    entry.isWhole = false
    const part = firstPart(this.#venue.partialProb ?? 0, this.#seed, entry.order, quantity, instrument.step)
    if (part) entry.restsIn = candle
    return part ?? quantity
  }

  get #usual() {
    return this.isTicking ? TICK_LATENCY : NO_LATENCY
  }
}
