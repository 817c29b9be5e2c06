// What a venue's word about one order of ours means, as steps in the order in which they are to be taken (execution.md 2.1, 3.1): fills
// first, because quantities follow from executions and never from status words; then what became of the order. An end waits until every
// execution that the venue states is booked, and a word older than one that was applied already carries only its fills.

import { type Decimal, ZERO } from '../../core/money/decimal.ts'
import { isLive, type Order, type OrderStatus, TRIGGERED } from '../../core/orders/order.ts'
import { type OrderEvent, transition } from '../../core/orders/transitions.ts'
import type { OrderRecord } from '../account-store.ts'
import type { VenueFill, VenueOrder } from '../venue.ts'

/** Everything that is known of one order from one answer, message or report. */
export interface VenueWord {
  /** null where only fills came. */
  readonly order: VenueOrder | null
  /** May hold fills of other orders and fills that are booked: both are passed over. */
  readonly fills: readonly VenueFill[]
  /** Every fill of the order up to its word has been read: then an end needs no stated executed quantity. */
  readonly fillsComplete?: boolean
  /** One row of a report, which answers no question: that an order works on is told only where nobody knew it. */
  readonly isListed?: boolean
}

/** Order events that follow from a status word; part_filled and filled follow from booked fills. */
export type StatusEvent = Extract<OrderEvent, 'accepted' | 'rejected' | 'cancelled' | 'expired'>

export type EvidenceStep =
  | { readonly kind: 'fill'; readonly fill: VenueFill }
  | { readonly kind: 'order'; readonly event: StatusEvent; readonly reason: string | null }
  | { readonly kind: 'triggered' }

export interface Evidence {
  readonly events: readonly EvidenceStep[]
  /** How the order stands once the fills are booked, before any other step. */
  readonly statusAfterFills: OrderStatus
  /** The venue executed more than is booked, or did not say how much: its fills are to be asked for, then its word again. */
  readonly waitsForFills: boolean
  /** Venue time of the newest word once the steps are taken: the record's next `evidenceAtMs`. Fills have their own ids and move it not. */
  readonly evidenceAtMs: number
  /** The venue's own id, where it is known by now. */
  readonly venueOrderId: string | null
  /** Whether the venue has confirmed the order by now: with a word or with a fill. */
  readonly isAcknowledged: boolean
}

const SYNTHETIC = 'syn:'
/** Places of a fee that is split: as many as the ledger keeps. */
const FEE_PLACES = 18

/** Under which a fill counts as booked: venues number fills by symbol. */
export function fillKey(symbol: string, venueFillId: string): string {
  return `${symbol}|${venueFillId}`
}

/** Id of an execution that the venue gave none: it follows from how much of the order was executed with it. */
export function syntheticFillId(clientOrderId: string, cumulativeQuantity: Decimal): string {
  return `${SYNTHETIC}${clientOrderId}:${cumulativeQuantity}`
}

/** Whether a fill is of this order: by either id, whichever the venue tells. */
function isFillOf(record: OrderRecord, fill: VenueFill, order: VenueOrder | null): boolean {
  if (fill.symbol !== record.order.symbol) return false
  if (fill.clientOrderId !== null) return fill.clientOrderId === record.clientOrderId
  return fill.venueOrderId === (record.venueOrderId ?? order?.venueOrderId)
}

/**
 * @param booked ids of booked fills as `fillKey` makes them.
 * Taking the steps and asking again with the same word gives no steps, but for the answer to a cancel that did not work.
 */
export function evidenceEvents(record: OrderRecord, word: VenueWord, booked: ReadonlySet<string>): Evidence {
  const own = word.order !== null && isOwnWord(record, word.order) ? word.order : null
  const fills = unbookedFills(record, word, booked)
  const events: EvidenceStep[] = fills.map(fill => ({ kind: 'fill', fill }))
  const after = afterFills(record.order, fills)
  const known = {
    venueOrderId: record.venueOrderId ?? own?.venueOrderId ?? fills[0]?.venueOrderId ?? null,
    isAcknowledged: record.isAcknowledged || fills.length > 0,
    statusAfterFills: after.status,
  }
  if (own === null) return { ...known, events, waitsForFills: false, evidenceAtMs: record.evidenceAtMs }

  const event = statusEvent(own, after, record.order)
  const isAsked = word.isListed !== true && isCancelOpen(record.order)
  const isNew = event !== null && (isNews(record, after.status, event, own.updatedAtMs) || (event === 'accepted' && isAsked))
  const ends = isNew && event !== 'accepted'
  const waitsForFills = owesFills(own, after) || (ends && isUncounted(own, after, record.order, word.fillsComplete === true))
  if (isOutdated(record, own) || (ends && waitsForFills)) {
    return { ...known, events, waitsForFills, evidenceAtMs: record.evidenceAtMs }
  }
  if (isNew) events.push({ kind: 'order', event, reason: own.reason })
  if (own.isTriggered && isWorkingStop(record.order, own, after)) events.push({ kind: 'triggered' })
  return {
    ...known,
    isAcknowledged: known.isAcknowledged || (event !== null && event !== 'rejected'),
    events,
    waitsForFills,
    evidenceAtMs: own.updatedAtMs,
  }
}

/** A look-up by the venue's id, a listing or a match without an id may name the order in their own way; a contradiction is not ours. */
function isOwnWord(record: OrderRecord, order: VenueOrder): boolean {
  if (order.symbol !== record.order.symbol) return false
  return order.clientOrderId === null || order.clientOrderId === record.clientOrderId
}

