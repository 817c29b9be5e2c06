// One function for every endpoint of the contract: same origin, cookie session, CSRF header, and errors that say what went wrong.

import { errorSchema } from '../../../src/contract/errors.ts'
import type { Finding } from '../../../src/contract/finding.ts'
import { pathOf } from '../../../src/contract/http.ts'
import {
  ROUTES,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
  type RouteResponse,
} from '../../../src/contract/routes.ts'

/** The answer of a server that refused, or the fact that there was none (`status` 0, code NETWORK). */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly details: readonly Finding[]
  readonly requestId: string | null

  constructor(given: {
    status: number
    code: string
    message: string
    details?: readonly Finding[]
    requestId?: string | null
    cause?: unknown
  }) {
    super(given.message, { cause: given.cause })
    this.name = 'ApiError'
    this.status = given.status
    this.code = given.code
    this.details = given.details ?? []
    this.requestId = given.requestId ?? null
  }
}

type Given<K extends string, T> = undefined extends T ? { readonly [key in K]?: T } : { readonly [key in K]: T }
export type CallInput<N extends RouteName> = Given<'params', RouteParams<N>> & {
  readonly query?: RouteQuery<N>
  readonly body?: RouteBody<N>
} & {
  readonly signal?: AbortSignal
}

let csrfToken: string | null = null
/** Of the session; every unsafe request carries it. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token
}

const whenSignedOut = new Set<() => void>()
/** Called when the server no longer knows this session. */
export function onSignedOut(listener: () => void): () => void {
  whenSignedOut.add(listener)
  return () => whenSignedOut.delete(listener)
}

const TIMEOUT_MS = 30_000

export async function call<N extends RouteName>(name: N, input: CallInput<N>): Promise<RouteResponse<N>> {
  const route = ROUTES[name]
  const given = input as {
    params?: Record<string, string>
    query?: Record<string, unknown>
    body?: unknown
    signal?: AbortSignal
  }
  const url = `/api${pathOf(route.path, given.params ?? {})}${queryOf(given.query)}`
  const headers: Record<string, string> = { accept: 'application/json' }
  if (given.body !== undefined) headers['content-type'] = 'application/json'
  if (route.method !== 'GET' && csrfToken !== null) headers['x-csrf-token'] = csrfToken
  if ('idempotencyKey' in route) headers['idempotency-key'] = crypto.randomUUID()
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  let response: Response
  try {
    response = await fetch(url, {
      method: route.method,
      headers,
      credentials: 'same-origin',
      signal: given.signal ? AbortSignal.any([given.signal, timeout]) : timeout,
      ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
    })
  } catch (cause) {
    if (given.signal?.aborted) throw cause
    throw new ApiError({ status: 0, code: 'NETWORK', message: 'The server does not answer. Is Evenkeel still running?', cause })
  }
  if (!response.ok) throw await errorOf(response)
  if (response.status === 204) return null as RouteResponse<N>
  return (await response.json()) as RouteResponse<N>
}

async function errorOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id')
  const body: unknown = await response.json().catch(() => null)
  const parsed = errorSchema.safeParse(body)
  if (response.status === 401) for (const listener of whenSignedOut) listener()
  if (!parsed.success)
    return new ApiError({
      status: response.status,
      code: 'UNREADABLE',
      message: `The server answered ${response.status} without an explanation.`,
      requestId,
    })
  const { code, message, details, requestId: named } = parsed.data.error
  return new ApiError({
    status: response.status,
    code,
    message,
    details: (details ?? []) as readonly Finding[],
    requestId: named ?? requestId,
  })
}

function queryOf(query: Record<string, unknown> | undefined): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null) search.set(key, String(value))
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}
