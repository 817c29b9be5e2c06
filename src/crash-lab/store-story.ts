// Small commits of an exchange account, and what a store must give back after them: a second, plain reckoning beside the store's own.

import type { Transfer } from '../core/ledger/transfer.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import { clientOrderId } from '../core/orders/client-order-id.ts'
import { type Fill, isLive, type Order, type OrderKey, orderKeyText } from '../core/orders/order.ts'
import type { AccountCommit, Intent, IntentChange, OrderRecord, OrderWord, SavedIntent } from '../engine/account-store.ts'
import type { CommitBatch, TradeImage } from '../engine/commit-batch.ts'

export const SYMBOL = 'BTC/USDT'
export const OTHER_SYMBOL = 'ETH/USDT'
export const START_MS = Date.UTC(2024, 0, 1)

const NONE: AccountCommit = {
  bots: [],
  newIntents: [],
  intentChanges: [],
  words: [],
  cursors: [],
  foreignOrders: [],
  transfers: [],
}

export function commitOf(parts: Partial<AccountCommit>): AccountCommit {
  return { ...NONE, ...parts }
}

export function orderOf(key: OrderKey, changes: Partial<Order> = {}): Order {
  return {
    tradeSeq: key.tradeSeq,
    purpose: key.purpose,
    sequence: key.sequence,
    symbol: SYMBOL,
    side: key.purpose === 'base' || key.purpose === 'avg' ? 'buy' : 'sell',
    type: 'limit',
    quantity: Decimal.from('0.3'),
    limitPrice: Decimal.from('100.5'),
    stopPrice: null,
    decisionPrice: Decimal.from('100.25'),
    rung: null,
    status: 'intended',
    cancelState: 'none',
    isVirtual: false,
    filledQuantity: ZERO,
    filledValue: ZERO,
    feeValueQuote: ZERO,
    reason: null,
    intendedAtMs: START_MS + key.tradeSeq,
    expiresAtMs: null,
    closedAtMs: null,
    ...changes,
  }
}

export function fillOf(key: OrderKey, fillId: string, quantity = '0.1', changes: Partial<Fill> = {}): Fill {
  return {
    tradeSeq: key.tradeSeq,
    purpose: key.purpose,
    sequence: key.sequence,
    symbol: SYMBOL,
    fillId,
    side: key.purpose === 'base' || key.purpose === 'avg' ? 'buy' : 'sell',
    price: Decimal.from('100.5'),
    quantity: Decimal.from(quantity),
    fee: Decimal.from('0.01'),
    feeAsset: 'USDT',
    feeValueQuote: Decimal.from('0.01'),
    liquidity: 'maker',
    atMs: START_MS + 5,
    ...changes,
  }
}

/** What a buy moves: money to the market, coins to the position, the fee. */
export function transfersOf(fill: Fill): Transfer[] {
  const key = orderKeyText(fill)
  const common = { tradeSeq: fill.tradeSeq, orderKey: key, fillId: fill.fillId }
  const cause = `fill:${key}:${fill.fillId}`
  const value = fill.price.times(fill.quantity)
  return [
    { ...common, cause: `${cause}:cost`, kind: 'buy', debit: 'market', credit: 'bot_free', currency: 'USDT', amount: value },
    { ...common, cause: `${cause}:in`, kind: 'buy', debit: 'position', credit: 'market', currency: 'BTC', amount: fill.quantity },
    { ...common, cause: `${cause}:fee`, kind: 'fee', debit: 'fees', credit: 'bot_free', currency: 'USDT', amount: fill.fee },
  ]
}

export function moveOf(
  cause: string,
  debit: Transfer['debit'],
  credit: Transfer['credit'],
  amount: string,
  currency = 'USDT',
): Transfer {
  const decimal = Decimal.from(amount)
  return { cause, kind: 'test', debit, credit, currency, amount: decimal, tradeSeq: null, orderKey: null, fillId: null }
}

