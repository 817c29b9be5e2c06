// What every store of accounts holds to, whatever it keeps its rows in.

import type { AccountKind } from '../core/ledger/transfer.ts'
import type { OrderStatus } from '../core/orders/order.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { IntentStatus, SavedBot } from '../engine/account-store.ts'

/**
 * Where an intent may go from where it stands. Only what is pending can be claimed, so that two claims never send one call twice; what
 * was settled can come into doubt again, when the venue no longer shows an order that it had confirmed.
 */
export const INTENT_MOVES: Readonly<Record<IntentStatus, readonly IntentStatus[]>> = {
  pending: ['pending', 'sent', 'settled'],
  sent: ['settled', 'in_doubt'],
  in_doubt: ['in_doubt', 'settled'],
  settled: ['settled', 'in_doubt'],
}

/** Ledger accounts whose money and coins lie at the venue. */
export const AT_VENUE: readonly AccountKind[] = ['free', 'bot_free', 'bot_reserved', 'bot_margin', 'bot_dust', 'position']

/** An order that ended so gives its rung free, unless something of it was filled. */
export const ENDED_UNFILLED: readonly OrderStatus[] = ['cancelled', 'rejected', 'expired']

/** A bot as a store gives it back. */
export interface StoredBot extends SavedBot {
  /** Why its state cannot be trusted; the bot is held, the others of the account go on. Its `state` is null then. */
  readonly damage: string | null
  /** Of its own record, beside those of tenant and account. */
  readonly safety: SafetyLevel
}
