// What an invariant of the laboratory is: a number and a name that people can look up, and a watcher that sees everything that happens
// and speaks up the moment it no longer holds.

import type { Instrument } from '../../core/market/instrument.ts'
import type { Decimal } from '../../core/money/decimal.ts'
import type { SafetyLevel } from '../../core/risk/safety.ts'
import type { AccountCommit } from '../../engine/account-store.ts'
import type { SimulatedExchange } from '../../engine/simulated-venue/exchange.ts'
import type { VenueOrder } from '../../engine/venue.ts'
import type { OpenedBot } from '../../runs/account-ports.ts'
import type { AccountStatus } from '../../runs/account-run.ts'
import type { VenueCall } from '../lying-venue.ts'
import type { Execution, Truth } from '../truth.ts'
import type { WorkerProcess } from '../worker-process.ts'

/** What the laboratory lets an invariant see. */
export interface LabFacts {
  readonly truth: Truth
  readonly exchange: SimulatedExchange
  nowMs(): number
  /** Token of whoever may act on the account now. */
  currentToken(): number
  /** Of the run inside a worker; null while it has none. */
  statusOf(worker: WorkerProcess): AccountStatus | null
  /** The worker that holds the account, if it lives. */
  holder(): WorkerProcess | null
  /** The strictest level that the platform has confirmed to have taken over. */
  confirmedSafety(): SafetyLevel
  /** As it was opened last. */
  opened(botId: string): OpenedBot
  /** As it would be opened with these rules of its instruments. */
  openedWith(botId: string, rules: ReadonlyMap<string, Instrument>): OpenedBot
  readonly rulesAtStart: ReadonlyMap<string, Instrument>
  /** Money that the account began with, and what came or went without an order of ours, by currency. */
  injected(currency: string): Decimal
  /** When that changed last. */
  injectedAtMs(): number
  /** Since when nothing hinders the worker: no fault, no restart, no outage. */
  undisturbedSinceMs(): number
  /** Nothing trades from then on. */
  readonly stillFromMs: number
}

export interface Watcher {
  /** A worker hands a commit to its store. */
  committing?(worker: WorkerProcess, commit: AccountCommit): void
  /** A commit took effect; the truth has taken it in already. */
  committed?(worker: WorkerProcess, commit: AccountCommit): void
  called?(worker: WorkerProcess, call: VenueCall): void
  /** A worker has read that the venue shuts it out until then. */
  banTold?(worker: WorkerProcess, untilMs: number): void
  /** The exchange tells how an order stands. */
  ordered?(order: VenueOrder): void
  executed?(execution: Execution): void
  /** A backup was put back: the truth has forgotten what was written since. */
  restored?(): void
  /** The world has come to rest after an event. */
  rested?(nowMs: number): void
  /** The story is over, 15 minutes and more after its last fault. */
  ended?(): void
}

/** Says that the invariant is broken, and how. */
export type Broken = (message: string) => void

export interface Invariant {
  readonly number: number
  readonly name: string
  watch(facts: LabFacts, broken: Broken): Watcher
}

export interface InvariantNote {
  readonly number: number
  readonly name: string
  /** Why the laboratory does not look at it. */
  readonly reason: string
}
