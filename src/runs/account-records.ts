// What the writer of an exchange account knows of its orders, calls, fills and money: loaded at a start, kept in step with every commit.
// The database holds the same; this is only so that nothing must be asked for twice.

import { AT_VENUE, type Transfer } from '../core/ledger/transfer.ts'
import { type Decimal, ZERO } from '../core/money/decimal.ts'
import { type ClientOrderKey, clientOrderId } from '../core/orders/client-order-id.ts'
import { isLive, type Order, type OrderKey, orderKeyText } from '../core/orders/order.ts'
import type { FillCursor, ForeignOrder, Intent, OrderRecord, SavedAccount, SavedIntent } from '../engine/account-store.ts'
import type { OrderImage } from '../engine/machine.ts'
import { recomputer } from '../engine/reconciliation/recompute.ts'
import type { AccountBot } from './account-bot.ts'

/** A record, and when it was last touched by ourselves. */
export interface KnownOrder extends OrderRecord {
  readonly touchedAtMs: number
}

/** Ended orders are kept in memory this long; older ones are found in the store. */
const KEEP_ENDED_MS = 24 * 3_600_000
/** Orders of one deal and purpose among which a lost one is looked for. */
const LOST_SEQUENCES = 60
/** Ids given out before the last restored backups are still recognised. */
const KNOWN_EPOCHS = 3

/** An order of ours that only its client order id tells. */
export interface LostOrder {
  readonly named: ClientOrderKey
  readonly bot: AccountBot
  readonly image: Omit<OrderImage, 'order'>
  readonly key: OrderKey
}

export class AccountRecords {
  readonly orders = new Map<string, KnownOrder>()
  readonly intents = new Map<string, SavedIntent>()
  readonly cursors = new Map<string, FillCursor>()
  readonly foreign = new Map<string, ForeignOrder>()
  readonly bookedFills: Set<string>
  readonly #balances: Map<string, Decimal>
  readonly #byVenueId = new Map<string, string>()
  /** By bot and order key. */
  readonly #byKey = new Map<string, string>()
  readonly #epoch: number
  #lostIds: { readonly key: string; readonly look: (id: string) => ClientOrderKey | null } | null = null

  constructor(saved: SavedAccount, epoch: number, nowMs: number) {
    this.#epoch = epoch
    this.bookedFills = new Set(saved.bookedFills)
    this.#balances = new Map(saved.balances)
    for (const intent of saved.intents) this.intents.set(intent.id, intent)
    for (const cursor of saved.cursors) this.cursors.set(cursor.symbol, cursor)
    for (const order of saved.foreignOrders) this.foreign.set(order.venueOrder.venueOrderId, order)
    for (const record of saved.orders) this.put({ ...record, touchedAtMs: nowMs - 60_000 })
  }

  /** When an order was last touched by ourselves. */
  lastTouchedAtMs = 0

  put(record: KnownOrder): void {
    this.lastTouchedAtMs = Math.max(this.lastTouchedAtMs, record.touchedAtMs)
    this.orders.set(record.clientOrderId, record)
    this.#byKey.set(keyOf(record.botId, record.order), record.clientOrderId)
    if (record.venueOrderId !== null) this.#byVenueId.set(record.venueOrderId, record.clientOrderId)
  }

  /** By client order id or, where the venue tells none, by its own. */
  find(clientId: string | null, venueOrderId: string): KnownOrder | undefined {
    const id = clientId ?? this.#byVenueId.get(venueOrderId)
    return id === undefined ? undefined : this.orders.get(id)
  }

  idOf(botId: string, botTradeSeq: number, key: OrderKey): string {
    return clientOrderId({
      epoch: this.#epoch,
      botId,
      tradeSeq: botTradeSeq,
      purpose: key.purpose,
      sequence: key.sequence,
    }).id
  }

  /** Whether an intent was named before the last restored backup. */
  isOfLostTime({ botId, clientOrderId: id, order }: Intent): boolean {
    const record = this.orders.get(id)
    return record !== undefined && this.idOf(botId, record.botTradeSeq, order) !== id
  }

  of(botId: string, key: OrderKey): KnownOrder | undefined {
    const id = this.#byKey.get(keyOf(botId, key))
    return id === undefined ? undefined : this.orders.get(id)
  }

