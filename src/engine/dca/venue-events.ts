// The venue's words on orders and on the account, each at its one place. Fills are in fills.ts, cancels in cancels.ts.

import type { Decimal } from '../../core/money/decimal.ts'
import type { Purpose } from '../../core/orders/order.ts'
import type { EngineEvent } from '../machine.ts'
import { endSellWait, forgetSellRefusals } from './backoff.ts'
import { noteEvidence } from './cancels.ts'
import { type Deal, NO_TROUBLES } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { continueExit, refreshExits } from './exits.ts'
import { orderEnded } from './fills.ts'
import { followEnded } from './late.ts'
import { followOrder } from './orders.ts'
import { enforcePauses } from './pauses.ts'
import { stopTaken, timeProtection } from './protection.ts'

type EventOf<Kind extends EngineEvent['kind']> = Extract<EngineEvent, { kind: Kind }>

/** @param price of the moment, for what follows from the order's end. */
export function orderEvent(ctx: DealContext, event: EventOf<'order_event'>, priceOf: (deal: Deal) => Decimal): void {
  // How much has filled follows from booked fills alone.
  if (event.event === 'part_filled' || event.event === 'filled') return
  const deal = ctx.deal(event.order.tradeSeq)
  if (deal && event.sentNow) followOrder(ctx, deal, event.order, 'sent', null)
  const followed = deal ? followOrder(ctx, deal, event.order, event.event, event.reason, event.acknowledged) : null
  if (!deal || !followed) {
    if (event.record) followEnded(ctx, event.record, event.event, event.reason, event.acknowledged)
    return
  }
  if (followed.ended) {
    orderEnded(ctx, deal, followed.order, priceOf(deal))
    return
  }
  if (event.event !== 'accepted' || deal.troubles === NO_TROUBLES) return
  const { order } = followed
  if (order.side === 'sell' && order.type !== 'market') {
    forgetSellRefusals(deal, order.purpose)
    if (order.type === 'stop') stopTaken(ctx, deal)
  }
  noteEvidence(ctx, deal, order)
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
