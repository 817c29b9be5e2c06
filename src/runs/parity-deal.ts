// One deal of a recorded run, simulated alone: from the state right after the decision that opened it, over the candles of its run, with
// the commands that reached it, and with no candle too late. It is the machine and the venue of the run itself, so whatever differs in
// the end has a cause worth knowing.

import { parityLegs } from '../backtest/parity-legs.ts'
import { reviveDealStart } from '../backtest/parity-start.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import type { DemoMarket } from '../core/market/demo-market.ts'
import { splitSymbol } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { type Decimal, ZERO } from '../core/money/decimal.ts'
import type { Fill, Order } from '../core/orders/order.ts'
import type { ParitySide } from '../core/parity/attribute.ts'
import type { TradeImage } from '../engine/commit-batch.ts'
import { createDcaMachine } from '../engine/dca/dca-machine.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import { prepareDca, symbolsOf } from '../engine/dca/prepare.ts'
import { SimulatedRun } from '../engine/simulated-run.ts'
import { type OpenedFeed, venueParameters } from './open-feed.ts'
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
  let open = await openAt(deal, deps, facts, { state, cursor: at, version })
  for (const order of open.run.machine.liveOrders(state)) {
    const key = { tradeSeq: order.tradeSeq, purpose: order.purpose, sequence: order.sequence }
    open.run.raise({ kind: 'order_event', atMs: deal.decidedAtMs, event: 'accepted', sentNow: true, order: key, reason: null })
  }
  const never = new AbortController().signal
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
          open.feed.pump.stop()
          open = await openAt(deal, deps, facts, { state, cursor: at, version })
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
      const cursor = await open.feed.pump.next(() => never)
      if (!cursor) {
        open.feed.pump.finish()
        if (!hasEnded(open.run.state)) open.run.endOfData(open.run.state.nowMs, open.feed.pump.prices())
        break
      }
      instants += 1
      at = cursor
    }
  } finally {
    open.feed.pump.stop()
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
  from: { state: DcaState; cursor: Cursor; version: number },
): Promise<{ run: SimulatedRun<DcaState>; feed: OpenedFeed }> {
  const { saved, start } = deal
  const { state, cursor, version } = from
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
    from: { state, seq: 0 },
  })
  const feeds = recordedFeeds({
    history: deps.history,
    market: deps.market,
    startMs: start.startMs,
    late: [],
    demoUntilMs: deps.demoNowMs(saved),
  })
  const feed = await feeds.open({
    assignment: deal.assignment,
    // Every candle, as fast as it is read: commands that a sleeping run took between two of its wake-ups keep their place.
    saved: {
      ...saved,
      feed: saved.feed.kind === 'replay' ? { ...saved.feed, speed: 1 } : saved.feed,
      state: null,
      lastSeq: 0,
      currentVersion: version,
    },
    config: current,
    prepared,
    instruments,
    run,
    venueTimeframe: start.venueTimeframe,
    cursor,
    startMs: start.startMs,
    equityUptoMs: NOTHING_SAMPLED,
  })
  return { run, feed }
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
