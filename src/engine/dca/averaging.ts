// Averaging: which order comes next, at what price and size, whether a limit forbids it, and the orders that rest on the book for it
// (dca-bot.md 5). Virtual rungs are watches instead; they become market orders when the price is there.

import type { Averaging } from '../../core/dca/config.ts'
import { profitPct, type RungContext, rungPrice, rungQuote } from '../../core/dca/ladder.ts'
import { rungQuantity } from '../../core/dca/preview.ts'
import { reserve } from '../../core/ledger/postings.ts'
import type { Instrument } from '../../core/market/instrument.ts'
import { nextBucketStart, timeframeMs } from '../../core/market/timeframe.ts'
import { Decimal, ONE } from '../../core/money/decimal.ts'
import { isLive } from '../../core/orders/order.ts'
import { unrealizedPnl } from '../../core/positions/lot.ts'
import type { DcaState, Deal } from './dca-state.ts'
import { type DcaSetting, type DealContext, dealExitContext, takerRate } from './deal-context.ts'
import { allTargetsFired } from './exits.ts'
import { pausesOf, uncertaintyOf } from './guards.ts'
import { cancelOrder, committedQuote, liveOrders, placeOrder } from './orders.ts'

export interface NextRung {
  readonly k: number
  /** null for the condition rule: it has no price. */
  readonly price: Decimal | null
  readonly quote: Decimal
}

function rungContext(setting: DcaSetting, deal: Deal): RungContext {
  return dealExitContext(setting, deal)
}

/** The averaging orders that may come next, in ascending order, at most `count`. */
export function nextRungs(setting: DcaSetting, deal: Deal, count: number): NextRung[] {
  const rules = setting.rules(deal.configVersion)
  const { averaging } = rules.config
  if (!averaging || !deal.baseOrderEnded || !deal.lot.quantity.isPositive()) return []
  const used = new Set(deal.usedRungs)
  for (const order of deal.orders) if (order.purpose === 'avg' && order.rung !== null && isLive(order)) used.add(order.rung)
  const instrument = setting.instruments.get(deal.symbol)!
  const context = rungContext(setting, deal)
  const next: NextRung[] = []
  for (const rung of rules.rungs) {
    if (next.length >= count) break
    if (used.has(rung.k)) continue
    const price = rungPrice(averaging, rung, context, instrument.tick)
    const quote = rungQuote(rung, averaging.amount.type, deal.baseCost, deal.freeAtStart, deal.factor)
    // Too large for what the deal may cost in all: skipped whole, a smaller one behind it may still fit.
    if (price && investmentExcess(setting, deal, averaging, price, rungQuantity(quote, price, instrument))) continue
    next.push({ k: rung.k, price, quote })
  }
  return next
}

/**
 * Until when the cooldown after the last entry lasts; bars count whole bars of the bot's timeframe after the fill's own. Where an order
 * waits for the former one, the instant of its fill is over first: one per instant.
 */
export function cooldownEndMs(setting: DcaSetting, deal: Deal): number {
  const { averaging, timeframe } = setting.rules(deal.configVersion).config
  if (!averaging || deal.lastEntryAtMs === null) return 0
  if (averaging.cooldown.n === 0) return averaging.waitForPrevious ? deal.lastEntryAtMs + 1 : 0
  if (averaging.cooldown.unit === 'minutes') return deal.lastEntryAtMs + averaging.cooldown.n * 60_000
  let end = nextBucketStart(timeframe, deal.lastEntryAtMs)
  if (timeframe !== '1M') return end + averaging.cooldown.n * timeframeMs(timeframe)
  for (let i = 0; i < averaging.cooldown.n; i += 1) end = nextBucketStart(timeframe, end)
  return end
}

/** Filled and working averaging orders of one deal, or of all. */
export function averagingOrders(deal: Deal): number {
  return (
    deal.averagingCount +
    deal.orders.filter(order => order.purpose === 'avg' && isLive(order) && order.filledQuantity.isZero()).length
  )
}

/** Why no averaging order may work now whatever its price; null when one may. */
export function averagingClosed(setting: DcaSetting, state: DcaState, deal: Deal): string | null {
  const { averaging } = setting.rules(deal.configVersion).config
  if (!averaging) return 'no averaging is configured'
  if (deal.status !== 'open' || !deal.baseOrderEnded) return 'the base order is still working'
  const pauses = pausesOf(state, deal.symbol)
  if (pauses.length > 0) return `paused by ${pauses.join(', ')}`
  if (state.status === 'stopping') return 'the bot is stopping'
  const uncertainty = uncertaintyOf(state, deal.symbol)
  if (uncertainty !== null) return uncertainty
  if (allTargetsFired(setting, deal)) return 'every target has sold its part'
  if (averagingOrders(deal) >= averaging.maxOrders) return `all ${averaging.maxOrders} averaging orders are used`
  return null
}

