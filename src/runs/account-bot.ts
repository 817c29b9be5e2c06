// One bot of an exchange account as its writer has it at hand: engine state, what it waits for, and the facts of its steps that wait
// for the next commit. Everything here is synchronous; nothing is sent from here.

import { FALSE, TRUE } from '../core/conditions/evaluate.ts'
import { RecordingReads } from '../core/conditions/recorded-reads.ts'
import { FRESH_PLAYBOOK_STATE, instantOf, stepPlaybook } from '../core/conditions/step-playbook.ts'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { Candle } from '../core/market/candles.ts'
import { type InstrumentRules, instrumentRules } from '../core/market/instrument.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { SavedBot } from '../engine/account-store.ts'
import type { CommitBatch } from '../engine/commit-batch.ts'
import type { DcaState, Deal } from '../engine/dca/dca-state.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'
import type { PriceWatch } from '../engine/watch.ts'
import type { OpenedBot } from './account-ports.ts'
import { BatchCollector } from './batch-collector.ts'
import { type ClosedBar, DecisionClock } from './decision-clock.ts'
import { RunStatistics, type RunStatisticsState } from './run-statistics.ts'

/** What a restart continues from. */
interface SavedBotState {
  readonly schema: 1
  readonly engine: unknown
  readonly statistics: RunStatisticsState
  /** The last decision that was written down, by symbol. */
  readonly reasons: Readonly<Record<string, string>>
  /** Last prices, by symbol. */
  readonly prices: Readonly<Record<string, string>>
  /** Rules of the venue that the bot was stepped with last, by symbol. */
  readonly rules: Readonly<Record<string, InstrumentRules>>
}

const MONEY_PLACES = 8
/** Steps that one price may cause: more would be a watch that fires without end. */
const TOUCH_LIMIT = 1000

export class AccountBot {
  readonly botId: string
  readonly runId: string
  readonly saved: SavedBot
  readonly clock: DecisionClock
  readonly prices = new Map<string, Decimal>()
  #opened: OpenedBot
  #state: DcaState
  #committed: DcaState
  #collector: BatchCollector<DcaState>
  #statistics: RunStatistics
  #lastSeq: number

  constructor(saved: SavedBot, opened: OpenedBot) {
    this.botId = saved.botId
    this.runId = saved.runId
    this.saved = saved
    this.#opened = opened
    const state = saved.state as SavedBotState | null
    if (state && state.schema !== 1)
      throw new Error(`bot ${saved.botId}: saved state has schema ${String(state.schema)}, this version reads 1`)
    this.#state = state ? opened.machine.revive(state.engine) : opened.machine.initialState()
    this.#committed = this.#state
    this.#lastSeq = saved.lastSeq
    this.#collector = new BatchCollector<DcaState>(saved.lastSeq, state?.reasons ?? {}, true)
    this.#statistics = new RunStatistics(opened.initialBalance.toNumber(), state?.statistics ?? null)
    for (const [symbol, price] of Object.entries(state?.prices ?? {})) this.prices.set(symbol, Decimal.from(price))
    const symbols = new Map([...opened.instruments].map(([symbol, instrument]) => [symbol, instrument.id as string]))
    this.clock = new DecisionClock(opened.prepared, opened.feedTimeframe, symbols)
  }

  get opened(): OpenedBot {
    return this.#opened
  }

  /** Goes on with the same state under other rules of the venue. */
  reopen(opened: OpenedBot): void {
    this.#opened = opened
  }

  /** Rules that have become others since the bot was stepped last: its journal must tell of them. */
  changedRules(): InstrumentRules[] {
    const saved = this.saved.state as SavedBotState | null
    if (!saved) return []
    return [...this.opened.instruments.values()].flatMap(each => {
      const rules = instrumentRules(each)
      return canonicalJson(rules) === canonicalJson(saved.rules[each.symbol] ?? null) ? [] : [rules]
    })
  }

  get state(): DcaState {
    return this.#state
  }

  /** Whether the run has been told that it starts. */
  get hasStarted(): boolean {
    return this.#lastSeq > 0 || this.#collector.hasNews()
  }

