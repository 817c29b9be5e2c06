// Collects what steps changed until an instant is whole, then gives it out as the batch of one transaction. Instants at which nothing
// happened are not written one by one: they become one `asleep` range in front of the next thing that did.

import type { Transfer } from '../core/ledger/transfer.ts'
import type { Fill, Order } from '../core/orders/order.ts'
import type { CommitBatch, DecisionRecord, EquitySample, JournalEntry, SystemEvent, TradeImage } from '../engine/commit-batch.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'
import type { RunSink } from '../engine/simulated-run.ts'

interface SleptRange {
  symbol: string
  timeframe: string
  fromMs: number
  toMs: number
  bars: number
  reason: string
}

/** What the batch cannot know from the steps alone. */
export type BatchFrame = Pick<CommitBatch, 'metrics' | 'totals' | 'botStatus' | 'pausedBy' | 'state' | 'funds'>

export class BatchCollector<State> implements RunSink<State> {
  #journal: Omit<JournalEntry, 'seq'>[] = []
  #decisions: { index: number; record: DecisionRecord }[] = []
  #orders: Order[] = []
  #fills: Fill[] = []
  #transfers: Transfer[] = []
  #trades: TradeImage[] = []
  #events: SystemEvent[] = []
  #equity: EquitySample[] = []
  /** By symbol: pairs that close together sleep side by side. */
  readonly #slept = new Map<string, SleptRange>()
  readonly #lastReason: Map<string, string>
  #atMs = 0
  #lastSeq: number

  /**
   * @param lastSeq seq of the journal's last committed entry.
   * @param reasons what `reasons()` gave at that entry, so that a restart writes the journal that would have been written without it.
   */
  constructor(lastSeq: number, reasons: Readonly<Record<string, string>> = {}) {
    this.#lastSeq = lastSeq
    this.#lastReason = new Map(Object.entries(reasons))
  }

  /** The last decision that was written down, by symbol. */
  reasons(): Record<string, string> {
    return Object.fromEntries(this.#lastReason)
  }

  stepped(_seq: number, event: EngineEvent, result: StepResult<State>): void {
    this.#atMs = Math.max(this.#atMs, event.atMs)
    const { orders, fills, transfers, trades, events } = result.changes
    const idle =
      event.kind === 'candle_closed' &&
      result.commands.length === 0 &&
      orders.length + fills.length + transfers.length + trades.length + events.length === 0
    if (idle && this.#isNothingNew(result.decisions)) {
      this.#sleep(result.decisions)
      return
    }
    this.#wake()
    const index = this.#journal.length
    for (const record of result.decisions) {
      this.#decisions.push({ index, record })
      this.#lastReason.set(record.symbol, `${record.outcome} ${record.reason}`)
    }
    this.#journal.push({
      atMs: event.atMs,
      kind: event.kind,
      payload: { event: plainEvent(event), decisions: result.decisions.map(plainDecision), commands: result.commands },
    })
    this.#orders.push(...orders)
    this.#fills.push(...fills)
    this.#transfers.push(...transfers)
    this.#trades.push(...trades)
    this.#events.push(...events)
  }

  addEquity(sample: EquitySample): void {
    this.#equity.push(sample)
  }

  /** Deals that closed since the last batch, their own rows only. */
  closedTrades(): TradeImage[] {
    const closed = new Map<number, TradeImage>()
    for (const trade of this.#trades) {
      if (trade.parentTradeSeq === null && trade.dealStatus === 'closed') closed.set(trade.tradeSeq, trade)
    }
    return [...closed.values()]
  }

  fills(): readonly Fill[] {
    return this.#fills
  }

  trades(): readonly TradeImage[] {
    return this.#trades
  }

  hasNews(): boolean {
    return this.#journal.length > 0
  }

  /**
   * The batch of everything since the last one. With nothing else to say the slept ranges are its entries, and without those one
   * that says how far the feed was read: a state is never saved without an entry that carries its hash.
   */
  take(frame: BatchFrame, readUptoMs: number): CommitBatch {
    this.#wake()
    if (this.#journal.length === 0) {
      this.#atMs = Math.max(this.#atMs, readUptoMs)
      this.#journal.push({ atMs: readUptoMs, kind: 'progress', payload: {} })
    }
    const firstSeq = this.#lastSeq + 1
    const journal = this.#journal.map((entry, i) => ({ ...entry, seq: firstSeq + i }))
    const batch: CommitBatch = {
      ...frame,
      firstSeq,
      lastSeq: this.#lastSeq + journal.length,
      atMs: this.#atMs,
      journal,
      decisions: lastOfEach(this.#decisions).map(({ index, record }) => ({ ...record, seq: firstSeq + index })),
      orders: this.#orders,
      fills: this.#fills,
      transfers: this.#transfers,
      trades: this.#trades,
      events: this.#events,
      equity: this.#equity,
    }
    this.#lastSeq = batch.lastSeq
    this.#journal = []
    this.#decisions = []
    this.#orders = []
    this.#fills = []
    this.#transfers = []
    this.#trades = []
    this.#events = []
    this.#equity = []
    return batch
  }

  #isNothingNew(decisions: readonly DecisionRecord[]): boolean {
    return decisions.every(record => this.#lastReason.get(record.symbol) === `${record.outcome} ${record.reason}`)
  }

  #sleep(decisions: readonly DecisionRecord[]): void {
    for (const record of decisions) {
      const range = this.#slept.get(record.symbol)
      if (range) {
        range.toMs = record.decidedAtMs
        range.bars += 1
      } else {
        this.#slept.set(record.symbol, {
          symbol: record.symbol,
          timeframe: record.timeframe,
          fromMs: record.decidedAtMs,
          toMs: record.decidedAtMs,
          bars: 1,
          reason: record.reason,
        })
      }
    }
  }

  /** Writes down the ranges that were slept through. */
  #wake(): void {
    for (const { symbol, timeframe, fromMs, toMs, bars, reason } of this.#slept.values()) {
      const index = this.#journal.length
      this.#journal.push({ atMs: toMs, kind: 'asleep', payload: { symbol, fromMs, toMs, bars } })
      this.#decisions.push({
        index,
        record: {
          seq: 0,
          symbol,
          timeframe,
          barOpenMs: fromMs,
          decidedAtMs: toMs,
          outcome: 'held',
          reason,
          trace: { asleep: { fromMs, toMs, bars } },
          gates: [],
        },
      })
    }
    this.#slept.clear()
  }
}

/** One row a journal entry: an entry has at most one decision of its own. */
function lastOfEach(
  decisions: readonly { index: number; record: DecisionRecord }[],
): { index: number; record: DecisionRecord }[] {
  return [...new Map(decisions.map(each => [each.index, each])).values()]
}

/** Reads and maps do not serialise: the operands that mattered stand in the decision's trace. */
function plainEvent(event: EngineEvent): unknown {
  if (event.kind === 'candle_closed') {
    const { reads: _reads, ...rest } = event
    return rest
  }
  if (event.kind === 'timer_fired' || event.kind === 'end_of_data') return { ...event, prices: Object.fromEntries(event.prices) }
  return event
}

function plainDecision(record: DecisionRecord): unknown {
  return { symbol: record.symbol, outcome: record.outcome, reason: record.reason }
}
