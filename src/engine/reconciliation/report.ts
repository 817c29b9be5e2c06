// The two sides of a comparison with the venue: what our records say, what the venue's report says, what is remembered between reports,
// and what follows (execution.md 7). All of it is plain data.

import type { Decimal } from '../../core/money/decimal.ts'
import type { ClientOrderKey } from '../../core/orders/client-order-id.ts'
import type { OrderRecord } from '../account-store.ts'
import type { Listing, VenueBalance, VenueFill, VenueOrder, VenuePosition } from '../venue.ts'
import type { StatusEvent } from './evidence.ts'

/** Sections that were not asked for, or failed, are null: they conclude nothing, as incomplete ones do. */
export interface VenueReport {
  /** Grows with every report: one is counted once. */
  readonly id: number
  /** Our clock when its first call went out. */
  readonly atMs: number
  readonly openOrders: Listing<VenueOrder> | null
  readonly history: Listing<VenueOrder> | null
  /** Read after the orders: all symbols joined, complete when every page of every symbol was. */
  readonly fills: Listing<VenueFill> | null
  readonly positions: Listing<VenuePosition> | null
  readonly balances: Listing<VenueBalance> | null
  /** Answers to the probes of earlier reports; null where the venue says that it has no such order. */
  readonly lookedUp: readonly { readonly clientOrderId: string; readonly order: VenueOrder | null }[]
}

export interface OwnPosition {
  readonly symbol: string
  /** Of all deals of the account; negative is short. */
  readonly quantity: Decimal
  /** The coin that is held on spot; null for a derivative. */
  readonly coin: string | null
}

export interface OurSide {
  /** Alive, and those that ended recently. */
  readonly records: readonly OrderRecord[]
  /** Ids of booked fills, as `fillKey` makes them. */
  readonly booked: ReadonlySet<string>
  /** Our clock at the last change of an order, by client order id; an order that is not listed was not changed lately. */
  readonly touchedAtMs: ReadonlyMap<string, number>
  readonly positions: readonly OwnPosition[]
  /** What the venue should hold in all, by currency. */
  readonly balances: ReadonlyMap<string, Decimal>
  /** Quantity per symbol that people said is not ours and stays. */
  readonly ignoredPositions?: ReadonlyMap<string, Decimal>
  /** The key of an id that one of our bots could have made; null for a foreign one. */
  recompute(clientOrderId: string): ClientOrderKey | null
}

/** Plain JSON. A new value is returned; who fails to commit keeps the old one. */
export interface ReconcileMemory {
  /** Of the last report that was counted. */
  readonly reportId: number
  /** Reports in which a live order was missing, by client order id. */
  readonly misses: Readonly<Record<string, { readonly count: number; readonly atMs: number }>>
  /** Foreign orders that were told, as `venueKey` names them. */
  readonly foreign: readonly string[]
  /** Orphans that were adopted, as `venueKey` names them. */
  readonly adopted: readonly string[]
  /** Differences of `balance|<currency>` and `position|<symbol>` that a report has shown. */
  readonly differences: Readonly<Record<string, Difference>>
}

export interface Difference {
  readonly amount: string
  readonly atMs: number
  /** Told to people, who have not decided yet. */
  readonly told: boolean
}

export type ReconcileEvent =
  | { readonly kind: 'fill'; readonly record: OrderRecord; readonly fill: VenueFill }
  | {
      readonly kind: 'order'
      readonly record: OrderRecord
      readonly event: StatusEvent | 'missing'
      readonly reason: string | null
      /** It had ended in our records and works at the venue: cancel it if nobody wants it. */
      readonly revived: boolean
      readonly word: VenueOrder | null
    }
  | { readonly kind: 'triggered'; readonly record: OrderRecord }
  /** An order of ours that no record knows: it joins its trade as an open one, then its fills and its word are taken. */
  | {
      readonly kind: 'orphan_adopted'
      readonly key: ClientOrderKey
      readonly order: VenueOrder
      readonly fills: readonly VenueFill[]
      /** Nothing of it is missing among the fills, whether or not its word states how much was executed. */
      readonly fillsComplete: boolean
    }
  | { readonly kind: 'foreign_order_seen'; readonly order: VenueOrder }
  /** Less is there than we hold; `closedBy` are foreign fills that explain it exactly, none means unpriced. */
  | {
      readonly kind: 'ghost_position'
      readonly symbol: string
      /** Unsigned: how much is gone. */
      readonly quantity: Decimal
      readonly side: 'long' | 'short'
      readonly closedBy: readonly VenueFill[]
    }
  /** More is there than we hold: for people to decide, never to be flattened. */
  | { readonly kind: 'position_seen'; readonly symbol: string; readonly ours: Decimal; readonly venue: Decimal }
  /** Signed: positive where the venue holds more than the books. */
  | { readonly kind: 'drift'; readonly currency: string; readonly amount: Decimal }

/** An order to be looked up: its answer belongs into the next report's `lookedUp`. */
export interface ProbeRequest {
  readonly clientOrderId: string
  readonly symbol: string
  readonly venueOrderId: string | null
  /** A live order that is listed nowhere, one whose end waits for its fills, or a fill of an order that no record knows. */
  readonly why: 'missing' | 'fills' | 'unrecorded'
}

export interface Reconciliation {
  /** In the order in which they are to be taken: fills first. */
  readonly events: readonly ReconcileEvent[]
  readonly probes: readonly ProbeRequest[]
  readonly memory: ReconcileMemory
  /** Evidence times and venue ids that the events carry, by client order id. */
  readonly words: ReadonlyMap<string, OrderWordChange>
  /** Keys of fills that belong to nobody here: the cursor may pass them. */
  readonly foreignFills: ReadonlySet<string>
  /** Unexplained so far: with any, the account makes no entry. */
  readonly openDifferences: number
}

export interface OrderWordChange {
  readonly evidenceAtMs: number
  readonly venueOrderId: string | null
  readonly isAcknowledged: boolean
}

/** Venues number orders by symbol. */
export function venueKey(symbol: string, venueOrderId: string): string {
  return `${symbol}|${venueOrderId}`
}

/** @param foreign foreign orders that were told before a restart. */
export function newMemory(foreign: readonly { readonly symbol: string; readonly venueOrderId: string }[] = []): ReconcileMemory {
  const told = foreign.map(order => venueKey(order.symbol, order.venueOrderId))
  return { reportId: 0, misses: {}, foreign: told, adopted: [], differences: {} }
}
