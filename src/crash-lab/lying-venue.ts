// The venue as one worker reaches it: over a network that delays, loses, breaks and doubles, at a front that lies. It keeps the port's
// contract all the same: everything it tells may be late or wrong, nothing is retried inside, and a request is carried out once.

import type { Instrument } from '../core/market/instrument.ts'
import type { Venue } from '../engine/ports.ts'
import {
  type FillsPage,
  type Listing,
  type PlacePayload,
  type VenueBalance,
  type VenueCapabilities,
  VenueError,
  type VenueMessage,
  type VenueOrder,
  type VenueOrderRef,
  type VenuePosition,
} from '../engine/venue.ts'
import type { Dice } from './dice.ts'
import type { FaultPlan } from './faults.ts'
import type { Scheduler } from './scheduler.ts'
import type { VenueFront } from './venue-front.ts'
import type { WorkerProcess } from './worker-process.ts'

export type VenueCall =
  | { readonly kind: 'place'; readonly payload: PlacePayload }
  | { readonly kind: 'cancel' | 'find'; readonly ref: VenueOrderRef }
  | { readonly kind: 'open_orders' | 'history' | 'fills' | 'balances' | 'positions' | 'server_time' | 'instruments' }

export interface VenueWorld {
  readonly scheduler: Scheduler
  readonly faults: FaultPlan
  readonly front: VenueFront
  /** Ordinary travelling times. */
  readonly travel: Dice
  instruments(): Instrument[]
  /** A call leaves a worker. */
  called(worker: WorkerProcess, call: VenueCall): void
  /** A worker has read that it is shut out until then. */
  banTold(worker: WorkerProcess, untilMs: number): void
}

export const LAB_CAPABILITIES: VenueCapabilities = {
  findByClientId: true,
  absenceProof: ['find', 'open_orders', 'history', 'fills'],
  absenceHorizonSec: 65,
  restingStops: true,
  oco: false,
  amend: false,
  reduceOnly: false,
  locksBalance: true,
}

/** A client gives up on a silent connection after this. */
const SILENCE_MS = 30_000

export class LyingVenue implements Venue {
  readonly capabilities = LAB_CAPABILITIES
  readonly #world: VenueWorld
  readonly #worker: WorkerProcess
  readonly #listeners = new Set<(message: VenueMessage) => void>()
  #isConnected = true
  #isReconnecting = false

  constructor(world: VenueWorld, worker: WorkerProcess) {
    this.#world = world
    this.#worker = worker
  }

  place(payload: PlacePayload): Promise<VenueOrder> {
    return this.#call({ kind: 'place', payload }, true, () => this.#world.front.place(payload))
  }

  cancel(ref: VenueOrderRef): Promise<VenueOrder> {
    return this.#call({ kind: 'cancel', ref }, true, () => this.#world.front.cancel(ref))
  }

  find(ref: VenueOrderRef): Promise<VenueOrder | null> {
    return this.#call({ kind: 'find', ref }, false, () => this.#world.front.find(ref))
  }

  openOrders(): Promise<Listing<VenueOrder>> {
    return this.#call({ kind: 'open_orders' }, false, () => this.#world.front.openOrders())
  }

  history(sinceMs: number): Promise<Listing<VenueOrder>> {
    return this.#call({ kind: 'history' }, false, () => this.#world.front.history(sinceMs))
  }

  fillsSince(symbol: string, cursor: string | null): Promise<FillsPage> {
    return this.#call({ kind: 'fills' }, false, () => this.#world.front.fillsSince(symbol, cursor))
  }

  balances(): Promise<Listing<VenueBalance>> {
    return this.#call({ kind: 'balances' }, false, () => this.#world.front.balances())
  }

  positions(): Promise<Listing<VenuePosition>> {
    return this.#call({ kind: 'positions' }, false, () => ({ rows: [], complete: true }))
  }

  serverTime(): Promise<number> {
    return this.#call({ kind: 'server_time' }, false, () => this.#world.scheduler.nowMs)
  }

  instruments(): Promise<Listing<Instrument>> {
    return this.#call({ kind: 'instruments' }, false, () => ({ rows: this.#world.instruments(), complete: true }))
  }

  subscribe(listener: (message: VenueMessage) => void): () => void {
    this.#listeners.add(listener)
    this.#later(this.#world.travel.whole(10, 80), () => listener({ kind: 'connected' }))
    return () => this.#listeners.delete(listener)
  }

