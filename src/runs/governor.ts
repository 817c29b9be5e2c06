// Who may call a venue now (execution.md 2.6). A venue counts the weight of all calls from one address and the orders of each account; one
// governor per venue and address keeps every bot below both. The more urgent a call, the more of the limit is open to it, so that an exit
// always finds room that scans have left.

import { CALL_CLASSES, type CallClass, VenueError } from '../engine/venue.ts'
import type { AccountClock } from './account-ports.ts'

/** Percent of a limit that a class may fill. */
export const CLASS_SHARE_PCT: Record<CallClass, number> = { P0: 95, P1: 95, P2: 95, P3: 80, P4: 70, P5: 60, P6: 50 }

export interface RateWindow {
  /** Names it when the venue reports its own count. */
  readonly name: string
  readonly intervalMs: number
  readonly limit: number
}

export interface GovernorLimits {
  /** Of all calls from this address. */
  readonly weight: readonly RateWindow[]
  /** Of the orders of each account. */
  readonly orders: readonly RateWindow[]
}

export interface GovernedCall {
  readonly class: CallClass
  readonly account: string
  readonly weight: number
  /** Counts as an order of its account. */
  readonly isOrder: boolean
}

export interface CallRequest extends GovernedCall {
  /** Of one class and account what is due earlier goes first: a point in time on any clock, the same for all callers. */
  readonly deadlineMs: number
}

/** The venue answers nobody behind this address: people must know. */
export interface Ban {
  /** Whose call was told. */
  readonly account: string
  readonly forMs: number
}

export class CallTooHeavyError extends Error {
  constructor(call: GovernedCall, window: RateWindow, room: number) {
    super(
      `a call of class ${call.class} and weight ${call.weight} never fits the ${room} that "${window.name}" leaves to its class: ` +
        'raise the limit, or give this worker a larger share',
    )
    this.name = 'CallTooHeavyError'
  }
}

/** Where a venue does not say how long: its longest usual pause, and its shortest usual ban with room. */
const DEFAULT_PAUSE_MS = 60_000
const DEFAULT_BAN_MS = 5 * 60_000
/** Rounding of clocks: a window is let pass by this much before it counts as empty. */
const MARGIN_MS = 1

interface Waiting extends CallRequest {
  readonly number: number
  grant(): void
  fail(error: unknown): void
}

/** Why a call waits: nobody may call, the shared weight is used up, or only this account's orders are. */
type Admission = 'free' | 'blocked' | 'weight' | 'orders'

export class Governor {
  readonly #limits: GovernorLimits
  readonly #clock: Pick<AccountClock, 'monotonic' | 'sleep'>
  readonly #onBanned: (ban: Ban) => void
  #share: number
  readonly #weight: WindowCount[]
  readonly #orders = new Map<string, WindowCount[]>()
  /** Most recently served last, for turns. */
  readonly #served = new Map<string, number>()
  #serving = 0
  readonly #waiting = new Map<CallClass, Waiting[]>(CALL_CLASSES.map(callClass => [callClass, []]))
  #numbers = 0
  #urgentOnlyUntilMs = Number.NEGATIVE_INFINITY
  #bannedUntilMs = Number.NEGATIVE_INFINITY
  #alarm: AbortController | null = null

  /** @param share this worker's part of every limit, above 0 and at most 1. */
  constructor(
    limits: GovernorLimits,
    clock: Pick<AccountClock, 'monotonic' | 'sleep'>,
    onBanned: (ban: Ban) => void = () => {},
    share = 1,
  ) {
    this.#limits = limits
    this.#clock = clock
    this.#onBanned = onBanned
    this.#share = checkedShare(share)
    this.#weight = limits.weight.map(window => new WindowCount(window))
  }

  /** Whether a call could go out now, ahead of nobody who is more urgent. Takes nothing. */
  admits(call: GovernedCall): boolean {
    return !this.#isOutranked(call) && this.#admission(call, this.#clock.monotonic()) === 'free'
  }

  /** Takes the room of a call if there is some. */
  take(call: GovernedCall): boolean {
    if (!this.admits(call)) return false
    this.#count(call, this.#clock.monotonic())
    return true
  }

  /**
   * Resolves when the call may be made, and counts it.
   * @throws CallTooHeavyError where it could never fit, the signal's reason when aborted.
   */
  async acquire(request: CallRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#refuseTooHeavy(request)
    if (this.take(request)) return
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => waiting.fail(signal.reason)
      const leave = (): void => {
        signal.removeEventListener('abort', abort)
        this.#waiting.set(
          waiting.class,
          this.#queue(waiting.class).filter(each => each !== waiting),
        )
      }
      const waiting: Waiting = {
        ...request,
        number: this.#numbers++,
        grant: () => {
          leave()
          resolve()
        },
        fail: error => {
          leave()
          reject(error)
          this.#serve()
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#queue(waiting.class).push(waiting)
      // It was refused just now, so nothing is to be granted: only its own account's orders may have room before the next wake-up.
      if (this.#alarm === null || waiting.isOrder) this.#serve()
    })
  }

