// A recorded run once more: the same candles, the same versions of the configuration, the same commands at the same places go through the
// engine, and what comes out is compared with the journal, entry by entry, and by the hash of the state at the end of every transaction
// (execution.md 11.1). The first difference is named; what cannot be replayed is said to be so and never called equal.

import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { DemoMarket } from '../core/market/demo-market.ts'
import { TIMEFRAMES, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import { isOfAnotherDay } from '../core/risk/safety-record.ts'
import type { EngineEvent } from '../engine/machine.ts'
import { OUTSIDE_EVENTS } from './batch-collector.ts'
import { obeySafety, watchEquity } from './obey-safety.ts'
import { FeedError, type FeedOpener } from './open-feed.ts'
import type { Assignment, HistorySource, RunSafety, RunStore, SavedRun } from './ports.ts'
import type { Cursor } from './pump.ts'
import { type LateRange, recordedFeeds } from './replay-run-feeds.ts'
import {
  type ChainReport,
  type JournalHashes,
  JournalReader,
  nextTransaction,
  type RecordedEntry,
  type Transaction,
} from './replay-run-journal.ts'
import { makeBatch } from './run-batch.ts'
import { isOutgrown, openSession, type SavedState, type Session, type SessionDeps } from './session.ts'
import { TURN_MS } from './turns.ts'

/** A run as storage kept it. */
export interface RecordedRun {
  readonly assignment: Assignment
  /** As a session loads it, but for what the replay itself brings along. */
  readonly saved: Omit<SavedRun, 'state' | 'lastSeq' | 'currentVersion'>
  readonly engineVersion: string
  /** Of the bot when the run was started; it may have been edited once more before its first instant. */
  readonly startVersion: number
  readonly versions: readonly number[]
  readonly lastSeq: number
  readonly late: readonly LateRange[]
  /** The journal from its first entry on. */
  entries(): AsyncIterable<RecordedEntry>
}

export interface ReplayDeps {
  readonly instruments: RunStore['instruments']
  readonly history: HistorySource
  readonly market: DemoMarket
  readonly hashes: JournalHashes
  /** Of the engine at hand. */
  readonly engineVersion: string
}

export interface ReplayOptions {
  /** Entries before it are replayed but not compared. */
  readonly fromSeq?: number
  readonly signal?: AbortSignal
  onProgress?(seq: number): void
}

export interface ReplayDifference {
  readonly seq: number
  readonly what: 'entry' | 'state' | 'chain'
  readonly recorded: unknown
  readonly replayed: unknown
}

export interface ReplayReport {
  readonly runId: string
  readonly botId: string
  readonly verdict: 'equal' | 'unequal' | 'impossible'
  /** Why it cannot be replayed, in words; null otherwise. */
  readonly reason: string | null
  readonly entries: number
  /** Entries that were compared, and states whose hash was. */
  readonly compared: number
  readonly states: number
  readonly chain: ChainReport
  readonly first: ReplayDifference | null
}

/** The replay cannot go on, and that says nothing about the run. */
class Impossible extends Error {}

class Different extends Error {
  readonly difference: ReplayDifference
  constructor(difference: ReplayDifference) {
    super(`entry ${difference.seq} is another one`)
    this.difference = difference
  }
}

/** @throws the signal's reason when it is aborted, and what the database throws. */
export async function replayRun(recorded: RecordedRun, deps: ReplayDeps, options: ReplayOptions = {}): Promise<ReplayReport> {
  const reader = new JournalReader(recorded.entries(), deps.hashes)
  const replay = new Replay(recorded, deps, options, reader)
  let verdict: ReplayReport['verdict'] = 'equal'
  let reason: string | null = null
  let first: ReplayDifference | null = null
  try {
    await replay.run()
  } catch (error) {
    if (error instanceof Different) {
      verdict = 'unequal'
      first = error.difference
    } else if (error instanceof Impossible || error instanceof FeedError) {
      verdict = 'impossible'
      reason = error.message
    } else throw error
  } finally {
    replay.stop()
  }
  await reader.drain()
  const chain = reader.chain()
  if (chain.brokenAtSeq !== null) {
    verdict = 'unequal'
    if (!first || chain.brokenAtSeq < first.seq)
      first = { seq: chain.brokenAtSeq, what: 'chain', recorded: chain.reason, replayed: null }
  }
  const { compared, states } = replay
  const { botId, runId } = recorded.assignment
  return { runId, botId, verdict, reason, entries: chain.entries, compared, states, chain, first }
}

class Replay {
  readonly #recorded: RecordedRun
  readonly #deps: ReplayDeps
  readonly #reader: JournalReader
  readonly #fromSeq: number
  readonly #options: ReplayOptions
  readonly #never = new AbortController().signal
  #feeds: FeedOpener | null = null
  #session: Session | null = null
  /** The state after the last transaction, as its canonical text. */
  #state: string | null = null
  #lastSeq = 0
  #dataEnded = false
  #unwatched = false
  #turnMs = performance.now()
  compared = 0
  states = 0

  constructor(recorded: RecordedRun, deps: ReplayDeps, options: ReplayOptions, reader: JournalReader) {
    this.#recorded = recorded
    this.#deps = deps
    this.#reader = reader
    this.#options = options
    this.#fromSeq = options.fromSeq ?? 1
  }

  stop(): void {
    this.#session?.feed.pump.stop()
  }

  async run(): Promise<void> {
    const { engineVersion } = this.#recorded
    if (engineVersion !== this.#deps.engineVersion) {
      throw new Impossible(
        `the run was recorded by engine ${engineVersion}, this is engine ${this.#deps.engineVersion}: the two may decide otherwise`,
      )
    }
    await this.#begin()
    for (;;) {
      const transaction = await nextTransaction(this.#reader, OUTSIDE_EVENTS)
      if (!transaction) return
      await this.#replay(transaction)
      this.#options.onProgress?.(this.#lastSeq)
    }
  }

  /** The first instant, and with it what was known then: the version of the configuration, the timeframe of the candles. */
  async #begin(): Promise<void> {
    const entry = await this.#reader.peek()
    if (entry?.kind !== 'run_started') throw new Impossible('the journal does not begin with the start of its run')
    if (!(entry.payload as { cursor?: unknown }).cursor) {
      throw new Impossible('the journal was written by a version that did not note where commands and late candles fell')
    }
    const { startVersion, versions, late } = this.#recorded
    const feeds = recordedFeeds({
      history: this.#deps.history,
      market: this.#deps.market,
      startMs: entry.atMs,
      late,
      demoUntilMs: Number.POSITIVE_INFINITY,
    })
    let timeframe: Timeframe | null = null
    this.#feeds = {
      venueTimeframe: async (spec, config, instruments, before) =>
        before ?? timeframe ?? feeds.venueTimeframe(spec, config, instruments, before),
      open: request => feeds.open(request),
    }
    for (const version of [startVersion, ...versions.filter(each => each > startVersion)]) {
      timeframe = await this.#timeframeOf(version, entry)
      if (timeframe) {
        await this.#open(version)
        return
      }
    }
    await this.#open(startVersion)
  }

  /** The timeframe with which the run's first state has the hash that was recorded; null where none gives it. */
  async #timeframeOf(version: number, entry: RecordedEntry): Promise<Timeframe | null> {
    await this.#open(version)
    this.#session!.run.raise(eventOf(entry))
    const { state } = await this.#take()
    const found = TIMEFRAMES.find(
      each => this.#deps.hashes.state({ ...(state as SavedState), venueTimeframe: each }) === entry.stateHash,
    )
    return found ?? null
  }

  async #open(version: number): Promise<void> {
    this.stop()
    const store = this.#store(version)
    this.#session = await openSession(this.#recorded.assignment, { store, feeds: this.#feeds!, workerId: 'replay', now: () => 0 })
  }

  /** What a session asks of storage: the recorded run, with the state that the replay has reached. */
  #store(version: number): SessionDeps['store'] {
    const { saved } = this.#recorded
    return {
      instruments: this.#deps.instruments,
      load: async () => ({
        ...saved,
        currentVersion: version,
        state: this.#state === null ? null : JSON.parse(this.#state),
        lastSeq: this.#lastSeq,
      }),
      journal: async () => ({ commit: async () => {} }),
    }
  }

  async #replay(transaction: Transaction): Promise<void> {
    if (transaction.kind === 'instant') {
      while (!this.#session!.collector.hasNews()) {
        if (!(await this.#advance(transaction))) break
      }
      if (transaction.behind) this.#raise(transaction.behind)
    } else {
      const { cursor } = transaction
      if (!cursor) throw new Impossible(`what was written after entry ${this.#lastSeq} does not say where the feed stood`)
      await this.#advanceTo(cursor, transaction)
      if (transaction.kind === 'outside') await this.#bringIn(transaction.entry)
    }
    await this.#compare(transaction)
    this.#watch()
    if (isOutgrown(this.#session!)) await this.#open(this.#session!.saved.currentVersion)
  }

  /** One instant further. @returns false when the data is over. */
  async #advance(transaction: Transaction): Promise<boolean> {
    const session = this.#session!
    if (performance.now() - this.#turnMs > TURN_MS) {
      this.#options.signal?.throwIfAborted()
      await new Promise(resolve => setImmediate(resolve))
      this.#turnMs = performance.now()
    }
    const cursor = this.#dataEnded || this.#hasEnded() ? null : await session.feed.pump.next(() => this.#never)
    if (cursor) {
      session.cursor = cursor
      session.isAhead = true
      this.#unwatched = true
      if (!endsDay(session, transaction)) this.#watch()
      return true
    }
    if (!this.#dataEnded && !this.#hasEnded()) {
      this.#dataEnded = true
      session.feed.pump.finish()
    }
    return false
  }

  /** Shows the triggers of the safety record the instant that has just passed, once, as the run did. */
  #watch(): void {
    const session = this.#session!
    if (!this.#unwatched) return
    this.#unwatched = false
    watchEquity(session, Math.max(session.cursor.atMs, session.feed.pump.startMs, session.run.state.nowMs))
    session.guard.takeTrigger()
  }

  #raise(entry: RecordedEntry): void {
    const event = eventOf(entry)
    const { safety } = entry.payload as { safety?: RunSafety }
    if (event.kind === 'safety_changed' && safety) obeySafety(this.#session!, safety, event.atMs)
    this.#session!.run.raise(event)
    if (isCommand(event)) this.#session!.commandN += 1
  }

  #hasEnded(): boolean {
    return this.#session!.run.state.ended !== null
  }

  async #advanceTo(place: Cursor, transaction: Transaction): Promise<void> {
    const session = this.#session!
    while (!isSame(session.cursor, place) && !session.collector.hasNews() && session.cursor.atMs <= place.atMs) {
      if (!(await this.#advance(transaction))) return
    }
  }

  async #bringIn(entry: RecordedEntry): Promise<void> {
    const event = eventOf(entry)
    const session = this.#session!
    if (session.collector.hasNews() || !isSame(session.cursor, (entry.payload as { cursor: Cursor }).cursor)) return
    if (event.kind === 'config_applied' && event.version !== session.saved.currentVersion) await this.#open(event.version)
    this.#raise(entry)
  }

  async #take() {
    return makeBatch(this.#session!, { now: () => 0, trades: async () => [] }, this.#dataEnded)
  }

  async #compare(transaction: Transaction): Promise<void> {
    const next = await this.#reader.peek()
    const session = this.#session!
    if (!session.collector.hasNews() && !session.isAhead) {
      const ended = this.#hasEnded() || this.#dataEnded ? 'the replay has ended' : 'the replay has nothing here'
      throw new Different({ seq: this.#lastSeq + 1, what: 'entry', recorded: next && shown(next), replayed: ended })
    }
    const batch = await this.#take()
    session.isAhead = false
    let last: RecordedEntry | null = null
    for (const replayed of batch.journal) {
      const isLast = replayed.seq === batch.lastSeq
      const entry = await this.#reader.next()
      if (replayed.seq < this.#fromSeq && entry) {
        last = entry
        continue
      }
      const mine = { ...replayed, payload: JSON.parse(canonicalJson(replayed.payload ?? null)) as unknown }
      const equal = entry && canonicalJson(shown(entry)) === canonicalJson(shown(mine))
      // Where a transaction ended is part of what happened: the hash of its state stands there and nowhere else.
      if (!entry || !equal || (entry.stateHash !== null) !== isLast) {
        if (replayed.kind === 'end_of_data' && entry?.kind !== 'end_of_data') throw this.#candlesMissing(entry)
        const end = (ends: boolean): object => (equal ? { endsTransaction: ends } : {})
        throw new Different({
          seq: replayed.seq,
          what: 'entry',
          recorded: entry ? { ...shown(entry), ...end(entry.stateHash !== null) } : null,
          replayed: { ...shown(mine), ...end(isLast) },
        })
      }
      this.compared += 1
      last = entry
    }
    const state = this.#matching(batch.state as SavedState, last, transaction)
    if (batch.lastSeq >= this.#fromSeq) {
      const hash = this.#deps.hashes.state(state)
      if (hash !== last?.stateHash)
        throw new Different({ seq: batch.lastSeq, what: 'state', recorded: last?.stateHash ?? null, replayed: hash })
      this.states += 1
    }
    this.#state = canonicalJson(state)
    this.#lastSeq = batch.lastSeq
  }

  #candlesMissing(entry: RecordedEntry | null): Impossible {
    const at = new Date(this.#session!.run.state.nowMs).toISOString().slice(0, 16).replace('T', ' ')
    const goesOn = entry ? `the journal goes on with ${entry.kind} at entry ${entry.seq}` : 'the run did not end there'
    return new Impossible(`the stored candles end at ${at} UTC, ${goesOn}: import the later ones again first`)
  }

  /** The number of a command is no decision and stands in no entry: where it skips one, that is followed. */
  #matching(state: SavedState, last: RecordedEntry | null, transaction: Transaction): SavedState {
    if (transaction.kind !== 'outside' || !last?.stateHash) return state
    for (const more of [0, -1, 1, 2, 3]) {
      const candidate = { ...state, commandN: state.commandN + more }
      if (this.#deps.hashes.state(candidate) === last.stateHash) {
        this.#session!.commandN = candidate.commandN
        return candidate
      }
    }
    return state
  }
}

