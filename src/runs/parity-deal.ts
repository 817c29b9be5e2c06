// One deal of a recorded run, simulated alone: from the state right after the decision that opened it, over the candles of its run, with
// the commands that reached it, and with no candle too late. It is the machine and the venue of the run itself, so whatever differs in
// the end has a cause worth knowing.

import { parityLegs } from '../backtest/parity-legs.ts'
import { reviveDealStart } from '../backtest/parity-start.ts'
import type { SeriesLookup } from '../core/conditions/series-lookup.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import type { DemoMarket } from '../core/market/demo-market.ts'
import { type Instrument, splitSymbol } from '../core/market/instrument.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { type Decimal, ZERO } from '../core/money/decimal.ts'
import type { Fill, Order } from '../core/orders/order.ts'
import type { ParitySide } from '../core/parity/attribute.ts'
import { seriesLookup } from '../engine/candle-series.ts'
import { ColumnRun } from '../engine/column-run.ts'
import type { TradeImage } from '../engine/commit-batch.ts'
import { createDcaMachine } from '../engine/dca/dca-machine.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import { type PreparedDca, prepareDca, symbolsOf } from '../engine/dca/prepare.ts'
import { type SavedVenue, SimulatedRun } from '../engine/simulated-run.ts'
import { venueParameters } from './open-feed.ts'
import type { Assignment, HistorySource, RunStore, SavedRun } from './ports.ts'
import type { Cursor } from './pump.ts'
import { eventOf } from './replay-run.ts'
import { recordedFeeds } from './replay-run-feeds.ts'
import type { RecordedEntry } from './replay-run-journal.ts'
import { TURN_MS } from './turns.ts'

/** What a run noted when a deal began. */
export interface DealStart {
  readonly venueTimeframe: Timeframe
  /** First instant of the run: where its indicators have their anchor. */
  readonly startMs: number
  readonly state: unknown
}

export interface DealToSimulate {
  readonly assignment: Assignment
  readonly saved: Omit<SavedRun, 'state' | 'lastSeq' | 'currentVersion'>
  readonly tradeSeq: number
  readonly start: DealStart
  /** The instant of the decision. */
  readonly decidedAtMs: number
  /** Commands, edits and changes of safety between its decision and its end. */
  readonly outside: readonly RecordedEntry[]
}

export interface SimulationDeps {
  readonly instruments: RunStore['instruments']
  readonly history: HistorySource
  readonly market: DemoMarket
  /** Series of stored candles that were put together before: deals of one run look at the same. */
  readonly lookups: Map<string, SeriesLookup>
  /** Candles of the demo market that open at or after this have not happened yet. */
  demoNowMs(saved: DealToSimulate['saved']): number
}

export interface SimulatedDeal {
  readonly side: ParitySide
  /** Quote paid on entering. */
  readonly entryValue: Decimal
  readonly exitReason: string | null
  readonly openedAtMs: number | null
  readonly closedAtMs: number | null
  /** Instants of the feed that were walked through. */
  readonly instants: number
}

/** A deal that stays open in its simulation is not followed for ever: this many instants, a year of minutes. */
const MOST_INSTANTS = 1_100_000
const NOTHING_SAMPLED = Number.MAX_SAFE_INTEGER

/** @throws INSUFFICIENT_DATA where candles are gone; Error with a reason in words where the deal cannot be simulated. */
export async function simulateDeal(deal: DealToSimulate, deps: SimulationDeps, signal: AbortSignal): Promise<SimulatedDeal> {
  const facts = new DealFacts(deal.tradeSeq)
  let state = reviveDealStart(deal.start.state)
  let at: Cursor = { kind: 'decision', atMs: deal.decidedAtMs }
  const { symbol } = state.deals[0]!
  let version = state.configVersion
  let open = await openAt(deal, deps, facts, { state, cursor: at, version, isUndone: true })
  open.run.carryOut(deal.decidedAtMs)
  const waiting = deal.outside.slice()
  let instants = 0
  let turnMs = performance.now()
  try {
    for (;;) {
      for (let next = waiting[0]; next && isReached(at, next); next = waiting[0]) {
        waiting.shift()
        const event = eventOf(next)
        if (event.kind === 'config_applied') {
          version = event.version
          state = open.run.state
          const venue = open.run.savedVenue()
          open.pump.stop()
          open = await openAt(deal, deps, facts, { state, cursor: at, version, ...(venue ? { venue } : {}) })
        }
        if (!hasEnded(open.run.state)) open.run.raise(event)
      }
      if (hasEnded(open.run.state)) break
      if (instants >= MOST_INSTANTS) throw new Error(`it is still open in the simulation after ${MOST_INSTANTS} candles`)
      if (performance.now() - turnMs > TURN_MS) {
        signal.throwIfAborted()
        await new Promise(resolve => setImmediate(resolve))
        turnMs = performance.now()
      }
      const cursor = await open.pump.next()
      if (!cursor) {
        open.pump.finish()
        break
      }
      instants += 1
      at = cursor
    }
  } finally {
    open.pump.stop()
  }
  return facts.result(splitSymbol(symbol)!.base, instants)

  function hasEnded(now: DcaState): boolean {
    return now.ended !== null || !now.deals.some(each => each.tradeSeq === deal.tradeSeq)
  }
}

