// What one instant of a run writes, all in ONE transaction: events and their decisions, orders, fills, transfers, deals, funds and
// the new state. Nothing acts on any of it before that transaction has committed. Decimals serialise as text.
//
// Rows name each other by what the engine knows (deal ordinal, order key); storage derives its ids from them and the run, so
// that writing the same batch twice is refused by unique keys instead of doubling facts.

import type { Transfer } from '../core/ledger/transfer.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { Fill, Order } from '../core/orders/order.ts'

export interface JournalEntry {
  readonly seq: number
  readonly atMs: number
  readonly kind: string
  /** The event as stepped, with the decision and the commands it gave. */
  readonly payload: unknown
}

export type DecisionOutcome = 'no_signal' | 'not_evaluable' | 'blocked' | 'entered' | 'averaged' | 'exited' | 'held' | 'error'

export interface DecisionRecord {
  readonly seq: number
  readonly symbol: string
  readonly timeframe: string
  readonly barOpenMs: number
  readonly decidedAtMs: number
  readonly outcome: DecisionOutcome
  /** Plain sentence: the headline of the trace. */
  readonly reason: string
  /** Evaluated conditions with operands; `{asleep: {fromMs, toMs, bars}}` for a slept range. */
  readonly trace: unknown
  /** Gates in their order with pass or refusal. */
  readonly gates: unknown
}

export type DealStatus = 'pending' | 'open' | 'closing' | 'closed' | 'cancelled' | 'failed' | 'released' | 'merged'

/** Whole image of a deal after the instant. Sums are over fills; PnL in quote. */
export interface TradeImage {
  /** Ordinal within the run, from 1 (also the part `tradeSeq` of an OrderKey). */
  readonly tradeSeq: number
  /** Counts over all paper and live runs of the bot: part of the client order id. */
  readonly botTradeSeq: number
  /** Set on the row of a partial exit. */
  readonly parentTradeSeq: number | null
  /** Number of the partial exit within its deal, from 1; null on a deal's own row. */
  readonly partialExit: number | null
  readonly symbol: string
  readonly direction: 'long' | 'short'
  readonly dealStatus: DealStatus
  readonly configVersion: number
  readonly entryLogicName: string
  readonly createdAtMs: number
  readonly openedAtMs: number | null
  readonly closedAtMs: number | null
  readonly buyOrderCreatedAtMs: number | null
  readonly buyOrderClosedAtMs: number | null
  readonly sellOrderCreatedAtMs: number | null
  readonly sellOrderClosedAtMs: number | null
  readonly entryPrice: Decimal | null
  readonly exitPrice: Decimal | null
  readonly entryValue: Decimal | null
  readonly exitValue: Decimal | null
  /** Base quantity bought in all. */
  readonly size: Decimal | null
  readonly commission: Decimal
  readonly grossPnl: Decimal | null
  readonly netPnl: Decimal | null
  readonly pnlPercentage: Decimal | null
  readonly exitReason: string | null
  readonly averagingCount: number
  /** Fired targets, armed flags, peak, stop: what the exits need after a restart. */
  readonly exitState: unknown
  /** The open lot. */
  readonly position: {
    readonly quantity: Decimal
    readonly averagePrice: Decimal | null
    readonly basis: Decimal
    readonly realizedPnl: Decimal
    readonly feesPaid: Decimal
    readonly currentPrice: Decimal | null
    readonly unrealizedPnl: Decimal
    readonly stopPrice: Decimal | null
    readonly peakPrice: Decimal | null
    readonly breakEvenActive: boolean
    readonly trailingActive: boolean
    readonly takeProfits: unknown
    readonly isProtected: boolean
    readonly protectionReason: string | null
  }
}

export interface FundsImage {
  readonly currency: string
  readonly free: Decimal
  readonly locked: Decimal
}

export interface SystemEvent {
  readonly type: string
  readonly category: 'system' | 'execution' | 'condition' | 'profit' | 'risk' | 'data' | 'auth' | 'audit'
  readonly severity: 'debug' | 'info' | 'warning' | 'error' | 'critical'
  readonly symbol: string | null
  readonly tradeSeq: number | null
  readonly message: string
  readonly details: unknown
}

export interface EquitySample {
  readonly atMs: number
  readonly currency: string
  readonly equity: string
  readonly balance: string
  readonly unrealizedPnl: string
  /** Positive percent below the highest equity so far. */
  readonly drawdownPct: number
}

export interface RunTotals {
  readonly status: 'running' | 'completed' | 'stopped' | 'error'
  readonly endedAtMs: number | null
  /** Closed deals. */
  readonly totalTrades: number
  /** Net PnL of closed deals plus unrealised PnL, in quote. */
  readonly totalPnl: string
  readonly currentBalance: string
  /** Positive percent. */
  readonly maxDrawdown: number
  readonly sharpeRatio: number | null
  /** Set when the run has ended. */
  readonly tradesHash: string | null
}

/** One row of performance_metrics; figures as statistics define them, null where undefined. */
export interface MetricsImage {
  readonly sharpeRatio: number | null
  readonly winRate: number | null
  readonly profitFactor: number | null
  readonly maxDrawdown: number | null
  readonly totalReturn: number | null
  readonly avgWin: string | null
  readonly avgLoss: string | null
  readonly largestWin: string | null
  readonly largestLoss: string | null
  readonly totalTrades: number
  readonly winningTrades: number
  readonly losingTrades: number
  readonly extra: unknown
}

export interface CommitBatch {
  /** First and last seq of the journal entries; the former batch ended at firstSeq - 1. */
  readonly firstSeq: number
  readonly lastSeq: number
  readonly atMs: number
  readonly journal: readonly JournalEntry[]
  readonly decisions: readonly DecisionRecord[]
  /** Whole images of what changed; later images of the same key win. */
  readonly orders: readonly Order[]
  readonly fills: readonly Fill[]
  readonly transfers: readonly Transfer[]
  readonly trades: readonly TradeImage[]
  /** All currencies of the bot, after the instant. */
  readonly funds: readonly FundsImage[]
  readonly events: readonly SystemEvent[]
  readonly equity: readonly EquitySample[]
  readonly metrics: MetricsImage | null
  readonly totals: RunTotals
  /** Observed status of the bot and what pauses it. */
  readonly botStatus: 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'error'
  readonly pausedBy: readonly string[]
  /** Everything a restart continues from: plain JSON once serialised. */
  readonly state: unknown
}
