// Opens the feed a run asks for: the demo market at its speed, or stored candles.

import type { DcaConfig } from '../core/dca/config.ts'
import { DEMO_EXCHANGE, type DemoMarket } from '../core/market/demo-market.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { bucketStart, type Timeframe, timeframeMs } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import { decisionTimeframe } from '../engine/dca/playbooks.ts'
import { type PreparedDca, symbolsOf } from '../engine/dca/prepare.ts'
import type { SimulatedRun } from '../engine/simulated-run.ts'
import type { VenueParameters } from '../engine/simulated-venue/fill-price.ts'
import { type Latency, NO_LATENCY } from '../engine/simulated-venue/odds.ts'
import { type CandleFeed, createFeedPump } from './feed-pump.ts'
import type { Assignment, DemoClock, HistorySource, RunFeedSpec, RunStore, SavedRun, VenueSpec } from './ports.ts'
import type { Cursor, Pump } from './pump.ts'
import { createReplayPump } from './replay-pump.ts'

export interface OpenedFeed {
  readonly pump: Pump<DcaState>
}

export interface FeedRequest {
  readonly assignment: Assignment
  readonly saved: SavedRun
  readonly config: DcaConfig
  readonly prepared: PreparedDca
  readonly instruments: ReadonlyMap<string, Instrument>
  readonly run: SimulatedRun<DcaState>
  readonly venueTimeframe: Timeframe
  readonly cursor: Cursor
  /** Set on a restart. */
  readonly startMs: number | null
  readonly equityUptoMs: number | null
  /** Walk every bar, also those that the bot would sleep through. */
  readonly everyBar: boolean
  /** Learns of candles that came too late for decisions. */
  onLate?(openMs: number, nextMs: number): void
}

export interface FeedOpener {
  /** @param before the timeframe this run has walked so far: it stays, whatever finer candles were stored meanwhile. */
  venueTimeframe(
    spec: RunFeedSpec,
    config: DcaConfig,
    instruments: ReadonlyMap<string, Instrument>,
    before: Timeframe | null,
  ): Promise<Timeframe>
  open(request: FeedRequest): Promise<OpenedFeed>
}

/** The demo market with its hub, behind a port: feeds for a list of symbols at one time. */
export interface DemoSource {
  readonly market: DemoMarket
  clock(speed: number): DemoClock
  subscribe(symbols: readonly string[], clock: DemoClock): CandleFeed
  marketNow(clock: DemoClock): number
}

export interface FeedDeps {
  readonly store: Pick<RunStore, 'saveDemoClock'>
  readonly history: HistorySource
  readonly demo: DemoSource
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export class FeedError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'FeedError'
    this.code = code
  }
}

export function venueParameters(spec: VenueSpec): VenueParameters {
  return {
    fillPath: spec.fillPath,
    slippageBps: Decimal.from(spec.slippageBps),
    impactBpsPerPctVolume: Decimal.from(spec.impactBpsPerPctVolume ?? '0'),
    volumeCapPct: Decimal.from(spec.volumeCapPct),
    latency: latencyOf(spec.latencyMs),
    cancelLatency: latencyOf(spec.cancelLatencyMs),
    rejectProb: spec.rejectProb ?? 0,
    partialProb: spec.partialProb ?? 0,
    seed: spec.seed ?? 0,
  }
}

function latencyOf(range: VenueSpec['latencyMs']): Latency {
  return range ? { minMs: range.min, maxMs: range.max } : NO_LATENCY
}

export function createFeedOpener(deps: FeedDeps): FeedOpener {
  return {
    async venueTimeframe(spec, config, instruments, before) {
      if (spec.kind === 'demo') return '1m'
      if (spec.timeframe) return spec.timeframe
      const coarsest = decisionTimeframe(config)
      if (before && timeframeMs(before) <= timeframeMs(coarsest)) return before
      const instrument = instruments.get(config.pairs[0]!)
      const found = instrument ? await deps.history.venueTimeframe(instrument.id, coarsest) : null
      if (!found) {
        throw new FeedError(
          'INSUFFICIENT_DATA',
          `no candles of ${spec.exchange} ${config.pairs[0]} in ${coarsest} or finer are stored: import some first`,
        )
      }
      return found
    },
    async open(request) {
      const { feed } = request.saved
      return feed.kind === 'demo' ? openDemo(deps, request, feed) : openReplay(deps, request, feed)
    },
  }
}

