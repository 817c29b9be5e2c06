// What a fill changes: the order, the lot, the books, and from there everything that follows from holding more or less.

import { postFill } from '../../core/ledger/postings.ts'
import { type Decimal, minDecimal, ONE, ZERO } from '../../core/money/decimal.ts'
import { type Fill, isLive, type Order, TRIGGERED } from '../../core/orders/order.ts'
import { applyFill, volumeWeightedPrice } from '../../core/positions/lot.ts'
import { refreshAveraging } from './averaging.ts'
import type { Deal } from './dca-state.ts'
import { type DealContext, takerRate } from './deal-context.ts'
import {
  continueExit,
  endDeal,
  isSellable,
  noteTargetFill,
  openTargets,
  rebaseTargets,
  refreshExits,
  stopReason,
} from './exits.ts'
import { cancelLiveOrders, dropOrder, findOrder, followOrder, liveOrders, placeOrder, replaceOrder, TIMED_OUT } from './orders.ts'
import { isHeld } from './pauses.ts'
import { partialExitImage } from './trade-image.ts'

/** Books one execution. Its order's status follows from what is booked, never from a status word. */
export function bookFill(ctx: DealContext, fill: Fill): void {
  const deal = ctx.deal(fill.tradeSeq)
  const order = deal ? findOrder(deal, fill) : undefined
  if (!deal || !order)
    throw new Error(
      `a fill of ${fill.quantity} names order ${fill.tradeSeq}|${fill.purpose}|${fill.sequence}, which is not alive`,
    )
  const instrument = ctx.instrument(deal.symbol)
  ctx.fills.push(fill)
  ctx.notePrice(deal.symbol, fill.price)

  const effect = postFill(ctx.transfers, {
    fill,
    base: instrument.base,
    quote: instrument.quote,
    lock: minDecimal(deal.lock, reservedFor(ctx, order, fill)),
  })
  deal.lock = deal.lock.minus(effect.fromLock)
  ctx.state.reserved = ctx.state.reserved.minus(effect.fromLock)
  ctx.state.free = ctx.state.free.plus(effect.freeChange)
  if (ctx.state.free.isNegative()) {
    ctx.event('OVERDRAWN', `The bot's free balance is ${ctx.state.free} ${ctx.state.quote} after a fill`, {
      category: 'risk',
      severity: 'warning',
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
    })
  }

  const before = deal.lot
  deal.lot = applyFill(deal.lot, {
    side: fill.side,
    price: fill.price,
    quantity: fill.quantity,
    feeValueQuote: fill.feeValueQuote,
    feeBaseQuantity: fill.feeAsset === instrument.base ? fill.fee : ZERO,
  })
  const filled: Order = {
    ...order,
    filledQuantity: order.filledQuantity.plus(fill.quantity),
    filledValue: order.filledValue.plus(fill.price.times(fill.quantity)),
    feeValueQuote: order.feeValueQuote.plus(fill.feeValueQuote),
  }
  replaceOrder(ctx, deal, filled)
  const whole = filled.filledQuantity.gte(filled.quantity)
  followOrder(ctx, deal, fill, whole ? 'filled' : 'part_filled', null)

  if (fill.side === 'buy') noteEntry(ctx, deal, filled, fill)
  else noteExit(ctx, deal, filled, fill, before.quantity, before.basis, whole)
  if (whole) orderEnded(ctx, deal, findOrder(deal, fill)!, fill.price, fill.side === 'buy')
  else afterChange(ctx, deal, fill.side === 'buy', fill.price)
}

/** What the lock holds for this much of the order: slippage beyond the price it was decided at must not eat the rungs that follow. */
function reservedFor(ctx: DealContext, order: Order, fill: Fill): Decimal {
  const price = order.limitPrice ?? order.decisionPrice
  if (order.side === 'sell' || !price) return ZERO
  return price.times(fill.quantity).times(ONE.plus(takerRate(ctx.setting, order.symbol)))
}

function noteEntry(ctx: DealContext, deal: Deal, order: Order, fill: Fill): void {
  if (deal.openedAtMs === null) ctx.state.startedDeals += 1
  deal.openedAtMs ??= fill.atMs
  deal.buyOrderClosedAtMs = fill.atMs
  deal.lastEntryPrice = volumeWeightedPrice(order.filledValue, order.filledQuantity)
  deal.lastEntryAtMs = fill.atMs
  deal.bestPrice ??= fill.price
  if (deal.status === 'pending') deal.status = 'open'
  if (fill.purpose === 'base') {
    deal.baseQuantity = deal.baseQuantity.plus(fill.quantity)
    deal.baseCost = deal.baseCost.plus(fill.price.times(fill.quantity))
  } else if (order.rung !== null && !deal.usedRungs.includes(order.rung)) {
    deal.usedRungs = [...deal.usedRungs, order.rung]
    deal.averagingCount += 1
  }
}

