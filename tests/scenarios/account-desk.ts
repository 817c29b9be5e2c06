// What tests of an account's run stand on: an exchange in memory behind the venue port, virtual time, the store in memory, and a desk
// that lets time and prices pass and tells what happened.

import assert from 'node:assert/strict'
import type { DcaConfig } from '../../src/core/dca/config.ts'
import type { Candle } from '../../src/core/market/candles.ts'
import { defaultRules, type Instrument, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { MemoryAccountStore } from '../../src/crash-lab/memory-store.ts'
import { Scheduler } from '../../src/crash-lab/scheduler.ts'
import type { AccountAssignment } from '../../src/engine/account-store.ts'
import { createDcaMachine } from '../../src/engine/dca/dca-machine.ts'
import { prepareDca } from '../../src/engine/dca/prepare.ts'
import type { AccountStore, Venue } from '../../src/engine/ports.ts'
import { SimulatedExchange } from '../../src/engine/simulated-venue/exchange.ts'
import { type VenueCapabilities, VenueError, type VenueMessage } from '../../src/engine/venue.ts'
import type { AccountRunDeps } from '../../src/runs/account-ports.ts'
import { AccountRun } from '../../src/runs/account-run.ts'
import { Governor } from '../../src/runs/governor.ts'

const d = Decimal.from

export const SYMBOL = 'BTC/USDT'
export const START_MS = Date.UTC(2026, 0, 5)
export const INSTRUMENT: Instrument = instrumentFromRules(defaultRules('binance', SYMBOL))
const BOT_ID = 'dca_bot_1700000000000_a1b2c3'
const MINUTE_MS = 60_000

const CAPABILITIES: VenueCapabilities = {
  findByClientId: true,
  absenceProof: ['find', 'open_orders', 'history', 'fills'],
  absenceHorizonSec: 65,
  restingStops: true,
  oco: false,
  amend: false,
  reduceOnly: false,
  locksBalance: true,
}

/** How the next calls of a kind go wrong; each is used once. */
export type Trouble = 'answer_lost' | 'request_lost' | 'hangs'

export class Desk {
  readonly scheduler = new Scheduler(START_MS)
  readonly exchange: SimulatedExchange
  readonly store = new MemoryAccountStore()
  readonly calls: string[] = []
  readonly trouble: Trouble[] = []
  /** Questions that the venue refuses to answer. */
  readonly silent = new Set<string>()
  assignment: AccountAssignment
  run: AccountRun | null = null
  governor: Governor | null = null
  mayAct = true
  /** What a run ended with. */
  ended: unknown = null
  readonly #config: DcaConfig
  readonly #listeners = new Set<(message: VenueMessage) => void>()
  #life = new AbortController()
  #generation = 0

  constructor(config: DcaConfig, balances: Record<string, string> = { USDT: '10000' }) {
    this.#config = config
    this.exchange = new SimulatedExchange({
      instruments: [INSTRUMENT],
      balances: Object.fromEntries(Object.entries(balances).map(([currency, amount]) => [currency, d(amount)])),
      volumeCapPct: d('0'),
      onMessage: message => {
        for (const listener of this.#listeners) this.scheduler.after(20, () => listener(message))
      },
    })
    this.assignment = this.store.open({
      accountId: 'acc',
      userId: 'u',
      exchange: 'binance',
      bots: [{ botId: BOT_ID, runId: 'run' }],
    })
    this.price('100')
  }

  get view() {
    return this.store.view('acc')
  }

  /** Starts the account, as a new process would. */
  start(): void {
    const generation = ++this.#generation
    const isAlive = (): boolean => generation === this.#generation
    this.#life = new AbortController()
    const clock: AccountRunDeps['clock'] = {
      now: () => this.scheduler.nowMs,
      monotonic: () => this.scheduler.nowMs - START_MS,
      sleep: (ms, signal) =>
        new Promise(resolve => {
          const end = (): void => {
            signal.removeEventListener('abort', end)
            resolve()
          }
          if (signal.aborted) end()
          else {
            signal.addEventListener('abort', end)
            this.scheduler.after(ms, () => {
              if (isAlive()) end()
            })
          }
        }),
    }
    this.governor = new Governor({ weight: [{ name: 'minute', intervalMs: MINUTE_MS, limit: 1200 }], orders: [] }, clock)
    this.run = new AccountRun(this.assignment, {
      store: this.#guardedStore(isAlive),
      venue: this.#venue(isAlive),
      governor: this.governor,
      clock,
      random: () => 0.5,
      mayAct: () => this.mayAct,
      openBot: (_saved, rules) => {
        const instruments = rules ?? new Map([[SYMBOL, INSTRUMENT]])
        const prepared = prepareDca(new Map([[1, this.#config]]), 1, instruments, '1m')
        return {
          machine: createDcaMachine({ ...prepared.setting, answersLate: true, locksBalance: true }, 1, true),
          prepared,
          instruments,
          currency: 'USDT',
          initialBalance: d('1000'),
          opensBooks: true,
          feedTimeframe: '1m',
        }
      },
      history: () => [],
      log: { info() {}, warn() {}, error: (fields, message) => this.calls.push(`ERROR ${message} ${JSON.stringify(fields)}`) },
      epoch: 1,
    })
    this.ended = null
    this.run.run(this.#life.signal).then(
      () => {
        this.ended = 'stopped'
      },
      (error: unknown) => {
        if (isAlive()) this.ended = error
      },
    )
  }

  /** The process is gone: nothing of it ever happens again. */
  kill(): void {
    this.#generation += 1
    this.#listeners.clear()
  }

  stop(): void {
    this.#life.abort()
  }

  async pass(ms: number): Promise<void> {
    await this.scheduler.run(this.scheduler.nowMs + ms, () => false)
    if (this.ended instanceof Error) throw this.ended
    assert.deepEqual(this.run?.status().quarantined, [])
  }

  /** A trade of others, told to the account. */
  price(price: string): void {
    this.exchange.print({ symbol: SYMBOL, price: d(price), quantity: d('1'), atMs: this.scheduler.nowMs })
    this.run?.offerPrice(SYMBOL, d(price), this.scheduler.nowMs)
  }

  /** A candle of one minute that closes now. */
  candle(price: string): void {
    const openTimeMs = Math.floor(this.scheduler.nowMs / MINUTE_MS) * MINUTE_MS - MINUTE_MS
    const value = Number(price)
    const candle: Candle = { openTimeMs, open: value, high: value, low: value, close: value, volume: 1 }
    this.run?.offerCandles(openTimeMs, new Map([[SYMBOL, candle]]))
  }

  /** Minute by minute at one price. */
  async minutes(count: number, price: string): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.price(price)
      await this.pass(MINUTE_MS)
      this.candle(price)
      await this.pass(5)
    }
  }

  orders(): string[] {
    return [...this.view.orders()].map(
      ({ order }) => `${order.purpose}${order.sequence} ${order.status} ${order.filledQuantity}/${order.quantity}`,
    )
  }

  /** Every currency: what the books expect at the venue is there. */
  assertBooksAgree(): void {
    for (const { currency, free, locked } of this.exchange.balances()) {
      const expected = this.view.balances.get(currency)?.toString() ?? '0'
      assert.equal(expected, free.plus(locked).toString(), `${currency} in the books and at the venue`)
    }
  }

  #venue(isAlive: () => boolean): Venue {
    const later = (work: () => void): void =>
      this.scheduler.after(30, () => {
        if (isAlive()) work()
      })
    const answer = <T>(what: string, work: () => T): Promise<T> => {
      this.calls.push(what)
      const isOrder = what.startsWith('place') || what.startsWith('cancel')
      const trouble = isOrder ? this.trouble.shift() : undefined
      return new Promise((resolve, reject) => {
        this.scheduler.after(30, () => {
          if (this.silent.has(what)) return reject(new VenueError('refused', 'NO', 'not now'))
          if (trouble === 'request_lost') return reject(new Error('socket hang up'))
          let value: T
          try {
            value = work()
          } catch (error) {
            return later(() => reject(error))
          }
          if (trouble === 'answer_lost') return later(() => reject(new Error('socket hang up')))
          if (trouble === 'hangs') return undefined
          return later(() => resolve(value))
        })
      })
    }
    const { exchange } = this
    const now = (): number => this.scheduler.nowMs
    return {
      capabilities: CAPABILITIES,
      place: order => answer(`place ${order.clientOrderId}`, () => exchange.place(order, now())),
      cancel: order => answer(`cancel ${order.clientOrderId}`, () => exchange.cancel(order, now())),
      find: order => answer('find', () => exchange.find(order)),
      openOrders: () => answer('openOrders', () => ({ rows: exchange.openOrders(), complete: true })),
      history: sinceMs => answer('history', () => ({ rows: exchange.history(sinceMs), complete: true })),
      fillsSince: (symbol, cursor) => answer('fills', () => exchange.fillsSince(symbol, cursor)),
      balances: () => answer('balances', () => ({ rows: exchange.balances(), complete: true })),
      positions: () => answer('positions', () => ({ rows: exchange.positions(), complete: true })),
      serverTime: () => answer('time', now),
      instruments: () => answer('instruments', () => ({ rows: exchange.instruments(), complete: true })),
      subscribe: listener => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
  }

  #guardedStore(isAlive: () => boolean): AccountStore {
    const later = <T>(work: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        this.scheduler.after(2, () => {
          if (isAlive()) return work().then(resolve, reject)
          return undefined
        })
      })
    return {
      load: (assignment, since) => later(() => this.store.load(assignment, since)),
      commit: (assignment, commit) => later(() => this.store.commit(assignment, commit)),
      findOrder: (assignment, id) => later(() => this.store.findOrder(assignment, id)),
    }
  }
}
