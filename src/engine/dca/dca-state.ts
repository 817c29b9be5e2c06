// What a DCA run must know to go on: plain data, exact decimals that serialise as text. A deal is kept here while it is alive; its rows
// stay in the database for good.

import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { CancelState, Order, OrderStatus, OrderType, Purpose, Side } from '../../core/orders/order.ts'
import { EMPTY_LOT, type Lot } from '../../core/positions/lot.ts'
import type { PauseReason } from '../machine.ts'

export const DCA_STATE_VERSION = 1

export type ExitReason =
  | 'take_profit'
  | 'restart'
  | 'trailing'
  | 'stop_loss'
  | 'trailing_stop'
  | 'break_even'
  | 'time'
  | 'playbook'
  | 'signal'
  | 'manual'
  | 'panic'
  | 'brake'
  | 'venue'
  | 'end_of_data'
  | 'reconciliation'

export interface Deal {
  /** Ordinal within the run, from 1. */
  readonly tradeSeq: number
  readonly botTradeSeq: number
  readonly symbol: string
  readonly configVersion: number
  readonly entryLogicName: 'immediate' | 'playbook' | 'signal'
  readonly createdAtMs: number
  /** Scales its amounts: reinvestment and compounding. */
  readonly factor: Decimal
  /** Free quote when the deal was decided: what balance percentages are of. */
  readonly freeAtStart: Decimal
  readonly requiredCapital: Decimal

  status: 'pending' | 'open' | 'closing' | 'closed' | 'cancelled' | 'failed' | 'released'
  openedAtMs: number | null
  closedAtMs: number | null
  lot: Lot
  /** Quote still locked for this deal. */
  lock: Decimal
  /** Average fill price, quantity and cost of the base order: P0. */
  baseOrderEnded: boolean
  baseQuantity: Decimal
  baseCost: Decimal
  lastEntryPrice: Decimal | null
  lastEntryAtMs: number | null
  /** Averaging orders with at least one fill. */
  averagingCount: number
  /** Averaging orders that are used up, by number: filled at least in part, or refused by the venue. */
  usedRungs: number[]
  /** An averaging condition must turn false before it fires again. */
  averagingArmed: boolean
  /** Virtual rung that was passed while a limit of loss forbade it: looked at again at the next close. */
  averagingBlocked: boolean

  /** Indexes of targets that have fired, and what their orders are. */
  firedTargets: number[]
  /** Quantity held when the first target fired, recomputed after averaging; null before. */
  targetBase: Decimal | null
  /** Sold so far by targets that have not fired whole, by their index. */
  targetSold: Record<string, Decimal>
  trailingArmed: boolean
  peak: Decimal | null
  /** Best price since the first fill, for a trailing stop loss. */
  bestPrice: Decimal | null
  stop: Decimal | null
  breakEven: boolean
  /** Since when the price has been at or beyond a stop that must wait. */
  stopBeyondSinceMs: number | null
  timeExitDue: boolean
  /** A close-by playbook was true at the last close while the deal's profit was too small. */
  closeByWaiting: boolean
  /** Why it is closing, and with which purpose its exit orders go out. */
  exitReason: ExitReason | null
  exitPurpose: Purpose | null
  /** Closing by release: nothing more is sold. */
  handsOver: boolean

  /** Live orders, and ended ones of this deal's exit that still matter are dropped once written. */
  orders: Order[]
  sequences: Partial<Record<Purpose, number>>
  partialExits: number

  buyOrderCreatedAtMs: number | null
  buyOrderClosedAtMs: number | null
  sellOrderCreatedAtMs: number | null
  sellOrderClosedAtMs: number | null
}

/** Per pair, and kept between deals. */
export interface PairState {
  lastClosedAtMs: number | null
  lastPrice: Decimal | null
  /** Memory of the entry playbook: latches, counters, re-arm. */
  entryPlaybook: unknown
  /** After it fired, an entry signal must turn false before it can fire again. */
  entryArmed: boolean
  lastEntryBarMs: number | null
  /** The signal was seen; the deal starts once the delay has passed and it still stands. */
  delayUntilMs: number | null
  /** take profit and restart: the next deal needs no playbook. */
  restart: boolean
  /** Compounded capital factor. */
  factor: Decimal
  /** Bars until a hole in the candles is left behind. */
  gapUntilMs: number | null
  requirePlaybook: unknown
  requireTrue: boolean
  averagingPlaybook: unknown
  closeByPlaybook: unknown
  regime: { pausedAtMs: number | null; barMs: number | null }
  breaker: { trippedAtMs: number | null; releasedAtMs: number | null }
  signalPending: boolean
}

export interface DcaState {
  version: number
  status: 'starting' | 'running' | 'paused' | 'stopping' | 'stopped'
  ended: 'completed' | 'stopped' | null
  configVersion: number
  nowMs: number
  quote: string
  free: Decimal
  reserved: Decimal
  initialBalance: Decimal
  pausedBy: PauseReason[]
  pausedUntilMs: number | null
  nextTradeSeq: number
  nextBotTradeSeq: number
  startedDeals: number
  closedTrades: number
  realizedPnl: Decimal
  gains: Decimal
  losses: Decimal
  /** Net result of deals closed on one UTC day, for the daily loss limit. */
  day: { startMs: number; net: Decimal }
  deals: Deal[]
  pairs: Record<string, PairState>
  dust: Record<string, { quantity: Decimal; basis: Decimal }>
  /** Counts causes of reservations, so that each posting has its own name. */
  postings: number
}

