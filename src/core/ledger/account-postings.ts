// Transfers of an exchange account itself: money that comes, goes, moves between accounts of the same person, is given to bots, or
// cannot be explained. Each names its cause, so that booking one twice is refused.

import type { Decimal } from '../money/decimal.ts'
import { post } from './postings.ts'
import type { Transfer } from './transfer.ts'

export function deposit(into: Transfer[], cause: string, currency: string, amount: Decimal): void {
  post(into, { cause, kind: 'deposit', debit: 'free', credit: 'external', currency, amount })
}

export function withdrawal(into: Transfer[], cause: string, currency: string, amount: Decimal): void {
  post(into, { cause, kind: 'withdrawal', debit: 'external', credit: 'free', currency, amount })
}

export function allocate(into: Transfer[], cause: string, currency: string, amount: Decimal): void {
  post(into, { cause, kind: 'allocate', debit: 'bot_free', credit: 'free', currency, amount })
}

export function takeBack(into: Transfer[], cause: string, currency: string, amount: Decimal): void {
  post(into, { cause, kind: 'deallocate', debit: 'free', credit: 'bot_free', currency, amount })
}

/**
 * Money on its way between two exchange accounts of one person: it leaves the one and arrives at the other at different times, in the
 * books of each. In between it stands in the sender's transit; the transits of both sum to zero when it has arrived.
 */
export function sendToOwnAccount(into: Transfer[], cause: string, currency: string, amount: Decimal): void {
  post(into, { cause, kind: 'transfer_out', debit: 'transit', credit: 'free', currency, amount })
}

export function receiveFromOwnAccount(into: Transfer[], cause: string, currency: string, amount: Decimal): void {
  post(into, { cause, kind: 'transfer_in', debit: 'free', credit: 'transit', currency, amount })
}

/** @param difference what the venue holds less what the books say; the books follow it. Zero posts nothing. */
export function drift(into: Transfer[], cause: string, currency: string, difference: Decimal): void {
  const more = difference.isPositive()
  post(into, {
    cause,
    kind: 'drift',
    debit: more ? 'free' : 'unexplained',
    credit: more ? 'unexplained' : 'free',
    currency,
    amount: difference.abs(),
  })
}
