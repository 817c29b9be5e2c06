// Starting a deal: the gates in their fixed order, of which the first that refuses is the headline, and the base order
// (dca-bot.md 4). A signal is consumed only by the intent itself, so a blocked one may still open later.

import type { Reads } from '../../core/conditions/evaluate.ts'
import { baseQuantity, type Preview, previewLadder } from '../../core/dca/preview.ts'
import { Decimal, HUNDRED, maxDecimal, ONE, ZERO } from '../../core/money/decimal.ts'
import { reserveFor } from './averaging.ts'
import { type DcaState, type Deal, newDeal } from './dca-state.ts'
import type { DealContext } from './deal-context.ts'
import { endDeal } from './exits.ts'
import { pausesOf } from './guards.ts'
import { placeOrder } from './orders.ts'
import type { TurnoverNodes } from './playbooks.ts'

export interface GateResult {
  readonly gate: string
  readonly ok: boolean
  readonly detail: string
  /** Of a refusal that has one of its own. */
  readonly code?: string
}

const SMALLEST_FACTOR = Decimal.from('0.1')
const DAY_MS = 86_400_000

/** f: what gains and losses make of the amounts of new deals; never below a tenth. */
export function dealFactor(ctx: DealContext, symbol: string, requiredCapital: Decimal): Decimal {
  const { sizing, maxActiveDeals } = ctx.currentRules().config
  const compounded = ctx.readPair(symbol).factor
  const gains = ctx.state.gains.times(Decimal.from(sizing.reinvestPct)).percent()
  const losses = ctx.state.losses.times(Decimal.from(sizing.riskReductionPct)).percent()
  const change = gains.minus(losses)
  if (change.isZero() || requiredCapital.isZero()) return maxDecimal(compounded, SMALLEST_FACTOR)
  const sized = ONE.plus(change.dividedBy(requiredCapital.times(Decimal.from(maxActiveDeals)), 18, 'half_even'))
  return maxDecimal(compounded.times(sized).round(18, 'half_even'), SMALLEST_FACTOR)
}

/** Deals that have bought something, and those that are about to. */
export function dealsCounted(state: DcaState): number {
  return state.startedDeals + state.deals.filter(deal => deal.status === 'pending').length
}

/** Gates that do not look at the signal. Cheap ones first is not the point: the order is part of what users read. */
export function standingGates(ctx: DealContext, symbol: string, overridesRegime: boolean): GateResult[] {
  const { state } = ctx
  const { config } = ctx.currentRules()
  const gates: GateResult[] = []
  const gate = (name: string, ok: boolean, detail: string): void => {
    gates.push({ gate: name, ok, detail })
  }
  gate('run_active', state.status === 'running', `the run is ${state.status}`)
  if (ctx.setting.answersLate || mayHoldBack(state)) gates.push(...safetyGates(ctx, symbol))
  const pauses = pausesOf(state, symbol).filter(reason => !(overridesRegime && reason === 'regime'))
  gate('paused_by', pauses.length === 0, pauses.length === 0 ? 'not paused' : `paused by ${pauses.join(', ')}`)
  const pair = ctx.readPair(symbol)
  const inGap = pair.gapUntilMs !== null && state.nowMs <= pair.gapUntilMs
  gate(
    'fresh_data',
    !inGap,
    inGap ? 'data_gap: a candle is missing, one whole bar after it must close first' : 'candles are complete',
  )
  const limit = config.stopAfterDeals
  gate(
    'stop_after_deals',
    limit === null || dealsCounted(state) < limit,
    `${dealsCounted(state)} of ${limit ?? 'any number of'} deals started`,
  )
  const ofPair = state.deals.filter(deal => deal.symbol === symbol).length
  const free = state.deals.length < config.maxActiveDeals && ofPair < config.maxDealsPerPair
  gate(
    'slots',
    free,
    `${state.deals.length} of ${config.maxActiveDeals} deals, ${ofPair} of ${config.maxDealsPerPair} on ${symbol}`,
  )
  const readyMs = (pair.lastClosedAtMs ?? Number.NEGATIVE_INFINITY) + config.dealStart.cooldownSec * 1000
  gate('cooldown', state.nowMs >= readyMs, state.nowMs >= readyMs ? 'none' : `until ${new Date(readyMs).toISOString()}`)
  return gates
}

