// A paper run over a feed whose candles close while we wait: each tick is traded, then decided where a bar of the decision clock closed.
// Indicators are warmed up from history before the first tick; after an outage the late candles only fill what rested.

import { LiveReads } from '../core/conditions/live-reads.ts'
import { type SeriesKey, seriesKey } from '../core/conditions/series-node.ts'
import { CandleAggregator } from '../core/market/aggregate.ts'
import { type Candle, type CandleColumns, candleAt } from '../core/market/candles.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { PreparedDca } from '../engine/dca/prepare.ts'
import type { EquityPoint } from '../engine/equity-recorder.ts'
import type { SimulatedRun } from '../engine/simulated-run.ts'
import type { Cursor, Pump } from './pump.ts'

export interface FeedTick {
  readonly atMs: number
  readonly candles: ReadonlyMap<string, Candle>
  readonly late: boolean
}

export interface CandleFeed {
  readonly timeframe: Timeframe
  start(afterMs: number | null): AsyncIterable<FeedTick>
  stop(): void
}

export interface FeedPumpOptions {
  readonly run: SimulatedRun<DcaState>
  readonly prepared: PreparedDca
  readonly feed: CandleFeed
  /** Symbols whose candles are read, the pairs among them. */
  readonly symbols: ReadonlyMap<string, string>
  readonly timeframe: Timeframe
  readonly startMs: number
  readonly cursor: Cursor
  readonly equityUptoMs: number | null
  /** Candles of the feed's timeframe from the anchor up to the cursor, by symbol: what warms the indicators up. */
  history(symbol: string, toMs: number): CandleColumns
}

interface Lane {
  readonly symbol: string
  readonly instrumentId: string
  readonly isPair: boolean
  readonly aggregators: { readonly key: SeriesKey; readonly timeframe: Timeframe; readonly aggregator: CandleAggregator | null }[]
  lastBarOpenMs: number | null
}

