// The pump over stored candles: backtests and replayed paper runs. It steps through every candle, or it sleeps: it jumps to the next
// candle whose range can touch an order or a watch, to the next time, and to the next close a watch asks for (execution.md 1.7). Both
// walk the same candles through the same code, so they give the same trades.

import { FALSE, TRUE } from '../core/conditions/evaluate.ts'
import { ColumnReads, type SeriesLookup } from '../core/conditions/series-lookup.ts'
import { seriesKey } from '../core/conditions/series-node.ts'
import { nextIndexWith, playbookTruthColumn } from '../core/conditions/truth-columns.ts'
import { type Candle, type CandleColumns, candleAt, firstIndexAtOrAfter } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import type { SimulatedRun } from './simulated-run.ts'
import type { Watch } from './watch.ts'

export interface ColumnRunOptions<State> {
  readonly run: SimulatedRun<State>
  /** In the order of the bot's list. */
  readonly pairs: readonly { readonly symbol: string; readonly instrument: Instrument }[]
  readonly lookup: SeriesLookup
  readonly venueTimeframe: Timeframe
  readonly decisionTimeframe: Timeframe
  /** Series that decisions read. */
  readonly series: readonly string[]
  /** First instant that trades; earlier candles only warm indicators up. */
  readonly fromMs: number
  /** Candles that open at or after this are not traded. */
  readonly toMs: number
  readonly skip: boolean
  /** Called before anything of a candle trades: what is held until then was held at every close up to its open. */
  readonly beforeTrade?: (openMs: number) => void
}

/** What the pump did last, for a driver that writes or shows it. */
export type Advance =
  | { readonly kind: 'candle'; readonly openMs: number }
  | { readonly kind: 'decision'; readonly atMs: number }
  | { readonly kind: 'end' }

interface Lane {
  readonly symbol: string
  readonly columns: CandleColumns
  readonly last: number
  index: number
  /** Decision bars. */
  readonly bars: CandleColumns
  readonly closes: Float64Array
  readonly lastBar: number
  bar: number
  /** Candles before this index are known to touch none of the thresholds below. */
  clearUntil: number
  below: number
  above: number
  readonly clockKey: string
}

export class ColumnRun<State> {
  readonly #o: ColumnRunOptions<State>
  readonly #lanes: Lane[]
  readonly #reads: ColumnReads
  readonly #truths = new Map<string, Uint8Array>()
  readonly #closesOf = new Map<string, Float64Array>()

