// What the exchange lets the outside know, truth or not: executions that are told late, orders that are not found yet, lists with holes.
// The exchange itself stays exact: it is the truth that the invariants are held against. Shared by all workers; no network here.

import { Decimal } from '../core/money/decimal.ts'
import type { SimulatedExchange } from '../engine/simulated-venue/exchange.ts'
import {
  type FillsPage,
  type Listing,
  type PlacePayload,
  type VenueBalance,
  VenueError,
  type VenueFill,
  type VenueMessage,
  type VenueOrder,
  type VenueOrderRef,
} from '../engine/venue.ts'
import type { FaultPlan } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

interface HiddenFill {
  readonly fill: VenueFill
  readonly index: number
  readonly untilMs: number
}

/** An answer from before is as old as this at most. */
const STALE_MS = 60_000

export class VenueFront {
  readonly #exchange: SimulatedExchange
  readonly #scheduler: Scheduler
  readonly #faults: FaultPlan
  readonly #tell: (message: VenueMessage) => void
  readonly #hidden = new Map<string, HiddenFill>()
  /** Orders of which an execution was hidden while their cancel was confirmed. */
  readonly #falselyCancelled = new Set<string>()
  readonly #notFoundUntilMs = new Map<string, number>()
  /** Quantity that was asked for, of orders that execute more. */
  readonly #askedQuantity = new Map<string, Decimal>()
  readonly #lastFound = new Map<string, { readonly atMs: number; readonly order: VenueOrder }>()
  #lastOpen: { readonly atMs: number; readonly orders: readonly VenueOrder[] } | null = null
  #lastBalances: { readonly atMs: number; readonly rows: readonly VenueBalance[] } | null = null
  #fills = 0
  #closedUntilMs = Number.NEGATIVE_INFINITY
  #bannedUntilMs = Number.NEGATIVE_INFINITY

  readonly #shows: (fill: VenueFill, wasHidden: boolean) => void

  /**
   * @param tell hands a message to every stream.
   * @param shows is called once nothing hides an execution any more: whoever asks can know of it.
   */
  constructor(
    exchange: SimulatedExchange,
    scheduler: Scheduler,
    faults: FaultPlan,
    tell: (message: VenueMessage) => void,
    shows: (fill: VenueFill, wasHidden: boolean) => void,
  ) {
    this.#shows = shows
    this.#exchange = exchange
    this.#scheduler = scheduler
    this.#faults = faults
    this.#tell = tell
  }

  /** Every message of the exchange comes here first. */
  heard(message: VenueMessage): void {
    if (message.kind === 'fill') {
      const index = this.#fills
      this.#fills += 1
      if (this.#faults.strikes('late_fill')) {
        this.#hide(message.fill, index)
        return
      }
      this.#shows(message.fill, false)
      this.#tell({ kind: 'fill', fill: this.#shownFill(message.fill) })
    } else if (message.kind === 'order') {
      this.#tell({ kind: 'order', order: this.#shown(message.order) })
    } else {
      this.#tell(message)
    }
  }

