// One paper run from start or restart to its end: take commands, move on by an instant, commit it whole, and only then go on. If the
// database cannot commit, nothing moves. What is saved is the engine's state and how far the feed was read, so that a restart
// continues exactly behind the last committed instant.

import { SAFETY_LEVELS } from '../core/risk/safety.ts'
import { isOfAnotherDay } from '../core/risk/safety-record.ts'
import type { SafetyTrigger } from '../core/risk/safety-triggers.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { EngineEvent } from '../engine/machine.ts'
import { obeySafety, watchEquity } from './obey-safety.ts'
import type { FeedOpener } from './open-feed.ts'
import { nap, throughOutages } from './outage.ts'
import type { Assignment, RunCommand, RunLog, RunSafety, RunStore } from './ports.ts'
import type { Cursor, Pump } from './pump.ts'
import { makeBatch } from './run-batch.ts'
import { isOutgrown, openSession, type Session } from './session.ts'
import { TURN_MS, type Turns } from './turns.ts'

export interface PaperRunDeps {
  readonly store: RunStore
  readonly feeds: FeedOpener
  readonly workerId: string
  readonly log: RunLog
  readonly turns: Turns
  /** Epoch ms. */
  now(): number
  /** Ms of a clock that is never set. */
  monotonic(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** False while this worker could not renew its lease: nothing may be decided. */
  mayAct(): boolean
}

export type PaperRunEnd = 'ended' | 'stopped'

/** Runs show that they live this often, and idle ones wait no longer at a time. */
const HEARTBEAT_MS = 10_000
/** A feed's quiet instants are written at least this often. */
const QUIET_COMMIT_MS = 60_000
/** Commands and new versions announce themselves; this is for those whose announcement was lost. */
const INBOX_POLL_MS = 10_000
const MAY_NOT_ACT_MS = 500

export class PaperRun {
  readonly assignment: Assignment
  readonly #deps: PaperRunDeps
  #wake: AbortController = new AbortController()
  #inboxWaits = true

  constructor(assignment: Assignment, deps: PaperRunDeps) {
    this.assignment = assignment
    this.#deps = deps
  }

  /** A command or a new version is there: look at once. */
  wake(): void {
    this.#inboxWaits = true
    this.#wake.abort()
  }

  /** Runs until the run has ended or the signal asks to stop. @throws what a supervisor must decide about, LEASE_LOST among it. */
  async run(signal: AbortSignal): Promise<PaperRunEnd> {
    const onAbort = (): void => this.#wake.abort()
    signal.addEventListener('abort', onAbort)
    try {
      for (;;) {
        const session = await this.#patiently(() => openSession(this.assignment, this.#deps), signal)
        try {
          const end = await this.#drive(session, signal)
          if (end !== 'reload') return end
        } finally {
          session.feed.pump.stop()
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Moves on by an instant; a wake-up ends the waiting for it, and so does the time of the next sign of life. */
  async #next(pump: Pump<DcaState>): Promise<Cursor | null> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await pump.next(() => {
        timer ??= setTimeout(() => this.#wake.abort(), HEARTBEAT_MS)
        return this.#wake.signal
      })
    } finally {
      clearTimeout(timer)
    }
  }

  #patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return throughOutages(work, this.#deps, this.assignment.botId, signal)
  }

