// One step's working copy of a run: what is touched is copied once, so the former state stays as it was, and everything that must be
// written is collected on the way.

import type { DcaConfig } from '../../core/dca/config.ts'
import type { ExitContext } from '../../core/dca/exit-prices.ts'
import type { Rung } from '../../core/dca/ladder.ts'
import { exitContext, feeRate } from '../../core/dca/preview.ts'
import type { Transfer } from '../../core/ledger/transfer.ts'
import type { Instrument } from '../../core/market/instrument.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import type { Fill, Order } from '../../core/orders/order.ts'
import type { Lot } from '../../core/positions/lot.ts'
import type { DecisionRecord, SystemEvent, TradeImage } from '../commit-batch.ts'
import type { Changes, Command, StepResult } from '../machine.ts'
import { type DcaState, type Deal, type EndedDeal, newPair, type PairState, REMEMBERED_DEALS } from './dca-state.ts'
import type { PairPlaybooks } from './playbooks.ts'
import { tradeImage } from './trade-image.ts'

/** A version of the configuration, prepared for trading. */
export interface DcaRules {
  readonly version: number
  readonly config: DcaConfig
  readonly rungs: readonly Rung[]
  readonly playbooks: ReadonlyMap<string, PairPlaybooks>
}

/** What a bot must know of its venue; whatever is not said is as the simulated venue is. */
export interface VenueTraits {
  /** Answers come late: ended deals are remembered, protection is timed, a fill told twice is refused. */
  readonly answersLate?: boolean
  /** A resting sell binds its coins: stop and targets cannot rest together. */
  readonly locksBalance?: boolean
  /** False where no stop can rest. */
  readonly restingStops?: boolean
}

export interface DcaSetting extends VenueTraits {
  readonly quote: string
  readonly instruments: ReadonlyMap<string, Instrument>
  /** @throws where this version is not at hand. */
  rules(version: number): DcaRules
  knows(version: number): boolean
}

export class DealContext {
  readonly setting: DcaSetting
  readonly state: DcaState
  readonly atMs: number
  readonly commands: Command[] = []
  readonly decisions: DecisionRecord[] = []
  readonly orders: Order[] = []
  readonly fills: Fill[] = []
  readonly transfers: Transfer[] = []
  readonly events: SystemEvent[] = []
  readonly #partialExits: (() => TradeImage)[] = []
  readonly #touchedDeals: Deal[] = []
  #touchedPairs: string[] | null = null

  readonly #tellsEvents: boolean

  /** @param tellsEvents whether anybody keeps the messages for people. */
  constructor(setting: DcaSetting, state: DcaState, atMs: number, tellsEvents = true) {
    this.setting = setting
    this.#tellsEvents = tellsEvents
    this.state = { ...state, nowMs: Math.max(atMs, state.nowMs), deals: state.deals.slice(), pairs: state.pairs }
    this.atMs = this.state.nowMs
  }