  /** The door: what is refused before the request is looked at. */
  admit(isWrite: boolean): void {
    const nowMs = this.#scheduler.nowMs
    if (nowMs < this.#closedUntilMs) throw new VenueError('maintenance', '503', 'the venue is closed for maintenance')
    if (nowMs < this.#bannedUntilMs) throw new VenueError('banned', '418', 'this address is banned', this.#bannedUntilMs - nowMs)
    if (this.#faults.strikes('maintenance')) {
      this.#closedUntilMs = nowMs + this.#faults.dice('maintenance').whole(10_000, 60_000)
      throw new VenueError('maintenance', '503', 'the venue is closed for maintenance')
    }
    if (this.#faults.strikes('ban')) {
      this.#bannedUntilMs = nowMs + this.#faults.dice('ban').whole(10_000, 60_000)
      throw new VenueError('banned', '418', 'this address is banned', this.#bannedUntilMs - nowMs)
    }
    if (this.#faults.strikes('rate_limit')) {
      throw new VenueError('rate_limited', '429', 'too many requests', this.#faults.dice('rate_limit').whole(1_000, 15_000))
    }
    if (isWrite && this.#faults.strikes('clock_error')) {
      throw new VenueError('clock', '-1021', 'the timestamp of this request is outside of the window')
    }
  }

  place(payload: PlacePayload): VenueOrder {
    if (this.#faults.strikes('refusal'))
      throw new VenueError('refused', 'INSUFFICIENT_FREE', 'the account has insufficient balance')
    const step = this.#exchange.instruments().find(each => each.symbol === payload.symbol)?.step
    const overfills = step !== undefined && payload.side === 'buy' && this.#faults.strikes('overfill')
    const asked = Decimal.from(payload.quantity)
    const given = overfills ? { ...payload, quantity: asked.plus(step).toString() } : payload
    if (overfills) this.#askedQuantity.set(payload.clientOrderId, asked)
    const order = this.#exchange.place(given, this.#scheduler.nowMs)
    if (this.#faults.strikes('not_found')) {
      this.#notFoundUntilMs.set(order.venueOrderId, this.#scheduler.nowMs + this.#faults.dice('not_found').whole(2_000, 30_000))
    }
    return this.#answered(order)
  }

  cancel(ref: VenueOrderRef): VenueOrder {
    const known = this.#exchange.find(ref)
    if (known && this.#isMissing(known)) throw new VenueError('not_found', 'UNKNOWN_ORDER', 'unknown order')
    if (known && known.status !== 'open' && this.#shown(known).status === 'open') {
      this.#falselyCancelled.add(known.venueOrderId)
      return this.#answered(known)
    }
    return this.#answered(this.#exchange.cancel(ref, this.#scheduler.nowMs))
  }

  find(ref: VenueOrderRef): VenueOrder | null {
    const known = this.#exchange.find(ref)
    if (!known || this.#isMissing(known)) return null
    const former = this.#lastFound.get(known.venueOrderId)
    if (former && this.#isFresh(former.atMs) && this.#faults.strikes('stale_snapshot')) return former.order
    return this.#answered(known)
  }

  openOrders(): Listing<VenueOrder> {
    if (this.#faults.strikes('empty_open_orders')) return { rows: [], complete: true }
    const former = this.#lastOpen
    if (former && this.#isFresh(former.atMs) && this.#faults.strikes('stale_snapshot'))
      return { rows: former.orders, complete: true }
    const known = [...this.#exchange.openOrders(), ...this.#hiddenEnds()].filter(order => !this.#isMissing(order))
    const rows = known.map(order => this.#answered(order)).filter(order => order.status === 'open')
    this.#lastOpen = { atMs: this.#scheduler.nowMs, orders: rows }
    return this.#pages(rows)
  }

  history(sinceMs: number): Listing<VenueOrder> {
    const known = this.#exchange.history(sinceMs).filter(order => !this.#isMissing(order))
    return this.#pages(known.map(order => this.#answered(order)))
  }

  fillsSince(symbol: string, cursor: string | null): FillsPage {
    const page = this.#exchange.fillsSince(symbol, cursor)
    const firstHidden = Math.min(Number.POSITIVE_INFINITY, ...[...this.#hidden.values()].map(each => each.index))
    const from = cursor === null ? 0 : Number(cursor)
    const to = Math.max(from, Math.min(Number(page.cursor), firstHidden))
    let fills = page.fills.filter(fill => this.#indexOf(fill) < firstHidden).map(fill => this.#shownFill(fill))
    if (this.#faults.strikes('doubled_page')) fills = [...fills, ...fills]
    if (fills.length > 1 && this.#faults.strikes('missing_page')) {
      const half = fills.slice(0, Math.ceil(fills.length / 2))
      return { fills: half, cursor: String(this.#indexOf(half[half.length - 1]!) + 1), complete: false }
    }
    return { fills, cursor: String(to), complete: page.complete }
  }

  balances(): Listing<VenueBalance> {
    const former = this.#lastBalances
    if (former && this.#isFresh(former.atMs) && this.#faults.strikes('stale_snapshot'))
      return { rows: former.rows, complete: true }
    const rows = this.#exchange.balances()
    this.#lastBalances = { atMs: this.#scheduler.nowMs, rows }
    if (this.#faults.strikes('missing_page')) return { rows: rows.slice(1), complete: false }
    return { rows, complete: true }
  }

  #pages(rows: VenueOrder[]): Listing<VenueOrder> {
    if (rows.length > 0 && this.#faults.strikes('doubled_page')) return { rows: [...rows, ...rows], complete: true }
    if (rows.length > 0 && this.#faults.strikes('missing_page')) {
      return { rows: rows.slice(0, Math.floor(rows.length / 2)), complete: false }
    }
    return { rows, complete: true }
  }

  #isFresh(atMs: number): boolean {
    return this.#scheduler.nowMs - atMs <= STALE_MS
  }

  #isMissing(order: VenueOrder): boolean {
    return this.#scheduler.nowMs < (this.#notFoundUntilMs.get(order.venueOrderId) ?? Number.NEGATIVE_INFINITY)
  }

  #hide(fill: VenueFill, index: number): void {
    const untilMs = this.#scheduler.nowMs + this.#faults.dice('late_fill').whole(500, 25_000)
    this.#hidden.set(fill.venueFillId, { fill, index, untilMs })
    this.#scheduler.at(untilMs, () => {
      this.#hidden.delete(fill.venueFillId)
      this.#shows(fill, true)
      this.#tell({ kind: 'fill', fill: this.#shownFill(fill) })
      const order = this.#exchange.find({
        symbol: fill.symbol,
        clientOrderId: fill.clientOrderId ?? '',
        venueOrderId: fill.venueOrderId,
      })
      if (order) this.#tell({ kind: 'order', order: this.#shown({ ...order, updatedAtMs: this.#scheduler.nowMs }) })
    })
  }

  /** Ended orders that must still look alive. */
  #hiddenEnds(): VenueOrder[] {
    const ids = new Set([...this.#hidden.values()].map(each => each.fill.venueOrderId))
    return [...ids].flatMap(id => {
      const hidden = [...this.#hidden.values()].find(each => each.fill.venueOrderId === id)!.fill
      const order = this.#exchange.find({ symbol: hidden.symbol, clientOrderId: hidden.clientOrderId ?? '', venueOrderId: id })
      return order && order.status !== 'open' ? [order] : []
    })
  }

  /** V's cursors are places in the list of all fills; ids count the same way. */
  #indexOf(fill: VenueFill): number {
    return this.#hidden.get(fill.venueFillId)?.index ?? Number(/\d+$/.exec(fill.venueFillId)?.[0] ?? 0) - 1
  }

  /** The order without what is hidden of it. */
  #shown(order: VenueOrder): VenueOrder {
    const asked = order.clientOrderId === null ? undefined : this.#askedQuantity.get(order.clientOrderId)
    let shown = asked ? { ...order, quantity: asked } : order
    let hidden: Decimal | null = null
    for (const each of this.#hidden.values()) {
      if (each.fill.venueOrderId !== order.venueOrderId) continue
      hidden = hidden ? hidden.plus(each.fill.quantity) : each.fill.quantity
    }
    if (!hidden) return shown
    const executedQuantity = (order.executedQuantity ?? hidden).minus(hidden)
    const status = this.#falselyCancelled.has(order.venueOrderId)
      ? 'cancelled'
      : order.status === 'filled'
        ? 'open'
        : order.status
    shown = { ...shown, executedQuantity, status }
    return shown
  }

  #answered(order: VenueOrder): VenueOrder {
    const shown = this.#shown(order)
    this.#lastFound.set(order.venueOrderId, { atMs: this.#scheduler.nowMs, order: shown })
    if (!this.#faults.strikes('null_fields')) return shown
    const dice = this.#faults.dice('null_fields')
    return {
      ...shown,
      executedQuantity: dice.chance(0.7) ? null : shown.executedQuantity,
      clientOrderId: dice.chance(0.3) ? null : shown.clientOrderId,
    }
  }

  #shownFill(fill: VenueFill): VenueFill {
    if (!this.#faults.strikes('null_fields')) return fill
    const dice = this.#faults.dice('null_fields')
    const hidesFee = dice.chance(0.7)
    return {
      ...fill,
      fee: hidesFee ? null : fill.fee,
      feeAsset: hidesFee ? null : fill.feeAsset,
      clientOrderId: dice.chance(0.3) ? null : fill.clientOrderId,
    }
  }
}