async function openReplay(
  deps: FeedDeps,
  request: FeedRequest,
  spec: Extract<RunFeedSpec, { kind: 'replay' }>,
): Promise<OpenedFeed> {
  const candles = new Map<string, Awaited<ReturnType<HistorySource['columns']>>>()
  for (const [symbol, instrument] of request.instruments) {
    const columns = await deps.history.columns(instrument.id, request.venueTimeframe, undefined, spec.toMs)
    if (columns.length === 0) {
      throw new FeedError(
        'INSUFFICIENT_DATA',
        `no ${request.venueTimeframe} candles of ${instrument.id} are stored: import some first`,
      )
    }
    candles.set(symbol, columns)
  }
  return {
    pump: createReplayPump({
      run: request.run,
      prepared: request.prepared,
      instruments: request.instruments,
      candles,
      venueTimeframe: request.venueTimeframe,
      timeframe: request.config.timeframe,
      fromMs: spec.fromMs,
      toMs: spec.toMs,
      speed: spec.speed,
      cursor: request.cursor,
      startMs: request.startMs,
      equityUptoMs: request.equityUptoMs,
      everyBar: request.everyBar,
      sleep: deps.sleep,
      now: deps.now,
    }),
  }
}

/** Bars of history beyond what a decision reads: recursive indicators forget their start over these. */
const MEMORY_BARS = 300

/** The longest period any node of the run asks for, with room for smoothed smoothings. */
function longestPeriod(prepared: PreparedDca): number {
  let longest = 0
  for (const node of prepared.playbooks.flatMap(each => [...each.nodes])) {
    longest = Math.max(longest, node.historyNeed)
    if (node.kind === 'indicator')
      for (const value of Object.values(node.params)) longest = Math.max(longest, 3 * Number(value) || 0)
    if (node.kind === 'volume_avg') longest = Math.max(longest, node.period)
  }
  return longest
}

async function openDemo(deps: FeedDeps, request: FeedRequest, spec: Extract<RunFeedSpec, { kind: 'demo' }>): Promise<OpenedFeed> {
  if (request.config.exchange !== DEMO_EXCHANGE) {
    throw new FeedError(
      'CAPABILITY_MISSING',
      `the demo market trades the exchange "demo", this bot is for ${request.config.exchange}`,
    )
  }
  let clock = spec.time
  if (!clock) {
    clock = deps.demo.clock(spec.speed)
    await deps.store.saveDemoClock(request.assignment, clock)
  }
  const startMs = request.startMs ?? bucketStart('1m', deps.demo.marketNow(clock))
  const symbols = symbolsOf(request.config)
  for (const { symbol } of request.prepared.pairs) if (!symbols.includes(symbol)) symbols.push(symbol)
  const anchorMs = anchorOf(request.prepared, startMs)
  return {
    pump: createFeedPump({
      run: request.run,
      prepared: request.prepared,
      feed: deps.demo.subscribe(symbols, clock),
      symbols: new Map(symbols.map(symbol => [symbol, request.instruments.get(symbol)!.id])),
      timeframe: request.config.timeframe,
      startMs,
      cursor: request.cursor,
      equityUptoMs: request.equityUptoMs,
      history: (symbol, toMs) => deps.demo.market.candles(symbol, anchorMs, toMs),
      ...(request.onLate ? { onLate: request.onLate } : {}),
    }),
  }
}

/** Where the indicators of a run start for good: far enough back that they are warm at its first decision. */
function anchorOf(prepared: PreparedDca, startMs: number): number {
  const memory = Math.max(MEMORY_BARS, longestPeriod(prepared))
  let anchorMs = startMs
  for (const need of prepared.needs) {
    const wanted = bucketStart(need.timeframe, startMs - (need.depth + memory) * timeframeMs(need.timeframe))
    anchorMs = Math.min(anchorMs, wanted)
  }
  return bucketStart('1d', anchorMs)
}
