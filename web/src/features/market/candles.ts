// Candles of a pair up to an instant; what was read once is kept, and only what is new is asked for.

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { CandleRow } from '../../../../src/contract/market.ts'
import { type Timeframe, timeframeMs } from '../../../../src/core/market/timeframe.ts'
import { call } from '../../client/call.ts'

const FIRST = 500

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
  const bar = until === null ? 0 : Math.floor(Date.parse(until) / timeframeMs(timeframe))
  const query = useQuery<readonly CandleRow[], Error>({
    queryKey: key,
    enabled: exchange !== '' && symbol !== '',
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<readonly CandleRow[]>(key) ?? []
      const last = known.at(-1)
      const to = until === null ? undefined : String(Date.parse(until))
      const from = last ? last.openTime : to === undefined ? undefined : String(Number(to) - FIRST * timeframeMs(timeframe))
      const page = await call('listCandles', {
        query: {
          exchange,
          symbol,
          timeframe,
          limit: 1000,
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
        },
        signal,
      })
      const fresh = page.items
      const cut = fresh[0]?.openTime
      return cut === undefined ? known : [...known.filter(one => one.openTime < cut), ...fresh]
    },
  })
  const { refetch } = query
  useEffect(() => {
    if (bar > 0) void refetch()
  }, [bar, refetch])
  return query
}
