// Candles of a pair up to an instant; what was read once is kept, and only what is new is asked for. They are for pictures, so float64.

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { type Timeframe, timeframeMs } from '../../../../src/core/market/timeframe.ts'
import { call } from '../../client/call.ts'

const FIRST = 500

export interface Bar {
  /** Open time, seconds of the epoch. */
  readonly time: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
}

export interface CandlesOf {
  readonly exchange: string
  readonly symbol: string
  readonly timeframe: Timeframe
  /** Market time that has been reached, ISO; a run that is faster than the clock is ahead of it. Null: the latest candles. */
  readonly until: string | null
  /** Reads anew when it changes: another run has other candles. */
  readonly of: string
}

export function useCandles({ exchange, symbol, timeframe, until, of }: CandlesOf) {
  const client = useQueryClient()
  const key = ['candles', exchange, symbol, timeframe, of]
  const untilMs = until === null ? null : Date.parse(until)
  const bar = untilMs === null ? 0 : Math.floor(untilMs / timeframeMs(timeframe))
  const query = useQuery<readonly Bar[], Error>({
    queryKey: key,
    enabled: exchange !== '' && symbol !== '',
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<readonly Bar[]>(key) ?? []
      const last = known.at(-1)
      const wanted = { symbol, timeframe, fromMs: last ? last.time * 1000 : null, untilMs }
      const fresh = exchange === 'demo' ? await demoBars(wanted) : await storedBars({ ...wanted, exchange, signal })
      const cut = fresh[0]?.time
      return cut === undefined ? known : [...known.filter(one => one.time < cut), ...fresh]
    },
  })
  const { refetch } = query
  useEffect(() => {
    if (bar > 0) void refetch()
  }, [bar, refetch])
  return query
}

interface Wanted {
  readonly symbol: string
  readonly timeframe: Timeframe
  /** The last bar that is known. */
  readonly fromMs: number | null
  readonly untilMs: number | null
}

/**
 * The demo market is a function of time, and the same here as on the server: a run at sixty times the clock's speed has bars that the
 * clock has not reached, and that no table holds.
 */
async function demoBars({ symbol, timeframe, fromMs, untilMs }: Wanted): Promise<Bar[]> {
  const { createDemoMarket, DEMO_SEED } = await import('../../../../src/core/market/demo-market.ts')
  demoMarket ??= createDemoMarket(DEMO_SEED)
  const to = untilMs ?? Date.now()
  const columns = demoMarket.candles(symbol, fromMs ?? to - FIRST * timeframeMs(timeframe), to, timeframe)
  return Array.from({ length: columns.length }, (_, i) => ({
    time: (columns.openTimeMs[i] ?? 0) / 1000,
    open: columns.open[i] ?? 0,
    high: columns.high[i] ?? 0,
    low: columns.low[i] ?? 0,
    close: columns.close[i] ?? 0,
  }))
}

let demoMarket: import('../../../../src/core/market/demo-market.ts').DemoMarket | undefined

async function storedBars(wanted: Wanted & { exchange: string; signal: AbortSignal }): Promise<Bar[]> {
  const { exchange, symbol, timeframe, fromMs, untilMs, signal } = wanted
  const from = fromMs ?? (untilMs === null ? null : untilMs - FIRST * timeframeMs(timeframe))
  const page = await call('listCandles', {
    query: {
      exchange,
      symbol,
      timeframe,
      limit: 1000,
      ...(from === null ? {} : { from: String(from) }),
      ...(untilMs === null ? {} : { to: String(untilMs) }),
    },
    signal,
  })
  return page.items.map(row => ({
    time: Date.parse(row.openTime) / 1000,
    open: Number(row.open),
    high: Number(row.high),
    low: Number(row.low),
    close: Number(row.close),
  }))
}