/** Gates that depend on the order itself, in the order of dca-bot.md 5.3; the first refusal, or null. */
function refusal(ctx: DealContext, deal: Deal, rung: NextRung, price: Decimal, quantity: Decimal): string | null {
  const { averaging } = ctx.rules(deal).config
  if (!averaging) return 'no averaging is configured'
  const ofAll = ctx.state.deals.reduce((sum, each) => sum + averagingOrders(each), 0)
  if (averagingOrders(deal) >= averaging.maxOrders) return `all ${averaging.maxOrders} averaging orders are used`
  if (ofAll >= averaging.maxOrdersAllDeals)
    return `${ofAll} averaging orders work in all deals, the limit is ${averaging.maxOrdersAllDeals}`
  if (averaging.stopOnLoss && lossReached(ctx, deal, averaging.stopOnLoss, price)) {
    return `the loss at ${price} has reached ${averaging.stopOnLoss.value}${averaging.stopOnLoss.type === 'pct' ? ' %' : ''}`
  }
  const total = investmentExcess(ctx.setting, deal, averaging, price, quantity)
  return total ? `order ${rung.k} would bring the investment to ${total}, the limit is ${averaging.maxInvestmentPerDeal}` : null
}

/** What the deal would have cost in all with this order, where that is more than it may; else null. */
function investmentExcess(
  setting: DcaSetting,
  deal: Deal,
  averaging: Averaging,
  price: Decimal,
  quantity: Decimal,
): Decimal | null {
  if (averaging.maxInvestmentPerDeal === null) return null
  const cost = price.times(quantity).times(ONE.plus(takerRate(setting, deal.symbol)))
  const total = deal.lot.boughtValue.plus(deal.lot.fees).plus(committedQuote(setting, deal)).plus(cost)
  return total.gt(Decimal.from(averaging.maxInvestmentPerDeal)) ? total : null
}

function lossReached(ctx: DealContext, deal: Deal, limit: { type: 'pct' | 'amount'; value: string }, price: Decimal): boolean {
  if (limit.type === 'amount') return unrealizedPnl(deal.lot, price).negated().gte(Decimal.from(limit.value))
  return profitPct(ctx.exitContext(deal), price).negated().gte(Decimal.from(limit.value))
}

/** With next_order a rung is funded when it goes out; with full_ladder the deal's lock holds it already. */
function fund(ctx: DealContext, deal: Deal, price: Decimal, quantity: Decimal): boolean {
  const { config } = ctx.rules(deal)
  const cost = price.times(quantity).times(ONE.plus(takerRate(ctx.setting, deal.symbol)))
  const atHand = deal.lock.minus(committedQuote(ctx.setting, deal))
  if (atHand.gte(cost)) return true
  // A ladder that was locked at the decided price can cost more at the price the base order got: the difference is free money.
  const buffer = config.reserve === 'full_ladder' ? ONE : ONE.plus(Decimal.from(config.reserveBufferPct).percent())
  const missing = cost.times(buffer).minus(atHand)
  if (ctx.state.free.lt(missing)) return false
  reserveFor(ctx, deal, missing)
  return true
}

export function reserveFor(ctx: DealContext, deal: Deal, amount: Decimal): void {
  reserve(ctx.transfers, `reserve:${deal.tradeSeq}:${ctx.state.postings++}`, ctx.state.quote, amount, deal.tradeSeq)
  ctx.commands.push({ kind: 'reserve', tradeSeq: deal.tradeSeq, amount })
  ctx.state.free = ctx.state.free.minus(amount)
  ctx.state.reserved = ctx.state.reserved.plus(amount)
  deal.lock = deal.lock.plus(amount)
}

/** Keeps the right rungs on the book: places what is missing, takes back what no longer fits. */
export function refreshAveraging(ctx: DealContext, deal: Deal): void {
  const { averaging } = ctx.rules(deal).config
  if (averaging?.placement !== 'resting' || averaging.orderType !== 'limit' || averaging.rule.type === 'condition') return
  const live = liveOrders(deal, 'avg')
  if (isUncertain(ctx, deal)) return
  if (averagingClosed(ctx.setting, ctx.state, deal) && !(deal.status === 'open' && live.length > 0 && isCountClosed(ctx, deal))) {
    for (const order of live) cancelOrder(ctx, deal, order)
    return
  }
  const dynamic = averaging.rule.type !== 'ladder' && averaging.rule.type !== 'levels'
  if (dynamic && live.length > 0) {
    replaceMovedRung(ctx, deal)
    return
  }
  if (live.some(order => order.cancelState !== 'none')) return
  if (averaging.waitForPrevious && live.length > 0) return
  const wanted = dynamic || averaging.waitForPrevious ? 1 : averaging.activeOrdersCount
  const instrument = ctx.instrument(deal.symbol)
  let waits: string | null = null
  for (const rung of nextRungs(ctx.setting, deal, wanted - live.length)) {
    if (!rung.price) break
    waits = placeRung(ctx, deal, rung, rung.price, instrument)
    if (waits !== null) break
  }
  // What forbids it is shared with other deals or depends on the price: it is looked at again at each close.
  if (waits !== null && !deal.averagingBlocked) {
    ctx.event('AVERAGING_WAITS', `The next averaging order on ${deal.symbol} waits: ${waits}`, {
      symbol: deal.symbol,
      tradeSeq: deal.tradeSeq,
    })
  }
  deal.averagingBlocked = waits !== null
}

