// What tests of runs stand on: a store in memory that keeps the storage port's promises (one writer, no gap, all of a batch or nothing)
// and can be away, crash or lose its lease when told; candles one can see; a clock that passes when somebody sleeps.

import type { DcaConfig } from '../core/dca/config.ts'
import { allocateColumns, type CandleColumns } from '../core/market/candles.ts'
import { createDemoMarket, DEMO_INSTRUMENTS, DEMO_SEED } from '../core/market/demo-market.ts'
import { defaultRules, type Instrument, instrumentFromRules } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { type SafetyLevel, strictestLevel } from '../core/risk/safety.ts'
import type { ChosenLimits } from '../core/risk/safety-limits.ts'
import { isOfAnotherDay } from '../core/risk/safety-record.ts'
import type { SafetyTrigger, TriggerMemory } from '../core/risk/safety-triggers.ts'
import type { CommitBatch, JournalEntry, TradeImage } from '../engine/commit-batch.ts'
import { createFeedOpener, type DemoSource, type FeedOpener } from './open-feed.ts'
import type {
  Assignment,
  DemoClock,
  HistorySource,
  Inbox,
  Observed,
  RunCommand,
  RunFeedSpec,
  RunJournal,
  RunLog,
  RunSafety,
  RunStore,
  SavedRun,
  StoredTrade,
  VenueSpec,
} from './ports.ts'

export class CodedError extends Error {
  readonly code: string
  constructor(code: string, message = code) {
    super(message)
    this.code = code
  }
}

export const BOT = 'dca_bot_1700000000000_a1b2c3'
export const ASSIGNMENT: Assignment = { botId: BOT, userId: 'u', runId: 'r', token: 1 }
export const VENUE: VenueSpec = { fillPath: 'pessimistic', slippageBps: '5', volumeCapPct: '0' }

export type Crash = 'before' | 'after'
export type NewCommand = RunCommand extends infer C ? (C extends { n: number } ? Omit<C, 'n'> : never) : never

const FREE = { level: 'normal', reason: '', cause: '', dayStartAtMs: null } as const

export class MemoryRunStore implements RunStore {
  readonly batches: CommitBatch[] = []
  readonly journalEntries: JournalEntry[] = []
  readonly heartbeats: Observed[] = []
  readonly failures: { message: string; final: boolean }[] = []
  readonly forgotten: number[] = []
  feed: RunFeedSpec
  version = 1
  readonly configs = new Map<number, unknown>()
  commandsBefore = 0
  initialBalance = '10000'
  venue: VenueSpec = VENUE
  /** Fencing token of whoever holds the bot now. */
  token = 1
  isAway = false
  /** Crashes at the n-th commit from 1: nothing of it is kept, or all of it and only the answer is lost. */
  crashAt: { commit: number; kind: Crash } | null = null
  commits = 0
  loads = 0
  renewals = 0
  claimable = true
  onCommit: (batch: CommitBatch) => void = () => {}
  /** The bot's own safety record, and what the instance or the person has set. */
  own: { level: SafetyLevel; reason: string; cause: string; dayStartAtMs: number | null } = FREE
  above: { level: SafetyLevel; reason: string } = FREE
  limits: ChosenLimits = {}
  readonly restrictions: SafetyTrigger[] = []
  #state: string | null = null
  #commands: RunCommand[] = []
  #lastCommand = 0

  constructor(config: DcaConfig, feed: RunFeedSpec) {
    this.configs.set(1, config)
    this.feed = feed
  }

  give(command: NewCommand): number {
    this.#lastCommand += 1
    this.#commands.push({ ...command, n: this.#lastCommand } as RunCommand)
    return this.#lastCommand
  }

  edit(config: DcaConfig): void {
    this.version += 1
    this.configs.set(this.version, config)
  }

  get last(): CommitBatch | undefined {
    return this.batches.at(-1)
  }

  get ended(): boolean {
    return this.last !== undefined && this.last.totals.status !== 'running'
  }