/** An open order that states less than is booked was read before the last of its fills, whatever its time says. */
function isOutdated(record: OrderRecord, word: VenueOrder): boolean {
  if (word.updatedAtMs < record.evidenceAtMs) return true
  return word.status === 'open' && word.executedQuantity !== null && word.executedQuantity.lt(record.order.filledQuantity)
}

interface AfterFills {
  readonly status: OrderStatus
  readonly filledQuantity: Decimal
}

/** How the order stands once the fills are booked: what the pump will have raised by then. */
function afterFills(order: Order, fills: readonly VenueFill[]): AfterFills {
  let { status, filledQuantity } = order
  for (const fill of fills) {
    filledQuantity = filledQuantity.plus(fill.quantity)
    const move = transition(status, filledQuantity.gte(order.quantity) ? 'filled' : 'part_filled')
    if (move.kind === 'to') status = move.status
  }
  return { status, filledQuantity }
}

/** The venue executed more than is booked. */
function owesFills(word: VenueOrder, after: AfterFills): boolean {
  return word.executedQuantity !== null && after.filledQuantity.lt(word.executedQuantity)
}

/** How much was executed is not stated, which is never zero: an end needs every fill read. A refused order was never in the book. */
function isUncounted(word: VenueOrder, after: AfterFills, order: Order, fillsComplete: boolean): boolean {
  if (word.executedQuantity !== null || word.status === 'rejected' || fillsComplete) return false
  return after.filledQuantity.lt(order.quantity)
}

/** null: the status word adds nothing to the booked fills. */
function statusEvent(word: VenueOrder, after: AfterFills, order: Order): StatusEvent | null {
  // What is executed whole cannot work on, whatever a listing still shows.
  if (word.status === 'open') return after.status === 'filled' ? null : 'accepted'
  if (word.status !== 'filled') return word.status
  // "Filled" with less than we ordered, all of it booked: the venue is done with the order, and nothing more will come of it.
  return after.filledQuantity.lt(order.quantity) ? 'expired' : null
}

/** The cancel was refused or lost: that the order works on is the answer to the look-up that follows. */
function isCancelOpen(order: Order): boolean {
  return isLive(order) && (order.cancelState === 'refused' || order.cancelState === 'unknown')
}

/** Whether the event tells something: it moves the order, contradicts what we knew, or is the venue's first confirmation. */
function isNews(record: OrderRecord, status: OrderStatus, event: StatusEvent, updatedAtMs: number): boolean {
  // What has ended is only contradicted by something newer: the same listing may still show it as it was.
  if (!isLive({ ...record.order, status }) && updatedAtMs <= record.evidenceAtMs) return false
  const move = transition(status, event, record.isAcknowledged)
  if (move.kind === 'impossible') return false
  if (move.kind === 'to') return move.status !== status
  return move.anomaly || (event === 'accepted' && !record.isAcknowledged)
}

function isWorkingStop(order: Order, word: VenueOrder, after: AfterFills): boolean {
  if (order.type !== 'stop' && order.type !== 'stop_limit') return false
  const works = isLive({ ...order, status: after.status }) && after.filledQuantity.lt(order.quantity)
  return word.status === 'open' && works && order.reason !== TRIGGERED
}

function unbookedFills(record: OrderRecord, word: VenueWord, booked: ReadonlySet<string>): VenueFill[] {
  const mine = word.fills.filter(fill => isFillOf(record, fill, word.order) && fill.quantity.isPositive())
  if (isCountedByQuantity(record, mine, booked)) return fillsByQuantity(record, mine)
  const seen = new Set<string>()
  return mine.filter(fill => {
    const key = fillKey(fill.symbol, fill.venueFillId)
    if (booked.has(key) || seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** Fills without ids are counted by quantity, and so are all later ones of the same order: else one execution could be booked twice. */
function isCountedByQuantity(record: OrderRecord, fills: readonly VenueFill[], booked: ReadonlySet<string>): boolean {
  if (fills.some(fill => fill.venueFillId === '')) return true
  return booked.has(fillKey(record.order.symbol, syntheticFillId(record.clientOrderId, record.order.filledQuantity)))
}

/**
 * Such fills must be all of the order, oldest first: how much was executed up to each of them is their name, and what lies below the
 * booked quantity is booked. The part of one that reaches beyond it is taken with its share of the fee.
 */
function fillsByQuantity(record: OrderRecord, fills: readonly VenueFill[]): VenueFill[] {
  const found: VenueFill[] = []
  let cumulative = ZERO
  let taken = record.order.filledQuantity
  for (const fill of fills) {
    cumulative = cumulative.plus(fill.quantity)
    if (cumulative.lte(taken)) continue
    const quantity = cumulative.minus(taken)
    const fee = fill.fee === null || quantity.gte(fill.quantity) ? fill.fee : shareOf(fill.fee, quantity, fill.quantity)
    const rest = quantity.lt(fill.quantity) ? quantity : fill.quantity
    found.push({ ...fill, venueFillId: syntheticFillId(record.clientOrderId, cumulative), quantity: rest, fee })
    taken = cumulative
  }
  return found
}

function shareOf(fee: Decimal, part: Decimal, whole: Decimal): Decimal {
  return fee.times(part).dividedBy(whole, FEE_PLACES, 'half_even')
}
