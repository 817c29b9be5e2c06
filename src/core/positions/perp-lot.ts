// What a deal in a linear perpetual holds and what it cost: the fold of its fills (execution.md 4.2). The quantity is signed, short
// below zero; basis and margin are amounts of quote and never negative. Reducing takes basis and margin out pro rata, half-even at 18
// decimals, all of both when flat.

import { type Decimal, minDecimal, ZERO } from '../money/decimal.ts'
import type { Side } from '../orders/order.ts'

export interface PerpLot {
  /** Contracts, signed. */
  readonly quantity: Decimal
  /** Price x quantity of what is held. */
  readonly basis: Decimal
  /** Quote that stands behind what is held. */
  readonly margin: Decimal
  readonly grossPnl: Decimal
  /** Fees of all legs in quote. */
  readonly fees: Decimal
  /** Received less paid. */
  readonly funding: Decimal
}

export const EMPTY_PERP_LOT: PerpLot = {
  quantity: ZERO,
  basis: ZERO,
  margin: ZERO,
  grossPnl: ZERO,
  fees: ZERO,
  funding: ZERO,
}

const MONEY_PLACES = 18

export interface PerpLotFill {
  readonly side: Side
  readonly price: Decimal
  /** Contracts, above zero. */
  readonly quantity: Decimal
  readonly feeValueQuote: Decimal
  /** Quote that the venue asks for what this fill opens; ignored where it only reduces. */
  readonly margin: Decimal
}

export interface PerpLotChange {
  readonly lot: PerpLot
  /** How much of the fill reduced what was held; the rest opened. */
  readonly closed: Decimal
  readonly opened: Decimal
  /** Of the closed part, before fees; negative for a loss. */
  readonly gain: Decimal
  readonly marginBack: Decimal
  readonly marginAdded: Decimal
}

/** The lot after a fill. One that exceeds what is held closes it and opens the rest on the other side. */
export function applyPerpFill(lot: PerpLot, { side, price, quantity, feeValueQuote, margin }: PerpLotFill): PerpLotChange {
  const reduces = side === 'buy' ? lot.quantity.isNegative() : lot.quantity.isPositive()
  const held = lot.quantity.abs()
  const closed = reduces ? minDecimal(quantity, held) : ZERO
  const opened = quantity.minus(closed)
  const basisOut = proRata(lot.basis, closed, held)
  const marginBack = proRata(lot.margin, closed, held)
  const marginAdded = opened.isPositive() ? margin : ZERO
  const gain = side === 'sell' ? price.times(closed).minus(basisOut) : basisOut.minus(price.times(closed))
  return {
    lot: {
      quantity: side === 'buy' ? lot.quantity.plus(quantity) : lot.quantity.minus(quantity),
      basis: lot.basis.minus(basisOut).plus(price.times(opened)),
      margin: lot.margin.minus(marginBack).plus(marginAdded),
      grossPnl: lot.grossPnl.plus(gain),
      fees: lot.fees.plus(feeValueQuote),
      funding: lot.funding,
    },
    closed,
    opened,
    gain,
    marginBack,
    marginAdded,
  }
}

function proRata(amount: Decimal, part: Decimal, whole: Decimal): Decimal {
  if (part.isZero()) return ZERO
  return part.equals(whole) ? amount : amount.times(part).dividedBy(whole, MONEY_PLACES, 'half_even')
}

/** @param amount received; negative for paid. */
export function applyFunding(lot: PerpLot, amount: Decimal): PerpLot {
  return { ...lot, funding: lot.funding.plus(amount) }
}

/** Price at which the position was entered on average, half-even at 18 decimals; null when flat. */
export function perpEntryPrice({ quantity, basis }: PerpLot): Decimal | null {
  return quantity.isZero() ? null : basis.dividedBy(quantity.abs(), MONEY_PLACES, 'half_even')
}

export function perpNetPnl({ grossPnl, fees, funding }: PerpLot): Decimal {
  return grossPnl.minus(fees).plus(funding)
}

/** Signed quantity x (mark - entry), exact. */
export function perpUnrealizedPnl({ quantity, basis }: PerpLot, mark: Decimal): Decimal {
  return quantity.times(mark).minus(quantity.isNegative() ? basis.negated() : basis)
}
