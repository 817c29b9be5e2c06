// Records, words and reports for tests of the comparison with the venue, how outcomes read, and what taking their steps does to our side.

import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { ClientOrderKey } from '../../core/orders/client-order-id.ts'
import { type Order, type OrderStatus, TRIGGERED } from '../../core/orders/order.ts'
import { type OrderEvent, transition } from '../../core/orders/transitions.ts'
import type { OrderRecord } from '../account-store.ts'
import type { Listing, VenueBalance, VenueFill, VenueOrder, VenuePosition } from '../venue.ts'
import { type Evidence, evidenceEvents, fillKey } from './evidence.ts'
import { missingEvents } from './missing-events.ts'
import { newMemory, type OurSide, type ReconcileEvent, type Reconciliation, type VenueReport } from './report.ts'

export const SYMBOL = 'SOL/USDT'

export function d(text: string | number): Decimal {
  return Decimal.from(text)
}

export interface RecordSketch extends Partial<Omit<OrderRecord, 'order'>> {
  readonly order?: Partial<Order>
}

/** A live limit buy of 1 @ 100, confirmed at 1000. */
export function record(clientOrderId: string, status: OrderStatus, sketch: RecordSketch = {}): OrderRecord {
  const { order, ...rest } = sketch
  return {
    botId: 'bot',
    clientOrderId,
    venueOrderId: `v-${clientOrderId}`,
    botTradeSeq: 1,
    configVersion: 1,
    isAcknowledged: status !== 'intended' && status !== 'in_flight' && status !== 'unknown',
    evidenceAtMs: 1_000,
    order: {
      tradeSeq: 1,
      purpose: 'base',
      sequence: 1,
      symbol: SYMBOL,
      side: 'buy',
      type: 'limit',
      quantity: d(1),
      limitPrice: d(100),
      stopPrice: null,
      decisionPrice: null,
      rung: null,
      status,
      cancelState: 'none',
      isVirtual: false,
      filledQuantity: ZERO,
      filledValue: ZERO,
      feeValueQuote: ZERO,
      reason: null,
      intendedAtMs: 500,
      expiresAtMs: null,
      closedAtMs: null,
      ...order,
    },
    ...rest,
  }
}

export function venueOrder(clientOrderId: string | null, rest: Partial<VenueOrder> = {}): VenueOrder {
  return {
    symbol: SYMBOL,
    clientOrderId,
    venueOrderId: `v-${clientOrderId}`,
    side: 'buy',
    type: 'limit',
    quantity: d(1),
    limitPrice: d(100),
    stopPrice: null,
    status: 'open',
    executedQuantity: null,
    updatedAtMs: 1_000,
    isTriggered: false,
    reason: null,
    ...rest,
  }
}

export function venueFill(clientOrderId: string | null, id: string, quantity: string, rest: Partial<VenueFill> = {}): VenueFill {
  return {
    symbol: SYMBOL,
    venueFillId: id,
    venueOrderId: `v-${clientOrderId}`,
    clientOrderId,
    side: 'buy',
    price: d(100),
    quantity: d(quantity),
    fee: d('0.1'),
    feeAsset: 'USDT',
    liquidity: 'maker',
    atMs: 2_000,
    ...rest,
  }
}

export function listing<Row>(...rows: Row[]): Listing<Row> {
  return { rows, complete: true }
}

export function report(id: number, sketch: Partial<VenueReport> = {}): VenueReport {
  return {
    id,
    atMs: id * 60_000,
    openOrders: listing(),
    history: null,
    fills: listing(),
    positions: null,
    balances: null,
    lookedUp: [],
    ...sketch,
  }
}

/** Only ids that begin with `ek` can be ours. */
export function ourSide(records: readonly OrderRecord[], sketch: Partial<OurSide> = {}): OurSide {
  return {
    records,
    booked: new Set(),
    touchedAtMs: new Map(),
    positions: [],
    balances: new Map(),
    recompute: id => (id.startsWith('ek') ? keyOf(id) : null),
    ...sketch,
  }
}

export function keyOf(id: string): ClientOrderKey {
  return { epoch: 1, botId: 'bot', tradeSeq: 1, purpose: 'avg', sequence: id.length }
}

/** One order event and what it does to the record. */
export function stepped(before: OrderRecord, event: OrderEvent): OrderRecord {
  const move = transition(before.order.status, event, before.isAcknowledged)
  if (move.kind === 'impossible') throw new Error(`${before.order.status} cannot meet ${event}`)
  return move.kind === 'to' ? { ...before, order: { ...before.order, status: move.status } } : before
}

export function withFill(before: OrderRecord, fill: VenueFill): OrderRecord {
  const filledQuantity = before.order.filledQuantity.plus(fill.quantity)
  const booked = { ...before, isAcknowledged: true, order: { ...before.order, filledQuantity } }
  return stepped(booked, filledQuantity.gte(before.order.quantity) ? 'filled' : 'part_filled')
}

