// Permission is a type: an order may be placed only as RiskApproved, and only this file makes one. Each veto is a named rule that
// answers with its reason and both numbers.

import type { Instrument } from '../market/instrument.ts'
import type { Decimal } from '../money/decimal.ts'
import type { Order } from '../orders/order.ts'

declare const approved: unique symbol
export type RiskApproved<T> = T & { readonly [approved]: true }

export type VetoRule =
  | 'ORDER_OFF_STEP'
  | 'ORDER_OFF_TICK'
  | 'ORDER_BELOW_MIN_QUANTITY'
  | 'ORDER_BELOW_MIN_NOTIONAL'
  | 'ORDER_ABOVE_MAX_QUANTITY'
  | 'INSUFFICIENT_FREE'
  | 'POSITION_LIMIT'
  | 'SELL_EXCEEDS_HOLDING'

export interface Refusal {
  readonly rule: VetoRule
  readonly reason: string
  readonly actual: Decimal
  readonly limit: Decimal
}

export interface OrderFacts {
  readonly instrument: Instrument
  /** Price at which the order is judged: its own, or the last price for a market order. */
  readonly referencePrice: Decimal
  /** Quote that a buy may spend: what its deal has locked and what the bot has free. */
  readonly spendable: Decimal
  /** Base quantity that a sell may use. */
  readonly held: Decimal
  /** Largest cost of one position in quote, null without a limit. */
  readonly maxPositionQuote: Decimal | null
  /** Cost of what the deal holds already, and of what its working orders may add. */
  readonly positionCost: Decimal
}

export type Approval =
  | { readonly ok: true; readonly order: RiskApproved<Order> }
  | { readonly ok: false; readonly refusal: Refusal }

type Veto = (order: Order, facts: OrderFacts) => Refusal | null

const refuse = (rule: VetoRule, reason: string, actual: Decimal, limit: Decimal): Refusal => ({ rule, reason, actual, limit })

const quantityOnStep: Veto = (order, { instrument }) =>
  order.quantity.isPositive() && order.quantity.isOnGrid(instrument.step)
    ? null
    : refuse(
        'ORDER_OFF_STEP',
        `quantity ${order.quantity} is not a positive multiple of the step ${instrument.step}`,
        order.quantity,
        instrument.step,
      )

const priceOnTick: Veto = (order, { instrument }) => {
  for (const price of [order.limitPrice, order.stopPrice]) {
    if (price && !(price.isPositive() && price.isOnGrid(instrument.tick))) {
      return refuse(
        'ORDER_OFF_TICK',
        `price ${price} is not a positive multiple of the tick ${instrument.tick}`,
        price,
        instrument.tick,
      )
    }
  }
  return null
}

const enoughQuantity: Veto = (order, { instrument }) =>
  order.quantity.gte(instrument.minQty)
    ? null
    : refuse(
        'ORDER_BELOW_MIN_QUANTITY',
        `quantity ${order.quantity} is below the venue's minimum ${instrument.minQty}`,
        order.quantity,
        instrument.minQty,
      )

const enoughNotional: Veto = (order, { instrument, referencePrice }) => {
  const notional = order.quantity.times(order.limitPrice ?? order.stopPrice ?? referencePrice)
  return notional.gte(instrument.minNotional)
    ? null
    : refuse(
        'ORDER_BELOW_MIN_NOTIONAL',
        `value ${notional} is below the venue's minimum ${instrument.minNotional}`,
        notional,
        instrument.minNotional,
      )
}

const notTooLarge: Veto = (order, { instrument: { maxQty } }) =>
  maxQty === undefined || order.quantity.lte(maxQty)
    ? null
    : refuse(
        'ORDER_ABOVE_MAX_QUANTITY',
        `quantity ${order.quantity} is above ${maxQty}, the most that the venue takes in one order`,
        order.quantity,
        maxQty,
      )

const buyFunded: Veto = (order, { referencePrice, spendable }) => {
  if (order.side !== 'buy') return null
  const cost = order.quantity.times(order.limitPrice ?? referencePrice)
  return cost.lte(spendable) ? null : refuse('INSUFFICIENT_FREE', `it costs ${cost}, at hand are ${spendable}`, cost, spendable)
}

const withinPosition: Veto = (order, { referencePrice, maxPositionQuote, positionCost }) => {
  if (order.side !== 'buy' || !maxPositionQuote) return null
  const cost = positionCost.plus(order.quantity.times(order.limitPrice ?? referencePrice))
  return cost.lte(maxPositionQuote)
    ? null
    : refuse('POSITION_LIMIT', `the position would cost ${cost}, the limit is ${maxPositionQuote}`, cost, maxPositionQuote)
}

const sellHeld: Veto = (order, { held }) =>
  order.side === 'buy' || order.quantity.lte(held)
    ? null
    : refuse('SELL_EXCEEDS_HOLDING', `it would sell ${order.quantity}, the deal holds ${held}`, order.quantity, held)

const VETOES: readonly Veto[] = [
  quantityOnStep,
  priceOnTick,
  enoughQuantity,
  enoughNotional,
  notTooLarge,
  buyFunded,
  withinPosition,
  sellHeld,
]

export function approveOrder(order: Order, facts: OrderFacts): Approval {
  for (const veto of VETOES) {
    const refusal = veto(order, facts)
    if (refusal) return { ok: false, refusal }
  }
  return { ok: true, order: order as RiskApproved<Order> }
}
