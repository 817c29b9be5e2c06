// An exchange in memory: accounts, a book of our own orders, and a market that others make, told by quotes, trades, marks and funding.
// It is synchronous and exact and never lies; whoever needs a late, lossy or lying venue wraps it. The same rules of filling, triggering
// and refusing are those of the simulated venue of backtests and paper runs.

import type { Instrument } from '../../core/market/instrument.ts'
import { Decimal, HUNDRED, minDecimal, ONE, ZERO } from '../../core/money/decimal.ts'
import {
  type FillsPage,
  type PlacePayload,
  type VenueBalance,
  VenueError,
  type VenueFill,
  type VenueMessage,
  type VenueOrder,
  type VenueOrderRef,
  type VenuePosition,
} from '../venue.ts'
import { ExchangeAccount } from './exchange-account.ts'
import { type ExchangeOrder, onTheWay, orderFrom, remainingOf, venueOrder } from './exchange-order.ts'
import { filterRejection } from './filters.ts'
import {
  closingPart,
  FLAT,
  type FundingDue,
  type FundingRate,
  fundingDue,
  fundingPayment,
  isLiquidated,
  liquidationPrice,
  type MarginTier,
  maintenanceRate,
  type PerpPosition,
} from './perpetual.ts'
import { affordable, costOf, type FeeCoin, settle } from './settlement.ts'
import { isTouched, type Print, type Quote, reachedBy, TickMarket, type TriggerRef } from './tick-market.ts'

export interface ExchangeOptions {
  readonly instruments: readonly Instrument[]
  /** Deposits, by currency. */
  readonly balances: Readonly<Record<string, Decimal>>
  /** Against a taker where no depth is known; default 5. */
  readonly slippageBps?: Decimal
  /** Most of a print that resting orders may have together, percent; 0: any order all it wants. Default 100. */
  readonly volumeCapPct?: Decimal
  /**
   * A limit also fills at its very price once so much has traded there before it; the depth, where known at arrival, tells how much.
   * Absent: only a trade through the price fills it.
   */
  readonly queueAhead?: Decimal
  /** What triggers stops; default: the last trade for spot, the mark for perpetuals. */
  readonly triggerRef?: TriggerRef
  /** Of perpetual positions; default 10. */
  readonly leverage?: Decimal
  /** Default: 0.5 % for positions of any value. */
  readonly marginTiers?: readonly MarginTier[]
  /** The id of an ended order may be used again, as at most venues; absent: an id is refused as long as its order is known. */
  readonly freesEndedIds?: boolean
  /** Most fills that one page holds; default 1000. */
  readonly pageSize?: number
  readonly onMessage?: (message: VenueMessage) => void
}

export interface FundingPaid extends FundingDue {
  /** Negative: received. */
  readonly paid: Decimal
}

const DEFAULT_SLIPPAGE_BPS = Decimal.from(5)
const DEFAULT_LEVERAGE = Decimal.from(10)
const DEFAULT_TIERS: readonly MarginTier[] = [{ upToNotional: null, mmrPct: Decimal.from('0.5') }]

export class SimulatedExchange {
  readonly #options: ExchangeOptions
  readonly #instruments = new Map<string, Instrument>()
  readonly #markets = new Map<string, TickMarket>()
  readonly #account = new ExchangeAccount()
  /** Every order ever taken, by the exchange's id, oldest first. */
  readonly #orders = new Map<string, ExchangeOrder>()
  /** The newest order of each client order id. */
  readonly #byClientId = new Map<string, ExchangeOrder>()
  readonly #working = new Map<string, ExchangeOrder[]>()
  readonly #fills: VenueFill[] = []
  readonly #fundedUpTo = new Map<string, number>()
  #feeCoin: FeeCoin | null = null
  #nowMs = 0

  constructor(options: ExchangeOptions) {
    this.#options = options
    for (const instrument of options.instruments) this.setInstrument(instrument)
    for (const [currency, amount] of Object.entries(options.balances)) this.#account.add(currency, amount)
  }