  async #drive(session: Session, signal: AbortSignal): Promise<PaperRunEnd | 'reload'> {
    const { run, feed } = session
    // The safety record before the bot: nothing is traded that was not asked whether it may.
    const safety = await this.#patiently(() => this.#deps.store.safety(this.assignment), signal)
    await this.#begin(session, signal)
    if (this.#hasEnded(session)) return 'ended'
    await this.#obey(session, safety, signal)
    let polledMs = Number.NEGATIVE_INFINITY
    let turnMs = this.#deps.monotonic()
    while (!signal.aborted) {
      if (!this.#deps.mayAct()) {
        await nap(this.#deps, MAY_NOT_ACT_MS, signal)
        continue
      }
      // Before the inbox is read: whatever comes while it is being read ends the next waiting.
      if (this.#wake.signal.aborted) this.#wake = new AbortController()
      const nowMs = this.#deps.monotonic()
      if (this.#inboxWaits || nowMs - polledMs >= INBOX_POLL_MS) {
        this.#inboxWaits = false
        polledMs = nowMs
        const isOutdated = await this.#takeCommands(session, signal)
        if (this.#hasEnded(session)) return 'ended'
        if (isOutdated) {
          await this.#commit(session, signal)
          return 'reload'
        }
      }
      if (isOutgrown(session)) {
        await this.#commit(session, signal)
        return 'reload'
      }
      if (nowMs - session.lastBeatMs >= HEARTBEAT_MS) await this.#beat(session, signal)
      const cursor = await this.#next(feed.pump)
      if (cursor) {
        session.cursor = cursor
        session.isAhead = true
      } else if (feed.pump.isOver()) {
        feed.pump.finish()
        if (!this.#hasEnded(session))
          throw new Error('the data is over and something is still held: there is no last price for it')
        await this.#commit(session, signal, true)
        return 'ended'
      }
      await this.#watchSafety(session, signal)
      const isDue = session.isAhead && this.#deps.monotonic() - session.lastCommitMs >= QUIET_COMMIT_MS
      if (session.collector.hasNews() || isDue) await this.#commit(session, signal)
      if (this.#hasEnded(session)) return 'ended'
      if (this.#deps.monotonic() - turnMs > TURN_MS) {
        await this.#deps.turns.next()
        turnMs = this.#deps.monotonic()
      }
    }
    // What was looked at without a need to write it: the next start continues behind it.
    if (session.isAhead && run.state.ended === null) await this.#commit(session, signal)
    return 'stopped'
  }

  /** The first instant of a new run; a restart goes on behind its last. */
  async #begin(session: Session, signal: AbortSignal): Promise<void> {
    const { run, saved, feed } = session
    if (session.cursor.kind !== 'none' || saved.lastSeq > 0) return
    run.raise({
      kind: 'run_started',
      atMs: feed.pump.startMs,
      currency: saved.currency,
      initialBalance: session.initialBalance,
      nextBotTradeSeq: saved.nextBotTradeSeq,
      opensBooks: false,
    })
    await this.#commit(session, signal)
  }

  #hasEnded(session: Session): boolean {
    return session.run.machine.summary(session.run.state).ended !== null
  }

  async #beat(session: Session, signal: AbortSignal): Promise<void> {
    const { status, pausedBy } = session.run.machine.summary(session.run.state)
    await this.#patiently(() => this.#deps.store.heartbeat(this.assignment, { botStatus: status, pausedBy }), signal)
    session.lastBeatMs = this.#deps.monotonic()
  }

  /** @returns true when a new version must be loaded: the run is rebuilt from what is committed. */
  async #takeCommands(session: Session, signal: AbortSignal): Promise<boolean> {
    const { store } = this.#deps
    const { commands, version, safety } = await this.#patiently(() => store.inbox(this.assignment, session.commandN), signal)
    await this.#obey(session, safety, signal)
    for (const command of commands) {
      session.run.raise(commandEvent(command, this.#instantOf(session)))
      // Saved in the transaction of what the command did: a restart takes the ones behind it.
      session.commandN = command.n
      await this.#commit(session, signal)
      if (this.#hasEnded(session)) break
    }
    if (session.commandN > session.forgottenN) {
      await this.#patiently(() => store.forgetCommands(this.assignment, session.commandN), signal)
      session.forgottenN = session.commandN
    }
    if (this.#hasEnded(session)) return false
    if (version !== session.saved.currentVersion) return true
    if (session.run.state.configVersion !== version) {
      session.run.raise({ kind: 'config_applied', atMs: this.#instantOf(session), version })
      await this.#commit(session, signal)
    }
    return false
  }

  /** Lets the engine know what the safety record allows, and writes that down before anything else happens. */
  async #obey(session: Session, safety: RunSafety, signal: AbortSignal): Promise<void> {
    const atMs = this.#instantOf(session)
    if (!obeySafety(session, safety, atMs)) return
    session.run.raise({ kind: 'safety_changed', atMs, level: safety.level, reason: safety.reason })
    await this.#commit(session, signal)
  }

  /** Trips the bot's own record where a limit is reached; ends a daily loss whose day is over. */
  async #watchSafety(session: Session, signal: AbortSignal): Promise<void> {
    const { guard } = session
    const { store } = this.#deps
    const atMs = this.#instantOf(session)
    const { dailyLoss } = session.safety
    if (dailyLoss !== null && isOfAnotherDay(dailyLoss, atMs)) {
      await this.#patiently(() => store.endDailyLoss(this.assignment, atMs), signal)
      await this.#obey(session, await this.#patiently(() => store.safety(this.assignment), signal), signal)
    }
    watchEquity(session, atMs)
    const trigger = guard.takeTrigger()
    if (trigger !== null && isStricter(trigger, session.safety)) {
      await this.#patiently(() => store.restrict(this.assignment, trigger, guard.memory), signal)
      await this.#obey(session, await this.#patiently(() => store.safety(this.assignment), signal), signal)
    }
  }

  #instantOf(session: Session): number {
    return Math.max(session.cursor.atMs, session.feed.pump.startMs, session.run.state.nowMs)
  }

  /** Writes everything since the last commit. While the database is away the same batch is tried again, and nothing else happens. */
  async #commit(session: Session, signal: AbortSignal, dataEnded = false): Promise<void> {
    if (!session.collector.hasNews() && !session.isAhead) return
    const trades = () => this.#patiently(() => this.#deps.store.trades(this.assignment), signal)
    const batch = await makeBatch(session, { now: this.#deps.now, trades }, dataEnded)
    await this.#patiently(() => session.journal.commit(batch), signal)
    session.isAhead = false
    session.lastCommitMs = this.#deps.monotonic()
  }
}

function isStricter(trigger: SafetyTrigger, { own }: RunSafety): boolean {
  return SAFETY_LEVELS.indexOf(trigger.level) > SAFETY_LEVELS.indexOf(own ?? 'normal')
}

function commandEvent(command: RunCommand, atMs: number): EngineEvent {
  switch (command.kind) {
    case 'pause':
      return { kind: 'run_paused', atMs, reason: 'user', untilMs: command.untilMs }
    case 'resume':
      return { kind: 'run_resumed', atMs, reason: 'user' }
    case 'stop':
      return { kind: 'stop_requested', atMs, openDeals: command.openDeals }
    case 'panic':
      return { kind: 'user_command', atMs, command: { type: 'panic' } }
    case 'start_deal':
      return { kind: 'user_command', atMs, command: { type: 'start_deal', symbol: command.symbol } }
    case 'close_deal':
      return { kind: 'user_command', atMs, command: { type: 'close_deal', tradeSeq: command.tradeSeq } }
  }
}