  /** The newest image of each deal, in their order; partial exits apart. */
  deals(): TradeImage[] {
    const deals = new Map<number, TradeImage>()
    for (const batch of this.batches) for (const trade of batch.trades) if (!trade.partialExit) deals.set(trade.tradeSeq, trade)
    return [...deals.values()]
  }

  fills() {
    return this.batches.flatMap(batch => [...batch.fills])
  }

  orders() {
    const orders = new Map<string, CommitBatch['orders'][number]>()
    for (const batch of this.batches)
      for (const order of batch.orders) orders.set(`${order.tradeSeq}|${order.purpose}|${order.sequence}`, order)
    return [...orders.values()]
  }

  kinds(): string[] {
    return this.journalEntries.map(entry => entry.kind)
  }

  #check(): void {
    if (this.isAway) throw new CodedError('DATABASE_UNAVAILABLE')
  }

  #holds(assignment: Assignment): void {
    this.#check()
    if (assignment.token !== this.token) throw new CodedError('LEASE_LOST')
  }

  async renew(): Promise<void> {
    this.#check()
    this.renewals += 1
  }

  async retire(): Promise<void> {}

  async claim(): Promise<Assignment[]> {
    this.#check()
    return this.claimable && !this.ended ? [{ ...ASSIGNMENT, token: this.token }] : []
  }

  async load(): Promise<SavedRun> {
    this.#check()
    this.loads += 1
    return {
      initialBalance: this.initialBalance,
      currency: 'USDT',
      feed: this.feed,
      venue: this.venue,
      startedAtMs: 0,
      currentVersion: this.version,
      config: version => (this.configs.get(version) as DcaConfig | undefined) ?? null,
      state: this.#state === null ? null : JSON.parse(this.#state),
      lastSeq: this.journalEntries.length,
      nextBotTradeSeq: 1,
      commandsBefore: this.commandsBefore,
    }
  }

  async journal(assignment: Assignment): Promise<RunJournal> {
    this.#check()
    return {
      commit: async batch => {
        this.#holds(assignment)
        this.commits += 1
        const crashes = (kind: Crash): boolean => this.crashAt?.commit === this.commits && this.crashAt.kind === kind
        if (crashes('before')) throw new CodedError('CRASH')
        this.#write(batch)
        if (crashes('after')) throw new CodedError('CRASH')
      },
    }
  }

  #write(batch: CommitBatch): void {
    if (batch.journal.length === 0) throw new Error('a batch without a journal entry: its state would have no hash')
    const expected = this.journalEntries.length + 1
    const isWhole = batch.journal.every((entry, i) => entry.seq === expected + i)
    if (batch.firstSeq !== expected || !isWhole) throw new CodedError('JOURNAL_GAP', `expected seq ${expected}`)
    for (const { seq } of batch.decisions) {
      if (seq < batch.firstSeq || seq > batch.lastSeq) throw new Error(`decision ${seq} is not of this batch`)
    }
    this.batches.push(batch)
    this.journalEntries.push(...(JSON.parse(JSON.stringify(batch.journal)) as JournalEntry[]))
    this.#state = JSON.stringify(batch.state)
    this.onCommit(batch)
  }

  async inbox(_assignment: Assignment, after: number): Promise<Inbox> {
    this.#check()
    return { commands: this.#commands.filter(command => command.n > after), version: this.version, safety: this.#safety() }
  }

  #safety(): RunSafety {
    const { own } = this
    const isDailyLoss = own.level === 'reduce_only' && own.cause === 'daily_loss'
    const levels = [own, this.above].filter(each => each.level !== 'normal')
    const ruling = levels.find(each => each.level === strictestLevel(levels.map(one => one.level)))
    return {
      level: ruling?.level ?? 'normal',
      reason: ruling?.reason ?? '',
      own: own.level,
      dailyLoss: isDailyLoss ? { dayStartAtMs: own.dayStartAtMs } : null,
      limits: this.limits,
    }
  }

  async safety(): Promise<RunSafety> {
    this.#check()
    return this.#safety()
  }

  async restrict(assignment: Assignment, trigger: SafetyTrigger, figures: TriggerMemory | null): Promise<void> {
    this.#holds(assignment)
    this.restrictions.push(trigger)
    if (strictestLevel([this.own.level, trigger.level]) === this.own.level) return
    this.own = { ...trigger, dayStartAtMs: figures?.dayStartAtMs ?? null }
  }

  async endDailyLoss(assignment: Assignment, atMs: number): Promise<void> {
    this.#holds(assignment)
    if (this.#safety().dailyLoss && isOfAnotherDay(this.own, atMs)) this.own = FREE
  }

  async forgetCommands(_assignment: Assignment, upTo: number): Promise<void> {
    this.#check()
    this.forgotten.push(upTo)
    this.#commands = this.#commands.filter(command => command.n > upTo)
  }

  async heartbeat(assignment: Assignment, observed: Observed): Promise<void> {
    this.#holds(assignment)
    this.heartbeats.push(observed)
  }

  async trades(): Promise<StoredTrade[]> {
    this.#check()
    const fills = this.fills()
    return this.deals().map(deal => ({
      tradeSeq: deal.tradeSeq,
      symbol: deal.symbol,
      side: deal.direction,
      openedAtMs: deal.openedAtMs,
      closedAtMs: deal.closedAtMs,
      exitReason: deal.exitReason,
      netPnl: deal.netPnl,
      fills: fills.filter(fill => fill.tradeSeq === deal.tradeSeq),
    }))
  }

  async saveDemoClock(assignment: Assignment, clock: DemoClock): Promise<void> {
    this.#holds(assignment)
    if (this.feed.kind === 'demo') this.feed = { ...this.feed, time: clock }
  }

  async fail(assignment: Assignment, message: string, final: boolean): Promise<void> {
    this.#holds(assignment)
    this.failures.push({ message, final })
    if (final) this.claimable = false
  }

  async instruments(exchange: string, symbols: readonly string[]): Promise<Map<string, Instrument>> {
    this.#check()
    return new Map(
      symbols.map(symbol => {
        const demo = DEMO_INSTRUMENTS.find(each => exchange === 'demo' && each.symbol === symbol)
        return [symbol, instrumentFromRules(demo ?? defaultRules(exchange, symbol))]
      }),
    )
  }
}

