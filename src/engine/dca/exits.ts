// How a long deal leaves: where its targets, stop and trail stand now, the orders that rest for them, and the way from the decision to
// exit until it is flat. An exit is never blocked by a pause or a limit; a full exit swallows its targets: one sell.

import {
  breakEvenPrice,
  monotoneStop,
  stopPrice,
  targetBase,
  targetPrice,
  targetQuantities,
  trailingStopPrice,
  trailPrice,
} from '../../core/dca/exit-prices.ts'
import { profitPrice } from '../../core/dca/ladder.ts'
import { moveToDust, release } from '../../core/ledger/postings.ts'
import type { Instrument } from '../../core/market/instrument.ts'
import { Decimal, HUNDRED, ONE, ZERO } from '../../core/money/decimal.ts'
import { isLive, type Order, type Purpose, remainingQuantity } from '../../core/orders/order.ts'
import { netPnl, releaseRest } from '../../core/positions/lot.ts'
import { endSellWait, sellMustWait } from './backoff.ts'
import type { DcaState, Deal, ExitReason } from './dca-state.ts'
import { type DcaSetting, type DealContext, dealExitContext } from './deal-context.ts'
import { drawDust } from './dust.ts'
import { cancelLiveOrders, cancelOrder, cutToMax, isSellable, liveOrders, placeOrder } from './orders.ts'
import { enforcePauses } from './pauses.ts'
import { syncRestingStop, targetsRest } from './protection.ts'

/** A take-profit target that has not fired: its number from 0, its price on the tick, its quantity on the step. */
export interface OpenTarget {
  readonly index: number
  readonly price: Decimal
  readonly quantity: Decimal
}

/** What is held, and what targets that have not fired whole have sold already. */
function heldWithParts(deal: Deal): Decimal {
  let held = deal.lot.quantity
  for (const sold of Object.values(deal.targetSold)) held = held.plus(sold)
  return held
}

/** The targets that still stand, smallest price first; what is too small to sell joins the next one. */
export function openTargets(setting: DcaSetting, deal: Deal): OpenTarget[] {
  const { exits } = setting.rules(deal.configVersion).config
  if (!exits.takeProfit || !deal.lot.quantity.isPositive()) return []
  const instrument = setting.instruments.get(deal.symbol)!
  const context = dealExitContext(setting, deal)
  const fired = new Set(deal.firedTargets)
  const pcts = exits.takeProfit.targets.map(target => Decimal.from(target.sellPct))
  const held = heldWithParts(deal)
  const quantities = targetQuantities(pcts, fired, deal.targetBase ?? held, held, instrument.step)
  const open: OpenTarget[] = []
  let carried = ZERO
  exits.takeProfit.targets.forEach((target, index) => {
    const own = quantities[index]
    if (!own) return
    const price = targetPrice(exits.takeProfit!.from, Decimal.from(target.profitPct), context, instrument.tick)
    const quantity = own.minus(deal.targetSold[index] ?? ZERO).plus(carried)
    if (isSellable(instrument, quantity, price)) {
      open.push({ index, price, quantity })
      carried = ZERO
    } else {
      carried = quantity
    }
  })
  return open.length === 0 && allTargetsFired(setting, deal) ? lastTargetAgain(setting, deal) : open
}

/** Every target has sold its part, and the parts were all there was: what is held beside them came in late. */
export function allTargetsFired(setting: DcaSetting, deal: Deal): boolean {
  const { takeProfit } = setting.rules(deal.configVersion).config.exits
  if (!takeProfit || deal.firedTargets.length < takeProfit.targets.length) return false
  return takeProfit.targets.reduce((sum, target) => sum.plus(Decimal.from(target.sellPct)), ZERO).gte(HUNDRED)
}