async function openAt(
  deal: DealToSimulate,
  deps: SimulationDeps,
  facts: DealFacts,
  from: { state: DcaState; cursor: Cursor; version: number; venue?: SavedVenue; isUndone?: boolean },
): Promise<{ run: SimulatedRun<DcaState>; pump: DealPump }> {
  const { saved, start } = deal
  const { state, cursor, version, venue, isUndone = false } = from
  const symbol = state.deals[0]?.symbol ?? ''
  const configs = new Map<number, DcaConfig>()
  for (const each of new Set([version, state.configVersion, ...state.deals.map(one => one.configVersion)])) {
    const config = saved.config(each)
    if (!config) throw new Error(`version ${each} of the configuration is missing`)
    configs.set(each, aloneWith(config, symbol))
  }
  const current = configs.get(version)!
  const exchange = saved.feed.kind === 'replay' ? saved.feed.exchange : current.exchange
  const symbols = new Set([...configs.values()].flatMap(symbolsOf))
  const instruments = await deps.instruments(exchange, [...symbols])
  const prepared = prepareDca(configs, version, instruments, start.venueTimeframe)
  const run = new SimulatedRun<DcaState>({
    machine: createDcaMachine(prepared.setting, version, false, false),
    instruments,
    venue: venueParameters(saved.venue),
    venueTimeframe: start.venueTimeframe,
    direction: prepared.direction,
    sink: facts,
    from: { state, seq: 0, isUndone, ...(venue ? { venue } : {}) },
  })
  if (saved.feed.kind === 'replay') {
    return { run, pump: await columnPump(deps, { deal, cursor, run, prepared, instruments }, saved.feed.toMs) }
  }
  const feeds = recordedFeeds({
    history: deps.history,
    market: deps.market,
    startMs: start.startMs,
    late: [],
    demoUntilMs: deps.demoNowMs(saved),
  })
  const { pump } = await feeds.open({
    assignment: deal.assignment,
    saved: { ...saved, state: null, lastSeq: 0, currentVersion: version },
    config: current,
    prepared,
    instruments,
    run,
    venueTimeframe: start.venueTimeframe,
    cursor,
    startMs: start.startMs,
    equityUptoMs: NOTHING_SAMPLED,
    everyBar: true,
  })
  return {
    run,
    pump: {
      next: () => pump.next(() => NEVER),
      finish: () => run.endOfData(run.state.nowMs, pump.prices()),
      stop: () => pump.stop(),
    },
  }
}

interface DealPump {
  next(): Promise<Cursor | null>
  /** Leaves at the last price: the candles are over. */
  finish(): void
  stop(): void
}

const NEVER = new AbortController().signal

