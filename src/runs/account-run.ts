// The bots of one exchange account, run against its venue by one writer: every event is stepped, committed with what it changed and
// what is to be sent, and only then sent. A start and a restart are one path (execution.md 8.1). Prices, candles, answers and people
// put what they have into one inbox; everything in it is stepped in turn.

import type { Candle } from '../core/market/candles.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { AccountAssignment } from '../engine/account-store.ts'
import type { EngineEvent } from '../engine/machine.ts'
import { VenueError } from '../engine/venue.ts'
import type { ForeignDecision } from './account-people.ts'
import type { AccountRunDeps } from './account-ports.ts'
import { AccountProbes } from './account-probes.ts'
import { AccountLeftError, AccountWriter } from './account-writer.ts'
import { Dispatcher } from './dispatch-orders.ts'
import { Kick } from './kick.ts'
import { leasedVenue } from './leased-venue.ts'
import { VenueClock } from './venue-clock.ts'

export type AccountStage = 'starting' | 'reconciling' | 'protecting' | 'ready' | 'stopped'

export interface AccountStatus {
  readonly stage: AccountStage
  /** Differences between records and venue that nobody has explained yet: entries wait. */
  readonly openDifferences: number
  /** Orders in doubt, with what is known and their next probe. */
  readonly inDoubt: readonly { readonly clientOrderId: string; readonly nextProbeAtMs: number | null; readonly known: string }[]
  /** Why the venue accepts no new order of this account; null while it does. */
  readonly entriesOff: string | null
  /** Bots that a mistake of ours has stopped; their stops stay at the venue. */
  readonly quarantined: readonly { readonly botId: string; readonly why: string }[]
}

/** What a bot is told by people: stepped, committed, and answered once it is. */
export type BotEvent = Extract<
  EngineEvent,
  { kind: 'run_paused' | 'run_resumed' | 'stop_requested' | 'user_command' | 'config_applied' }
>

/** Timers are looked at this often at the latest: the wall clock may be set. */
const TIMER_LOOK_MS = 15_000
/** Quiet state is written at least this often. */
const QUIET_COMMIT_MS = 60_000

export class AccountRun {
  readonly assignment: AccountAssignment
  readonly #deps: AccountRunDeps
  readonly #writer: AccountWriter
  readonly #probes: AccountProbes
  readonly #dispatcher: Dispatcher
  readonly #timers: Kick
  readonly #venueClock: VenueClock

