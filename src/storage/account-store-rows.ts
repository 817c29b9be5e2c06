// Rows of an exchange account, and back: orders with what the venue said of them, intents, orders of others.

import { Decimal } from '../core/money/decimal.ts'
import { type Order, type OrderKey, orderKeyText } from '../core/orders/order.ts'
import {
  type ForeignOrder,
  INTENT_STATUSES,
  type Intent,
  type IntentChange,
  type IntentStatus,
  type OrderRecord,
  type OrderWord,
  type SavedIntent,
} from '../engine/account-store.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import type { CallClass, VenueOrder } from '../engine/venue.ts'
import { INTENT_MOVES } from './account-store-rules.ts'
import { derivedUuid, orderIdOf } from './ids.ts'
import { orderRows, type RowContext } from './run-commit-rows.ts'
import { timeOf, timeOrNull } from './sql-types.ts'

/** What an order's columns tell; the rest of an order lies in `detail`. */
const IN_COLUMNS: ReadonlySet<string> = new Set([
  'tradeSeq',
  'purpose',
  'sequence',
  'symbol',
  'side',
  'type',
  'quantity',
  'limitPrice',
  'stopPrice',
  'status',
  'cancelState',
  'isVirtual',
  'filledQuantity',
  'feeValueQuote',
  'reason',
  'intendedAtMs',
  'closedAtMs',
])

function detailOf(order: Order): object {
  const detail: Record<string, unknown> = {}
  for (const key in order) if (!IN_COLUMNS.has(key)) detail[key] = order[key as keyof Order]
  return detail
}

function evidenceTime(word: OrderWord | undefined): string | null {
  return word && word.evidenceAtMs > 0 ? timeOf(word.evidenceAtMs) : null
}

interface OrderRow {
  readonly order_id: string
  readonly client_order_id: string
}

/**
 * Orders of a batch, each with its word where the same commit has one.
 * @param names given to orders by words and intents, by order key: an order that was adopted keeps the name it has at the venue.
 * @param words by order key; those that are used are taken out. What calls an order by another name than ours is written on its own,
 *   where the name is looked at.
 */
export function accountOrderRows(
  context: RowContext,
  batch: CommitBatch,
  names: ReadonlyMap<string, string>,
  words: Map<string, OrderWord>,
): object[] {
  const images = new Map(batch.orders.map(order => [orderIdOf(context.runId, orderKeyText(order)), order]))
  return (orderRows(context, batch) as OrderRow[]).map(row => {
    const order = images.get(row.order_id)!
    const key = orderKeyText(order)
    const word = words.get(key)
    const said = word?.clientOrderId === row.client_order_id ? word : undefined
    if (said) words.delete(key)
    return {
      ...row,
      client_order_id: names.get(key) ?? row.client_order_id,
      detail: detailOf(order),
      exchange_order_id: said?.venueOrderId ?? null,
      acknowledged: said?.isAcknowledged ?? false,
      evidence_at: evidenceTime(said),
    }
  })
}

export function wordRow(runId: string, word: OrderWord): object {
  return {
    order_id: orderIdOf(runId, orderKeyText(word.order)),
    client_order_id: word.clientOrderId,
    exchange_order_id: word.venueOrderId,
    acknowledged: word.isAcknowledged,
    evidence_at: evidenceTime(word),
  }
}

function intentIdOf(connectionId: string, name: string): string {
  return derivedUuid('intent', connectionId, name)
}

export function intentRow(connectionId: string, runId: string, intent: Intent): object {
  return {
    id: intentIdOf(connectionId, intent.id),
    order_id: orderIdOf(runId, orderKeyText(intent.order)),
    client_order_id: intent.clientOrderId,
    name: intent.id,
    kind: intent.kind,
    priority: Number(intent.priority.slice(1)),
    payload: intent.payload ?? null,
    created_at: timeOf(intent.createdAtMs),
  }
}

const FROM = Object.fromEntries(
  INTENT_STATUSES.map(to => [to, INTENT_STATUSES.filter(from => INTENT_MOVES[from].includes(to))]),
) as Record<IntentStatus, IntentStatus[]>

export function intentChangeRow(connectionId: string, change: IntentChange): object {
  return {
    id: intentIdOf(connectionId, change.id),
    status: change.status,
    attempts: change.attempts,
    sent_at: timeOrNull(change.sentAtMs),
    next_probe_at: timeOrNull(change.nextProbeAtMs),
    last_error: change.lastError,
    doubt: change.doubt ?? null,
    before: FROM[change.status],
  }
}

export function foreignOrderRow({ venueOrder, resolution }: ForeignOrder): object {
  const { venueOrderId, symbol, side, quantity, limitPrice } = venueOrder
  return { exchange_order_id: venueOrderId, symbol, side, qty: quantity, price: limitPrice, resolution, raw: venueOrder }
}

