// The money of a fill: ledger, lock, free balance and lot move together. A venue may fill more than was ordered, and sell more than the
// deal holds; both have happened, so both are booked, and said aloud.

import { overfill } from '../../core/ledger/overfill.ts'
import { postFill } from '../../core/ledger/postings.ts'
import { type Decimal, maxDecimal, minDecimal, ONE, ZERO } from '../../core/money/decimal.ts'
import { type Fill, type Order, orderKeyText } from '../../core/orders/order.ts'
import { applyFill, sellBeyond } from '../../core/positions/lot.ts'
import type { Deal } from './dca-state.ts'
import { type DealContext, takerRate } from './deal-context.ts'
import { drawDust } from './dust.ts'
import { shortKey } from './orders.ts'

/** How many fills of a deal are remembered by id. */
const REMEMBERED_FILLS = 200

/** @throws where this fill is among the latest that were booked: whoever tells fills must tell each of them once. */
export function noteFillId(ctx: DealContext, deal: Deal, fill: Fill): void {
  if (!ctx.setting.answersLate) return
  const id = `${shortKey(fill)}|${fill.fillId}`
  const { fillIds } = deal.troubles
  if (fillIds.includes(id)) throw new Error(`fill ${fill.fillId} of order ${orderKeyText(fill)} is booked already`)
  deal.troubles = { ...deal.troubles, fillIds: [...fillIds, id].slice(-REMEMBERED_FILLS) }
}

/** @param filled the order with this fill. */
export function bookMoney(ctx: DealContext, deal: Deal, filled: Order, fill: Fill): void {
  const instrument = ctx.instrument(deal.symbol)
  const isOverfill = filled.filledQuantity.gt(filled.quantity)
  if (isOverfill) tellOverfill(ctx, deal, filled, fill)
  const feeBase = fill.feeAsset === instrument.base ? fill.fee : ZERO
  if (fill.side === 'sell') {
    const leaving = feeBase.isZero() ? fill.quantity : fill.quantity.plus(feeBase)
    if (leaving.gt(deal.lot.quantity)) drawDust(ctx, deal, leaving.minus(deal.lot.quantity))
    if (leaving.gt(deal.lot.quantity)) {
      sellMoreThanHeld(ctx, deal, fill)
      return
    }
  }
  const effect = postFill(ctx.transfers, {
    fill,
    base: instrument.base,
    quote: instrument.quote,
    lock:
      fill.side === 'buy'
        ? minDecimal(deal.lock, reservedFor(ctx, filled, isOverfill ? orderedPart(filled, fill) : fill.quantity))
        : ZERO,
  })
  deal.lock = deal.lock.minus(effect.fromLock)
  ctx.state.reserved = ctx.state.reserved.minus(effect.fromLock)
  changeFree(ctx, deal, effect.freeChange)
  deal.lot = applyFill(deal.lot, {
    side: fill.side,
    price: fill.price,
    quantity: fill.quantity,
    feeValueQuote: fill.feeValueQuote,
    feeBaseQuantity: feeBase,
  })
}

function changeFree(ctx: DealContext, deal: Deal, change: Decimal): void {
  ctx.state.free = ctx.state.free.plus(change)
  if (!ctx.state.free.isNegative()) return
  ctx.event('OVERDRAWN', `The bot's free balance is ${ctx.state.free} ${ctx.state.quote} after a fill`, {
    category: 'risk',
    severity: 'warning',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
  })
}

/** What of the fill was ordered. */
function orderedPart(filled: Order, fill: Fill): Decimal {
  return maxDecimal(ZERO, fill.quantity.minus(filled.filledQuantity.minus(filled.quantity)))
}

/** What the lock holds for this much of the order: slippage beyond the price it was decided at must not eat the rungs that follow. */
function reservedFor(ctx: DealContext, order: Order, quantity: Decimal): Decimal {
  const price = order.limitPrice ?? order.decisionPrice
  if (!price) return ZERO
  return price.times(quantity).times(ONE.plus(takerRate(ctx.setting, order.symbol)))
}

function tellOverfill(ctx: DealContext, deal: Deal, { quantity, filledQuantity }: Order, fill: Fill): void {
  ctx.event('OVERFILL', `Order ${orderKeyText(fill)} of ${quantity} has filled ${filledQuantity}: more than was ordered`, {
    severity: 'error',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
    details: { fillId: fill.fillId, ordered: quantity, filled: filledQuantity },
  })
}

/** The venue sold coins that the deal does not hold: they come out of the account's own, what they brought is the bot's. */
function sellMoreThanHeld(ctx: DealContext, deal: Deal, fill: Fill): void {
  const { base, quote } = ctx.instrument(deal.symbol)
  const held = deal.lot.quantity
  changeFree(ctx, deal, overfill(ctx.transfers, { fill, base, quote, held }).freeChange)
  const { lot, excess } = sellBeyond(deal.lot, { ...fill, feeBaseQuantity: ZERO })
  deal.lot = lot
  if (!excess.isPositive()) return
  ctx.event('OVERFILL', `Order ${orderKeyText(fill)} sold ${excess} ${base} more than deal ${deal.tradeSeq} held`, {
    category: 'risk',
    severity: 'critical',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
    details: { fillId: fill.fillId, held, excess },
  })
}
