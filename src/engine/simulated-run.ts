// A run on the simulated venue: events go into the machine, its commands are carried out at once, and a candle is walked along its path
// so that resting orders and virtual ones meet prices in the order in which they would. Backtest and paper differ only in who
// feeds it and in what becomes of the written facts.

import type { Reads } from '../core/conditions/evaluate.ts'
import type { Candle } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal, minDecimal } from '../core/money/decimal.ts'
import type { Order, OrderKey } from '../core/orders/order.ts'
import type { BotMachine, Command, EngineEvent, StepResult } from './machine.ts'
import { Book, type BookOrder } from './simulated-venue/book.ts'
import { candlePath } from './simulated-venue/candle-path.ts'
import { marketImpactBps, simulatedFee, takerPrice, type VenueParameters, volumeCap } from './simulated-venue/fill-price.ts'
import type { Rejection } from './simulated-venue/filters.ts'
import { FrontDesk } from './simulated-venue/front-desk.ts'
import { TargetBirths } from './simulated-venue/target-births.ts'
import { TickFills } from './simulated-venue/tick-fills.ts'
import type { Print, Quote } from './simulated-venue/tick-market.ts'
import { Transit, type UnderWay } from './simulated-venue/transit.ts'
import { type Item, isSpent, type Walk } from './simulated-venue/walk.ts'
import type { Watch } from './watch.ts'

/** Learns of every step, in order: keeps the facts in memory, or makes the batch of a transaction of them. */
export interface RunSink<State> {
  stepped(seq: number, event: EngineEvent, result: StepResult<State>): void
}

export interface SimulatedRunOptions<State> {
  readonly machine: BotMachine<State>
  readonly instruments: ReadonlyMap<string, Instrument>
  readonly venue: VenueParameters
  readonly venueTimeframe: Timeframe
  readonly direction: 'long' | 'short'
  readonly sink: RunSink<State>
  /** A saved state and the seq it was saved at; a fresh run without. */
  readonly from?: {
    readonly state: State
    readonly seq: number
    /** What the venue was at then; absent where nothing was under way. */
    readonly venue?: SavedVenue
    /** The state right after a decision: what it intends has not gone out yet, and waits for `carryOut`. */
    readonly isUndone?: boolean
  }
}

/** Orders and cancels on their way, and the latest instant that was told: plain JSON. */
export interface SavedVenue {
  readonly nowMs: number
  readonly underWay: readonly UnderWay[]
}

export class SimulatedRun<State> {
  readonly machine: BotMachine<State>
  readonly #options: SimulatedRunOptions<State>
  readonly #books = new Map<string, Book>()
  readonly #births = new TargetBirths()
  readonly #desk: FrontDesk
  readonly #queue: Command[] = []
  readonly #transit = new Transit()
  #unsent: readonly Order[] = []
  /** Made by the first quote or trade: then these drive the run, not candles. */
  #ticks: TickFills | null = null
  /** What the machine is being told. */
  #cause: EngineEvent | null = null
  #state: State
  #seq: number
  #candle = 0
  #walk: Walk | null = null
  #watches: readonly Watch[] | null = null
  /** Set while data ends: fills at these prices, without slippage or cap. */
  #lastPrices: ReadonlyMap<string, Decimal> | null = null
  #nowMs = 0