export function createFeedPump(options: FeedPumpOptions): Pump<DcaState> {
  const { run, prepared, feed } = options
  const clockKeys = prepared.pairs.map(({ instrument }) => ({
    key: seriesKey(instrument.id, prepared.decisionTimeframe),
    instrumentId: instrument.id as string,
    timeframe: prepared.decisionTimeframe,
    depth: 2,
  }))
  const needs = [...prepared.needs, ...clockKeys]
  const nodes = prepared.playbooks.flatMap(each => [...each.nodes])
  const reads = new LiveReads(nodes, needs)
  const tradedTo =
    options.cursor.kind === 'none'
      ? options.startMs
      : options.cursor.kind === 'candle'
        ? options.cursor.atMs + 1
        : options.cursor.atMs
  const lanes: Lane[] = [...options.symbols].map(([symbol, instrumentId]) => {
    const keys = new Map(needs.filter(need => need.instrumentId === instrumentId).map(need => [need.key, need]))
    return {
      symbol,
      instrumentId,
      isPair: prepared.pairs.some(pair => pair.symbol === symbol),
      lastBarOpenMs: null,
      aggregators: [...keys.values()].map(({ key, timeframe }) => ({
        key,
        timeframe,
        aggregator: timeframe === feed.timeframe ? null : new CandleAggregator(feed.timeframe, timeframe),
      })),
    }
  })

  const prices = new Map<string, Decimal>()
  for (const lane of lanes) {
    const history = options.history(lane.symbol, tradedTo)
    warmUp(lane, history, reads)
    if (history.length > 0) prices.set(lane.symbol, Decimal.from(history.close[history.length - 1]!))
  }

  const iterator = feed.start(tradedTo - 1)[Symbol.asyncIterator]()
  const waiting: EquityPoint[] = []
  let equityUptoMs = options.equityUptoMs ?? options.startMs
  let over = false
  let pending: Promise<IteratorResult<FeedTick>> | null = null

  const trade = (tick: FeedTick): void => {
    const opens = new Map([...tick.candles].map(([symbol, candle]) => [symbol, Decimal.from(candle.open)] as const))
    if (!tick.late) run.fireTimers(tick.atMs, opens)
    const traded = prepared.pairs.flatMap(({ symbol }) => {
      const candle = tick.candles.get(symbol)
      return candle ? [[symbol, candle] as const] : []
    })
    run.candles(traded, tick.late)
    for (const [symbol, candle] of tick.candles) prices.set(symbol, Decimal.from(candle.close))
  }

  const decide = (tick: FeedTick): void => {
    const atMs = nextBucketStart(feed.timeframe, tick.atMs)
    const closed = new Map<string, Candle>()
    for (const lane of lanes) {
      const candle = tick.candles.get(lane.symbol)
      if (!candle) continue
      for (const { key, timeframe, aggregator } of lane.aggregators) {
        for (const bar of aggregator ? aggregator.feed(candle) : [candle]) {
          reads.push(key, bar)
          const isNow = nextBucketStart(timeframe, bar.openTimeMs) === atMs
          if (lane.isPair && timeframe === prepared.decisionTimeframe && isNow) closed.set(lane.symbol, bar)
        }
      }
    }
    for (const lane of lanes) {
      const bar = closed.get(lane.symbol)
      if (!bar) continue
      const afterGap =
        lane.lastBarOpenMs !== null && nextBucketStart(prepared.decisionTimeframe, lane.lastBarOpenMs) !== bar.openTimeMs
      lane.lastBarOpenMs = bar.openTimeMs
      // Missed decisions are not made up.
      if (tick.late) continue
      run.decide({
        atMs,
        symbol: lane.symbol,
        timeframe: prepared.decisionTimeframe,
        openTimeMs: bar.openTimeMs,
        close: bar.close,
        afterGap,
        isWarmup: false,
        reads,
      })
    }
  }

  const sample = (atMs: number): void => {
    if (nextBucketStart(options.timeframe, atMs - 1) !== atMs || atMs <= equityUptoMs) return
    const summary = run.machine.summary(run.state)
    let cash = 0
    for (const fund of summary.funds) cash += fund.free.plus(fund.locked).toNumber()
    let value = 0
    let basis = 0
    for (const lot of summary.lots) {
      const price = prices.get(lot.symbol)
      value += price ? lot.quantity.toNumber() * price.toNumber() : lot.basis.toNumber()
      basis += lot.basis.toNumber()
    }
    waiting.push({ atMs, equity: cash + value, balance: cash, unrealized: value - basis })
    equityUptoMs = atMs
  }

  return {
    run,
    startMs: options.startMs,
    isOver: () => over,
    async next(patience) {
      const signal = patience()
      pending ??= iterator.next()
      // The signal outlives this waiting: what listens to it must go.
      let cancel = (): void => {}
      const ended = new Promise<null>(resolve => {
        cancel = () => resolve(null)
        if (signal.aborted) cancel()
        else signal.addEventListener('abort', cancel, { once: true })
      })
      const result = await Promise.race([pending, ended]).finally(() => signal.removeEventListener('abort', cancel))
      if (result === null) return null
      pending = null
      if (result.done) {
        over = true
        return null
      }
      const tick = result.value
      trade(tick)
      sample(nextBucketStart(feed.timeframe, tick.atMs))
      decide(tick)
      return { kind: 'decision', atMs: nextBucketStart(feed.timeframe, tick.atMs) }
    },
    finish() {},
    flushEquity(emit) {
      for (const point of waiting.splice(0)) emit(point)
    },
    equityUptoMs: () => equityUptoMs,
    prices: () => prices,
    stop: () => feed.stop(),
  }
}

/** Feeds history bar by bar; the aggregators stand where the history ends. */
function warmUp(lane: Lane, history: CandleColumns, reads: LiveReads): void {
  for (const series of lane.aggregators) {
    const { aggregator } = series
    if (!aggregator) {
      for (let i = 0; i < history.length; i += 1) reads.push(series.key, candleAt(history, i))
      continue
    }
    for (let i = 0; i < history.length; i += 1)
      for (const bar of aggregator.feed(candleAt(history, i))) reads.push(series.key, bar)
  }
}