export function tradeOf(tradeSeq: number, botTradeSeq = tradeSeq, changes: Partial<TradeImage> = {}): TradeImage {
  return {
    tradeSeq,
    botTradeSeq,
    parentTradeSeq: null,
    partialExit: null,
    symbol: SYMBOL,
    direction: 'long',
    dealStatus: 'pending',
    configVersion: 1,
    entryLogicName: 'immediate',
    createdAtMs: START_MS,
    openedAtMs: null,
    closedAtMs: null,
    buyOrderCreatedAtMs: null,
    buyOrderClosedAtMs: null,
    sellOrderCreatedAtMs: null,
    sellOrderClosedAtMs: null,
    entryPrice: null,
    exitPrice: null,
    entryValue: null,
    exitValue: null,
    size: null,
    commission: ZERO,
    grossPnl: null,
    netPnl: null,
    pnlPercentage: null,
    exitReason: null,
    averagingCount: 0,
    exitState: {},
    position: {
      quantity: ZERO,
      averagePrice: null,
      basis: ZERO,
      realizedPnl: ZERO,
      feesPaid: ZERO,
      currentPrice: null,
      unrealizedPnl: ZERO,
      stopPrice: null,
      peakPrice: null,
      breakEvenActive: false,
      trailingActive: false,
      takeProfits: [],
      isProtected: false,
      protectionReason: null,
    },
    ...changes,
  }
}

/** One bot as a test drives it: it numbers its batches, and knows its orders' names. */
export class StoryBot {
  readonly botId: string
  readonly epoch: number
  seq = 0

  constructor(botId: string, epoch = 1) {
    this.botId = botId
    this.epoch = epoch
  }

  /** The next batch; it counts only once `taken`. */
  batch(parts: Partial<CommitBatch> = {}): { readonly botId: string; readonly batch: CommitBatch } {
    const seq = this.seq + 1
    const batch: CommitBatch = {
      firstSeq: seq,
      lastSeq: seq,
      atMs: START_MS + seq,
      journal: [{ seq, atMs: START_MS + seq, kind: 'timer_fired', payload: { event: { n: seq, price: Decimal.from('1.50') } } }],
      decisions: [],
      orders: [],
      fills: [],
      transfers: [],
      trades: [],
      funds: [],
      events: [],
      equity: [],
      metrics: null,
      totals: {
        status: 'running',
        endedAtMs: null,
        totalTrades: 0,
        totalPnl: '0',
        currentBalance: '1000',
        maxDrawdown: 0,
        sharpeRatio: null,
        tradesHash: null,
      },
      botStatus: 'running',
      pausedBy: [],
      state: { engine: { n: seq, peak: Decimal.from('1.250'), gone: undefined, dust: {} } },
      ...parts,
    }
    return { botId: this.botId, batch }
  }

  name(key: OrderKey, botTradeSeq = key.tradeSeq): string {
    const { purpose, sequence } = key
    return clientOrderId({ epoch: this.epoch, botId: this.botId, tradeSeq: botTradeSeq, purpose, sequence }).id
  }

  intent(order: Order, changes: Partial<Intent> = {}): Intent {
    const name = this.name(order)
    return {
      id: `${name}:place`,
      botId: this.botId,
      order: { tradeSeq: order.tradeSeq, purpose: order.purpose, sequence: order.sequence },
      clientOrderId: name,
      kind: 'place',
      priority: 'P4',
      payload: { clientOrderId: name, quantity: order.quantity.toString(), limitPrice: null },
      createdAtMs: START_MS + order.tradeSeq,
      ...changes,
    }
  }

  word(order: Order, venueOrderId: string | null, evidenceAtMs = START_MS + 9): OrderWord {
    const { tradeSeq, purpose, sequence } = order
    const key = { tradeSeq, purpose, sequence }
    return { botId: this.botId, order: key, clientOrderId: this.name(order), venueOrderId, isAcknowledged: true, evidenceAtMs }
  }
}

export function changeOf(id: string, status: IntentChange['status'], parts: Partial<IntentChange> = {}): IntentChange {
  return { id, status, attempts: 1, sentAtMs: START_MS + 7, nextProbeAtMs: null, lastError: null, doubt: null, ...parts }
}

/** What the account must hold after the commits it was told of. */
export class Reckoning {
  readonly states = new Map<string, { state: unknown; lastSeq: number }>()
  readonly deals = new Map<string, TradeImage>()
  readonly orders = new Map<string, OrderRecord>()
  readonly intents = new Map<string, SavedIntent>()
  readonly fills = new Map<string, Fill>()
  readonly cursors = new Map<string, object>()
  readonly foreign = new Map<string, object>()
  readonly balances = new Map<string, Decimal>()
  transfers = 0

