// One story, told: the exchange and the market, the store, the workers that run the account one after the other, the faults between them
// and the invariants that watch. The code that trades is the real one; only what surrounds it is made here.

import { type Instrument, instrumentFromRules } from '../core/market/instrument.ts'
import { timeframeMs } from '../core/market/timeframe.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { AccountAssignment, AccountCommit } from '../engine/account-store.ts'
import { SimulatedExchange } from '../engine/simulated-venue/exchange.ts'
import type { VenueMessage } from '../engine/venue.ts'
import type { OpenedBot } from '../runs/account-ports.ts'
import type { LabBackend } from './backend.ts'
import { Dice } from './dice.ts'
import { FaultPlan } from './faults.ts'
import { INVARIANTS, OWN_MISTAKE } from './invariants/index.ts'
import type { LabFacts, Watcher } from './invariants/invariant.ts'
import { Kills } from './kills.ts'
import { symbolsOfBot } from './lab-bots.ts'
import { LabWorker, type LabWorkerWorld, openLabBot } from './lab-worker.ts'
import type { VenueCall } from './lying-venue.ts'
import { CandleMaker, type LabPrint, marketPast, marketPath } from './market.ts'
import type { Mutation } from './mutations.ts'
import { performAction } from './perform-action.ts'
import { Scheduler } from './scheduler.ts'
import { STORY_START_MS, type Story } from './story.ts'
import { StoryLog } from './story-log.ts'
import { Truth } from './truth.ts'
import { VenueFront } from './venue-front.ts'
import type { WorkerProcess } from './worker-process.ts'

export interface Break {
  readonly invariant: number
  readonly name: string
  readonly message: string
  /** Of the scheduler, and of the virtual clock in ms behind the start. */
  readonly step: number
  readonly atMs: number
}

export interface Outcome {
  readonly broken: Break | null
  /** Names the whole story to the last bit. */
  readonly hash: string
  readonly log: StoryLog
  readonly steps: number
  readonly killPoints: number
  readonly kills: readonly { readonly point: number; readonly where: string }[]
  readonly orders: number
  readonly fills: number
  readonly deals: number
  readonly commits: number
  readonly strikes: Readonly<Record<string, number>>
}

/** Money beside what the bots were given: the user's own, for foreign orders and fees in a third coin. */
const OWN_QUOTE = '500'
const OWN_BASE = '20'
const FEE_COIN = 'FEE'
const OWN_FEE_COIN = '10'
const HISTORY_BARS = 30
/** Nobody asks a database that was away more often than twice a minute. */
const OUTAGE_FELT_MS = 31_000
/** The world looks around this often: leases are renewed, chances of outages are drawn. */
const BEAT_MS = 5_000

export class Lab implements LabWorkerWorld {
  readonly story: Story
  readonly scheduler = new Scheduler(STORY_START_MS)
  readonly faults: FaultPlan
  readonly kills: Kills
  readonly log: StoryLog
  readonly truth: Truth
  readonly exchange: SimulatedExchange
  readonly front: VenueFront
  readonly backend: LabBackend
  readonly mutation: Mutation | null
  readonly travel: Dice
  readonly fate: Dice
  readonly chance: Dice
  outage: { readonly untilMs: number; readonly isDisk: boolean } | null = null
  epoch = 1
  #token = 1
  #broken: Break | null = null
  #workers: LabWorker[] = []
  #holder: LabWorker | null = null
  #leaseUntilMs = STORY_START_MS
  #spareWanted = false
  #safety: SafetyLevel = 'normal'
  #disturbedMs = STORY_START_MS
  readonly storedRules: Map<string, ReadonlyMap<string, Instrument>>
  readonly #rulesAtStart: ReadonlyMap<string, Instrument>
  readonly #lastPrices = new Map<string, number>()
  #injectedAtMs = STORY_START_MS
  readonly #injected = new Map<string, Decimal>()
  readonly #opened = new Map<string, OpenedBot>()
  readonly #watchers: readonly { readonly number: number; readonly name: string; readonly watcher: Watcher }[]
  readonly #candles: ReadonlyMap<string, CandleMaker>
  readonly #past: ReadonlyMap<string, ReturnType<typeof marketPast>>

