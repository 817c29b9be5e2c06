// The double-entry ledger's vocabulary (execution.md 4.1): a transfer moves one currency from a credit account to a debit
// account. Debit receives; a balance is debits minus credits; over all accounts a currency sums to zero.

import type { Decimal } from '../money/decimal.ts'

export const ACCOUNT_KINDS = [
  'external',
  'free',
  'fees',
  'funding',
  'transit',
  'unexplained',
  'bot_free',
  'bot_reserved',
  'bot_margin',
  'bot_dust',
  'position',
  'market',
] as const
export type AccountKind = (typeof ACCOUNT_KINDS)[number]

/** Whose account it is: of the exchange account, of the bot, or of one deal of the bot. */
export const ACCOUNT_OWNER: Record<AccountKind, 'account' | 'bot' | 'trade'> = {
  external: 'account',
  free: 'account',
  fees: 'account',
  funding: 'account',
  transit: 'account',
  unexplained: 'account',
  bot_free: 'bot',
  bot_reserved: 'bot',
  bot_margin: 'bot',
  bot_dust: 'bot',
  position: 'trade',
  market: 'trade',
}

/** Accounts whose money and coins lie at the venue: their sum is what it must hold. */
export const AT_VENUE: ReadonlySet<AccountKind> = new Set([
  'free',
  'bot_free',
  'bot_reserved',
  'bot_margin',
  'bot_dust',
  'position',
])

export interface Transfer {
  /** Derived from the cause, such as `fill:1|base|1:0:cost`: booking a cause twice is refused. */
  readonly cause: string
  readonly kind: string
  readonly debit: AccountKind
  readonly credit: AccountKind
  readonly currency: string
  /** Above zero. */
  readonly amount: Decimal
  /** The deal whose position or market account is meant, where one is. */
  readonly tradeSeq: number | null
  readonly orderKey: string | null
  readonly fillId: string | null
}
