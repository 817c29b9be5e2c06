// Reading with TanStack Query: the key of a query is the endpoint and what it was asked, so that a message of the stream can find it.

import { keepPreviousData, QueryClient, type UseQueryOptions, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import type { RouteName, RouteResponse } from '../../../src/contract/routes.ts'
import { ApiError, type CallInput, call } from './call.ts'
import { isStreaming, subscribeStreaming } from './stream.ts'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: true,
      // The server is often on this very machine: a browser that thinks itself offline asks all the same.
      networkMode: 'always',
      retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
    },
    mutations: { retry: false, networkMode: 'always' },
  },
})

export function keyOf<N extends RouteName>(name: N, input: CallInput<N>): readonly unknown[] {
  const { params, query } = input as { params?: unknown; query?: unknown }
  return [name, params ?? null, query ?? null]
}

const POLL_MS = 5_000

export interface ReadOptions {
  readonly enabled?: boolean
  /** Read again this often even while the stream is there: for what no message tells. */
  readonly everyMs?: number
  /** What hardly ever changes is neither polled nor streamed. */
  readonly still?: boolean
  readonly keepPrevious?: boolean
}

/** Reads an endpoint; polls each 5 s while the stream is not connected. */
export function useRead<N extends RouteName>(
  name: N,
  input: CallInput<N>,
  options: ReadOptions = {},
): UseQueryResult<RouteResponse<N>, Error> {
  const streaming = useSyncExternalStore(subscribeStreaming, isStreaming, () => false)
  const interval = options.still ? false : streaming ? (options.everyMs ?? false) : Math.min(POLL_MS, options.everyMs ?? POLL_MS)
  const asked: UseQueryOptions<RouteResponse<N>, Error> = {
    queryKey: keyOf(name, input),
    queryFn: ({ signal }) => call(name, { ...input, signal }),
    refetchInterval: interval,
    ...(options.enabled === undefined ? {} : { enabled: options.enabled }),
    ...(options.still ? { staleTime: 5 * 60_000 } : {}),
    ...(options.keepPrevious ? { placeholderData: keepPreviousData } : {}),
  }
  return useQuery(asked)
}

/** Reads again whatever was read from these endpoints. */
export function refresh(...names: RouteName[]): Promise<void> {
  return queryClient.invalidateQueries({ predicate: query => names.includes(query.queryKey[0] as RouteName) })
}
