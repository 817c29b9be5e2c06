/**
 * Stories of a venue that answers late: the machine is told by hand what the venue says, in any order and as late as one likes, and what
 * it commands is compared. An order is named `purpose|sequence` (of deal 1) or `deal:purpose|sequence`. Commands read
 *
 *   place base|1 buy 1 market
 *   place avg|1 buy 0.507 @ 98.5
 *   place sl|1 sell 1 stop 80
 *   cancel avg|1
 *   query avg|1
 *
 * Unless a story says otherwise the venue takes no fees and the bot starts one deal of 100 at once. After every event the state goes
 * through JSON and back, books sum to zero and agree with the state, and the rows of all deals explain the change of equity.
 */

import assert from 'node:assert/strict'
import { type ConfigChanges, dcaConfig, PAIR } from '../../src/core/dca/config.fixture.ts'
import { Books } from '../../src/core/ledger/books.ts'
import { defaultRules, type InstrumentRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { type Fill, type Order, type OrderKey, orderKeyText, type Purpose } from '../../src/core/orders/order.ts'
import type { OrderEvent } from '../../src/core/orders/transitions.ts'
import type { SystemEvent, TradeImage } from '../../src/engine/commit-batch.ts'
import { createDcaMachine } from '../../src/engine/dca/dca-machine.ts'
import type { DcaState, Deal } from '../../src/engine/dca/dca-state.ts'
import type { VenueTraits } from '../../src/engine/dca/deal-context.ts'
import { prepareDca } from '../../src/engine/dca/prepare.ts'
import type { BotMachine, Command, EngineEvent, OrderImage } from '../../src/engine/machine.ts'
import { START_MS } from './story.ts'

const d = Decimal.from

export interface Setup {
  readonly config?: ConfigChanges
  readonly traits?: VenueTraits
  readonly rules?: Partial<InstrumentRules>
  readonly capital?: string
}

export interface FillRest {
  readonly fee?: string
  readonly feeAsset?: string
  readonly feeValueQuote?: string
  readonly id?: string
}

const NO_READS = { value: () => undefined, barOpenMs: () => undefined, barCount: () => 0 }

export class VenueStory {
  readonly machine: BotMachine<DcaState>
  readonly books = new Books()
  /** The latest image of every order, as a store keeps it. */
  readonly orders = new Map<string, Order>()
  readonly fills: Fill[] = []
  /** The latest row of every deal. */
  readonly trades = new Map<number, TradeImage>()
  readonly events: SystemEvent[] = []
  readonly commands: Command[] = []
  readonly decisions: { readonly outcome: string; readonly gates: unknown }[] = []
  readonly capital: Decimal
  state: DcaState
  nowMs = START_MS
  readonly #placed = new Set<string>()
  #said: string[] = []
  #fillCount = 0

  constructor(setup: Setup = {}) {
    const rules = { ...defaultRules('binance', PAIR), step: '0.001', minNotional: '0', makerBps: '0', takerBps: '0' }
    const instrument = instrumentFromRules({ ...rules, ...setup.rules })
    const config = dcaConfig({ stopAfterDeals: 1, ...setup.config })
    const traits = { answersLate: true, locksBalance: true, ...setup.traits }
    const prepared = prepareDca(new Map([[1, config]]), 1, new Map([[PAIR, instrument]]), '1m', traits)
    this.machine = createDcaMachine(prepared.setting, 1, true)
    this.state = this.machine.initialState()
    this.capital = d(setup.capital ?? '1000')
    const opening = { currency: 'USDT', initialBalance: this.capital, nextBotTradeSeq: 11, opensBooks: true }
    this.tell({ kind: 'run_started', atMs: this.nowMs, ...opening })
  }

  /** Steps one event. */
  tell(event: EngineEvent): this {
    const { state, commands, changes, decisions } = this.machine.step(this.state, event)
    for (const order of changes.orders) this.orders.set(orderKeyText(order), order)
    if (changes.orders.some(order => order.purpose === 'avg')) this.#assertRungs()
    this.fills.push(...changes.fills)
    for (const transfer of changes.transfers) this.books.post(transfer)
    for (const trade of changes.trades) if (trade.parentTradeSeq === null) this.trades.set(trade.tradeSeq, trade)
    this.events.push(...changes.events)
    this.decisions.push(...decisions)
    for (const command of commands) this.#hear(command)
    this.state = this.machine.revive(JSON.parse(JSON.stringify(state)))
    assert.deepEqual(JSON.parse(JSON.stringify(this.state)), JSON.parse(JSON.stringify(state)), 'the state survives its JSON')
    this.#assertBooks()
    return this
  }

  #hear(command: Command): void {
    this.commands.push(command)
    if (command.kind === 'place_order') {
      const { order } = command
      const key = orderKeyText(order)
      assert.ok(!this.#placed.has(key), `order ${key} is placed once`)
      this.#placed.add(key)
      const at = order.limitPrice ? `@ ${order.limitPrice}` : order.stopPrice ? `stop ${order.stopPrice}` : 'market'
      this.#said.push(`place ${nameOf(order)} ${order.side} ${order.quantity} ${at}`)
    } else if (command.kind === 'cancel_order') this.#said.push(`cancel ${nameOf(command.order)}`)
    else if (command.kind === 'query_order') this.#said.push(`query ${nameOf(command.order)}`)
  }

  /** What has been commanded since this was asked last, one line each. */
  did(expected: string): this {
    const lines = expected
      .trim()
      .split('\n')
      .map(line => line.trim())
    assert.deepEqual(this.#said, lines[0] === '' ? [] : lines)
    this.#said = []
    return this
  }

  /** The bar of the bot's clock closes. */
  closes(price: string): this {
    const atMs = this.nowMs
    const event = { symbol: PAIR, timeframe: '1h', openTimeMs: atMs - 3_600_000, afterGap: false, isWarmup: false } as const
    return this.tell({ kind: 'candle_closed', atMs, ...event, close: d(price), reads: NO_READS })
  }

  order(text: string, event: OrderEvent, reason: string | null = null): this {
    const order = keyOf(text)
    const record = this.record(text)
    return this.tell({ kind: 'order_event', atMs: this.nowMs, event, order, reason, ...(record ? { record } : {}) })
  }

  /** The call went out and the venue has it. */
  rests(...texts: string[]): this {
    for (const text of texts) this.order(text, 'sent').order(text, 'accepted')
    return this
  }

  cancel(text: string, what: 'sent' | 'refused' | 'lost', reason: string | null = null): this {
    return this.tell({ kind: `cancel_${what}`, atMs: this.nowMs, order: keyOf(text), reason })
  }

  fill(text: string, quantity: string, price: string, rest: FillRest = {}): this {
    const image = this.image(text)
    assert.ok(image, `there is an order ${text}`)
    const record = this.record(text)
    this.#fillCount += 1
    const fee = d(rest.fee ?? '0')
    const fill: Fill = {
      ...keyOf(text),
      symbol: PAIR,
      fillId: rest.id ?? `f${this.#fillCount}`,
      side: image.side,
      price: d(price),
      quantity: d(quantity),
      fee,
      feeAsset: rest.feeAsset ?? 'USDT',
      feeValueQuote: rest.feeValueQuote ? d(rest.feeValueQuote) : fee,
      liquidity: 'taker',
      atMs: this.nowMs,
    }
    return this.tell({ kind: 'fill_reported', atMs: this.nowMs, fill, ...(record ? { record } : {}) })
  }

  touches(what: string, price: string, deal = 1): this {
    const watch = `${deal}|${what}`
    const known = this.machine.watches(this.state).some(each => 'id' in each && each.id === watch)
    assert.ok(known, `${watch} is watched: ${this.watched().join(', ')}`)
    return this.tell({ kind: 'price_touched', atMs: this.nowMs, watch, price: d(price) })
  }

  watched(): string[] {
    return this.machine.watches(this.state).flatMap(watch => ('id' in watch ? [watch.id] : []))
  }

  /** Time goes on, and every timer that comes due fires at its time. */
  waits(ms: number): this {
    const untilMs = this.nowMs + ms
    for (let guard = 0; ; guard += 1) {
      assert.ok(guard < 1000, `timers come to rest: ${this.watched().join(', ')}`)
      const due = this.machine
        .watches(this.state)
        .flatMap(watch => (watch.kind === 'time' && watch.atMs <= untilMs ? [watch] : []))
        .sort((a, b) => a.atMs - b.atMs)[0]
      if (!due) break
      this.nowMs = Math.max(this.nowMs, due.atMs)
      this.tell({ kind: 'timer_fired', atMs: this.nowMs, watch: due.id, prices: new Map() })
    }
    this.nowMs = untilMs
    return this
  }

  command(command: Extract<EngineEvent, { kind: 'user_command' }>['command']): this {
    return this.tell({ kind: 'user_command', atMs: this.nowMs, command })
  }

  image(text: string): Order | undefined {
    return this.orders.get(orderKeyText(keyOf(text)))
  }

  record(text: string): OrderImage | null {
    const order = this.image(text)
    return order ? { order, botTradeSeq: 10 + order.tradeSeq, configVersion: 1 } : null
  }

  /** Status and what is filled. */
  status(text: string): string {
    const order = this.image(text)!
    return `${order.status} ${order.filledQuantity}`
  }

  deal(tradeSeq = 1): Deal {
    const deal = this.state.deals.find(each => each.tradeSeq === tradeSeq)
    assert.ok(deal, `deal ${tradeSeq} is alive`)
    return deal
  }

  row(tradeSeq = 1): string {
    const trade = this.trades.get(tradeSeq)!
    return `${trade.dealStatus} ${trade.exitReason ?? '-'} ${trade.netPnl ?? '-'}`
  }

  /** Types of the messages so far with at least this severity. */
  alarms(severity: SystemEvent['severity'] = 'error'): string[] {
    const order = ['debug', 'info', 'warning', 'error', 'critical']
    return this.events.filter(event => order.indexOf(event.severity) >= order.indexOf(severity)).map(event => event.type)
  }

  /** As the database has it: of a deal's orders one alone works for a rung, or has filled for it. */
  #assertRungs(): void {
    const holders = new Map<string, string>()
    for (const [key, { tradeSeq, purpose, rung, status, filledQuantity }] of this.orders) {
      if (purpose !== 'avg' || rung === null) continue
      if (['cancelled', 'rejected', 'expired'].includes(status) && filledQuantity.isZero()) continue
      const held = `${tradeSeq}|${rung}`
      assert.equal(holders.get(held), undefined, `rung ${held} is held by ${holders.get(held)} and by ${key}`)
      holders.set(held, key)
    }
  }

  #assertBooks(): void {
    for (const [currency, sum] of this.books.sums()) assert.equal(sum.toString(), '0', `${currency} sums to zero`)
    const { state } = this
    assert.equal(this.books.balance('bot_free', 'USDT').toString(), state.free.toString(), 'free')
    assert.equal(this.books.balance('bot_reserved', 'USDT').toString(), state.reserved.toString(), 'reserved')
    let basis = ZERO
    for (const deal of state.deals) {
      assert.equal(this.books.balance('position', 'BTC', deal.tradeSeq).toString(), deal.lot.quantity.toString(), 'position')
      basis = basis.plus(deal.lot.basis)
    }
    for (const dust of Object.values(state.dust)) basis = basis.plus(dust.basis)
    // What others took has left the bot at its cost.
    for (const { type, details } of this.events)
      if (type === 'GHOST_POSITION') basis = basis.plus((details as { readonly cost: Decimal }).cost)
    const lots = this.books.total('position', 'BTC').toString()
    assert.equal(
      lots,
      state.deals.reduce((sum, deal) => sum.plus(deal.lot.quantity), ZERO).toString(),
      'ended deals hold nothing',
    )
    let net = ZERO
    let closed = ZERO
    for (const trade of this.trades.values()) {
      net = net.plus(trade.netPnl ?? trade.position.realizedPnl)
      if (trade.netPnl) closed = closed.plus(trade.netPnl)
    }
    const change = state.free.plus(state.reserved).plus(basis).minus(this.capital)
    assert.equal(change.toString(), net.toString(), 'the rows of deals explain the change of equity')
    if (!state.deals.some(deal => deal.troubles.isReopened)) {
      assert.equal(state.realizedPnl.toString(), closed.toString(), 'realised is the sum of closed rows')
    }
  }
}

function nameOf({ tradeSeq, purpose, sequence }: OrderKey): string {
  return tradeSeq === 1 ? `${purpose}|${sequence}` : `${tradeSeq}:${purpose}|${sequence}`
}

function keyOf(text: string): OrderKey {
  const [deal, rest] = text.includes(':') ? (text.split(':') as [string, string]) : ['1', text]
  const [purpose, sequence] = rest.split('|') as [Purpose, string]
  return { tradeSeq: Number(deal), purpose, sequence: Number(sequence) }
}

/** A deal that has bought 1 @ 100; its exits are being asked for. */
export function bought(setup: Setup = {}): VenueStory {
  const story = new VenueStory(setup).closes('100').did('place base|1 buy 1 market')
  return story.rests('base|1').fill('base|1', '1', '100')
}
