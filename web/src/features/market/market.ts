// Instruments and their last prices, as the server has them.

import { useMemo } from 'react'
import { type Instrument, instrumentFromRules } from '../../../../src/core/market/instrument.ts'
import { useRead } from '../../client/queries.ts'

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

/** The last close of a pair, as exact text; undefined while it is not known. */
export function useLastPrice(exchange: string, symbol: string): string | undefined {
  const query = useRead(
    'listCandles',
    { query: { exchange, symbol, timeframe: exchange === 'demo' ? '1m' : '1h', limit: 1 } },
    { still: true, enabled: exchange !== '' && symbol !== '' },
  )
  return query.data?.items.at(-1)?.close
}