  /** A message of the venue's stream, on its way to this worker. */
  stream(message: VenueMessage): void {
    const { faults, travel } = this.#world
    if (this.#listeners.size === 0 || !this.#isConnected || !this.#worker.isAlive) return
    if (faults.strikes('stream_gap')) return
    const late = faults.strikes('stream_reorder') ? faults.dice('stream_reorder').whole(500, 9_000) : 0
    const tell = (): void => {
      for (const listener of this.#listeners) listener(message)
    }
    this.#later(travel.whole(10, 80) + late, tell)
    if (faults.strikes('stream_duplicate')) this.#later(faults.dice('stream_duplicate').whole(10, 6_000), tell)
  }

  /** The stream breaks; what happens until it stands again is not told. */
  breakStream(forMs: number): void {
    if (this.#isReconnecting) return
    this.#isConnected = false
    this.#isReconnecting = true
    const say = (message: VenueMessage): void => {
      for (const listener of this.#listeners) listener(message)
    }
    this.#later(5, () => say({ kind: 'disconnected' }))
    this.#world.scheduler.after(forMs, () => {
      this.#isConnected = true
      this.#isReconnecting = false
      this.#later(5, () => say({ kind: 'connected' }))
    })
  }

  #later(delayMs: number, hand: () => void): void {
    this.#worker.deliver(delayMs, hand)
  }

  #call<T>(call: VenueCall, isWrite: boolean, work: () => T): Promise<T> {
    const { faults, travel } = this.#world
    if (this.#worker.isAlive) this.#world.called(this.#worker, call)
    let outMs = travel.whole(10, 80)
    let backMs: number | null = travel.whole(10, 80)
    let breaks: 'before' | 'after' | null = null
    let silent: 'request' | 'answer' | null = null
    if (faults.strikes('delay')) {
      if (faults.dice('delay').chance(0.5)) outMs += faults.dice('delay').whole(500, 9_000)
      else backMs += faults.dice('delay').whole(500, 9_000)
    }
    if (isWrite && faults.strikes('late_arrival')) {
      outMs = faults.dice('late_arrival').whole(9_000, 40_000)
      silent = 'answer'
    }
    if (faults.strikes('lost_request')) silent = 'request'
    else if (faults.strikes('lost_answer')) silent = 'answer'
    else if (faults.strikes('reset_before')) breaks = 'before'
    else if (faults.strikes('reset_after')) breaks = 'after'
    if (silent) backMs = null

    const effect = (): T => {
      if (breaks === 'before') throw connectionReset()
      if (silent === 'request') return undefined as T
      try {
        const value = this.#served(isWrite, work)
        if (breaks === 'after') throw connectionReset()
        return value
      } catch (error) {
        if (error instanceof VenueError && error.class === 'banned' && breaks !== 'after' && backMs !== null)
          this.#noteBan(backMs, error.retryAfterMs ?? 0)
        throw breaks === 'after' ? connectionReset() : error
      }
    }
    const answered = this.#worker.operation(`venue ${call.kind}`, { outMs, backMs }, effect)
    if (!silent) return answered
    return this.#worker.operation(
      `venue ${call.kind} times out`,
      { outMs: SILENCE_MS, backMs: 0 },
      (): T => {
        throw new VenueError('ambiguous', 'ETIMEDOUT', 'no answer came')
      },
      false,
    )
  }

  /** Known from when the answer has come. */
  #noteBan(inMs: number, retryAfterMs: number): void {
    this.#worker.deliver(inMs, () => this.#world.banTold(this.#worker, this.#world.scheduler.nowMs - inMs + retryAfterMs))
  }

  #served<T>(isWrite: boolean, work: () => T): T {
    const { faults, front } = this.#world
    front.admit(isWrite)
    if (faults.strikes('server_error')) {
      if (faults.dice('server_error').chance(0.5)) attempt(work)
      throw new VenueError('ambiguous', '502', 'bad gateway')
    }
    if (faults.strikes('html_answer')) {
      if (faults.dice('html_answer').chance(0.5)) attempt(work)
      throw new SyntaxError(`Unexpected token '<', "<!DOCTYPE html>" is not valid JSON`)
    }
    return work()
  }
}

/** Carries out what nobody will hear the answer of. */
function attempt(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof VenueError)) throw error
  }
}

function connectionReset(): VenueError {
  return new VenueError('ambiguous', 'ECONNRESET', 'the connection was reset')
}
