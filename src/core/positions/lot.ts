// What a deal holds and what it cost: the fold of its fills (execution.md 3.3, 4.2). Adding raises basis by price x quantity;
// reducing takes basis out pro rata, half-even at 18 decimals, all of it when flat. Fees stand beside the basis, so the average
// price ignores them whatever currency they were taken in.

import { type Decimal, minDecimal, ZERO } from '../money/decimal.ts'
import type { Side } from '../orders/order.ts'

export interface Lot {
  readonly quantity: Decimal
  /** Quote paid for what is held, fees excluded. */
  readonly basis: Decimal
  /** Sums over fills of each side. */
  readonly boughtQuantity: Decimal
  readonly boughtValue: Decimal
  readonly soldQuantity: Decimal
  readonly soldValue: Decimal
  readonly grossPnl: Decimal
  /** Fees of all legs in quote. */
  readonly fees: Decimal
}

export const EMPTY_LOT: Lot = {
  quantity: ZERO,
  basis: ZERO,
  boughtQuantity: ZERO,
  boughtValue: ZERO,
  soldQuantity: ZERO,
  soldValue: ZERO,
  grossPnl: ZERO,
  fees: ZERO,
}

const MONEY_PLACES = 18

export function averagePrice(lot: Lot): Decimal | null {
  return lot.quantity.isPositive() ? lot.basis.dividedBy(lot.quantity, MONEY_PLACES, 'half_even') : null
}

/** Price x quantity over quantity, half-even at 18 decimals; null without quantity. */
export function volumeWeightedPrice(value: Decimal, quantity: Decimal): Decimal | null {
  return quantity.isPositive() ? value.dividedBy(quantity, MONEY_PLACES, 'half_even') : null
}

/** The part of the basis that leaves with `quantity`. */
export function basisOf(lot: Lot, quantity: Decimal): Decimal {
  if (quantity.gte(lot.quantity)) return lot.basis
  return lot.basis.times(quantity).dividedBy(lot.quantity, MONEY_PLACES, 'half_even')
}

export interface LotFill {
  readonly side: Side
  readonly price: Decimal
  readonly quantity: Decimal
  readonly feeValueQuote: Decimal
  /** The fee's part that was taken out of the base currency itself; zero when the fee was paid in another. */
  readonly feeBaseQuantity: Decimal
}

/** The lot of a long spot deal after a fill. Selling more than is held is the caller's mistake and throws. */
export function applyFill(lot: Lot, fill: LotFill): Lot {
  const value = fill.price.times(fill.quantity)
  const fees = lot.fees.plus(fill.feeValueQuote)
  const feeBase = fill.feeBaseQuantity
  if (fill.side === 'buy') {
    const received = feeBase.isZero() ? fill.quantity : fill.quantity.minus(feeBase)
    const cost = feeBase.isZero() ? value : value.minus(fill.price.times(feeBase))
    return {
      ...lot,
      quantity: lot.quantity.plus(received),
      basis: lot.basis.plus(cost),
      boughtQuantity: lot.boughtQuantity.plus(fill.quantity),
      boughtValue: lot.boughtValue.plus(value),
      fees,
    }
  }
  const leaving = feeBase.isZero() ? fill.quantity : fill.quantity.plus(feeBase)
  if (leaving.gt(lot.quantity)) throw new RangeError(`a sale of ${leaving} exceeds the ${lot.quantity} that the deal holds`)
  const basisOut = basisOf(lot, fill.quantity)
  const feeBasis = feeBase.isZero() ? ZERO : fill.price.times(feeBase)
  const quantity = lot.quantity.minus(leaving)
  return {
    ...lot,
    quantity,
    basis: quantity.isZero() ? ZERO : lot.basis.minus(basisOut).minus(feeBasis),
    soldQuantity: lot.soldQuantity.plus(fill.quantity),
    soldValue: lot.soldValue.plus(value),
    grossPnl: lot.grossPnl.plus(value).minus(quantity.isZero() && !feeBase.isZero() ? lot.basis.minus(feeBasis) : basisOut),
    fees,
  }
}

/**
 * The lot after a sale that may exceed it: what is held leaves with its whole basis, what is sold beyond it had no cost here and is
 * gain. A fee is never taken out of the coins of such a sale (core/ledger/overfill.ts): `feeBaseQuantity` is left aside.
 */