  constructor(story: Story, backend: LabBackend, mutation: Mutation | null = null) {
    this.story = story
    this.backend = backend
    this.mutation = mutation
    const dice = new Dice(story.seed)
    this.travel = dice.fork('travel')
    this.fate = dice.fork('fate')
    this.chance = dice.fork('chance')
    this.log = new StoryLog(() => this.scheduler.nowMs - STORY_START_MS)
    const isFaultPhase = (): boolean => this.#since() >= story.faultsFromMs && this.#since() < story.faultsToMs
    this.faults = new FaultPlan(story.faults, dice.fork('faults'), isFaultPhase, name => {
      this.disturb(this.scheduler.nowMs + (name.startsWith('db_') ? OUTAGE_FELT_MS : 0))
      this.log.add(`fault ${name}`)
    })
    this.kills = new Kills(story.kills, dice.fork('kills'), isFaultPhase)
    const instruments = story.instruments.map(instrumentFromRules)
    this.#rulesAtStart = new Map(instruments.map(each => [each.symbol, each]))
    this.storedRules = new Map(story.bots.map(bot => [bot.botId, this.#rulesAtStart]))
    this.truth = new Truth(
      story.bots.map(bot => bot.botId),
      new Map(instruments.map(each => [each.symbol, each])),
    )
    const balances = openingBalances(story, instruments)
    for (const [currency, amount] of Object.entries(balances)) this.inject(currency, amount)
    this.exchange = new SimulatedExchange({
      instruments,
      balances,
      freesEndedIds: true,
      onMessage: message => this.#heard(message),
    })
    const stream = (message: VenueMessage): void => this.#stream(message)
    this.front = new VenueFront(this.exchange, this.scheduler, this.faults, stream, (fill, wasHidden) =>
      this.truth.shown(fill, this.scheduler.nowMs, wasHidden),
    )
    const startPrice = story.startPrice
    const timeframe = story.bots[0]!.feedTimeframe
    const symbols = [...new Set(story.bots.flatMap(symbolsOfBot))]
    this.#candles = new Map(symbols.map(symbol => [symbol, new CandleMaker(timeframe, startPrice)]))
    const places = Math.max(...instruments.map(each => each.tick.places()))
    // Up to the bar that is being made when the story begins.
    const stepMs = timeframeMs(timeframe)
    const pastEndMs = Math.floor(STORY_START_MS / stepMs) * stepMs
    this.#past = new Map(
      symbols.map(symbol => [
        symbol,
        marketPast(timeframe, this.#historyBars(), pastEndMs, startPrice, places, dice.fork(`past ${symbol}`)),
      ]),
    )
    const facts = this.#facts()
    this.#watchers = INVARIANTS.map(invariant => ({
      number: invariant.number,
      name: invariant.name,
      watcher: invariant.watch(facts, message => this.breaks(invariant.number, invariant.name, message)),
    }))
  }