  /** What the venue itself has counted, from a header of its answer. */
  reported(windowName: string, used: number, account: string | null = null): void {
    const counts = account === null ? this.#weight : this.#ordersOf(account)
    for (const count of counts) if (count.window.name === windowName) count.report(used, this.#clock.monotonic())
  }

  /** The venue refused for too many calls: only probes of what is in doubt until it allows more. */
  rateLimited(retryAfterMs: number | null): void {
    const untilMs = this.#clock.monotonic() + (retryAfterMs ?? DEFAULT_PAUSE_MS)
    this.#urgentOnlyUntilMs = Math.max(this.#urgentOnlyUntilMs, untilMs)
    this.#serve()
  }

  /** The venue has shut this address out: every further call would lengthen it. */
  banned(account: string, retryAfterMs: number | null): void {
    const untilMs = this.#clock.monotonic() + (retryAfterMs ?? DEFAULT_BAN_MS)
    this.#bannedUntilMs = Math.max(this.#bannedUntilMs, untilMs)
    this.#onBanned({ account, forMs: this.#bannedUntilMs - this.#clock.monotonic() })
    this.#serve()
  }

  /** Whether the venue has shut this address out: what was admitted before may not leave now either. */
  isShut(): boolean {
    return this.#clock.monotonic() < this.#bannedUntilMs
  }

  /** What a refused call of an account tells about the limits; other errors tell nothing. */
  noteError(account: string, error: unknown): void {
    if (!(error instanceof VenueError)) return
    if (error.class === 'rate_limited') this.rateLimited(error.retryAfterMs)
    else if (error.class === 'banned') this.banned(account, error.retryAfterMs)
  }

  /** How much of every limit this worker may use: several workers behind one address divide it. */
  setShare(share: number): void {
    this.#share = checkedShare(share)
    for (const call of [...this.#waiting.values()].flat()) {
      try {
        this.#refuseTooHeavy(call)
      } catch (error) {
        call.fail(error)
      }
    }
    this.#serve()
  }

  /** Calls that wait. */
  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  /** Somebody as urgent waits already; who waits for his own account's orders holds up only those. */
  #isOutranked(call: GovernedCall): boolean {
    const nowMs = this.#clock.monotonic()
    const holdsUp = (each: Waiting): boolean =>
      this.#admission(each, nowMs) !== 'orders' || (each.account === call.account && call.isOrder)
    const urgent = CALL_CLASSES.slice(0, CALL_CLASSES.indexOf(call.class) + 1)
    return urgent.some(callClass => this.#queue(callClass).some(holdsUp))
  }

  #queue(callClass: CallClass): Waiting[] {
    return this.#waiting.get(callClass)!
  }

  #admission(call: GovernedCall, nowMs: number): Admission {
    if (nowMs < this.#bannedUntilMs) return 'blocked'
    if (nowMs < this.#urgentOnlyUntilMs && call.class !== 'P0') return 'blocked'
    if (this.#weight.some(count => !count.hasRoom(call.weight, this.#share, call.class, nowMs))) return 'weight'
    if (!call.isOrder) return 'free'
    const isFull = this.#ordersOf(call.account).some(count => !count.hasRoom(1, this.#share, call.class, nowMs))
    return isFull ? 'orders' : 'free'
  }

  #count(call: GovernedCall, nowMs: number): void {
    for (const count of this.#weight) count.add(call.weight, nowMs)
    if (call.isOrder) for (const count of this.#ordersOf(call.account)) count.add(1, nowMs)
    this.#served.set(call.account, ++this.#serving)
  }

  #ordersOf(account: string): WindowCount[] {
    let counts = this.#orders.get(account)
    if (!counts) {
      counts = this.#limits.orders.map(window => new WindowCount(window))
      this.#orders.set(account, counts)
    }
    return counts
  }

  /** A call that fits no empty window would wait for ever. */
  #refuseTooHeavy(call: GovernedCall): void {
    const tooSmall =
      this.#limits.weight.find(window => call.weight > roomOf(window, this.#share, call.class)) ??
      this.#limits.orders.find(window => call.isOrder && roomOf(window, this.#share, call.class) < 1)
    if (tooSmall) throw new CallTooHeavyError(call, tooSmall, roomOf(tooSmall, this.#share, call.class))
  }

  /** Grants what there is room for, then sleeps until something may have changed. */
  #serve(): void {
    const nowMs = this.#clock.monotonic()
    for (let next = this.#next(nowMs); next !== null; next = this.#next(nowMs)) {
      this.#count(next, nowMs)
      next.grant()
    }
    this.#alarm?.abort()
    this.#alarm = null
    if (this.waiting === 0) return
    const alarm = new AbortController()
    this.#alarm = alarm
    const wakeAtMs = Math.max(this.#changesAtMs(nowMs), nowMs + MARGIN_MS)
    const woken = (): void => {
      if (!alarm.signal.aborted) this.#serve()
    }
    this.#clock.sleep(wakeAtMs - nowMs, alarm.signal).then(woken, woken)
  }

  /**
   * Most urgent class first, accounts of a class in turn, of one account what is due first. Whoever waits for weight is not overtaken by
   * the less urgent; whoever waits for his own account's orders holds up nobody else.
   */
  #next(nowMs: number): Waiting | null {
    for (const callClass of CALL_CLASSES) {
      const waiting = this.#queue(callClass)
      for (const account of this.#inTurn(waiting)) {
        const own = waiting
          .filter(each => each.account === account)
          .sort((a, b) => a.deadlineMs - b.deadlineMs || a.number - b.number)
        for (const call of own) {
          const admission = this.#admission(call, nowMs)
          if (admission === 'free') return call
          if (admission !== 'orders') return null
        }
      }
    }
    return null
  }

  #inTurn(waiting: readonly Waiting[]): string[] {
    const accounts = [...new Set(waiting.map(each => each.account))]
    return accounts.sort((a, b) => (this.#served.get(a) ?? 0) - (this.#served.get(b) ?? 0))
  }

  /** The next moment at which a window empties or a pause ends. */
  #changesAtMs(nowMs: number): number {
    const ordering = [...this.#waiting.values()].flat().filter(each => each.isOrder)
    const accounts = new Set(ordering.map(each => each.account))
    const counts = [...this.#weight, ...[...accounts].flatMap(account => this.#ordersOf(account))]
    const times = [this.#bannedUntilMs, this.#urgentOnlyUntilMs, ...counts.map(count => count.changesAtMs(nowMs))]
    return Math.min(...times.filter(atMs => atMs > nowMs))
  }
}

/** How much of one window is used: what we counted over the last interval, or more where the venue counted more. */
class WindowCount {
  readonly window: RateWindow
  #entries: { readonly atMs: number; readonly weight: number }[] = []
  #first = 0
  #sum = 0
  /** What others used, as far as the venue's own count told. */
  #others = 0
  #othersUntilMs = Number.NEGATIVE_INFINITY

  constructor(window: RateWindow) {
    this.window = window
  }

  used(nowMs: number): number {
    this.#forget(nowMs)
    return this.#sum + (nowMs < this.#othersUntilMs ? this.#others : 0)
  }

  hasRoom(weight: number, share: number, callClass: CallClass, nowMs: number): boolean {
    return this.used(nowMs) + weight <= roomOf(this.window, share, callClass)
  }

  add(weight: number, nowMs: number): void {
    this.#forget(nowMs)
    this.#entries.push({ atMs: nowMs, weight })
    this.#sum += weight
  }

  report(used: number, nowMs: number): void {
    this.#forget(nowMs)
    this.#others = Math.max(0, used - this.#sum)
    this.#othersUntilMs = nowMs + this.window.intervalMs + MARGIN_MS
  }

  changesAtMs(nowMs: number): number {
    const oldest = this.#entries[this.#first]
    const ownMs = oldest ? oldest.atMs + this.window.intervalMs + MARGIN_MS : Number.POSITIVE_INFINITY
    return this.#othersUntilMs > nowMs ? Math.min(ownMs, this.#othersUntilMs) : ownMs
  }

  #forget(nowMs: number): void {
    const { intervalMs } = this.window
    let oldest = this.#entries[this.#first]
    while (oldest && oldest.atMs + intervalMs + MARGIN_MS <= nowMs) {
      this.#sum -= oldest.weight
      this.#first += 1
      oldest = this.#entries[this.#first]
    }
    if (this.#first > 1_000) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
  }
}

/** What a class may fill of a window: of a very small one at least a single call. */
function roomOf(window: RateWindow, share: number, callClass: CallClass): number {
  const limit = window.limit * share
  return Math.max((limit * CLASS_SHARE_PCT[callClass]) / 100, Math.min(1, Math.floor(limit)))
}

function checkedShare(share: number): number {
  if (share > 0 && share <= 1) return share
  throw new RangeError(`share ${share}: a worker's part of the limits is above 0 and at most 1`)
}