  constructor(assignment: AccountAssignment, given: AccountRunDeps) {
    const deps: AccountRunDeps = { ...given, venue: leasedVenue(given.venue, given.mayAct) }
    this.assignment = assignment
    this.#deps = deps
    this.#timers = new Kick(deps.clock)
    this.#writer = new AccountWriter(assignment, deps, {
      changed: () => {
        this.#dispatcher.kick()
        this.#probes.kick()
        this.#timers.kick()
      },
      clockDisputed: () => {
        this.#venueClock.distrust()
        void this.#venueClock.sync()
      },
      isClockTrusted: () => this.#venueClock.isTrusted(),
      now: () => this.#venueClock.now(),
    })
    this.#venueClock = new VenueClock({ serverTime: () => this.#askTime() }, deps.clock, {
      onJump: jumpMs => deps.log.warn({ jumpMs }, 'the wall clock was set: entries wait until the venue has told its time'),
      onSync: () => this.#dispatcher.kick(),
      onFailure: message => deps.log.warn({ message }, 'the time of the venue could not be measured'),
    })
    this.#probes = new AccountProbes(this.#writer, this.#venueClock, deps)
    this.#dispatcher = new Dispatcher({
      venue: deps.venue,
      clock: deps.clock,
      governor: deps.governor,
      account: assignment.accountId,
      mayAct: deps.mayAct,
      sendable: () => this.#writer.sendable(),
      claim: intent => this.#writer.claim(intent.id),
      outcome: (intent, outcome) => this.#writer.offer('orders', { kind: 'outcome', intent, outcome }),
      late: (_intent, order) => this.#writer.offer('orders', { kind: 'word', order }),
    })
  }

  /** Recovers, then runs until the signal aborts. @throws LEASE_LOST, STATE_DAMAGED and what else a supervisor must decide about. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const onAbort = (): void => stop.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) stop.abort()
    let unsubscribe = (): void => {}
    try {
      await this.#writer.open(stop.signal)
      unsubscribe = this.#deps.venue.subscribe(message => this.#writer.offerMessage(message))
      const tasks = [
        // Once it writes no more, nobody may wait for it: else a stop in order would never end.
        this.#writer
          .run(stop.signal)
          .catch((error: unknown) => fail(stop, error))
          .finally(() => this.#writer.close()),
        this.#recover(stop.signal),
        this.#dispatcher.run(stop.signal),
        this.#probes.run(stop.signal),
        this.#watchTimers(stop.signal),
        this.#venueClock.run(stop.signal),
      ]
      // The first that fails ends all: what is not committed is thrown away, and the next start reads what is.
      // What fails after that only shows that it was left.
      const [writing, ...others] = tasks
      await Promise.all([
        writing,
        ...others.map(task => task.catch((error: unknown) => stop.signal.aborted || fail(stop, error))),
      ])
    } finally {
      unsubscribe()
      stop.abort()
      this.#writer.close()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Steps 5 to 12 of a start: nothing enters before records and venue agree; exits go out as soon as they do. */
  async #recover(signal: AbortSignal): Promise<void> {
    this.#writer.setStage('reconciling')
    await this.#venueClock.sync()
    await this.#probes.readInstruments(signal)
    if (signal.aborted) return
    if (this.#deps.epoch > 1) await this.#probes.adoptLost(signal)
    if (signal.aborted) return
    await this.#probes.firstReconciliation(signal)
    if (signal.aborted) return
    this.#writer.setStage('protecting')
    const histories = new Map<string, Map<string, readonly Candle[]>>()
    for (const bot of this.#writer.bots()) {
      const bySymbol = new Map<string, readonly Candle[]>()
      for (const symbol of bot.clock.symbols())
        bySymbol.set(symbol, await this.#deps.history(symbol, bot.opened.feedTimeframe, this.#venueClock.now()))
      histories.set(bot.botId, bySymbol)
    }
    if (!signal.aborted) await this.#writer.do('reports', { kind: 'ready', histories })
  }

  /** A question like every other to the venue's limits: one that has no room now is not asked, a later one is. */
  async #askTime(): Promise<number> {
    const { governor, venue } = this.#deps
    const account = this.assignment.accountId
    if (!governor.take({ class: 'P3', account, weight: 1, isOrder: false }))
      throw new VenueError('rate_limited', 'NOT_SENT', "the venue's limits leave no room to ask for its time")
    try {
      return await venue.serverTime()
    } catch (error) {
      governor.noteError(account, error)
      throw error
    }
  }

  async #watchTimers(signal: AbortSignal): Promise<void> {
    let writtenMs = this.#deps.clock.monotonic()
    while (!signal.aborted) {
      const dueMs = this.#writer.mayExit() ? this.#writer.nextTimerMs() : null
      const waitMs = dueMs === null ? TIMER_LOOK_MS : Math.min(TIMER_LOOK_MS, Math.max(1, dueMs - this.#venueClock.now()))
      await this.#timers.wait(waitMs, signal)
      if (signal.aborted) return
      const now = this.#venueClock.now()
      // Before that a due timer would be answered at once, unfired, and asked for again without end.
      const next = this.#writer.mayExit() ? this.#writer.nextTimerMs() : null
      if (next !== null && next <= now) await this.#writer.do('timers', { kind: 'timers', atMs: now })
      if (this.#deps.clock.monotonic() - writtenMs < QUIET_COMMIT_MS) continue
      writtenMs = this.#deps.clock.monotonic()
      await this.#writer.do('people', { kind: 'quiet' })
    }
  }

  status(): AccountStatus {
    return this.#writer.status()
  }

  /** A price of the market: wakes what watches for it. */
  offerPrice(symbol: string, price: Decimal, atMs: number): void {
    this.#writer.offer('prices', { kind: 'price', symbol, price, atMs })
  }

  /** Candles of the feed's timeframe that have closed together, by symbol. */
  offerCandles(openTimeMs: number, candles: ReadonlyMap<string, Candle>): void {
    this.#writer.offer('candles', { kind: 'candles', openTimeMs, candles })
  }

  /** Resolves once it is committed. @throws where there is no such bot. */
  offerCommand(botId: string, event: BotEvent): Promise<void> {
    return this.#writer.do('people', { kind: 'command', botId, event })
  }

  /** Resolves once it is committed. */
  offerSafety(level: SafetyLevel, reason: string): Promise<void> {
    return this.#writer.do('safety', { kind: 'safety', level, reason })
  }

  /**
   * A person who has looked at the venue says that an order in doubt is not there. Resolves once it is committed.
   * @throws DecisionRefusedError without a reason, or for an order that is not in doubt.
   */
  declareAbsent(clientOrderId: string, reason: string, by: string): Promise<void> {
    return this.#writer.do('people', { kind: 'absent', clientOrderId, reason, by })
  }

  /** What becomes of an order that is not ours. Resolves once it is committed. @throws DecisionRefusedError */
  decideForeign(venueOrderId: string, decision: ForeignDecision): Promise<void> {
    return this.#writer.do('people', { kind: 'foreign', venueOrderId, decision })
  }

  /** Compares with the venue now. Resolves once what it found is committed. */
  reconcileNow(signal: AbortSignal): Promise<void> {
    return this.#probes.reconcile(signal)
  }
}

/** The first failure ends everything; who was waiting for the writer when it ended has not failed. */
function fail(stop: AbortController, error: unknown): void {
  stop.abort()
  if (!(error instanceof AccountLeftError)) throw error
}
