// Our orders against a report: what was missed, what is missing, and what is there that no record knows (execution.md 7.1). A listing
// without an order is no proof of anything: it takes two complete ones and a look-up that does not find it.

import { isLive, type Order } from '../../core/orders/order.ts'
import type { OrderRecord } from '../account-store.ts'
import type { VenueFill, VenueOrder } from '../venue.ts'
import { isSameOrder } from './doubt.ts'
import { type Evidence, evidenceEvents, fillKey } from './evidence.ts'
import {
  type OrderWordChange,
  type OurSide,
  type ProbeRequest,
  type ReconcileEvent,
  type ReconcileMemory,
  type VenueReport,
  venueKey,
} from './report.ts'

/** What changed more recently than this before a report may not be in it. */
const SETTLE_MS = 5_000
/** Two reports count as two when they are this far apart; our clock may have been set back between them. */
export function areApart(atMs: number, beforeMs: number): boolean {
  return Math.abs(atMs - beforeMs) >= SETTLE_MS
}

/** Complete listings without a live order before it is looked up. */
const MISSES_BEFORE_PROBE = 2

export interface OrdersCompared {
  readonly fills: ReconcileEvent[]
  readonly orders: ReconcileEvent[]
  readonly unrecorded: ReconcileEvent[]
  readonly probes: ProbeRequest[]
  readonly words: Map<string, OrderWordChange>
  readonly misses: Record<string, { readonly count: number; readonly atMs: number }>
  readonly foreign: Set<string>
  readonly adopted: Set<string>
  readonly foreignFills: VenueFill[]
  /** Symbols of which something is still moving: no position of theirs can be judged by this report. */
  readonly unsettled: Set<string>
  /** Whether anything but orders in doubt is moving: those may stay so for long. */
  isSettling: boolean
}

export function compareOrders(ours: OurSide, report: VenueReport, memory: ReconcileMemory): OrdersCompared {
  const result: OrdersCompared = {
    fills: [],
    orders: [],
    unrecorded: [],
    probes: [],
    words: new Map(),
    misses: {},
    foreign: new Set(memory.foreign),
    adopted: new Set(memory.adopted),
    foreignFills: [],
    unsettled: new Set(),
    isSettling: false,
  }
  const indexed = indexReport(ours.records, report)
  for (const record of ours.records) compareRecord(record, ours, report, memory, indexed, result)
  adoptOrphans(ours, indexed, report.fills?.complete ?? false, result)
  tellForeign(ours, report, indexed, result)
  probeUnrecorded(ours, indexed, result)
  return result
}

/** A report by the orders it speaks of. */
interface IndexedReport {
  /** The newest word about each of our records, by its client order id. */
  readonly words: Map<string, VenueOrder>
  readonly fills: Map<string, VenueFill[]>
  readonly notFound: ReadonlySet<string>
  /** Words about orders that no record knows, newest of each. */
  readonly strangers: Map<string, VenueOrder>
  /** Fills of orders that no record knows, by `strangeKey`. */
  readonly strangeFills: Map<string, VenueFill[]>
}

function indexReport(records: readonly OrderRecord[], report: VenueReport): IndexedReport {
  const byClientId = new Map(records.map(record => [record.clientOrderId, record]))
  const byVenueId = new Map<string, OrderRecord>()
  for (const record of records) {
    if (record.venueOrderId !== null) byVenueId.set(venueKey(record.order.symbol, record.venueOrderId), record)
  }
  const recordOf = (it: { symbol: string; clientOrderId: string | null; venueOrderId: string }): OrderRecord | undefined => {
    const named = it.clientOrderId === null ? undefined : byClientId.get(it.clientOrderId)
    if (named) return named.order.symbol === it.symbol ? named : undefined
    return byVenueId.get(venueKey(it.symbol, it.venueOrderId))
  }

  const words = new Map<string, VenueOrder>()
  const strangers = new Map<string, VenueOrder>()
  const found = report.lookedUp.flatMap(each => (each.order ? [each.order] : []))
  for (const order of [...(report.openOrders?.rows ?? []), ...(report.history?.rows ?? []), ...found]) {
    const record = recordOf(order)
    if (record) {
      keepNewest(words, record.clientOrderId, order)
      byVenueId.set(venueKey(order.symbol, order.venueOrderId), record)
    } else keepNewest(strangers, venueKey(order.symbol, order.venueOrderId), order)
  }

  const fills = new Map<string, VenueFill[]>()
  const strangeFills = new Map<string, VenueFill[]>()
  for (const fill of report.fills?.rows ?? []) {
    const record = recordOf(fill)
    if (record) gather(fills, record.clientOrderId, fill)
    else gather(strangeFills, strangeKey(fill), fill)
  }
  const notFound = new Set(report.lookedUp.filter(each => each.order === null).map(each => each.clientOrderId))
  return { words, fills, notFound, strangers, strangeFills }
}

