// A worker of the laboratory that runs the account: the real AccountRun on the ports that the laboratory gives it, with a lease that it
// renews while it can.

import type { Candle } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { AccountAssignment, AccountCommit, SavedBot } from '../engine/account-store.ts'
import { createDcaMachine } from '../engine/dca/dca-machine.ts'
import { prepareDca } from '../engine/dca/prepare.ts'
import type { AccountStore } from '../engine/ports.ts'
import type { OpenedBot } from '../runs/account-ports.ts'
import { AccountRun, type AccountStatus } from '../runs/account-run.ts'
import { Governor } from '../runs/governor.ts'
import type { LabBackend } from './backend.ts'
import type { Dice } from './dice.ts'
import { OWN_MISTAKE } from './invariants/index.ts'
import { CALLS_A_MINUTE } from './invariants/rules.ts'
import type { LabBot } from './lab-bots.ts'
import { LabClock } from './lab-clock.ts'
import { LabStore, type StoreWorld } from './lab-store.ts'
import { LAB_CAPABILITIES, LyingVenue, type VenueWorld } from './lying-venue.ts'
import type { Mutation } from './mutations.ts'
import type { Story } from './story.ts'
import type { StoryLog } from './story-log.ts'
import { WorkerProcess, type WorkerWorld } from './worker-process.ts'

export interface LabWorkerWorld extends WorkerWorld, VenueWorld, StoreWorld {
  readonly story: Story
  readonly backend: LabBackend
  readonly mutation: Mutation | null
  readonly log: StoryLog
  readonly chance: Dice
  readonly epoch: number
  history(symbol: string): readonly Candle[]
  /** Rules of instruments that each bot was last opened with. */
  readonly storedRules: Map<string, ReadonlyMap<string, Instrument>>
  committing(worker: WorkerProcess, commit: AccountCommit): void
  openedBot(botId: string, bot: OpenedBot): void
  breaks(invariant: number, name: string, message: string): void
  comesBack(afterMs: number): void
  worker(): LabWorker | null
}

/** A bot with its machine, as the platform would open it at this venue. */
export function openLabBot(bot: LabBot, instruments: ReadonlyMap<string, Instrument>): OpenedBot {
  const versions = new Map(bot.versions.map((config, i) => [i + 1, config]))
  const { locksBalance, restingStops } = LAB_CAPABILITIES
  const traits = { answersLate: true, locksBalance, restingStops }
  const prepared = prepareDca(versions, 1, instruments, bot.feedTimeframe, traits)
  return {
    machine: createDcaMachine(prepared.setting, 1, true),
    prepared,
    instruments,
    currency: prepared.setting.quote,
    initialBalance: Decimal.from(bot.initialBalance),
    opensBooks: true,
    feedTimeframe: bot.feedTimeframe,
  }
}

/** A holder stops calling this long after its last good renewal. */
const LEASE_TRUST_MS = 10_000
/** Silent calls may have to be given up first. */
const STOPS_WITHIN_MS = 60_000
/** Of a clock that runs wrong all the time. */
const SKEWS_MS = [-4_000, -1_500, 1_500, 4_000] as const

export class LabWorker {
  readonly process: WorkerProcess
  readonly venue: LyingVenue
  readonly assignment: AccountAssignment
  run: AccountRun | null = null
  readonly #world: LabWorkerWorld
  readonly #clock: LabClock
  readonly #life = new AbortController()
  #renewedMs = 0

  constructor(world: LabWorkerWorld, number: number, assignment: AccountAssignment) {
    this.#world = world
    this.assignment = assignment
    this.process = new WorkerProcess(number, assignment.token, world)
    this.venue = new LyingVenue(world, this.process)
    this.#clock = new LabClock(world.scheduler, this.process)
    if (world.faults.has('skew')) {
      world.faults.note('skew')
      this.process.clockErrorMs = world.faults.dice('skew').of(SKEWS_MS)
    }
  }

