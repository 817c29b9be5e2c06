// The tables of one exchange account in memory. Every write can be taken back until the commit is whole, and every refusal is one that
// the database's keys would give.

import { Books } from '../core/ledger/books.ts'
import { ACCOUNT_OWNER, type AccountKind, AT_VENUE, type Transfer } from '../core/ledger/transfer.ts'
import { type Decimal, ZERO } from '../core/money/decimal.ts'
import { clientOrderId } from '../core/orders/client-order-id.ts'
import { type Fill, isLive, type Order, orderKeyText } from '../core/orders/order.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
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
import type { CommitBatch, EquitySample, FundsImage, JournalEntry, SystemEvent, TradeImage } from '../engine/commit-batch.ts'
import { ENDED_UNFILLED, INTENT_MOVES, lastChanges } from '../storage/account-store-rules.ts'
import { StorageError } from '../storage/errors.ts'

export interface MemoryBot {
  readonly botId: string
  readonly runId: string
  stateText: string | null
  lastSeq: number
  lastBotTradeSeq: number
  totals: CommitBatch['totals'] | null
  botStatus: CommitBatch['botStatus'] | null
  pausedBy: readonly string[]
  safety: SafetyLevel
  damage: string | null
}

/** A transfer with whose it is: null for one of the account itself. */
export interface BookedTransfer extends Transfer {
  readonly botId: string | null
}

export interface Tables {
  /** By bot id. */
  readonly bots: Map<string, MemoryBot>
  readonly journal: Map<string, JournalEntry[]>
  /** By `<run>|<order key>`. */
  readonly orders: Map<string, OrderRecord>
  /** Keys of orders that are alive. */
  readonly live: Set<string>
  /** By client order id and by `<symbol>|<venue order id>`: the order's key. */
  readonly names: Map<string, string>
  readonly venueNames: Map<string, string>
  /** `<run>|<deal>|<rung>`: who holds it. */
  readonly rungs: Map<string, string>
  /** By `<symbol>|<venue fill id>`, in the order of booking. */
  readonly fills: Map<string, Fill & { readonly botId: string }>
  /** By `<run>|<deal>|<partial exit>`. */
  readonly trades: Map<string, TradeImage & { readonly botId: string }>
  /** `<bot>|<bot's number>`: the deal. */
  readonly dealNumbers: Map<string, string>
  /** By `<run or account>|<cause>`, in the order of booking. */
  readonly transfers: Map<string, BookedTransfer>
  /** What the venue should hold, by currency. */
  readonly held: Map<string, Decimal>
  readonly funds: Map<string, FundsImage & { readonly botId: string }>
  readonly intents: Map<string, SavedIntent>
  /** Ids of intents that are not settled. */
  readonly unsettled: Set<string>
  readonly cursors: Map<string, FillCursor>
  /** By `<symbol>|<venue order id>`. */
  readonly foreignOrders: Map<string, ForeignOrder>
  readonly decisions: Set<string>
  readonly events: (SystemEvent & { readonly botId: string; readonly atMs: number })[]
  readonly equity: (EquitySample & { readonly botId: string })[]
}

export function emptyTables(): Tables {
  return {
    bots: new Map(),
    journal: new Map(),
    orders: new Map(),
    live: new Set(),
    names: new Map(),
    venueNames: new Map(),
    rungs: new Map(),
    fills: new Map(),
    trades: new Map(),
    dealNumbers: new Map(),
    transfers: new Map(),
    held: new Map(),
    funds: new Map(),
    intents: new Map(),
    unsettled: new Set(),
    cursors: new Map(),
    foreignOrders: new Map(),
    decisions: new Set(),
    events: [],
    equity: [],
  }
}