  /** Tells the story to its end, or to the first invariant that breaks. */
  async tell(): Promise<Outcome> {
    const { story, scheduler } = this
    for (const [symbol] of this.#candles) this.#scheduleMarket(symbol)
    this.#scheduleCandles()
    for (const { afterMs, action } of story.actions) {
      scheduler.at(STORY_START_MS + afterMs, () => performAction(this, action))
    }
    scheduler.at(STORY_START_MS, () => this.#beat())
    // The first trade comes before the first worker: a venue without a price takes no order.
    scheduler.at(STORY_START_MS + 10, () => this.startWorker())
    try {
      await scheduler.run(STORY_START_MS + story.endMs, () => {
        this.#each(watcher => watcher.rested?.(scheduler.nowMs))
        return this.#broken !== null
      })
      if (!this.#broken) this.#each(watcher => watcher.ended?.())
    } catch (error) {
      this.breaks(
        OWN_MISTAKE,
        'the story runs to its end',
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      )
    }
    for (const worker of this.#workers) worker.process.kill()
    const strikes = Object.fromEntries([...this.faults.strikesByName()].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    return {
      broken: this.#broken,
      hash: this.log.hash(),
      log: this.log,
      steps: scheduler.steps,
      killPoints: this.kills.passed,
      kills: this.kills.struck,
      orders: this.truth.owners.size,
      fills: this.truth.executions.length,
      deals: [...this.truth.bots.values()].reduce((sum, bot) => sum + (bot.state ? bot.state.nextTradeSeq - 1 : 0), 0),
      commits: this.truth.commits.length,
      strikes,
    }
  }

  breaks(invariant: number, name: string, message: string): void {
    if (this.#broken) return
    this.#broken = { invariant, name, message, step: this.scheduler.steps, atMs: this.#since() }
    this.log.add(`BROKEN ${invariant} ${name}: ${message}`)
  }

  #facts(): LabFacts {
    return {
      truth: this.truth,
      exchange: this.exchange,
      nowMs: () => this.scheduler.nowMs,
      currentToken: () => this.#token,
      statusOf: process => this.#workers.find(worker => worker.process === process)?.status() ?? null,
      holder: () => (this.#holder?.process.isAlive ? this.#holder.process : null),
      confirmedSafety: () => this.#safety,
      opened: botId => this.#opened.get(botId)!,
      openedWith: (botId, rules) => openLabBot(this.story.bots.find(bot => bot.botId === botId)!, rules),
      rulesAtStart: this.#rulesAtStart,
      injected: currency => this.#injected.get(currency) ?? ZERO,
      injectedAtMs: () => this.#injectedAtMs,
      undisturbedSinceMs: () => this.#undisturbedSinceMs(),
      stillFromMs: STORY_START_MS + this.story.stillFromMs,
    }
  }

  // ---- what happens ----

  /** Something hinders the worker at this moment. */
  disturb(untilMs = this.scheduler.nowMs): void {
    this.#disturbedMs = Math.max(this.#disturbedMs, untilMs)
  }

  inject(currency: string, amount: Decimal): void {
    this.#injectedAtMs = this.scheduler.nowMs
    this.#injected.set(currency, (this.#injected.get(currency) ?? ZERO).plus(amount))
  }

  confirmSafety(level: SafetyLevel): void {
    this.#safety = level
  }

  wantSpare(): void {
    this.#spareWanted = true
  }

  worker(): LabWorker | null {
    return this.#holder
  }

  /** A new worker takes the account over. */
  async startWorker(): Promise<void> {
    const assignment = await this.backend.takeOver()
    this.#token = assignment.token
    this.startWith(assignment)
  }

  /** @param assignment is of the backend's newest holder. */
  startWith(assignment: AccountAssignment): void {
    this.#token = assignment.token
    this.disturb()
    const worker = new LabWorker(this, this.#workers.length + 1, assignment)
    this.#workers.push(worker)
    this.#holder = worker
    this.#leaseUntilMs = this.scheduler.nowMs + 15_000
    this.log.add(`worker ${worker.process.number} takes the account with token ${assignment.token}`)
    worker.start()
  }

  /** A worker is gone; the next one comes after a while. */
  comesBack(afterMs: number): void {
    this.disturb()
    const gone = this.#holder
    this.scheduler.after(afterMs, async () => {
      if (this.#holder === gone) await this.startWorker()
    })
  }

  killed(process: WorkerProcess, where: string): void {
    this.log.add(`worker ${process.number} is killed: ${where}`)
    if (this.#holder?.process === process) this.comesBack(this.chance.of([200, 1_500, 6_000, 21_000]))
  }

  spins(process: WorkerProcess): void {
    const { stack } = new Error()
    this.breaks(OWN_MISTAKE, 'no worker goes in circles', `worker ${process.number} asks without ever waiting: ${stack}`)
  }

  committing(process: WorkerProcess, commit: AccountCommit): void {
    this.#each(watcher => watcher.committing?.(process, commit))
  }

  committed(process: WorkerProcess, commit: AccountCommit): void {
    this.log.commit(process.number, commit)
    try {
      this.truth.committed(commit)
    } catch (error) {
      this.breaks(5, 'each cause is booked once', error instanceof Error ? error.message : String(error))
      return
    }
    this.#each(watcher => watcher.committed?.(process, commit))
  }

  called(process: WorkerProcess, call: VenueCall): void {
    this.log.call(process.number, call)
    this.#each(watcher => watcher.called?.(process, call))
  }

  banTold(process: WorkerProcess, untilMs: number): void {
    this.#each(watcher => watcher.banTold?.(process, untilMs))
  }

  openedBot(botId: string, bot: OpenedBot): void {
    this.#opened.set(botId, bot)
  }

  instruments(): Instrument[] {
    return this.exchange.instruments()
  }

  lastPrice(symbol: string): number {
    return this.#lastPrices.get(symbol) ?? this.story.startPrice
  }

  get feeCoin(): string {
    return FEE_COIN
  }

  /** Closed candles of a symbol up to now. */
  history(symbol: string): readonly ReturnType<CandleMaker['close']>[] {
    return [...(this.#past.get(symbol) ?? []), ...(this.#candles.get(symbol)?.closed() ?? [])]
  }

  /** The backup is put back: what was written since is forgotten, the venue forgets nothing. */
  async restore(commits: number, snapshot: unknown): Promise<void> {
    this.#holder?.process.kill()
    const assignment = await this.backend.restore(snapshot)
    this.truth.restore(commits)
    this.#each(watcher => watcher.restored?.())
    this.epoch += 1
    this.backend.setEpoch(this.epoch)
    this.startWith(assignment)
  }

  /** As long as no worker is ready nobody can do anything about anything. */
  #undisturbedSinceMs(): number {
    const holder = this.#holder
    if (
      !holder?.process.isAlive ||
      holder.isStopping ||
      holder.process.isFrozen ||
      !holder.mayAct() ||
      holder.status()?.stage !== 'ready'
    )
      this.disturb()
    return this.#disturbedMs
  }

  #historyBars(): number {
    return Math.max(HISTORY_BARS, ...this.story.bots.map(bot => bot.historyBars ?? 0))
  }

  #since(): number {
    return this.scheduler.nowMs - STORY_START_MS
  }

  #each(tell: (watcher: Watcher) => void): void {
    for (const { number, name, watcher } of this.#watchers) {
      if (this.#broken) return
      try {
        tell(watcher)
      } catch (error) {
        this.breaks(
          number,
          name,
          `the check itself fails: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        )
      }
    }
  }

  #heard(message: VenueMessage): void {
    if (message.kind === 'fill') {
      const execution = this.truth.executed(message.fill)
      const { fill, owner } = execution
      this.log.add(
        `venue: ${owner ? owner.botId.slice(-4) : 'foreign'} ${fill.clientOrderId} ${fill.side} ${fill.quantity} at ${fill.price}, fill ${fill.venueFillId}`,
      )
      if (!owner) this.#noteForeign(fill)
      this.#each(watcher => watcher.executed?.(execution))
    } else if (message.kind === 'order') {
      this.#each(watcher => watcher.ordered?.(message.order))
    }
    this.front.heard(message)
  }

  #noteForeign(fill: Extract<VenueMessage, { kind: 'fill' }>['fill']): void {
    const { base, quote } = this.story.instruments.find(each => each.symbol === fill.symbol)!
    const value = fill.price.times(fill.quantity)
    this.inject(base, fill.side === 'buy' ? fill.quantity : fill.quantity.negated())
    this.inject(quote, fill.side === 'buy' ? value.negated() : value)
    if (fill.fee && fill.feeAsset !== null) this.inject(fill.feeAsset, fill.fee.negated())
  }

  #stream(message: VenueMessage): void {
    for (const worker of this.#workers) if (worker.process.isAlive) worker.venue.stream(message)
  }

  #scheduleMarket(symbol: string): void {
    const { story } = this
    const plan = {
      kind: story.market,
      startMs: STORY_START_MS,
      calmFromMs: STORY_START_MS + story.faultsToMs,
      stillFromMs: STORY_START_MS + story.stillFromMs,
      endMs: STORY_START_MS + story.endMs,
      startPrice: story.startPrice,
      places: this.#rulesAtStart.get(symbol)?.tick.places() ?? 2,
    }
    const prints = marketPath(plan, new Dice(story.seed).fork(`market ${symbol}`))
    const next = (i: number): void => {
      const print = prints[i]
      if (!print) return
      this.scheduler.at(print.atMs, () => {
        this.#trade(symbol, print)
        next(i + 1)
      })
    }
    next(0)
  }

  #trade(symbol: string, print: LabPrint): void {
    const price = Decimal.from(print.price)
    const isThin = this.faults.strikes('partial_fill')
    const quantity = isThin ? '0.05' : String(print.quantity)
    this.exchange.print({ symbol, price, quantity: Decimal.from(quantity), atMs: print.atMs })
    this.#candles.get(symbol)!.trade(print)
    this.#lastPrices.set(symbol, print.price)
    const worker = this.#holder
    if (!worker?.process.isAlive || worker.process.isFrozen) return
    worker.process.deliver(this.travel.whole(10, 60), () => worker.run?.offerPrice(symbol, price, print.atMs))
  }

  #scheduleCandles(): void {
    const stepMs = timeframeMs(this.story.bots[0]!.feedTimeframe)
    const next = (closeMs: number): void => {
      if (closeMs > STORY_START_MS + this.story.endMs) return
      this.scheduler.at(closeMs, () => {
        const closed = new Map([...this.#candles].map(([symbol, maker]) => [symbol, maker.close(closeMs)]))
        const worker = this.#holder
        if (worker?.process.isAlive && !worker.process.isFrozen) {
          worker.process.deliver(this.travel.whole(50, 400), () => worker.run?.offerCandles(closeMs - stepMs, closed))
        }
        next(closeMs + stepMs)
      })
    }
    next(Math.ceil((STORY_START_MS + 1) / stepMs) * stepMs)
  }

  /** Leases, and the chances that are drawn every few seconds. */
  #beat(): void {
    const { scheduler, faults } = this
    const nowMs = scheduler.nowMs
    if (this.outage && nowMs >= this.outage.untilMs) this.outage = null
    for (const name of ['db_disconnect', 'db_disk_full'] as const) {
      if (this.outage || !faults.strikes(name)) continue
      const untilMs = nowMs + faults.dice(name).whole(3_000, 120_000)
      this.outage = { untilMs, isDisk: name === 'db_disk_full' }
      this.disturb(untilMs + OUTAGE_FELT_MS)
    }
    const holder = this.#holder
    if (holder?.process.isAlive && !holder.process.isFrozen && !(this.outage && !this.outage.isDisk)) {
      if (holder.assignment.token === this.#token) {
        holder.renewed()
        this.#leaseUntilMs = nowMs + 15_000
      }
      if (faults.strikes('stream_disconnect')) holder.venue.breakStream(faults.dice('stream_disconnect').whole(1_000, 40_000))
      if (faults.strikes('wall_jump')) {
        const jump = faults.dice('wall_jump').of([-600_000, -20_000, -3_000, 3_000, 20_000, 600_000])
        holder.process.clockErrorMs = holder.process.clockErrorMs === 0 ? jump : 0
      }
    }
    if (this.#since() >= this.story.faultsToMs && holder) holder.process.clockErrorMs = 0
    if (this.#spareWanted && holder && nowMs >= this.#leaseUntilMs + 5_000 && holder.process.isAlive) {
      this.log.add(`the lease of worker ${holder.process.number} has run out`)
      this.#spareWanted = true
      scheduler.after(1, () => this.startWorker())
    }
    scheduler.after(BEAT_MS, () => this.#beat())
  }
}

function openingBalances(story: Story, instruments: readonly Instrument[]): Record<string, Decimal> {
  const balances: Record<string, Decimal> = { [FEE_COIN]: Decimal.from(OWN_FEE_COIN) }
  const { quote } = instruments[0]!
  balances[quote] = story.bots.reduce((sum, bot) => sum.plus(Decimal.from(bot.initialBalance)), Decimal.from(OWN_QUOTE))
  for (const { base } of instruments) balances[base] = Decimal.from(OWN_BASE)
  return balances
}
