// The venue's words on orders, cancels and the account, each at its one place. Fills are in fills.ts.

import type { Decimal } from '../../core/money/decimal.ts'
import { isLive, type Order, type Purpose } from '../../core/orders/order.ts'
import type { EngineEvent } from '../machine.ts'
import { refreshAveraging } from './averaging.ts'
import { backoffMs, endSellWait, forgetSellRefusals } from './backoff.ts'
import type { Backoff, Deal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { continueExit, refreshExits } from './exits.ts'
import { orderEnded } from './fills.ts'
import { followEnded } from './late.ts'
import { cancelOrder, findOrder, followOrder, replaceOrder, shortKey, TIMED_OUT, UNWANTED } from './orders.ts'
import { enforcePauses, isHeld } from './pauses.ts'
import { forgetStopRefusals, timeProtection } from './protection.ts'

type EventOf<Kind extends EngineEvent['kind']> = Extract<EngineEvent, { kind: Kind }>

/** @param price of the moment, for what follows from the order's end. */
export function orderEvent(ctx: DealContext, event: EventOf<'order_event'>, priceOf: (deal: Deal) => Decimal): void {
  // How much has filled follows from booked fills alone.
  if (event.event === 'part_filled' || event.event === 'filled') return
  const deal = ctx.deal(event.order.tradeSeq)
  if (!deal || !findOrder(deal, event.order)) {
    if (event.record) followEnded(ctx, event.record, event.event, event.reason, event.acknowledged)
    return
  }
  if (event.sentNow) followOrder(ctx, deal, event.order, 'sent', null)
  const followed = followOrder(ctx, deal, event.order, event.event, event.reason, event.acknowledged)
  if (!followed) return
  if (followed.ended) {
    orderEnded(ctx, deal, followed.order, priceOf(deal))
    return
  }
  if (event.event !== 'accepted') return
  const { order } = followed
  if (order.side === 'sell' && order.type !== 'market') {
    forgetSellRefusals(deal, order.purpose)
    if (order.type === 'stop') forgetStopRefusals(deal)
  }
  noteEvidence(ctx, deal, order)
}

/** A cancel went out, was refused, or its answer was lost: a look-up follows, never the same question again at once. */
export function cancelEvent(ctx: DealContext, event: EventOf<'cancel_sent' | 'cancel_refused' | 'cancel_lost'>): void {
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

/** The venue has told that the order works still: its cancel may be asked for once more, after a while. */
export function noteEvidence(ctx: DealContext, deal: Deal, order: Order): void {
  if (order.cancelState !== 'refused' && order.cancelState !== 'unknown') return
  const key = shortKey(order)
  const { tries, untilMs } = deal.troubles.cancels[key] ?? { tries: 1, untilMs: 0 }
  if (untilMs === 0) noteCancel(deal, key, { tries, untilMs: ctx.atMs + backoffMs(tries) })
}

/** The wait after a cancel that did not work is over: whoever wants the order gone asks again. */
export function cancelAgain(ctx: DealContext, deal: Deal, purpose: string, sequence: number): void {
  const order = deal.orders.find(each => each.purpose === purpose && each.sequence === sequence)
  if (!order || !isLive(order) || (order.cancelState !== 'refused' && order.cancelState !== 'unknown')) return
  const key = shortKey(order)
  noteCancel(deal, key, { tries: deal.troubles.cancels[key]?.tries ?? 1, untilMs: 0 })
  const asked: Order = { ...order, cancelState: 'none' }
  replaceOrder(ctx, deal, asked)
  const mustGo =
    deal.status === 'closing' ||
    asked.reason === TIMED_OUT ||
    asked.reason === UNWANTED ||
    (asked.side === 'buy' && isHeld(ctx, deal.symbol))
  if (mustGo) cancelOrder(ctx, deal, asked)
  else {
    refreshExits(ctx, deal, false)
    refreshAveraging(ctx, deal)
  }
}

/** The wait after a refused sell is over. */
export function sellAgain(ctx: DealContext, deal: Deal, purpose: string, price: Decimal): void {
  endSellWait(deal, purpose as Purpose)
  if (deal.status === 'closing') continueExit(ctx, deal, price)
  else refreshExits(ctx, deal, false)
}

export function safetyChanged(ctx: DealContext, { level, reason }: EventOf<'safety_changed'>): void {
  const { state } = ctx
  if (state.safety === level && state.safetyReason === reason) return
  state.safety = level
  state.safetyReason = reason
  ctx.event('SAFETY_CHANGED', `Safety level ${level}: ${reason}`, {
    category: 'risk',
    severity: level === 'normal' ? 'info' : level === 'halted' ? 'critical' : 'warning',
    details: { level },
  })
  enforcePauses(ctx)
}

export function reconciled(ctx: DealContext, { openDifferences }: EventOf<'reconciled'>): void {
  if (ctx.state.openDifferences === openDifferences) return
  ctx.state.openDifferences = openDifferences
  if (openDifferences === 0) enforcePauses(ctx)
}

/** What follows from a step as a whole where the venue answers late: which pairs are in doubt, and since when a stop is missing. */
export function noteDoubtAndProtection(ctx: DealContext): void {
  const doubted = new Set<string>()
  for (const deal of ctx.state.deals) if (deal.orders.some(order => order.status === 'unknown')) doubted.add(deal.symbol)
  const before = ctx.state.inDoubt
  if (before.length !== doubted.size || !before.every(symbol => doubted.has(symbol))) {
    ctx.state.inDoubt = [...doubted].sort()
    for (const symbol of before) if (!doubted.has(symbol)) enforcePauses(ctx, symbol)
  }
  if (ctx.setting.answersLate) timeProtection(ctx)
}