/** Rows are never changed in place, except those of bots: the rest may be shared. */
export function copyTables(tables: Tables): Tables {
  const copy = emptyTables() as unknown as Record<string, unknown>
  for (const [name, table] of Object.entries(tables) as [keyof Tables, unknown][]) {
    if (table instanceof Map) copy[name] = new Map(table)
    else if (table instanceof Set) copy[name] = new Set(table)
    else copy[name] = [...(table as unknown[])]
  }
  copy['bots'] = new Map([...tables.bots].map(([id, bot]) => [id, { ...bot }]))
  copy['journal'] = new Map([...tables.journal].map(([id, entries]) => [id, [...entries]]))
  return copy as unknown as Tables
}

export function refuse(code: 'CONFLICT' | 'JOURNAL_GAP' | 'INVALID_STATUS_TRANSITION' | 'NOT_FOUND', message: string): never {
  throw new StorageError(code, message)
}

function plain<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}

const UNFILLED = new Set(ENDED_UNFILLED)

/** One commit on the tables: all of it, or after `rollback` none. */
export class MemoryTransaction {
  readonly #tables: Tables
  readonly #epoch: number
  readonly #undo: (() => void)[] = []

  constructor(tables: Tables, epoch: number) {
    this.#tables = tables
    this.#epoch = epoch
  }

  rollback(): void {
    for (let i = this.#undo.length - 1; i >= 0; i -= 1) this.#undo[i]!()
  }

  apply(commit: AccountCommit): void {
    const names = new Map<string, string>()
    for (const { botId, order, clientOrderId: name } of commit.newIntents) names.set(`${botId}|${orderKeyText(order)}`, name)
    for (const { botId, order, clientOrderId: name } of commit.words) names.set(`${botId}|${orderKeyText(order)}`, name)
    for (const { botId, batch } of commit.bots) this.#batch(this.#bot(botId), batch, names)
    for (const transfer of commit.transfers) this.#transfer(null, 'account', transfer)
    for (const word of commit.words) this.#word(word)
    for (const intent of commit.newIntents) this.#intent(intent)
    for (const change of lastChanges(commit.intentChanges)) this.#change(change)
    for (const cursor of commit.cursors) this.#set(this.#tables.cursors, cursor.symbol, Object.freeze({ ...cursor }))
    for (const foreign of commit.foreignOrders) {
      const { symbol, venueOrderId } = foreign.venueOrder
      const row = Object.freeze({ venueOrder: Object.freeze({ ...foreign.venueOrder }), resolution: foreign.resolution })
      this.#set(this.#tables.foreignOrders, `${symbol}|${venueOrderId}`, row)
    }
  }

  #bot(botId: string): MemoryBot {
    return this.#tables.bots.get(botId) ?? refuse('NOT_FOUND', `There is no bot ${botId} of this account`)
  }

  #batch(bot: MemoryBot, batch: CommitBatch, names: ReadonlyMap<string, string>): void {
    const { botId, runId } = bot
    this.#journal(bot, batch)
    for (const trade of batch.trades) this.#trade(bot, trade)
    const freed = (order: Order): boolean => UNFILLED.has(order.status)
    // Whole images, the latest of each wins; an order that ended gives its rung free before the next one takes it.
    const orders =
      batch.orders.length < 2 ? batch.orders : [...new Map(batch.orders.map(each => [orderKeyText(each), each])).values()]
    for (const order of orders) if (freed(order)) this.#order(bot, order, names)
    for (const order of orders) if (!freed(order)) this.#order(bot, order, names)
    for (const fill of batch.fills) this.#fill(bot, fill)
    for (const transfer of batch.transfers) this.#transfer(botId, runId, transfer)
    for (const fund of batch.funds) {
      if (fund.locked.isNegative()) refuse('CONFLICT', `Bot ${botId} would have ${fund.locked} ${fund.currency} locked`)
      this.#set(this.#tables.funds, `${botId}|${fund.currency}`, Object.freeze({ ...fund, botId }))
    }
    for (const decision of batch.decisions) {
      const key = `${runId}|${decision.seq}`
      if (this.#tables.decisions.has(key)) refuse('CONFLICT', `Decision ${decision.seq} of run ${runId} is already written`)
      this.#add(this.#tables.decisions, key)
    }
    for (const event of batch.events) this.#push(this.#tables.events, Object.freeze({ ...event, botId, atMs: batch.atMs }))
    for (const sample of batch.equity) this.#push(this.#tables.equity, Object.freeze({ ...sample, botId }))
  }

