// Placing, cancelling and following the orders of a deal. Every order passes the vetoes of core/risk; every change of status passes the
// transition table.

import type { Instrument } from '../../core/market/instrument.ts'
import { Decimal, ONE, ZERO } from '../../core/money/decimal.ts'
import {
  isLive,
  NEVER_ARRIVED,
  type Order,
  type OrderKey,
  type OrderType,
  orderKeyText,
  type Purpose,
  remainingQuantity,
  type Side,
} from '../../core/orders/order.ts'
import { ImpossibleTransitionError, type OrderEvent, transition } from '../../core/orders/transitions.ts'
import { approveOrder, type Refusal } from '../../core/risk/approve-order.ts'
import { type Deal, NO_TROUBLES } from './dca-state.ts'
import { type DcaSetting, type DealContext, takerRate } from './deal-context.ts'

const HALF = Decimal.from('0.5')

export interface OrderRequest {
  readonly purpose: Purpose
  readonly side: Side
  readonly type: OrderType
  readonly quantity: Decimal
  readonly limitPrice?: Decimal
  readonly stopPrice?: Decimal
  readonly rung?: number
  readonly isVirtual?: boolean
  readonly expiresAtMs?: number
  /** Judges a market order's value. */
  readonly referencePrice: Decimal
  /** Price its money was reserved at, where that is another one. */
  readonly decisionPrice?: Decimal
}

export function liveOrders(deal: Deal, purpose?: Purpose): Order[] {
  return deal.orders.filter(order => isLive(order) && (purpose === undefined || order.purpose === purpose))
}

/** Price x quantity that the live buy orders of a deal may still add to its position. */
function committedCost(deal: Deal): Decimal {
  let sum = ZERO
  for (const order of deal.orders) {
    if (order.side === 'buy' && isLive(order) && order.limitPrice) {
      sum = sum.plus(order.limitPrice.times(remainingQuantity(order)))
    }
  }
  return sum
}

/** Quote that the live buy orders of a deal may still cost, taker fee included. */
export function committedQuote(setting: DcaSetting, deal: Deal): Decimal {
  return committedCost(deal).times(ONE.plus(takerRate(setting, deal.symbol)))
}

/** Base quantity bound in live sell orders. */
export function committedBase(deal: Deal): Decimal {
  let sum = ZERO
  for (const order of deal.orders) if (order.side === 'sell' && isLive(order)) sum = sum.plus(remainingQuantity(order))
  return sum
}

export function isSellable(instrument: Instrument, quantity: Decimal, price: Decimal): boolean {
  return quantity.isPositive() && quantity.gte(instrument.minQty) && quantity.times(price).gte(instrument.minNotional)
}

/**
 * What of a sale the venue takes in one order: all of it, or so much that the rest can be sold alone, even at half the price.
 * @param price at which the rest is judged.
 */
export function cutToMax(instrument: Instrument, quantity: Decimal, price: Decimal): Decimal {
  const { maxQty, step } = instrument
  if (maxQty === undefined || quantity.lte(maxQty)) return quantity
  const most = maxQty.toGrid(step, 'floor')
  if (isSellable(instrument, quantity.minus(most), price.times(HALF))) return most
  const half = quantity.times(HALF).toGrid(step, 'floor')
  return half.lt(most) && isSellable(instrument, half, price) ? half : most
}

/** Places an order for a deal; a veto is returned and nothing is ordered. */
export function placeOrder(ctx: DealContext, deal: Deal, request: OrderRequest): Refusal | null {
  const { config } = ctx.rules(deal)
  const sequence = (deal.sequences[request.purpose] ?? 0) + 1
  const order: Order = {
    tradeSeq: deal.tradeSeq,
    purpose: request.purpose,
    sequence,
    symbol: deal.symbol,
    side: request.side,
    type: request.type,
    quantity: request.quantity,
    limitPrice: request.limitPrice ?? null,
    stopPrice: request.stopPrice ?? null,
    decisionPrice: request.type === 'market' ? (request.decisionPrice ?? request.referencePrice) : null,
    rung: request.rung ?? null,
    status: 'intended',
    cancelState: 'none',
    isVirtual: request.isVirtual ?? false,
    filledQuantity: ZERO,
    filledValue: ZERO,
    feeValueQuote: ZERO,
    reason: null,
    intendedAtMs: ctx.atMs,
    expiresAtMs: request.expiresAtMs ?? null,
    closedAtMs: null,
  }
  const approval = approveOrder(order, {
    instrument: ctx.instrument(deal.symbol),
    referencePrice: request.referencePrice,
    spendable: deal.lock.plus(ctx.state.free).minus(committedQuote(ctx.setting, deal)),
    held: deal.lot.quantity.minus(committedBase(deal)),
    maxPositionQuote: config.risk.maxPositionQuote ? Decimal.from(config.risk.maxPositionQuote) : null,
    positionCost: deal.lot.basis.plus(committedCost(deal)),
  })
  if (!approval.ok) return approval.refusal
  deal.sequences = { ...deal.sequences, [request.purpose]: sequence }
  deal.orders = [...deal.orders, order]
  if (request.side === 'buy') deal.buyOrderCreatedAtMs ??= ctx.atMs
  else deal.sellOrderCreatedAtMs ??= ctx.atMs
  ctx.orders.push(order)
  ctx.commands.push({ kind: 'place_order', order: approval.order })
  return null
}

