// A server for tests: on a database of its own, spoken to without a socket, with people who are signed in and programs with tokens.

import { randomBytes } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Route } from '../contract/http.ts'
import { ROUTES, type RouteName } from '../contract/routes.ts'
import { allocateColumns, type CandleColumns } from '../core/market/candles.ts'
import { SILENT_LOG } from '../storage/log.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import type { BotCommands } from './bot-commands.ts'
import type { CandleReader } from './candle-reader.ts'
import type { ApiConfig } from './config.ts'
import { createServer, type ServerOptions } from './server.ts'
import { storedCommands } from './stored-commands.ts'

export const TEST_CONFIG: ApiConfig = {
  host: '127.0.0.1',
  port: 0,
  trustedProxies: [],
  corsOrigins: [],
  authMode: 'local',
  readsPerMinute: 100_000,
  writesPerMinute: 100_000,
}

export const NO_CANDLES: CandleReader = {
  coverage: async () => [],
  columns: async (): Promise<CandleColumns> => allocateColumns(0),
  lastPrice: async () => null,
}

/** A password that meets the rules. */
export const PASSWORD = 'umbrella-kettle-94-velvet'

export interface Reply {
  readonly status: number
  readonly headers: LightMyRequestResponse['headers']
  readonly text: string
  /** Undefined where there is no JSON. */
  readonly body: unknown
}

export interface Call {
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

export interface Client {
  readonly userId: string
  readonly email: string
  readonly cookie: string
  readonly csrfToken: string
  call(method: string, path: string, call?: Call): Promise<Reply>
}

export interface TestServer {
  readonly app: FastifyInstance
  readonly database: TestDatabase
  readonly commands: BotCommands
  call(method: string, path: string, call?: Call): Promise<Reply>
  /** The owner the first time, then people the database is told of. */
  signUp(email?: string): Promise<Client>
  login(email: string, password?: string): Promise<Client>
  close(): Promise<void>
}

export const ORIGIN = 'http://localhost:80'

async function inject(app: FastifyInstance, method: string, path: string, call: Call = {}): Promise<Reply> {
  const payload = call.body === undefined ? undefined : typeof call.body === 'string' ? call.body : JSON.stringify(call.body)
  const reply = await app.inject({
    method: method as 'GET',
    url: path,
    headers: { ...(payload === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers },
    ...(payload === undefined ? {} : { payload }),
  })
  const isJson = String(reply.headers['content-type'] ?? '').includes('json')
  return {
    status: reply.statusCode,
    headers: reply.headers,
    text: reply.body,
    body: isJson && reply.body !== '' ? JSON.parse(reply.body) : undefined,
  }
}

function cookieOf(reply: Reply): string {
  const header = reply.headers['set-cookie']
  const first = Array.isArray(header) ? header[0] : header
  return first?.split(';')[0] ?? ''
}

function clientOf(app: FastifyInstance, reply: Reply): Client {
  const { user, csrfToken } = reply.body as { user: { id: string; email: string }; csrfToken: string }
  const cookie = cookieOf(reply)
  return {
    userId: user.id,
    email: user.email,
    cookie,
    csrfToken,
    call: (method, path, call = {}) =>
      inject(app, method, path, {
        ...call,
        headers: {
          cookie,
          ...(method === 'GET' ? {} : { origin: ORIGIN, 'x-csrf-token': csrfToken }),
          host: 'localhost:80',
          ...call.headers,
        },
      }),
  }
}

export async function openTestServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const database = await openTestDatabase()
  const commands = options.commands ?? storedCommands({ database: database.db, engineVersion: 'test' })
  const app = await createServer({
    database: database.db,
    commands,
    candles: NO_CANDLES,
    config: TEST_CONFIG,
    clock: { now: () => Date.now() },
    random: randomBytes,
    log: SILENT_LOG,
    version: '0.0.0-test',
    ...options,
  })
  await app.ready()
  let people = 0
  const server: TestServer = {
    app,
    database,
    commands,
    call: (method, path, call) => inject(app, method, path, call),
    async signUp(email = `person${people}@example.org`) {
      people += 1
      if (people === 1) {
        const reply = await inject(app, 'POST', '/api/auth/sign-up', { body: { email, password: PASSWORD } })
        if (reply.status !== 201) throw new Error(`sign-up answered ${reply.status}: ${reply.text}`)
        return clientOf(app, reply)
      }
      const { addUser } = await import('./auth/sign-in.ts')
      await addUser({ database: database.db, random: randomBytes }, { email, password: PASSWORD, role: 'trader' })
      return server.login(email)
    },
    async login(email, password = PASSWORD) {
      const reply = await inject(app, 'POST', '/api/auth/login', { body: { email, password } })
      if (reply.status !== 200) throw new Error(`login answered ${reply.status}: ${reply.text}`)
      return clientOf(app, reply)
    },
    async close() {
      await app.close()
      await database.close()
    },
  }
  return server
}

/** What a reply breaks of its route's schema; null when nothing. */
export function contractProblem(name: RouteName, reply: Reply): string | null {
  const { responses } = ROUTES[name] as Route
  if (!(reply.status in responses)) return `${name} answered ${reply.status}: ${reply.text}`
  const schema = responses[reply.status]
  if (!schema) return reply.text === '' ? null : `${name} should have no body`
  const parsed = schema.safeParse(reply.body)
  return parsed.success ? null : `${name}: ${parsed.error.message}`
}

export function errorCode(reply: Reply): string | undefined {
  return (reply.body as { error?: { code?: string } } | undefined)?.error?.code
}

/** A small valid bot on the demo exchange. */
export function dcaConfig(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemaVersion: 1,
    type: 'dca',
    name: 'BTC dip',
    exchange: 'demo',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    baseOrder: { size: '20' },
    averaging: {
      rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.2' },
      amount: { type: 'fixed', value: '20' },
      volumeScale: '1.5',
      maxOrders: 3,
    },
    exits: { takeProfit: { targets: [{ profitPct: '1.5', sellPct: '100' }] } },
    ...changes,
  }
}
