// Closed candles of a running feed, turned into decision instants: every series that the bots read is aggregated and fed to its
// indicators, and where a bar of a pair's decision clock closes, that pair may decide.

import { LiveReads } from '../core/conditions/live-reads.ts'
import { type SeriesKey, seriesKey } from '../core/conditions/series-node.ts'
import { CandleAggregator } from '../core/market/aggregate.ts'
import type { Candle } from '../core/market/candles.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import type { PreparedDca } from '../engine/dca/prepare.ts'

interface Lane {
  readonly symbol: string
  readonly isPair: boolean
  readonly series: { readonly key: SeriesKey; readonly timeframe: Timeframe; readonly aggregator: CandleAggregator | null }[]
  lastBarOpenMs: number | null
  /** The newest candle that was fed: history and feed may overlap. */
  lastFedMs: number
}

/** A bar of a pair's decision clock that has just closed. */
export interface ClosedBar {
  readonly symbol: string
  readonly bar: Candle
  readonly afterGap: boolean
}

export class DecisionClock {
  readonly reads: LiveReads
  readonly #lanes: readonly Lane[]
  readonly #feedTimeframe: Timeframe
  readonly #decisionTimeframe: Timeframe

  /** @param symbols whose candles are fed, with their instrument ids: the pairs and what conditions look at. */
  constructor(prepared: PreparedDca, feedTimeframe: Timeframe, symbols: ReadonlyMap<string, string>) {
    this.#feedTimeframe = feedTimeframe
    this.#decisionTimeframe = prepared.decisionTimeframe
    const clockKeys = prepared.pairs.map(({ instrument }) => ({
      key: seriesKey(instrument.id, prepared.decisionTimeframe),
      instrumentId: instrument.id as string,
      timeframe: prepared.decisionTimeframe,
      depth: 2,
    }))
    const needs = [...prepared.needs, ...clockKeys]
    this.reads = new LiveReads(
      prepared.playbooks.flatMap(each => [...each.nodes]),
      needs,
    )
    this.#lanes = [...symbols].map(([symbol, instrumentId]) => {
      const keys = new Map(needs.filter(need => need.instrumentId === instrumentId).map(need => [need.key, need]))
      return {
        symbol,
        isPair: prepared.pairs.some(pair => pair.symbol === symbol),
        lastBarOpenMs: null,
        lastFedMs: Number.NEGATIVE_INFINITY,
        series: [...keys.values()].map(({ key, timeframe }) => ({
          key,
          timeframe,
          aggregator: timeframe === feedTimeframe ? null : new CandleAggregator(feedTimeframe, timeframe),
        })),
      }
    })
  }

  symbols(): string[] {
    return this.#lanes.map(lane => lane.symbol)
  }

  /** History of one symbol, oldest first: indicators warm up, nothing decides. */
  warmUp(symbol: string, history: Iterable<Candle>): void {
    const lane = this.#lanes.find(each => each.symbol === symbol)
    if (lane) for (const candle of history) this.#feed(lane, candle, () => {})
  }

  /** The candles that close at `atMs`, by symbol. @returns the decision bars that closed with them, in the order of the lanes. */
  close(atMs: number, candles: ReadonlyMap<string, Candle>): ClosedBar[] {
    const closed = new Map<Lane, Candle>()
    for (const lane of this.#lanes) {
      const candle = candles.get(lane.symbol)
      if (!candle) continue
      this.#feed(lane, candle, (timeframe, bar) => {
        const isNow = nextBucketStart(timeframe, bar.openTimeMs) === atMs
        if (lane.isPair && timeframe === this.#decisionTimeframe && isNow) closed.set(lane, bar)
      })
    }
    return this.#lanes.flatMap(lane => {
      const bar = closed.get(lane)
      if (!bar) return []
      const afterGap =
        lane.lastBarOpenMs !== null && nextBucketStart(this.#decisionTimeframe, lane.lastBarOpenMs) !== bar.openTimeMs
      lane.lastBarOpenMs = bar.openTimeMs
      return [{ symbol: lane.symbol, bar, afterGap }]
    })
  }

  /** When the candle of the feed that opens then closes. */
  closeOf(openTimeMs: number): number {
    return nextBucketStart(this.#feedTimeframe, openTimeMs)
  }

  #feed(lane: Lane, candle: Candle, told: (timeframe: Timeframe, bar: Candle) => void): void {
    if (candle.openTimeMs <= lane.lastFedMs) return
    lane.lastFedMs = candle.openTimeMs
    for (const { key, timeframe, aggregator } of lane.series) {
      for (const bar of aggregator ? aggregator.feed(candle) : [candle]) {
        this.reads.push(key, bar)
        told(timeframe, bar)
      }
    }
  }
}
