// One order of a deal and where it stands in its life. The life itself is the table in transitions.ts.

import type { Decimal } from '../money/decimal.ts'

export const PURPOSES = ['base', 'avg', 'tp', 'sl', 'trail', 'exit', 'close', 'panic', 'adopt', 'manual'] as const
export type Purpose = (typeof PURPOSES)[number]

export const ORDER_STATUSES = [
  'intended',
  'in_flight',
  'unknown',
  'open',
  'part_filled',
  'filled',
  'cancelled',
  'rejected',
  'expired',
] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]

export const CANCEL_STATES = ['none', 'requested', 'in_flight', 'refused', 'unknown', 'done'] as const
export type CancelState = (typeof CANCEL_STATES)[number]

export type Side = 'buy' | 'sell'
export type OrderType = 'market' | 'limit' | 'stop' | 'stop_limit'

/** Names an order for good: the deal's ordinal within the run, what it is for, and how many there were before it. */
export interface OrderKey {
  readonly tradeSeq: number
  readonly purpose: Purpose
  readonly sequence: number
}

export interface Order extends OrderKey {
  readonly symbol: string
  readonly side: Side
  readonly type: OrderType
  readonly quantity: Decimal
  /** Limit price, null for market and stop orders. */
  readonly limitPrice: Decimal | null
  /** Trigger of a stop order. */
  readonly stopPrice: Decimal | null
  /** Price at which a market order was decided and its money reserved; what it fills above that comes from free money. */
  readonly decisionPrice: Decimal | null
  /** Averaging order number from 1, or the target's number from 1 for purpose tp. */
  readonly rung: number | null
  readonly status: OrderStatus
  readonly cancelState: CancelState
  /** Kept by the engine and sent as a market order when touched; it needs this server to be running. */
  readonly isVirtual: boolean
  readonly filledQuantity: Decimal
  /** Sum of price x quantity of its fills. */
  readonly filledValue: Decimal
  /** Fees of its fills, valued in quote. */
  readonly feeValueQuote: Decimal
  readonly reason: string | null
  readonly intendedAtMs: number
  readonly expiresAtMs: number | null
  readonly closedAtMs: number | null
  /** Set while the order is in doubt although the venue had confirmed it: a proven absence then means that it is gone. */
  readonly wasAcknowledged?: boolean
}

/** Reason of a live stop whose price has been touched: what is left of it is a market order. */
export const TRIGGERED = 'triggered'

export function orderKeyText(key: OrderKey): string {
  return `${key.tradeSeq}|${key.purpose}|${key.sequence}`
}

/** Reason of an order that a proven absence has ended: the venue never had it. */
export const NEVER_ARRIVED = 'never_arrived'

const LIVE: Record<OrderStatus, boolean> = {
  intended: true,
  in_flight: true,
  unknown: true,
  open: true,
  part_filled: true,
  filled: false,
  cancelled: false,
  rejected: false,
  expired: false,
}

export function isLive(order: Order): boolean {
  return LIVE[order.status]
}

/** The venue has confirmed the order and nobody doubts it. */
export function isAcknowledged({ status }: Order): boolean {
  return status === 'open' || status === 'part_filled'
}

export function remainingQuantity(order: Order): Decimal {
  return order.quantity.minus(order.filledQuantity)
}

/** One execution, as booked. */
export interface Fill extends OrderKey {
  readonly symbol: string
  /** Unique within the order; venues' own id, or synthetic. */
  readonly fillId: string
  readonly side: Side
  readonly price: Decimal
  readonly quantity: Decimal
  readonly fee: Decimal
  readonly feeAsset: string
  readonly feeValueQuote: Decimal
  /** The venue has not told the fee: it is what we expect it to be. */
  readonly feeEstimated?: boolean
  readonly liquidity: 'maker' | 'taker' | 'unknown'
  readonly atMs: number
}
