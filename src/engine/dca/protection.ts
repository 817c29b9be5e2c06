// The stop at the venue (execution.md 6): it rests for what is held, follows quantity and price by cancel and place, and wherever none
// is acknowledged its price is watched here instead. A venue that refuses it is believed at once when the price is beyond it already,
// and after three refusals in a row; neither ends the watching.

import type { Exits } from '../../core/dca/config.ts'
import { Decimal, HUNDRED } from '../../core/money/decimal.ts'
import { isAcknowledged, isLive, type Order } from '../../core/orders/order.ts'
import { endSellWait, noteSellRefused, sellMustWait } from './backoff.ts'
import type { Deal } from './dca-state.ts'
import type { DcaSetting, DealContext } from './deal-context.ts'
import { cancelOrder, isSellable, liveOrders, placeOrder } from './orders.ts'

/** Smallest share by which a resting stop must improve before it is replaced, percent points (execution.md 6.2). */
const MIN_STOP_MOVE_PCT = Decimal.from('0.1')
/** Refusals in a row after which everybody is told that the stop is kept here; it is tried on, once a minute. */
const MOST_REFUSALS = 3
/** The venue has said that it never takes one. */
const NEVER = 1_000_000
/** From when on a position without its acknowledged stop is alarming. */
export const PROTECTION_LATE_MS = 10_000

export function stopRests(setting: DcaSetting, exits: Exits): boolean {
  return exits.stopLoss?.placement === 'resting' && exits.stopLoss.timeoutSec === 0 && setting.restingStops !== false
}

/** Targets rest, unless the stop rests on the same coins and the venue binds them: then they are watched (execution.md 6.3). */
export function targetsRest(setting: DcaSetting, exits: Exits): boolean {
  return exits.takeProfit?.placement === 'resting' && !(setting.locksBalance && stopRests(setting, exits))
}

/** What a resting stop must cover: all that is held, less what a target is selling where both would bind the same coins. */
function protectedQuantity(setting: DcaSetting, deal: Deal): Decimal {
  const { step } = setting.instruments.get(deal.symbol)!
  if (!setting.locksBalance) return deal.lot.quantity.toGrid(step, 'floor')
  let held = deal.lot.quantity
  for (const order of deal.orders) {
    if (order.side === 'sell' && order.type !== 'stop' && isLive(order))
      held = held.minus(order.quantity.minus(order.filledQuantity))
  }
  return held.toGrid(step, 'floor')
}

/** The venue takes no order as large as this stop would have to be. */
function exceedsMax(setting: DcaSetting, deal: Deal, quantity: Decimal): boolean {
  const { maxQty } = setting.instruments.get(deal.symbol)!
  return maxQty !== undefined && quantity.gt(maxQty)
}

/** The stop that rests for all that is held: the venue has acknowledged it and nobody is taking it back. */
export function restingStop(setting: DcaSetting, deal: Deal): Order | null {
  for (const order of deal.orders) {
    if (order.type !== 'stop' || !isAcknowledged(order) || order.cancelState !== 'none') continue
    if (order.quantity.minus(order.filledQuantity).gte(protectedQuantity(setting, deal))) return order
  }
  return null
}

export function syncRestingStop(ctx: DealContext, deal: Deal): void {
  if (!stopRests(ctx.setting, ctx.rules(deal).config.exits) || !deal.stop) return
  const live = liveOrders(deal, 'sl')[0]
  const quantity = protectedQuantity(ctx.setting, deal)
  const isTooLarge = exceedsMax(ctx.setting, deal, quantity)
  if (live) {
    if (live.cancelState !== 'none' || !live.stopPrice) return
    if (isTooLarge) {
      cancelOrder(ctx, deal, live)
      return
    }
    const samePrice = live.stopPrice.equals(deal.stop)
    const sameQuantity = live.quantity.minus(live.filledQuantity).equals(quantity)
    if (samePrice && sameQuantity) return
    const far = deal.stop.minus(live.stopPrice).abs().times(HUNDRED).gte(live.stopPrice.times(MIN_STOP_MOVE_PCT))
    if (!sameQuantity || far) cancelOrder(ctx, deal, live)
    return
  }
  if (isTooLarge || deal.troubles.stopRefusals >= NEVER || sellMustWait(deal, 'sl', ctx.atMs)) return
  if (!isSellable(ctx.instrument(deal.symbol), quantity, deal.stop)) return
  placeOrder(ctx, deal, { purpose: 'sl', side: 'sell', type: 'stop', quantity, stopPrice: deal.stop, referencePrice: deal.stop })
}

/** Whether a venue's words say that the price is at or beyond the stop already. */
export function saysBeyond(reason: string | null): boolean {
  return reason !== null && /would (immediately )?trigger|beyond/i.test(reason)
}