function shown({ seq, atMs, kind, payload }: Pick<RecordedEntry, 'seq' | 'atMs' | 'kind' | 'payload'>) {
  return { seq, atMs, kind, payload }
}

/** The run ended a daily loss here, before it showed this instant to the triggers. */
function endsDay(session: Session, transaction: Transaction): boolean {
  const { dailyLoss } = session.safety
  if (dailyLoss === null || !isOfAnotherDay(dailyLoss, session.cursor.atMs)) return false
  if (transaction.kind === 'quiet') return false
  const entry = transaction.kind === 'outside' ? transaction.entry : transaction.behind
  return entry?.kind === 'safety_changed' && isSame(session.cursor, (entry.payload as { cursor: Cursor }).cursor)
}

function isSame(a: Cursor, b: Cursor): boolean {
  return a.kind === b.kind && a.atMs === b.atMs
}

function isCommand(event: EngineEvent): boolean {
  return event.kind === 'user_command' || event.kind === 'stop_requested' || ('reason' in event && event.reason === 'user')
}

/** An outside event from its entry. @throws Impossible for one that says too little. */
export function eventOf(entry: RecordedEntry): EngineEvent {
  const { event } = (entry.payload ?? {}) as { event?: EngineEvent }
  if (!event || event.kind !== entry.kind) throw new Impossible(`entry ${entry.seq} does not hold its event`)
  if (event.kind === 'run_started') return { ...event, initialBalance: Decimal.from(event.initialBalance as unknown as string) }
  return event
}
