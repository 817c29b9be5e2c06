// What deals leave behind that is too small to sell, or that was handed over: the bot's dust, by currency, with its cost.

import { sweepDust } from '../../core/ledger/postings.ts'
import { type Decimal, minDecimal } from '../../core/money/decimal.ts'
import type { Deal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'

/** Moves up to this much of the bot's dust into the deal's lot, with its share of the cost. */
export function drawDust(ctx: DealContext, deal: Deal, wanted: Decimal): void {
  const { base } = ctx.instrument(deal.symbol)
  const dust = ctx.state.dust[base]
  if (!dust) return
  const join = minDecimal(wanted, dust.quantity)
  if (!join.isPositive()) return
  const basis = join.equals(dust.quantity) ? dust.basis : dust.basis.times(join).dividedBy(dust.quantity, 18, 'half_even')
  ctx.state.dust = { ...ctx.state.dust, [base]: { quantity: dust.quantity.minus(join), basis: dust.basis.minus(basis) } }
  sweepDust(ctx.transfers, `sweep:${deal.tradeSeq}:${ctx.state.postings++}`, base, join, deal.tradeSeq)
  deal.lot = { ...deal.lot, quantity: deal.lot.quantity.plus(join), basis: deal.lot.basis.plus(basis) }
}
