// The engine's contract (execution.md 1): a bot is a machine whose step is synchronous, total and pure. It learns by events, acts by
// commands, and says by watches what could wake it. Backtest, paper and live are pumps around this one interface.

import type { CompiledPlaybook } from '../core/conditions/compile.ts'
import type { Reads } from '../core/conditions/evaluate.ts'
import type { Transfer } from '../core/ledger/transfer.ts'
import type { InstrumentRules } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { Fill, Order, OrderKey } from '../core/orders/order.ts'
import type { OrderEvent } from '../core/orders/transitions.ts'
import type { RiskApproved } from '../core/risk/approve-order.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { DecisionRecord, FundsImage, SystemEvent, TradeImage } from './commit-batch.ts'
import type { Watch } from './watch.ts'

export const PAUSE_REASONS = ['user', 'regime', 'brake', 'protection', 'stale_data', 'kill_switch'] as const
export type PauseReason = (typeof PAUSE_REASONS)[number]

/**
 * A decision instant of one pair: the bar of its decision clock (the fastest timeframe the bot uses) has closed. Pairs that close
 * together come in the order of the bot's list.
 */
export interface CandleClosedEvent {
  readonly kind: 'candle_closed'
  readonly atMs: number
  readonly symbol: string
  readonly timeframe: Timeframe
  readonly openTimeMs: number
  readonly close: Decimal
  /** A bar is missing right before this one. */
  readonly afterGap: boolean
  /** Values are read, nothing is decided or ordered. */
  readonly isWarmup: boolean
  /** Operands of this instant: the latest closed bars of every series the bot reads. */
  readonly reads: Reads
}

export type EngineEvent =
  | {
      readonly kind: 'run_started'
      readonly atMs: number
      readonly currency: string
      readonly initialBalance: Decimal
      /** The next deal's number over all paper and live runs of the bot. */
      readonly nextBotTradeSeq: number
      /** Book the deposit and the bot's share of it; false where the start of the run has booked them already. */
      readonly opensBooks: boolean
    }
  | { readonly kind: 'config_applied'; readonly atMs: number; readonly version: number }
  /** The venue has changed its rules; whoever steps the journal again prepares the machine with them from here on. */
  | { readonly kind: 'instrument_changed'; readonly atMs: number; readonly rules: InstrumentRules }
  | { readonly kind: 'run_paused'; readonly atMs: number; readonly reason: PauseReason; readonly untilMs: number | null }
  | { readonly kind: 'run_resumed'; readonly atMs: number; readonly reason: PauseReason }
  | { readonly kind: 'stop_requested'; readonly atMs: number; readonly openDeals: 'manage' | 'close' | 'release' }
  | { readonly kind: 'user_command'; readonly atMs: number; readonly command: UserCommand }
  | CandleClosedEvent
  | { readonly kind: 'price_touched'; readonly atMs: number; readonly watch: string; readonly price: Decimal }
  | {
      readonly kind: 'timer_fired'
      readonly atMs: number
      readonly watch: string
      /** Prices at this instant, by symbol, of the pairs that trade at it. */
      readonly prices: ReadonlyMap<string, Decimal>
    }
  | {
      readonly kind: 'order_event'
      readonly atMs: number
      readonly event: OrderEvent
      /** The order went out in this same instant: a simulated venue answers at once. It is `sent` first, then the event. */
      readonly sentNow?: boolean
      readonly order: OrderKey
      readonly reason: string | null
      /** Whether the venue ever confirmed it: what a proven absence means. */
      readonly acknowledged?: boolean
      /** Set where the bot's state may no longer keep the order. */
      readonly record?: OrderImage
    }
  /** A cancel went out, was refused (the order is looked up, never asked again in a loop), or its answer was lost. */
  | {
      readonly kind: 'cancel_sent' | 'cancel_refused' | 'cancel_lost'
      readonly atMs: number
      readonly order: OrderKey
      readonly reason: string | null
    }
  /** A stop has been touched and works on at the market, although nothing of it could fill yet. */
  | { readonly kind: 'triggered'; readonly atMs: number; readonly order: OrderKey }
  | {
      readonly kind: 'fill_reported'
      readonly atMs: number
      readonly fill: Fill
      /** Set where the bot's state may no longer keep the order: late fills are always booked. */
      readonly record?: OrderImage
    }
  /** An order of ours at the venue that no record knows, by its recomputed client order id. */
  | { readonly kind: 'orphan_adopted'; readonly atMs: number; readonly record: OrderImage }
  /** Coins of a deal are gone from the venue, and no order of ours sold them. */
  | {
      readonly kind: 'coins_missing'
      readonly atMs: number
      readonly symbol: string
      readonly tradeSeq: number
      readonly quantity: Decimal
      /** Average price of the executions that took them; null where nobody knows it. */
      readonly soldAt: Decimal | null
    }
  /** The strictest safety level that rules this bot. */
  | { readonly kind: 'safety_changed'; readonly atMs: number; readonly level: SafetyLevel; readonly reason: string }
  /** Comparison with the venue: with open differences the account makes no entry. */
  | { readonly kind: 'reconciled'; readonly atMs: number; readonly openDifferences: number }
  | { readonly kind: 'end_of_data'; readonly atMs: number; readonly prices: ReadonlyMap<string, Decimal> }