/** Coins of an averaging order that was being cancelled when the last target sold: that target stands once more, for all of them. */
function lastTargetAgain(setting: DcaSetting, deal: Deal): OpenTarget[] {
  const { takeProfit } = setting.rules(deal.configVersion).config.exits
  const instrument = setting.instruments.get(deal.symbol)!
  const index = takeProfit!.targets.length - 1
  const profit = Decimal.from(takeProfit!.targets[index]!.profitPct)
  const price = targetPrice(takeProfit!.from, profit, dealExitContext(setting, deal), instrument.tick)
  const quantity = deal.lot.quantity.toGrid(instrument.step, 'floor')
  return isSellable(instrument, quantity, price) ? [{ index, price, quantity }] : []
}

export function trailingPrices(setting: DcaSetting, deal: Deal): { activation: Decimal; stop: Decimal | null } | null {
  const { exits } = setting.rules(deal.configVersion).config
  if (!exits.trailing || !deal.lot.quantity.isPositive()) return null
  const tick = setting.instruments.get(deal.symbol)!.tick
  return {
    activation: profitPrice(dealExitContext(setting, deal), Decimal.from(exits.trailing.activationPct)).toGrid(tick, 'ceil'),
    stop: deal.trailingArmed && deal.peak ? trailPrice(deal.peak, Decimal.from(exits.trailing.distancePct), tick) : null,
  }
}

export function restartPrice(setting: DcaSetting, deal: Deal): Decimal | null {
  const { exits } = setting.rules(deal.configVersion).config
  if (!exits.takeProfitAndRestart || !deal.lot.quantity.isPositive()) return null
  return profitPrice(dealExitContext(setting, deal), Decimal.from(exits.takeProfitAndRestart.targetPct)).toGrid(
    setting.instruments.get(deal.symbol)!.tick,
    'ceil',
  )
}

/** Price from which an exit that asks for a least profit may act; null where it acts at any profit. */
export function minProfitPrice(
  setting: DcaSetting,
  deal: Deal,
  minProfitPct: string | null,
  fromBaseOrder: boolean,
): Decimal | null {
  if (minProfitPct === null) return null
  const tick = setting.instruments.get(deal.symbol)!.tick
  return targetPrice(fromBaseOrder ? 'base_order' : 'average', Decimal.from(minProfitPct), dealExitContext(setting, deal), tick)
}

/** Moves the stop to where the rules put it now: never away from the market while the deal lives, except by a lower average. */
function moveStop(ctx: DealContext, deal: Deal, entryFill: boolean): void {
  const { exits } = ctx.rules(deal).config
  const stop = exits.stopLoss
  if (!stop || !deal.lot.quantity.isPositive()) return
  const tick = ctx.instrument(deal.symbol).tick
  const context = ctx.exitContext(deal)
  let next = stopPrice(stop, deal.symbol, context, tick)
  if (stop.trailing && deal.bestPrice) {
    const fromBest =
      stop.type === 'pct'
        ? trailingStopPrice(stop, deal.bestPrice, tick)
        : next && deal.bestPrice.gt(context.basePrice)
          ? next.plus(deal.bestPrice.minus(context.basePrice)).toGrid(tick, 'ceil')
          : next
    next = monotoneStop(next, fromBest)
    next = monotoneStop(deal.stop, next)
  } else if (!entryFill) {
    next = monotoneStop(deal.stop, next)
  }
  if (stop.breakEvenAfterTarget !== null && deal.firedTargets.length >= stop.breakEvenAfterTarget) {
    const breakEven = breakEvenPrice(context).toGrid(tick, 'ceil')
    if (!next || breakEven.gt(next)) {
      next = breakEven
      deal.breakEven = true
    }
  }
  if (deal.breakEven && deal.stop) next = monotoneStop(deal.stop, next)
  if (deal.stop && next && !deal.stop.equals(next)) deal.stopBeyondSinceMs = null
  deal.stop = next
}

/** Brings stop, targets and resting exit orders to where the deal stands now. Called after each change of what it holds. */
export function refreshExits(ctx: DealContext, deal: Deal, entryFill: boolean): void {
  if (deal.status !== 'open') return
  moveStop(ctx, deal, entryFill)
  syncRestingTargets(ctx, deal)
  if (deal.troubles.dueTarget !== null) sellDueTarget(ctx, deal)
  syncRestingStop(ctx, deal)
}

