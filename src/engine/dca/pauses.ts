// What a pause or a stop does to orders that would add exposure: they are taken back, whoever paused. Exits go on. When it ends, the
// ladder is laid out again.

import { isLive } from '../../core/orders/order.ts'
import { refreshAveraging } from './averaging.ts'
import type { DealContext } from './deal-context.ts'
import { pausesOf } from './guards.ts'
import { cancelLiveOrders } from './orders.ts'

/** Whether this pair may take no new exposure now. */
export function isHeld(ctx: DealContext, symbol: string): boolean {
  return ctx.state.status === 'stopping' || pausesOf(ctx.state, symbol).length > 0
}

/** Brings every deal's entry orders to what its pair is allowed now; of one pair, or of all. */
export function enforcePauses(ctx: DealContext, symbol: string | null = null): void {
  for (const each of ctx.state.deals.slice()) {
    if (symbol !== null && each.symbol !== symbol) continue
    const held = isHeld(ctx, each.symbol)
    const entering = each.orders.some(order => order.side === 'buy' && isLive(order))
    if (held && !entering) continue
    const deal = ctx.deal(each.tradeSeq)
    if (!deal) continue
    if (held) cancelLiveOrders(ctx, deal, order => order.side === 'buy')
    else refreshAveraging(ctx, deal)
  }
}
