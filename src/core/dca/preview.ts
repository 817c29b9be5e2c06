// The safety-order preview (dca-bot.md 9): what a deal that starts at a price would order, row by row, and the capital it needs. The
// same rows size the lock of a real deal, so what is shown is what is reserved. Rules that depend on fills assume fills at their
// triggers.

import type { Instrument } from '../market/instrument.ts'
import { Decimal, HUNDRED, ONE, ZERO } from '../money/decimal.ts'
import { applyFill, averagePrice, EMPTY_LOT, type Lot } from '../positions/lot.ts'
import type { DcaConfig } from './config.ts'
import { type ExitContext, stopPrice, targetPrice } from './exit-prices.ts'
import { planRungs, type Rung, rungPrice, rungQuote } from './ladder.ts'

export type PreviewFlag =
  | 'below_min_notional'
  | 'below_min_quantity'
  | 'beyond_stop'
  | 'over_max_investment'
  | 'price_not_positive'

export interface PreviewRow {
  /** 0 is the base order. */
  readonly rung: number
  /** Percent points below the base price. */
  readonly deviationPct: Decimal
  readonly price: Decimal
  readonly base: Decimal
  readonly quote: Decimal
  readonly cumBase: Decimal
  readonly cumQuote: Decimal
  readonly average: Decimal
  /** First full target, null without one. */
  readonly tpPrice: Decimal | null
  /** How far the price must rise from this rung to the target, percent points. */
  readonly requiredChangePct: Decimal | null
  readonly stopPrice: Decimal | null
  readonly placement: 'exchange' | 'virtual'
  readonly flags: readonly PreviewFlag[]
}

export interface Preview {
  readonly rows: readonly PreviewRow[]
  /** Sum of price x quantity x (1 + taker fee) over all rows. */
  readonly requiredCapital: Decimal
  /** What a deal locks: required capital and the reserve buffer. */
  readonly lock: Decimal
  readonly maxDeviationPct: Decimal
  /** Of the balance for all deals the bot may hold at once; null without a balance. */
  readonly balancePct: Decimal | null
  /** Quote lost when the stop fires after the last rung, fees included; null without a stop. */
  readonly lossAtStop: Decimal | null
}

export interface PreviewInput {
  readonly config: DcaConfig
  readonly instrument: Instrument
  /** Price at which the base order is assumed to fill. */
  readonly price: Decimal
  /** Free quote of the bot: what balance percentages are of. */
  readonly balance: Decimal | null
  /** Scales the amounts: reinvestment and compounding. */
  readonly factor?: Decimal
  /** `planRungs` of the config, where it is at hand. */
  readonly rungs?: readonly Rung[]
  /** Sizes, minimums and capital only: targets, stops and averages are left out. What starting a deal asks, at every close that may. */
  readonly sizesOnly?: boolean
}

const PERCENT_PLACES = 18

export function feeRate(instrument: Instrument): Decimal {
  return instrument.takerBps.shifted(-4)
}

/** Quantity of the base order at a price, on the step. */
export function baseQuantity(
  config: DcaConfig,
  instrument: Instrument,
  price: Decimal,
  freeQuote: Decimal,
  factor: Decimal,
): Decimal {
  const size = Decimal.from(config.baseOrder.size).times(factor)
  if (config.baseOrder.sizeType === 'base') return size.toGrid(instrument.step, 'floor')
  const quote = config.baseOrder.sizeType === 'quote' ? size : freeQuote.times(size).percent()
  return quote.dividedBy(price, PERCENT_PLACES, 'down').toGrid(instrument.step, 'floor')
}

/** Quantity of an averaging order at its price, on the step. */
export function rungQuantity(quote: Decimal, price: Decimal, instrument: Instrument): Decimal {
  return price.isPositive() ? quote.dividedBy(price, PERCENT_PLACES, 'down').toGrid(instrument.step, 'floor') : ZERO
}

export function exitContext(
  lot: Lot,
  deal: { baseCost: Decimal; basePrice: Decimal; lastEntryPrice: Decimal },
  instrument: Instrument,
  netProfit: boolean,
): ExitContext {
  const fee = feeRate(instrument)
  return {
    averagePrice: averagePrice(lot) ?? deal.basePrice,
    quantity: lot.quantity,
    baseCost: deal.baseCost,
    basePrice: deal.basePrice,
    lastEntryPrice: deal.lastEntryPrice,
    feeIn: fee,
    feeOut: fee,
    netProfit,
  }
}

/** The target that a preview shows: the first one, or the restart target where no targets are set. */
function shownTarget(config: DcaConfig): { from: 'average' | 'base_order'; pct: Decimal } | null {
  const target = config.exits.takeProfit?.targets[0]
  if (config.exits.takeProfit && target) return { from: config.exits.takeProfit.from, pct: Decimal.from(target.profitPct) }
  if (config.exits.takeProfitAndRestart)
    return { from: 'average', pct: Decimal.from(config.exits.takeProfitAndRestart.targetPct) }
  return null
}