  constructor(options: ColumnRunOptions<State>) {
    this.#o = options
    this.#reads = new ColumnReads(
      options.lookup,
      new Set([...options.series, ...options.pairs.map(pair => seriesKey(pair.instrument.id, options.decisionTimeframe))]),
    )
    this.#lanes = options.pairs.map(({ symbol, instrument }) => {
      const columns = options.lookup.columns(seriesKey(instrument.id, options.venueTimeframe))
      const clockKey = seriesKey(instrument.id, options.decisionTimeframe)
      const bars = options.lookup.columns(clockKey)
      const closes = options.lookup.closes(clockKey)
      const last = firstIndexAtOrAfter(columns, options.toMs)
      let lastBar = closes.length
      while (lastBar > 0 && closes[lastBar - 1]! > options.toMs) lastBar -= 1
      let bar = 0
      while (bar < lastBar && closes[bar]! < options.fromMs) bar += 1
      return {
        symbol,
        columns,
        last,
        index: firstIndexAtOrAfter(columns, options.fromMs),
        bars,
        closes,
        lastBar,
        bar,
        clearUntil: 0,
        below: Number.NaN,
        above: Number.NaN,
        clockKey,
      }
    })
  }

  /** Continues after a committed instant: everything up to and with it has been done. */
  resumeAfter(done: Advance): void {
    for (const lane of this.#lanes) {
      if (done.kind === 'candle') {
        lane.index = firstIndexAtOrAfter(lane.columns, done.openMs + 1)
        while (lane.bar < lane.lastBar && lane.closes[lane.bar]! <= done.openMs) lane.bar += 1
      } else if (done.kind === 'decision') {
        lane.index = firstIndexAtOrAfter(lane.columns, done.atMs)
        while (lane.bar < lane.lastBar && lane.closes[lane.bar]! <= done.atMs) lane.bar += 1
      }
    }
  }

  /** Candles of the feed from the first traded one: for progress. */
  progress(): { done: number; total: number } {
    let done = 0
    let total = 0
    for (const lane of this.#lanes) {
      done += lane.index
      total += lane.last
    }
    return { done, total }
  }

  /** Does the next candle or decision that can matter, for all pairs that have one at that time. */
  next(): Advance {
    const { run, skip } = this.#o
    let decisionMs: number
    let candleMs: number
    do {
      if (run.machine.hasEnded(run.state)) return { kind: 'end' }
      const watches = run.watches()
      // An answer that comes later meets the price of its time: the bot does not sleep while it waits for one.
      const sleeps = skip && run.nextArrivalMs() === Number.POSITIVE_INFINITY
      decisionMs = sleeps ? this.#nextWatchedDecision(watches) : this.#nextDecision()
      candleMs = skip ? this.#nextTouched(watches, decisionMs) : this.#nextCandle()
    } while (this.#deliver(Math.min(decisionMs, candleMs)))
    if (decisionMs === Number.POSITIVE_INFINITY && candleMs === Number.POSITIVE_INFINITY) return { kind: 'end' }
    if (decisionMs <= candleMs) {
      this.#decide(decisionMs)
      return { kind: 'decision', atMs: decisionMs }
    }
    this.#trade(candleMs)
    return { kind: 'candle', openMs: candleMs }
  }

  /**
   * Lets the venue have what reaches it up to an instant, at the first candle or close from then on, slept or not: what is learnt there
   * may change what comes next.
   * @returns whether anything has arrived.
   */
  #deliver(uptoMs: number): boolean {
    const { run } = this.#o
    const arrivesAtMs = run.nextArrivalMs()
    if (arrivesAtMs > uptoMs || arrivesAtMs === Number.POSITIVE_INFINITY) return false
    const instantMs = this.#firstInstantFrom(arrivesAtMs)
    if (instantMs > uptoMs || instantMs === Number.POSITIVE_INFINITY) return false
    // What opened before is over: an order that arrives now must not meet it.
    for (const lane of this.#lanes) {
      lane.index = Math.max(lane.index, lowerBound(lane.columns.openTimeMs, instantMs, lane.index))
      lane.bar = Math.max(lane.bar, lowerBound(lane.closes, instantMs, lane.bar))
    }
    run.deliver(instantMs)
    return true
  }

  #firstInstantFrom(atMs: number): number {
    let first = this.#nextDecisionFrom(atMs)
    for (const lane of this.#lanes) {
      const index = lowerBound(lane.columns.openTimeMs, atMs, lane.index)
      if (index < lane.last) first = Math.min(first, lane.columns.openTimeMs[index]!)
    }
    return first
  }

  /** Ends the run at the last close of its data. */
  finish(): void {
    const { run, fromMs } = this.#o
    if (run.machine.hasEnded(run.state)) return
    const prices = new Map<string, Decimal>()
    let atMs = fromMs
    for (const lane of this.#lanes) {
      if (lane.last === 0) continue
      prices.set(lane.symbol, Decimal.from(lane.columns.close[lane.last - 1]!))
      atMs = Math.max(atMs, nextBucketStart(this.#o.venueTimeframe, lane.columns.openTimeMs[lane.last - 1]!))
    }
    run.endOfData(atMs, prices)
  }

  #nextCandle(): number {
    let next = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) if (lane.index < lane.last) next = Math.min(next, lane.columns.openTimeMs[lane.index]!)
    return next
  }

  #nextDecision(): number {
    let next = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) if (lane.bar < lane.lastBar) next = Math.min(next, lane.closes[lane.bar]!)
    return next
  }

  #nextDecisionFrom(atMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) {
      const index = lowerBound(lane.closes, atMs, lane.bar)
      if (index < lane.lastBar) next = Math.min(next, lane.closes[index]!)
    }
    return next
  }

  #nextWatchedDecision(watches: readonly Watch[]): number {
    let next = Number.POSITIVE_INFINITY
    for (const watch of watches) {
      if (watch.kind === 'condition') next = Math.min(next, this.#nextTruth(watch.node, watch.becomes))
      else if (watch.kind === 'candle_close') next = Math.min(next, this.#nextClose(watch))
      else if (watch.kind === 'close_at_or_after') next = Math.min(next, this.#nextDecisionFrom(watch.atMs))
    }
    return next
  }

  #nextTruth(node: string, becomes: boolean | 'not_true'): number {
    const playbook = this.#o.run.machine.playbook(node)
    const lane = this.#lanes.find(each => each.clockKey === playbook?.clock)
    if (!playbook || !lane) return this.#nextDecision()
    let column = this.#truths.get(node)
    if (!column) {
      column = playbookTruthColumn(playbook, this.#o.lookup)
      this.#truths.set(node, column)
    }
    const index = becomes === 'not_true' ? nextNotTrue(column, lane.bar) : nextIndexWith(column, becomes ? TRUE : FALSE, lane.bar)
    return index < 0 || index >= lane.lastBar ? Number.POSITIVE_INFINITY : lane.closes[index]!
  }

  /** First decision at or after the next close of that series. */
  #nextClose(watch: Extract<Watch, { kind: 'candle_close' }>): number {
    const next = this.#nextDecision()
    if (watch.instrumentId === null || watch.timeframe === null || next === Number.POSITIVE_INFINITY) return next
    const key = seriesKey(watch.instrumentId, watch.timeframe as Timeframe)
    let closes = this.#closesOf.get(key)
    if (!closes) {
      closes = this.#o.lookup.closes(key)
      this.#closesOf.set(key, closes)
    }
    // Of this pair alone: where its own bar is missing at that close, another pair's decision does not look for it.
    const lane = this.#lanes.find(each => each.symbol === watch.symbol)
    if (!lane) return next
    const before = lane.bar > 0 ? lane.closes[lane.bar - 1]! : Number.NEGATIVE_INFINITY
    const wanted = closes[upperBound(closes, before)]
    if (wanted === undefined) return Number.POSITIVE_INFINITY
    const index = Math.max(lane.bar, lowerBound(lane.closes, wanted))
    return index < lane.lastBar ? lane.closes[index]! : Number.POSITIVE_INFINITY
  }

  /** Open time of the first candle, opening before `limitMs`, that an order, a watch or a timer could meet. */
  #nextTouched(watches: readonly Watch[], limitMs: number): number {
    let next = Number.POSITIVE_INFINITY
    let timeMs = Number.POSITIVE_INFINITY
    for (const watch of watches) if (watch.kind === 'time') timeMs = Math.min(timeMs, watch.atMs)
    for (const lane of this.#lanes) {
      if (lane.index >= lane.last) continue
      let below = Number.NEGATIVE_INFINITY
      let above = Number.POSITIVE_INFINITY
      let due = false
      for (const order of this.#o.run.book(lane.symbol).all()) {
        if (order.kind === 'market') due = true
        else if ((order.kind === 'limit') === (order.order.side === 'buy')) below = Math.max(below, order.priceNumber)
        else above = Math.min(above, order.priceNumber)
      }
      for (const watch of watches) {
        if (watch.kind === 'price_at_or_below') {
          if (watch.symbol === lane.symbol) below = Math.max(below, watch.price.toNumber())
        } else if (watch.kind === 'price_at_or_above' || watch.kind === 'peak_above') {
          if (watch.symbol === lane.symbol) above = Math.min(above, watch.price.toNumber())
        }
      }
      const index = due ? lane.index : this.#scan(lane, below, above, Math.min(limitMs, next), timeMs)
      if (index < lane.last) next = Math.min(next, lane.columns.openTimeMs[index]!)
    }
    return next
  }

  /** First index from the lane's cursor whose candle reaches a threshold or opens at or after a time; `last` when none before limitMs. */
  #scan(lane: Lane, below: number, above: number, limitMs: number, timeMs: number): number {
    const { low, high, openTimeMs } = lane.columns
    let from = lane.index
    if (lane.below === below && lane.above === above) from = Math.max(from, lane.clearUntil)
    let end = limitMs === Number.POSITIVE_INFINITY ? lane.last : Math.min(lane.last, lowerBound(openTimeMs, limitMs, from))
    const timeIndex = timeMs === Number.POSITIVE_INFINITY ? lane.last : lowerBound(openTimeMs, timeMs, lane.index)
    end = Math.min(end, timeIndex)
    let i = from
    while (i < end && low[i]! > below && high[i]! < above) i += 1
    lane.below = below
    lane.above = above
    lane.clearUntil = i
    if (i < end) return i
    return timeIndex < lane.last && (limitMs === Number.POSITIVE_INFINITY || openTimeMs[timeIndex]! < limitMs)
      ? timeIndex
      : lane.last
  }

  #trade(openMs: number): void {
    const { run } = this.#o
    this.#o.beforeTrade?.(openMs)
    if (run.watches().some(watch => watch.kind === 'time' && watch.atMs <= openMs)) run.fireTimers(openMs, this.#opens(openMs))
    const candles: [string, Candle][] = []
    for (const lane of this.#lanes) {
      // Closes up to this open are past, slept or not.
      if (lane.bar < lane.lastBar && lane.closes[lane.bar]! <= openMs)
        lane.bar = Math.min(lane.lastBar, firstAbove(lane.closes, openMs, lane.bar))
      const index =
        lane.columns.openTimeMs[lane.index] === openMs ? lane.index : lowerBound(lane.columns.openTimeMs, openMs, lane.index)
      if (index < lane.last && lane.columns.openTimeMs[index] === openMs) {
        candles.push([lane.symbol, candleAt(lane.columns, index)])
        lane.index = index + 1
      } else {
        lane.index = index
      }
    }
    run.candles(candles)
  }

  #opens(openMs: number): Map<string, Decimal> {
    const opens = new Map<string, Decimal>()
    for (const lane of this.#lanes) {
      const index = lowerBound(lane.columns.openTimeMs, openMs, lane.index)
      if (index < lane.last && lane.columns.openTimeMs[index] === openMs)
        opens.set(lane.symbol, Decimal.from(lane.columns.open[index]!))
    }
    return opens
  }

  #decide(atMs: number): void {
    const { run, decisionTimeframe } = this.#o
    this.#reads.advanceTo(atMs)
    for (const lane of this.#lanes) {
      const index = lane.closes[lane.bar] === atMs ? lane.bar : lowerBound(lane.closes, atMs, lane.bar)
      // Candles before this instant are over for every pair, also for one that has no bar of its own here: what this decision calls into
      // being must not meet them.
      lane.index = Math.max(lane.index, lowerBound(lane.columns.openTimeMs, atMs, lane.index))
      if (index >= lane.lastBar || lane.closes[index] !== atMs) {
        lane.bar = index
        continue
      }
      lane.bar = index + 1
      const openTimeMs = lane.bars.openTimeMs[index]!
      run.decide({
        atMs,
        symbol: lane.symbol,
        timeframe: decisionTimeframe,
        openTimeMs,
        close: lane.bars.close[index]!,
        afterGap: index > 0 && lane.closes[index - 1] !== openTimeMs,
        isWarmup: false,
        reads: this.#reads,
      })
    }
  }
}

function nextNotTrue(column: Uint8Array, from: number): number {
  let i = from
  while (i < column.length && column[i] === TRUE) i += 1
  return i < column.length ? i : -1
}

/** First index from `from` whose value is at least `wanted`. */
function lowerBound(values: Float64Array, wanted: number, from = 0): number {
  let low = from
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** First index after `from`, whose value is not above `wanted`, that is: searched in growing strides, since it is mostly near. */
function firstAbove(values: Float64Array, wanted: number, from: number): number {
  let low = from
  let stride = 1
  while (low + stride < values.length && values[low + stride]! <= wanted) {
    low += stride
    stride *= 2
  }
  let high = Math.min(low + stride, values.length)
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (values[middle]! <= wanted) low = middle
    else high = middle
  }
  return high
}

/** First index whose value is above `wanted`. */
function upperBound(values: Float64Array, wanted: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! <= wanted) low = middle + 1
    else high = middle
  }
  return low
}
