// The HTTP server: one listener for the API, its event stream and the web UI. Whatever goes wrong is answered in one envelope.

import type { IncomingMessage, Server } from 'node:http'
import cookie from '@fastify/cookie'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { DiskStatus } from '../runs/disk-watch.ts'
import type { Database } from '../storage/database.ts'
import { ownerExists } from '../storage/identity-store.ts'
import type { Log } from '../storage/log.ts'
import { ApiError, envelope, toApiError } from './api-error.ts'
import { newSignUpCode } from './auth/secrets.ts'
import type { BotCommands } from './bot-commands.ts'
import { type CandleReader, withCachedCoverage } from './candle-reader.ts'
import { type ApiConfig, ApiConfigError, BODY_LIMIT_BYTES, checkConfig, isLoopback } from './config.ts'
import { GATES, HANDLERS, OWN_BODIES } from './handlers.ts'
import type { ApiContext, SignUpCode } from './http.ts'
import { answerCors } from './origin.ts'
import { createRateLimiter } from './rate-limit.ts'
import { registerRoutes } from './route-registration.ts'
import { setSecurityHeaders } from './security-headers.ts'
import { createStreamHub } from './stream/hub.ts'
import { openWebFiles } from './web-files.ts'

export interface ServerOptions {
  readonly database: Database
  readonly commands: BotCommands
  readonly candles: CandleReader
  readonly config: ApiConfig
  /** Absolute path of the built web UI. */
  readonly webRoot?: string | null
  readonly clock: { now(): number }
  /** Of `node:crypto`. */
  readonly random: (bytes: number) => Buffer
  readonly log: Log
  readonly version: string
  readonly disk?: () => DiskStatus | null
  readonly readiness?: () => { readonly reconciled: boolean }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** What the first person must type in to become the owner; null where nothing is asked. Print it at start. */
    signUpCode: string | null
  }
}

const JSON_TYPES = /^\s*application\/(json|[\w.+-]+\+json)\s*(;.*)?$/i

/** A client that accepts nothing but JSON wants the API, also without its prefix; so does whoever writes. */
function withPrefix(request: IncomingMessage): string {
  const url = request.url ?? '/'
  if (/^\/api(\/|$|\?)/.test(url)) return url
  const accept = request.headers.accept ?? ''
  const onlyJson = accept !== '' && accept.split(',').every(type => JSON_TYPES.test(type))
  const writes = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS'
  return onlyJson || writes ? `/api${url}` : url
}

/** Ready to listen; not listening yet. @throws ApiConfigError for a setting it cannot obey. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { config, database, log } = options
  checkConfig(config)
  const app = newFastify(options)
  const signUpCode: SignUpCode = { value: null, guessesLeft: 10 }
  const reachable = !isLoopback(config.host) || config.trustedProxies.length > 0
  if (reachable && !(await ownerExists(database))) signUpCode.value = newSignUpCode(options.random)
  app.decorate('signUpCode', {
    getter: () => signUpCode.value,
  } as unknown as string | null)

  const hub = createStreamHub({ database, log })
  const context: ApiContext = {
    database,
    commands: options.commands,
    candles: withCachedCoverage(options.candles, () => options.clock.now()),
    config,
    clock: options.clock,
    random: options.random,
    log,
    version: options.version,
    startedAtMs: options.clock.now(),
    readiness: options.readiness ?? (() => ({ reconciled: true })),
    tokenUses: new Map(),
    signUpCode,
    stream: hub,
    disk: options.disk ?? (() => null),
  }

  await app.register(cookie)
  readJson(app)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    setSecurityHeaders(request, reply, false)
    if (answerCors(request, reply, config.corsOrigins)) return reply
  })
  app.setErrorHandler((error, request, reply) => fail(log, error, request, reply))
  const web = await openWebFiles(app, options.webRoot ?? null)
  app.setNotFoundHandler((request, reply) => {
    if (!/^\/api(\/|$|\?)/.test(request.url) && web.serve(request, reply)) return
    const path = request.url.split('?')[0]
    fail(log, new ApiError('NOT_FOUND', `There is nothing at ${request.method} ${path}`), request, reply)
  })
  registerRoutes(app, {
    context,
    limiter: createRateLimiter(() => options.clock.now()),
    handlers: HANDLERS,
    gates: GATES,
    ownBodies: OWN_BODIES,
  })
  app.addHook('onReady', () => hub.open())
  app.addHook('preClose', async () => hub.close())
  return app
}

function newFastify({ config, random, log }: ServerOptions): FastifyInstance {
  try {
    const app = Fastify<Server>({
      trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
      bodyLimit: BODY_LIMIT_BYTES,
      genReqId: () => `r_${random(9).toString('base64url')}`,
      requestIdHeader: false,
      rewriteUrl: withPrefix,
      requestTimeout: 30_000,
      keepAliveTimeout: 72_000,
      forceCloseConnections: 'idle',
      return503OnClosing: false,
      routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
      frameworkErrors: (error, request, reply) => fail(log, error, request, reply),
      clientErrorHandler: (_error, socket) => {
        // Not even HTTP: there is no request to answer by, but the form is kept.
        const body = JSON.stringify({
          error: { code: 'BAD_REQUEST', message: 'This is not a valid HTTP request', requestId: 'none' },
        })
        if (socket.writable) {
          socket.end(
            `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
          )
        }
      },
    })
    return app as unknown as FastifyInstance
  } catch (error) {
    throw new ApiConfigError('TRUSTED_PROXIES', `TRUSTED_PROXIES cannot be read: ${(error as Error).message}`)
  }
}

/** JSON in, with an empty body as none, and without keys that would poison a prototype. */
function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined)
    else parse(request, body as string, done)
  })
}

function fail(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toApiError(error)
  if (known.status >= 500) {
    const cause = known.cause instanceof Error ? known.cause : known
    log.error(
      { requestId: request.id, method: request.method, url: request.url.split('?')[0], code: known.code, cause: cause.stack },
      'request failed',
    )
  }
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  setSecurityHeaders(request, reply, false)
  reply.header('x-request-id', request.id)
  if (known.retryAfterSec !== null) reply.header('retry-after', String(known.retryAfterSec))
  if (known.code === 'DATABASE_UNAVAILABLE') reply.header('retry-after', '2')
  void reply
    .code(known.status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(envelope(known, request.id)))
}
