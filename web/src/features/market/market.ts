// Instruments and their last prices, as the server has them.

import { useQueries } from '@tanstack/react-query'
import { useMemo } from 'react'
import { type Instrument, instrumentFromRules } from '../../../../src/core/market/instrument.ts'
import { call } from '../../client/call.ts'
import { keyOf, useRead } from '../../client/queries.ts'

/** All instruments; those whose rules cannot be read are left out. */
export function useInstruments(): { instruments: readonly Instrument[]; error: Error | null; isPending: boolean } {
  const query = useRead('listInstruments', { query: { limit: 1000 } }, { still: true })
  const instruments = useMemo(
    () =>
      (query.data?.items ?? []).flatMap(row => {
        try {
          return [instrumentFromRules({ ...row, feeAsset: row.quote })]
        } catch {
          return []
        }
      }),
    [query.data],
  )
  return { instruments, error: query.error, isPending: query.isPending }
}

const MOST_PAIRS = 10

/** The last close of each pair (of the first ten), as exact text; undefined while it is not known. */
export function useLastPrices(exchange: string, pairs: readonly string[]): (pair: string) => string | undefined {
  const asked = exchange === '' ? [] : pairs.filter(pair => pair !== '').slice(0, MOST_PAIRS)
  const answers = useQueries({
    queries: asked.map(symbol => {
      const input = { query: { exchange, symbol, timeframe: exchange === 'demo' ? '1m' : '1h', limit: 1 } } as const
      return {
        queryKey: keyOf('listCandles', input),
        queryFn: ({ signal }: { signal: AbortSignal }) => call('listCandles', { ...input, signal }),
        staleTime: 5 * 60_000,
      }
    }),
  })
  return pair => answers[asked.indexOf(pair)]?.data?.items.at(-1)?.close
}