export function previewLadder(input: PreviewInput): Preview {
  const { config, instrument, price } = input
  const factor = input.factor ?? ONE
  const free = input.balance ?? ZERO
  const fee = feeRate(instrument)
  const netProfit = config.exits.profitBasis === 'net'
  const averaging = config.averaging
  const target = input.sizesOnly ? null : shownTarget(config)
  const stop = input.sizesOnly ? null : config.exits.stopLoss
  const dynamic = averaging !== null && averaging.rule.type !== 'ladder' && averaging.rule.type !== 'levels'
  const rows: PreviewRow[] = []
  let lot = EMPTY_LOT
  let required = ZERO
  let baseCost = ZERO
  let lowestStop: Decimal | null = null

  const addRow = (rung: number, deviationPct: Decimal, at: Decimal, quantity: Decimal, virtual: boolean): void => {
    const quote = at.times(quantity)
    lot = applyFill(lot, { side: 'buy', price: at, quantity, feeValueQuote: ZERO, feeBaseQuantity: ZERO })
    if (rung === 0) baseCost = quote
    required = required.plus(quote.times(ONE.plus(fee)))
    const context = input.sizesOnly
      ? null
      : exitContext(lot, { baseCost, basePrice: price, lastEntryPrice: at }, instrument, netProfit)
    const tp =
      context && target && lot.quantity.isPositive() ? targetPrice(target.from, target.pct, context, instrument.tick) : null
    const stopAt =
      context && stop && lot.quantity.isPositive() ? stopPrice(stop, instrument.symbol, context, instrument.tick) : null
    const flags: PreviewFlag[] = []
    if (!at.isPositive()) flags.push('price_not_positive')
    if (quote.lt(instrument.minNotional)) flags.push('below_min_notional')
    if (quantity.lt(instrument.minQty) || quantity.isZero()) flags.push('below_min_quantity')
    if (lowestStop && at.lte(lowestStop)) flags.push('beyond_stop')
    if (averaging?.maxInvestmentPerDeal && required.gt(Decimal.from(averaging.maxInvestmentPerDeal))) {
      flags.push('over_max_investment')
    }
    rows.push({
      rung,
      deviationPct,
      price: at,
      base: quantity,
      quote,
      cumBase: lot.quantity,
      cumQuote: lot.basis,
      average: input.sizesOnly ? at : (averagePrice(lot) ?? at),
      tpPrice: tp,
      requiredChangePct: tp && at.isPositive() ? tp.minus(at).times(HUNDRED).dividedBy(at, PERCENT_PLACES, 'half_even') : null,
      stopPrice: stopAt,
      placement: virtual ? 'virtual' : 'exchange',
      flags,
    })
    lowestStop = stopAt
  }

  addRow(0, ZERO, price, baseQuantity(config, instrument, price, free, factor), false)
  let lastEntry = price
  for (const rung of averaging ? (input.rungs ?? planRungs(averaging)) : []) {
    if (!averaging || lot.quantity.isZero()) break
    const at = assumedPrice(config, rung, lot, price, lastEntry, instrument, netProfit, dynamic)
    const quote = rungQuote(rung, averaging.amount.type, baseCost, free, factor)
    const deviation = rung.deviationPct ?? price.minus(at).times(HUNDRED).dividedBy(price, PERCENT_PLACES, 'half_even')
    addRow(rung.k, deviation, at, rungQuantity(quote, at, instrument), averaging.placement === 'virtual')
    lastEntry = at
  }

  const last = rows[rows.length - 1]!
  const buffer = ONE.plus(Decimal.from(config.reserveBufferPct).percent())
  return {
    rows,
    requiredCapital: required,
    lock: required.times(buffer),
    maxDeviationPct: last.deviationPct,
    balancePct:
      input.balance?.isPositive() === true
        ? required.times(Decimal.from(config.maxActiveDeals)).times(HUNDRED).dividedBy(input.balance, PERCENT_PLACES, 'half_even')
        : null,
    lossAtStop: last.stopPrice ? required.minus(last.stopPrice.times(last.cumBase).times(ONE.minus(fee))) : null,
  }
}

function assumedPrice(
  config: DcaConfig,
  rung: Rung,
  lot: Lot,
  basePrice: Decimal,
  lastEntryPrice: Decimal,
  instrument: Instrument,
  netProfit: boolean,
  needsAverage: boolean,
): Decimal {
  const fee = feeRate(instrument)
  const context = {
    basePrice,
    lastEntryPrice,
    averagePrice: needsAverage ? (averagePrice(lot) ?? basePrice) : basePrice,
    quantity: lot.quantity,
    feeIn: fee,
    feeOut: fee,
    netProfit,
  }
  return rungPrice(config.averaging!, rung, context, instrument.tick) ?? lastEntryPrice
}
