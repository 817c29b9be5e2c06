// Transfers of the events that a spot bot causes (execution.md 4.1). Each names its cause, so that booking one twice is refused. Those
// of the exchange account itself stand in account-postings.ts, those of perpetuals in perp-postings.ts.

import { type Decimal, minDecimal, ZERO } from '../money/decimal.ts'
import { type Fill, orderKeyText } from '../orders/order.ts'
import type { AccountKind, Transfer } from './transfer.ts'

export interface Posting {
  readonly cause: string
  readonly kind: string
  readonly debit: AccountKind
  readonly credit: AccountKind
  readonly currency: string
  readonly amount: Decimal
  readonly tradeSeq?: number | null
  readonly orderKey?: string
  readonly fillId?: string
}

/** Adds one transfer; nothing for an amount that is not above zero. */
export function post(into: Transfer[], p: Posting): void {
  if (!p.amount.isPositive()) return
  into.push({
    cause: p.cause,
    kind: p.kind,
    debit: p.debit,
    credit: p.credit,
    currency: p.currency,
    amount: p.amount,
    tradeSeq: p.tradeSeq ?? null,
    orderKey: p.orderKey ?? null,
    fillId: p.fillId ?? null,
  })
}

/** The opening of a paper or backtest run: capital comes in from outside and is given to the bot. */
export function depositAndAllocate(into: Transfer[], currency: string, amount: Decimal): void {
  post(into, { cause: 'run:deposit', kind: 'deposit', debit: 'free', credit: 'external', currency, amount })
  post(into, { cause: 'run:allocate', kind: 'allocate', debit: 'bot_free', credit: 'free', currency, amount })
}

export function reserve(into: Transfer[], cause: string, currency: string, amount: Decimal, tradeSeq: number): void {
  post(into, { cause, kind: 'reserve', debit: 'bot_reserved', credit: 'bot_free', currency, amount, tradeSeq })
}

export function release(into: Transfer[], cause: string, currency: string, amount: Decimal, tradeSeq: number): void {
  post(into, { cause, kind: 'release', debit: 'bot_free', credit: 'bot_reserved', currency, amount, tradeSeq })
}

export function moveToDust(into: Transfer[], cause: string, currency: string, quantity: Decimal, tradeSeq: number): void {
  post(into, { cause, kind: 'dust', debit: 'bot_dust', credit: 'position', currency, amount: quantity, tradeSeq })
}

export function sweepDust(into: Transfer[], cause: string, currency: string, quantity: Decimal, tradeSeq: number): void {
  post(into, { cause, kind: 'sweep', debit: 'position', credit: 'bot_dust', currency, amount: quantity, tradeSeq })
}

/** Coins of a deal that are gone from the venue without an order of ours: from here on the account lacks them, not the deal. */
export function giveUpCoins(into: Transfer[], cause: string, currency: string, quantity: Decimal, tradeSeq: number): void {
  post(into, { cause, kind: 'ghost', debit: 'free', credit: 'position', currency, amount: quantity, tradeSeq })
}

export interface FillPosting {
  readonly fill: Fill
  readonly base: string
  readonly quote: string
  /** What the deal has locked and not yet spent, in quote. */
  readonly lock: Decimal
}

export interface FillEffect {
  /** Taken from the lock. */
  readonly fromLock: Decimal
  /** Change of the bot's free quote: negative where the lock was not enough. */
  readonly freeChange: Decimal
}

/** Where the transfers of one fill go, and how they are named. */
interface Booking {
  readonly into: Transfer[]
  readonly cause: string
  readonly common: Pick<Posting, 'tradeSeq' | 'orderKey' | 'fillId'>
}

function bookingOf(into: Transfer[], fill: Fill): Booking {
  const orderKey = orderKeyText(fill)
  return {
    into,
    cause: `fill:${orderKey}:${fill.fillId}`,
    common: { tradeSeq: fill.tradeSeq, orderKey, fillId: fill.fillId },
  }
}

/** Pays from the lock first, and what it lacks from the bot's free money. */
function pay(
  { into, cause, common }: Booking,
  posting: Pick<Posting, 'kind' | 'debit' | 'currency' | 'amount'> & { part: string; lock: Decimal },
): FillEffect {
  const { part, kind, debit, currency, amount, lock } = posting
  const locked = minDecimal(lock, amount)
  const free = amount.minus(locked)
  post(into, { ...common, cause: `${cause}:${part}`, kind, debit, credit: 'bot_reserved', currency, amount: locked })
  post(into, { ...common, cause: `${cause}:${part}-free`, kind, debit, credit: 'bot_free', currency, amount: free })
  return { fromLock: locked, freeChange: free.negated() }
}

/**
 * Books the fee of a fill in the currency it was taken in: quote is paid from the lock and then from free money, the base leaves the
 * position, a third currency is paid by the exchange account and charged to the bot at its value.
 * @param posting base null where the instrument has no coins to take a fee from.
 */
export function postFee(
  into: Transfer[],
  { fill, base, quote, lock }: Omit<FillPosting, 'base'> & { base: string | null },
): FillEffect {
  const booking = bookingOf(into, fill)
  const { cause, common } = booking
  if (fill.feeAsset === quote)
    return pay(booking, { part: 'fee', kind: 'fee', debit: 'fees', currency: quote, amount: fill.fee, lock })
  const credit = fill.feeAsset === base ? 'position' : 'free'
  post(into, { ...common, cause: `${cause}:fee`, kind: 'fee', debit: 'fees', credit, currency: fill.feeAsset, amount: fill.fee })
  if (credit === 'position') return { fromLock: ZERO, freeChange: ZERO }
  const recharge = {
    kind: 'fee_recharge',
    debit: 'free',
    credit: 'bot_free',
    currency: quote,
    amount: fill.feeValueQuote,
  } as const
  post(into, { ...common, ...recharge, cause: `${cause}:fee-recharge` })
  return { fromLock: ZERO, freeChange: fill.feeValueQuote.negated() }
}

/**
 * Books one spot fill with its fee: a buy is paid from the deal's lock and then from the bot's free money; a sale's proceeds are free
 * and pay the sale's fee, so that the lock stays whole for the orders it was made for.
 */
export function postFill(into: Transfer[], { fill, base, quote, lock }: FillPosting): FillEffect {
  const booking = bookingOf(into, fill)
  const { cause, common } = booking
  const value = fill.price.times(fill.quantity)
  const coins = { ...common, currency: base, amount: fill.quantity }
  if (fill.side === 'sell') {
    const sale = { ...common, kind: 'sell' } as const
    post(into, { ...sale, cause: `${cause}:proceeds`, debit: 'bot_free', credit: 'market', currency: quote, amount: value })
    post(into, { ...coins, cause: `${cause}:deliver`, kind: 'sell', debit: 'market', credit: 'position' })
    const fee = postFee(into, { fill, base, quote, lock: ZERO })
    return { fromLock: ZERO, freeChange: value.plus(fee.freeChange) }
  }
  const cost = pay(booking, { part: 'cost', kind: 'buy', debit: 'market', currency: quote, amount: value, lock })
  post(into, { ...coins, cause: `${cause}:receive`, kind: 'buy', debit: 'position', credit: 'market' })
  const fee = postFee(into, { fill, base, quote, lock: lock.minus(cost.fromLock) })
  return { fromLock: cost.fromLock.plus(fee.fromLock), freeChange: cost.freeChange.plus(fee.freeChange) }
}
