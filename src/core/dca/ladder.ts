// The safety-order ladder: when averaging order k fires and how large it is (dca-bot.md 5.1, decisions 5). Prices of a long deal's
// entries round down to the tick, quantities down to the step; nothing else is rounded but long products of the scales.

import { Decimal, HUNDRED, ONE, ZERO } from '../money/decimal.ts'
import type { Averaging } from './config.ts'

/** Places kept where a scale is raised to a power: far below any venue's grid. */
const SCALE_PLACES = 18

/** One averaging order as the rule fixes it beforehand. */
export interface Rung {
  /** Averaging order number, from 1. */
  readonly k: number
  /** Percent points below the base price; null for rules that depend on later fills. */
  readonly deviationPct: Decimal | null
  /** Amount in the unit of `amount.type`, growth included. */
  readonly amount: Decimal
}

function power(base: Decimal, exponent: number): Decimal {
  let result = ONE
  for (let i = 0; i < exponent; i += 1) result = result.times(base).round(SCALE_PLACES, 'half_even')
  return result
}

/** deviation_k = step x (1 + scale + .. + scale^(k-1)), for k = 1..n, in percent points. */
export function ladderDeviations(stepPct: Decimal, stepScale: Decimal, n: number): Decimal[] {
  const deviations: Decimal[] = []
  let deviation = ZERO
  let step = stepPct
  for (let k = 1; k <= n; k += 1) {
    deviation = deviation.plus(step)
    deviations.push(deviation)
    step = step.times(stepScale).round(SCALE_PLACES, 'half_even')
  }
  return deviations
}

/** The averaging orders of a deal in their order; levels carry their own amounts and know no volume scale. */
export function planRungs(averaging: Averaging): Rung[] {
  const rule = averaging.rule
  if (rule.type === 'levels') {
    return rule.levels
      .filter(level => level.enabled)
      .slice(0, averaging.maxOrders)
      .map((level, i) => ({ k: i + 1, deviationPct: Decimal.from(level.dropPct), amount: Decimal.from(level.amount) }))
  }
  const growth = Decimal.from(averaging.volumeScale)
  const first = Decimal.from(averaging.amount.value)
  const deviations =
    rule.type === 'ladder'
      ? ladderDeviations(Decimal.from(rule.stepPct), Decimal.from(rule.stepScale), averaging.maxOrders)
      : null
  return Array.from({ length: averaging.maxOrders }, (_, i) => ({
    k: i + 1,
    deviationPct: deviations ? deviations[i]! : null,
    amount: first.times(power(growth, i)).round(SCALE_PLACES, 'half_even'),
  }))
}

/** Quote to spend on a rung, before rounding to the grid. */
export function rungQuote(
  rung: Rung,
  type: Averaging['amount']['type'],
  baseCost: Decimal,
  freeAtStart: Decimal,
  factor: Decimal,
): Decimal {
  if (type === 'fixed') return rung.amount.times(factor)
  if (type === 'base_pct') return baseCost.times(rung.amount).percent()
  return freeAtStart.times(rung.amount).percent().times(factor)
}

/** What the dynamic rules look at. */
export interface RungContext {
  readonly basePrice: Decimal
  readonly lastEntryPrice: Decimal
  readonly averagePrice: Decimal
  readonly quantity: Decimal
  /** Fee rates as fractions, for profitBasis net. */
  readonly feeIn: Decimal
  readonly feeOut: Decimal
  readonly netProfit: boolean
}

/** Price at or below which rung k fires, on the tick; null for the condition rule, which knows no price. */
export function rungPrice(averaging: Averaging, rung: Rung, at: RungContext, tick: Decimal): Decimal | null {
  const rule = averaging.rule
  if (rung.deviationPct) return lower(at.basePrice, rung.deviationPct).toGrid(tick, 'floor')
  switch (rule.type) {
    case 'down_from_last':
      return lower(at.lastEntryPrice, Decimal.from(rule.value)).toGrid(tick, 'floor')
    case 'down_from_average':
      return lower(at.averagePrice, Decimal.from(rule.value)).toGrid(tick, 'floor')
    case 'loss_pct':
      return profitPrice(at, Decimal.from(rule.value).negated()).toGrid(tick, 'floor')
    case 'loss_amount':
      return at.averagePrice
        .minus(Decimal.from(rule.value).dividedBy(at.quantity, SCALE_PLACES, 'half_even'))
        .toGrid(tick, 'floor')
    default:
      return null
  }
}

function lower(price: Decimal, pct: Decimal): Decimal {
  return price.times(HUNDRED.minus(pct)).percent()
}

/** Price at which a long deal's profit is `profitPct`, gross or net of both fees (dca-bot.md, head). Not rounded to the tick. */
export function profitPrice(
  at: { averagePrice: Decimal; feeIn: Decimal; feeOut: Decimal; netProfit: boolean },
  profitPct: Decimal,
): Decimal {
  const gross = at.averagePrice.times(HUNDRED.plus(profitPct)).percent()
  if (!at.netProfit) return gross
  return gross.times(ONE.plus(at.feeIn)).dividedBy(ONE.minus(at.feeOut), SCALE_PLACES, 'ceil')
}

/** Profit of a long deal in percent points at a price, gross or net of both fees; 18 decimals. */
export function profitPct(
  at: { averagePrice: Decimal; feeIn: Decimal; feeOut: Decimal; netProfit: boolean },
  price: Decimal,
): Decimal {
  const value = at.netProfit ? price.times(ONE.minus(at.feeOut)) : price
  const cost = at.netProfit ? at.averagePrice.times(ONE.plus(at.feeIn)) : at.averagePrice
  return value.minus(cost).times(HUNDRED).dividedBy(cost, SCALE_PLACES, 'half_even')
}