/**
 * Asks for the end of an order. Asking twice does nothing; the answer comes as an event. A cancel that was refused or lost is not asked
 * for again before the venue has told how the order stands, nor at once then (cancels.ts).
 */
export function cancelOrder(ctx: DealContext, deal: Deal, key: OrderKey): void {
  const order = findOrder(deal, key)
  if (!order || !isLive(order) || order.cancelState !== 'none') return
  const refused = deal.troubles === NO_TROUBLES ? undefined : deal.troubles.cancels[shortKey(order)]
  if (refused && ctx.atMs < refused.untilMs) return
  replaceOrder(ctx, deal, { ...order, cancelState: 'requested' })
  ctx.commands.push({ kind: 'cancel_order', order: { tradeSeq: key.tradeSeq, purpose: key.purpose, sequence: key.sequence } })
}

export function cancelLiveOrders(ctx: DealContext, deal: Deal, which: (order: Order) => boolean = () => true): void {
  for (const order of deal.orders) if (isLive(order) && which(order)) cancelOrder(ctx, deal, order)
}

export function findOrder(deal: Deal, key: OrderKey): Order | undefined {
  return deal.orders.find(order => order.purpose === key.purpose && order.sequence === key.sequence)
}

export function replaceOrder(ctx: DealContext, deal: Deal, next: Order): void {
  deal.orders = deal.orders.map(order => (order.purpose === next.purpose && order.sequence === next.sequence ? next : order))
  ctx.orders.push(next)
}

/** Drops an ended order from the working set: its row stays written. */
export function dropOrder(deal: Deal, key: OrderKey): void {
  deal.orders = deal.orders.filter(order => order.purpose !== key.purpose || order.sequence !== key.sequence)
  const { cancels } = deal.troubles
  const text = shortKey(key)
  if (cancels[text] === undefined) return
  const { [text]: _, ...rest } = cancels
  deal.troubles = { ...deal.troubles, cancels: rest }
}

/** Names an order within its deal. */
export function shortKey({ purpose, sequence }: OrderKey): string {
  return `${purpose}|${sequence}`
}

/** Later orders of this purpose are numbered behind this one. */
export function countPast(deal: Deal, { purpose, sequence }: OrderKey): void {
  if ((deal.sequences[purpose] ?? 0) < sequence) deal.sequences = { ...deal.sequences, [purpose]: sequence }
}

/** Reason of an entry limit that was taken back because its time was up. */
export const TIMED_OUT = 'timed_out'
/** Reason of an order that came back to life, or turned up, where nothing wants it. */
export const UNWANTED = 'unwanted'

const ENDS: ReadonlySet<OrderEvent> = new Set(['withdrawn', 'rejected', 'filled', 'cancelled', 'expired', 'absent'])

/**
 * An order after one step of its table; what contradicts it is told as an anomaly.
 * @param acknowledged whether the venue ever confirmed it, where the teller knows; else what the order itself shows.
 * @returns null where nothing changes.
 * @throws ImpossibleTransitionError for what cannot happen: a mistake of ours.
 */
export function moveOrder(
  ctx: DealContext,
  order: Order,
  event: OrderEvent,
  reason: string | null,
  acknowledged?: boolean,
): Order | null {
  const move =
    event === 'absent'
      ? transition(order.status, event, acknowledged ?? (order.wasAcknowledged === true || order.filledQuantity.isPositive()))
      : transition(order.status, event)
  if (move.kind === 'impossible') throw new ImpossibleTransitionError(orderKeyText(order), order.status, event)
  if (move.anomaly) {
    ctx.event('ORDER_ANOMALY', `Order ${orderKeyText(order)} was ${order.status} and the venue says ${event}`, {
      severity: 'warning',
      symbol: order.symbol,
      tradeSeq: order.tradeSeq,
    })
  }
  if (move.kind === 'same') return null
  const next: Order = {
    ...order,
    status: move.status,
    reason: reason ?? (event === 'absent' && move.status === 'rejected' ? NEVER_ARRIVED : order.reason),
    cancelState: event === 'cancelled' && order.cancelState !== 'none' ? 'done' : order.cancelState,
  }
  if (event === 'missing') return { ...next, wasAcknowledged: true }
  return ENDS.has(event) && isLive(order) && !isLive(next) ? { ...next, closedAtMs: ctx.atMs } : next
}

/**
 * Moves an order of the deal along its table.
 * @returns the order as it stands now, and whether it has just ended; null for an order that the deal does not keep.
 */
export function followOrder(
  ctx: DealContext,
  deal: Deal,
  key: OrderKey,
  event: OrderEvent,
  reason: string | null,
  acknowledged?: boolean,
): { order: Order; ended: boolean } | null {
  const order = findOrder(deal, key)
  if (!order) return null
  const next = moveOrder(ctx, order, event, reason, acknowledged)
  if (!next) return { order, ended: false }
  replaceOrder(ctx, deal, next)
  return { order: next, ended: isLive(order) && !isLive(next) }
}
