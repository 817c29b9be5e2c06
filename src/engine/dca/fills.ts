// What a fill changes: the order, the lot, the books, and from there everything that follows from holding more or less.

import type { Decimal } from '../../core/money/decimal.ts'
import { type Fill, isLive, NEVER_ARRIVED, type Order, TRIGGERED } from '../../core/orders/order.ts'
import { volumeWeightedPrice } from '../../core/positions/lot.ts'
import type { OrderImage } from '../machine.ts'
import { refreshAveraging } from './averaging.ts'
import { forgetSellRefusals, noteSellRefused } from './backoff.ts'
import { bookMoney, noteFillId } from './booking.ts'
import { noteEvidence } from './cancels.ts'
import type { Deal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import {
  beginExit,
  continueExit,
  endDeal,
  noteTargetFill,
  openTargets,
  rebaseTargets,
  refreshExits,
  stopReason,
} from './exits.ts'
import { moveFilled, reopenDeal, spareRung, tellLateFill } from './late.ts'
import {
  cancelLiveOrders,
  dropOrder,
  findOrder,
  followOrder,
  isSellable,
  liveOrders,
  placeOrder,
  replaceOrder,
  TIMED_OUT,
} from './orders.ts'
import { isHeld } from './pauses.ts'
import { forgetStopRefusals, saysBeyond, stopRefused } from './protection.ts'
import { partialExitImage } from './trade-image.ts'

/**
 * Books one execution. Its order's status follows from what is booked, never from a status word.
 * @param record the order, where the deal may no longer keep it or may be gone itself: what comes late is booked all the same.
 * @throws where neither the deal nor a record knows the order, and for a fill that was booked before: mistakes of ours.
 */
export function bookFill(ctx: DealContext, fill: Fill, record?: OrderImage): void {
  const alive = ctx.deal(fill.tradeSeq)
  const kept = alive ? findOrder(alive, fill) : undefined
  if (!kept && !record)
    throw new Error(
      `a fill of ${fill.quantity} names order ${fill.tradeSeq}|${fill.purpose}|${fill.sequence}, which is not alive and has no record`,
    )
  const deal = alive ?? reopenDeal(ctx, record!)
  const order = kept ?? spareRung(deal, record!.order)
  noteFillId(ctx, deal, fill)
  const isLate = kept === undefined
  if (isLate) tellLateFill(ctx, deal, fill, alive !== null)
  // What was traded a while ago says nothing of the price now.
  const price = isLate ? (ctx.readPair(deal.symbol).lastPrice ?? fill.price) : fill.price
  ctx.fills.push(fill)
  ctx.notePrice(deal.symbol, price)

  const before = deal.lot
  const filled: Order = {
    ...order,
    filledQuantity: order.filledQuantity.plus(fill.quantity),
    filledValue: order.filledValue.plus(fill.price.times(fill.quantity)),
    feeValueQuote: order.feeValueQuote.plus(fill.feeValueQuote),
  }
  bookMoney(ctx, deal, filled, fill)
  const whole = filled.filledQuantity.gte(filled.quantity)
  if (kept) {
    replaceOrder(ctx, deal, filled)
    const followed = followOrder(ctx, deal, fill, whole ? 'filled' : 'part_filled', null)
    if (followed && !whole) noteEvidence(ctx, deal, followed.order)
  } else {
    moveFilled(ctx, deal, filled, whole ? 'filled' : 'part_filled')
  }
  if (deal.troubles.isReopened) deal.exitReason = 'reconciliation'

  if (fill.side === 'buy') noteEntry(ctx, deal, filled, fill)
  else noteExit(ctx, deal, filled, fill, before.quantity, before.basis, whole)
  if (isLate && order.type === 'stop' && deal.status === 'open' && deal.lot.quantity.isPositive()) {
    // The venue fired the stop before it took the cancel: the price has been there.
    beginExit(ctx, deal, stopReason(ctx, deal), 'sl', price)
  }
  if (whole && kept) orderEnded(ctx, deal, findOrder(deal, fill)!, price, fill.side === 'buy')
  else afterChange(ctx, deal, fill.side === 'buy', price)
}

function noteEntry(ctx: DealContext, deal: Deal, order: Order, fill: Fill): void {
  if (deal.openedAtMs === null) ctx.state.startedDeals += 1
  deal.openedAtMs ??= fill.atMs
  deal.buyOrderClosedAtMs = fill.atMs
  deal.lastEntryPrice = volumeWeightedPrice(order.filledValue, order.filledQuantity)
  deal.lastEntryAtMs = fill.atMs
  deal.bestPrice ??= fill.price
  forgetStopRefusals(deal)
  if (deal.status === 'pending') deal.status = 'open'
  if (fill.purpose === 'base') {
    deal.baseQuantity = deal.baseQuantity.plus(fill.quantity)
    deal.baseCost = deal.baseCost.plus(fill.price.times(fill.quantity))
  } else if (order.rung !== null && !deal.usedRungs.includes(order.rung)) {
    deal.usedRungs = [...deal.usedRungs, order.rung]
    deal.averagingCount += 1
  } else if (order.rung === null && order.filledQuantity.equals(fill.quantity)) {
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
  forgetSellRefusals(deal, fill.purpose)
  if (order.type === 'stop' && !whole && findOrder(deal, fill)) stopTriggered(ctx, deal, order)
  if (fill.purpose !== 'tp') return
  noteTargetFill(ctx.setting, deal, order, fill.quantity, heldBefore)
  if (!whole || deal.lot.quantity.isZero()) return
  // A part of the whole exit, made because the venue takes no larger order, leaves no deal open behind it.
  if (order.rung === null && ctx.instrument(deal.symbol).maxQty !== undefined) return
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
  if (order.side === 'sell' && order.status === 'rejected' && order.reason !== NEVER_ARRIVED)
    sellRejected(ctx, deal, order, price)
  if (order.purpose === 'base' && !deal.orders.some(each => each.purpose === 'base' && isLive(each))) {
    if (!baseEnded(ctx, deal, order, price)) return
  }
  if (order.purpose === 'avg' && order.status === 'rejected' && order.reason !== NEVER_ARRIVED) spendRung(deal, order)
  afterChange(ctx, deal, entryFill, price)
}

function spendRung(deal: Deal, { rung }: Order): void {
  if (rung !== null && !deal.usedRungs.includes(rung)) deal.usedRungs = [...deal.usedRungs, rung]
}

/** The venue refused an exit: a position is never given up, a new order follows after a while, or at once where a stop came too late. */
function sellRejected(ctx: DealContext, deal: Deal, order: Order, price: Decimal): void {
  if (order.type === 'stop' && deal.status === 'open') {
    if (saysBeyond(order.reason)) {
      ctx.event('STOP_BEYOND', `The price is beyond the stop of deal ${deal.tradeSeq} already: it is sold at the market`, {
        category: 'risk',
        severity: 'warning',
        symbol: deal.symbol,
        tradeSeq: deal.tradeSeq,
      })
      beginExit(ctx, deal, stopReason(ctx, deal), 'sl', price)
    } else {
      stopRefused(ctx, deal, order)
    }
    return
  }
  const { tries, untilMs } = noteSellRefused(deal, order.purpose, ctx.atMs)
  ctx.event(
    'EXIT_REJECTED',
    `The venue refused to sell ${order.quantity} for deal ${deal.tradeSeq} (${order.reason ?? 'without a reason'}): a new order goes out at ${new Date(untilMs).toISOString()}`,
    { severity: 'error', symbol: deal.symbol, tradeSeq: deal.tradeSeq, details: { purpose: order.purpose, tries, untilMs } },
  )
}

/** @returns false when the deal has ended with it. */
function baseEnded(ctx: DealContext, deal: Deal, order: Order, price: Decimal): boolean {
  if (deal.baseOrderEnded) return true
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