function syncRestingTargets(ctx: DealContext, deal: Deal): void {
  if (!targetsRest(ctx.setting, ctx.rules(deal).config.exits)) return
  const wanted = openTargets(ctx.setting, deal)
  const instrument = ctx.instrument(deal.symbol)
  let cancelling = false
  for (const order of liveOrders(deal, 'tp')) {
    const match = wanted.find(target => target.index + 1 === order.rung)
    const kept = match && order.limitPrice?.equals(match.price) && isAsLarge(instrument, order, match)
    if (!kept) {
      cancelOrder(ctx, deal, order)
      cancelling = true
    }
  }
  // Coins in an order that is being cancelled are still bound: the answer to the cancel comes back here.
  if (cancelling || liveOrders(deal, 'tp').some(order => order.cancelState !== 'none')) return
  if (sellMustWait(deal, 'tp', ctx.atMs)) return
  for (const target of wanted) {
    if (liveOrders(deal, 'tp').some(order => order.rung === target.index + 1)) continue
    const refusal = placeOrder(ctx, deal, {
      purpose: 'tp',
      side: 'sell',
      type: 'limit',
      quantity: cutToMax(instrument, target.quantity, target.price),
      limitPrice: target.price,
      rung: target.index + 1,
      referencePrice: target.price,
    })
    if (refusal) {
      ctx.event('ORDER_REFUSED', `Target ${target.index + 1} was not placed: ${refusal.reason}`, {
        severity: 'warning',
        symbol: deal.symbol,
        tradeSeq: deal.tradeSeq,
        details: refusal,
      })
    }
  }
}

/** Whether the order is what would be placed for the target, less what it has sold of it already. */
function isAsLarge(instrument: Instrument, order: Order, { quantity, price }: OpenTarget): boolean {
  if (instrument.maxQty === undefined) return remainingQuantity(order).equals(quantity)
  return order.quantity.equals(cutToMax(instrument, quantity.plus(order.filledQuantity), price))
}

/** A virtual target sells its part at the market; the one that completes 100 is a full exit. */
export function sellTarget(ctx: DealContext, deal: Deal, index: number, price: Decimal): void {
  if (sellMustWait(deal, 'tp', ctx.atMs) || deal.troubles.dueTarget !== null) return
  const open = openTargets(ctx.setting, deal)
  const target = open.find(each => each.index === index)
  if (!target || deal.orders.some(order => order.purpose === 'tp' && order.rung === index + 1 && isLive(order))) return
  if (open.length === 1 && target.quantity.equals(deal.lot.quantity)) {
    beginExit(ctx, deal, 'take_profit', 'tp', price)
    return
  }
  const stop = ctx.setting.locksBalance ? liveOrders(deal, 'sl')[0] : undefined
  if (stop) {
    // The stop holds the coins: it makes way, and rests again for what the target leaves.
    deal.troubles = { ...deal.troubles, dueTarget: index }
    cancelOrder(ctx, deal, stop)
    return
  }
  placeTarget(ctx, deal, target, price)
}

/** The target that waited for the stop's coins, once they are free. */
function sellDueTarget(ctx: DealContext, deal: Deal): void {
  if (liveOrders(deal, 'sl').length > 0) return
  const target = openTargets(ctx.setting, deal).find(each => each.index === deal.troubles.dueTarget)
  deal.troubles = { ...deal.troubles, dueTarget: null }
  if (target) placeTarget(ctx, deal, target, ctx.readPair(deal.symbol).lastPrice ?? target.price)
}

function placeTarget(ctx: DealContext, deal: Deal, { index, quantity }: OpenTarget, price: Decimal): void {
  placeOrder(ctx, deal, {
    purpose: 'tp',
    side: 'sell',
    type: 'market',
    quantity: cutToMax(ctx.instrument(deal.symbol), quantity, price),
    rung: index + 1,
    isVirtual: true,
    referencePrice: price,
  })
}

