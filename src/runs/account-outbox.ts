// What of an account waits for the next commit beside the batches of its bots: calls to be made and what became of them, what the venue
// told, how far its fills were read, orders of others, and the account's own money.

import type { Transfer } from '../core/ledger/transfer.ts'
import type { OrderKey } from '../core/orders/order.ts'
import type {
  AccountCommit,
  FillCursor,
  ForeignOrder,
  Intent,
  IntentChange,
  OrderRecord,
  OrderWord,
  SavedIntent,
} from '../engine/account-store.ts'
import { advanceCursor, type CursorTrack, newCursorTrack } from '../engine/reconciliation/fill-cursor.ts'
import type { FillsPage, VenueOrder } from '../engine/venue.ts'
import type { AccountRecords, KnownOrder } from './account-records.ts'

interface Pending {
  readonly newIntents: Intent[]
  readonly intentChanges: Map<string, IntentChange>
  readonly words: Map<string, OrderWord>
  readonly cursors: Map<string, FillCursor>
  readonly foreignOrders: Map<string, ForeignOrder>
  readonly transfers: Transfer[]
}

export class AccountOutbox {
  readonly #records: AccountRecords
  readonly #tracks = new Map<string, CursorTrack>()
  #pending = emptyPending()

  constructor(records: AccountRecords) {
    this.#records = records
  }

  addIntent(intent: Intent): void {
    this.#pending.newIntents.push(intent)
    this.#records.intents.set(intent.id, {
      ...intent,
      status: 'pending',
      attempts: 0,
      sentAtMs: null,
      nextProbeAtMs: null,
      lastError: null,
      doubt: null,
    })
  }

  changeIntent(id: string, change: Partial<Omit<IntentChange, 'id'>>): void {
    const intent = this.#records.intents.get(id)
    if (!intent) return
    const next: SavedIntent = { ...intent, ...change }
    if (next.status === 'settled') this.#records.intents.delete(id)
    else this.#records.intents.set(id, next)
    const { status, attempts, sentAtMs, nextProbeAtMs, lastError, doubt } = next
    this.#pending.intentChanges.set(id, { id, status, attempts, sentAtMs, nextProbeAtMs, lastError, doubt })
  }

  /** The intent that carries what is known of an order in doubt: made anew where the order went missing long after it was sent. */
  reopenIntent(record: OrderRecord): string {
    const id = `${record.clientOrderId}:place`
    if (!this.#records.intents.has(id)) {
      this.#records.intents.set(id, {
        id,
        botId: record.botId,
        order: keyOf(record.order),
        clientOrderId: record.clientOrderId,
        kind: 'place',
        priority: 'P0',
        payload: null,
        createdAtMs: record.order.intendedAtMs,
        status: 'settled',
        attempts: 1,
        sentAtMs: record.order.intendedAtMs,
        nextProbeAtMs: null,
        lastError: null,
        doubt: null,
      })
    }
    return id
  }

  /** What the venue told about an order. */
  noteWord(
    record: KnownOrder,
    word: { venueOrderId?: string | null; isAcknowledged?: boolean; evidenceAtMs?: number },
  ): KnownOrder {
    const next: KnownOrder = {
      ...record,
      venueOrderId: word.venueOrderId ?? record.venueOrderId,
      isAcknowledged: record.isAcknowledged || word.isAcknowledged === true,
      evidenceAtMs: Math.max(record.evidenceAtMs, word.evidenceAtMs ?? 0),
    }
    this.#records.put(next)
    const { botId, clientOrderId, venueOrderId, isAcknowledged, evidenceAtMs } = next
    this.#pending.words.set(clientOrderId, {
      botId,
      order: keyOf(next.order),
      clientOrderId,
      venueOrderId,
      isAcknowledged,
      evidenceAtMs,
    })
    return next
  }

  /**
   * A page whose fills are booked with this instant, or are nobody's here: the cursor may follow, later.
   * @param foreign keys of fills that belong to nobody here.
   */
  passPage(symbol: string, page: FillsPage, foreign: ReadonlySet<string>, nowMs: number): void {
    const track = this.#tracks.get(symbol) ?? newCursorTrack(symbol, this.#records.cursors.get(symbol) ?? null)
    const settled = foreign.size === 0 ? this.#records.bookedFills : new Set([...this.#records.bookedFills, ...foreign])
    const next = advanceCursor(track, page, settled, nowMs)
    this.#tracks.set(symbol, next)
    if (!next.cursor || next.cursor === track.cursor) return
    this.#records.cursors.set(symbol, next.cursor)
    this.#pending.cursors.set(symbol, next.cursor)
  }

  noteForeign(order: VenueOrder, resolution: ForeignOrder['resolution']): void {
    const foreign: ForeignOrder = { venueOrder: order, resolution }
    this.#records.foreign.set(order.venueOrderId, foreign)
    this.#pending.foreignOrders.set(order.venueOrderId, foreign)
  }

  postOwn(transfer: Transfer): void {
    this.#records.noteTransfers([transfer])
    this.#pending.transfers.push(transfer)
  }

  isEmpty(): boolean {
    const { newIntents, intentChanges, words, cursors, foreignOrders, transfers } = this.#pending
    return newIntents.length + intentChanges.size + words.size + cursors.size + foreignOrders.size + transfers.length === 0
  }

  /** Everything since the last commit; it counts as written from here on. */
  take(): Omit<AccountCommit, 'bots'> {
    const { newIntents, intentChanges, words, cursors, foreignOrders, transfers } = this.#pending
    this.#pending = emptyPending()
    return {
      newIntents,
      intentChanges: [...intentChanges.values()],
      words: [...words.values()],
      cursors: [...cursors.values()],
      foreignOrders: [...foreignOrders.values()],
      transfers,
    }
  }

  /** Intents that a held bot made in this instant were never written: they are not sent. */
  forget(botId: string): void {
    for (let i = this.#pending.newIntents.length - 1; i >= 0; i -= 1) {
      const intent = this.#pending.newIntents[i]!
      if (intent.botId !== botId) continue
      this.#pending.newIntents.splice(i, 1)
      this.#pending.intentChanges.delete(intent.id)
      this.#records.intents.delete(intent.id)
    }
    for (const [id, word] of this.#pending.words)
      if (word.botId === botId && !this.#records.orders.has(id)) this.#pending.words.delete(id)
  }
}

function emptyPending(): Pending {
  return {
    newIntents: [],
    intentChanges: new Map(),
    words: new Map(),
    cursors: new Map(),
    foreignOrders: new Map(),
    transfers: [],
  }
}

/** The key alone, of an order or anything else that bears one. */
export function keyOf({ tradeSeq, purpose, sequence }: OrderKey): OrderKey {
  return { tradeSeq, purpose, sequence }
}