  trades(symbol: string): boolean {
    return this.opened.prepared.pairs.some(pair => pair.symbol === symbol)
  }

  deal(tradeSeq: number): Deal | undefined {
    return this.#state.deals.find(deal => deal.tradeSeq === tradeSeq)
  }

  /** Steps one event; what it changed waits for the next commit. */
  step(event: EngineEvent): StepResult<DcaState> {
    const recorded = event.kind === 'candle_closed' ? { ...event, reads: new RecordingReads(event.reads) } : event
    const result = this.opened.machine.step(this.#state, recorded)
    this.#state = result.state
    this.#collector.stepped(0, recorded, result)
    return result
  }

  /** The decision instants that `candles` close, as events; those at which nothing can wake the bot are left out. */
  closes(openTimeMs: number, candles: ReadonlyMap<string, Candle>): EngineEvent[] {
    const atMs = this.clock.closeOf(openTimeMs)
    for (const [symbol, candle] of candles) this.prices.set(symbol, Decimal.from(candle.close))
    return this.clock.close(atMs, candles).flatMap(closed => (this.#wakesAt(closed, atMs) ? [this.#decision(closed, atMs)] : []))
  }

  #decision({ symbol, bar, afterGap }: ClosedBar, atMs: number): EngineEvent {
    return {
      kind: 'candle_closed',
      atMs,
      symbol,
      timeframe: this.opened.prepared.decisionTimeframe,
      openTimeMs: bar.openTimeMs,
      close: Decimal.from(bar.close),
      afterGap,
      isWarmup: false,
      reads: this.clock.reads,
    }
  }

  #wakesAt({ symbol, afterGap }: ClosedBar, atMs: number): boolean {
    if (afterGap) return true
    return this.opened.machine.watches(this.#state).some(watch => {
      if (watch.kind === 'candle_close') return watch.symbol === null || watch.symbol === symbol
      if (watch.kind === 'close_at_or_after') return watch.atMs <= atMs
      if (watch.kind !== 'condition') return false
      const playbook = this.opened.machine.playbook(watch.node)
      if (!playbook) return true
      const { met } = stepPlaybook(playbook, FRESH_PLAYBOOK_STATE, this.clock.reads, instantOf(playbook, this.clock.reads, atMs))
      return watch.becomes === true ? met === TRUE : watch.becomes === false ? met === FALSE : met !== TRUE
    })
  }

  /** Everything that a price wakes, stepped one after the other: what the first changes decides what the next may be. */
  offerPrice(symbol: string, price: Decimal, atMs: number, stepped: (result: StepResult<DcaState>) => void): void {
    this.prices.set(symbol, price)
    const spent = new Set<string>()
    for (let guard = 0; guard < TOUCH_LIMIT; guard += 1) {
      const watch = this.#touched(symbol, price, spent)
      if (!watch) return
      spent.add(watch.key)
      stepped(this.step({ kind: 'price_touched', atMs, watch: watch.id, price }))
    }
    throw new Error(`bot ${this.botId}: a price of ${symbol} woke it ${TOUCH_LIMIT} times, its watches never rest`)
  }

  #touched(symbol: string, price: Decimal, spent: ReadonlySet<string>): { id: string; key: string } | null {
    for (const watch of this.opened.machine.watches(this.#state)) {
      if (watch.kind !== 'price_at_or_below' && watch.kind !== 'price_at_or_above' && watch.kind !== 'peak_above') continue
      const key = `${watch.id}@${watch.price}`
      if (watch.symbol !== symbol || spent.has(key)) continue
      if (watch.kind === 'peak_above' ? price.gt(watch.price) : isBeyond(watch, price)) return { id: watch.id, key }
    }
    return null
  }

