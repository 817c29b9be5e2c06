// Transfers of the events that a spot bot causes (execution.md 4.1). Each names its cause, so that booking one twice is refused.

import { type Decimal, minDecimal, ZERO } from '../money/decimal.ts'
import { type Fill, orderKeyText } from '../orders/order.ts'
import type { AccountKind, Transfer } from './transfer.ts'

interface Posting {
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

function post(into: Transfer[], p: Posting): void {
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

/**
 * Books one spot fill with its fee: a buy is paid from the deal's lock and then from the bot's free money; a sale's proceeds are free
 * and pay the sale's fee, so that the lock stays whole for the orders it was made for. A fee in the base leaves the position, one in a
 * third currency is paid by the exchange account and charged to the bot at its value.
 */
export function postFill(into: Transfer[], { fill, base, quote, lock }: FillPosting): FillEffect {
  const key = orderKeyText(fill)
  const common = { tradeSeq: fill.tradeSeq, orderKey: key, fillId: fill.fillId }
  const cause = `fill:${key}:${fill.fillId}`
  const value = fill.price.times(fill.quantity)
  const spendable = fill.side === 'buy' ? lock : ZERO
  let left = spendable
  let freeChange = ZERO

  const pay = (what: string, kind: string, to: AccountKind, amount: Decimal): void => {
    const locked = minDecimal(left, amount)
    const free = amount.minus(locked)
    post(into, { ...common, cause: `${cause}:${what}`, kind, debit: to, credit: 'bot_reserved', currency: quote, amount: locked })
    post(into, { ...common, cause: `${cause}:${what}-free`, kind, debit: to, credit: 'bot_free', currency: quote, amount: free })
    left = left.minus(locked)
    freeChange = freeChange.minus(free)
  }

  if (fill.side === 'buy') {
    pay('cost', 'buy', 'market', value)
    post(into, {
      ...common,
      cause: `${cause}:receive`,
      kind: 'buy',
      debit: 'position',
      credit: 'market',
      currency: base,
      amount: fill.quantity,
    })
  } else {
    post(into, {
      ...common,
      cause: `${cause}:proceeds`,
      kind: 'sell',
      debit: 'bot_free',
      credit: 'market',
      currency: quote,
      amount: value,
    })
    post(into, {
      ...common,
      cause: `${cause}:deliver`,
      kind: 'sell',
      debit: 'market',
      credit: 'position',
      currency: base,
      amount: fill.quantity,
    })
    freeChange = freeChange.plus(value)
  }

  if (fill.feeAsset === quote) {
    pay('fee', 'fee', 'fees', fill.fee)
  } else if (fill.feeAsset === base) {
    post(into, {
      ...common,
      cause: `${cause}:fee`,
      kind: 'fee',
      debit: 'fees',
      credit: 'position',
      currency: base,
      amount: fill.fee,
    })
  } else {
    post(into, {
      ...common,
      cause: `${cause}:fee`,
      kind: 'fee',
      debit: 'fees',
      credit: 'free',
      currency: fill.feeAsset,
      amount: fill.fee,
    })
    post(into, {
      ...common,
      cause: `${cause}:fee-recharge`,
      kind: 'fee_recharge',
      debit: 'free',
      credit: 'bot_free',
      currency: quote,
      amount: fill.feeValueQuote,
    })
    freeChange = freeChange.minus(fill.feeValueQuote)
  }
  return { fromLock: spendable.minus(left), freeChange }
}
