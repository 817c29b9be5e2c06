// What is true in a story, told by its two witnesses: the exchange's own book of executions, and every commit that took effect. The
// invariants hold one against the other; nothing here is taken from what a worker believes.

import { Books } from '../core/ledger/books.ts'
import type { AccountKind, Transfer } from '../core/ledger/transfer.ts'
import { type Decimal, ZERO } from '../core/money/decimal.ts'
import { type Fill, isLive, type Order, type OrderKey, orderKeyText } from '../core/orders/order.ts'
import type { AccountCommit, Intent, IntentStatus } from '../engine/account-store.ts'
import type { CommitBatch, JournalEntry } from '../engine/commit-batch.ts'
import type { DcaState, Deal } from '../engine/dca/dca-state.ts'
import type { PlacePayload, VenueFill } from '../engine/venue.ts'

/** Whose an order is. */
export interface Owner {
  readonly botId: string
  readonly order: OrderKey
  readonly payload: PlacePayload
  /** How often a backup had been restored when it was written. */
  readonly epoch: number
}

export interface Execution {
  readonly fill: VenueFill
  /** Place in the exchange's list of all executions. */
  readonly index: number
  /** null for an order that is not ours. */
  readonly owner: Owner | null
}

export interface BotTruth {
  readonly botId: string
  /** As the last commit left it. */
  state: DcaState | null
  formerState: DcaState | null
  readonly books: Books
  readonly journal: JournalEntry[]
  readonly orders: Map<string, Order>
  /** Quantity booked, by order. */
  readonly filled: Map<string, Decimal>
  /** Bought less sold less fees in base, booked, by deal. */
  readonly held: Map<number, Decimal>
}

export interface BookedFill {
  readonly botId: string
  readonly fill: Fill
}

interface KnownIntent {
  readonly intent: Intent
  readonly status: IntentStatus
}

/** Kinds of account whose sum the venue should hold. */
const AT_VENUE: readonly AccountKind[] = ['free', 'bot_free', 'bot_reserved', 'bot_dust', 'position']

export class Truth {
  readonly bots = new Map<string, BotTruth>()
  readonly intents = new Map<string, KnownIntent>()
  /** By client order id; kept when a backup is restored, because the venue keeps the orders. */
  readonly owners = new Map<string, Owner>()
  readonly booked = new Map<string, BookedFill>()
  readonly executions: Execution[] = []
  readonly #lateSales: { readonly botId: string; readonly fill: VenueFill; readonly atMs: number }[] = []
  readonly #idsByKey = new Map<string, string>()
  readonly #executionsById = new Map<string, Execution>()
  /** By bot and currency of the base: what its executions have left. */
  readonly #holdings = new Map<string, Decimal>()
  accountBooks = new Books()
  readonly #symbols: ReadonlyMap<string, { readonly base: string; readonly quote: string }>
  #commits: AccountCommit[] = []
  readonly currencies = new Set<string>()
  epoch = 1

  constructor(botIds: readonly string[], symbols: ReadonlyMap<string, { readonly base: string; readonly quote: string }>) {
    this.#symbols = symbols
    for (const botId of botIds) this.bots.set(botId, newBotTruth(botId))
    for (const { base, quote } of symbols.values()) this.currencies.add(base).add(quote)
  }

  get commits(): readonly AccountCommit[] {
    return this.#commits
  }

  baseOf(symbol: string): string {
    return this.#symbols.get(symbol)!.base
  }

  quoteOf(symbol: string): string {
    return this.#symbols.get(symbol)!.quote
  }

  bot(botId: string): BotTruth {
    const bot = this.bots.get(botId)
    if (!bot) throw new Error(`there is no bot ${botId} in this story`)
    return bot
  }

  execution(symbol: string, fillId: string): Execution | undefined {
    return this.#executionsById.get(`${symbol}|${fillId}`)
  }

  /** Whether an order was sent in a time that a restored backup knows nothing of: what it did is nobody's, unless it is adopted. */
  isLost(clientOrderId: string | null): boolean {
    const owner = clientOrderId === null ? undefined : this.owners.get(clientOrderId)
    return owner !== undefined && owner.epoch < this.epoch && !this.intents.has(`${clientOrderId}:place`)
  }

  /** Executions that somebody must book: of our orders, except those that a restored backup has lost. */
  isOwed({ fill, owner }: Execution): boolean {
    return owner !== null && !this.isLost(fill.clientOrderId)
  }

  executed(fill: VenueFill): Execution {
    const owner = fill.clientOrderId === null ? null : (this.owners.get(fill.clientOrderId) ?? null)
    const execution: Execution = { fill, index: this.executions.length, owner }
    this.executions.push(execution)
    this.#executionsById.set(`${fill.symbol}|${fill.venueFillId}`, execution)
    if (fill.feeAsset !== null) this.currencies.add(fill.feeAsset)
    return execution
  }

  /**
   * An execution that nothing hides, or nothing any more.
   * @param wasHidden the venue denied it until now.
   */
  shown(fill: VenueFill, atMs: number, wasHidden: boolean): void {
    const owner = fill.clientOrderId === null ? undefined : this.owners.get(fill.clientOrderId)
    if (!owner) return
    if (wasHidden && fill.side === 'sell') this.#lateSales.push({ botId: owner.botId, fill, atMs })
    const base = this.baseOf(fill.symbol)
    const sign = fill.side === 'buy' ? fill.quantity : fill.quantity.negated()
    const fee = fill.feeAsset === base ? (fill.fee ?? ZERO) : ZERO
    this.#holdings.set(`${owner.botId}|${base}`, this.holding(owner.botId, fill.symbol).plus(sign).minus(fee))
  }

