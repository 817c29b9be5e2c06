// What the runs of one exchange account need of the store: everything of the account that a restart must know, and one transaction for
// all that an instant changed, whichever of its bots it concerns.

import type { Transfer } from '../core/ledger/transfer.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { Order, OrderKey } from '../core/orders/order.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { CommitBatch } from './commit-batch.ts'
import type { CallClass, VenueOrder } from './venue.ts'

/** An exchange account that this worker holds under a fencing token. */
export interface AccountAssignment {
  /** Id of the exchange connection. */
  readonly accountId: string
  readonly userId: string
  readonly exchange: string
  readonly token: number
}

export const INTENT_STATUSES = ['pending', 'sent', 'settled', 'in_doubt'] as const
export type IntentStatus = (typeof INTENT_STATUSES)[number]

/** A call that is to be made once, frozen as it will be sent. */
export interface Intent {
  /** `<clientOrderId>:place`, or `<clientOrderId>:cancel:<n>` with n from 1. */
  readonly id: string
  readonly botId: string
  readonly order: OrderKey
  readonly clientOrderId: string
  readonly kind: 'place' | 'cancel'
  readonly priority: CallClass
  /** A PlacePayload, or a VenueOrderRef. */
  readonly payload: unknown
  readonly createdAtMs: number
}

export interface IntentChange {
  readonly id: string
  readonly status: IntentStatus
  readonly attempts: number
  readonly sentAtMs: number | null
  readonly nextProbeAtMs: number | null
  readonly lastError: string | null
  /** What is known while it is in doubt: plain JSON, shown to people and continued from after a restart. */
  readonly doubt: unknown
}

export type SavedIntent = Intent & IntentChange

/** An order of the account with what its bot's state may no longer keep. */
export interface OrderRecord {
  readonly botId: string
  readonly clientOrderId: string
  readonly venueOrderId: string | null
  readonly botTradeSeq: number
  readonly configVersion: number
  readonly order: Order
  /** Whether the venue ever confirmed it. */
  readonly isAcknowledged: boolean
  /** Venue time of the newest evidence that was applied. */
  readonly evidenceAtMs: number
}

/** What the venue itself told about an order, beside the image that the bot's batch carries. */
export interface OrderWord {
  readonly botId: string
  readonly order: OrderKey
  readonly clientOrderId: string
  readonly venueOrderId: string | null
  readonly isAcknowledged: boolean
  readonly evidenceAtMs: number
}

export interface ForeignOrder {
  readonly venueOrder: VenueOrder
  readonly resolution: 'open' | 'adopted' | 'ignored' | 'cancelled'
}

export interface FillCursor {
  readonly symbol: string
  readonly cursor: string
  readonly atMs: number
}

export interface SavedBot {
  readonly botId: string
  readonly runId: string
  /** As the bot's last commit left it; null before the first, and where it is damaged. */
  readonly state: unknown
  readonly lastSeq: number
  readonly nextBotTradeSeq: number
  /** Why the state cannot be trusted: the bot is held, its orders stay where they are. null for a sound one. */
  readonly damage: string | null
  /** Strictest safety level of the account and of the bot itself. */
  readonly safety: SafetyLevel
}

export interface SavedAccount {
  readonly bots: readonly SavedBot[]
  /** Not settled, oldest first. */
  readonly intents: readonly SavedIntent[]
  /** Alive, and those that ended at or after `endedSinceMs` of the load. */
  readonly orders: readonly OrderRecord[]
  /** Ids of fills that were booked, `<symbol>|<venue fill id>`, at or after `endedSinceMs`. */
  readonly bookedFills: ReadonlySet<string>
  readonly cursors: readonly FillCursor[]
  readonly foreignOrders: readonly ForeignOrder[]
  /** Debits less credits of everything the venue should hold for this account, by currency. */
  readonly balances: ReadonlyMap<string, Decimal>
  /** Strictest safety level of global, tenant and account; unreadable is halted. */
  readonly safety: SafetyLevel
}

/** One transaction. Empty lists say that nothing of the kind changed. */
export interface AccountCommit {
  readonly bots: readonly { readonly botId: string; readonly batch: CommitBatch }[]
  readonly newIntents: readonly Intent[]
  readonly intentChanges: readonly IntentChange[]
  readonly words: readonly OrderWord[]
  readonly cursors: readonly FillCursor[]
  readonly foreignOrders: readonly ForeignOrder[]
  /** Of the account itself: deposits found, drift. */
  readonly transfers: readonly Transfer[]
}
