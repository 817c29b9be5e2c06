// A run as one worker has it at hand: opened from what is committed, thrown away when anything is in doubt, and opened again.

import { dealStart } from '../backtest/parity-start.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import { limitsFor } from '../core/risk/safety-limits.ts'
import type { TriggerMemory } from '../core/risk/safety-triggers.ts'
import { createDcaMachine } from '../engine/dca/dca-machine.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import { prepareDca, symbolsOf } from '../engine/dca/prepare.ts'
import { type SavedVenue, SimulatedRun } from '../engine/simulated-run.ts'
import { BatchCollector } from './batch-collector.ts'
import { type FeedOpener, type OpenedFeed, venueParameters } from './open-feed.ts'
import type { Assignment, RunJournal, RunSafety, RunStore, SavedRun } from './ports.ts'
import type { Cursor } from './pump.ts'
import { RunGuard } from './run-guard.ts'
import { RunStatistics, type RunStatisticsState } from './run-statistics.ts'

/** What a restart continues from: engine state, how far the feed was read, which command was the last. */
export interface SavedState {
  readonly schema: 1
  readonly engine: unknown
  readonly cursor: Cursor
  readonly commandN: number
  readonly statistics: RunStatisticsState
  readonly equityUptoMs: number
  readonly startMs: number
  readonly venueTimeframe: Timeframe
  /** The last decision that was written down, by symbol. */
  readonly reasons: Readonly<Record<string, string>>
  /** What the safety record said when it was looked at last; absent in states of before there was one. */
  readonly safety?: RunSafety
  readonly triggers?: TriggerMemory
  /** Orders and cancels on their way to a slow venue; absent where none was. */
  readonly venue?: SavedVenue
}

export const UNRESTRICTED: RunSafety = { level: 'normal', reason: '', own: 'normal', dailyLoss: null, limits: {} }

export interface Session {
  readonly saved: SavedRun
  readonly run: SimulatedRun<DcaState>
  readonly collector: BatchCollector<DcaState>
  readonly journal: RunJournal
  readonly feed: OpenedFeed
  readonly venueTimeframe: Timeframe
  readonly statistics: RunStatistics
  readonly initialBalance: Decimal
  readonly guard: RunGuard
  /** No bar is slept through. */
  readonly everyBar: boolean
  /** What the run was last told to obey. */
  safety: RunSafety
  /** Versions of the configuration that are loaded. */
  readonly versions: ReadonlySet<number>
  cursor: Cursor
  commandN: number
  /** Commands up to here are known to be gone from the inbox. */
  forgottenN: number
  /** The feed was read further than what is committed says. */
  isAhead: boolean
  lastCommitMs: number
  lastBeatMs: number
}

export interface SessionDeps {
  readonly store: Pick<RunStore, 'load' | 'instruments' | 'journal'>
  readonly feeds: FeedOpener
  readonly workerId: string
  now(): number
}

const NOWHERE: Cursor = { kind: 'none', atMs: 0 }

