// Balances of a set of accounts as the fold of transfers: debits less credits. The same fold proves a run's books after the fact.

import { type Decimal, ZERO } from '../money/decimal.ts'
import { ACCOUNT_OWNER, type AccountKind, type Transfer } from './transfer.ts'

export interface Account {
  readonly kind: AccountKind
  readonly currency: string
  /** Set for the accounts of a deal. */
  readonly tradeSeq: number | null
}

export function accountKey(kind: AccountKind, currency: string, tradeSeq: number | null): string {
  return ACCOUNT_OWNER[kind] === 'trade' ? `${kind}|${currency}|${tradeSeq}` : `${kind}|${currency}`
}

export class Books {
  readonly #balances = new Map<string, Decimal>()
  readonly #causes = new Set<string>()

  /** @throws where a cause is booked twice or an amount is not positive: both would be our own mistake. */
  post(transfer: Transfer): void {
    if (this.#causes.has(transfer.cause)) throw new Error(`ledger: ${transfer.cause} is already booked`)
    if (!transfer.amount.isPositive()) throw new Error(`ledger: ${transfer.cause} moves ${transfer.amount}, it must be above 0`)
    if (transfer.debit === transfer.credit) throw new Error(`ledger: ${transfer.cause} moves from ${transfer.credit} to itself`)
    this.#causes.add(transfer.cause)
    this.#add(accountKey(transfer.debit, transfer.currency, transfer.tradeSeq), transfer.amount)
    this.#add(accountKey(transfer.credit, transfer.currency, transfer.tradeSeq), transfer.amount.negated())
  }

  balance(kind: AccountKind, currency: string, tradeSeq: number | null = null): Decimal {
    return this.#balances.get(accountKey(kind, currency, tradeSeq)) ?? ZERO
  }

  /** Sum over all accounts by currency: every value must be zero. */
  sums(): Map<string, Decimal> {
    const sums = new Map<string, Decimal>()
    for (const [key, balance] of this.#balances) {
      const currency = key.split('|')[1]!
      sums.set(currency, (sums.get(currency) ?? ZERO).plus(balance))
    }
    return sums
  }

  /** Sum of one kind over all deals. */
  total(kind: AccountKind, currency: string): Decimal {
    let sum = ZERO
    for (const [key, balance] of this.#balances) {
      const [k, c] = key.split('|')
      if (k === kind && c === currency) sum = sum.plus(balance)
    }
    return sum
  }

  entries(): [string, Decimal][] {
    return [...this.#balances]
  }

  #add(key: string, amount: Decimal): void {
    this.#balances.set(key, (this.#balances.get(key) ?? ZERO).plus(amount))
  }
}