  constructor(options: SimulatedRunOptions<State>) {
    this.#options = options
    this.machine = options.machine
    this.#state = options.from?.state ?? options.machine.initialState()
    this.#seq = options.from?.seq ?? 0
    this.#desk = new FrontDesk(options.venue)
    for (const symbol of options.instruments.keys()) this.#books.set(symbol, new Book())
    const live = options.machine.liveOrders(this.#state)
    this.#transit.restore(options.from?.venue?.underWay ?? [], live)
    this.#nowMs = options.from?.venue?.nowMs ?? 0
    if (options.from?.isUndone) this.#unsent = live.filter(order => order.status === 'intended')
    for (const order of live)
      if (!this.#transit.orderOf(order) && !this.#unsent.includes(order)) this.#book(order.symbol).add(order, 0)
    this.#candle = 1
  }

  get state(): State {
    return this.#state
  }

  get seq(): number {
    return this.#seq
  }

  watches(): readonly Watch[] {
    if (!this.#watches) {
      this.#watches = this.machine.watches(this.#state)
      if (this.#options.venue.fillPath === 'pessimistic') this.#births.note(this.#watches, this.#walk ? this.#candle : 0)
    }
    return this.#watches
  }

  book(symbol: string): Book {
    return this.#book(symbol)
  }

  /** To be saved with the state; null where nothing is under way. */
  savedVenue(): SavedVenue | null {
    return this.#transit.size > 0 ? { nowMs: this.#nowMs, underWay: this.#transit.saved() } : null
  }

  /** Sends what the saved state intends, as right after its decision. */
  carryOut(atMs: number): void {
    this.#nowMs = atMs
    for (const order of this.#unsent) this.#place(order)
    this.#unsent = []
    this.#drain()
  }

  /** When the next of them arrives; infinite where none is on its way. */
  nextArrivalMs(): number {
    return this.#transit.nextMs
  }

  /** Lets arrive at the venue what has arrived by now. */
  deliver(atMs: number): void {
    for (let arrival = this.#transit.take(atMs); arrival; arrival = this.#transit.take(atMs)) {
      const arrivedMs = Math.max(this.#nowMs, arrival.arrivesAtMs)
      if (arrival.what === 'order') this.#admit(arrival.order, arrival.rejection, arrivedMs, false)
      else this.#endByCancel(arrival.order, arrivedMs)
      this.#drain()
    }
  }

  /** Steps one event and everything that follows from it at once; what has reached the venue before it comes first. */
  raise(event: EngineEvent): void {
    if (this.#transit.size > 0) this.deliver(event.atMs)
    this.#cause = event
    this.#step(event)
    this.#drain()
  }

  /** Times that have come, at the open of a candle, before anything trades there. */
  fireTimers(atMs: number, prices: ReadonlyMap<string, Decimal>): void {
    for (let guard = 0; guard < 1000; guard += 1) {
      const due = this.watches().find(watch => watch.kind === 'time' && watch.atMs <= atMs)
      if (due?.kind !== 'time') return
      this.raise({ kind: 'timer_fired', atMs, watch: due.id, prices })
      const still = this.watches().some(watch => watch.kind === 'time' && watch.id === due.id && watch.atMs === due.atMs)
      if (still) throw new Error(`timer ${due.id} fired and is still due: the machine would never sleep again`)
    }
  }

  /**
   * The candles of one open time, one for each pair that has one: all opens first, then each pair's corners, so that time only goes on.
   * @param restingOnly the engine was away: what rested at the venue fills, what needed this server does not (execution.md 5.7).
   */
  candles(candles: readonly (readonly [symbol: string, candle: Candle])[], restingOnly = false): void {
    if (this.#transit.size > 0 && candles[0]) this.deliver(candles[0][1].openTimeMs)
    this.#candle += 1
    const walks = candles.map(([symbol, candle]) => this.#open(symbol, candle, restingOnly))
    candles.forEach(([, candle], k) => {
      const walk = walks[k]!
      this.#walk = walk
      walk.atOpen = false
      for (const corner of candlePath(candle, this.#options.venue.fillPath, this.#options.direction)) this.#walkTo(walk, corner)
    })
    this.#walk = null
  }

  #open(symbol: string, candle: Candle, restingOnly: boolean): Walk {
    const walk: Walk = {
      symbol,
      openMs: candle.openTimeMs,
      innerMs: nextBucketStart(this.#options.venueTimeframe, candle.openTimeMs) - 1,
      restingOnly,
      price: Decimal.from(candle.open),
      priceNumber: candle.open,
      atOpen: true,
      volume: candle.volume,
      cap: volumeCap(this.#instrument(symbol), candle.volume, this.#options.venue.volumeCapPct),
      spent: [],
    }
    this.#walk = walk
    for (const entry of this.#book(symbol).all().slice()) {
      if (entry.kind === 'market') this.#fill(walk, entry, this.#slipped(walk, entry), 'taker')
    }
    this.#drain()
    this.#settle(walk)
    return walk
  }

  /** Best prices of a pair, with depth where the source has it. */
  quote(quote: Quote): void {
    this.#tick(quote.atMs).quote(quote)
    this.#drain()
  }

  /** A trade of others: fills, triggers and wakes what it passes. */
  print(print: Print): void {
    this.#tick(print.atMs).print(print)
    this.#drain()
  }

  #tick(atMs: number): TickFills {
    this.#ticks ??= this.#tickFills()
    this.#desk.isTicking = true
    this.deliver(atMs)
    this.#nowMs = Math.max(this.#nowMs, atMs)
    this.#candle += 1
    this.#cause = null
    return this.#ticks
  }

  /** A decision instant of one pair. */
  decide(event: {
    atMs: number
    symbol: string
    timeframe: Timeframe
    openTimeMs: number
    close: number
    afterGap: boolean
    isWarmup: boolean
    reads: Reads
  }): void {
    this.raise({ kind: 'candle_closed', ...event, close: Decimal.from(event.close) })
  }

  /** The data is over: what is open leaves at the last close, taker fee, no slippage. */
  endOfData(atMs: number, lastPrices: ReadonlyMap<string, Decimal>): void {
    this.deliver(atMs)
    this.#lastPrices = lastPrices
    // What is on its way gets there in time to end: nothing of it is left behind.
    for (const cancel of this.#transit.takeCancels()) {
      this.#endByCancel(cancel, Math.max(this.#nowMs, atMs))
      this.#drain()
    }
    this.raise({ kind: 'end_of_data', atMs, prices: lastPrices })
    // An exit that was refused just before waits for its next try: time goes on until it is out, the price does not.
    for (let guard = 0; guard < 1000 && !this.machine.hasEnded(this.#state); guard += 1) {
      const next = this.watches()
        .filter(watch => watch.kind === 'time')
        .toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next) return
      this.raise({ kind: 'timer_fired', atMs: Math.max(this.#nowMs, next.atMs), watch: next.id, prices: lastPrices })
    }
  }

  #book(symbol: string): Book {
    const book = this.#books.get(symbol)
    if (!book) throw new Error(`no instrument ${symbol} is simulated`)
    return book
  }

  #instrument(symbol: string): Instrument {
    return this.#options.instruments.get(symbol)!
  }

  #step(event: EngineEvent): void {
    this.#nowMs = Math.max(this.#nowMs, event.atMs)
    const result = this.machine.step(this.#state, event)
    this.#state = result.state
    this.#seq += 1
    this.#watches = null
    this.#queue.push(...result.commands)
    this.#options.sink.stepped(this.#seq, event, result)
  }

  #drain(): void {
    for (let command = this.#queue.shift(); command; command = this.#queue.shift()) {
      if (command.kind === 'place_order') this.#place(command.order)
      else if (command.kind === 'cancel_order') this.#cancel(command.order)
      else if (command.kind === 'query_order') this.#lookUp(command.order)
    }
  }

  #place(order: Order): void {
    const rejection = this.#rejection(order)
    const delayMs = this.#lastPrices ? 0 : this.#desk.orderTravelMs(order)
    if (delayMs === 0) {
      this.#admit(order, rejection, this.#nowMs, true)
      return
    }
    this.#transit.add({ what: 'order', order, arrivesAtMs: order.intendedAtMs + delayMs, rejection })
    this.#step({ kind: 'order_event', atMs: this.#nowMs, event: 'sent', order: keyOf(order), reason: null })
  }

  /** @param sentNow it went out in this same instant. */
  #admit(order: Order, rejection: Rejection | null, atMs: number, sentNow: boolean): void {
    const answer = { kind: 'order_event', atMs, order: keyOf(order), ...(sentNow ? { sentNow } : {}) } as const
    if (rejection) {
      this.#step({ ...answer, event: 'rejected', reason: rejection.code })
      return
    }
    this.#step({ ...answer, event: 'accepted', reason: null })
    const entry = this.#book(order.symbol).add(order, this.#candle)
    if (this.#lastPrices) {
      const price = entry.kind === 'market' ? this.#lastPrices.get(order.symbol) : undefined
      if (price) this.#execute(entry, price, entry.remaining, 'taker', atMs, `end:${atMs}`)
    } else if (this.#ticks) this.#ticks.arrive(entry)
    else if (entry.kind === 'market' && this.#walk?.symbol === order.symbol)
      this.#fill(this.#walk, entry, this.#slipped(this.#walk, entry), 'taker')
  }

  #cancel(key: OrderKey): void {
    const waiting = this.#transit.orderOf(key)
    const arrivesAtMs = this.#lastPrices
      ? this.#nowMs
      : Math.max(this.#nowMs + this.#desk.cancelTravelMs(key), waiting?.arrivesAtMs ?? 0)
    if (arrivesAtMs <= this.#nowMs) {
      this.#endByCancel(key, this.#nowMs)
      return
    }
    // A cancel never overtakes its order.
    const { tradeSeq, purpose, sequence } = key
    this.#transit.add({ what: 'cancel', order: { tradeSeq, purpose, sequence }, arrivesAtMs })
    this.#step({ kind: 'cancel_sent', atMs: this.#nowMs, order: key, reason: null })
  }

  /** A cancel is at the venue: it ends the order, unless that has ended before. */
  #endByCancel(key: OrderKey, atMs: number): void {
    const waiting = this.#transit.orderOf(key)
    if (waiting) this.#transit.remove(waiting)
    let found = waiting !== null
    for (const book of this.#books.values()) {
      const entry = book.find(key)
      if (!entry) continue
      book.remove(entry)
      found = true
      break
    }
    if (found) this.#step({ kind: 'order_event', atMs, event: 'cancelled', order: key, reason: null })
  }

  /** Nothing is ever lost here: an order that the book does not have is on its way, or its end has been told. */
  #lookUp(key: OrderKey): void {
    for (const book of this.#books.values()) {
      if (book.find(key)) this.#step({ kind: 'order_event', atMs: this.#nowMs, event: 'accepted', order: key, reason: null })
    }
  }

  /** Nothing is refused while data ends: whatever is open leaves. */
  #rejection(order: Order): Rejection | null {
    if (this.#lastPrices) return null
    const { symbol } = order
    return this.#desk.rejection(order, {
      instrument: this.#instrument(symbol),
      marketPrice: this.#marketPrice(order),
      openOrders: this.#book(symbol).size + this.#transit.ordersOf(symbol),
    })
  }

  #marketPrice({ symbol, decisionPrice }: Order): Decimal | null {
    if (decisionPrice) return decisionPrice
    if (this.#walk?.symbol === symbol) return this.#walk.price
    if (this.#ticks) return this.#ticks.lastPrice(symbol)
    const cause = this.#cause
    if (cause?.kind === 'candle_closed') return cause.symbol === symbol ? cause.close : null
    return cause?.kind === 'timer_fired' ? (cause.prices.get(symbol) ?? null) : null
  }

  /** What a taker gets where the price stands: slippage, and impact by the share of the candle's volume that he takes. */
  #slipped(walk: Walk, { order, remaining }: BookOrder): Decimal {
    const { slippageBps, impactBpsPerPctVolume } = this.#options.venue
    const impactBps = marketImpactBps(walk.cap ? minDecimal(remaining, walk.cap) : remaining, walk.volume, impactBpsPerPctVolume)
    return takerPrice(order.side, walk.price, slippageBps.plus(impactBps), this.#instrument(order.symbol).tick)
  }

  /** Fills as much as the candle's volume cap and chance leave. */
  #fill(walk: Walk, entry: BookOrder, price: Decimal, liquidity: 'maker' | 'taker'): void {
    const offered = walk.cap ? minDecimal(entry.remaining, walk.cap) : entry.remaining
    if (!offered.isPositive()) return
    const quantity = this.#atOnce(entry, offered)
    if (walk.cap) walk.cap = walk.cap.minus(quantity)
    this.#execute(entry, price, quantity, liquidity, walk.atOpen ? walk.openMs : walk.innerMs, `sim:${walk.openMs}`)
  }

  #atOnce(entry: BookOrder, quantity: Decimal): Decimal {
    return this.#desk.atOnce(entry, quantity, this.#instrument(entry.order.symbol), this.#candle)
  }

  #tickFills(): TickFills {
    return new TickFills({
      venue: this.#options.venue,
      book: symbol => this.#book(symbol),
      instrument: symbol => this.#instrument(symbol),
      watches: () => this.watches(),
      mayFill: entry => entry.restsIn !== this.#candle && entry.remaining.isPositive(),
      fill: (entry, price, offered, liquidity) => {
        const quantity = this.#atOnce(entry, offered)
        const filled = entry.order.quantity.minus(entry.remaining)
        this.#execute(entry, price, quantity, liquidity, this.#nowMs, `tick:${this.#nowMs}:${filled}`)
        this.#drain()
      },
      triggered: entry => {
        this.#step({ kind: 'triggered', atMs: this.#nowMs, order: keyOf(entry.order) })
        this.#drain()
      },
      touched: (watch, price) => {
        this.#step({ kind: 'price_touched', atMs: this.#nowMs, watch, price })
        this.#drain()
      },
    })
  }

  #execute(
    entry: BookOrder,
    price: Decimal,
    quantity: Decimal,
    liquidity: 'maker' | 'taker',
    atMs: number,
    fillId: string,
  ): void {
    const { order } = entry
    const instrument = this.#instrument(order.symbol)
    entry.remaining = entry.remaining.minus(quantity)
    if (!entry.remaining.isPositive()) this.#book(order.symbol).remove(entry)
    const fee = simulatedFee(instrument, order.side, price, quantity, liquidity)
    this.#step({
      kind: 'fill_reported',
      atMs,
      fill: {
        tradeSeq: order.tradeSeq,
        purpose: order.purpose,
        sequence: order.sequence,
        symbol: order.symbol,
        fillId,
        side: order.side,
        price,
        quantity,
        ...fee,
        liquidity,
        atMs,
      },
    })
  }

  #walkTo(walk: Walk, corner: number): void {
    const down = corner < walk.priceNumber
    for (;;) {
      this.#settle(walk)
      const next = this.#nextOnTheWay(walk, corner, down)
      if (!next) break
      const price = next.order ? next.order.price! : next.watch.price
      if (!down) this.#tellPeaks(walk, price)
      walk.price = price
      walk.priceNumber = price.toNumber()
      this.#meet(walk, next)
    }
    const end = Decimal.from(corner)
    if (!down) this.#tellPeaks(walk, end)
    walk.price = end
    walk.priceNumber = corner
    this.#settle(walk)
  }