  /** Lists an instrument, or changes its rules; orders that rest stay as they are. */
  setInstrument(instrument: Instrument): void {
    this.#instruments.set(instrument.symbol, instrument)
    if (!this.#markets.has(instrument.symbol)) this.#markets.set(instrument.symbol, new TickMarket())
  }

  /** Ends every order of the symbol and takes no more. */
  delist(symbol: string, atMs: number): void {
    this.#advance(atMs)
    for (const order of this.#workingOf(symbol).slice()) this.#end(order, 'expired', 'DELISTED')
    this.#instruments.delete(symbol)
  }

  instruments(): Instrument[] {
    return [...this.#instruments.values()]
  }

  /** Later fills pay their fee in this coin; null: in the instrument's own fee currency. */
  payFeesIn(coin: FeeCoin | null): void {
    this.#feeCoin = coin
  }

  /** Money that comes from elsewhere, or goes there where negative. */
  transfer(currency: string, amount: Decimal): void {
    this.#account.add(currency, amount)
  }

  // orders

  /**
   * Takes an order, fills at once what the market has for it, and tells how it stands then.
   * @throws VenueError: `duplicate`, `filter` or `refused`; nothing of such an order is kept.
   */
  place(payload: PlacePayload, atMs: number): VenueOrder {
    this.#advance(atMs)
    const instrument = this.#instruments.get(payload.symbol)
    if (!instrument) throw new VenueError('refused', 'UNKNOWN_INSTRUMENT', `${payload.symbol} is not traded here`)
    const known = this.#byClientId.get(payload.clientOrderId)
    if (known && (known.status === 'open' || !this.#options.freesEndedIds))
      throw new VenueError('duplicate', 'DUPLICATE_CLIENT_ORDER_ID', `client order id ${payload.clientOrderId} is in use`)
    const market = this.#market(payload.symbol)
    const order = orderFrom(payload, `x${this.#orders.size + 1}`, this.#nowMs)
    const marketPrice = market.price('last')
    const rejection = filterRejection(order, { instrument, marketPrice, openOrders: this.#workingOf(payload.symbol).length })
    if (rejection) {
      const isForm = rejection.code !== 'TOO_MANY_ORDERS'
      throw new VenueError(isForm ? 'filter' : 'refused', rejection.code, rejection.message)
    }
    if (order.kind === 'market' && !market.best(order.side))
      throw new VenueError('refused', 'NO_MARKET_PRICE', `${payload.symbol} has no price yet`)
    this.#checkAccount(order, instrument)
    this.#lock(order, instrument)
    this.#orders.set(order.venueOrderId, order)
    this.#byClientId.set(order.clientOrderId, order)
    this.#workingOf(order.symbol).push(order)
    this.#tell(order)
    this.#arrive(order)
    return venueOrder(order)
  }

  /** @throws VenueError `not_found` for an order that was never taken, or has ended: its end is for a look-up to tell. */
  cancel(ref: VenueOrderRef, atMs: number): VenueOrder {
    this.#advance(atMs)
    const order = this.#lookUp(ref)
    if (order?.status !== 'open')
      throw new VenueError('not_found', 'UNKNOWN_ORDER', `no working order ${ref.clientOrderId} of ${ref.symbol}`)
    this.#end(order, 'cancelled', null)
    return venueOrder(order)
  }

  find(ref: VenueOrderRef): VenueOrder | null {
    const order = this.#lookUp(ref)
    return order ? venueOrder(order) : null
  }

  openOrders(): VenueOrder[] {
    return [...this.#orders.values()].filter(order => order.status === 'open').map(venueOrder)
  }

  /** Orders that changed at or after this, oldest first. */
  history(sinceMs: number): VenueOrder[] {
    return [...this.#orders.values()].filter(order => order.updatedAtMs >= sinceMs).map(venueOrder)
  }

  /** @param cursor of the page before; null from the beginning. */
  fillsSince(symbol: string, cursor: string | null): FillsPage {
    const from = cursor === null ? 0 : Number(cursor)
    const pageSize = this.#options.pageSize ?? 1000
    const fills: VenueFill[] = []
    let at = from
    while (at < this.#fills.length && fills.length < pageSize) {
      const fill = this.#fills[at]!
      if (fill.symbol === symbol) fills.push(fill)
      at += 1
    }
    return { fills, cursor: String(at), complete: !this.#fills.slice(at).some(fill => fill.symbol === symbol) }
  }

  balances(): VenueBalance[] {
    return this.#account.balances()
  }

  positions(): VenuePosition[] {
    return this.#account.positions()
  }

  /** With its isolated margin. */
  position(symbol: string): PerpPosition {
    return this.#account.position(symbol)
  }

  /** null while flat. */
  liquidationPriceOf(symbol: string): Decimal | null {
    const position = this.#account.position(symbol)
    const instrument = this.#instruments.get(symbol)
    if (position.quantity.isZero() || !instrument) return null
    const rate = maintenanceRate(this.#options.marginTiers ?? DEFAULT_TIERS, position.basis)
    return liquidationPrice(position, rate, instrument.tick)
  }

  // the market

  quote(quote: Quote): void {
    this.#advance(quote.atMs)
    this.#market(quote.symbol).quote(quote)
    this.#continueMarketOrders(quote.symbol)
  }

  /** A trade of others: what it passes on the way from the last one triggers and fills in that order. */
  print(print: Print): void {
    this.#advance(print.atMs)
    const { symbol, price } = print
    const market = this.#market(symbol)
    const from = market.last ?? price
    market.print(price)
    const capPct = this.#options.volumeCapPct ?? HUNDRED
    const step = this.#instruments.get(symbol)?.step ?? ONE
    let left = capPct.isZero() ? null : print.quantity.times(capPct).percent().toGrid(step, 'floor')
    for (const order of onTheWay(this.#workingOf(symbol), from, price)) {
      if (order.status !== 'open') continue
      if (order.kind === 'stop') {
        if (this.#triggerRef(symbol) === 'last' && isTouched(order.side, order.stopPrice!, price)) this.#trigger(order)
      } else if (order.kind === 'limit') {
        const reached = reachedBy(order.side, order.limitPrice!, order.queue, price, print.quantity)
        if (!reached) continue
        const quantity = left ? minDecimal(remainingOf(order), minDecimal(reached, left)) : remainingOf(order)
        if (!quantity.isPositive()) continue
        if (left) left = left.minus(quantity)
        this.#execute(order, order.limitPrice!, quantity, 'maker')
      }
    }
    this.#continueMarketOrders(symbol)
  }

  /** Stops that lie nearer than the liquidation price go before it. */
  mark({ symbol, price, atMs }: { readonly symbol: string; readonly price: Decimal; readonly atMs: number }): void {
    this.#advance(atMs)
    const market = this.#market(symbol)
    const from = market.mark ?? price
    market.setMark(price)
    const liquidation = this.liquidationPriceOf(symbol)
    const isDue = (): boolean => {
      const now = this.liquidationPriceOf(symbol)
      return now !== null && isLiquidated(this.#account.position(symbol), now, price)
    }
    if (this.#triggerRef(symbol) === 'mark') {
      for (const order of onTheWay(this.#workingOf(symbol), from, price)) {
        if (order.status !== 'open' || order.kind !== 'stop' || !isTouched(order.side, order.stopPrice!, price)) continue
        const isNearer =
          !liquidation || (order.side === 'sell' ? order.stopPrice!.gt(liquidation) : order.stopPrice!.lt(liquidation))
        if (!isNearer && isDue()) break
        this.#trigger(order)
      }
    }
    if (isDue()) this.#liquidate(symbol)
    this.#continueMarketOrders(symbol)
  }

  /** Funding at the mark: a positive rate is paid by longs. What is not free comes out of the margin. */
  funding({ symbol, rate, atMs }: { readonly symbol: string; readonly rate: Decimal; readonly atMs: number }): Decimal {
    this.#advance(atMs)
    const position = this.#account.position(symbol)
    const mark = this.#market(symbol).mark
    const instrument = this.#instruments.get(symbol)
    if (position.quantity.isZero() || !mark || !instrument) return ZERO
    const due = fundingPayment(position.quantity, mark, rate)
    const paid = minDecimal(due, this.#account.free(instrument.quote).plus(position.margin))
    const fromFree = minDecimal(paid, this.#account.free(instrument.quote))
    this.#account.add(instrument.quote, fromFree.negated())
    this.#account.setPosition(symbol, { ...position, margin: position.margin.minus(paid.minus(fromFree)) })
    return paid
  }

  /**
   * Settles every funding time since the last one that was settled, at the mark as it stands.
   * @param history by time, ascending; a time that it lacks costs nothing and comes back flagged.
   * @param intervalMs between funding times.
   */
  fundFrom(symbol: string, history: readonly FundingRate[], intervalMs: number, toMs: number): FundingPaid[] {
    const due = fundingDue(history, this.#fundedUpTo.get(symbol) ?? this.#nowMs, toMs, intervalMs)
    this.#fundedUpTo.set(symbol, toMs)
    return due.map(each => ({ ...each, paid: this.funding({ symbol, rate: each.rate, atMs: each.atMs }) }))
  }

  // inside

  #advance(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs)
  }

  #market(symbol: string): TickMarket {
    const market = this.#markets.get(symbol)
    if (!market) throw new RangeError(`${symbol} was never listed here`)
    return market
  }

  #workingOf(symbol: string): ExchangeOrder[] {
    let orders = this.#working.get(symbol)
    if (!orders) {
      orders = []
      this.#working.set(symbol, orders)
    }
    return orders
  }

  #lookUp({ symbol, clientOrderId, venueOrderId }: VenueOrderRef): ExchangeOrder | null {
    const order = venueOrderId === null ? this.#byClientId.get(clientOrderId) : this.#orders.get(venueOrderId)
    return order?.symbol === symbol ? order : null
  }

  #triggerRef(symbol: string): TriggerRef {
    return this.#options.triggerRef ?? (this.#instruments.get(symbol)?.kind === 'swap' ? 'mark' : 'last')
  }

  /** What the account must be able to do, beyond the form of the order. */
  #checkAccount(order: ExchangeOrder, instrument: Instrument): void {
    if (order.reduceOnly && !closingPart(this.#account.position(order.symbol), order.side, order.quantity).isPositive())
      throw new VenueError('refused', 'REDUCE_ONLY', `there is no position that a ${order.side} of ${order.symbol} would reduce`)
    if (order.kind === 'stop') {
      const price = this.#market(order.symbol).price(this.#triggerRef(order.symbol))
      if (price && isTouched(order.side, order.stopPrice!, price))
        throw new VenueError(
          'refused',
          'STOP_WOULD_TRIGGER',
          `stop ${order.stopPrice} would trigger at once: the price is ${price}`,
        )
    }
    const { currency, amount } = this.#bound(order, instrument)
    const free = this.#account.free(currency)
    if (amount.gt(free)) throw new VenueError('refused', 'INSUFFICIENT_FREE', `it needs ${amount} ${currency}, ${free} are free`)
  }

  /** What the rest of an order binds. */
  #bound(order: ExchangeOrder, instrument: Instrument): { readonly currency: string; readonly amount: Decimal } {
    if (order.reduceOnly) return { currency: instrument.quote, amount: ZERO }
    const price = order.limitPrice ?? order.stopPrice ?? this.#market(order.symbol).best(order.side)!
    const { side } = order
    return costOf(this.#account, { instrument, side, price, quantity: remainingOf(order), leverage: this.#leverage })
  }

  get #leverage(): Decimal {
    return this.#options.leverage ?? DEFAULT_LEVERAGE
  }

  /** Binds what the rest of an order needs, as far as it is free. */
  #lock(order: ExchangeOrder, instrument: Instrument): void {
    const { currency, amount } = this.#bound(order, instrument)
    const part = minDecimal(amount, this.#account.free(currency))
    this.#account.lock(currency, part)
    order.lock = { currency, amount: part }
  }

  #unlock(order: ExchangeOrder): void {
    if (order.lock) this.#account.lock(order.lock.currency, order.lock.amount.negated())
    order.lock = null
  }

  #arrive(order: ExchangeOrder): void {
    const market = this.#market(order.symbol)
    if (order.kind === 'market' || (order.kind === 'limit' && market.crosses(order.side, order.limitPrice!))) this.#take(order)
    if (order.kind === 'limit' && order.status === 'open' && this.#options.queueAhead)
      order.queue.ahead = market.restingAt(order.side, order.limitPrice!) ?? this.#options.queueAhead
  }

  /** Takes from the market what it has for the order. */
  #take(order: ExchangeOrder): void {
    const { tick } = this.#instruments.get(order.symbol)!
    const limit = order.kind === 'limit' ? order.limitPrice : null
    const slippageBps = this.#options.slippageBps ?? DEFAULT_SLIPPAGE_BPS
    const executions = this.#market(order.symbol).take(order.side, remainingOf(order), limit, slippageBps, tick)
    for (const { price, quantity } of executions) {
      if (order.status !== 'open') break
      this.#execute(order, price, quantity, 'taker')
    }
  }

  #continueMarketOrders(symbol: string): void {
    for (const order of this.#workingOf(symbol).slice()) if (order.kind === 'market') this.#take(order)
  }

  #trigger(order: ExchangeOrder): void {
    order.isTriggered = true
    order.kind = order.type === 'stop_limit' ? 'limit' : 'market'
    this.#tell(order)
    this.#arrive(order)
  }

  /** Fills as much as the account can pay, and a reduce-only order as much as there is to reduce; what then cannot fill expires. */
  #execute(order: ExchangeOrder, price: Decimal, wanted: Decimal, liquidity: 'maker' | 'taker'): void {
    const instrument = this.#instruments.get(order.symbol)!
    const { symbol, side } = order
    this.#unlock(order)
    const reducible = order.reduceOnly ? closingPart(this.#account.position(symbol), side, wanted) : wanted
    const trade = { instrument, side, price, quantity: reducible, leverage: this.#leverage }
    const quantity = affordable(this.#account, trade)
    if (quantity.isPositive()) {
      const fee = settle(this.#account, { ...trade, quantity, liquidity }, this.#feeCoin)
      order.executed = order.executed.plus(quantity)
      this.#book({ ...order, price, quantity, ...fee, liquidity })
    }
    if (remainingOf(order).isZero()) this.#end(order, 'filled', null)
    else if (quantity.lt(wanted)) this.#end(order, 'expired', reducible.lt(wanted) ? 'REDUCE_ONLY' : 'INSUFFICIENT_FREE')
    else {
      this.#lock(order, instrument)
      this.#tell(order)
    }
    if (instrument.kind === 'swap') this.#dropIdleReductions(symbol)
  }

  #book(fill: Omit<VenueFill, 'venueFillId' | 'atMs'>): void {
    const { symbol, venueOrderId, clientOrderId, side, price, quantity, fee, feeAsset, liquidity } = fill
    const booked: VenueFill = {
      symbol,
      venueFillId: `t${this.#fills.length + 1}`,
      venueOrderId,
      clientOrderId,
      side,
      price,
      quantity,
      fee,
      feeAsset,
      liquidity,
      atMs: this.#nowMs,
    }
    this.#fills.push(booked)
    this.#options.onMessage?.({ kind: 'fill', fill: booked })
  }

  /** Reduce-only orders end with the position that they would reduce. */
  #dropIdleReductions(symbol: string): void {
    const position = this.#account.position(symbol)
    for (const order of this.#workingOf(symbol).slice()) {
      if (order.reduceOnly && closingPart(position, order.side, order.quantity).isZero())
        this.#end(order, 'expired', 'REDUCE_ONLY')
    }
  }

  /** The venue closes the position at the liquidation price and keeps what the margin leaves, as its fee. */
  #liquidate(symbol: string): void {
    const { quote } = this.#instruments.get(symbol)!
    const position = this.#account.position(symbol)
    const price = this.liquidationPriceOf(symbol)!
    const side = position.quantity.isPositive() ? 'sell' : 'buy'
    const quantity = position.quantity.abs()
    const value = price.times(quantity)
    const gain = side === 'sell' ? value.minus(position.basis) : position.basis.minus(value)
    this.#account.setPosition(symbol, FLAT)
    const id = `liquidation-${this.#fills.length + 1}`
    const fee = position.margin.plus(gain)
    this.#book({
      symbol,
      venueOrderId: id,
      clientOrderId: null,
      side,
      price,
      quantity,
      fee,
      feeAsset: quote,
      liquidity: 'taker',
    })
    this.#dropIdleReductions(symbol)
  }

  #end(order: ExchangeOrder, status: 'filled' | 'cancelled' | 'expired', reason: string | null): void {
    this.#unlock(order)
    order.status = status
    order.reason = reason
    const working = this.#workingOf(order.symbol)
    working.splice(working.indexOf(order), 1)
    this.#tell(order)
  }

  #tell(order: ExchangeOrder): void {
    order.updatedAtMs = this.#nowMs
    this.#options.onMessage?.({ kind: 'order', order: venueOrder(order) })
  }
}