/** The way a stop's firing is named: where the stop stood decides. */
export function stopReason(ctx: DealContext, deal: Deal): ExitReason {
  const stop = ctx.rules(deal).config.exits.stopLoss
  if (deal.breakEven) return 'break_even'
  return stop?.trailing ? 'trailing_stop' : 'stop_loss'
}

/** Decides to leave: everything of the deal is cancelled, then one order sells what is held. */
export function beginExit(ctx: DealContext, deal: Deal, reason: ExitReason, purpose: Purpose, price: Decimal): void {
  if (deal.status !== 'open' && deal.status !== 'pending') return
  deal.exitReason = reason
  deal.exitPurpose = purpose
  deal.status = 'closing'
  // What was refused so far were other orders: the first attempt to leave goes out at once.
  endSellWait(deal, purpose)
  cancelLiveOrders(ctx, deal)
  continueExit(ctx, deal, price)
}

/** Ends a deal without selling: what rests is cancelled first, and what is held then stays with the owner at its cost. */
export function beginRelease(ctx: DealContext, deal: Deal, price: Decimal): void {
  if (deal.status !== 'open' && deal.status !== 'pending') return
  deal.exitReason = 'manual'
  deal.handsOver = true
  deal.status = 'closing'
  cancelLiveOrders(ctx, deal)
  continueExit(ctx, deal, price)
}

/** Next step of a closing deal, once none of its orders is alive: sell what is held, or end. */
export function continueExit(ctx: DealContext, deal: Deal, price: Decimal): void {
  if (deal.status !== 'closing' || deal.orders.some(isLive)) return
  if (deal.handsOver) {
    endDeal(ctx, deal)
    return
  }
  const purpose = deal.exitPurpose ?? 'exit'
  if (sellMustWait(deal, purpose, ctx.atMs)) return
  const instrument = ctx.instrument(deal.symbol)
  joinDust(ctx, deal, instrument)
  const quantity = exitQuantity(ctx, deal, instrument, price)
  if (isSellable(instrument, quantity, price)) {
    const refusal = placeOrder(ctx, deal, {
      purpose,
      side: 'sell',
      type: 'market',
      quantity: cutToMax(instrument, quantity, price),
      referencePrice: price,
    })
    if (!refusal) return
    ctx.event('EXIT_REFUSED', `The exit of deal ${deal.tradeSeq} was not placed: ${refusal.reason}`, {
      severity: 'error',
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
      details: refusal,
    })
  }
  endDeal(ctx, deal)
}

/** All that is held; with profit in base only what returns cost and fees. */
function exitQuantity(ctx: DealContext, deal: Deal, instrument: Instrument, price: Decimal): Decimal {
  const all = deal.lot.quantity.toGrid(instrument.step, 'floor')
  if (ctx.rules(deal).config.profitCurrency !== 'base' || deal.exitReason === 'end_of_data') return all
  if (deal.exitReason === 'reconciliation') return all
  const cost = deal.lot.basis.plus(deal.lot.fees).minus(deal.lot.grossPnl)
  const netPrice = price.times(ONE.minus(instrument.takerBps.shifted(-4)))
  if (!netPrice.isPositive()) return all
  // A former order of this exit has returned the cost already: the rest is the profit.
  if (!cost.isPositive()) return ZERO
  const needed = cost.dividedBy(netPrice, 18, 'ceil').toGrid(instrument.step, 'ceil')
  return needed.lt(all) && isSellable(instrument, needed, price) ? needed : all
}

/** Dust of former deals joins an exit once it adds a step (execution.md 3.4). */
function joinDust(ctx: DealContext, deal: Deal, instrument: Instrument): void {
  const dust = ctx.state.dust[instrument.base]
  if (!dust || ctx.rules(deal).config.profitCurrency === 'base') return
  const total = deal.lot.quantity.plus(dust.quantity).toGrid(instrument.step, 'floor')
  const join = total.minus(deal.lot.quantity)
  if (!join.isPositive() || total.lte(deal.lot.quantity.toGrid(instrument.step, 'floor'))) return
  drawDust(ctx, deal, join)
}

