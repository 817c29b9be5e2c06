// One paper run from start or restart to its end: take commands, move on by an instant, commit it whole, and only then go on. If the
// database cannot commit, nothing moves. What is saved is the engine's state and how far the feed was read, so that a restart
// continues exactly behind the last committed instant.

import type { DcaConfig } from '../core/dca/config.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import { type HashedTrade, tradesHash } from '../core/positions/trades-hash.ts'
import type { CommitBatch, RunTotals } from '../engine/commit-batch.ts'
import { createDcaMachine } from '../engine/dca/dca-machine.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import { type PreparedDca, prepareDca, symbolsOf } from '../engine/dca/prepare.ts'
import type { EngineEvent } from '../engine/machine.ts'
import { SimulatedRun } from '../engine/simulated-run.ts'
import { BatchCollector } from './batch-collector.ts'
import { type FeedOpener, type OpenedFeed, venueParameters } from './open-feed.ts'
import type { Assignment, RunCommand, RunJournal, RunLog, RunStore, SavedRun } from './ports.ts'
import type { Cursor } from './pump.ts'
import { RunStatistics, type RunStatisticsState } from './run-statistics.ts'

export const ENGINE_VERSION = '1'

/** What a restart continues from: engine state, how far the feed was read, which command was the last. */
export interface SavedState {
  readonly schema: 1
  readonly engine: unknown
  readonly cursor: Cursor
  readonly commandN: number
  readonly statistics: RunStatisticsState
  readonly equityUptoMs: number
  readonly startMs: number
}

export interface PaperRunDeps {
  readonly store: RunStore
  readonly feeds: FeedOpener
  readonly workerId: string
  readonly log: RunLog
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** False while this worker could not renew its lease: nothing may be decided. */
  mayAct(): boolean
}

export type PaperRunEnd = 'ended' | 'stopped' | 'lease_lost'

/** Idle runs show that they live this often. */
const HEARTBEAT_MS = 10_000
/** A feed's quiet instants are written at least this often. */
const QUIET_COMMIT_MS = 60_000
const COMMAND_POLL_MS = 1000
/** A run that computes without waiting lets others have the thread this often. */
const TURN_MS = 50

export class PaperRun {
  readonly assignment: Assignment
  readonly #deps: PaperRunDeps
  #wake: AbortController = new AbortController()
  #commandsWaiting = true

  constructor(assignment: Assignment, deps: PaperRunDeps) {
    this.assignment = assignment
    this.#deps = deps
  }

  /** A command or a new version is there: look at once. */
  wake(): void {
    this.#commandsWaiting = true
    this.#wake.abort()
  }