  /** The next time that wakes the bot; null where none does. */
  nextTimerMs(): number | null {
    let next: number | null = null
    for (const watch of this.opened.machine.watches(this.#state)) {
      if (watch.kind === 'time' && (next === null || watch.atMs < next)) next = watch.atMs
    }
    return next
  }

  fireTimers(nowMs: number, stepped: (result: StepResult<DcaState>) => void): void {
    for (let guard = 0; guard < TOUCH_LIMIT; guard += 1) {
      const due = this.opened.machine.watches(this.#state).find(watch => watch.kind === 'time' && watch.atMs <= nowMs)
      if (due?.kind !== 'time') return
      stepped(this.step({ kind: 'timer_fired', atMs: nowMs, watch: due.id, prices: new Map(this.prices) }))
      const isStill = this.opened.machine
        .watches(this.#state)
        .some(watch => watch.kind === 'time' && watch.id === due.id && watch.atMs === due.atMs)
      if (isStill) throw new Error(`bot ${this.botId}: timer ${due.id} fired and is still due`)
    }
  }

  hasNews(): boolean {
    return this.#collector.hasNews()
  }

  hasFacts(): boolean {
    return this.#collector.hasFacts()
  }

  /** Everything since the last commit; the bot counts it as written from here on. */
  takeBatch(nowMs: number): CommitBatch {
    const { machine, initialBalance } = this.opened
    const summary = machine.summary(this.#state)
    let cash = ZERO
    for (const fund of summary.funds) cash = cash.plus(fund.free).plus(fund.locked)
    let value = ZERO
    let basis = ZERO
    for (const lot of summary.lots) {
      const price = this.prices.get(lot.symbol)
      value = value.plus(price ? lot.quantity.times(price) : lot.basis)
      basis = basis.plus(lot.basis)
    }
    const equity = cash.plus(value)
    const drawdownPct = this.#statistics.sample(nowMs, equity.toNumber())
    this.#collector.addEquity({
      atMs: nowMs,
      currency: this.opened.currency,
      equity: equity.round(MONEY_PLACES, 'half_even').toString(),
      balance: cash.round(MONEY_PLACES, 'half_even').toString(),
      unrealizedPnl: value.minus(basis).round(MONEY_PLACES, 'half_even').toString(),
      drawdownPct,
    })
    const closed = this.#collector.closedTrades()
    for (const trade of closed) this.#statistics.closed(trade.netPnl ?? ZERO)
    const ended = summary.ended !== null
    const state: SavedBotState = {
      schema: 1,
      engine: this.#state,
      statistics: this.#statistics.state,
      reasons: this.#collector.reasons(),
      prices: Object.fromEntries([...this.prices].map(([symbol, price]) => [symbol, price.toString()])),
      rules: Object.fromEntries([...this.opened.instruments].map(([symbol, each]) => [symbol, instrumentRules(each)])),
    }
    const batch = this.#collector.take(
      {
        funds: summary.funds,
        metrics: closed.length > 0 || ended ? this.#statistics.metrics() : null,
        totals: {
          status: !ended ? 'running' : summary.ended === 'completed' ? 'completed' : 'stopped',
          endedAtMs: ended ? nowMs : null,
          totalTrades: summary.closedTrades,
          totalPnl: equity.minus(initialBalance).toString(),
          currentBalance: cash.toString(),
          maxDrawdown: this.#statistics.maxDrawdownPct,
          sharpeRatio: this.#statistics.sharpe(),
          tradesHash: null,
        },
        botStatus: summary.status,
        pausedBy: summary.pausedBy,
        state,
      },
      nowMs,
    )
    this.#lastSeq = batch.lastSeq
    this.#committed = this.#state
    return batch
  }

  /** Forgets what was stepped since the last commit: a mistake of ours must not be written. */
  discard(): void {
    this.#state = this.#committed
    this.#collector = new BatchCollector<DcaState>(this.#lastSeq, this.#collector.reasons(), true)
    this.#statistics = new RunStatistics(this.opened.initialBalance.toNumber(), this.#statistics.state)
  }
}

function isBeyond(watch: PriceWatch, price: Decimal): boolean {
  if (watch.kind === 'price_at_or_below') return watch.strict ? price.lt(watch.price) : price.lte(watch.price)
  return watch.strict ? price.gt(watch.price) : price.gte(watch.price)
}
