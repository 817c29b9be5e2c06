// Coins of a deal that the venue has no more, though no order of ours sold them (execution.md 7.1): somebody sold or moved them by hand.
// They leave the deal at their cost. What they brought is not the bot's: it is neither a gain nor a loss of the deal.

import { giveUpCoins } from '../../core/ledger/postings.ts'
import { type Decimal, minDecimal } from '../../core/money/decimal.ts'
import { basisOf } from '../../core/positions/lot.ts'
import type { EngineEvent } from '../machine.ts'
import type { Deal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { continueExit, rebaseTargets } from './exits.ts'
import { afterChange } from './fills.ts'
import { cancelLiveOrders, committedBase, isSellable } from './orders.ts'

/** @param priceOf price of the moment, by which the rest is judged. */
export function coinsMissing(
  ctx: DealContext,
  event: Extract<EngineEvent, { kind: 'coins_missing' }>,
  priceOf: (deal: Deal) => Decimal,
): void {
  const deal = ctx.deal(event.tradeSeq)
  if (!deal?.lot.quantity.isPositive()) return
  const gone = minDecimal(event.quantity, deal.lot.quantity)
  const cost = basisOf(deal.lot, gone)
  const { base, step } = ctx.instrument(deal.symbol)
  giveUpCoins(ctx.transfers, `ghost:${deal.tradeSeq}:${ctx.state.postings++}`, base, gone, deal.tradeSeq)
  deal.lot = { ...deal.lot, quantity: deal.lot.quantity.minus(gone), basis: deal.lot.basis.minus(cost) }
  ctx.event(
    'GHOST_POSITION',
    `${gone} ${base} of deal ${deal.tradeSeq} are gone from the venue and no order of ours sold them (${event.soldAt ? `sold by others @ ${event.soldAt}` : 'price unknown'}): they leave the deal at their cost of ${cost} ${ctx.state.quote}`,
    {
      category: 'risk',
      severity: 'critical',
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
      details: { quantity: gone, cost, soldAt: event.soldAt, left: deal.lot.quantity },
    },
  )
  const price = priceOf(deal)
  if (!isSellable(ctx.instrument(deal.symbol), deal.lot.quantity.toGrid(step, 'floor'), price)) {
    letGo(ctx, deal, price)
    return
  }
  if (deal.status === 'closing') {
    // Orders that would sell more than is left make way for the next attempt.
    if (committedBase(deal).gt(deal.lot.quantity)) cancelLiveOrders(ctx, deal, order => order.side === 'sell')
    continueExit(ctx, deal, price)
    return
  }
  rebaseTargets(ctx, deal)
  afterChange(ctx, deal, false, price)
}

/** Nothing is left that could be sold: what rests is cancelled, and the deal ends without a sale. */
function letGo(ctx: DealContext, deal: Deal, price: Decimal): void {
  deal.exitReason = 'reconciliation'
  deal.handsOver = true
  deal.status = 'closing'
  cancelLiveOrders(ctx, deal)
  continueExit(ctx, deal, price)
}