function noteExit(
  ctx: DealContext,
  deal: Deal,
  order: Order,
  fill: Fill,
  heldBefore: Decimal,
  basisBefore: Decimal,
  whole: boolean,
): void {
  deal.sellOrderClosedAtMs = fill.atMs
  if (order.type === 'stop' && !whole) stopTriggered(ctx, deal, order)
  if (fill.purpose !== 'tp') return
  noteTargetFill(deal, order, fill.quantity, heldBefore)
  if (!whole || deal.lot.quantity.isZero()) return
  deal.partialExits += 1
  const entryValue = basisBefore.minus(deal.lot.basis)
  const part = {
    atMs: fill.atMs,
    exitPrice: volumeWeightedPrice(order.filledValue, order.filledQuantity),
    exitValue: order.filledValue,
    entryValue,
    size: order.filledQuantity,
    commission: order.feeValueQuote,
    grossPnl: order.filledValue.minus(entryValue),
  }
  const { setting, state } = ctx
  const asItStands = { ...deal }
  ctx.partialExit(() => partialExitImage(setting, state, asItStands, part))
}

/** A resting stop works on at the market until it is whole, and nothing else of the deal may work beside it. */
export function stopTriggered(ctx: DealContext, deal: Deal, order: Order): void {
  if (order.reason !== TRIGGERED) replaceOrder(ctx, deal, { ...findOrder(deal, order)!, reason: TRIGGERED })
  if (deal.status !== 'open') return
  deal.exitReason = stopReason(ctx, deal)
  deal.exitPurpose = 'sl'
  deal.status = 'closing'
  cancelLiveOrders(ctx, deal, each => each.type !== 'stop')
}

/**
 * An order has ended, filled or not: what it leaves behind is looked after.
 * @param entryFill an entry fill of this very event ended it: only then may the stop follow the average down.
 */
export function orderEnded(ctx: DealContext, deal: Deal, order: Order, price: Decimal, entryFill = false): void {
  dropOrder(deal, order)
  if (order.purpose === 'base' && !deal.orders.some(each => each.purpose === 'base' && isLive(each))) {
    if (!baseEnded(ctx, deal, order, price)) return
  }
  if (order.purpose === 'avg' && order.status === 'rejected' && order.rung !== null && !deal.usedRungs.includes(order.rung)) {
    deal.usedRungs = [...deal.usedRungs, order.rung]
  }
  afterChange(ctx, deal, entryFill, price)
}

/** @returns false when the deal has ended with it. */
function baseEnded(ctx: DealContext, deal: Deal, order: Order, price: Decimal): boolean {
  const wantsRest = order.reason === TIMED_OUT && ctx.rules(deal).config.baseOrder.onTimeout === 'market'
  const mayBuyRest = wantsRest && !isHeld(ctx, deal.symbol)
  if (deal.lot.boughtQuantity.isZero()) {
    if (mayBuyRest && deal.status === 'pending') {
      if (placeBaseRest(ctx, deal, order, price)) return false
    }
    const failed = order.status === 'rejected'
    deal.exitReason ??= failed ? 'venue' : 'manual'
    endDeal(ctx, deal)
    if (failed) deal.status = 'failed'
    return false
  }
  if (mayBuyRest && deal.status === 'open') {
    if (placeBaseRest(ctx, deal, order, price)) return false
  }
  deal.baseOrderEnded = true
  return true
}

/** What a base limit did not get in time is bought at the market, where that is what the user chose. */
function placeBaseRest(ctx: DealContext, deal: Deal, order: Order, price: Decimal): boolean {
  const quantity = order.quantity.minus(order.filledQuantity)
  const refusal = placeOrder(ctx, deal, {
    purpose: 'base',
    side: 'buy',
    type: 'market',
    quantity,
    referencePrice: price,
    ...(order.limitPrice ? { decisionPrice: order.limitPrice } : {}),
  })
  return refusal === null
}

/** Exits and averaging follow what the deal now holds; a deal that holds nothing ends. */
export function afterChange(ctx: DealContext, deal: Deal, entryFill: boolean, price: Decimal): void {
  if (deal.status === 'closing') {
    continueExit(ctx, deal, price)
    return
  }
  if (deal.status !== 'open') return
  const sold = deal.lot.soldQuantity.isPositive()
  if (deal.lot.quantity.isZero() || (sold && restIsDust(ctx, deal, price))) {
    deal.exitReason ??= lastExitReason(ctx, deal)
    deal.status = 'closing'
    cancelLiveOrders(ctx, deal)
    continueExit(ctx, deal, price)
    return
  }
  if (entryFill) rebaseTargets(ctx, deal)
  refreshExits(ctx, deal, entryFill)
  refreshAveraging(ctx, deal)
}

/** No target is left that could sell, and the rest cannot be sold alone. */
function restIsDust(ctx: DealContext, deal: Deal, price: Decimal): boolean {
  if (!ctx.rules(deal).config.exits.takeProfit || liveOrders(deal).some(order => order.side === 'sell')) return false
  if (openTargets(ctx.setting, deal).length > 0) return false
  const instrument = ctx.instrument(deal.symbol)
  return !isSellable(instrument, deal.lot.quantity.toGrid(instrument.step, 'floor'), price)
}

function lastExitReason(ctx: DealContext, deal: Deal): NonNullable<Deal['exitReason']> {
  const last = ctx.fills[ctx.fills.length - 1]
  if (last?.purpose === 'sl') {
    if (deal.breakEven) return 'break_even'
    return ctx.rules(deal).config.exits.stopLoss?.trailing ? 'trailing_stop' : 'stop_loss'
  }
  return 'take_profit'
}