  take(commit: AccountCommit): void {
    for (const { botId, batch } of commit.bots) {
      this.states.set(botId, { state: batch.state, lastSeq: batch.lastSeq })
      for (const trade of batch.trades) this.deals.set(`${botId}|${trade.tradeSeq}`, trade)
      for (const order of batch.orders) this.#order(botId, order, commit)
      for (const fill of batch.fills) this.fills.set(`${fill.symbol}|${fill.fillId}`, fill)
      this.#book(batch.transfers)
    }
    this.#book(commit.transfers)
    for (const word of commit.words) {
      const key = `${word.botId}|${orderKeyText(word.order)}`
      const known = this.orders.get(key)!
      this.orders.set(key, {
        ...known,
        venueOrderId: word.venueOrderId ?? known.venueOrderId,
        isAcknowledged: known.isAcknowledged || word.isAcknowledged,
        evidenceAtMs: Math.max(known.evidenceAtMs, word.evidenceAtMs),
      })
    }
    for (const intent of commit.newIntents) {
      const fresh = { status: 'pending', attempts: 0, sentAtMs: null, nextProbeAtMs: null, lastError: null, doubt: null } as const
      this.intents.set(intent.id, { ...intent, ...fresh })
    }
    for (const change of commit.intentChanges) this.intents.set(change.id, { ...this.intents.get(change.id)!, ...change })
    for (const cursor of commit.cursors) this.cursors.set(cursor.symbol, cursor)
    for (const foreign of commit.foreignOrders) this.foreign.set(foreign.venueOrder.venueOrderId, foreign)
  }

  #order(botId: string, order: Order, commit: AccountCommit): void {
    const key = `${botId}|${orderKeyText(order)}`
    const known = this.orders.get(key)
    const deal = this.deals.get(`${botId}|${order.tradeSeq}`)!
    const named = [...commit.words, ...commit.newIntents].find(
      each => each.botId === botId && orderKeyText(each.order) === orderKeyText(order),
    )
    const computed = new StoryBot(botId).name(order, deal.botTradeSeq)
    this.orders.set(key, {
      botId,
      clientOrderId: known?.clientOrderId ?? named?.clientOrderId ?? computed,
      venueOrderId: known?.venueOrderId ?? null,
      botTradeSeq: deal.botTradeSeq,
      configVersion: deal.configVersion,
      order,
      isAcknowledged: known?.isAcknowledged ?? false,
      evidenceAtMs: known?.evidenceAtMs ?? 0,
    })
  }

  #book(transfers: readonly Transfer[]): void {
    const atVenue = new Set(['free', 'bot_free', 'bot_reserved', 'bot_margin', 'bot_dust', 'position'])
    for (const { debit, credit, currency, amount } of transfers) {
      this.transfers += 1
      if (!atVenue.has(debit) && !atVenue.has(credit)) continue
      let balance = this.balances.get(currency) ?? ZERO
      if (atVenue.has(debit)) balance = balance.plus(amount)
      if (atVenue.has(credit)) balance = balance.minus(amount)
      this.balances.set(currency, balance)
    }
  }

  /** As plain sorted data, to be compared with `plainAccount` of what a store loads. */
  account(endedSinceMs: number): object {
    return plain({
      bots: [...this.states].map(([botId, { state, lastSeq }]) => ({ botId, state, lastSeq })),
      intents: [...this.intents.values()].filter(intent => intent.status !== 'settled'),
      orders: [...this.orders.values()].filter(({ order }) => isLive(order) || (order.closedAtMs ?? 0) >= endedSinceMs),
      bookedFills: [...this.fills].filter(([, fill]) => fill.atMs >= endedSinceMs).map(([key]) => key),
      cursors: [...this.cursors.values()],
      foreignOrders: [...this.foreign.values()],
      balances: [...this.balances],
    })
  }
}

/** Through JSON, lists sorted by their text. */
export function plain(value: object): Record<string, unknown> {
  const data = JSON.parse(JSON.stringify(value)) as Record<string, unknown>
  for (const [key, list] of Object.entries(data)) {
    if (Array.isArray(list)) data[key] = list.map(sortedKeys).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  return data
}

/** The same data with keys in one order. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortedKeys(item)]),
  )
}