  /** Everything that the price where it stands has reached already: gaps at the open, orders placed beyond the price. */
  #settle(walk: Walk): void {
    this.#tellPeaks(walk, walk.price)
    for (let item = this.#reached(walk); item; item = this.#reached(walk)) this.#meet(walk, item)
  }

  #meet(walk: Walk, item: Item): void {
    if (item.order) {
      const { order, kind, price, bornIn } = item.order
      if (kind === 'stop') {
        const before = item.order.remaining
        // The limit of a stop-limit works from the next candle.
        if (order.type === 'stop_limit') item.order.restsIn = this.#candle
        else this.#fill(walk, item.order, this.#slipped(walk, item.order), 'taker')
        if (item.order.remaining.isPositive()) {
          item.order.trigger()
          if (item.order.remaining.equals(before)) {
            const atMs = walk.atOpen ? walk.openMs : walk.innerMs
            this.#step({ kind: 'triggered', atMs, order: keyOf(order) })
          }
        }
      } else {
        // At its price, or better where the market gapped over it; an order that found the price beyond it on arrival takes.
        const taker = bornIn === this.#candle ? !walk.price.equals(price!) : walk.atOpen && this.#isNew(walk, order)
        this.#fill(walk, item.order, walk.price, taker ? 'taker' : 'maker')
      }
    } else {
      walk.spent.push({ id: item.watch.id, price: item.watch.price.toNumber(), at: walk.priceNumber })
      this.#step({
        kind: 'price_touched',
        atMs: walk.atOpen ? walk.openMs : walk.innerMs,
        watch: item.watch.id,
        price: walk.price,
      })
    }
    this.#drain()
  }

  /** Placed at the close right before this candle, or arrived since the open before: this open is the first it meets. */
  #isNew(walk: Walk, order: Order): boolean {
    if (order.intendedAtMs >= walk.openMs) return true
    const delayMs = this.#desk.orderTravelMs(order)
    return delayMs > 0 && nextBucketStart(this.#options.venueTimeframe, order.intendedAtMs + delayMs - 1) >= walk.openMs
  }

  #tellPeaks(walk: Walk, price: Decimal): void {
    if (walk.restingOnly) return
    const reached = price.toNumber()
    for (const watch of this.watches()) {
      if (watch.kind !== 'peak_above' || watch.symbol !== walk.symbol || !(reached > watch.price.toNumber())) continue
      this.#step({ kind: 'price_touched', atMs: walk.atOpen ? walk.openMs : walk.innerMs, watch: watch.id, price })
      this.#drain()
    }
  }

  /** Under the pessimistic path a target that a fill of this candle called into being acts from the next one. */
  #mayAct(isTarget: boolean, bornIn: number): boolean {
    return !(isTarget && bornIn === this.#candle && this.#options.venue.fillPath === 'pessimistic')
  }

  #canFill(walk: Walk): boolean {
    return walk.cap === null || walk.cap.isPositive()
  }

  #reached(walk: Walk): Item | null {
    const at = walk.priceNumber
    const canFill = this.#canFill(walk)
    let stop: BookOrder | null = null
    for (const order of this.#book(walk.symbol).all()) {
      if ((!canFill && order.kind !== 'stop') || order.restsIn === this.#candle || !this.#mayAct(order.isTarget, order.bornIn))
        continue
      if (order.kind === 'limit') {
        const through = order.order.side === 'buy' ? at < order.priceNumber : at > order.priceNumber
        if (through) return { order, watch: null }
      } else if (order.kind === 'stop' && !stop) {
        const touched = order.order.side === 'sell' ? at <= order.priceNumber : at >= order.priceNumber
        if (touched) stop = order
      }
    }
    if (stop) return { order: stop, watch: null }
    if (walk.restingOnly) return null
    for (const watch of this.watches()) {
      if (watch.kind !== 'price_at_or_below' && watch.kind !== 'price_at_or_above') continue
      if (
        watch.symbol !== walk.symbol ||
        isSpent(walk, watch, walk.priceNumber) ||
        !this.#mayAct(watch.isTarget, this.#births.of(watch))
      )
        continue
      const price = watch.price.toNumber()
      const there =
        watch.kind === 'price_at_or_below' ? (watch.strict ? at < price : at <= price) : watch.strict ? at > price : at >= price
      if (there) return { order: null, watch }
    }
    return null
  }

  #nextOnTheWay(walk: Walk, corner: number, down: boolean): Item | null {
    const at = walk.priceNumber
    const canFill = this.#canFill(walk)
    let best: Item | null = null
    let bestPrice = Number.NaN
    let bestIsStrict = false
    const consider = (price: number, strict: boolean, item: Item): void => {
      const onTheWay = down
        ? price <= at && (strict ? corner < price : corner <= price)
        : price >= at && (strict ? corner > price : corner >= price)
      if (!onTheWay) return
      // At one price a touch comes before what needs the price to trade through.
      const isNearer = price === bestPrice ? bestIsStrict && !strict : down ? price > bestPrice : price < bestPrice
      if (best === null || isNearer) {
        best = item
        bestPrice = price
        bestIsStrict = strict
      }
    }
    for (const order of this.#book(walk.symbol).all()) {
      if ((!canFill && order.kind !== 'stop') || order.restsIn === this.#candle || !this.#mayAct(order.isTarget, order.bornIn))
        continue
      const buys = order.order.side === 'buy'
      if (order.kind === 'limit' && buys === down) consider(order.priceNumber, true, { order, watch: null })
      else if (order.kind === 'stop' && buys !== down) consider(order.priceNumber, false, { order, watch: null })
    }
    if (walk.restingOnly) return best
    for (const watch of this.watches()) {
      if (watch.kind !== (down ? 'price_at_or_below' : 'price_at_or_above') || watch.symbol !== walk.symbol) continue
      const price = watch.price.toNumber()
      if (isSpent(walk, watch, price) || !this.#mayAct(watch.isTarget, this.#births.of(watch))) continue
      consider(price, watch.strict, { order: null, watch })
    }
    return best
  }
}

function keyOf({ tradeSeq, purpose, sequence }: OrderKey): OrderKey {
  return { tradeSeq, purpose, sequence }
}
