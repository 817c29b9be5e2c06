// What a venue tells after the fact (execution.md 2.1): fills of orders that had ended, orders that come back to life, orders of ours
// that no record knew, for deals that are alive and for deals that are long gone. All of it is booked. A deal that is gone lives again
// under its number only to leave: what comes in is sold, what comes back is cancelled.

import { ONE, ZERO } from '../../core/money/decimal.ts'
import type { Order } from '../../core/orders/order.ts'
import { type Fill, isLive, orderKeyText } from '../../core/orders/order.ts'
import type { OrderEvent } from '../../core/orders/transitions.ts'
import { netPnl } from '../../core/positions/lot.ts'
import type { OrderImage } from '../machine.ts'
import { averagingClosed } from './averaging.ts'
import { type DcaState, type Deal, NO_TROUBLES, newDeal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { cancelOrder, countPast, findOrder, liveOrders, moveOrder, UNWANTED } from './orders.ts'
import { isHeld } from './pauses.ts'
import { stopRests, targetsRest } from './protection.ts'

/** Behind every number that a deal can have counted to: seconds since then. */
const COUNTERS_SINCE_MS = Date.UTC(2020, 0, 1)

/**
 * The deal of an order whose deal has ended, alive again and closing. Of the last REMEMBERED_DEALS its first life is known, so that its
 * row goes on to tell the whole truth; of an older one only the second life is, and the row shows that alone.
 */
export function reopenDeal(ctx: DealContext, record: OrderImage): Deal {
  const { state } = ctx
  const { order } = record
  const ended = state.endedDeals.find(each => each.tradeSeq === order.tradeSeq)
  const isForgotten = !ended && order.tradeSeq < state.nextTradeSeq
  const deal = newDeal({
    tradeSeq: order.tradeSeq,
    botTradeSeq: record.botTradeSeq,
    symbol: order.symbol,
    configVersion: ctx.setting.knows(record.configVersion) ? record.configVersion : state.configVersion,
    entryLogicName: 'immediate',
    createdAtMs: order.intendedAtMs,
    factor: ONE,
    freeAtStart: state.free,
    requiredCapital: ZERO,
  })
  deal.status = 'closing'
  deal.baseOrderEnded = true
  deal.exitPurpose = 'exit'
  deal.exitReason = ended?.exitReason ?? 'reconciliation'
  deal.troubles = { ...NO_TROUBLES, isReopened: true, countedNet: isForgotten ? ZERO : null }
  if (ended) {
    const { status, fillIds, configVersion: _, ...first } = ended
    Object.assign(deal, first)
    deal.handsOver = status === 'released'
    const wasCounted = status === 'closed' || status === 'released'
    deal.troubles = { ...deal.troubles, fillIds, countedNet: wasCounted ? netPnl(first.lot) : null }
    state.endedDeals = state.endedDeals.filter(each => each !== ended)
  } else if (isForgotten) {
    deal.openedAtMs = order.intendedAtMs
    const from = Math.floor((ctx.atMs - COUNTERS_SINCE_MS) / 1000)
    deal.sequences = { exit: from, close: from, panic: from }
  }
  countPast(deal, order)
  state.nextTradeSeq = Math.max(state.nextTradeSeq, deal.tradeSeq + 1)
  state.nextBotTradeSeq = Math.max(state.nextBotTradeSeq, deal.botTradeSeq + 1)
  wakeRun(state)
  ctx.addDeal(deal)
  ctx.event(
    'DEAL_REOPENED',
    isForgotten
      ? `Deal ${deal.tradeSeq} on ${deal.symbol} ended too long ago to be remembered and lives again: its row shows what follows alone`
      : `Deal ${deal.tradeSeq} on ${deal.symbol} has ended, but the venue tells more of it: it lives again until it is flat`,
    {
      category: 'risk',
      severity: isForgotten ? 'critical' : 'error',
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
      details: { order: orderKeyText(order) },
    },
  )
  return deal
}

/** A run that has ended must see this deal out. */
function wakeRun(state: DcaState): void {
  if (!state.ended) return
  state.ended = null
  state.status = 'stopping'
}

export function tellLateFill(ctx: DealContext, deal: Deal, fill: Fill, isAlive: boolean): void {
  ctx.event(
    'LATE_FILL',
    `Order ${orderKeyText(fill)} had ended and filled ${fill.quantity} @ ${fill.price} all the same${isAlive ? '' : ', after its deal'}`,
    {
      category: 'risk',
      severity: isAlive ? 'warning' : 'error',
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
      details: { fillId: fill.fillId },
    },
  )
}

/** Word about an order that its deal does not keep: its row follows; where it lives again, its deal takes it back, or is opened for it. */
export function followEnded(
  ctx: DealContext,
  record: OrderImage,
  event: OrderEvent,
  reason: string | null,
  acknowledged?: boolean,
): void {
  const { order } = record
  const next = moveOrder(ctx, order, event, reason, acknowledged)
  if (!next) return
  if (isLive(next)) revive(ctx, ctx.deal(order.tradeSeq) ?? reopenDeal(ctx, record), order, next)
  else ctx.orders.push(next)
}

/** A late fill is booked: what it makes of an order that its deal does not keep. */
export function moveFilled(ctx: DealContext, deal: Deal, order: Order, event: 'part_filled' | 'filled'): void {
  const next = moveOrder(ctx, order, event, null) ?? order
  if (isLive(next)) revive(ctx, deal, order, next)
  else ctx.orders.push(next.closedAtMs === null ? { ...next, closedAtMs: ctx.atMs } : next)
}

function revive(ctx: DealContext, deal: Deal, before: Order, order: Order): void {
  ctx.event('ORDER_REVIVED', `Order ${orderKeyText(order)} had ended (${before.status}) and works at the venue again`, {
    category: 'risk',
    severity: 'error',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
  })
  takeIn(ctx, deal, { ...order, closedAtMs: null, cancelState: 'none' })
}

/** An order of ours that the venue has and no record knows: it joins its deal. */
export function adoptOrphan(ctx: DealContext, record: OrderImage): void {
  const { order } = record
  const alive = ctx.deal(order.tradeSeq)
  if (alive && findOrder(alive, order)) return
  if (!isLive(order)) {
    ctx.orders.push(order)
    if (alive) countPast(alive, order)
    return
  }
  const deal = alive ?? reopenDeal(ctx, record)
  ctx.event('ORPHAN_ADOPTED', `Order ${orderKeyText(order)} is ours and was known to nobody here: it joins its deal`, {
    category: 'risk',
    severity: 'error',
    symbol: deal.symbol,
    tradeSeq: deal.tradeSeq,
  })
  takeIn(ctx, deal, order)
}

/** A late order whose rung another one has taken meanwhile stands beside the ladder: a rung is of one order. */
export function spareRung(deal: Deal, order: Order): Order {
  if (order.purpose !== 'avg' || order.rung === null || order.filledQuantity.isPositive()) return order
  const works = liveOrders(deal, 'avg').some(each => each.rung === order.rung && each.sequence !== order.sequence)
  const isUsed = deal.usedRungs.includes(order.rung) && order.status !== 'rejected'
  return works || isUsed ? { ...order, rung: null } : order
}

/** The deal keeps the order from here on, or has it cancelled. */
function takeIn(ctx: DealContext, deal: Deal, order: Order): void {
  countPast(deal, order)
  const wanted = isWanted(ctx, deal, order)
  const taken: Order = wanted ? order : { ...spareRung(deal, order), reason: UNWANTED }
  deal.orders = [...deal.orders, taken]
  ctx.orders.push(taken)
  if (!wanted) cancelOrder(ctx, deal, taken)
}

/** Whether the deal would make this order now, had it not been made. */
function isWanted(ctx: DealContext, deal: Deal, order: Order): boolean {
  const { exits, averaging } = ctx.rules(deal).config
  const alike = liveOrders(deal, order.purpose).filter(each => each.rung === order.rung)
  if (deal.status === 'closing') return order.side === 'sell' && order.type === 'market' && !liveOrders(deal).some(isSell)
  if (deal.status !== 'open') return false
  // A person gave it to this deal.
  if (order.purpose === 'adopt') return order.side === 'sell' || !isHeld(ctx, deal.symbol)
  switch (order.purpose) {
    case 'avg':
      return (
        order.type === 'limit' &&
        order.rung !== null &&
        alike.length === 0 &&
        !deal.usedRungs.includes(order.rung) &&
        averaging?.placement === 'resting' &&
        averagingClosed(ctx.setting, ctx.state, deal) === null
      )
    case 'tp':
      return order.type === 'limit' && order.rung !== null && alike.length === 0 && targetsRest(ctx.setting, exits)
    case 'sl':
      // One in doubt protects nothing: a stop that is known to rest is worth more.
      return order.type === 'stop' && alike.every(each => each.status === 'unknown') && stopRests(ctx.setting, exits)
    default:
      return false
  }
}

function isSell(order: Order): boolean {
  return order.side === 'sell'
}
