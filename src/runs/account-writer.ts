// The one writer of an exchange account. What its inbox holds is stepped in order; what that changed, what is to be sent and how far the
// venue has been read are committed together; only then does anything follow from it. While the database is away nothing moves.

import type { Candle } from '../core/market/candles.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { Order, OrderKey, Purpose } from '../core/orders/order.ts'
import { type SafetyLevel, strictestLevel } from '../core/risk/safety.ts'
import type { AccountAssignment, AccountCommit, OrderRecord, SavedAccount, SavedIntent } from '../engine/account-store.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'
import { fillKey } from '../engine/reconciliation/evidence.ts'
import { newMemory, type ProbeRequest, type ReconcileMemory } from '../engine/reconciliation/report.ts'
import type { CallClass, VenueError, VenueErrorClass, VenueMessage, VenueOrder, VenueOrderRef } from '../engine/venue.ts'
import { AccountBot } from './account-bot.ts'
import { Inbox, type Rank } from './account-inbox.ts'
import { type AccountItem, stepItem } from './account-items.ts'
import { AccountOutbox, keyOf } from './account-outbox.ts'
import type { AccountRunDeps } from './account-ports.ts'
import { AccountRecords } from './account-records.ts'
import type { AccountStage, AccountStatus } from './account-run.ts'
import { nap, throughOutages } from './outage.ts'
import { createVerdict } from './retry.ts'

interface Offered {
  readonly item: AccountItem
  readonly done: ((result: unknown) => void) | null
  readonly failed: ((error: unknown) => void) | null
}

export interface WriterEvents {
  /** Something was committed: there may be something to send or to ask. */
  changed(): void
  /** The venue does not accept our time. */
  clockDisputed(): void
  isClockTrusted(): boolean
  /** The venue's time by our clock, epoch ms. */
  now(): number
}

/** Orders that ended within this time are read at a start: late fills of them are looked for. */
const ENDED_SINCE_MS = 24 * 3_600_000
/** Fills before a cursor's time that a read behind it may bring again. */
const CURSOR_MARGIN_MS = 3_600_000
const MAY_NOT_ACT_MS = 250

/** Nothing is stepped any more: whoever waited for it need not. */
export class AccountLeftError extends Error {
  constructor() {
    super('the account has been left')
    this.name = 'AccountLeftError'
  }
}

export class AccountWriter {
  readonly assignment: AccountAssignment
  readonly deps: AccountRunDeps
  readonly on: WriterEvents
  /** Why the venue lets nothing new in; null while it does. */
  #entriesOff: { readonly class: VenueErrorClass; readonly reason: string } | null = null
  /** Class of the last refusal, by bot. */
  readonly #refusedFor = new Map<string, string>()
  readonly #inbox = new Inbox<Offered>()
  readonly #bots = new Map<string, AccountBot>()
  readonly #quarantined = new Map<string, string>()
  readonly #lookUps = new Map<string, VenueOrderRef>()
  readonly #fillsWanted = new Set<string>()
  /** Ends that the venue states and that wait for executions to be booked, by client order id. */
  reconcileMemory: ReconcileMemory = newMemory()
  /** Orders that the last report wants to be looked up for the next. */
  probeRequests: readonly ProbeRequest[] = []
  /** Size of the venue's last list of instruments that was believed. */
  listedInstruments = 0
  /** Pairs of our bots that the venue lists no more. */
  unlisted: ReadonlySet<string> = new Set()
  /** Records and venue have been compared in full since the start. */
  wasCompared = false
  /** A sale was refused, the venue may hold less than we think: from when on it is worth a look, by the monotonic clock. */
  comparisonDueMs: number | null = null
  /** An order was refused for rules of its instrument: ours may be old. */
  wantsRules = false
  /** Orders of others that a person wants to be cancelled: each is asked for once. */
  readonly foreignCancels: VenueOrderRef[] = []
  /** Candles that closed before the start was done, oldest first. */
  earlyCandles: { readonly openTimeMs: number; readonly candles: ReadonlyMap<string, Candle> }[] = []
  /** Whether the venue tells orders and fills as they happen. */
  isStreaming = true
  readonly waitingWords = new Map<string, { readonly word: VenueOrder; readonly heardAtMs: number }>()
  /** Of bots by themselves, beside the account's. */
  readonly #botSafety = new Map<string, SafetyLevel>()
  #records: AccountRecords | null = null
  #outbox: AccountOutbox | null = null
  #stage: AccountStage = 'starting'
  #openDifferences = 0
  #safety: SafetyLevel = 'normal'
  #nowMs = 0
  #isClosed = false
  /** Fills that are booked in the instant at hand, by bot. */
  readonly #bookedNow = new Map<string, string[]>()
  #signal: AbortSignal = new AbortController().signal

