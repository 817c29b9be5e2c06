// Collects what steps changed until an instant is whole, then gives it out as the batch of one transaction. Instants at which nothing
// happened are not written one by one: they become one `asleep` range in front of the next thing that did.

import { RecordingReads } from '../core/conditions/recorded-reads.ts'
import type { Transfer } from '../core/ledger/transfer.ts'
import type { Fill, Order } from '../core/orders/order.ts'
import type { CommitBatch, DecisionRecord, EquitySample, JournalEntry, SystemEvent, TradeImage } from '../engine/commit-batch.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'
import type { RunSink } from '../engine/simulated-run.ts'
import type { Cursor } from './pump.ts'

interface SleptRange {
  symbol: string
  timeframe: string
  fromMs: number
  toMs: number
  bars: number
  reason: string
}

/** Candles that came too late for a decision: only what rested at the venue met them. */
interface CaughtUp {
  readonly fromMs: number
  /** Open time of the last one. */
  toMs: number
  candles: number
  nextMs: number
}

/** Events that no candle brings about: whoever replays a journal must bring them in at their place. */
export const OUTSIDE_EVENTS: ReadonlySet<string> = new Set<EngineEvent['kind']>([
  'run_started',
  'config_applied',
  'run_paused',
  'run_resumed',
  'stop_requested',
  'user_command',
  'safety_changed',
])

/** Facts beside the events that a replay, or the simulation of one deal, cannot do without. */
export interface JournalNotes<State> {
  /** How far the feed is read: written where neither an event nor a candle says so. */
  cursor?(): Cursor
  /** What the run was told to obey: written with a change of it. */
  safety?(): unknown
  /** What a deal began with, in the state right after the decision that opened it; null where nothing came of it. */
  dealStart?(state: State, tradeSeq: number): unknown
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
  #caughtUp: CaughtUp[] = []
  readonly #notes: JournalNotes<State>
  readonly #lastReason: Map<string, string>
  #atMs = 0
  readonly #keepsIdle: boolean
  #lastSeq: number
  #hasFacts = false

  /**
   * @param lastSeq seq of the journal's last committed entry.
   * @param reasons what `reasons()` gave at that entry, so that a restart writes the journal that would have been written without it.
   * @param keepsIdle whether instants at which nothing happened are journaled too, so that the journal alone can be stepped again.
   */
  constructor(
    lastSeq: number,
    reasons: Readonly<Record<string, string>> = {},
    keepsIdle = false,
    notes: JournalNotes<State> = {},
  ) {
    this.#notes = notes
    this.#keepsIdle = keepsIdle
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
    const nothingNew = idle && this.#isNothingNew(result.decisions)
    if (nothingNew && !this.#keepsIdle) {
      this.#sleep(result.decisions)
      return
    }
    this.#wake()
    if (!nothingNew) this.#hasFacts = true
    const index = this.#journal.length
    for (const record of nothingNew ? [] : result.decisions) {
      this.#decisions.push({ index, record })
      this.#lastReason.set(record.symbol, `${record.outcome} ${record.reason}`)
    }
    this.#journal.push({
      atMs: event.atMs,
      kind: event.kind,
      payload: {
        event: plainEvent(event),
        decisions: result.decisions.map(plainDecision),
        commands: result.commands,
        ...this.#notesOn(event, result),
      },
    })
    this.#orders.push(...orders)
    this.#fills.push(...fills)
    this.#transfers.push(...transfers)
    this.#trades.push(...trades)
    this.#events.push(...events)
  }

  /** A candle that is too late for decisions is about to be traded. @param nextMs open time of the one behind it. */
  caughtUp(openMs: number, nextMs: number): void {
    const last = this.#caughtUp.at(-1)
    if (last?.nextMs === openMs) Object.assign(last, { toMs: openMs, candles: last.candles + 1, nextMs })
    else this.#caughtUp.push({ fromMs: openMs, toMs: openMs, candles: 1, nextMs })
  }

  #notesOn(event: EngineEvent, result: StepResult<State>): { cursor?: Cursor; safety?: unknown; starts?: unknown[] } {
    const { cursor, safety, dealStart } = this.#notes
    const starts: unknown[] = []
    for (const command of dealStart ? result.commands : []) {
      const start = command.kind === 'open_trade' ? dealStart!(result.state, command.tradeSeq) : null
      if (start !== null) starts.push(start)
    }
    return {
      ...(cursor && OUTSIDE_EVENTS.has(event.kind) ? { cursor: cursor() } : {}),
      ...(safety && event.kind === 'safety_changed' ? { safety: safety() } : {}),
      ...(starts.length > 0 ? { starts } : {}),
    }
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

  /** Something that must be written now: more than instants at which nothing happened. */
  hasFacts(): boolean {
    return this.#hasFacts
  }

  /**
   * The batch of everything since the last one. With nothing else to say the slept ranges are its entries, and without those one
   * that says how far the feed was read: a state is never saved without an entry that carries its hash.
   */
  take(frame: BatchFrame, readUptoMs: number): CommitBatch {
    const isQuiet = this.#journal.length === 0
    this.#wake()
    if (this.#journal.length === 0) {
      this.#atMs = Math.max(this.#atMs, readUptoMs)
      this.#journal.push({ atMs: readUptoMs, kind: 'progress', payload: {} })
    }
    if (isQuiet && this.#notes.cursor) {
      const last = this.#journal.pop()!
      this.#journal.push({ ...last, payload: { ...(last.payload as object), cursor: this.#notes.cursor() } })
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
    this.#hasFacts = false
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

  /** Writes down the ranges that were slept through, and those that came late. */
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
    for (const { fromMs, toMs, candles } of this.#caughtUp) {
      this.#journal.push({ atMs: toMs, kind: 'caught_up', payload: { fromMs, toMs, candles } })
    }
    this.#caughtUp = []
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
    const { reads, ...rest } = event
    return reads instanceof RecordingReads ? { ...rest, reads: reads.record() } : rest
  }
  if (event.kind === 'timer_fired' || event.kind === 'end_of_data') return { ...event, prices: Object.fromEntries(event.prices) }
  return event
}

function plainDecision(record: DecisionRecord): unknown {
  return { symbol: record.symbol, outcome: record.outcome, reason: record.reason }
}
