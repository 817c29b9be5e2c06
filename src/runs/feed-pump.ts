// A paper run over a feed whose candles close while we wait: each tick is traded, then decided where a bar of the decision clock closed.
// Indicators are warmed up from history before the first tick; after an outage the late candles only fill what rested.

import { type Candle, type CandleColumns, candleAt } from '../core/market/candles.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { PreparedDca } from '../engine/dca/prepare.ts'
import type { EquityPoint } from '../engine/equity-recorder.ts'
import type { SimulatedRun } from '../engine/simulated-run.ts'
import { DecisionClock } from './decision-clock.ts'
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
  /** A candle that came too late for decisions is about to be traded. @param nextMs open time of the one behind it. */
  onLate?(openMs: number, nextMs: number): void
}

export function createFeedPump(options: FeedPumpOptions): Pump<DcaState> {
  const { run, prepared, feed } = options
  const tradedTo =
    options.cursor.kind === 'none'
      ? options.startMs
      : options.cursor.kind === 'candle'
        ? options.cursor.atMs + 1
        : options.cursor.atMs
  const clock = new DecisionClock(prepared, feed.timeframe, options.symbols)

  const prices = new Map<string, Decimal>()
  for (const symbol of clock.symbols()) {
    const history = options.history(symbol, tradedTo)
    clock.warmUp(symbol, candlesOf(history))
    if (history.length > 0) prices.set(symbol, Decimal.from(history.close[history.length - 1]!))
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
    for (const { symbol, bar, afterGap } of clock.close(atMs, tick.candles)) {
      // Missed decisions are not made up.
      if (tick.late) continue
      run.decide({
        atMs,
        symbol,
        timeframe: prepared.decisionTimeframe,
        openTimeMs: bar.openTimeMs,
        close: bar.close,
        afterGap,
        isWarmup: false,
        reads: clock.reads,
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
      if (tick.late) options.onLate?.(tick.atMs, nextBucketStart(feed.timeframe, tick.atMs))
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

function* candlesOf(columns: CandleColumns): Iterable<Candle> {
  for (let i = 0; i < columns.length; i += 1) yield candleAt(columns, i)
}