export function sellBeyond(lot: Lot, fill: LotFill): { lot: Lot; excess: Decimal } {
  const covered = minDecimal(lot.quantity, fill.quantity)
  const excess = fill.quantity.minus(covered)
  const sold = applyFill(lot, { ...fill, side: 'sell', quantity: covered, feeBaseQuantity: ZERO })
  if (excess.isZero()) return { lot: sold, excess }
  const value = fill.price.times(excess)
  return {
    lot: {
      ...sold,
      soldQuantity: sold.soldQuantity.plus(excess),
      soldValue: sold.soldValue.plus(value),
      grossPnl: sold.grossPnl.plus(value),
    },
    excess,
  }
}

/** A fill as it was booked, to be taken back. */
export interface BookedLotFill extends LotFill {
  /** By how much it changed the lot's grossPnl; zero for a purchase. */
  readonly grossPnl: Decimal
}

/**
 * Takes back a fill that stood for others and folds those in its place (execution.md 3.1). What their prices differ by stays in the
 * basis of what is held, and becomes result where nothing is held.
 * @returns uncovered: coins that were sold since and that the others say were never bought; they have no cost.
 */
export function replaceFill(lot: Lot, booked: BookedLotFill, others: readonly LotFill[]): { lot: Lot; uncovered: Decimal } {
  let now = undoFill(lot, booked)
  for (const each of others) now = applyReplacement(now, each)
  const uncovered = now.quantity.isNegative() ? now.quantity.negated() : ZERO
  if (now.quantity.isPositive()) return { lot: now, uncovered }
  return { lot: { ...now, quantity: ZERO, basis: ZERO, grossPnl: now.grossPnl.minus(now.basis) }, uncovered }
}

function undoFill(lot: Lot, { side, price, quantity, feeValueQuote, feeBaseQuantity, grossPnl }: BookedLotFill): Lot {
  const value = price.times(quantity)
  const feeValue = price.times(feeBaseQuantity)
  const fees = lot.fees.minus(feeValueQuote)
  if (side === 'buy') {
    return {
      ...lot,
      quantity: lot.quantity.minus(quantity).plus(feeBaseQuantity),
      basis: lot.basis.minus(value).plus(feeValue),
      boughtQuantity: lot.boughtQuantity.minus(quantity),
      boughtValue: lot.boughtValue.minus(value),
      fees,
    }
  }
  return {
    ...lot,
    quantity: lot.quantity.plus(quantity).plus(feeBaseQuantity),
    basis: lot.basis.plus(value).minus(grossPnl).plus(feeValue),
    soldQuantity: lot.soldQuantity.minus(quantity),
    soldValue: lot.soldValue.minus(value),
    grossPnl: lot.grossPnl.minus(grossPnl),
    fees,
  }
}

/** A purchase may fill up what the lot lacks for the moment; a sale of more than the lot has without the replaced fill has no cost. */
function applyReplacement(lot: Lot, fill: LotFill): Lot {
  if (fill.side === 'buy' || fill.quantity.plus(fill.feeBaseQuantity).lte(lot.quantity)) return applyFill(lot, fill)
  const value = fill.price.times(fill.quantity)
  const leaving = fill.quantity.plus(fill.feeBaseQuantity)
  return {
    ...lot,
    quantity: lot.quantity.minus(leaving),
    basis: ZERO,
    soldQuantity: lot.soldQuantity.plus(fill.quantity),
    soldValue: lot.soldValue.plus(value),
    grossPnl: lot.grossPnl.plus(value).minus(lot.basis).plus(fill.price.times(fill.feeBaseQuantity)),
    fees: lot.fees.plus(fill.feeValueQuote),
  }
}

/** Takes a rest too small to sell out of the deal at its basis: it goes to the bot's dust account (execution.md 3.4). */
export function releaseRest(lot: Lot): { lot: Lot; quantity: Decimal; basis: Decimal } {
  return { lot: { ...lot, quantity: ZERO, basis: ZERO }, quantity: lot.quantity, basis: lot.basis }
}

export function netPnl(lot: Lot): Decimal {
  return lot.grossPnl.minus(lot.fees)
}

export function unrealizedPnl(lot: Lot, price: Decimal): Decimal {
  return price.times(lot.quantity).minus(lot.basis)
}