const MS = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`

export const RECORD_COLUMNS = `o.bot_id, o.client_order_id, o.exchange_order_id, t.trade_seq as bot_trade_seq, t.bot_version,
  coalesce((t.extra_metadata ->> 'tradeSeq')::integer, t.trade_seq) as trade_seq, o.purpose, o.sequence, o.symbol, o.side,
  o.order_type, o.qty, o.limit_price, o.stop_price, o.status, o.cancel_state, o.is_virtual, o.filled_qty, o.fees, o.reason,
  ${MS('o.submitted_at')} as submitted, ${MS('o.closed_at')} as closed, o.acknowledged, ${MS('o.evidence_at')} as evidence, o.detail`

export interface RecordRow {
  readonly bot_id: string
  readonly client_order_id: string
  readonly exchange_order_id: string | null
  readonly bot_trade_seq: number
  readonly bot_version: number
  readonly trade_seq: number
  readonly purpose: Order['purpose']
  readonly sequence: number
  readonly symbol: string
  readonly side: Order['side']
  readonly order_type: Order['type']
  readonly qty: string
  readonly limit_price: string | null
  readonly stop_price: string | null
  readonly status: Order['status']
  readonly cancel_state: Order['cancelState']
  readonly is_virtual: boolean
  readonly filled_qty: string
  readonly fees: string
  readonly reason: string | null
  readonly submitted: number
  readonly closed: number | null
  readonly acknowledged: boolean
  readonly evidence: number | null
  readonly detail: { readonly decisionPrice: string | null; readonly filledValue: string; readonly [key: string]: unknown }
}

function decimalOrNull(text: string | null): Decimal | null {
  return text === null ? null : Decimal.from(text)
}

export function recordOf(row: RecordRow): OrderRecord {
  const order = {
    ...row.detail,
    tradeSeq: row.trade_seq,
    purpose: row.purpose,
    sequence: row.sequence,
    symbol: row.symbol,
    side: row.side,
    type: row.order_type,
    quantity: Decimal.from(row.qty),
    limitPrice: decimalOrNull(row.limit_price),
    stopPrice: decimalOrNull(row.stop_price),
    decisionPrice: decimalOrNull(row.detail.decisionPrice),
    status: row.status,
    cancelState: row.cancel_state,
    isVirtual: row.is_virtual,
    filledQuantity: Decimal.from(row.filled_qty),
    filledValue: Decimal.from(row.detail.filledValue),
    feeValueQuote: Decimal.from(row.fees),
    reason: row.reason,
    intendedAtMs: row.submitted,
    closedAtMs: row.closed,
  } as unknown as Order
  return {
    botId: row.bot_id,
    clientOrderId: row.client_order_id,
    venueOrderId: row.exchange_order_id,
    botTradeSeq: row.bot_trade_seq,
    configVersion: row.bot_version,
    order,
    isAcknowledged: row.acknowledged,
    evidenceAtMs: row.evidence ?? 0,
  }
}

export const INTENT_COLUMNS = `i.name, o.bot_id, coalesce((t.extra_metadata ->> 'tradeSeq')::integer, t.trade_seq) as trade_seq,
  o.purpose, o.sequence, o.client_order_id, i.kind, i.priority, i.payload, ${MS('i.created_at')} as created, i.status, i.attempts,
  ${MS('i.sent_at')} as sent, ${MS('i.next_probe_at')} as probe, i.last_error, i.doubt`

export interface IntentRow extends OrderKeyRow {
  readonly name: string
  readonly bot_id: string
  readonly client_order_id: string
  readonly kind: Intent['kind']
  readonly priority: number
  readonly payload: unknown
  readonly created: number
  readonly status: IntentStatus
  readonly attempts: number
  readonly sent: number | null
  readonly probe: number | null
  readonly last_error: string | null
  readonly doubt: unknown
}

interface OrderKeyRow {
  readonly trade_seq: number
  readonly purpose: OrderKey['purpose']
  readonly sequence: number
}

export function intentOf(row: IntentRow): SavedIntent {
  return {
    id: row.name,
    botId: row.bot_id,
    order: { tradeSeq: row.trade_seq, purpose: row.purpose, sequence: row.sequence },
    clientOrderId: row.client_order_id,
    kind: row.kind,
    priority: `P${row.priority}` as CallClass,
    payload: row.payload,
    createdAtMs: row.created,
    status: row.status,
    attempts: row.attempts,
    sentAtMs: row.sent,
    nextProbeAtMs: row.probe,
    lastError: row.last_error,
    doubt: row.doubt,
  }
}

type Texts<Row> = { readonly [Key in keyof Row]: Decimal extends Row[Key] ? string | Extract<Row[Key], null> : Row[Key] }

export function venueOrderOf(raw: Texts<VenueOrder>): VenueOrder {
  return {
    ...raw,
    quantity: Decimal.from(raw.quantity as string),
    limitPrice: decimalOrNull(raw.limitPrice as string | null),
    stopPrice: decimalOrNull(raw.stopPrice as string | null),
    executedQuantity: decimalOrNull(raw.executedQuantity as string | null),
  }
}