  constructor(assignment: AccountAssignment, deps: AccountRunDeps, on: WriterEvents) {
    this.assignment = assignment
    this.deps = deps
    this.on = on
  }

  get records(): AccountRecords {
    if (!this.#records) throw new Error(`account ${this.assignment.accountId} is not open`)
    return this.#records
  }

  get outbox(): AccountOutbox {
    if (!this.#outbox) throw new Error(`account ${this.assignment.accountId} is not open`)
    return this.#outbox
  }

  get stage(): AccountStage {
    return this.#stage
  }

  /** Time of the instant that is being stepped: never goes back. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Whether records and venue have been compared: from then on exits go out. */
  mayExit(): boolean {
    return this.#stage === 'protecting' || this.#stage === 'ready'
  }

  setStage(stage: AccountStage): void {
    this.#stage = stage
    this.on.changed()
  }

  bots(): AccountBot[] {
    return [...this.#bots.values()].filter(bot => !this.#quarantined.has(bot.botId))
  }

  bot(botId: string): AccountBot | undefined {
    return this.#quarantined.has(botId) ? undefined : this.#bots.get(botId)
  }

  /** Reads what is committed and tells what came of calls whose outcome was never written: nobody knows, so they are in doubt. */
  async open(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const now = this.on.now()
    const saved = await this.#load(now, signal)
    this.#records = new AccountRecords(saved, this.deps.epoch, now)
    this.#outbox = new AccountOutbox(this.#records)
    this.#safety = saved.safety
    this.reconcileMemory = newMemory(saved.foreignOrders.map(each => each.venueOrder))
    for (const each of saved.bots) {
      this.#bots.set(each.botId, new AccountBot(each, await this.deps.openBot(each)))
      this.#botSafety.set(each.botId, each.safety)
      if (each.damage !== null) this.#hold(each.botId, each.damage)
    }
    this.#nowMs = Math.max(now, ...[...this.#bots.values()].map(bot => bot.state.nowMs))
    this.#offerItem('safety', { kind: 'opened', bots: saved.bots })
  }

  /** Everything that reading on from the cursors may bring again must be known as booked: that can be more than the last day. */
  async #load(nowMs: number, signal: AbortSignal): Promise<SavedAccount> {
    const load = (sinceMs: number): Promise<SavedAccount> =>
      this.#patiently(() => this.deps.store.load(this.assignment, sinceMs), signal)
    const saved = await load(nowMs - ENDED_SINCE_MS)
    const traded = new Set(saved.orders.map(({ order }) => order.symbol))
    const hasNoCursor =
      saved.cursors.length === 0 || [...traded].some(symbol => !saved.cursors.some(each => each.symbol === symbol))
    const readFromMs = hasNoCursor ? 0 : Math.min(...saved.cursors.map(cursor => cursor.atMs)) - CURSOR_MARGIN_MS
    return readFromMs < nowMs - ENDED_SINCE_MS ? load(readFromMs) : saved
  }

  close(): void {
    this.#isClosed = true
    this.#stage = 'stopped'
    for (const { failed } of this.#inbox.takeAll()) failed?.(new AccountLeftError())
    this.#inbox.nudge()
  }

  offer(rank: Rank, item: AccountItem): void {
    if (!this.#isClosed) this.#offerItem(rank, item)
  }

  /** Resolves once what it changed is committed. */
  do<Result = void>(rank: Rank, item: AccountItem): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) reject(new AccountLeftError())
      else this.#inbox.put(rank, { item, done: result => resolve(result as Result), failed: reject })
    })
  }