export const HOUR = 3_600_000

/** Hourly candles through these closes; each opens at the close before and reaches a little beyond both. */
export function candlesThrough(closes: readonly number[], volume = 1000, fromMs = Date.UTC(2026, 0, 1)): CandleColumns {
  const columns = allocateColumns(closes.length)
  let before = closes[0] ?? 0
  closes.forEach((close, i) => {
    columns.openTimeMs[i] = fromMs + i * HOUR
    columns.open[i] = before
    columns.high[i] = round(Math.max(before, close) * 1.001)
    columns.low[i] = round(Math.min(before, close) * 0.999)
    columns.close[i] = close
    columns.volume[i] = volume
    before = close
  })
  return columns
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** Waves of some percent with a slow swell: deals open, average down and close again and again. */
export function waves(bars: number): number[] {
  return Array.from({ length: bars }, (_, i) => round(100 + 6 * Math.sin(i / 5) + 4 * Math.sin(i / 37) + 2 * Math.sin(i / 1.7)))
}

export function historyOf(series: Readonly<Record<string, CandleColumns>>, timeframe: Timeframe = '1h'): HistorySource {
  return {
    venueTimeframe: async () => timeframe,
    columns: async instrumentId => series[instrumentId.split(':')[1]!] ?? allocateColumns(0),
  }
}

const unused = (): never => {
  throw new Error('no demo market in this test')
}
export const NO_DEMO: DemoSource = {
  market: createDemoMarket(DEMO_SEED),
  clock: unused,
  subscribe: unused,
  marketNow: unused,
}

export interface FeedClock {
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** @param clock paces replays that are not as fast as possible; by default waiting takes no time. */
export function replayFeeds(
  store: RunStore,
  history: HistorySource,
  clock: FeedClock = { now: () => 0, sleep: async () => {} },
): FeedOpener {
  return createFeedOpener({ store, history, demo: NO_DEMO, ...clock })
}

export const QUIET: RunLog = { info: () => {}, warn: () => {}, error: () => {} }