/** @throws STATE_DAMAGED, INSUFFICIENT_DATA, NOT_FOUND, CAPABILITY_MISSING; DATABASE_UNAVAILABLE during an outage. */
export async function openSession(assignment: Assignment, deps: SessionDeps): Promise<Session> {
  const { store, feeds, workerId } = deps
  const saved = await store.load(assignment)
  const state = saved.state as SavedState | null
  if (state && state.schema !== 1) throw new Error(`saved state has schema ${String(state.schema)}, this version reads 1`)
  const versions = versionsInUse(saved, state)
  const current = versions.get(saved.currentVersion)!
  const symbols = new Set([...versions.values()].flatMap(symbolsOf))
  const instruments = await store.instruments(exchangeOf(saved, current), [...symbols])
  const venueTimeframe = await feeds.venueTimeframe(saved.feed, current, instruments, state?.venueTimeframe ?? null)
  const prepared = prepareDca(versions, saved.currentVersion, instruments, venueTimeframe)
  const machine = createDcaMachine(prepared.setting, saved.currentVersion, true)
  const at = { cursor: state?.cursor ?? NOWHERE, startMs: 0, safety: state?.safety ?? UNRESTRICTED }
  const collector = new BatchCollector<DcaState>(saved.lastSeq, state?.reasons ?? {}, false, {
    cursor: () => at.cursor,
    safety: () => at.safety,
    dealStart: (engine, tradeSeq) => {
      const start = dealStart(engine, tradeSeq)
      return start && { venueTimeframe, startMs: at.startMs, state: start }
    },
  })
  const guard = new RunGuard({
    limits: limitsFor(current, at.safety.limits),
    initialBalance: Decimal.from(saved.initialBalance),
    isRealTime: saved.feed.kind === 'demo' || saved.feed.speed === 1,
    saved: state?.triggers ?? null,
  })
  const run = new SimulatedRun<DcaState>({
    machine,
    instruments,
    venue: venueParameters(saved.venue),
    venueTimeframe,
    direction: prepared.direction,
    sink: {
      stepped(seq, event, result) {
        collector.stepped(seq, event, result)
        guard.stepped(event, result)
      },
    },
    ...(state
      ? {
          from: {
            state: machine.revive(state.engine),
            seq: saved.lastSeq,
            ...(state.venue ? { venue: state.venue } : {}),
          },
        }
      : {}),
  })
  const everyBar = needsEveryBar(guard, at.safety)
  const journal = await store.journal(assignment, workerId, instruments)
  const feed = await feeds.open({
    assignment,
    saved,
    config: current,
    prepared,
    instruments,
    run,
    venueTimeframe,
    cursor: at.cursor,
    startMs: state?.startMs ?? null,
    equityUptoMs: state?.equityUptoMs ?? null,
    everyBar,
    onLate: (openMs, nextMs) => collector.caughtUp(openMs, nextMs),
  })
  at.startMs = feed.pump.startMs
  return {
    saved,
    run,
    collector,
    journal,
    feed,
    venueTimeframe,
    statistics: new RunStatistics(Number(saved.initialBalance), state?.statistics ?? null),
    initialBalance: Decimal.from(saved.initialBalance),
    guard,
    everyBar,
    get safety() {
      return at.safety
    },
    set safety(safety) {
      at.safety = safety
    },
    versions: new Set(versions.keys()),
    get cursor() {
      return at.cursor
    },
    set cursor(cursor) {
      at.cursor = cursor
    },
    commandN: state?.commandN ?? saved.commandsBefore,
    forgottenN: saved.commandsBefore,
    isAhead: false,
    lastCommitMs: deps.now(),
    lastBeatMs: Number.NEGATIVE_INFINITY,
  }
}

/** A limit on equity, or a day that must end: somebody looks at every bar, also at those that the bot would sleep through. */
function needsEveryBar(guard: RunGuard, safety: RunSafety): boolean {
  return guard.watchesEquity() || safety.dailyLoss !== null
}

/**
 * Whether a restart would open another session than this one: the last deal of an older version has ended, or another pace is needed. It
 * is opened anew then, so that what a run decides does not depend on when it was restarted.
 */
export function isOutgrown({ versions, saved, run, guard, safety, everyBar }: Session): boolean {
  if (needsEveryBar(guard, safety) !== everyBar) return true
  if (versions.size < 2) return false
  const { configVersion, deals } = run.state
  const wanted = new Set([saved.currentVersion, configVersion, ...deals.map(deal => deal.configVersion)])
  return wanted.size < versions.size
}

/** Where the run's candles are from. */
function exchangeOf(saved: SavedRun, config: DcaConfig): string {
  return saved.feed.kind === 'replay' ? (saved.feed.exchange ?? config.exchange) : config.exchange
}

/** The current version, and those that the run and its open deals still follow. */
function versionsInUse(saved: SavedRun, state: SavedState | null): ReadonlyMap<number, DcaConfig> {
  const wanted = new Set([saved.currentVersion])
  const engine = state?.engine as { configVersion: number; deals: { configVersion: number }[] } | undefined
  if (engine) wanted.add(engine.configVersion)
  for (const deal of engine?.deals ?? []) wanted.add(deal.configVersion)
  const versions = new Map<number, DcaConfig>()
  for (const version of wanted) {
    const config = saved.config(version)
    if (!config) throw new Error(`version ${version} of the configuration is missing`)
    versions.set(version, config)
  }
  return versions
}