/** The venue refused a stop: it is tried again with growing patience, and after a few tries everybody is told. */
export function stopRefused(ctx: DealContext, deal: Deal, order: Order): void {
  const isFinal = order.reason !== null && /unprotectable/i.test(order.reason)
  const before = deal.troubles.stopRefusals
  const stopRefusals = isFinal ? NEVER : before + 1
  noteSellRefused(deal, 'sl', ctx.atMs)
  deal.troubles = { ...deal.troubles, stopRefusals }
  if (isFinal) endSellWait(deal, 'sl')
  if (before >= MOST_REFUSALS) return
  if (stopRefusals < MOST_REFUSALS) {
    ctx.event('STOP_REJECTED', `The venue refused the stop of deal ${deal.tradeSeq}: ${order.reason ?? 'without a reason'}`, {
      category: 'risk',
      severity: 'error',
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
    })
    return
  }
  ctx.event(
    'PROTECTION_FAILED',
    `No stop rests for deal ${deal.tradeSeq}: the venue refuses it (${order.reason ?? 'without a reason'}). Its price ${deal.stop} is watched here, while this server runs`,
    { category: 'risk', severity: 'critical', symbol: deal.symbol, tradeSeq: deal.tradeSeq },
  )
}

/** The venue has taken a stop of the deal. */
export function stopTaken(ctx: DealContext, deal: Deal): void {
  if (deal.troubles.stopRefusals >= MOST_REFUSALS) tellProtected(ctx, deal)
  forgetStopRefusals(deal)
}

function tellProtected(ctx: DealContext, deal: Deal): void {
  ctx.event('PROTECTION_BACK', `The stop of deal ${deal.tradeSeq} rests at the venue`, {
    category: 'risk',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
  })
}

/** A new entry gives the venue another chance to take the stop. */
export function forgetStopRefusals(deal: Deal): void {
  if (deal.troubles.stopRefusals > 0) deal.troubles = { ...deal.troubles, stopRefusals: 0 }
}

function lacksStop(setting: DcaSetting, deal: Deal): boolean {
  if (deal.status !== 'open' || !deal.stop || deal.troubles.stopRefusals >= MOST_REFUSALS) return false
  if (!stopRests(setting, setting.rules(deal.configVersion).config.exits)) return false
  const quantity = protectedQuantity(setting, deal)
  if (exceedsMax(setting, deal, quantity)) return false
  return isSellable(setting.instruments.get(deal.symbol)!, quantity, deal.stop) && restingStop(setting, deal) === null
}

/** Notes since when each deal lacks the stop that should rest for it. */
export function timeProtection(ctx: DealContext): void {
  for (const each of ctx.state.deals) {
    const lacks = lacksStop(ctx.setting, each)
    if (lacks === (each.troubles.unprotectedSinceMs !== null)) continue
    const deal = ctx.deal(each.tradeSeq)!
    if (!lacks && deal.troubles.isProtectionLate && restingStop(ctx.setting, deal)) tellProtected(ctx, deal)
    deal.troubles = { ...deal.troubles, unprotectedSinceMs: lacks ? ctx.atMs : null, isProtectionLate: false }
  }
}

export function protectionIsLate(ctx: DealContext, deal: Deal): void {
  if (deal.troubles.unprotectedSinceMs === null) return
  deal.troubles = { ...deal.troubles, isProtectionLate: true }
  ctx.event(
    'PROTECTION_LATE',
    `The venue has not acknowledged a stop for deal ${deal.tradeSeq} in ${PROTECTION_LATE_MS / 1000} s; its price ${deal.stop} is watched here`,
    { category: 'risk', severity: 'critical', symbol: deal.symbol, tradeSeq: deal.tradeSeq },
  )
}

/** What a deal's row says about its stop. */
export function protectionOf(setting: DcaSetting, deal: Deal): { isProtected: boolean; reason: string } {
  const { exits } = setting.rules(deal.configVersion).config
  if (!deal.lot.quantity.isPositive()) return { isProtected: false, reason: 'nothing is held' }
  if (restingStop(setting, deal)) return { isProtected: true, reason: 'rests at the venue' }
  if (!deal.stop) return { isProtected: false, reason: exits.stopLoss ? 'the stop has no price yet' : 'no stop is configured' }
  if (deal.status === 'closing') return { isProtected: false, reason: 'it is being sold' }
  if (!stopRests(setting, exits)) return { isProtected: false, reason: 'needs this server' }
  if (deal.troubles.stopRefusals >= MOST_REFUSALS)
    return { isProtected: false, reason: 'the venue refuses the stop: needs this server' }
  if (exceedsMax(setting, deal, protectedQuantity(setting, deal))) {
    const { maxQty, base } = setting.instruments.get(deal.symbol)!
    return { isProtected: false, reason: `the venue takes at most ${maxQty} ${base} in one order: needs this server` }
  }
  const waits = deal.orders.some(order => order.type === 'stop' && isLive(order))
  return { isProtected: false, reason: waits ? 'waits for the venue: needs this server' : 'no stop rests: needs this server' }
}
