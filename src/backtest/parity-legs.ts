// What a deal's orders filled, in the form in which a deal and its simulation are compared.

import { type Decimal, ZERO } from '../core/money/decimal.ts'
import type { Purpose, Side } from '../core/orders/order.ts'
import type { ParityLeg } from '../core/parity/attribute.ts'

export interface ComparedOrder {
  readonly purpose: Purpose
  readonly sequence: number
  readonly side: Side
  readonly rung: number | null
  readonly limitPrice: Decimal | null
  readonly stopPrice: Decimal | null
}

export interface ComparedFill {
  readonly purpose: Purpose
  readonly sequence: number
  readonly atMs: number
  readonly price: Decimal
  readonly quantity: Decimal
  readonly fee: Decimal
  readonly feeAsset: string
}

/**
 * One leg for each order that filled anything. Averaging orders are named by their number in the ladder, others by how many of their
 * purpose have filled before: an order that was replaced on the way keeps its name.
 * @param base the base currency: fees taken in it never arrived.
 */
export function parityLegs(orders: readonly ComparedOrder[], fills: readonly ComparedFill[], base: string): ParityLeg[] {
  const ofOrder = Map.groupBy(fills, fill => `${fill.purpose}|${fill.sequence}`)
  const filled = orders
    .flatMap(order => {
      const own = ofOrder.get(`${order.purpose}|${order.sequence}`)
      return own ? [{ order, fills: own, firstMs: Math.min(...own.map(fill => fill.atMs)) }] : []
    })
    .toSorted((a, b) => a.firstMs - b.firstMs || a.order.sequence - b.order.sequence)
  const counts = new Map<string, number>()
  return filled.map(({ order, fills: own }) => {
    const { purpose, rung, side } = order
    const n = (counts.get(purpose) ?? 0) + 1
    counts.set(purpose, n)
    let quantity: Decimal = ZERO
    let value: Decimal = ZERO
    for (const fill of own) {
      const kept = side === 'buy' && fill.feeAsset === base ? fill.quantity.minus(fill.fee) : fill.quantity
      quantity = quantity.plus(kept)
      value = value.plus(fill.price.times(kept))
    }
    return {
      key: purpose === 'avg' && rung !== null ? `avg|${rung}` : `${purpose}|${n}`,
      role: purpose === 'base' || purpose === 'avg' || purpose === 'adopt' ? 'entry' : 'exit',
      side,
      quantity,
      value,
      decidedPrice: order.limitPrice ?? order.stopPrice,
      move: ZERO,
    }
  })
}
