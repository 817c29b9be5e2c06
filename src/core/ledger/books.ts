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
  /** Of the exchange account and of the bot, by kind and currency. */
  readonly #own = new Map<AccountKind, Map<string, Decimal>>()
  /** Of each deal. */
  readonly #deals = new Map<number | null, DealAccount[]>()
  readonly #causes: Set<string> | null

  /** @param remembersCauses false where the same code could only book a cause twice by a fault that other tests look for. */
  constructor(remembersCauses = true) {
    this.#causes = remembersCauses ? new Set() : null
  }

  /** @throws where a cause is booked twice or an amount is not positive: both would be our own mistake. */
  post(transfer: Transfer): void {
    const { cause, debit, credit, currency, amount, tradeSeq } = transfer
    if (!amount.isPositive()) throw new Error(`ledger: ${cause} moves ${amount}, it must be above 0`)
    if (debit === credit) throw new Error(`ledger: ${cause} moves from ${credit} to itself`)
    if (this.#causes) {
      if (this.#causes.has(cause)) throw new Error(`ledger: ${cause} is already booked`)
      this.#causes.add(cause)
    }
    this.#add(debit, currency, tradeSeq, amount)
    this.#add(credit, currency, tradeSeq, amount.negated())
  }

  balance(kind: AccountKind, currency: string, tradeSeq: number | null = null): Decimal {
    if (ACCOUNT_OWNER[kind] !== 'trade') return this.#own.get(kind)?.get(currency) ?? ZERO
    return this.#deals.get(tradeSeq)?.find(each => each.kind === kind && each.currency === currency)?.balance ?? ZERO
  }

  /** Sum over all accounts by currency: every value must be zero. */
  sums(): Map<string, Decimal> {
    const sums = new Map<string, Decimal>()
    const add = (currency: string, balance: Decimal): void => {
      sums.set(currency, (sums.get(currency) ?? ZERO).plus(balance))
    }
    for (const byCurrency of this.#own.values()) for (const [currency, balance] of byCurrency) add(currency, balance)
    for (const accounts of this.#deals.values()) for (const { currency, balance } of accounts) add(currency, balance)
    return sums
  }

  /** Sum of one kind over all deals. */
  total(kind: AccountKind, currency: string): Decimal {
    if (ACCOUNT_OWNER[kind] !== 'trade') return this.balance(kind, currency)
    let sum = ZERO
    for (const accounts of this.#deals.values()) {
      for (const each of accounts) if (each.kind === kind && each.currency === currency) sum = sum.plus(each.balance)
    }
    return sum
  }

  entries(): [string, Decimal][] {
    const entries: [string, Decimal][] = []
    for (const [kind, byCurrency] of this.#own) {
      for (const [currency, balance] of byCurrency) entries.push([accountKey(kind, currency, null), balance])
    }
    for (const [tradeSeq, accounts] of this.#deals) {
      for (const { kind, currency, balance } of accounts) entries.push([accountKey(kind, currency, tradeSeq), balance])
    }
    return entries
  }

  #add(kind: AccountKind, currency: string, tradeSeq: number | null, amount: Decimal): void {
    if (ACCOUNT_OWNER[kind] !== 'trade') {
      let byCurrency = this.#own.get(kind)
      if (!byCurrency) {
        byCurrency = new Map()
        this.#own.set(kind, byCurrency)
      }
      byCurrency.set(currency, (byCurrency.get(currency) ?? ZERO).plus(amount))
      return
    }
    let accounts = this.#deals.get(tradeSeq)
    if (!accounts) {
      accounts = []
      this.#deals.set(tradeSeq, accounts)
    }
    for (const each of accounts) {
      if (each.kind === kind && each.currency === currency) {
        each.balance = each.balance.plus(amount)
        return
      }
    }
    accounts.push({ kind, currency, balance: amount })
  }
}

interface DealAccount {
  readonly kind: AccountKind
  readonly currency: string
  balance: Decimal
}