  #journal(bot: MemoryBot, batch: CommitBatch): void {
    const { firstSeq, lastSeq, journal } = batch
    if (journal.length !== lastSeq - firstSeq + 1 || journal.some((entry, i) => entry.seq !== firstSeq + i)) {
      refuse('JOURNAL_GAP', `The batch names seq ${firstSeq} to ${lastSeq}, its journal has other entries`)
    }
    if (firstSeq !== bot.lastSeq + 1) refuse('JOURNAL_GAP', `The journal ends at ${bot.lastSeq}, the batch begins at ${firstSeq}`)
    const before = { ...bot }
    this.#undo.push(() => Object.assign(bot, before))
    let entries = this.#tables.journal.get(bot.runId)
    if (!entries) {
      entries = []
      this.#tables.journal.set(bot.runId, entries)
    }
    for (const entry of journal) this.#push(entries, Object.freeze({ ...entry }))
    bot.stateText = JSON.stringify(batch.state ?? null)
    bot.lastSeq = lastSeq
    bot.totals = batch.totals
    bot.botStatus = batch.botStatus
    bot.pausedBy = batch.pausedBy
  }

  #trade(bot: MemoryBot, trade: TradeImage): void {
    const key = `${bot.runId}|${trade.tradeSeq}|${trade.partialExit ?? ''}`
    if (trade.partialExit === null) {
      const number = `${bot.botId}|${trade.botTradeSeq}`
      const holder = this.#tables.dealNumbers.get(number)
      if (holder !== undefined && holder !== key) {
        refuse('CONFLICT', `Deals ${holder} and ${key} of bot ${bot.botId} have the same number ${trade.botTradeSeq}`)
      }
      if (holder === undefined) this.#set(this.#tables.dealNumbers, number, key)
      bot.lastBotTradeSeq = Math.max(bot.lastBotTradeSeq, trade.botTradeSeq)
    }
    this.#set(this.#tables.trades, key, Object.freeze({ ...trade, botId: bot.botId }))
  }

  #order(bot: MemoryBot, order: Order, names: ReadonlyMap<string, string>): void {
    const text = orderKeyText(order)
    const key = `${bot.runId}|${text}`
    const deal = this.#tables.trades.get(`${bot.runId}|${order.tradeSeq}|`)
    if (!deal) throw new Error(`run ${bot.runId}: order ${text} has no deal`)
    const known = this.#tables.orders.get(key)
    if (
      known &&
      (known.order.intendedAtMs !== order.intendedAtMs || known.order.side !== order.side || known.order.symbol !== order.symbol)
    ) {
      refuse('CONFLICT', `Order ${text} of bot ${bot.botId} is another one already`)
    }
    const name = known?.clientOrderId ?? names.get(`${bot.botId}|${text}`) ?? this.#name(bot, deal.botTradeSeq, order)
    if (!known) {
      if (this.#tables.names.has(name)) refuse('CONFLICT', `Client order id ${name} is taken`)
      this.#set(this.#tables.names, name, key)
    }
    this.#rung(bot, order, known?.order, key)
    const row: OrderRecord = {
      botId: bot.botId,
      clientOrderId: name,
      venueOrderId: known?.venueOrderId ?? null,
      botTradeSeq: deal.botTradeSeq,
      configVersion: deal.configVersion,
      order: Object.freeze({ ...order }),
      isAcknowledged: known?.isAcknowledged ?? false,
      evidenceAtMs: known?.evidenceAtMs ?? 0,
    }
    this.#set(this.#tables.orders, key, Object.freeze(row))
    if (isLive(order)) this.#add(this.#tables.live, key)
    else this.#remove(this.#tables.live, key)
  }

  #name(bot: MemoryBot, tradeSeq: number, { purpose, sequence }: Order): string {
    return clientOrderId({ epoch: this.#epoch, botId: bot.botId, tradeSeq, purpose, sequence }).id
  }

  #rung(bot: MemoryBot, order: Order, before: Order | undefined, key: string): void {
    const rungOf = (each: Order): string | null =>
      each.purpose === 'avg' && each.rung !== null && !(UNFILLED.has(each.status) && each.filledQuantity.isZero())
        ? `${bot.runId}|${each.tradeSeq}|${each.rung}`
        : null
    const had = before ? rungOf(before) : null
    const has = rungOf(order)
    if (had === has) return
    if (had !== null) this.#delete(this.#tables.rungs, had)
    if (has === null) return
    const holder = this.#tables.rungs.get(has)
    if (holder !== undefined) refuse('CONFLICT', `Rung ${order.rung} of deal ${order.tradeSeq} is taken by ${holder}`)
    this.#set(this.#tables.rungs, has, key)
  }

  #fill(bot: MemoryBot, fill: Fill): void {
    const key = `${fill.symbol}|${fill.fillId}`
    if (this.#tables.fills.has(key)) refuse('CONFLICT', `Fill ${key} is already booked`)
    if (!this.#tables.orders.has(`${bot.runId}|${orderKeyText(fill)}`)) {
      refuse('CONFLICT', `Fill ${key} belongs to no order of bot ${bot.botId}`)
    }
    if (!fill.price.isPositive()) refuse('CONFLICT', `Fill ${key} has the price ${fill.price}`)
    this.#set(this.#tables.fills, key, Object.freeze({ ...fill, botId: bot.botId }))
  }

  #transfer(botId: string | null, owner: string, transfer: Transfer): void {
    const { cause, debit, credit, amount, tradeSeq } = transfer
    const key = `${owner}|${cause}`
    if (this.#tables.transfers.has(key)) refuse('CONFLICT', `Transfer ${cause} is already booked`)
    if (!amount.isPositive() || debit === credit)
      refuse('CONFLICT', `Transfer ${cause} moves ${amount} from ${credit} to ${debit}`)
    for (const kind of [debit, credit]) {
      const whose = ACCOUNT_OWNER[kind]
      if (whose === 'trade' && tradeSeq === null) throw new Error(`transfer ${cause}: ${kind} needs a deal`)
      if (whose !== 'account' && botId === null) throw new Error(`transfer ${cause}: ${kind} needs a bot`)
    }
    this.#set(this.#tables.transfers, key, Object.freeze({ ...transfer, botId }))
    this.#hold(debit, transfer, owner, amount)
    this.#hold(credit, transfer, owner, amount.negated())
  }

  /** Contracts of a perpetual are no coins that the venue keeps for the account. */
  #hold(kind: AccountKind, { currency, tradeSeq }: Transfer, owner: string, change: Decimal): void {
    if (!AT_VENUE.has(kind)) return
    if (kind === 'position' && this.#tables.trades.get(`${owner}|${tradeSeq}|`)?.symbol.includes(':')) return
    this.#set(this.#tables.held, currency, (this.#tables.held.get(currency) ?? ZERO).plus(change))
  }

  #word(word: OrderWord): void {
    const key = `${this.#bot(word.botId).runId}|${orderKeyText(word.order)}`
    const known = this.#tables.orders.get(key)
    if (known?.clientOrderId !== word.clientOrderId) refuse('NOT_FOUND', `There is no order ${word.clientOrderId} to say this of`)
    const venueOrderId = word.venueOrderId ?? known.venueOrderId
    if (venueOrderId !== null && venueOrderId !== known.venueOrderId) {
      const name = `${known.order.symbol}|${venueOrderId}`
      const holder = this.#tables.venueNames.get(name)
      if (holder !== undefined && holder !== key) refuse('CONFLICT', `Order ${venueOrderId} of the venue is ${holder} already`)
      if (known.venueOrderId !== null) this.#delete(this.#tables.venueNames, `${known.order.symbol}|${known.venueOrderId}`)
      this.#set(this.#tables.venueNames, name, key)
    }
    const isAcknowledged = known.isAcknowledged || word.isAcknowledged
    const evidenceAtMs = Math.max(known.evidenceAtMs, word.evidenceAtMs)
    this.#set(this.#tables.orders, key, Object.freeze({ ...known, venueOrderId, isAcknowledged, evidenceAtMs }))
  }

  #intent(intent: Intent): void {
    const key = `${this.#bot(intent.botId).runId}|${orderKeyText(intent.order)}`
    if (this.#tables.intents.has(intent.id)) refuse('CONFLICT', `Intent ${intent.id} exists already`)
    if (this.#tables.orders.get(key)?.clientOrderId !== intent.clientOrderId) {
      refuse('NOT_FOUND', `There is no order ${intent.clientOrderId} for intent ${intent.id}`)
    }
    const row: SavedIntent = {
      id: intent.id,
      botId: intent.botId,
      order: Object.freeze({ tradeSeq: intent.order.tradeSeq, purpose: intent.order.purpose, sequence: intent.order.sequence }),
      clientOrderId: intent.clientOrderId,
      kind: intent.kind,
      priority: intent.priority,
      payload: plain(intent.payload),
      createdAtMs: intent.createdAtMs,
      status: 'pending',
      attempts: 0,
      sentAtMs: null,
      nextProbeAtMs: null,
      lastError: null,
      doubt: null,
    }
    this.#set(this.#tables.intents, intent.id, Object.freeze(row))
    this.#add(this.#tables.unsettled, intent.id)
  }

  #change(change: IntentChange): void {
    const known = this.#tables.intents.get(change.id)
    if (!known || !INTENT_MOVES[known.status].includes(change.status)) {
      refuse(
        'INVALID_STATUS_TRANSITION',
        `Intent ${change.id} is ${known?.status ?? 'unknown'}, it cannot become ${change.status}`,
      )
    }
    const { status, attempts, sentAtMs, nextProbeAtMs, lastError } = change
    const row = { ...known, status, attempts, sentAtMs, nextProbeAtMs, lastError, doubt: plain(change.doubt) ?? null }
    this.#set(this.#tables.intents, change.id, Object.freeze(row))
    if (status === 'settled') this.#remove(this.#tables.unsettled, change.id)
    else this.#add(this.#tables.unsettled, change.id)
  }

  #set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
    const had = map.has(key)
    const before = map.get(key)
    this.#undo.push(() => {
      if (had) map.set(key, before as Value)
      else map.delete(key)
    })
    map.set(key, value)
  }

  #delete<Key, Value>(map: Map<Key, Value>, key: Key): void {
    const before = map.get(key)
    if (before === undefined) return
    this.#undo.push(() => map.set(key, before))
    map.delete(key)
  }

  #add<Value>(set: Set<Value>, value: Value): void {
    if (set.has(value)) return
    this.#undo.push(() => set.delete(value))
    set.add(value)
  }

  #remove<Value>(set: Set<Value>, value: Value): void {
    if (set.delete(value)) this.#undo.push(() => set.add(value))
  }

  #push<Value>(list: Value[], value: Value): void {
    const { length } = list
    this.#undo.push(() => {
      list.length = length
    })
    list.push(value)
  }
}

/** Books posted anew from all transfers: of each bot under its id, of the account itself under the empty text. */
export function rebuiltBooks(transfers: Iterable<BookedTransfer>): Map<string, Books> {
  const books = new Map<string, Books>()
  for (const transfer of transfers) {
    const owner = transfer.botId ?? ''
    let own = books.get(owner)
    if (!own) {
      own = new Books()
      books.set(owner, own)
    }
    own.post(transfer)
  }
  return books
}