  offerMessage(message: VenueMessage): void {
    if (message.kind === 'order') this.offer('orders', { kind: 'word', order: message.order })
    else if (message.kind === 'fill') this.offer('orders', { kind: 'fills', fills: [message.fill], page: null })
    else this.offer('reports', { kind: 'stream', isConnected: message.kind === 'connected' })
  }

  #offerItem(rank: Rank, item: AccountItem): void {
    this.#inbox.put(rank, { item, done: null, failed: null })
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#inbox.nudge()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        await this.#inbox.filled()
        if (signal.aborted) return
        if (!this.deps.mayAct()) {
          await nap(this.deps.clock, MAY_NOT_ACT_MS, signal)
          continue
        }
        await this.#instant(this.#inbox.takeAll(), signal)
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Steps everything that waits, writes it in one transaction, and answers those who wait for it. */
  async #instant(offered: readonly Offered[], signal: AbortSignal): Promise<void> {
    const answers: (() => void)[] = []
    this.#bookedNow.clear()
    let mustWrite = false
    for (const { item, done, failed } of offered) {
      this.#nowMs = Math.max(this.#nowMs, this.on.now())
      try {
        const result = await stepItem(this, item)
        if (done) answers.push(() => done(result))
        if (item.kind === 'quiet') mustWrite = true
      } catch (error) {
        if (!failed) throw error
        answers.push(() => failed(error))
      }
    }
    await this.#commit(mustWrite, signal)
    for (const answer of answers) answer()
    this.on.changed()
  }

  // ---- stepping: called by account-items.ts ----

  /** Steps a bot and takes in what it changed. A mistake of ours stops that bot, and only that bot; its orders stay where they are. */
  step(bot: AccountBot, event: EngineEvent): void {
    this.guarded(bot, () => this.absorb(bot, bot.step(event)))
  }

  guarded(bot: AccountBot, work: () => void): void {
    if (this.#quarantined.has(bot.botId)) return
    try {
      work()
    } catch (error) {
      bot.discard()
      // What this instant seemed to book was not: the cursor must not pass it.
      for (const fill of this.#bookedNow.get(bot.botId) ?? []) this.records.bookedFills.delete(fill)
      this.outbox.forget(bot.botId)
      this.#hold(bot.botId, error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }

  #hold(botId: string, why: string): void {
    this.#quarantined.set(botId, why)
    this.deps.log.error({ botId, why }, 'the bot is held; its orders stay where they are')
  }

  absorb(bot: AccountBot, result: StepResult<DcaState>): void {
    const { changes, commands } = result
    this.records.noteTransfers(changes.transfers)
    for (const order of changes.orders) this.records.note(bot, order, this.#nowMs)
    for (const fill of changes.fills) {
      const key = fillKey(fill.symbol, fill.fillId)
      this.records.bookedFills.add(key)
      this.#bookedNow.set(bot.botId, [...(this.#bookedNow.get(bot.botId) ?? []), key])
    }
    for (const command of commands) {
      if (command.kind === 'place_order') this.#intendPlace(bot, command.order)
      else if (command.kind === 'cancel_order') this.#intendCancel(bot, command.order)
      else if (command.kind === 'query_order') this.#lookUpOrder(bot, command.order)
    }
  }

  #intendPlace(bot: AccountBot, order: Order): void {
    const record = this.records.of(bot.botId, order)
    if (!record) throw new Error(`order ${order.tradeSeq}|${order.purpose}|${order.sequence} is placed without a deal`)
    this.outbox.addIntent({
      id: `${record.clientOrderId}:place`,
      botId: bot.botId,
      order: keyOf(order),
      clientOrderId: record.clientOrderId,
      kind: 'place',
      priority: urgencyOf(order.side, order.purpose),
      payload: {
        clientOrderId: record.clientOrderId,
        symbol: order.symbol,
        side: order.side,
        type: order.type,
        quantity: order.quantity.toString(),
        limitPrice: order.limitPrice?.toString() ?? null,
        stopPrice: order.stopPrice?.toString() ?? null,
        reduceOnly: false,
      },
      createdAtMs: this.#nowMs,
    })
  }

  #intendCancel(bot: AccountBot, key: OrderKey): void {
    const record = this.records.of(bot.botId, key)
    if (!record) return
    const place = this.records.intents.get(`${record.clientOrderId}:place`)
    if (place?.status === 'pending') {
      this.#offerItem('orders', { kind: 'withdraw', intentId: place.id })
      return
    }
    let n = this.#nowMs
    while (this.records.intents.has(`${record.clientOrderId}:cancel:${n}`)) n += 1
    this.outbox.addIntent({
      id: `${record.clientOrderId}:cancel:${n}`,
      botId: bot.botId,
      order: keyOf(key),
      clientOrderId: record.clientOrderId,
      kind: 'cancel',
      priority: 'P2',
      payload: { symbol: record.order.symbol, clientOrderId: record.clientOrderId, venueOrderId: record.venueOrderId },
      createdAtMs: this.#nowMs,
    })
  }

  #lookUpOrder(bot: AccountBot, key: OrderKey): void {
    const record = this.records.of(bot.botId, key)
    if (record)
      this.wantLookUp({ symbol: record.order.symbol, clientOrderId: record.clientOrderId, venueOrderId: record.venueOrderId })
  }

  wantLookUp(order: VenueOrderRef): void {
    this.#lookUps.set(order.clientOrderId, order)
  }

  wantFills(symbol: string): void {
    this.#fillsWanted.add(symbol)
  }

  takeLookUps(): VenueOrderRef[] {
    const wanted = [...this.#lookUps.values()]
    this.#lookUps.clear()
    return wanted
  }

  takeFillsWanted(): string[] {
    const symbols = [...this.#fillsWanted]
    this.#fillsWanted.clear()
    return symbols
  }

  setOpenDifferences(count: number): void {
    if (count === this.#openDifferences) return
    this.#openDifferences = count
    for (const bot of this.bots()) this.step(bot, { kind: 'reconciled', atMs: this.#nowMs, openDifferences: count })
  }

  get openDifferences(): number {
    return this.#openDifferences
  }

  setSafety(level: SafetyLevel, reason: string): void {
    this.#safety = level
    this.enforceSafety(reason)
  }

  /** Tells each bot the strictest level that rules it. */
  enforceSafety(reason: string): void {
    for (const bot of this.bots()) {
      const level = strictestLevel([this.#safety, this.#botSafety.get(bot.botId) ?? 'normal'])
      if (bot.hasStarted && bot.state.safety !== level)
        this.step(bot, { kind: 'safety_changed', atMs: this.#nowMs, level, reason })
    }
  }

  lastPrice(symbol: string): Decimal | null {
    for (const bot of this.bots()) {
      const price = bot.prices.get(symbol)
      if (price) return price
    }
    return null
  }

  findStored(clientOrderId: string): Promise<OrderRecord | null> {
    return this.#patiently(() => this.deps.store.findOrder(this.assignment, clientOrderId), this.#signal)
  }

  nextTimerMs(): number | null {
    let next: number | null = null
    for (const bot of this.bots()) {
      const dueMs = bot.nextTimerMs()
      if (dueMs !== null && (next === null || dueMs < next)) next = dueMs
    }
    return next
  }

  // ---- sending ----

  /** What a refused call means for those that follow. */
  noteFailure(error: VenueError, intent: SavedIntent | null): void {
    const { followUps, reason } = createVerdict(error, intent !== null && this.#refusedFor.get(intent.botId) === error.class)
    if (intent) {
      this.#refusedFor.set(intent.botId, error.class)
      this.deps.governor.noteError(this.assignment.accountId, error)
    }
    if (followUps.includes('resync_clock')) this.on.clockDisputed()
    if (followUps.includes('refresh_rules')) this.wantsRules = true
    if (followUps.includes('entries_off')) this.#entriesOff = { class: error.class, reason }
    if (followUps.includes('alarm'))
      this.deps.log.error({ accountId: this.assignment.accountId, reason }, 'the venue refuses this account')
  }

  /** The venue has answered: that we may trade is shown by an order that it took, not by what it lets us read. */
  noteSuccess(what: 'read' | 'trade'): void {
    if (what === 'trade' || this.#entriesOff?.class !== 'auth') {
      this.#entriesOff = null
      this.#refusedFor.clear()
    }
  }

  /**
   * What may be sent now. Entries wait until the start is done, our clock is trusted and the venue accepts us; a cancel waits until it
   * is known what it would cancel.
   */
  sendable(): SavedIntent[] {
    if (!this.mayExit()) return []
    const waiting: SavedIntent[] = []
    for (const intent of this.records.intents.values()) {
      if (intent.status !== 'pending' || this.#quarantined.has(intent.botId)) continue
      const order = this.records.orders.get(intent.clientOrderId)?.order
      if (intent.kind === 'cancel' && order && (order.status === 'in_flight' || order.status === 'unknown')) continue
      if (intent.kind === 'place' && intent.priority === 'P4' && !this.mayEnter(intent)) continue
      waiting.push(intent)
    }
    return waiting
  }

  /** Asked again when an entry is claimed: it may have waited since it was decided. */
  mayEnter({ botId, clientOrderId }: SavedIntent): boolean {
    const symbol = this.records.orders.get(clientOrderId)?.order.symbol
    // Its bot may have decided it before another of its orders came into doubt.
    const isInDoubt = this.records.unknown().some(each => each.botId === botId && each.order.symbol === symbol)
    if (isInDoubt) return false
    return this.#stage === 'ready' && this.#openDifferences === 0 && this.#entriesOff === null && this.on.isClockTrusted()
  }

  /** Commits that an intent is being sent. @returns false when it is not to be sent any more. */
  claim(id: string): Promise<boolean> {
    return this.do<boolean>('orders', { kind: 'claim', intentId: id })
  }

  status(): AccountStatus {
    return {
      stage: this.#stage,
      openDifferences: this.#openDifferences,
      inDoubt: this.#records
        ? [...this.#records.intents.values()]
            .filter(intent => intent.status === 'in_doubt')
            .map(({ clientOrderId, nextProbeAtMs, lastError }) => ({ clientOrderId, nextProbeAtMs, known: lastError ?? '' }))
        : [],
      entriesOff: this.#entriesOff?.reason ?? null,
      quarantined: [...this.#quarantined].map(([botId, why]) => ({ botId, why })),
    }
  }

  // ---- writing ----

  async #commit(mustWrite: boolean, signal: AbortSignal): Promise<void> {
    const active = this.bots()
    if (this.outbox.isEmpty() && !active.some(bot => bot.hasFacts() || (mustWrite && bot.hasNews()))) return
    const commit: AccountCommit = {
      // What bots did without consequence goes along with what had one.
      bots: active.filter(bot => bot.hasNews()).map(bot => ({ botId: bot.botId, batch: bot.takeBatch(this.#nowMs) })),
      ...this.outbox.take(),
    }
    await this.#patiently(() => this.deps.store.commit(this.assignment, commit), signal)
    this.records.prune(this.#nowMs)
  }

  async #patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { log, clock } = this.deps
    return throughOutages(work, { log, sleep: (ms, until) => clock.sleep(ms, until) }, this.assignment.accountId, signal)
  }
}

/** Emergency exits before exits and stops, those before entries. */
function urgencyOf(side: 'buy' | 'sell', purpose: Purpose): CallClass {
  if (purpose === 'panic' || purpose === 'close') return 'P0'
  return side === 'sell' ? 'P1' : 'P4'
}