/** An order with what is needed to go on with its deal when the state no longer keeps one. */
export interface OrderImage {
  readonly order: Order
  readonly botTradeSeq: number
  readonly configVersion: number
}

export type UserCommand =
  | { readonly type: 'close_deal'; readonly tradeSeq: number }
  | { readonly type: 'start_deal'; readonly symbol: string }
  | { readonly type: 'panic' }

export type Command =
  | { readonly kind: 'place_order'; readonly order: RiskApproved<Order> }
  | { readonly kind: 'cancel_order'; readonly order: OrderKey }
  /** Find out how an order stands: its cancel was refused or lost, or it is missing. */
  | { readonly kind: 'query_order'; readonly order: OrderKey }
  | { readonly kind: 'reserve'; readonly tradeSeq: number; readonly amount: Decimal }
  | { readonly kind: 'release'; readonly tradeSeq: number; readonly amount: Decimal }
  | { readonly kind: 'open_trade'; readonly tradeSeq: number }
  | { readonly kind: 'close_trade'; readonly tradeSeq: number; readonly reason: string }

/** What a step changed, as facts to be written. Whole images; the latest of a key wins. */
export interface Changes {
  readonly orders: Order[]
  readonly fills: Fill[]
  readonly transfers: Transfer[]
  /** Made when they are asked for. */
  readonly trades: readonly TradeImage[]
  /** Whether a deal, or a part of one, has ended in this step. */
  readonly endedDeals: boolean
  readonly events: SystemEvent[]
}

export interface StepResult<State> {
  readonly state: State
  readonly commands: readonly Command[]
  readonly decisions: readonly DecisionRecord[]
  readonly changes: Changes
}

/** A bot kind: its state is data that serialises to plain JSON and comes back by `revive`. */
export interface BotMachine<State> {
  initialState(): State
  step(state: State, event: EngineEvent): StepResult<State>
  /** What could wake the bot; replaces the former set. */
  watches(state: State): Watch[]
  /** The state from its parsed JSON. @throws where it is not of this machine's version. */
  revive(json: unknown): State
  summary(state: State): RunSummary
  /** Whether the run has ended by itself: asked at every wake-up. */
  hasEnded(state: State): boolean
  /** Orders that the venue still owes an end. */
  liveOrders(state: State): readonly Order[]
  /** The playbook that a condition watch names. */
  playbook(key: string): CompiledPlaybook | null
}

/** What every pump may ask of any bot's state. */
export interface RunSummary {
  readonly status: 'starting' | 'running' | 'paused' | 'stopping' | 'stopped'
  readonly pausedBy: readonly PauseReason[]
  /** Ended by itself: a limit of deals was reached, or a stop found it flat. */
  readonly ended: 'completed' | 'stopped' | null
  readonly funds: readonly FundsImage[]
  /** Open lots, for equity. */
  readonly lots: readonly { readonly symbol: string; readonly quantity: Decimal; readonly basis: Decimal }[]
  readonly closedTrades: number
  readonly realizedPnl: Decimal
}