  /** The newest image of an order: a new one is named, a known one keeps what the venue told about it. */
  note(bot: AccountBot, order: Order, nowMs: number): KnownOrder | null {
    const known = this.of(bot.botId, order)
    const deal = known ? undefined : bot.deal(order.tradeSeq)
    if (!known && !deal) return null
    const record: KnownOrder = known
      ? { ...known, order, touchedAtMs: nowMs }
      : {
          botId: bot.botId,
          clientOrderId: this.idOf(bot.botId, deal!.botTradeSeq, order),
          venueOrderId: null,
          botTradeSeq: deal!.botTradeSeq,
          configVersion: deal!.configVersion,
          order,
          isAcknowledged: false,
          evidenceAtMs: 0,
          touchedAtMs: nowMs,
        }
    this.put(record)
    return record
  }

  /**
   * What a client order id names that no record knows: an order of a deal that its bot still has, or has had not long ago. The ids
   * are computed once for as long as no deal is started.
   */
  recompute(id: string, bots: readonly AccountBot[]): LostOrder | null {
    const scope = bots.map(bot => {
      const seqs = bot.state.deals.map(deal => deal.botTradeSeq)
      return {
        botId: bot.botId,
        fromTradeSeq: Math.min(...seqs, bot.state.nextBotTradeSeq),
        toTradeSeq: bot.state.nextBotTradeSeq - 1,
      }
    })
    const scopeText = JSON.stringify(scope)
    if (this.#lostIds?.key !== scopeText) {
      const epochs = Array.from({ length: this.#epoch }, (_, i) => i + 1).slice(-KNOWN_EPOCHS)
      this.#lostIds = { key: scopeText, look: recomputer({ epochs, bots: scope, maxSequence: LOST_SEQUENCES }) }
    }
    const found = this.#lostIds.look(id)
    const bot = found ? bots.find(each => each.botId === found.botId) : undefined
    const deal = bot?.state.deals.find(each => each.botTradeSeq === found?.tradeSeq)
    if (!found || !bot || !deal) return null
    const { tradeSeq, botTradeSeq, configVersion } = deal
    const { purpose, sequence } = found
    const key = { tradeSeq, purpose, sequence }
    // After a restored backup a new deal may bear the number of one of the lost time: that one's orders are not its own.
    const base = this.of(bot.botId, { tradeSeq, purpose: 'base', sequence: 1 })
    const isNewer = base !== undefined && !this.#isNamedIn(found.epoch, base)
    return isNewer || this.of(bot.botId, key) ? null : { named: found, bot, image: { botTradeSeq, configVersion }, key }
  }

  #isNamedIn(epoch: number, { botId, botTradeSeq, order, clientOrderId: id }: KnownOrder): boolean {
    const { purpose, sequence } = order
    return clientOrderId({ epoch, botId, tradeSeq: botTradeSeq, purpose, sequence }).id === id
  }

  noteTransfers(transfers: readonly Transfer[]): void {
    for (const { debit, credit, currency, amount } of transfers) {
      const change = (AT_VENUE.has(debit) ? 1 : 0) - (AT_VENUE.has(credit) ? 1 : 0)
      if (change === 0) continue
      const before = this.#balances.get(currency) ?? ZERO
      this.#balances.set(currency, change > 0 ? before.plus(amount) : before.minus(amount))
    }
  }

  /** What the venue should hold for this account, by currency. */
  balances(): ReadonlyMap<string, Decimal> {
    return this.#balances
  }

  /** Whether this account has ever ordered anything. */
  hasTraded(): boolean {
    return this.orders.size > 0 || this.bookedFills.size > 0 || this.cursors.size > 0
  }

  /** Orders whose fate is not known, of one instrument or of all. */
  unknown(): KnownOrder[] {
    return [...this.orders.values()].filter(record => record.order.status === 'unknown')
  }

  /** The venue's own ids of orders that are known, ours and others'. */
  takenVenueIds(): ReadonlySet<string> {
    return new Set([...this.#byVenueId.keys(), ...this.foreign.keys()])
  }

  /** Forgets orders that ended long ago. */
  prune(nowMs: number): void {
    for (const [id, { botId, order, venueOrderId }] of this.orders) {
      if (isLive(order) || (order.closedAtMs ?? nowMs) > nowMs - KEEP_ENDED_MS) continue
      this.orders.delete(id)
      this.#byKey.delete(keyOf(botId, order))
      if (venueOrderId !== null) this.#byVenueId.delete(venueOrderId)
    }
  }
}

function keyOf(botId: string, key: OrderKey): string {
  return `${botId}|${orderKeyText(key)}`
}