function gather(groups: Map<string, VenueFill[]>, key: string, fill: VenueFill): void {
  const group = groups.get(key)
  if (group) group.push(fill)
  else groups.set(key, [fill])
}

/** A fill names its order by our id where the venue tells one, else by the venue's. */
function strangeKey(it: {
  readonly symbol: string
  readonly clientOrderId: string | null
  readonly venueOrderId: string
}): string {
  return it.clientOrderId === null ? `venue|${venueKey(it.symbol, it.venueOrderId)}` : `ours|${it.symbol}|${it.clientOrderId}`
}

/** Of two words with the same time the one that says it has ended is the later one. */
function keepNewest(words: Map<string, VenueOrder>, key: string, order: VenueOrder): void {
  const kept = words.get(key)
  const isNewer =
    !kept || order.updatedAtMs > kept.updatedAtMs || (order.updatedAtMs === kept.updatedAtMs && kept.status === 'open')
  if (isNewer) words.set(key, order)
}

function compareRecord(
  record: OrderRecord,
  ours: OurSide,
  report: VenueReport,
  memory: ReconcileMemory,
  indexed: IndexedReport,
  result: OrdersCompared,
): void {
  const { clientOrderId, order } = record
  const isTouched = report.atMs - (ours.touchedAtMs.get(clientOrderId) ?? Number.NEGATIVE_INFINITY) < SETTLE_MS
  const word = isTouched ? null : (indexed.words.get(clientOrderId) ?? null)
  const fills = (indexed.fills.get(clientOrderId) ?? []).map(fill => ({ ...fill, clientOrderId }))
  const fillsComplete = report.fills?.complete ?? false
  const evidence = evidenceEvents(record, { order: word, fills, fillsComplete, isListed: true }, ours.booked)
  takeEvidence(record, word, evidence, result)
  if (evidence.waitsForFills) result.probes.push(probeOf(record, 'fills'))
  const isSettling = isTouched || evidence.events.length > 0 || evidence.waitsForFills || order.status === 'in_flight'
  if (isSettling || isMoving(order)) result.unsettled.add(order.symbol)
  if (isSettling) result.isSettling = true

  const missed = memory.misses[clientOrderId]
  if (isTouched) {
    if (missed) result.misses[clientOrderId] = missed
    return
  }
  if (word !== null || !canBeMissed(record, evidence)) return
  countMiss(record, report, missed, indexed.notFound.has(clientOrderId), result)
}

function takeEvidence(record: OrderRecord, word: VenueOrder | null, evidence: Evidence, result: OrdersCompared): void {
  for (const step of evidence.events) {
    if (step.kind === 'fill') result.fills.push({ kind: 'fill', record, fill: step.fill })
    else if (step.kind === 'triggered') result.orders.push({ kind: 'triggered', record })
    else {
      const revived = step.event === 'accepted' && !isLive(record.order)
      result.orders.push({ kind: 'order', record, event: step.event, reason: step.reason, revived, word })
    }
  }
  const { evidenceAtMs, venueOrderId, isAcknowledged } = evidence
  const changed =
    evidenceAtMs !== record.evidenceAtMs || venueOrderId !== record.venueOrderId || isAcknowledged !== record.isAcknowledged
  if (changed) result.words.set(record.clientOrderId, { evidenceAtMs, venueOrderId, isAcknowledged })
}

/** A call that is on its way or in doubt: it may have changed the account already. */
function isMoving(order: Order): boolean {
  return order.status === 'unknown' || order.status === 'in_flight'
}

/** Only what the venue has acknowledged and our fills have not ended can be missing; the rest is in flight, in doubt or ours alone. */
function canBeMissed(record: OrderRecord, evidence: Evidence): boolean {
  if (record.order.isVirtual && !record.isAcknowledged) return false
  return evidence.statusAfterFills === 'open' || evidence.statusAfterFills === 'part_filled'
}