/** Ends a deal that holds nothing it could sell: a rest goes to dust at its basis, what is locked becomes free. */
export function endDeal(ctx: DealContext, deal: Deal): void {
  const instrument = ctx.instrument(deal.symbol)
  if (deal.lot.quantity.isPositive()) {
    const rest = releaseRest(deal.lot)
    moveToDust(ctx.transfers, `dust:${deal.tradeSeq}:${ctx.state.postings++}`, instrument.base, rest.quantity, deal.tradeSeq)
    const dust = ctx.state.dust[instrument.base] ?? { quantity: ZERO, basis: ZERO }
    ctx.state.dust = {
      ...ctx.state.dust,
      [instrument.base]: { quantity: dust.quantity.plus(rest.quantity), basis: dust.basis.plus(rest.basis) },
    }
    deal.lot = rest.lot
    const held = `${rest.quantity} ${instrument.base}`
    ctx.event(
      deal.handsOver ? 'COINS_RELEASED' : 'DUST',
      deal.handsOver ? `${held} are released: they stay yours at their cost` : `${held} are ${restReason(ctx, deal)}`,
      { symbol: deal.symbol, tradeSeq: deal.tradeSeq },
    )
  }
  releaseLock(ctx, deal)
  const traded = deal.lot.boughtQuantity.isPositive() || deal.lot.soldQuantity.isPositive()
  deal.status = traded ? (deal.handsOver ? 'released' : 'closed') : 'cancelled'
  deal.closedAtMs = ctx.atMs
  if (!traded) {
    ctx.event('DEAL_CANCELLED', `Deal ${deal.tradeSeq} ended before anything was bought`, {
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
    })
    return
  }
  closeBooks(ctx, deal)
}

function restReason(ctx: DealContext, deal: Deal): string {
  return ctx.rules(deal).config.profitCurrency === 'base' && deal.lot.soldQuantity.isPositive()
    ? 'the profit, kept in coins'
    : 'too small to sell and stay as dust'
}

export function releaseLock(ctx: DealContext, deal: Deal): void {
  if (!deal.lock.isPositive()) return
  release(ctx.transfers, `release:${deal.tradeSeq}:${ctx.state.postings++}`, ctx.state.quote, deal.lock, deal.tradeSeq)
  ctx.commands.push({ kind: 'release', tradeSeq: deal.tradeSeq, amount: deal.lock })
  ctx.state.reserved = ctx.state.reserved.minus(deal.lock)
  ctx.state.free = ctx.state.free.plus(deal.lock)
  deal.lock = ZERO
}

function closeBooks(ctx: DealContext, deal: Deal): void {
  const { config } = ctx.rules(deal)
  const net = netPnl(deal.lot)
  const { state } = ctx
  const former = deal.troubles.countedNet
  if (former === null) {
    state.closedTrades += 1
    state.realizedPnl = state.realizedPnl.plus(net)
    addToDay(state, ctx.atMs, net)
  } else {
    // Its first life is counted already: what came late makes the difference.
    state.realizedPnl = state.realizedPnl.plus(net).minus(former)
    addToDay(state, ctx.atMs, net.minus(former))
    if (former.isPositive()) state.gains = state.gains.minus(former)
    else state.losses = state.losses.plus(former)
  }
  if (net.isPositive()) state.gains = state.gains.plus(net)
  else state.losses = state.losses.minus(net)
  const pair = ctx.pair(deal.symbol)
  pair.lastClosedAtMs = ctx.atMs
  if (deal.exitReason === 'restart') {
    pair.restart = config.exits.takeProfitAndRestart?.waitForSignal === false
    if (config.exits.takeProfitAndRestart?.capital === 'compounded') {
      pair.factor = pair.factor.times(ONE.plus(net.dividedBy(deal.requiredCapital, 18, 'half_even'))).round(18, 'half_even')
    }
  }
  ctx.commands.push({ kind: 'close_trade', tradeSeq: deal.tradeSeq, reason: deal.exitReason ?? 'manual' })
  ctx.event('DEAL_CLOSED', () => `Deal ${deal.tradeSeq} on ${deal.symbol} closed (${deal.exitReason}): ${net} ${state.quote}`, {
    category: 'profit',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
    details: { exitReason: deal.exitReason, netPnl: net },
  })
  applyStopAction(ctx, deal)
}

