// An order as the simulated exchange keeps it.

import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { OrderType, Side } from '../../core/orders/order.ts'
import { type PlacePayload, VenueError, type VenueOrder } from '../venue.ts'
import type { Queue } from './tick-market.ts'

export interface ExchangeOrder {
  readonly symbol: string
  readonly clientOrderId: string
  readonly venueOrderId: string
  readonly side: Side
  readonly type: OrderType
  readonly quantity: Decimal
  readonly limitPrice: Decimal | null
  readonly stopPrice: Decimal | null
  readonly reduceOnly: boolean
  /** What it works as: a stop that has triggered is a market or a limit order. */
  kind: 'market' | 'limit' | 'stop'
  status: 'open' | 'filled' | 'cancelled' | 'expired'
  executed: Decimal
  updatedAtMs: number
  isTriggered: boolean
  reason: string | null
  /** What it holds of the account's money. */
  lock: { readonly currency: string; readonly amount: Decimal } | null
  readonly queue: Queue
}

/** @throws VenueError `filter` where the payload is no order. */
export function orderFrom(payload: PlacePayload, venueOrderId: string, atMs: number): ExchangeOrder {
  const { type } = payload
  const number = (field: 'quantity' | 'limitPrice' | 'stopPrice', isWanted: boolean): Decimal | null => {
    const text = payload[field]
    if ((text !== null) !== isWanted || (text !== null && !Decimal.isDecimalText(text))) {
      const remedy = isWanted ? 'write a decimal number' : 'leave it null'
      throw new VenueError('filter', 'BAD_ORDER', `${field} of a ${type} order is ${JSON.stringify(text)}: ${remedy}`)
    }
    return text === null ? null : Decimal.from(text)
  }
  const isStop = type === 'stop' || type === 'stop_limit'
  return {
    symbol: payload.symbol,
    clientOrderId: payload.clientOrderId,
    venueOrderId,
    side: payload.side,
    type,
    quantity: number('quantity', true)!,
    limitPrice: number('limitPrice', type === 'limit' || type === 'stop_limit'),
    stopPrice: number('stopPrice', isStop),
    reduceOnly: payload.reduceOnly,
    kind: isStop ? 'stop' : type === 'limit' ? 'limit' : 'market',
    status: 'open',
    executed: ZERO,
    updatedAtMs: atMs,
    isTriggered: false,
    reason: null,
    lock: null,
    queue: { ahead: null },
  }
}

export function remainingOf(order: ExchangeOrder): Decimal {
  return order.quantity.minus(order.executed)
}

export function venueOrder(order: ExchangeOrder): VenueOrder {
  const { symbol, clientOrderId, venueOrderId, side, type, quantity, limitPrice, stopPrice } = order
  return {
    symbol,
    clientOrderId,
    venueOrderId,
    side,
    type,
    quantity,
    limitPrice,
    stopPrice,
    status: order.status,
    executedQuantity: order.executed,
    updatedAtMs: order.updatedAtMs,
    isTriggered: order.isTriggered,
    reason: order.reason,
  }
}

/** The priced orders in the order in which a price that moves from one place to another meets them; a stop before a limit. */
export function onTheWay(orders: readonly ExchangeOrder[], from: Decimal, to: Decimal): ExchangeOrder[] {
  const sign = to.lt(from) ? -1 : 1
  const priceOf = (order: ExchangeOrder): Decimal => (order.kind === 'stop' ? order.stopPrice! : order.limitPrice!)
  return orders
    .filter(order => order.kind !== 'market')
    .toSorted((a, b) => sign * priceOf(a).compare(priceOf(b)) || Number(b.kind === 'stop') - Number(a.kind === 'stop'))
}