/** The record once the steps of its evidence were taken; their fills join `booked`. */
export function takeEvidence(before: OrderRecord, evidence: Evidence, booked: Set<string>): OrderRecord {
  let after = before
  for (const step of evidence.events) {
    if (step.kind === 'fill') {
      after = withFill(after, step.fill)
      booked.add(fillKey(step.fill.symbol, step.fill.venueFillId))
    } else if (step.kind === 'order') after = stepped(after, step.event)
    else after = { ...after, order: { ...after.order, reason: TRIGGERED } }
  }
  const { evidenceAtMs, venueOrderId, isAcknowledged } = evidence
  return { ...after, evidenceAtMs, venueOrderId, isAcknowledged }
}

/** Our side once every step was taken: fills booked, orders moved, orphans adopted, drift and ghosts booked. */
export function taken(ours: OurSide, outcome: Reconciliation): OurSide {
  const records = new Map(ours.records.map(each => [each.clientOrderId, each]))
  const booked = new Set(ours.booked)
  const balances = new Map(ours.balances)
  let positions = [...ours.positions]
  const book = (clientOrderId: string, fill: VenueFill): void => {
    records.set(clientOrderId, withFill(records.get(clientOrderId)!, fill))
    booked.add(fillKey(fill.symbol, fill.venueFillId))
  }
  const take = (event: ReconcileEvent): void => {
    if (event.kind === 'fill') book(event.record.clientOrderId, event.fill)
    else if (event.kind === 'order') {
      const { clientOrderId } = event.record
      records.set(clientOrderId, stepped(records.get(clientOrderId)!, event.event))
    } else if (event.kind === 'triggered') {
      const known = records.get(event.record.clientOrderId)!
      records.set(known.clientOrderId, { ...known, order: { ...known.order, reason: TRIGGERED } })
    } else if (event.kind === 'orphan_adopted') {
      const { order, fills, fillsComplete } = event
      const id = order.clientOrderId!
      const { symbol, side, type, quantity, limitPrice, stopPrice, venueOrderId } = order
      const image = { symbol, side, type, quantity, limitPrice, stopPrice }
      const adopted = record(id, 'open', { venueOrderId, evidenceAtMs: 0, order: image })
      records.set(id, takeEvidence(adopted, evidenceEvents(adopted, { order, fills, fillsComplete }, booked), booked))
    } else if (event.kind === 'drift') {
      balances.set(event.currency, (balances.get(event.currency) ?? ZERO).plus(event.amount))
    } else if (event.kind === 'ghost_position') {
      positions = positions.map(each => (each.symbol === event.symbol ? lessened(each, event.quantity) : each))
    }
  }
  outcome.events.forEach(take)
  for (const [id, word] of outcome.words) records.set(id, { ...records.get(id)!, ...word })
  return { ...ours, records: [...records.values()], booked, balances, positions }
}

function lessened<Position extends { readonly quantity: Decimal }>(position: Position, gone: Decimal): Position {
  const { quantity } = position
  return { ...position, quantity: quantity.isNegative() ? quantity.plus(gone) : quantity.minus(gone) }
}

export const PERP = 'BTC/USDT:USDT'

export function balances(rows: Record<string, string>): Listing<VenueBalance> {
  return listing(...Object.entries(rows).map(([currency, free]) => ({ currency, free: d(free), locked: d(0) })))
}

export function perps(rows: Record<string, string>): Listing<VenuePosition> {
  return listing(...Object.entries(rows).map(([symbol, quantity]) => ({ symbol, quantity: d(quantity), entryPrice: null })))
}

export function kinds(outcome: Reconciliation): string[] {
  return outcome.events.map(event => {
    if (event.kind === 'fill') return `fill ${event.record.clientOrderId} ${event.fill.quantity}`
    if (event.kind === 'order') return `${event.event} ${event.record.clientOrderId}`
    if (event.kind === 'triggered') return `triggered ${event.record.clientOrderId}`
    if (event.kind === 'orphan_adopted' || event.kind === 'foreign_order_seen')
      return `${event.kind} ${event.order.clientOrderId}`
    if (event.kind === 'drift') return `drift ${event.currency} ${event.amount}`
    if (event.kind === 'ghost_position')
      return `ghost ${event.symbol} ${event.side} ${event.quantity} by ${event.closedBy.length}`
    return `position_seen ${event.symbol} ${event.ours} ${event.venue}`
  })
}

export function probed(outcome: Reconciliation): string[] {
  return outcome.probes.map(probe => `${probe.clientOrderId} ${probe.why}`)
}

/** The same sections report after report, the steps of each taken before the next. */
export function reports(
  ours: OurSide,
  count: number,
  sections: Partial<VenueReport>,
): { events: string[][]; probes: string[][]; ours: OurSide } {
  let side = ours
  let memory = newMemory()
  const events: string[][] = []
  const probes: string[][] = []
  for (let id = 1; id <= count; id += 1) {
    const outcome = missingEvents(side, report(id, sections), memory)
    events.push(kinds(outcome))
    probes.push(probed(outcome))
    side = taken(side, outcome)
    memory = outcome.memory
  }
  return { events, probes, ours: side }
}
