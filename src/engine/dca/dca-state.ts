// What a DCA run must know to go on: plain data, exact decimals that serialise as text. A deal is kept here while it is alive; its rows
// stay in the database for good.

import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { CancelState, Order, OrderStatus, OrderType, Purpose, Side } from '../../core/orders/order.ts'
import { EMPTY_LOT, type Lot } from '../../core/positions/lot.ts'
import type { SafetyLevel } from '../../core/risk/safety.ts'
import type { PauseReason } from '../machine.ts'

export const DCA_STATE_VERSION = 2

/** How many ended deals a run against a real venue remembers, so that what comes late still joins the deal it belongs to. */
export const REMEMBERED_DEALS = 50

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
  troubles: Troubles

  buyOrderCreatedAtMs: number | null
  buyOrderClosedAtMs: number | null
  sellOrderCreatedAtMs: number | null
  sellOrderClosedAtMs: number | null
}

/** What a venue has refused so many times in a row, and until when nothing of the kind is tried again. */
export interface Backoff {
  readonly tries: number
  readonly untilMs: number
}

/** What only a real venue gives to remember: refusals, lost cancels, a first life. A copy is made for every change. */
export interface Troubles {
  /** Sells that the venue refused, by purpose. */
  readonly sells: Partial<Record<Purpose, Backoff>>
  /** Cancels that were refused or lost, by `purpose|sequence`; until 0 where the venue has yet to tell how the order stands. */
  readonly cancels: Record<string, Backoff>
  /** Resting stops that the venue refused in a row; from three on the stop is kept here instead. */
  readonly stopRefusals: number
  /** Since when what is held should have a stop at the venue and has none that is acknowledged. */
  readonly unprotectedSinceMs: number | null
  readonly isProtectionLate: boolean
  /** Index of a virtual target that waits for the coins which the resting stop holds. */
  readonly dueTarget: number | null
  /** It had ended and lives again because something of it came late. */
  readonly isReopened: boolean
  /** Net result that was counted when the deal ended before; null in its first life. */
  readonly countedNet: Decimal | null
  /** Ids of the latest fills, `purpose|sequence|fillId`, where a venue could tell one twice. */
  readonly fillIds: readonly string[]
}

export const NO_TROUBLES: Troubles = {
  sells: {},
  cancels: {},
  stopRefusals: 0,
  unprotectedSinceMs: null,
  isProtectionLate: false,
  dueTarget: null,
  isReopened: false,
  countedNet: null,
  fillIds: [],
}

/** An ended deal as far as a late fill needs it. */
export type EndedDeal = Readonly<
  Pick<
    Deal,
    | 'tradeSeq'
    | 'botTradeSeq'
    | 'symbol'
    | 'configVersion'
    | 'entryLogicName'
    | 'createdAtMs'
    | 'status'
    | 'openedAtMs'
    | 'exitReason'
    | 'lot'
    | 'baseQuantity'
    | 'baseCost'
    | 'averagingCount'
    | 'usedRungs'
    | 'sequences'
    | 'partialExits'
    | 'buyOrderCreatedAtMs'
    | 'buyOrderClosedAtMs'
    | 'sellOrderCreatedAtMs'
    | 'sellOrderClosedAtMs'
  > & { fillIds: readonly string[] }
>

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
  /** The strictest safety level that rules this bot; not normal takes no new exposure. */
  safety: SafetyLevel
  safetyReason: string
  /** Differences between the account's records and its venue that nobody has explained: no deal starts with any. */
  openDifferences: number
  /** Symbols with an order of which nobody knows whether the venue has it. */
  inDoubt: string[]
  /** Oldest first, at most REMEMBERED_DEALS; empty where the venue answers at once. */
  endedDeals: EndedDeal[]
}

type DealBeginning = Pick<
  Deal,
  | 'tradeSeq'
  | 'botTradeSeq'
  | 'symbol'
  | 'configVersion'
  | 'entryLogicName'
  | 'createdAtMs'
  | 'factor'
  | 'freeAtStart'
  | 'requiredCapital'
>

/** A deal of which nothing has been ordered. */
export function newDeal(beginning: DealBeginning): Deal {
  return {
    tradeSeq: beginning.tradeSeq,
    botTradeSeq: beginning.botTradeSeq,
    symbol: beginning.symbol,
    configVersion: beginning.configVersion,
    entryLogicName: beginning.entryLogicName,
    createdAtMs: beginning.createdAtMs,
    factor: beginning.factor,
    freeAtStart: beginning.freeAtStart,
    requiredCapital: beginning.requiredCapital,
    status: 'pending',
    openedAtMs: null,
    closedAtMs: null,
    lot: EMPTY_LOT,
    lock: ZERO,
    baseOrderEnded: false,
    baseQuantity: ZERO,
    baseCost: ZERO,
    lastEntryPrice: null,
    lastEntryAtMs: null,
    averagingCount: 0,
    usedRungs: [],
    averagingArmed: true,
    averagingBlocked: false,
    firedTargets: [],
    targetBase: null,
    targetSold: {},
    trailingArmed: false,
    peak: null,
    bestPrice: null,
    stop: null,
    breakEven: false,
    stopBeyondSinceMs: null,
    timeExitDue: false,
    closeByWaiting: false,
    exitReason: null,
    exitPurpose: null,
    handsOver: false,
    orders: [],
    sequences: {},
    partialExits: 0,
    troubles: NO_TROUBLES,
    buyOrderCreatedAtMs: null,
    buyOrderClosedAtMs: null,
    sellOrderCreatedAtMs: null,
    sellOrderClosedAtMs: null,
  }
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
    safety: 'normal',
    safetyReason: '',
    openDifferences: 0,
    inDoubt: [],
    endedDeals: [],
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
    troubles: json['troubles'] === undefined ? NO_TROUBLES : reviveTroubles(json['troubles'] as Json),
  }
  return Object.assign(deal, fields)
}

function reviveTroubles(json: Json): Troubles {
  return { ...(json as unknown as Troubles), countedNet: decimalOrNull(json, 'countedNet') }
}

function reviveEnded(json: Json): EndedDeal {
  return {
    ...(json as unknown as EndedDeal),
    lot: reviveLot(json['lot'] as Json),
    baseQuantity: decimal(json, 'baseQuantity'),
    baseCost: decimal(json, 'baseCost'),
  }
}

/** What a state of a former version lacks. */
const SINCE_VERSION_2: Pick<DcaState, 'safety' | 'safetyReason' | 'openDifferences' | 'inDoubt' | 'endedDeals'> = {
  safety: 'normal',
  safetyReason: '',
  openDifferences: 0,
  inDoubt: [],
  endedDeals: [],
}

/** @throws where the JSON is not a state of this version or the former: the run is then quarantined, never guessed. */
export function reviveState(json: unknown): DcaState {
  const saved = json as Json
  const { version } = saved
  if (version !== DCA_STATE_VERSION && version !== 1) {
    throw new Error(`saved state has version ${String(version)}, this engine reads ${DCA_STATE_VERSION} and 1`)
  }
  const record: Json = version === 1 ? { ...saved, ...SINCE_VERSION_2 } : saved
  const state = { ...record, version: DCA_STATE_VERSION } as unknown as DcaState
  state.endedDeals = (record['endedDeals'] as Json[]).map(reviveEnded)
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