/** Stored candles, every one of them: commands that a sleeping run took between two of its wake-ups keep their place. */
async function columnPump(
  deps: SimulationDeps,
  of: {
    deal: DealToSimulate
    cursor: Cursor
    run: SimulatedRun<DcaState>
    prepared: PreparedDca
    instruments: ReadonlyMap<string, Instrument>
  },
  toMs: number | undefined,
): Promise<DealPump> {
  const { cursor, run, prepared } = of
  const { venueTimeframe, startMs } = of.deal.start
  const venue = await Promise.all(
    [...of.instruments.values()].map(async instrument => ({
      instrumentId: instrument.id,
      columns: await deps.history.columns(instrument.id, venueTimeframe, undefined, toMs),
    })),
  )
  const pairs = venue.filter(each => prepared.pairs.some(({ instrument }) => instrument.id === each.instrumentId))
  const firstMs = Math.min(...pairs.map(({ columns }) => columns.openTimeMs[0] ?? Number.POSITIVE_INFINITY))
  if (firstMs > of.cursor.atMs) throw new Error('the candles of its time are not stored any more')
  const lastMs = Math.max(...pairs.map(({ columns }) => columns.openTimeMs[columns.length - 1] ?? Number.NEGATIVE_INFINITY))
  const clock = prepared.pairs.map(({ instrument }) => ({ instrumentId: instrument.id, timeframe: prepared.decisionTimeframe }))
  const wanted = [...clock, ...prepared.needs]
  const name = [venueTimeframe, toMs ?? '', ...wanted.map(each => `${each.instrumentId} ${each.timeframe}`)].join('|')
  const lookup = deps.lookups.get(name) ?? seriesLookup(venue, venueTimeframe, wanted)
  deps.lookups.set(name, lookup)
  const columnRun = new ColumnRun<DcaState>({
    run,
    pairs: prepared.pairs,
    lookup,
    venueTimeframe,
    decisionTimeframe: prepared.decisionTimeframe,
    series: prepared.needs.map(need => need.key),
    fromMs: startMs,
    toMs: Math.min(toMs ?? Number.POSITIVE_INFINITY, nextBucketStart(venueTimeframe, lastMs)),
    skip: false,
  })
  if (cursor.kind === 'candle') columnRun.resumeAfter({ kind: 'candle', openMs: cursor.atMs })
  else columnRun.resumeAfter({ kind: 'decision', atMs: cursor.atMs })
  return {
    async next() {
      const step = columnRun.next()
      if (step.kind === 'end') return null
      return step.kind === 'candle' ? { kind: 'candle', atMs: step.openMs } : { kind: 'decision', atMs: step.atMs }
    },
    finish: () => columnRun.finish(),
    stop() {},
  }
}

/** The configuration for one deal: no other is opened beside it. */
function aloneWith(config: DcaConfig, symbol: string): DcaConfig {
  const pairs = config.pairs.includes(symbol) ? [symbol] : config.pairs
  return { ...config, pairs, maxActiveDeals: 1, maxDealsPerPair: 1 }
}

const RANK: Record<Cursor['kind'], number> = { none: 0, decision: 1, candle: 2 }

function isReached(at: Cursor, entry: RecordedEntry): boolean {
  const place = (entry.payload as { cursor?: Cursor } | null)?.cursor
  if (!place) throw new Error(`entry ${entry.seq} does not say where the feed stood`)
  return at.atMs > place.atMs || (at.atMs === place.atMs && RANK[at.kind] >= RANK[place.kind])
}

/** Keeps what the one deal orders and fills. */
class DealFacts {
  readonly #tradeSeq: number
  readonly #orders = new Map<string, Order>()
  readonly #fills: Fill[] = []
  #image: TradeImage | null = null

  constructor(tradeSeq: number) {
    this.#tradeSeq = tradeSeq
  }

  stepped(
    _seq: number,
    _event: unknown,
    {
      changes,
    }: { changes: { orders: readonly Order[]; fills: readonly Fill[]; endedDeals: boolean; trades: readonly TradeImage[] } },
  ): void {
    for (const order of changes.orders) {
      if (order.tradeSeq === this.#tradeSeq) this.#orders.set(`${order.purpose}|${order.sequence}`, order)
    }
    for (const fill of changes.fills) if (fill.tradeSeq === this.#tradeSeq) this.#fills.push(fill)
    if (!changes.endedDeals) return
    for (const trade of changes.trades) {
      if (trade.tradeSeq === this.#tradeSeq && trade.parentTradeSeq === null) this.#image = trade
    }
  }

  result(base: string, instants: number): SimulatedDeal {
    const image = this.#image
    return {
      side: {
        legs: parityLegs([...this.#orders.values()], this.#fills, base),
        netPnl: image?.netPnl ?? ZERO,
        fees: image?.commission ?? ZERO,
        funding: ZERO,
      },
      entryValue: image?.entryValue ?? ZERO,
      exitReason: image?.exitReason ?? null,
      openedAtMs: image?.openedAtMs ?? null,
      closedAtMs: image?.closedAtMs ?? null,
      instants,
    }
  }
}
