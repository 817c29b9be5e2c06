// What a run at a venue is handed: the venue, and the store of its account. These two are the only things of this floor that take time;
// nothing here waits for them, runs/ does.

import type { Instrument } from '../core/market/instrument.ts'
import type { AccountAssignment, AccountCommit, OrderRecord, SavedAccount } from './account-store.ts'
import type {
  FillsPage,
  Listing,
  PlacePayload,
  VenueBalance,
  VenueCapabilities,
  VenueMessage,
  VenueOrder,
  VenueOrderRef,
  VenuePosition,
} from './venue.ts'

/** Every call may reject with a VenueError; anything else that it rejects with is ambiguous. Nothing is retried inside. */
export interface Venue {
  readonly capabilities: VenueCapabilities
  place(order: PlacePayload): Promise<VenueOrder>
  /** The order as it stands after the cancel, as far as the venue tells. */
  cancel(order: VenueOrderRef): Promise<VenueOrder>
  /** null where the venue answers that it knows no such order. */
  find(order: VenueOrderRef): Promise<VenueOrder | null>
  openOrders(): Promise<Listing<VenueOrder>>
  /** Ended and open orders that changed since. */
  history(sinceMs: number): Promise<Listing<VenueOrder>>
  /** Fills of one symbol behind a cursor, oldest first. */
  fillsSince(symbol: string, cursor: string | null): Promise<FillsPage>
  balances(): Promise<Listing<VenueBalance>>
  positions(): Promise<Listing<VenuePosition>>
  serverTime(): Promise<number>
  instruments(): Promise<Listing<Instrument>>
  /** Orders and fills as they happen. @returns how to stop listening. */
  subscribe(listener: (message: VenueMessage) => void): () => void
}

/**
 * The one writer of an account. Every call is refused with LEASE_LOST under a stale token. `commit` may reject with
 * DATABASE_UNAVAILABLE although it took effect: the same commit may then be tried again, and is recognised.
 */
export interface AccountStore {
  load(assignment: AccountAssignment, endedSinceMs: number): Promise<SavedAccount>
  commit(assignment: AccountAssignment, commit: AccountCommit): Promise<void>
  /** An order that has ended long ago; null for one that is not this account's. */
  findOrder(assignment: AccountAssignment, clientOrderId: string): Promise<OrderRecord | null>
}
