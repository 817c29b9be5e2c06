// Prices at which a long deal leaves: targets, stop, break-even, and how much each target sells (dca-bot.md 6). Exits round up to
// the tick; a stop's trigger rounds toward the market, which for a sell stop is up as well.

import { Decimal, HUNDRED, maxDecimal, minDecimal, ONE } from '../money/decimal.ts'
import type { StopLoss, TakeProfit } from './config.ts'
import { profitPrice } from './ladder.ts'

const PLACES = 18

export interface ExitContext {
  readonly averagePrice: Decimal
  readonly quantity: Decimal
  /** What the base order cost, fees excluded. */
  readonly baseCost: Decimal
  readonly basePrice: Decimal
  readonly lastEntryPrice: Decimal
  readonly feeIn: Decimal
  readonly feeOut: Decimal
  readonly netProfit: boolean
}

/** Target price, not yet on the tick. From base_order the profit is measured in percent of the base order's cost. */
export function targetPriceExact(from: TakeProfit['from'], targetPct: Decimal, at: ExitContext): Decimal {
  if (from === 'average') return profitPrice(at, targetPct)
  const gain = at.baseCost.times(targetPct).percent().dividedBy(at.quantity, PLACES, 'ceil')
  if (!at.netProfit) return at.averagePrice.plus(gain)
  return at.averagePrice.times(ONE.plus(at.feeIn)).plus(gain).dividedBy(ONE.minus(at.feeOut), PLACES, 'ceil')
}

export function targetPrice(from: TakeProfit['from'], targetPct: Decimal, at: ExitContext, tick: Decimal): Decimal {
  return targetPriceExact(from, targetPct, at).toGrid(tick, 'ceil')
}

/** breakEven = average x (1 + feeIn) / (1 - feeOut), not on the tick. */
export function breakEvenPrice(at: { averagePrice: Decimal; feeIn: Decimal; feeOut: Decimal }): Decimal {
  return at.averagePrice.times(ONE.plus(at.feeIn)).dividedBy(ONE.minus(at.feeOut), PLACES, 'half_even')
}

/** The stop's trigger without trailing or break-even, on the tick; null where this pair has no price. */
export function stopPrice(stop: StopLoss, symbol: string, at: ExitContext, tick: Decimal): Decimal | null {
  if (stop.type === 'price') {
    const text = stop.prices ? stop.prices[symbol] : stop.value
    return text === undefined || text === null ? null : Decimal.from(text).toGrid(tick, 'ceil')
  }
  const value = Decimal.from(stop.value ?? '0')
  if (stop.type === 'amount') {
    return at.averagePrice.minus(value.dividedBy(at.quantity, PLACES, 'half_even')).toGrid(tick, 'ceil')
  }
  const from = stop.basis === 'average' ? at.averagePrice : stop.basis === 'base_order' ? at.basePrice : at.lastEntryPrice
  return from.times(HUNDRED.minus(value)).percent().toGrid(tick, 'ceil')
}

/** A trailing stop keeps its first distance in percent from the best price since the deal's first fill. */
export function trailingStopPrice(stop: StopLoss, bestPrice: Decimal, tick: Decimal): Decimal | null {
  if (stop.type !== 'pct') return null
  return bestPrice
    .times(HUNDRED.minus(Decimal.from(stop.value ?? '0')))
    .percent()
    .toGrid(tick, 'ceil')
}

/** Sell stop of an armed trailing take profit: peak less the distance, toward the market. */
export function trailPrice(peak: Decimal, distancePct: Decimal, tick: Decimal): Decimal {
  return peak.times(HUNDRED.minus(distancePct)).percent().toGrid(tick, 'ceil')
}

/**
 * Quantities of the targets that have not fired yet. `base` is the quantity that percentages apply to: what was held when the
 * first target fired, recomputed after later averaging. Each rounds down to the step; the target that completes 100 takes the rest.
 */
export function targetQuantities(
  sellPcts: readonly Decimal[],
  fired: ReadonlySet<number>,
  base: Decimal,
  held: Decimal,
  step: Decimal,
): (Decimal | null)[] {
  let left = held
  let total = Decimal.from(0)
  return sellPcts.map((pct, i) => {
    total = total.plus(pct)
    if (fired.has(i)) return null
    const wanted = total.gte(HUNDRED) ? left : base.times(pct).percent()
    const quantity = minDecimal(wanted, left).toGrid(step, 'floor')
    left = left.minus(quantity)
    return quantity
  })
}

/** Base quantity B after averaging between targets: held / (1 - fired share). */
export function targetBase(held: Decimal, firedPct: Decimal): Decimal {
  if (firedPct.gte(HUNDRED)) return held
  return held.times(HUNDRED).dividedBy(HUNDRED.minus(firedPct), PLACES, 'half_even')
}

/** Stops move only in the deal's favour. */
export function monotoneStop(former: Decimal | null, next: Decimal | null): Decimal | null {
  if (former === null) return next
  if (next === null) return former
  return maxDecimal(former, next)
}
