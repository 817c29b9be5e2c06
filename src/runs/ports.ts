// What running bots need of the world, as they see it: who is to run, what was saved, where facts are written, where candles come from.
// app/wire.ts gives them the real thing.

import type { DcaConfig } from '../core/dca/config.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { HashedTrade } from '../core/positions/trades-hash.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { ChosenLimits } from '../core/risk/safety-limits.ts'
import type { SafetyContent } from '../core/risk/safety-record.ts'
import type { SafetyTrigger, TriggerMemory } from '../core/risk/safety-triggers.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'

/** A run that this worker holds under a fencing token. */
export interface Assignment {
  readonly botId: string
  readonly userId: string
  readonly runId: string
  readonly token: number
}

export type RunFeedSpec =
  | { readonly kind: 'demo'; readonly speed: number; readonly time?: DemoClock }
  | {
      readonly kind: 'replay'
      readonly exchange: string
      readonly timeframe?: Timeframe
      readonly fromMs?: number
      readonly toMs?: number
      /** Candles per second, or as fast as they are read. */
      readonly speed: number | 'max'
    }

export interface DemoClock {
  readonly speed: number
  readonly wallMs: number
  readonly marketMs: number
}

/** The simulated venue of a run as it is stored. What is absent is none: no impact, no latency, no refusals, whole executions. */
export interface VenueSpec {
  readonly fillPath: 'pessimistic' | 'optimistic' | 'ohlc'
  readonly slippageBps: string
  readonly volumeCapPct: string
  readonly impactBpsPerPctVolume?: string
  readonly latencyMs?: { readonly min: number; readonly max: number }
  readonly cancelLatencyMs?: { readonly min: number; readonly max: number }
  readonly rejectProb?: number
  readonly partialProb?: number
  /** Of chance; default 0. */
  readonly seed?: number
}

export interface SavedRun {
  readonly initialBalance: string
  readonly currency: string
  readonly feed: RunFeedSpec
  readonly venue: VenueSpec
  readonly startedAtMs: number
  /** The bot's current version. */
  readonly currentVersion: number
  /** The configuration of one version; null for one that never was. @throws STATE_DAMAGED for one that cannot be read any more. */
  config(version: number): DcaConfig | null
  /** As the last commit left it; null before the first. */
  readonly state: unknown
  readonly lastSeq: number
  readonly nextBotTradeSeq: number
  /** Commands up to this number were given before the run began. */
  readonly commandsBefore: number
}

export type RunCommand =
  | { readonly n: number; readonly kind: 'pause'; readonly untilMs: number | null }
  | { readonly n: number; readonly kind: 'resume' }
  | { readonly n: number; readonly kind: 'stop'; readonly openDeals: 'manage' | 'close' | 'release' }
  | { readonly n: number; readonly kind: 'panic' }
  | { readonly n: number; readonly kind: 'start_deal'; readonly symbol: string }
  | { readonly n: number; readonly kind: 'close_deal'; readonly tradeSeq: number }

export interface Inbox {
  readonly commands: readonly RunCommand[]
  readonly version: number
  readonly safety: RunSafety
}

/** What the safety record allows this run now: the strictest of the instance, its person and the bot; unreadable is halted. */
export interface RunSafety {
  readonly level: SafetyLevel
  /** Empty at normal. */
  readonly reason: string
  /** Of the bot's own record: what a trigger of the run has set, and a person resets. Null where nothing could be read. */
  readonly own: SafetyLevel | null
  /** A loss of one UTC day that ends with it; null for whatever only a person ends. */
  readonly dailyLoss: Pick<SafetyContent, 'dayStartAtMs'> | null
  /** The limits that a person has chosen. */
  readonly limits: ChosenLimits
}

/** What a bot is seen to be doing. */
export type Observed = Pick<CommitBatch, 'botStatus' | 'pausedBy'>

/** The one writer of a run. */
export interface RunJournal {
  /**
   * One transaction. Rejects with code DATABASE_UNAVAILABLE (the same batch may be tried again: what became of it is found out),
   * LEASE_LOST or JOURNAL_GAP (another one writes now).
   */
  commit(batch: CommitBatch): Promise<void>
}

export interface RunStore {
  /** Keeps this worker's leases alive. */
  renew(workerId: string): Promise<void>
  retire(workerId: string): Promise<void>
  /** Runs that want a worker; those this worker holds already come with their token. */
  claim(workerId: string, atMost: number): Promise<Assignment[]>
  load(assignment: Assignment): Promise<SavedRun>
  /** @param instruments by symbol: of the pairs. */
  journal(assignment: Assignment, workerId: string, instruments: ReadonlyMap<string, Instrument>): Promise<RunJournal>
  /** Commands after number `after` in their order, and the bot's current version. */
  inbox(assignment: Assignment, after: number): Promise<Inbox>
  forgetCommands(assignment: Assignment, upTo: number): Promise<void>
  safety(assignment: Assignment): Promise<RunSafety>
  /** Makes the bot's own record stricter, never laxer. @throws LEASE_LOST. */
  restrict(assignment: Assignment, trigger: SafetyTrigger, figures: TriggerMemory | null): Promise<void>
  /** Ends a daily loss of another UTC day than that of `atMs`; anything else stays. @throws LEASE_LOST. */
  endDailyLoss(assignment: Assignment, atMs: number): Promise<void>
  /** Shows that the run lives, and as what. @throws LEASE_LOST. */
  heartbeat(assignment: Assignment, observed: Observed): Promise<void>
  /** Committed deals of the run with their fills, the open ones too. */
  trades(assignment: Assignment): Promise<StoredTrade[]>
  saveDemoClock(assignment: Assignment, clock: DemoClock): Promise<void>
  /** Notes a failure: the bot is restarted after a while, or held in error for good. @throws LEASE_LOST. */
  fail(assignment: Assignment, message: string, final: boolean): Promise<void>
  instruments(exchange: string, symbols: readonly string[]): Promise<Map<string, Instrument>>
}

export interface StoredTrade extends Omit<HashedTrade, 'closedAtMs' | 'exitReason' | 'netPnl' | 'openedAtMs'> {
  readonly openedAtMs: number | null
  readonly closedAtMs: number | null
  readonly exitReason: string | null
  readonly netPnl: HashedTrade['netPnl'] | null
}

/** Stored history, finest series first where several nest in what is asked. */
export interface HistorySource {
  /** The series of an instrument that a run over these timeframes should walk; null when nothing fits. */
  venueTimeframe(instrumentId: string, coarsest: Timeframe): Promise<Timeframe | null>
  columns(instrumentId: string, timeframe: Timeframe, fromMs?: number, toMs?: number): Promise<CandleColumns>
}

export interface RunLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