/** Only the truth is waited for: what rests goes on resting, nothing joins it. */
function isUncertain(ctx: DealContext, deal: Deal): boolean {
  return (
    uncertaintyOf(ctx.state, deal.symbol) !== null &&
    deal.status === 'open' &&
    pausesOf(ctx.state, deal.symbol).length === 0 &&
    ctx.state.status !== 'stopping'
  )
}

/** Only the number of orders is used up: those that work may go on working. */
function isCountClosed(ctx: DealContext, deal: Deal): boolean {
  const { averaging } = ctx.rules(deal).config
  return (
    averaging !== null &&
    pausesOf(ctx.state, deal.symbol).length === 0 &&
    ctx.state.status !== 'stopping' &&
    averagingOrders(deal) >= averaging.maxOrders
  )
}

/** A dynamic rule's one order follows the lot: where its price has moved, it is replaced. */
function replaceMovedRung(ctx: DealContext, deal: Deal): void {
  const { averaging } = ctx.rules(deal).config
  const order = liveOrders(deal, 'avg')[0]
  if (!averaging || !order || order.cancelState !== 'none' || order.filledQuantity.isPositive()) return
  const rung = ctx.rules(deal).rungs.find(each => each.k === order.rung)
  const price = rung ? rungPrice(averaging, rung, rungContext(ctx.setting, deal), ctx.instrument(deal.symbol).tick) : null
  if (price && order.limitPrice && !price.equals(order.limitPrice)) cancelOrder(ctx, deal, order)
}

/** @returns why the rung does not rest, or null. */
function placeRung(ctx: DealContext, deal: Deal, rung: NextRung, price: Decimal, instrument: Instrument): string | null {
  const quantity = rungQuantity(rung.quote, price, instrument)
  const why =
    refusal(ctx, deal, rung, price, quantity) ??
    (fund(ctx, deal, price, quantity) ? null : `order ${rung.k} costs more than is reserved or free`)
  if (why) return why
  const refused = placeOrder(ctx, deal, {
    purpose: 'avg',
    side: 'buy',
    type: 'limit',
    quantity,
    limitPrice: price,
    rung: rung.k,
    referencePrice: price,
  })
  return refused ? refused.reason : null
}

export function isVirtualAveraging(setting: DcaSetting, deal: Deal): boolean {
  const { averaging } = setting.rules(deal.configVersion).config
  return (
    averaging !== null &&
    averaging.rule.type !== 'condition' &&
    (averaging.placement === 'virtual' || averaging.orderType === 'market')
  )
}

/** The virtual rung a deal is waiting for, where nothing but the price keeps it from firing. */
export function awaitedRung(setting: DcaSetting, state: DcaState, deal: Deal): NextRung | null {
  const { averaging } = setting.rules(deal.configVersion).config
  if (!averaging || !isVirtualAveraging(setting, deal) || averagingClosed(setting, state, deal)) return null
  if (state.nowMs < cooldownEndMs(setting, deal)) return null
  if (averaging.requirePlaybook && !state.pairs[deal.symbol]?.requireTrue) return null
  if (liveOrders(deal, 'avg').length > 0) return null
  return nextRungs(setting, deal, 1)[0] ?? null
}

/** Sends one averaging order at the market. @returns why not, or null. */
export function fireRung(ctx: DealContext, deal: Deal, rung: NextRung, price: Decimal): string | null {
  const instrument = ctx.instrument(deal.symbol)
  const quantity = rungQuantity(rung.quote, rung.price ?? price, instrument)
  const why =
    refusal(ctx, deal, rung, price, quantity) ??
    (fund(ctx, deal, price, quantity) ? null : `order ${rung.k} costs more than is reserved or free`)
  if (why) {
    deal.averagingBlocked = true
    return why
  }
  const refused = placeOrder(ctx, deal, {
    purpose: 'avg',
    side: 'buy',
    type: 'market',
    quantity,
    rung: rung.k,
    isVirtual: true,
    referencePrice: price,
  })
  deal.averagingBlocked = refused !== null
  return refused ? refused.reason : null
}