function mayHoldBack({ safety, openDifferences, inDoubt }: DcaState): boolean {
  return safety !== 'normal' || openDifferences > 0 || inDoubt.length > 0
}

/** What only a refusal shows, where the venue answers at once: there nothing can be in doubt. */
function safetyGates(ctx: DealContext, symbol: string): GateResult[] {
  const { safety, safetyReason, openDifferences, inDoubt } = ctx.state
  const gates: GateResult[] = []
  const gate = (name: string, code: string, ok: boolean, detail: string): void => {
    if (ok) {
      if (ctx.setting.answersLate) gates.push({ gate: name, ok, detail })
    } else gates.push({ gate: name, ok, detail, code })
  }
  gate('safety', 'SAFETY_STATE', safety === 'normal', safety === 'normal' ? 'normal' : `${safety}: ${safetyReason}`)
  gate(
    'account_unreconciled',
    'ACCOUNT_UNRECONCILED',
    openDifferences === 0,
    openDifferences === 0
      ? 'the account agrees with its venue'
      : `${openDifferences} differences from the venue are not explained`,
  )
  const doubted = inDoubt.includes(symbol)
  gate(
    'order_in_doubt',
    'ORDER_IN_DOUBT',
    !doubted,
    doubted ? 'an order of this pair is in doubt: nothing opens before the venue has told' : 'no order is in doubt',
  )
  return gates
}

/** Gates after signal and delay: filters, venue minimums of every order, the daily loss limit, funds. */
export function orderGates(ctx: DealContext, symbol: string, price: Decimal, preview: Preview, reads: Reads): GateResult[] {
  const { config } = ctx.currentRules()
  const gates: GateResult[] = []
  const gate = (name: string, ok: boolean, detail: string): void => {
    gates.push({ gate: name, ok, detail })
  }
  const band = config.dealStart.priceBand[symbol]
  const above = !band?.min || price.gte(Decimal.from(band.min))
  const below = !band?.max || price.lte(Decimal.from(band.max))
  gate('price_band', above && below, `price ${price}, allowed ${band?.min ?? 'any'} to ${band?.max ?? 'any'}`)
  if (config.dealStart.minQuoteVolume24h !== null) {
    const traded = quoteVolume24h(ctx.currentRules().playbooks.get(symbol)?.turnover ?? null, reads)
    const least = Number(config.dealStart.minQuoteVolume24h)
    gate(
      'quote_volume_24h',
      traded !== null && traded >= least,
      traded === null
        ? 'not known: 24 hours of candles with volume are needed'
        : `${Math.round(traded)} traded in 24 hours, at least ${least} are asked for`,
    )
  }
  if (config.risk.maxDailyLossPct !== null) {
    const today = Math.floor(ctx.atMs / DAY_MS) * DAY_MS
    const loss = ctx.state.day.startMs === today ? ctx.state.day.net.negated() : ZERO
    const most = ctx.state.initialBalance.times(Decimal.from(config.risk.maxDailyLossPct)).percent()
    gate('daily_loss', loss.lt(most), `lost ${loss} today, the limit is ${most}`)
  }
  const small = preview.rows.find(row => row.flags.includes('below_min_notional') || row.flags.includes('below_min_quantity'))
  gate(
    'minimums',
    !small,
    small ? `order ${small.rung} is worth ${small.quote}, below the venue's minimum` : "every order meets the venue's minimums",
  )
  if (config.risk.maxPositionQuote !== null) {
    const base = preview.rows[0]!
    const most = Decimal.from(config.risk.maxPositionQuote)
    gate('position_limit', base.quote.lte(most), `the base order costs ${base.quote}, a position may cost ${most}`)
  }
  const needed = lockFor(ctx, symbol, preview)
  gate('funds', ctx.state.free.gte(needed), `needs ${needed} ${ctx.state.quote}, free are ${ctx.state.free}`)
  return gates
}

/** Sum of close x volume over the bars of the last 24 hours; null where one of them is missing or knows no volume. */
function quoteVolume24h(nodes: TurnoverNodes | null, reads: Reads): number | null {
  if (!nodes) return null
  let sum = 0
  for (let i = 0; i < nodes.bars; i += 1) {
    const close = reads.value(nodes.close, i)
    const volume = reads.value(nodes.volume, i)
    if (close === undefined || volume === undefined || Number.isNaN(close * volume)) return null
    sum += close * volume
  }
  return sum
}

