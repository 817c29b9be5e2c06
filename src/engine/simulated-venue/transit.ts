// Orders and cancels on their way to the simulated venue. What is under way is plain data, so that a run that is saved in between goes
// on with the same arrivals.

import { type Order, type OrderKey, orderKeyText } from '../../core/orders/order.ts'
import type { Rejection } from './filters.ts'

/** A message under way, as it is saved. */
export interface UnderWay {
  readonly what: 'order' | 'cancel'
  readonly order: OrderKey
  readonly arrivesAtMs: number
  /** What the venue will answer instead of taking the order. */
  readonly rejection?: Rejection
}

export type Arrival =
  | { readonly what: 'order'; readonly order: Order; readonly arrivesAtMs: number; readonly rejection: Rejection | null }
  | { readonly what: 'cancel'; readonly order: OrderKey; readonly arrivesAtMs: number }

export class Transit {
  /** By arrival; what was sent first comes first at the same instant. */
  readonly #arrivals: Arrival[] = []

  /** First instant at which something arrives; infinite where nothing is under way. */
  get nextMs(): number {
    return this.#arrivals[0]?.arrivesAtMs ?? Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#arrivals.length
  }

  add(arrival: Arrival): void {
    let at = this.#arrivals.length
    while (at > 0 && this.#arrivals[at - 1]!.arrivesAtMs > arrival.arrivesAtMs) at -= 1
    this.#arrivals.splice(at, 0, arrival)
  }

  /** The next one that has arrived by now. */
  take(uptoMs: number): Arrival | null {
    return this.nextMs <= uptoMs ? (this.#arrivals.shift() ?? null) : null
  }

  /** The order of this name, where it is still under way. */
  orderOf(key: OrderKey): Extract<Arrival, { what: 'order' }> | null {
    const name = orderKeyText(key)
    for (const arrival of this.#arrivals) if (arrival.what === 'order' && orderKeyText(arrival.order) === name) return arrival
    return null
  }

  /** Orders of a symbol that the venue will take. */
  ordersOf(symbol: string): number {
    let count = 0
    for (const arrival of this.#arrivals)
      if (arrival.what === 'order' && arrival.order.symbol === symbol && !arrival.rejection) count += 1
    return count
  }

  remove(arrival: Arrival): void {
    const index = this.#arrivals.indexOf(arrival)
    if (index >= 0) this.#arrivals.splice(index, 1)
  }

  /** All cancels, out of the way. */
  takeCancels(): OrderKey[] {
    const cancels = this.#arrivals.filter(arrival => arrival.what === 'cancel')
    for (const cancel of cancels) this.remove(cancel)
    return cancels.map(cancel => cancel.order)
  }

  saved(): UnderWay[] {
    return this.#arrivals.map(arrival => {
      const { tradeSeq, purpose, sequence } = arrival.order
      const rejection = arrival.what === 'order' && arrival.rejection ? { rejection: arrival.rejection } : {}
      return { what: arrival.what, order: { tradeSeq, purpose, sequence }, arrivesAtMs: arrival.arrivesAtMs, ...rejection }
    })
  }

  /** @param live orders that the venue still owes an end: those that arrive belong to them. */
  restore(saved: readonly UnderWay[], live: readonly Order[]): void {
    const byName = new Map(live.map(order => [orderKeyText(order), order]))
    for (const { what, order: key, arrivesAtMs, rejection } of saved) {
      const order = byName.get(orderKeyText(key))
      if (what === 'cancel') this.add({ what, order: key, arrivesAtMs })
      else if (order) this.add({ what, order, arrivesAtMs, rejection: rejection ?? null })
    }
  }
}