function addToDay(state: DcaState, atMs: number, net: Decimal): void {
  const startMs = Math.floor(atMs / 86_400_000) * 86_400_000
  state.day = state.day.startMs === startMs ? { startMs, net: state.day.net.plus(net) } : { startMs, net }
}

function applyStopAction(ctx: DealContext, deal: Deal): void {
  const reason = deal.exitReason
  if (reason !== 'stop_loss' && reason !== 'trailing_stop' && reason !== 'break_even') return
  const action = ctx.rules(deal).config.exits.stopLoss?.action
  if (action === 'close_and_pause' && !ctx.state.pausedBy.includes('protection')) {
    ctx.state.pausedBy = [...ctx.state.pausedBy, 'protection']
    ctx.event('BOT_PAUSED', 'The stop loss fired: the bot is paused until it is resumed', {
      category: 'risk',
      severity: 'warning',
    })
  } else if (action === 'close_and_stop') {
    ctx.state.status = 'stopping'
    ctx.event('BOT_STOPPING', 'The stop loss fired: the bot stops once it holds nothing', {
      category: 'risk',
      severity: 'warning',
    })
  } else {
    return
  }
  // The other deals take no new exposure from this instant on.
  enforcePauses(ctx)
}

/**
 * A sale by a target: the first one fixes what percentages are of; a target has fired once its order has filled whole, or the last of
 * them where the venue takes it only in parts.
 */
export function noteTargetFill(setting: DcaSetting, deal: Deal, order: Order, sold: Decimal, heldBefore: Decimal): void {
  deal.targetBase ??= heldBefore
  if (order.rung === null) return
  const index = order.rung - 1
  const rest = { ...deal.targetSold }
  if (!remainingQuantity(order).isPositive() && !leavesPart(setting, deal, index, sold)) {
    // A lower target without an order of its own was too small to sell: its part has gone with this one.
    const fired = new Set(deal.firedTargets)
    // One that the venue has refused is still to come.
    const waitsForVenue = deal.troubles.sells.tp !== undefined
    for (let i = 0; i <= index; i += 1) {
      if (i < index && (waitsForVenue || liveOrders(deal, 'tp').some(each => each.rung === i + 1))) continue
      fired.add(i)
      delete rest[i]
    }
    deal.firedTargets = [...fired].sort((a, b) => a - b)
  } else {
    rest[index] = (rest[index] ?? ZERO).plus(sold)
  }
  deal.targetSold = rest
}

/** Whether the order that has just sold this was only a part of its target, because the venue takes no larger one. */
function leavesPart(setting: DcaSetting, deal: Deal, index: number, sold: Decimal): boolean {
  if (setting.instruments.get(deal.symbol)!.maxQty === undefined) return false
  const targetSold = { ...deal.targetSold, [index]: (deal.targetSold[index] ?? ZERO).plus(sold) }
  return openTargets(setting, { ...deal, targetSold }).some(target => target.index === index)
}

/** After averaging between targets the percentages are of what would be held had none fired. */
export function rebaseTargets(ctx: DealContext, deal: Deal): void {
  if (deal.targetBase === null) return
  const targets = ctx.rules(deal).config.exits.takeProfit?.targets ?? []
  let fired = ZERO
  for (const index of deal.firedTargets) fired = fired.plus(Decimal.from(targets[index]?.sellPct ?? '0'))
  deal.targetBase = targetBase(heldWithParts(deal), fired)
}