  /** The deal for writing; null when it has ended before. */
  deal(tradeSeq: number): Deal | null {
    for (const touched of this.#touchedDeals) if (touched.tradeSeq === tradeSeq) return touched
    const index = this.state.deals.findIndex(deal => deal.tradeSeq === tradeSeq)
    if (index < 0) return null
    const copy = { ...this.state.deals[index]! }
    this.state.deals[index] = copy
    this.#touchedDeals.push(copy)
    return copy
  }

  addDeal(deal: Deal): void {
    this.state.deals.push(deal)
    this.#touchedDeals.push(deal)
  }

  /** The pair for writing. */
  pair(symbol: string): PairState {
    if (!this.#touchedPairs?.includes(symbol)) {
      this.state.pairs = { ...this.state.pairs, [symbol]: { ...(this.state.pairs[symbol] ?? newPair()) } }
      if (this.#touchedPairs) this.#touchedPairs.push(symbol)
      else this.#touchedPairs = [symbol]
    }
    return this.state.pairs[symbol]!
  }

  /**
   * Every event that brings a price notes it: what follows from it, such as the exit order after the answer to a cancel, is then sized
   * by the price of the moment and not by the last close, which a sleeping bot has not seen.
   */
  notePrice(symbol: string, price: Decimal): void {
    this.pair(symbol).lastPrice = price
  }

  /** The pair for reading. */
  readPair(symbol: string): PairState {
    return this.state.pairs[symbol] ?? newPair()
  }

  instrument(symbol: string): Instrument {
    const instrument = this.setting.instruments.get(symbol)
    if (!instrument) throw new Error(`no instrument is known for ${symbol}`)
    return instrument
  }

  rules(deal: Deal): DcaRules {
    return this.setting.rules(deal.configVersion)
  }

  currentRules(): DcaRules {
    return this.setting.rules(this.state.configVersion)
  }

  /** What exit and averaging prices are computed from. */
  exitContext(deal: Deal): ExitContext {
    return dealExitContext(this.setting, deal)
  }

  event(
    type: string,
    message: string | (() => string),
    options: Partial<Pick<SystemEvent, 'category' | 'severity' | 'symbol' | 'tradeSeq' | 'details'>> = {},
  ): void {
    if (!this.#tellsEvents) return
    this.events.push({
      type,
      category: options.category ?? 'execution',
      severity: options.severity ?? 'info',
      symbol: options.symbol ?? null,
      tradeSeq: options.tradeSeq ?? null,
      message: typeof message === 'string' ? message : message(),
      details: options.details ?? {},
    })
  }

  /** @param image made when somebody asks for it; what it is made of must not change any more. */
  partialExit(image: () => TradeImage): void {
    this.#partialExits.push(image)
  }

  result(): StepResult<DcaState> {
    const { deals } = this.state
    let ended = false
    for (const deal of deals) if (!isAlive(deal)) ended = true
    if (ended) {
      this.state.deals = deals.filter(isAlive)
      if (this.setting.answersLate) rememberEnded(this.state, deals)
    }
    return {
      state: this.state,
      commands: this.commands,
      decisions: this.decisions,
      changes: new StepChanges(this.setting, this.state, this, this.#touchedDeals, this.#partialExits),
    }
  }
}

function isAlive({ status }: Deal): boolean {
  return status === 'pending' || status === 'open' || status === 'closing'
}

const REMEMBERED_FILLS_OF_ENDED = 20

/** Deals of which an order has ever been made, the latest ones. */
function rememberEnded(state: DcaState, deals: readonly Deal[]): void {
  const ended = deals.filter(deal => !isAlive(deal) && Object.keys(deal.sequences).length > 0).map(endedDeal)
  state.endedDeals = [...state.endedDeals, ...ended].slice(-REMEMBERED_DEALS)
}

function endedDeal(deal: Deal): EndedDeal {
  return {
    tradeSeq: deal.tradeSeq,
    botTradeSeq: deal.botTradeSeq,
    symbol: deal.symbol,
    configVersion: deal.configVersion,
    entryLogicName: deal.entryLogicName,
    createdAtMs: deal.createdAtMs,
    status: deal.status,
    openedAtMs: deal.openedAtMs,
    exitReason: deal.exitReason,
    lot: deal.lot,
    baseQuantity: deal.baseQuantity,
    baseCost: deal.baseCost,
    averagingCount: deal.averagingCount,
    usedRungs: deal.usedRungs,
    sequences: deal.sequences,
    partialExits: deal.partialExits,
    buyOrderCreatedAtMs: deal.buyOrderCreatedAtMs,
    buyOrderClosedAtMs: deal.buyOrderClosedAtMs,
    sellOrderCreatedAtMs: deal.sellOrderCreatedAtMs,
    sellOrderClosedAtMs: deal.sellOrderClosedAtMs,
    fillIds: deal.troubles.fillIds.slice(-REMEMBERED_FILLS_OF_ENDED),
  }
}

/** What a step changed. The rows of deals are made only for those who write them: a backtest looks at ended deals alone. */
class StepChanges implements Changes {
  readonly orders: Order[]
  readonly fills: Fill[]
  readonly transfers: Transfer[]
  readonly events: SystemEvent[]
  readonly endedDeals: boolean
  readonly #setting: DcaSetting
  readonly #state: DcaState
  readonly #deals: readonly Deal[]
  readonly #partialExits: readonly (() => TradeImage)[]
  #trades: TradeImage[] | null = null

  constructor(
    setting: DcaSetting,
    state: DcaState,
    from: Pick<DealContext, 'orders' | 'fills' | 'transfers' | 'events'>,
    deals: readonly Deal[],
    partialExits: readonly (() => TradeImage)[],
  ) {
    this.orders = from.orders
    this.fills = from.fills
    this.transfers = from.transfers
    this.events = from.events
    this.#setting = setting
    this.#state = state
    this.#deals = deals
    this.#partialExits = partialExits
    this.endedDeals = partialExits.length > 0 || deals.some(deal => !isAlive(deal))
  }

  get trades(): TradeImage[] {
    this.#trades ??= [
      ...this.#deals.map(deal => tradeImage(this.#setting, this.#state, deal)),
      ...this.#partialExits.map(image => image()),
    ]
    return this.#trades
  }
}

interface KnownContext {
  readonly lot: Lot
  readonly baseCost: Decimal
  readonly baseQuantity: Decimal
  readonly lastEntryPrice: Decimal | null
  readonly rules: DcaRules
  readonly instrument: Instrument
  readonly context: ExitContext
}

/** The contexts asked for last: one fill makes its deal ask a dozen times. What one is made of is compared by identity. */
const KNOWN: (KnownContext | null)[] = [null, null, null, null]
let nextKnown = 0

export function dealExitContext(setting: DcaSetting, deal: Deal): ExitContext {
  const rules = setting.rules(deal.configVersion)
  const instrument = setting.instruments.get(deal.symbol)!
  const { lot, baseCost, baseQuantity, lastEntryPrice } = deal
  for (const known of KNOWN) {
    if (
      known !== null &&
      known.lot === lot &&
      known.baseCost === baseCost &&
      known.baseQuantity === baseQuantity &&
      known.lastEntryPrice === lastEntryPrice &&
      known.rules === rules &&
      known.instrument === instrument
    )
      return known.context
  }
  const basePrice = basePriceOf(deal)
  const context = exitContext(
    lot,
    { baseCost, basePrice, lastEntryPrice: lastEntryPrice ?? basePrice },
    instrument,
    rules.config.exits.profitBasis === 'net',
  )
  KNOWN[nextKnown] = { lot, baseCost, baseQuantity, lastEntryPrice, rules, instrument, context }
  nextKnown = (nextKnown + 1) % KNOWN.length
  return context
}

/** P0: average fill price of the base order. Only of deals that have filled something. */
export function basePriceOf(deal: Deal): Decimal {
  return deal.baseCost.dividedBy(deal.baseQuantity, 18, 'half_even')
}

export function takerRate(setting: DcaSetting, symbol: string): Decimal {
  return feeRate(setting.instruments.get(symbol)!)
}
