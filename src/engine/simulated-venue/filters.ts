// What a venue refuses before an order reaches its book, as a table: every rule has the code that a live order would meet and says both
// numbers. Rules about the form of an order are the venue's filters; the others are about the account.

import type { Instrument } from '../../core/market/instrument.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import type { OrderType, Side } from '../../core/orders/order.ts'

export type RejectCode =
  | 'ORDER_OFF_TICK'
  | 'ORDER_OFF_STEP'
  | 'ORDER_BELOW_MIN_QUANTITY'
  | 'ORDER_ABOVE_MAX_QUANTITY'
  | 'ORDER_BELOW_MIN_NOTIONAL'
  | 'ORDER_PERCENT_PRICE'
  | 'TOO_MANY_ORDERS'
  | 'REDUCE_ONLY'
  | 'INSUFFICIENT_FREE'
  | 'REJECTED_BY_CHANCE'

export interface Rejection {
  readonly code: RejectCode
  readonly message: string
}

export interface FilteredOrder {
  readonly side: Side
  readonly type: OrderType
  readonly quantity: Decimal
  readonly limitPrice: Decimal | null
  readonly stopPrice: Decimal | null
  readonly reduceOnly: boolean
}

export interface FilterFacts {
  readonly instrument: Instrument
  /** Price of the market; null before it has one, and then nothing is judged by it. */
  readonly marketPrice: Decimal | null
  /** Working orders of the account on this instrument, without this one. */
  readonly openOrders: number
}

type Filter = (order: FilteredOrder, facts: FilterFacts) => Rejection | null

const reject = (code: RejectCode, message: string): Rejection => ({ code, message })

const pricesOnTick: Filter = ({ limitPrice, stopPrice }, { instrument: { tick } }) => {
  for (const price of [limitPrice, stopPrice]) {
    if (price && !(price.isPositive() && price.isOnGrid(tick)))
      return reject('ORDER_OFF_TICK', `price ${price} is not a positive multiple of the tick ${tick}`)
  }
  return null
}

const quantityOnStep: Filter = ({ quantity }, { instrument: { step } }) =>
  quantity.isPositive() && quantity.isOnGrid(step)
    ? null
    : reject('ORDER_OFF_STEP', `quantity ${quantity} is not a positive multiple of the step ${step}`)

const enoughQuantity: Filter = ({ quantity }, { instrument: { minQty } }) =>
  quantity.gte(minQty) ? null : reject('ORDER_BELOW_MIN_QUANTITY', `quantity ${quantity} is below the minimum ${minQty}`)

const notTooMuch: Filter = ({ quantity }, { instrument: { maxQty } }) =>
  !maxQty || quantity.lte(maxQty)
    ? null
    : reject('ORDER_ABOVE_MAX_QUANTITY', `quantity ${quantity} is above the maximum ${maxQty}`)

/** An order that can only reduce a position may be as small as what is left of it. */
const enoughNotional: Filter = (order, { instrument: { minNotional }, marketPrice }) => {
  const price = order.limitPrice ?? order.stopPrice ?? marketPrice
  if (!price || order.reduceOnly) return null
  const notional = price.times(order.quantity)
  return notional.gte(minNotional)
    ? null
    : reject('ORDER_BELOW_MIN_NOTIONAL', `value ${notional} is below the minimum ${minNotional}`)
}

const nearTheMarket: Filter = ({ limitPrice }, { instrument, marketPrice }) => {
  if (!limitPrice || !marketPrice) return null
  const { priceUpMultiplier, priceDownMultiplier } = instrument
  const highest = priceUpMultiplier ? marketPrice.times(priceUpMultiplier) : null
  if (highest && limitPrice.gt(highest))
    return reject('ORDER_PERCENT_PRICE', `price ${limitPrice} is above ${highest}, the highest that ${marketPrice} allows`)
  const lowest = priceDownMultiplier ? marketPrice.times(priceDownMultiplier) : null
  if (lowest && limitPrice.lt(lowest))
    return reject('ORDER_PERCENT_PRICE', `price ${limitPrice} is below ${lowest}, the lowest that ${marketPrice} allows`)
  return null
}

const roomInTheBook: Filter = ({ type }, { instrument: { maxOpenOrders }, openOrders }) =>
  type === 'market' || maxOpenOrders === undefined || openOrders < maxOpenOrders
    ? null
    : reject('TOO_MANY_ORDERS', `${openOrders} orders are working, the venue allows ${maxOpenOrders}`)

const FILTERS: readonly Filter[] = [
  pricesOnTick,
  quantityOnStep,
  enoughQuantity,
  notTooMuch,
  enoughNotional,
  nearTheMarket,
  roomInTheBook,
]

/** The first rule that the order breaks; null where the venue takes it. */
export function filterRejection(order: FilteredOrder, facts: FilterFacts): Rejection | null {
  for (const filter of FILTERS) {
    const rejection = filter(order, facts)
    if (rejection) return rejection
  }
  return null
}
