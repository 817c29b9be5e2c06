// Arithmetic of linear perpetuals (execution.md 5.6): funding, isolated margin, liquidation. Pure; quantities are signed, short below 0.

import { type Decimal, ONE, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'

const MONEY_PLACES = 18
/** Places kept before a price is put on its tick in the same direction. */
const RATIO_PLACES = 36

/** What a position pays at a funding time; negative: it receives. A positive rate is paid by longs. */
export function fundingPayment(quantity: Decimal, mark: Decimal, rate: Decimal): Decimal {
  return quantity.times(mark).times(rate)
}

export interface FundingRate {
  readonly atMs: number
  readonly rate: Decimal
}

export interface FundingDue extends FundingRate {
  /** The history has no rate for this time: nothing is paid, and the result says so. */
  readonly isMissing: boolean
}

/**
 * The funding times after `fromMs` up to and with `toMs`, each with its rate.
 * @param history by time, ascending.
 * @param intervalMs between funding times, which lie on its multiples since the epoch.
 */
export function fundingDue(history: readonly FundingRate[], fromMs: number, toMs: number, intervalMs: number): FundingDue[] {
  const due: FundingDue[] = []
  const rates = new Map(history.map(({ atMs, rate }) => [atMs, rate]))
  for (let atMs = (Math.floor(fromMs / intervalMs) + 1) * intervalMs; atMs <= toMs; atMs += intervalMs) {
    const rate = rates.get(atMs)
    due.push({ atMs, rate: rate ?? ZERO, isMissing: rate === undefined })
  }
  return due
}

/** Maintenance margin by the position's value; the last tier has no upper end. */
export interface MarginTier {
  readonly upToNotional: Decimal | null
  readonly mmrPct: Decimal
}

/** @throws RangeError where no tier holds such a position. */
export function maintenanceRate(tiers: readonly MarginTier[], notional: Decimal): Decimal {
  const tier = tiers.find(({ upToNotional }) => upToNotional === null || notional.lte(upToNotional))
  if (!tier) throw new RangeError(`no maintenance tier holds a position of ${notional}: the last tier needs no upper end`)
  return tier.mmrPct.percent()
}

export interface PerpPosition {
  readonly quantity: Decimal
  /** Price x quantity of what is held, not negative. */
  readonly basis: Decimal
  readonly margin: Decimal
}

export const FLAT: PerpPosition = { quantity: ZERO, basis: ZERO, margin: ZERO }

export function entryPrice({ quantity, basis }: PerpPosition): Decimal | null {
  return quantity.isZero() ? null : basis.dividedBy(quantity.abs(), MONEY_PLACES, 'half_even')
}

/**
 * Mark at which an isolated position is closed by the venue: long (E - M/q) / (1 - mmr), short (E + M/q) / (1 + mmr), on the tick that
 * triggers earlier.
 * @param mmr share, such as 0.005.
 */
export function liquidationPrice({ quantity, basis, margin }: PerpPosition, mmr: Decimal, tick: Decimal): Decimal {
  const size = quantity.abs()
  if (quantity.isPositive()) {
    return basis
      .minus(margin)
      .dividedBy(size.times(ONE.minus(mmr)), RATIO_PLACES, 'ceil')
      .toGrid(tick, 'ceil')
  }
  return basis
    .plus(margin)
    .dividedBy(size.times(ONE.plus(mmr)), RATIO_PLACES, 'floor')
    .toGrid(tick, 'floor')
}

export function isLiquidated({ quantity }: PerpPosition, liquidation: Decimal, mark: Decimal): boolean {
  return quantity.isPositive() ? mark.lte(liquidation) : mark.gte(liquidation)
}

export interface PerpChange {
  readonly position: PerpPosition
  /** Gain of the part that was closed, before fees. */
  readonly realized: Decimal
  readonly marginBack: Decimal
  readonly marginAdded: Decimal
}

/** A fill against a position: closes what is opposite first, margin back pro rata, and opens the rest at price x quantity / leverage. */
export function applyPerpFill(
  position: PerpPosition,
  side: Side,
  price: Decimal,
  quantity: Decimal,
  leverage: Decimal,
): PerpChange {
  const closing = closingPart(position, side, quantity)
  const opening = quantity.minus(closing)
  const value = price.times(closing)
  const basisOut = share(position.basis, closing, position.quantity)
  const marginBack = share(position.margin, closing, position.quantity)
  const realized = side === 'sell' ? value.minus(basisOut) : basisOut.minus(value)
  const added = price.times(opening)
  const marginAdded = opening.isZero() ? ZERO : added.dividedBy(leverage, MONEY_PLACES, 'up')
  return {
    position: {
      quantity: side === 'buy' ? position.quantity.plus(quantity) : position.quantity.minus(quantity),
      basis: position.basis.minus(basisOut).plus(added),
      margin: position.margin.minus(marginBack).plus(marginAdded),
    },
    realized: closing.isZero() ? ZERO : realized,
    marginBack,
    marginAdded,
  }
}

/** How much of a fill reduces the position. */
export function closingPart(position: PerpPosition, side: Side, quantity: Decimal): Decimal {
  const isOpposite = side === 'buy' ? position.quantity.isNegative() : position.quantity.isPositive()
  if (!isOpposite) return ZERO
  const size = position.quantity.abs()
  return quantity.lte(size) ? quantity : size
}

function share(amount: Decimal, part: Decimal, whole: Decimal): Decimal {
  if (part.isZero()) return ZERO
  const size = whole.abs()
  return part.gte(size) ? amount : amount.times(part).dividedBy(size, MONEY_PLACES, 'half_even')
}
