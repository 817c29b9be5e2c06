// Puts the contract's routes on the server: each with its access, its limits, its schemas and its handler. Nothing else is served
// under /api, so that the document and the server cannot differ.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { parseWith } from '../contract/finding.ts'
import type { Access, Route } from '../contract/http.ts'
import { ROUTES, type RouteName } from '../contract/routes.ts'
import { ApiError, validationError } from './api-error.ts'
import { authenticate, authorize, isUnsafe, requireOwnPage } from './auth/authenticate.ts'
import { DEFAULT_READS_PER_MINUTE, DEFAULT_WRITES_PER_MINUTE } from './config.ts'
import type { ApiContext, ApiRequest, Handlers, Principal } from './http.ts'
import { claimKey, type IdempotentRequest, idempotentRequest, keepReply, releaseKey } from './idempotency.ts'
import { addressGroup } from './origin.ts'
import type { RateLimiter } from './rate-limit.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard of a route that is not public. */
    principal: Principal | null
  }
  interface FastifyContextConfig {
    routeName?: RouteName
  }
}

/** Runs before the parts of a request are read, for refusals that no correction of the input would change. */
export type Gate = (context: ApiContext, request: FastifyRequest) => Promise<void>

export interface Registration {
  readonly context: ApiContext
  readonly limiter: RateLimiter
  readonly handlers: Handlers
  readonly gates: Partial<Record<RouteName, Gate>>
  /** Routes whose handler reads the body itself, to find more than a schema can. */
  readonly ownBodies: ReadonlySet<RouteName>
}

/** `/bots/{id}/orders` as the router writes it. */
export function routerPath(path: string): string {
  return `/api${path.replace(/\{(\w+)\}/g, ':$1')}`
}

const NOTHING = z.strictObject({})

export function registerRoutes(app: FastifyInstance, registration: Registration): void {
  app.decorateRequest('principal', null)
  for (const [name, definition] of Object.entries(ROUTES) as [RouteName, Route][]) {
    for (const path of [definition.path, ...(definition.aliases ?? [])]) {
      app.route({
        method: definition.method,
        url: routerPath(path),
        exposeHeadRoute: definition.method === 'GET' && definition.stream !== true,
        config: { routeName: name },
        onRequest: request => guard(registration, request, definition.access),
        handler: (request, reply) => answer(registration, name, definition, request, reply),
      })
    }
  }
}

/** Who is it, may he, is he too fast, and did a page of ours send it: in this order, before a body is read. */
async function guard({ context, limiter }: Registration, request: FastifyRequest, access: Access): Promise<void> {
  const unsafe = isUnsafe(request.method)
  const { config } = context
  const limit = unsafe
    ? (config.writesPerMinute ?? DEFAULT_WRITES_PER_MINUTE)
    : (config.readsPerMinute ?? DEFAULT_READS_PER_MINUTE)
  const count = (who: string): void => {
    const waitSec = limiter.take(`${who} ${unsafe ? 'w' : 'r'}`, limit)
    if (waitSec > 0) {
      throw new ApiError('RATE_LIMITED', `More than ${limit} ${unsafe ? 'writing' : 'reading'} requests in a minute`, {
        retryAfterSec: waitSec,
      })
    }
  }
  const peer = `ip ${addressGroup(request.ip)}`
  if (access === 'public') {
    count(peer)
    return
  }
  try {
    request.principal = await authenticate(context, request)
    authorize(request.principal, access, unsafe)
  } catch (error) {
    // Whoever knocks without a key is counted by where he comes from.
    if (error instanceof ApiError && request.principal === null) count(peer)
    throw error
  }
  count(request.principal.tokenId === null ? `user ${request.principal.userId}` : `token ${request.principal.tokenId}`)
  if (unsafe) requireOwnPage(request, request.principal, config.corsOrigins)
}

async function answer(
  registration: Registration,
  name: RouteName,
  definition: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { context, handlers, gates, ownBodies } = registration
  await gates[name]?.(context, request)
  const key = idempotencyOf(definition, request)
  const { params, query, body } = readParts(definition, ownBodies.has(name), request)
  const act = async (): Promise<unknown> => {
    const handler = handlers[name] as (request: ApiRequest) => Promise<unknown>
    const parts = { context, principal: request.principal, params, query, body, raw: request, reply }
    reply.code(Number(Object.keys(definition.responses)[0]))
    const value = await handler(parts as unknown as ApiRequest)
    if (request.principal !== null && isUnsafe(request.method)) context.stream.wake(request.principal.userId)
    return value
  }
  if (key === null) return finish(reply, await act())
  return once(context, key, reply, act)
}

function finish(reply: FastifyReply, value: unknown): unknown {
  if (reply.sent || reply.raw.headersSent) return reply
  return value === null && reply.statusCode === 204
    ? reply.send()
    : reply.type('application/json; charset=utf-8').send(JSON.stringify(value))
}

function idempotencyOf(definition: Route, request: FastifyRequest): IdempotentRequest | null {
  const header = request.headers['idempotency-key']
  if (definition.idempotencyKey === undefined || request.principal === null) return null
  if (typeof header !== 'string') {
    if (definition.idempotencyKey === 'required') {
      throw new ApiError('PRECONDITION_REQUIRED', 'This request needs an Idempotency-Key header, so that it is never done twice')
    }
    return null
  }
  const path = request.url.split('?')[0] ?? ''
  return idempotentRequest(request.principal.userId, header, request.method, path, request.body)
}

/** Acts once per key: refusals are kept as well, failures of ours are not. */
async function once(
  context: ApiContext,
  key: IdempotentRequest,
  reply: FastifyReply,
  act: () => Promise<unknown>,
): Promise<unknown> {
  const kept = await claimKey(context.database, key)
  if (kept !== null) {
    reply.code(kept.status).header('idempotency-replayed', 'true')
    return finish(reply, kept.body)
  }
  let value: unknown
  try {
    value = await act()
  } catch (error) {
    await releaseKey(context.database, key).catch(() => undefined)
    throw error
  }
  await keepReply(context.database, key, { status: reply.statusCode, body: value })
  return finish(reply, value)
}

function readParts(definition: Route, ownBody: boolean, request: FastifyRequest) {
  const params = definition.params ? read(definition.params, request.params, '') : {}
  const query = read(definition.query ?? NOTHING, { ...(request.query as object) }, '')
  if (definition.method === 'GET') return { params, query, body: undefined }
  refuseUserId(request.body)
  const given = request.body === null ? undefined : request.body
  const body = ownBody ? given : read(definition.body ?? NOTHING.optional(), given, '')
  return { params, query, body }
}

function read<S extends z.ZodType>(schema: S, input: unknown, path: string): z.output<S> {
  const parsed = parseWith(schema, input, path)
  if (!parsed.ok) throw validationError(parsed.findings)
  return parsed.value
}

/** Whose data it is follows from who is signed in, never from what is sent. */
function refuseUserId(body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  for (const key of ['user_id', 'userId']) {
    if (Object.hasOwn(body, key)) {
      throw validationError([{ path: key, code: 'UNKNOWN_KEY', message: 'the user is whoever is signed in; leave it out' }])
    }
  }
}