  /** Runs until the run has ended, the lease is lost or the signal asks to stop. @throws what a supervisor must decide about. */
  async run(signal: AbortSignal): Promise<PaperRunEnd> {
    const onAbort = (): void => this.#wake.abort()
    signal.addEventListener('abort', onAbort)
    try {
      for (;;) {
        const session = await this.#open()
        const end = await this.#drive(session, signal)
        session.feed.pump.stop()
        if (end !== 'reload') return end
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #open(): Promise<Session> {
    const { store, feeds, workerId } = this.#deps
    const saved = await store.load(this.assignment)
    const state = saved.state as SavedState | null
    if (state && state.schema !== 1) throw new Error(`saved state has schema ${String(state.schema)}, this version reads 1`)
    const current = saved.versions.get(saved.currentVersion)
    if (!current) throw new Error(`version ${saved.currentVersion} of the configuration is missing`)
    const versions = versionsInUse(saved, state)
    const symbols = new Set([...versions.values()].flatMap(symbolsOf))
    const instruments = await store.instruments(exchangeOf(saved, current), [...symbols])
    const venueTimeframe = await feeds.venueTimeframe(saved.feed, current, instruments)
    const prepared = prepareDca(versions, saved.currentVersion, instruments, venueTimeframe)
    const machine = createDcaMachine(prepared.setting, saved.currentVersion, true)
    const collector = new BatchCollector<DcaState>(saved.lastSeq)
    const run = new SimulatedRun<DcaState>({
      machine,
      instruments,
      venue: venueParameters(saved.venue),
      venueTimeframe,
      direction: prepared.direction,
      sink: collector,
      ...(state ? { from: { state: machine.revive(state.engine), seq: saved.lastSeq } } : {}),
    })
    const cursor: Cursor = state?.cursor ?? { kind: 'none', atMs: 0 }
    const feed = await feeds.open({
      assignment: this.assignment,
      saved,
      config: current,
      prepared,
      instruments,
      run,
      venueTimeframe,
      cursor,
      startMs: state?.startMs ?? null,
      equityUptoMs: state?.equityUptoMs ?? null,
    })
    const journal = await store.journal(this.assignment, workerId, instruments)
    return {
      saved,
      config: current,
      prepared,
      instruments,
      run,
      collector,
      journal,
      feed,
      cursor,
      commandN: state?.commandN ?? saved.commandsBefore,
      statistics: new RunStatistics(Number(saved.initialBalance), state?.statistics ?? null),
      initialBalance: Decimal.from(saved.initialBalance),
      lastCommitMs: this.#deps.now(),
    }
  }

  async #drive(session: Session, signal: AbortSignal): Promise<PaperRunEnd | 'reload'> {
    const { run, saved } = session
    if (session.cursor.kind === 'none' && saved.lastSeq === 0) {
      run.raise({
        kind: 'run_started',
        atMs: session.feed.pump.startMs,
        currency: saved.currency,
        initialBalance: session.initialBalance,
        nextBotTradeSeq: saved.nextBotTradeSeq,
        opensBooks: false,
      })
      await this.#commit(session, signal)
    } else if (run.machine.summary(run.state).ended) {
      return 'ended'
    }
    let polledMs = Number.NEGATIVE_INFINITY
    let turnMs = this.#deps.now()
    while (!signal.aborted) {
      if (!this.#deps.mayAct()) {
        await this.#nap(COMMAND_POLL_MS, signal)
        continue
      }
      if (this.#commandsWaiting || this.#deps.now() - polledMs >= COMMAND_POLL_MS) {
        this.#commandsWaiting = false
        polledMs = this.#deps.now()
        if (await this.#takeCommands(session, signal)) return 'reload'
        if (this.#hasEnded(session)) return 'ended'
      }
      if (this.#wake.signal.aborted) this.#wake = new AbortController()
      const cursor = await session.feed.pump.next(() => AbortSignal.any([this.#wake.signal, AbortSignal.timeout(HEARTBEAT_MS)]))
      if (cursor) session.cursor = cursor
      else if (session.feed.pump.isOver()) {
        session.feed.pump.finish()
        await this.#commit(session, signal, true)
        return 'ended'
      }
      const quietMs = this.#deps.now() - session.lastCommitMs
      if (session.collector.hasNews() || (cursor && quietMs >= QUIET_COMMIT_MS)) await this.#commit(session, signal)
      else if (quietMs >= HEARTBEAT_MS && !cursor) await this.#beat(session)
      if (this.#hasEnded(session)) return 'ended'
      if (this.#deps.now() - turnMs > TURN_MS) {
        await this.#nap(0, signal)
        turnMs = this.#deps.now()
      }
    }
    return 'stopped'
  }

  #hasEnded(session: Session): boolean {
    return session.run.machine.summary(session.run.state).ended !== null
  }

  async #beat(session: Session): Promise<void> {
    await this.#deps.store.heartbeat(this.assignment)
    session.lastCommitMs = this.#deps.now()
  }

  async #nap(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.sleep(ms, signal)
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
  }

  /** @returns true when a new version must be loaded: the run is rebuilt from what is committed. */
  async #takeCommands(session: Session, signal: AbortSignal): Promise<boolean> {
    const { store } = this.#deps
    const commands = await store.commands(this.assignment, session.commandN)
    for (const command of commands) {
      session.run.raise(commandEvent(command, this.#instantOf(session)))
      session.commandN = command.n
      await this.#commit(session, signal)
    }
    if (commands.length > 0) await store.forgetCommands(this.assignment, session.commandN)
    const { version } = await store.version(this.assignment)
    if (version === session.saved.currentVersion && session.run.state.configVersion === version) return false
    if (version !== session.saved.currentVersion) return true
    session.run.raise({ kind: 'config_applied', atMs: this.#instantOf(session), version })
    await this.#commit(session, signal)
    return false
  }

  #instantOf(session: Session): number {
    return Math.max(session.cursor.atMs, session.feed.pump.startMs, session.run.state.nowMs)
  }

  /** Writes everything since the last commit. Retries while the database is away; nothing else happens meanwhile. */
  async #commit(session: Session, signal: AbortSignal, dataEnded = false): Promise<void> {
    const batch = await this.#batch(session, dataEnded)
    if (batch.journal.length === 0 && batch.equity.length === 0) return
    for (let attempt = 0; ; attempt += 1) {
      try {
        await session.journal.commit(batch)
        session.lastCommitMs = this.#deps.now()
        return
      } catch (error) {
        if (!isOutage(error)) throw error
        this.#deps.log.warn(
          { botId: this.assignment.botId, attempt, error: String(error) },
          'the database is away: the bot waits',
        )
        await this.#nap(Math.min(1000 * 2 ** attempt, 30_000), signal)
        if (signal.aborted) throw error
      }
    }
  }

  async #batch(session: Session, dataEnded: boolean): Promise<CommitBatch> {
    const { run, collector, statistics, feed } = session
    feed.pump.flushEquity(point => {
      const drawdownPct = statistics.sample(point.atMs, point.equity)
      collector.addEquity({
        atMs: point.atMs,
        currency: session.saved.currency,
        equity: moneyText(point.equity),
        balance: moneyText(point.balance),
        unrealizedPnl: moneyText(point.unrealized),
        drawdownPct,
      })
    })
    const closed = collector.closedTrades()
    for (const trade of closed) statistics.closed(trade.netPnl ?? ZERO)
    const summary = run.machine.summary(run.state)
    const ended = summary.ended !== null
    const status: RunTotals['status'] = !ended ? 'running' : dataEnded || summary.ended === 'completed' ? 'completed' : 'stopped'
    const saved: SavedState = {
      schema: 1,
      engine: run.state,
      cursor: session.cursor,
      commandN: session.commandN,
      statistics: statistics.state,
      equityUptoMs: feed.pump.equityUptoMs(),
      startMs: feed.pump.startMs,
    }
    const money = this.#money(session)
    return collector.take({
      funds: summary.funds,
      metrics: closed.length > 0 || ended ? statistics.metrics() : null,
      totals: {
        status,
        endedAtMs: ended ? this.#deps.now() : null,
        totalTrades: summary.closedTrades,
        totalPnl: money.equity.minus(session.initialBalance).toString(),
        currentBalance: money.cash.toString(),
        maxDrawdown: statistics.maxDrawdownPct,
        sharpeRatio: statistics.sharpe(),
        tradesHash: ended ? await this.#hash(session) : null,
      },
      botStatus: summary.status,
      pausedBy: summary.pausedBy,
      state: saved,
    })
  }

  #money(session: Session): { cash: Decimal; equity: Decimal } {
    const summary = session.run.machine.summary(session.run.state)
    const prices = session.feed.pump.prices()
    let cash = ZERO
    for (const fund of summary.funds) cash = cash.plus(fund.free).plus(fund.locked)
    let equity = cash
    for (const lot of summary.lots) {
      const price = prices.get(lot.symbol)
      equity = equity.plus(price ? lot.quantity.times(price) : lot.basis)
    }
    return { cash, equity }
  }

  /** Of all closed deals of the run: those that are committed, and those of the batch at hand. */
  async #hash(session: Session): Promise<string> {
    const trades = new Map<number, HashedTrade>()
    const fills = new Map<number, HashedTrade['fills'][number][]>()
    for (const stored of await this.#deps.store.trades(this.assignment)) {
      fills.set(stored.tradeSeq, [...stored.fills])
      if (stored.closedAtMs === null || stored.openedAtMs === null || stored.netPnl === null) continue
      const { openedAtMs, closedAtMs, netPnl } = stored
      trades.set(stored.tradeSeq, { ...stored, openedAtMs, closedAtMs, netPnl, exitReason: stored.exitReason ?? '' })
    }
    for (const fill of session.collector.fills()) {
      const known = fills.get(fill.tradeSeq)
      if (known) known.push(fill)
      else fills.set(fill.tradeSeq, [fill])
    }
    for (const trade of session.collector.closedTrades()) {
      trades.set(trade.tradeSeq, {
        tradeSeq: trade.tradeSeq,
        symbol: trade.symbol,
        side: trade.direction,
        openedAtMs: trade.openedAtMs ?? 0,
        closedAtMs: trade.closedAtMs ?? 0,
        exitReason: trade.exitReason ?? '',
        netPnl: trade.netPnl ?? ZERO,
        fills: [],
      })
    }
    return tradesHash([...trades.values()].map(trade => ({ ...trade, fills: fills.get(trade.tradeSeq) ?? [] })))
  }
}

interface Session {
  readonly saved: SavedRun
  readonly config: DcaConfig
  readonly prepared: PreparedDca
  readonly instruments: ReadonlyMap<string, Instrument>
  readonly run: SimulatedRun<DcaState>
  readonly collector: BatchCollector<DcaState>
  readonly journal: RunJournal
  readonly feed: OpenedFeed
  cursor: Cursor
  commandN: number
  readonly statistics: RunStatistics
  readonly initialBalance: Decimal
  lastCommitMs: number
}

/** Where the run's candles are from. */
function exchangeOf(saved: SavedRun, config: DcaConfig): string {
  return saved.feed.kind === 'replay' ? (saved.feed.exchange ?? config.exchange) : config.exchange
}

/** The current version, and those that open deals still follow. */
function versionsInUse(saved: SavedRun, state: SavedState | null): ReadonlyMap<number, DcaConfig> {
  const wanted = new Set([saved.currentVersion])
  const engine = state?.engine as { configVersion?: number; deals?: { configVersion: number }[] } | undefined
  if (engine?.configVersion !== undefined) wanted.add(engine.configVersion)
  for (const deal of engine?.deals ?? []) wanted.add(deal.configVersion)
  return new Map(
    [...wanted].flatMap(version => (saved.versions.has(version) ? [[version, saved.versions.get(version)!] as const] : [])),
  )
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

function isOutage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'DATABASE_UNAVAILABLE'
}

/** Sampled figures are float64: eight decimals are what they carry. */
function moneyText(value: number): string {
  return Decimal.from(value.toFixed(8)).toString()
}
