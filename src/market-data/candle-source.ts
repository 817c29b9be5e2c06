// Where candles of history come from, and how a timeframe is had that is not stored: the best series that nests in it is aggregated.

import { aggregateColumns } from '../core/market/aggregate.ts'
import { allocateColumns, type CandleColumns } from '../core/market/candles.ts'
import type { DemoMarket } from '../core/market/demo-market.ts'
import { DEMO_END_MS, DEMO_EXCHANGE, DEMO_START_MS } from '../core/market/demo-market.ts'
import { bucketStart, nestsIn, nextBucketStart, TIMEFRAMES, type Timeframe, timeframeMs } from '../core/market/timeframe.ts'

/** One stored series. */
export interface CandleCoverage {
  readonly instrumentId: string
  readonly timeframe: Timeframe
  /** Open time of the first and of the last bar. */
  readonly firstMs: number
  readonly lastMs: number
  readonly bars: number
}

/** The port that a candle store fulfils. */
export interface CandleSource {
  /** Stored series of one instrument. */
  coverage(instrumentId: string): Promise<readonly CandleCoverage[]>
  /** Bars with fromMs <= open time < toMs, ascending; all where a bound is absent; none where nothing is stored. */
  readColumns(instrumentId: string, timeframe: Timeframe, fromMs?: number, toMs?: number): Promise<CandleColumns>
}

/** No stored series can give the bars that are asked for. */
export class MissingCandlesError extends Error {
  readonly code = 'INSUFFICIENT_DATA'
  readonly instrumentId: string
  readonly timeframe: Timeframe
  constructor(instrumentId: string, timeframe: Timeframe, stored: readonly CandleCoverage[]) {
    const has = stored.length === 0 ? 'no candles are stored' : `stored: ${stored.map(one => one.timeframe).join(', ')}`
    super(`no ${timeframe} candles of ${instrumentId}: ${has}`)
    this.name = 'MissingCandlesError'
    this.instrumentId = instrumentId
    this.timeframe = timeframe
  }
}

/**
 * The stored series that gives the most of fromMs..toMs in bars of `target`; of those that give alike the finest, since its bars tell
 * most about the path inside. Undefined where none nests in `target`.
 */
export function bestSeries(
  stored: readonly CandleCoverage[],
  target: Timeframe,
  fromMs = Number.NEGATIVE_INFINITY,
  toMs = Number.POSITIVE_INFINITY,
): CandleCoverage | undefined {
  const spanMs = (one: CandleCoverage) =>
    Math.max(0, Math.min(toMs, nextBucketStart(one.timeframe, one.lastMs)) - Math.max(fromMs, one.firstMs))
  let best: CandleCoverage | undefined
  for (const one of stored.toSorted((a, b) => TIMEFRAMES.indexOf(a.timeframe) - TIMEFRAMES.indexOf(b.timeframe))) {
    if (!nestsIn(one.timeframe, target)) continue
    if (!best || spanMs(one) > spanMs(best) + timeframeMs(target)) best = one
  }
  return best
}

/**
 * Bars of `target` whose whole period is stored, with fromMs <= open time < toMs.
 * @throws MissingCandlesError where no stored series nests in `target`.
 */
export async function loadCandles(
  source: CandleSource,
  instrumentId: string,
  target: Timeframe,
  fromMs?: number,
  toMs?: number,
): Promise<CandleColumns> {
  const stored = await source.coverage(instrumentId)
  const best = bestSeries(stored, target, fromMs, toMs)
  if (!best) throw new MissingCandlesError(instrumentId, target, stored)
  // a coarse bar that opens inside the range needs its parts up to its end
  const from = fromMs === undefined ? undefined : openAtOrAfter(target, fromMs)
  const to = toMs === undefined ? undefined : openAtOrAfter(target, toMs)
  return aggregateColumns(await source.readColumns(instrumentId, best.timeframe, from, to), best.timeframe, target)
}

function openAtOrAfter(timeframe: Timeframe, atMs: number): number {
  const openMs = bucketStart(timeframe, atMs)
  return openMs === atMs ? openMs : nextBucketStart(timeframe, atMs)
}

/**
 * The demo market as a source: every 1m bar that has closed by `nowMs()`, computed when it is read.
 * @param nowMs the market's time, which an accelerated run lets pass faster.
 */
export function demoCandleSource(market: DemoMarket, nowMs: () => number): CandleSource {
  const symbolOf = (instrumentId: string): string | undefined => {
    const symbol = instrumentId.startsWith(`${DEMO_EXCHANGE}:`) ? instrumentId.slice(DEMO_EXCHANGE.length + 1) : ''
    return market.symbols.find(one => one === symbol)
  }
  const endMs = () => bucketStart('1m', Math.min(nowMs(), DEMO_END_MS))
  return {
    async coverage(instrumentId) {
      if (!symbolOf(instrumentId)) return []
      const lastMs = endMs() - timeframeMs('1m')
      return [
        { instrumentId, timeframe: '1m', firstMs: DEMO_START_MS, lastMs, bars: (lastMs - DEMO_START_MS) / timeframeMs('1m') + 1 },
      ]
    },
    async readColumns(instrumentId, timeframe, fromMs = DEMO_START_MS, toMs = Number.POSITIVE_INFINITY) {
      const symbol = symbolOf(instrumentId)
      if (!symbol) return allocateColumns(0)
      const from = openAtOrAfter(timeframe, Math.max(fromMs, DEMO_START_MS))
      const end = Math.min(endMs(), toMs === Number.POSITIVE_INFINITY ? toMs : openAtOrAfter(timeframe, toMs))
      return market.candles(symbol, from, end, timeframe)
    },
  }
}