  start(): void {
    const world = this.#world
    const { mutation } = world
    const dice = world.chance.fork(`worker ${this.process.number}`)
    const clock = this.#clock
    const limits = { weight: [{ name: 'minute', intervalMs: 60_000, limit: CALLS_A_MINUTE }], orders: [] }
    const store = this.#watched(new LabStore(world, this.process, world.backend))
    const run = new AccountRun(this.assignment, {
      store: mutation?.store?.(store, this.#world) ?? store,
      venue: mutation?.venue?.(this.venue, this.#world) ?? this.venue,
      governor: new Governor(limits, clock),
      clock,
      random: () => dice.next(),
      mayAct: () => mutation?.ignoresLease === true || this.mayAct(),
      openBot: (saved, rules) => this.#open(saved, rules),
      history: (symbol, _timeframe: Timeframe) => world.history(symbol),
      log: {
        info() {},
        warn() {},
        error: (fields, message) => this.#noteError(fields, message),
      },
      epoch: world.epoch,
    })
    this.run = run
    run.run(this.#life.signal).then(
      () => this.#ended(),
      (error: unknown) => this.#failed(error),
    )
  }

  /** The lease was renewed just now. */
  renewed(): void {
    this.#renewedMs = this.#clock.monotonic()
  }

  mayAct(): boolean {
    return this.#clock.monotonic() - this.#renewedMs < LEASE_TRUST_MS
  }

  status(): AccountStatus | null {
    return this.run?.status() ?? null
  }

  /** Asks it to stop in order; another one takes over then. */
  stop(): void {
    this.#life.abort()
    this.#world.scheduler.after(STOPS_WITHIN_MS, () => {
      if (!this.process.isAlive || this.process.isFrozen) return
      this.#world.breaks(
        OWN_MISTAKE,
        'a worker that is asked to stop does so',
        `worker ${this.process.number} still runs after a minute`,
      )
    })
  }

  get isStopping(): boolean {
    return this.#life.signal.aborted
  }

  #watched(store: AccountStore): AccountStore {
    return {
      load: (assignment, since) => store.load(assignment, since),
      findOrder: (assignment, id) => store.findOrder(assignment, id),
      commit: (assignment, commit) => {
        if (this.process.isAlive) this.#world.committing(this.process, commit)
        return store.commit(assignment, commit)
      },
    }
  }

  #open(saved: SavedBot, rules: ReadonlyMap<string, Instrument> | undefined): OpenedBot {
    const { story } = this.#world
    const bot = story.bots.find(each => each.botId === saved.botId)
    if (!bot) throw new Error(`the story has no bot ${saved.botId}`)
    const known = new Map([...(this.#world.storedRules.get(bot.botId) ?? []), ...(rules ?? [])])
    this.#world.storedRules.set(bot.botId, known)
    const opened = openLabBot(bot, known)
    this.#world.openedBot(bot.botId, opened)
    return opened
  }

  #noteError(fields: object, message: string): void {
    if (!this.process.isAlive) return
    this.#world.log.add(`w${this.process.number} says: ${message}`)
    if ('why' in fields)
      this.#world.breaks(OWN_MISTAKE, 'no bot is held for a mistake of ours', `${message}: ${String(fields.why)}`)
  }

  #ended(): void {
    if (!this.process.isAlive) return
    this.#world.log.add(`w${this.process.number} has stopped in order`)
    this.process.kill()
    if (this.#world.worker() === this) this.#world.comesBack(300)
  }

  #failed(error: unknown): void {
    if (!this.process.isAlive) return
    const code = error instanceof Error && 'code' in error ? String(error.code) : null
    this.#world.log.add(`w${this.process.number} ends: ${String(error)}`)
    this.process.kill()
    const isExpected = code === 'LEASE_LOST' || (code === 'DATABASE_UNAVAILABLE' && this.#life.signal.aborted)
    if (!isExpected) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#world.breaks(OWN_MISTAKE, 'the run of the account does not fail', what)
    }
    if (this.#world.worker() === this) this.#world.comesBack(2_000)
  }
}
