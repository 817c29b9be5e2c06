// A venue as the platform sees it (execution.md 12.1): orders go out as text that is sent as it stands, reports come back with what the
// venue stated and null for what it did not. A listing says itself whether it is complete; only a complete one is evidence.

import type { Decimal } from '../core/money/decimal.ts'
import type { OrderType, Side } from '../core/orders/order.ts'

/** An order frozen as it will be sent: quantised decimals as text. */
export interface PlacePayload {
  readonly clientOrderId: string
  readonly symbol: string
  readonly side: Side
  readonly type: OrderType
  readonly quantity: string
  readonly limitPrice: string | null
  readonly stopPrice: string | null
  readonly reduceOnly: boolean
}

/** Names an order at the venue; the venue's own id where it is known. */
export interface VenueOrderRef {
  readonly symbol: string
  readonly clientOrderId: string
  readonly venueOrderId: string | null
}

export interface VenueOrder {
  readonly symbol: string
  /** As the venue tells it; null where it tells none. */
  readonly clientOrderId: string | null
  readonly venueOrderId: string
  readonly side: Side
  readonly type: OrderType
  readonly quantity: Decimal
  readonly limitPrice: Decimal | null
  readonly stopPrice: Decimal | null
  readonly status: 'open' | 'filled' | 'cancelled' | 'expired' | 'rejected'
  /** null is not stated, never 0. */
  readonly executedQuantity: Decimal | null
  /** Venue time of this word, epoch ms: older evidence than the newest applied carries only its fills. */
  readonly updatedAtMs: number
  /** A stop whose price was touched and whose order works now. */
  readonly isTriggered: boolean
  readonly reason: string | null
}

export interface VenueFill {
  readonly symbol: string
  readonly venueFillId: string
  readonly venueOrderId: string
  readonly clientOrderId: string | null
  readonly side: Side
  readonly price: Decimal
  readonly quantity: Decimal
  /** null while the venue has not told it. */
  readonly fee: Decimal | null
  readonly feeAsset: string | null
  readonly liquidity: 'maker' | 'taker' | 'unknown'
  readonly atMs: number
}

export interface VenueBalance {
  readonly currency: string
  readonly free: Decimal
  readonly locked: Decimal
}

/** A derivatives position; negative quantity is short. */
export interface VenuePosition {
  readonly symbol: string
  readonly quantity: Decimal
  readonly entryPrice: Decimal | null
}

/** Rows and whether they are all: every page was read and none failed. */
export interface Listing<Row> {
  readonly rows: readonly Row[]
  readonly complete: boolean
}

export interface FillsPage {
  readonly fills: readonly VenueFill[]
  /** Where the next page begins; null cursor asks for the beginning. */
  readonly cursor: string
  readonly complete: boolean
}

export type VenueMessage =
  | { readonly kind: 'order'; readonly order: VenueOrder }
  | { readonly kind: 'fill'; readonly fill: VenueFill }
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }

export const ABSENCE_SOURCES = ['find', 'open_orders', 'history', 'fills'] as const
export type AbsenceSource = (typeof ABSENCE_SOURCES)[number]

export interface VenueCapabilities {
  readonly findByClientId: boolean
  /** Sources that together prove that an order never arrived, or is gone. */
  readonly absenceProof: readonly AbsenceSource[]
  /** No earlier than this after the call can an absence be proven. */
  readonly absenceHorizonSec: number
  readonly restingStops: boolean
  readonly oco: boolean
  readonly amend: boolean
  readonly reduceOnly: boolean
  /** A resting sell binds its coins, so that two exits of the same coins cannot rest together. */
  readonly locksBalance: boolean
}

/** Classes of execution.md 2.7; whatever is unmapped or unreadable is `ambiguous`. */
export const VENUE_ERROR_CLASSES = [
  'refused',
  'filter',
  'rate_limited',
  'banned',
  'clock',
  'auth',
  'maintenance',
  'duplicate',
  'not_found',
  'ambiguous',
] as const
export type VenueErrorClass = (typeof VENUE_ERROR_CLASSES)[number]

export class VenueError extends Error {
  readonly class: VenueErrorClass
  /** The venue's own code, for people. */
  readonly code: string
  readonly retryAfterMs: number | null

  constructor(errorClass: VenueErrorClass, code: string, message: string, retryAfterMs: number | null = null) {
    super(message)
    this.name = 'VenueError'
    this.class = errorClass
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** Calls by how urgent they are (execution.md 2.6), most urgent first. */
export const CALL_CLASSES = ['P0', 'P1', 'P2', 'P3', 'P4', 'P5', 'P6'] as const
export type CallClass = (typeof CALL_CLASSES)[number]