function countMiss(
  record: OrderRecord,
  report: VenueReport,
  missed: { readonly count: number; readonly atMs: number } | undefined,
  wasNotFound: boolean,
  result: OrdersCompared,
): void {
  const { clientOrderId } = record
  if (missed && missed.count >= MISSES_BEFORE_PROBE && wasNotFound) {
    const reason = `gone from ${missed.count} complete reports and not found when asked for`
    result.orders.push({ kind: 'order', record, event: 'missing', reason, revived: false, word: null })
    result.isSettling = true
    result.unsettled.add(record.order.symbol)
    return
  }
  if (!report.openOrders?.complete) {
    if (missed) result.misses[clientOrderId] = missed
  } else if (!missed) result.misses[clientOrderId] = { count: 1, atMs: report.atMs }
  else if (!areApart(report.atMs, missed.atMs)) result.misses[clientOrderId] = missed
  else result.misses[clientOrderId] = { count: missed.count + 1, atMs: report.atMs }
  result.isSettling = true
  result.unsettled.add(record.order.symbol)
  if ((result.misses[clientOrderId]?.count ?? 0) >= MISSES_BEFORE_PROBE) result.probes.push(probeOf(record, 'missing'))
}

function probeOf(record: OrderRecord, why: ProbeRequest['why']): ProbeRequest {
  const { clientOrderId, venueOrderId, order } = record
  return { clientOrderId, symbol: order.symbol, venueOrderId, why }
}

/** Orders whose id only we can have made: open ones, and ended ones that executed something. */
function adoptOrphans(ours: OurSide, indexed: IndexedReport, fillsComplete: boolean, result: OrdersCompared): void {
  for (const [key, order] of indexed.strangers) {
    const own = order.clientOrderId === null ? null : ours.recompute(order.clientOrderId)
    if (own === null) continue
    indexed.strangers.delete(key)
    const keys = [strangeKey(order), strangeKey({ ...order, clientOrderId: null })]
    const mine = keys.flatMap(each => indexed.strangeFills.get(each) ?? [])
    for (const each of keys) indexed.strangeFills.delete(each)
    const concerns = order.status === 'open' || mine.length > 0 || (order.executedQuantity?.isPositive() ?? false)
    if (!concerns || result.adopted.has(key)) continue
    const fills = uniqueFills(mine).filter(fill => !ours.booked.has(fillKey(fill.symbol, fill.venueFillId)))
    result.adopted.add(key)
    result.isSettling = true
    result.unsettled.add(order.symbol)
    result.unrecorded.push({ kind: 'orphan_adopted', key: own, order, fills, fillsComplete })
  }
}

function uniqueFills(fills: readonly VenueFill[]): VenueFill[] {
  return [...new Map(fills.map(fill => [fillKey(fill.symbol, fill.venueFillId), fill])).values()]
}

/** Open orders that somebody else made, each told once. */
function tellForeign(ours: OurSide, report: VenueReport, indexed: IndexedReport, result: OrdersCompared): void {
  const open = new Set((report.openOrders?.rows ?? []).map(order => venueKey(order.symbol, order.venueOrderId)))
  for (const [key, order] of indexed.strangers) {
    if (order.status !== 'open' || !open.has(key) || result.foreign.has(key)) continue
    // Without an id it may be the very order that is in doubt: that is decided first.
    if (order.clientOrderId === null && ours.records.some(each => isMoving(each.order) && isSameOrder(each.order, order)))
      continue
    result.foreign.add(key)
    result.unrecorded.push({ kind: 'foreign_order_seen', order })
  }
}

/** Fills whose order nobody has listed: ours are looked up, others' are remembered as such. */
function probeUnrecorded(ours: OurSide, indexed: IndexedReport, result: OrdersCompared): void {
  const asked = new Set(result.probes.map(probe => probe.clientOrderId))
  for (const fill of uniqueFills([...indexed.strangeFills.values()].flat())) {
    if (ours.booked.has(fillKey(fill.symbol, fill.venueFillId))) continue
    const { clientOrderId, symbol, venueOrderId } = fill
    if (clientOrderId === null || ours.recompute(clientOrderId) === null) {
      result.foreignFills.push(fill)
      continue
    }
    result.isSettling = true
    result.unsettled.add(symbol)
    if (asked.has(clientOrderId)) continue
    asked.add(clientOrderId)
    result.probes.push({ clientOrderId, symbol, venueOrderId, why: 'unrecorded' })
  }
}
