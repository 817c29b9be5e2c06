// What a venue executes beyond what a deal holds, and fills that turn out to be other fills: both are booked as they happened, nothing
// that was written is taken back.

import { type Decimal, minDecimal, ZERO } from '../money/decimal.ts'
import { type Fill, orderKeyText } from '../orders/order.ts'
import { type FillEffect, type FillPosting, post, postFill } from './postings.ts'
import type { Transfer } from './transfer.ts'

export interface OverfillPosting {
  /** A sale of more than the deal holds. */
  readonly fill: Fill
  readonly base: string
  readonly quote: string
  /** What the deal holds; zero where it holds nothing any more. */
  readonly held: Decimal
}

/**
 * Books a sale that exceeds its deal: what is missing comes out of the account's free coins, all that it brought is the bot's. A fee
 * in the base is the account's then, charged to the bot at its value, because the deal has no coin left to pay it with.
 * @throws RangeError for a purchase: buying too much is an ordinary fill that costs more.
 */
export function overfill(into: Transfer[], { fill, base, quote, held }: OverfillPosting): FillEffect {
  if (fill.side !== 'sell')
    throw new RangeError(`fill ${fill.fillId} of order ${orderKeyText(fill)} buys: only a sale can exceed its deal`)
  const covered = minDecimal(held, fill.quantity)
  const excess = fill.quantity.minus(covered)
  const orderKey = orderKeyText(fill)
  const common = { tradeSeq: fill.tradeSeq, orderKey, fillId: fill.fillId }
  const cause = `fill:${orderKey}:${fill.fillId}`
  const paidByAccount = fill.feeAsset === base
  const own: Fill = { ...fill, quantity: covered, ...(paidByAccount ? { fee: ZERO, feeAsset: quote } : {}) }
  const { freeChange } = postFill(into, { fill: own, base, quote, lock: ZERO })
  const proceeds = fill.price.times(excess)
  const sale = { ...common, kind: 'overfill' } as const
  post(into, { ...sale, cause: `${cause}:overfill`, debit: 'market', credit: 'free', currency: base, amount: excess })
  post(into, {
    ...sale,
    cause: `${cause}:overfill-proceeds`,
    debit: 'bot_free',
    credit: 'market',
    currency: quote,
    amount: proceeds,
  })
  if (!paidByAccount) return { fromLock: ZERO, freeChange: freeChange.plus(proceeds) }
  post(into, { ...common, cause: `${cause}:fee`, kind: 'fee', debit: 'fees', credit: 'free', currency: base, amount: fill.fee })
  post(into, {
    ...common,
    cause: `${cause}:fee-recharge`,
    kind: 'fee_recharge',
    debit: 'free',
    credit: 'bot_free',
    currency: quote,
    amount: fill.feeValueQuote,
  })
  return { fromLock: ZERO, freeChange: freeChange.plus(proceeds).minus(fill.feeValueQuote) }
}

/** Coins of the account that a deal needs because it sold what the real fills say it never bought. */
export function coverFromAccount(into: Transfer[], cause: string, currency: string, quantity: Decimal, tradeSeq: number): void {
  post(into, { cause, kind: 'overfill', debit: 'position', credit: 'free', currency, amount: quantity, tradeSeq })
}

export interface ReversalPosting extends Omit<FillPosting, 'lock'> {
  /** What booking the fill took from the lock then (FillEffect). */
  readonly fromLock: Decimal
  /** Id of the fill that stands for the reversal; booked under it, so that it happens once. */
  readonly reversalId: string
}

/**
 * Takes a fill back by the exact opposite of its transfers: the executions that it stood for have become known (execution.md 3.1).
 * @returns the opposite effect: what returns to the lock and to the free money, both negative numbers of what was taken.
 */
export function reverseFill(into: Transfer[], { fill, base, quote, fromLock, reversalId }: ReversalPosting): FillEffect {
  const booked: Transfer[] = []
  // The split between lock and free money follows from what the lock gave in all.
  const effect = postFill(booked, { fill, base, quote, lock: fromLock })
  for (const transfer of booked) {
    into.push({
      ...transfer,
      cause: `reverse:${reversalId}:${transfer.cause}`,
      kind: 'reversal',
      debit: transfer.credit,
      credit: transfer.debit,
      fillId: reversalId,
    })
  }
  return { fromLock: effect.fromLock.negated(), freeChange: effect.freeChange.negated() }
}
