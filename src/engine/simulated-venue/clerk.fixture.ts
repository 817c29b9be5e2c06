// A simulated run whose machine decides nothing: it sends what a test asks for and notes what it is told, so that the venue alone is
// under test.

import type { Candle } from '../../core/market/candles.ts'
import { defaultRules, type InstrumentRules, instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { Order, OrderType, Side } from '../../core/orders/order.ts'
import type { RiskApproved } from '../../core/risk/approve-order.ts'
import type { BotMachine, Command, EngineEvent } from '../machine.ts'
import { type SavedVenue, SimulatedRun } from '../simulated-run.ts'
import type { Watch } from '../watch.ts'
import type { VenueParameters } from './fill-price.ts'

export const SYMBOL = 'BTC/USDT'
export const HOUR_MS = 3_600_000
const NO_CHANGES = { orders: [], fills: [], transfers: [], trades: [], events: [], endedDeals: false }

export interface ClerkOptions {
  readonly venue?: Partial<VenueParameters>
  readonly rules?: Partial<InstrumentRules>
  readonly watches?: readonly Watch[]
  readonly from?: { readonly live: readonly Order[]; readonly venue: SavedVenue | null }
}

export class Clerk {
  readonly run: SimulatedRun<null>
  /** What was told, one line each: `hour:minute:second.ms what`. */
  readonly told: string[] = []
  readonly #live: Order[]
  #watches: readonly Watch[]
  #asked: Command[] = []
  #count = 0

  constructor(options: ClerkOptions = {}) {
    this.#watches = options.watches ?? []
    this.#live = [...(options.from?.live ?? [])]
    const machine: BotMachine<null> = {
      initialState: () => null,
      step: (_state, event) => {
        if (event.kind === 'price_touched')
          this.#watches = this.#watches.filter(watch => !('id' in watch) || watch.id !== event.watch)
        return { state: null, commands: this.#asked.splice(0), decisions: [], changes: NO_CHANGES }
      },
      watches: () => [...this.#watches],
      revive: () => null,
      summary: () => ({ status: 'running', pausedBy: [], ended: null, funds: [], lots: [], closedTrades: 0, realizedPnl: ZERO }),
      hasEnded: () => false,
      liveOrders: () => this.#live,
      playbook: () => null,
    }
    const rules = { ...defaultRules('test', SYMBOL), step: '0.001', minNotional: '0', ...options.rules }
    this.run = new SimulatedRun<null>({
      machine,
      instruments: new Map([[SYMBOL, instrumentFromRules(rules)]]),
      venue: {
        fillPath: 'pessimistic',
        slippageBps: ZERO,
        impactBpsPerPctVolume: ZERO,
        volumeCapPct: ZERO,
        ...options.venue,
      },
      venueTimeframe: '1h',
      direction: 'long',
      sink: { stepped: (_seq, event) => this.#note(event) },
      ...(options.from ? { from: { state: null, seq: 0, ...(options.from.venue ? { venue: options.from.venue } : {}) } } : {}),
    })
  }

  /** `buy 1`, `buy 1 @ 99`, `sell 1 stop 97`, `sell 1 stop 97 @ 96`. */
  place(text: string, atMs: number): Order {
    const [side, quantity, word, price, , limit] = text.split(' ')
    const type: OrderType = word === 'stop' ? (limit ? 'stop_limit' : 'stop') : word === '@' ? 'limit' : 'market'
    this.#count += 1
    const order: Order = {
      tradeSeq: 1,
      purpose: 'manual',
      sequence: this.#count,
      symbol: SYMBOL,
      side: side as Side,
      type,
      quantity: Decimal.from(quantity!),
      limitPrice: word === '@' ? Decimal.from(price!) : limit ? Decimal.from(limit) : null,
      stopPrice: word === 'stop' ? Decimal.from(price!) : null,
      decisionPrice: null,
      rung: null,
      status: 'intended',
      cancelState: 'none',
      isVirtual: false,
      filledQuantity: ZERO,
      filledValue: ZERO,
      feeValueQuote: ZERO,
      reason: null,
      intendedAtMs: atMs,
      expiresAtMs: null,
      closedAtMs: null,
    }
    this.#live.push(order)
    this.#tell(atMs, { kind: 'place_order', order: order as RiskApproved<Order> })
    return order
  }

  cancel(order: Order, atMs: number): void {
    this.#tell(atMs, { kind: 'cancel_order', order })
  }

  lookUp(order: Order, atMs: number): void {
    this.#tell(atMs, { kind: 'query_order', order })
  }

  /** Open, high, low, close and volume of the candle of an hour. */
  candle(hour: number, text: string): void {
    const [open, high, low, close, volume = Number.NaN] = text.split(' ').map(Number) as [number, number, number, number, number?]
    const candle: Candle = { openTimeMs: hour * HOUR_MS, open, high, low, close, volume }
    this.run.candles([[SYMBOL, candle]])
  }

  quote(bid: string, ask: string, atMs: number): void {
    this.run.quote({ symbol: SYMBOL, bid: Decimal.from(bid), ask: Decimal.from(ask), atMs })
  }

  print(price: string, quantity: string, atMs: number): void {
    this.run.print({ symbol: SYMBOL, price: Decimal.from(price), quantity: Decimal.from(quantity), atMs })
  }

  #tell(atMs: number, command: Command): void {
    this.#asked = [command]
    this.run.raise({ kind: 'run_resumed', atMs, reason: 'user' })
  }

  #note(event: EngineEvent): void {
    const what = wordsOf(event)
    if (what) this.told.push(`${clock(event.atMs)} ${what}`)
  }
}

function clock(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23)
}

function wordsOf(event: EngineEvent): string | null {
  if (event.kind === 'order_event') {
    const at = event.sentNow ? ' at once' : ''
    return `${event.event} ${event.order.sequence}${at}${event.reason ? ` ${event.reason}` : ''}`
  }
  if (event.kind === 'fill_reported') {
    const { sequence, side, quantity, price, liquidity } = event.fill
    return `fill ${sequence} ${side} ${quantity} @ ${price} ${liquidity}`
  }
  if (event.kind === 'triggered' || event.kind === 'cancel_sent' || event.kind === 'cancel_refused')
    return `${event.kind} ${event.order.sequence}`
  return event.kind === 'price_touched' ? `touched ${event.watch} at ${event.price}` : null
}