function lockFor(ctx: DealContext, symbol: string, preview: Preview): Decimal {
  const { config } = ctx.currentRules()
  if (config.reserve === 'full_ladder') return preview.lock
  const base = preview.rows[0]!
  const fee = ctx.instrument(symbol).takerBps.shifted(-4)
  return base.quote.times(ONE.plus(fee)).times(ONE.plus(Decimal.from(config.reserveBufferPct).percent()))
}

/** What the deal would order if it started now. */
export function dealPreview(
  ctx: DealContext,
  symbol: string,
  price: Decimal,
): { preview: Preview; factor: Decimal; entryPrice: Decimal } {
  const { config } = ctx.currentRules()
  const instrument = ctx.instrument(symbol)
  const entryPrice = entryPriceOf(ctx, symbol, price)
  const whole = previewLadder({
    config,
    instrument,
    price: entryPrice,
    balance: ctx.state.free,
    rungs: ctx.currentRules().rungs,
    sizesOnly: true,
  })
  const factor = dealFactor(ctx, symbol, whole.requiredCapital)
  const preview = factor.equals(ONE)
    ? whole
    : previewLadder({
        config,
        instrument,
        price: entryPrice,
        balance: ctx.state.free,
        factor,
        rungs: ctx.currentRules().rungs,
        sizesOnly: true,
      })
  return { preview, factor, entryPrice }
}

/** Last price for a market entry; the limit on the tick for a limit entry. */
function entryPriceOf(ctx: DealContext, symbol: string, price: Decimal): Decimal {
  const { limit, orderType } = ctx.currentRules().config.baseOrder
  const { tick } = ctx.instrument(symbol)
  if (orderType === 'market' || !limit) return price
  if (limit.mode === 'per_pair') return Decimal.from(limit.prices[symbol] ?? price.toString()).toGrid(tick, 'floor')
  return price
    .times(HUNDRED.plus(Decimal.from(limit.offsetPct)))
    .percent()
    .toGrid(tick, 'floor')
}

/** @returns why the base order was refused: the deal has failed then, and nothing is consumed; null when it is on its way. */
export function startDeal(
  ctx: DealContext,
  symbol: string,
  price: Decimal,
  prepared: { preview: Preview; factor: Decimal; entryPrice: Decimal },
  entryLogicName: Deal['entryLogicName'],
): string | null {
  const rules = ctx.currentRules()
  const { config } = rules
  const { state } = ctx
  const instrument = ctx.instrument(symbol)
  const deal = newDeal({
    tradeSeq: state.nextTradeSeq,
    botTradeSeq: state.nextBotTradeSeq,
    symbol,
    configVersion: rules.version,
    entryLogicName,
    createdAtMs: ctx.atMs,
    factor: prepared.factor,
    freeAtStart: state.free,
    requiredCapital: prepared.preview.requiredCapital,
  })
  state.nextTradeSeq += 1
  state.nextBotTradeSeq += 1
  ctx.addDeal(deal)
  ctx.commands.push({ kind: 'open_trade', tradeSeq: deal.tradeSeq })
  reserveFor(ctx, deal, lockFor(ctx, symbol, prepared.preview))
  const isLimit = config.baseOrder.orderType === 'limit'
  const refusal = placeOrder(ctx, deal, {
    purpose: 'base',
    side: 'buy',
    type: isLimit ? 'limit' : 'market',
    quantity: baseQuantity(config, instrument, prepared.entryPrice, deal.freeAtStart, prepared.factor),
    ...(isLimit ? { limitPrice: prepared.entryPrice, expiresAtMs: ctx.atMs + config.baseOrder.timeoutSec * 1000 } : {}),
    referencePrice: price,
  })
  if (refusal) {
    ctx.event('ORDER_REFUSED', `The base order on ${symbol} was not placed: ${refusal.reason}`, {
      severity: 'warning',
      symbol,
      tradeSeq: deal.tradeSeq,
      details: refusal,
    })
    deal.exitReason = 'venue'
    endDeal(ctx, deal)
    deal.status = 'failed'
    return refusal.reason
  }
  ctx.event(
    'DEAL_STARTED',
    () => `Deal ${deal.tradeSeq} on ${symbol} started near ${price}, ${deal.lock} ${state.quote} reserved`,
    {
      symbol,
      tradeSeq: deal.tradeSeq,
    },
  )
  return null
}
