// History as the application sees it: stored candles, and the demo market whose candles need no storing.

import { allocateColumns, type CandleColumns } from '../core/market/candles.ts'
import { createDemoMarket, DEMO_EXCHANGE, DEMO_SEED, type DemoMarket } from '../core/market/demo-market.ts'
import { isTimeframe, type Timeframe } from '../core/market/timeframe.ts'
import {
  bestSeries,
  type CandleCoverage,
  type CandleSource,
  demoCandleSource,
  loadCandles,
} from '../market-data/candle-source.ts'
import type { Clock } from '../market-data/clock.ts'
import { demoTime, marketAt } from '../market-data/demo-feed.ts'
import { DemoHub } from '../market-data/hub.ts'
import type { DemoSource } from '../runs/open-feed.ts'
import type { HistorySource } from '../runs/ports.ts'
import { candleCoverage, readCandles } from '../storage/candle-store.ts'
import type { Database } from '../storage/database.ts'

export function storedCandles(database: Database): CandleSource & { all(): Promise<readonly CandleCoverage[]> } {
  const coverage = async (instrumentId?: string): Promise<readonly CandleCoverage[]> => {
    const rows = await database.withApp(tx => candleCoverage(tx, instrumentId), { readOnly: true })
    return rows.flatMap(row =>
      isTimeframe(row.timeframe)
        ? [
            {
              instrumentId: row.instrumentId,
              timeframe: row.timeframe,
              firstMs: row.firstOpenTimeMs,
              lastMs: row.lastOpenTimeMs,
              bars: row.bars,
            },
          ]
        : [],
    )
  }
  return {
    coverage,
    all: () => coverage(),
    readColumns: (instrumentId, timeframe, fromMs, toMs) =>
      database.withApp(
        tx =>
          readCandles(tx, {
            instrumentId,
            timeframe,
            ...(fromMs === undefined ? {} : { fromMs }),
            ...(toMs === undefined ? {} : { untilMs: toMs }),
          }),
        { readOnly: true },
      ),
  }
}

export interface Market {
  readonly demo: DemoSource
  readonly history: HistorySource
  /** For charts: any series, the demo market's included. */
  readonly reader: {
    coverage(instrumentId?: string): Promise<readonly CandleCoverage[]>
    columns(instrumentId: string, timeframe: Timeframe, fromMs: number, toMs: number): Promise<CandleColumns>
    lastPrice(instrumentId: string): Promise<string | null>
  }
}

const isDemo = (instrumentId: string): boolean => instrumentId.startsWith(`${DEMO_EXCHANGE}:`)
/** Runs faster than the wall's clock are ahead of it: their charts reach as far as the fastest can have come. */
const AHEAD_MS = 60 * 86_400_000

export function createMarket(database: Database, clock: Clock): Market {
  const market: DemoMarket = createDemoMarket(DEMO_SEED)
  const hub = new DemoHub(market, clock)
  const stored = storedCandles(database)
  const ahead = demoCandleSource(market, () => clock.now() + AHEAD_MS)
  const present = demoCandleSource(market, () => clock.now())
  const sourceOf = (instrumentId: string): CandleSource => (isDemo(instrumentId) ? ahead : stored)
  return {
    demo: {
      market,
      clock: speed => demoTime(speed, clock.now()),
      subscribe: (symbols, time) => hub.subscribe(symbols, time),
      marketNow: time => marketAt(time, clock.now()),
    },
    history: {
      async venueTimeframe(instrumentId, coarsest) {
        return bestSeries(await stored.coverage(instrumentId), coarsest)?.timeframe ?? null
      },
      columns: (instrumentId, timeframe, fromMs, toMs) =>
        sourceOf(instrumentId).readColumns(instrumentId, timeframe, fromMs, toMs),
    },
    reader: {
      async coverage(instrumentId) {
        if (instrumentId) return isDemo(instrumentId) ? present.coverage(instrumentId) : stored.coverage(instrumentId)
        const demo = await Promise.all(market.symbols.map(symbol => present.coverage(`${DEMO_EXCHANGE}:${symbol}`)))
        return [...(await stored.all()), ...demo.flat()]
      },
      columns: (instrumentId, timeframe, fromMs, toMs) =>
        loadCandles(sourceOf(instrumentId), instrumentId, timeframe, fromMs, toMs),
      async lastPrice(instrumentId) {
        const series = await (isDemo(instrumentId) ? present : stored).coverage(instrumentId)
        const newest = series.toSorted((a, b) => b.lastMs - a.lastMs)[0]
        if (!newest) return null
        const bars = await sourceOf(instrumentId).readColumns(instrumentId, newest.timeframe, newest.lastMs, newest.lastMs + 1)
        const close = (bars.length > 0 ? bars : allocateColumns(0)).close[0]
        return close === undefined ? null : String(close)
      },
    },
  }
}
