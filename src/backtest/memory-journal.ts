// The facts of a backtest, kept in memory: books, orders and fills by deal, closed deals in their order.

import { Books } from '../core/ledger/books.ts'
import type { Fill, Order } from '../core/orders/order.ts'
import type { HashedTrade } from '../core/positions/trades-hash.ts'
import type { SystemEvent, TradeImage } from '../engine/commit-batch.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'
import type { RunSink } from '../engine/simulated-run.ts'

const NONE: readonly TradeImage[] = []

export class MemoryJournal<State> implements RunSink<State> {
  readonly books: Books
  /** By deal, in the order in which they were placed. */
  readonly #orders = new Map<number, Order[]>()
  readonly #fills = new Map<number, Fill[]>()
  readonly #closed: TradeImage[] = []
  readonly #partialExits: TradeImage[] = []
  readonly events: { readonly atMs: number; readonly event: SystemEvent }[] = []
  readonly #keepsEvents: boolean
  steps = 0

  readonly #onStep: ((event: EngineEvent, result: StepResult<State>) => void) | undefined

  constructor(keepsEvents: boolean, onStep?: (event: EngineEvent, result: StepResult<State>) => void) {
    this.#keepsEvents = keepsEvents
    this.#onStep = onStep
    this.books = new Books(onStep !== undefined)
  }

  stepped(_seq: number, event: EngineEvent, result: StepResult<State>): void {
    this.steps += 1
    this.#onStep?.(event, result)
    const { orders, fills, transfers, endedDeals, events } = result.changes
    for (const transfer of transfers) this.books.post(transfer)
    for (const order of orders) this.#keepOrder(order)
    for (const fill of fills) {
      const ofDeal = this.#fills.get(fill.tradeSeq)
      if (ofDeal) ofDeal.push(fill)
      else this.#fills.set(fill.tradeSeq, [fill])
    }
    for (const trade of endedDeals ? result.changes.trades : NONE) {
      if (trade.parentTradeSeq !== null) this.#partialExits.push(trade)
      else if (trade.dealStatus === 'closed' || trade.dealStatus === 'released') this.#closed.push(trade)
    }
    if (this.#keepsEvents) for (const each of events) this.events.push({ atMs: event.atMs, event: each })
  }

  /** The latest image of an order; those that change are among the last. */
  #keepOrder(order: Order): void {
    const ofDeal = this.#orders.get(order.tradeSeq)
    if (!ofDeal) {
      this.#orders.set(order.tradeSeq, [order])
      return
    }
    for (let i = ofDeal.length - 1; i >= 0; i -= 1) {
      const known = ofDeal[i]!
      if (known.sequence === order.sequence && known.purpose === order.purpose) {
        ofDeal[i] = order
        return
      }
    }
    ofDeal.push(order)
  }

  /** Deals that have ended with a position, in the order in which they ended. */
  closedTrades(): readonly TradeImage[] {
    return this.#closed
  }

  partialExits(): readonly TradeImage[] {
    return this.#partialExits
  }

  ordersOf(tradeSeq: number): Order[] {
    return this.#orders.get(tradeSeq)?.slice() ?? []
  }

  fillsOf(tradeSeq: number): readonly Fill[] {
    return this.#fills.get(tradeSeq) ?? []
  }

  hashedTrades(): HashedTrade[] {
    return this.#closed.map(trade => ({
      symbol: trade.symbol,
      side: trade.direction,
      openedAtMs: trade.openedAtMs!,
      closedAtMs: trade.closedAtMs!,
      exitReason: trade.exitReason!,
      netPnl: trade.netPnl!,
      tradeSeq: trade.tradeSeq,
      fills: this.fillsOf(trade.tradeSeq),
    }))
  }
}