export function newPair(): PairState {
  return {
    lastClosedAtMs: null,
    lastPrice: null,
    entryPlaybook: null,
    entryArmed: true,
    lastEntryBarMs: null,
    delayUntilMs: null,
    restart: false,
    factor: Decimal.from(1),
    gapUntilMs: null,
    requirePlaybook: null,
    requireTrue: false,
    averagingPlaybook: null,
    closeByPlaybook: null,
    regime: { pausedAtMs: null, barMs: null },
    breaker: { trippedAtMs: null, releasedAtMs: null },
    signalPending: false,
  }
}

export function newState(configVersion: number, quote: string): DcaState {
  return {
    version: DCA_STATE_VERSION,
    status: 'starting',
    ended: null,
    configVersion,
    nowMs: 0,
    quote,
    free: ZERO,
    reserved: ZERO,
    initialBalance: ZERO,
    pausedBy: [],
    pausedUntilMs: null,
    nextTradeSeq: 1,
    nextBotTradeSeq: 1,
    startedDeals: 0,
    closedTrades: 0,
    realizedPnl: ZERO,
    gains: ZERO,
    losses: ZERO,
    day: { startMs: 0, net: ZERO },
    deals: [],
    pairs: {},
    dust: {},
    postings: 0,
  }
}

// ---- back from JSON: every decimal is named here once, and a missing one is refused ----

type Json = Record<string, unknown>

function decimal(record: Json, key: string): Decimal {
  const value = record[key]
  if (typeof value !== 'string') throw new Error(`saved state: ${key} is ${JSON.stringify(value)}, decimal text was expected`)
  return Decimal.from(value)
}

function decimalOrNull(record: Json, key: string): Decimal | null {
  return record[key] === null ? null : decimal(record, key)
}

function reviveLot(json: Json): Lot {
  const lot: Json = {}
  for (const key of Object.keys(EMPTY_LOT)) lot[key] = decimal(json, key)
  return lot as unknown as Lot
}

export function reviveOrder(json: Json): Order {
  return {
    ...(json as unknown as {
      tradeSeq: number
      purpose: Purpose
      sequence: number
      symbol: string
      side: Side
      type: OrderType
      rung: number | null
      status: OrderStatus
      cancelState: CancelState
      isVirtual: boolean
      reason: string | null
      intendedAtMs: number
      expiresAtMs: number | null
      closedAtMs: number | null
    }),
    quantity: decimal(json, 'quantity'),
    limitPrice: decimalOrNull(json, 'limitPrice'),
    stopPrice: decimalOrNull(json, 'stopPrice'),
    decisionPrice: decimalOrNull(json, 'decisionPrice'),
    filledQuantity: decimal(json, 'filledQuantity'),
    filledValue: decimal(json, 'filledValue'),
    feeValueQuote: decimal(json, 'feeValueQuote'),
  }
}

function reviveDeal(json: Json): Deal {
  const deal = { ...json } as unknown as Deal
  const fields: Json = {
    factor: decimal(json, 'factor'),
    freeAtStart: decimal(json, 'freeAtStart'),
    requiredCapital: decimal(json, 'requiredCapital'),
    lot: reviveLot(json['lot'] as Json),
    lock: decimal(json, 'lock'),
    baseQuantity: decimal(json, 'baseQuantity'),
    baseCost: decimal(json, 'baseCost'),
    lastEntryPrice: decimalOrNull(json, 'lastEntryPrice'),
    targetBase: decimalOrNull(json, 'targetBase'),
    targetSold: Object.fromEntries(
      Object.keys(json['targetSold'] as Json).map(key => [key, decimal(json['targetSold'] as Json, key)]),
    ),
    peak: decimalOrNull(json, 'peak'),
    bestPrice: decimalOrNull(json, 'bestPrice'),
    stop: decimalOrNull(json, 'stop'),
    orders: (json['orders'] as Json[]).map(reviveOrder),
  }
  return Object.assign(deal, fields)
}

/** @throws where the JSON is not a state of this version: the run is then quarantined, never guessed. */
export function reviveState(json: unknown): DcaState {
  const record = json as Json
  if (record['version'] !== DCA_STATE_VERSION) {
    throw new Error(`saved state has version ${String(record['version'])}, this engine reads ${DCA_STATE_VERSION}`)
  }
  const state = { ...record } as unknown as DcaState
  state.free = decimal(record, 'free')
  state.reserved = decimal(record, 'reserved')
  state.initialBalance = decimal(record, 'initialBalance')
  state.realizedPnl = decimal(record, 'realizedPnl')
  state.gains = decimal(record, 'gains')
  state.losses = decimal(record, 'losses')
  const day = record['day'] as Json
  state.day = { startMs: day['startMs'] as number, net: decimal(day, 'net') }
  state.deals = (record['deals'] as Json[]).map(reviveDeal)
  state.pairs = Object.fromEntries(
    Object.entries(record['pairs'] as Record<string, Json>).map(([symbol, pair]) => [
      symbol,
      { ...(pair as unknown as PairState), lastPrice: decimalOrNull(pair, 'lastPrice'), factor: decimal(pair, 'factor') },
    ]),
  )
  state.dust = Object.fromEntries(
    Object.entries(record['dust'] as Record<string, Json>).map(([currency, dust]) => [
      currency,
      { quantity: decimal(dust, 'quantity'), basis: decimal(dust, 'basis') },
    ]),
  )
  return state
}