  /** Coins of a symbol that a bot has at the venue, by all that the venue does not hide. */
  holding(botId: string, symbol: string): Decimal {
    return this.#holdings.get(`${botId}|${this.baseOf(symbol)}`) ?? ZERO
  }

  /** Sold by a bot and denied by the venue until that time at least: whoever acted on its word could not know. */
  deniedSince(botId: string, symbol: string, sinceMs: number): Decimal {
    let sum = ZERO
    for (const { botId: whose, fill, atMs } of this.#lateSales) {
      if (whose === botId && fill.symbol === symbol && atMs >= sinceMs) sum = sum.plus(fill.quantity)
    }
    return sum
  }

  committed(commit: AccountCommit): void {
    this.#commits.push(commit)
    this.#fold(commit)
  }

  /** As after a backup from the time of the first so many commits was restored. */
  restore(commits: number): void {
    const kept = this.#commits.slice(0, commits)
    for (const botId of this.bots.keys()) this.bots.set(botId, newBotTruth(botId))
    this.intents.clear()
    this.booked.clear()
    this.accountBooks = new Books()
    this.#commits = []
    for (const commit of kept) this.committed(commit)
    this.epoch += 1
  }

  /** What the venue should hold of a currency, by the books. */
  ledgerHolding(currency: string): Decimal {
    let sum = this.accountBooks.balance('free', currency)
    for (const bot of this.bots.values()) {
      for (const kind of AT_VENUE) {
        sum = sum.plus(kind === 'position' ? bot.books.total(kind, currency) : bot.books.balance(kind, currency))
      }
    }
    return sum
  }

  /** Booked as deposits and as drift that nobody explains. */
  broughtIn(currency: string): Decimal {
    let sum = ZERO
    for (const books of [this.accountBooks, ...[...this.bots.values()].map(bot => bot.books)]) {
      sum = sum.minus(books.balance('external', currency)).minus(books.balance('unexplained', currency))
    }
    return sum
  }

  openDeals(bot: BotTruth): readonly Deal[] {
    return bot.state?.deals ?? []
  }

  liveOrders(bot: BotTruth): Order[] {
    return this.openDeals(bot).flatMap(deal => deal.orders.filter(isLive))
  }

  clientOrderIdOf(botId: string, key: OrderKey): string | undefined {
    return this.#idsByKey.get(`${botId}|${orderKeyText(key)}`)
  }

  #fold(commit: AccountCommit): void {
    for (const { botId, batch } of commit.bots) this.#foldBatch(this.bot(botId), batch)
    for (const transfer of commit.transfers) this.#post(this.accountBooks, transfer)
    for (const intent of commit.newIntents) {
      this.intents.set(intent.id, { intent, status: 'pending' })
      // One that takes over an order of a lost time has nothing to send.
      if (intent.kind === 'place' && intent.payload !== null) {
        if (this.owners.has(intent.clientOrderId)) continue
        const payload = intent.payload as PlacePayload
        this.owners.set(intent.clientOrderId, { botId: intent.botId, order: intent.order, payload, epoch: this.epoch })
        this.#idsByKey.set(`${intent.botId}|${orderKeyText(intent.order)}`, intent.clientOrderId)
      }
    }
    for (const change of commit.intentChanges) {
      const known = this.intents.get(change.id)
      if (known) this.intents.set(change.id, { intent: known.intent, status: change.status })
    }
  }

  #foldBatch(bot: BotTruth, batch: CommitBatch): void {
    bot.formerState = bot.state
    bot.state = (batch.state as { readonly engine: DcaState }).engine
    bot.journal.push(...batch.journal)
    for (const order of batch.orders) bot.orders.set(orderKeyText(order), order)
    for (const transfer of batch.transfers) this.#post(bot.books, transfer)
    for (const fill of batch.fills) {
      const key = orderKeyText(fill)
      this.booked.set(`${fill.symbol}|${fill.fillId}`, { botId: bot.botId, fill })
      bot.filled.set(key, (bot.filled.get(key) ?? ZERO).plus(fill.quantity))
      const sign = fill.side === 'buy' ? fill.quantity : fill.quantity.negated()
      const fee = fill.feeAsset === this.baseOf(fill.symbol) ? fill.fee : ZERO
      bot.held.set(fill.tradeSeq, (bot.held.get(fill.tradeSeq) ?? ZERO).plus(sign).minus(fee))
    }
    // What goes to dust and comes from it, and what was sold without being there.
    for (const { kind, amount, tradeSeq, currency } of batch.transfers) {
      if (tradeSeq === null) continue
      // Coins that a deal sold without having them were the account's own.
      if (kind === 'overfill' && this.#isBase(currency)) {
        const key = `${bot.botId}|${currency}`
        this.#holdings.set(key, (this.#holdings.get(key) ?? ZERO).plus(amount))
      }
      const before = bot.held.get(tradeSeq) ?? ZERO
      if (kind === 'dust' || kind === 'ghost') bot.held.set(tradeSeq, before.minus(amount))
      else if (kind === 'sweep' || (kind === 'overfill' && this.#isBase(currency))) bot.held.set(tradeSeq, before.plus(amount))
    }
  }

  #isBase(currency: string): boolean {
    return [...this.#symbols.values()].some(({ base }) => base === currency)
  }

  #post(books: Books, transfer: Transfer): void {
    books.post(transfer)
    this.currencies.add(transfer.currency)
  }
}

function newBotTruth(botId: string): BotTruth {
  return {
    botId,
    state: null,
    formerState: null,
    books: new Books(),
    journal: [],
    orders: new Map(),
    filled: new Map(),
    held: new Map(),
  }
}
