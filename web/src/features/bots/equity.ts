// The equity of a run over time. It comes oldest first, a page at a time: whole pages are kept, only the last one is read again.

import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { RouteResponse } from '../../../../src/contract/routes.ts'
import { call } from '../../client/call.ts'

type Point = RouteResponse<'botEquity'>['items'][number]

interface Read {
  readonly whole: readonly Point[]
  readonly tail: readonly Point[]
  readonly cursor: string | undefined
}

const PAGES_AT_ONCE = 25

export function useEquity(botId: string, runId: string | null) {
  const client = useQueryClient()
  // Begins with the endpoint and its parameters, so that the stream's messages reach it.
  const key = ['botEquity', { id: botId }, { runId }]
  return useQuery<Read, Error>({
    queryKey: key,
    enabled: runId !== null,
    refetchInterval: 10_000,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<Read>(key)
      let whole = known?.whole ?? []
      let cursor = known?.cursor
      for (let page = 0; page < PAGES_AT_ONCE; page++) {
        const answer = await call('botEquity', {
          params: { id: botId },
          query: { limit: 1000, ...(runId === null ? {} : { runId }), ...(cursor === undefined ? {} : { cursor }) },
          signal,
        })
        if (answer.nextCursor === null) return { whole, tail: answer.items, cursor }
        whole = [...whole, ...answer.items]
        cursor = answer.nextCursor
      }
      return { whole, tail: [], cursor }
    },
  })
}

/** Seconds and values for a curve; only a picture, so float64 is fine. */
export function curveOf(read: Read): { times: number[]; values: number[] } {
  const points = [...read.whole, ...read.tail]
  const times: number[] = []
  const values: number[] = []
  for (const point of points) {
    const time = Date.parse(point.recordedAt) / 1000
    if (time <= (times.at(-1) ?? 0)) continue
    times.push(time)
    values.push(Number(point.equity))
  }
  return { times, values }
}
