// A cancel is a question that may be refused or get lost (execution.md 2.1). It is never asked twice in a row: the order is looked up once,
// and only the venue's word that it works still makes it askable again, after a wait that doubles from a second to a minute.

import { isLive, type Order } from '../../core/orders/order.ts'
import type { EngineEvent } from '../machine.ts'
import { refreshAveraging } from './averaging.ts'
import { backoffMs } from './backoff.ts'
import type { Backoff, Deal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { refreshExits } from './exits.ts'
import { cancelOrder, findOrder, replaceOrder, shortKey, TIMED_OUT, UNWANTED } from './orders.ts'
import { isHeld } from './pauses.ts'

type CancelEvent = Extract<EngineEvent, { kind: 'cancel_sent' | 'cancel_refused' | 'cancel_lost' }>

export function cancelEvent(ctx: DealContext, event: CancelEvent): void {
  const deal = ctx.deal(event.order.tradeSeq)
  const order = deal ? findOrder(deal, event.order) : undefined
  if (!deal || !order || !isLive(order)) return
  if (event.kind === 'cancel_sent') {
    if (order.cancelState === 'requested') replaceOrder(ctx, deal, { ...order, cancelState: 'in_flight' })
    return
  }
  if (order.cancelState !== 'requested' && order.cancelState !== 'in_flight') return
  const refused = event.kind === 'cancel_refused'
  replaceOrder(ctx, deal, { ...order, cancelState: refused ? 'refused' : 'unknown' })
  const key = shortKey(order)
  noteCancel(deal, key, { tries: (deal.troubles.cancels[key]?.tries ?? 0) + 1, untilMs: 0 })
  const { tradeSeq, purpose, sequence } = order
  ctx.commands.push({ kind: 'query_order', order: { tradeSeq, purpose, sequence } })
  ctx.event(
    refused ? 'CANCEL_REFUSED' : 'CANCEL_LOST',
    `The cancel of order ${tradeSeq}|${key} ${refused ? `was refused (${event.reason ?? 'without a reason'})` : 'was not answered'}: the order is looked up`,
    { severity: 'warning', symbol: deal.symbol, tradeSeq },
  )
}

function noteCancel(deal: Deal, key: string, backoff: Backoff): void {
  deal.troubles = { ...deal.troubles, cancels: { ...deal.troubles.cancels, [key]: backoff } }
}

/** The venue has told that the order works still, after a cancel that did not: it may be asked for again, after a while. */
export function noteEvidence(ctx: DealContext, deal: Deal, order: Order): void {
  if (order.cancelState !== 'refused' && order.cancelState !== 'unknown') return
  const key = shortKey(order)
  const tries = deal.troubles.cancels[key]?.tries ?? 1
  noteCancel(deal, key, { tries, untilMs: ctx.atMs + backoffMs(tries) })
  replaceOrder(ctx, deal, { ...order, cancelState: 'none' })
}

/** The wait is over: whoever wants the order gone asks again. */
export function cancelAgain(ctx: DealContext, deal: Deal, purpose: string, sequence: number): void {
  const order = deal.orders.find(each => each.purpose === purpose && each.sequence === sequence)
  if (!order || !isLive(order)) return
  const key = shortKey(order)
  const backoff = deal.troubles.cancels[key]
  if (backoff) noteCancel(deal, key, { ...backoff, untilMs: 0 })
  const mustGo =
    deal.status === 'closing' ||
    order.reason === TIMED_OUT ||
    order.reason === UNWANTED ||
    (order.side === 'buy' && isHeld(ctx, deal.symbol))
  if (mustGo) cancelOrder(ctx, deal, order)
  else {
    refreshExits(ctx, deal, false)
    refreshAveraging(ctx, deal)
  }
}
