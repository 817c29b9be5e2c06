// The simulated venue where quotes and trades drive it (execution.md 5.4): the same book, met by what trades instead of by candles. What
// a price passes is met in the order of the way it took; the bot's own watches are tested among the orders.

import type { Instrument } from '../../core/market/instrument.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import { minDecimal } from '../../core/money/decimal.ts'
import type { Watch } from '../watch.ts'
import type { Book, BookOrder } from './book.ts'
import { type VenueParameters, volumeCap } from './fill-price.ts'
import { isThrough, isTouched, type Print, type Queue, type Quote, reachedBy, TickMarket } from './tick-market.ts'

/** What the run does for its venue. */
export interface TickHost {
  readonly venue: VenueParameters
  book(symbol: string): Book
  instrument(symbol: string): Instrument
  watches(): readonly Watch[]
  /** False while the rest of a cut execution waits. */
  mayFill(entry: BookOrder): boolean
  /** Fills as much of this as chance lets through at once, and what follows from it. */
  fill(entry: BookOrder, price: Decimal, quantity: Decimal, liquidity: 'maker' | 'taker'): void
  /** The stop works on at the market, where nothing of it could fill yet, or at its limit. */
  triggered(entry: BookOrder): void
  touched(watch: string, price: Decimal): void
}

type PriceTrigger = Extract<Watch, { kind: 'price_at_or_below' | 'price_at_or_above' }>
type Item = {
  readonly price: Decimal
  readonly strict: boolean
  readonly entry: BookOrder | null
  readonly watch: PriceTrigger | null
}

export class TickFills {
  readonly #host: TickHost
  readonly #markets = new Map<string, TickMarket>()
  readonly #queues = new WeakMap<BookOrder, Queue>()

  constructor(host: TickHost) {
    this.#host = host
  }

  /** Where the market of a symbol stands; null before it has a price. */
  lastPrice(symbol: string): Decimal | null {
    return this.#markets.get(symbol)?.price('last') ?? null
  }

  quote(quote: Quote): void {
    this.#market(quote.symbol).quote(quote)
    this.#continueMarketOrders(quote.symbol)
  }

  print({ symbol, price, quantity }: Print): void {
    const market = this.#market(symbol)
    const from = market.last ?? price
    market.print(price)
    this.#tellPeaks(symbol, price)
    const { volumeCapPct } = this.#host.venue
    let left = volumeCapPct.isZero() ? null : volumeCap(this.#host.instrument(symbol), quantity.toNumber(), volumeCapPct)
    const met = new Set<BookOrder | string>()
    for (let item = this.#next(symbol, from, price, met); item; item = this.#next(symbol, from, price, met)) {
      const { entry, watch } = item
      if (watch) {
        met.add(watchName(watch))
        this.#host.touched(watch.id, price)
        continue
      }
      if (!entry) break
      met.add(entry)
      if (entry.kind === 'stop') this.#trigger(entry)
      else {
        const reached = reachedBy(entry.order.side, entry.price!, this.#queue(entry), price, quantity)
        if (!reached) continue
        const part = left ? minDecimal(entry.remaining, minDecimal(reached, left)) : entry.remaining
        if (!part.isPositive()) continue
        if (left) left = left.minus(part)
        this.#host.fill(entry, entry.price!, part, 'maker')
      }
    }
    this.#continueMarketOrders(symbol)
  }

  /** An order has come to the book. */
  arrive(entry: BookOrder): void {
    const { order } = entry
    const market = this.#market(order.symbol)
    if (entry.kind === 'market') this.#take(entry, null)
    else if (entry.kind === 'stop') {
      const last = market.price('last')
      if (last && isTouched(order.side, entry.price!, last)) this.#trigger(entry)
    } else {
      if (market.crosses(order.side, entry.price!)) this.#take(entry, entry.price)
      const { queueAhead } = this.#host.venue
      if (queueAhead && entry.remaining.isPositive())
        this.#queues.set(entry, { ahead: market.restingAt(order.side, entry.price!) ?? queueAhead })
    }
  }

  #market(symbol: string): TickMarket {
    let market = this.#markets.get(symbol)
    if (!market) {
      market = new TickMarket()
      this.#markets.set(symbol, market)
    }
    return market
  }

  #queue(entry: BookOrder): Queue {
    return this.#queues.get(entry) ?? { ahead: null }
  }

  #take(entry: BookOrder, limit: Decimal | null): void {
    const { side, symbol } = entry.order
    if (!this.#host.mayFill(entry)) return
    const { tick } = this.#host.instrument(symbol)
    for (const { price, quantity } of this.#market(symbol).take(
      side,
      entry.remaining,
      limit,
      this.#host.venue.slippageBps,
      tick,
    )) {
      if (!this.#host.mayFill(entry)) break
      this.#host.fill(entry, price, quantity, 'taker')
    }
  }

  #trigger(entry: BookOrder): void {
    const before = entry.remaining
    entry.trigger()
    if (entry.kind === 'market') this.#take(entry, null)
    if (entry.remaining.equals(before)) this.#host.triggered(entry)
    if (entry.kind === 'limit') this.arrive(entry)
  }

  #continueMarketOrders(symbol: string): void {
    for (const entry of this.#host.book(symbol).all().slice()) if (entry.kind === 'market') this.#take(entry, null)
  }

  #tellPeaks(symbol: string, price: Decimal): void {
    for (const watch of this.#host.watches())
      if (watch.kind === 'peak_above' && watch.symbol === symbol && price.gt(watch.price)) this.#host.touched(watch.id, price)
  }

  /** What the way from the last trade to this one meets next: nearest to where it began, a touch before what must be traded through. */
  #next(symbol: string, from: Decimal, price: Decimal, met: ReadonlySet<BookOrder | string>): Item | null {
    const sign = price.lt(from) ? -1 : 1
    let best: Item | null = null
    const consider = (item: Item): void => {
      const order = best ? sign * item.price.compare(best.price) || Number(item.strict) - Number(best.strict) : -1
      if (order < 0) best = item
    }
    for (const entry of this.#host.book(symbol).all()) {
      if (entry.kind === 'market' || met.has(entry) || !this.#host.mayFill(entry)) continue
      const { side } = entry.order
      const at = entry.price!
      const strict = entry.kind === 'limit'
      const isMet = strict
        ? isThrough(side, at, price) || (this.#queue(entry).ahead !== null && price.equals(at))
        : isTouched(side, at, price)
      if (isMet) consider({ price: at, strict, entry, watch: null })
    }
    for (const watch of this.#host.watches()) {
      if (watch.kind !== 'price_at_or_below' && watch.kind !== 'price_at_or_above') continue
      if (watch.symbol !== symbol || met.has(watchName(watch))) continue
      const distance = watch.kind === 'price_at_or_below' ? watch.price.compare(price) : price.compare(watch.price)
      if (watch.strict ? distance > 0 : distance >= 0) consider({ price: watch.price, strict: watch.strict, entry: null, watch })
    }
    return best
  }
}

/** A watch fires once at a price; the same watch at another price is a new one. */
function watchName({ id, price }: PriceTrigger): string {
  return `${id}@${price}`
}
