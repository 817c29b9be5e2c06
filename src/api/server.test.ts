// What the server answers before any database is asked, and when the database is away.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../storage/database.ts'
import { StorageError } from '../storage/errors.ts'
import { SILENT_LOG } from '../storage/log.ts'
import { csrfTokenOf } from './auth/secrets.ts'
import type { BotCommands } from './bot-commands.ts'
import { createServer, type ServerOptions } from './server.ts'
import { NO_CANDLES, TEST_CONFIG } from './testing.ts'

const SECRET = 'session-secret'
const USER = '00000000-0000-4000-8000-000000000001'
const COMMANDS = {} as BotCommands

/** Knows one session, and answers nothing else. */
function fakeDatabase(answer: () => void = () => undefined): Database {
  const session = {
    sessionId: USER,
    userId: USER,
    email: 'a@example.org',
    role: 'owner',
    status: 'active',
    stepUpAt: null,
    idleExpiresAt: '2999-01-01T00:00:00.000Z',
    expiresAt: '2999-01-01T00:00:00.000Z',
  }
  const tx = {
    named: async (name: string) => (name === 'ek_find_session' ? [session] : []),
    query: async () => ({ rows: [], rowCount: 0 }),
    one: async () => null,
  }
  const run = async (work: (given: typeof tx) => Promise<unknown>): Promise<unknown> => {
    answer()
    return work(tx)
  }
  return {
    withApp: run,
    withTenant: (_user: string, work: (given: typeof tx) => Promise<unknown>) => run(work),
    listen: async () => async () => undefined,
  } as unknown as Database
}

function open(options: Partial<ServerOptions> = {}): Promise<FastifyInstance> {
  return createServer({
    database: fakeDatabase(),
    commands: COMMANDS,
    candles: NO_CANDLES,
    config: TEST_CONFIG,
    clock: { now: () => Date.UTC(2024, 0, 1) },
    random: randomBytes,
    log: SILENT_LOG,
    version: '1.2.3',
    ...options,
  })
}

const webRoot = mkdtempSync(join(tmpdir(), 'evenkeel-web-'))
let app: FastifyInstance

before(async () => {
  mkdirSync(join(webRoot, 'assets'))
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>the page</title>')
  writeFileSync(join(webRoot, 'assets/app-1a2b.js'), 'export {}')
  app = await open({ webRoot })
})
after(async () => {
  await app.close()
  rmSync(webRoot, { recursive: true })
})

interface Envelope {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly requestId: string
    readonly details?: { path: string; code: string }[]
  }
}

const COOKIE = { cookie: `evenkeel=${SECRET}`, host: 'localhost' }
const OWN = { ...COOKIE, origin: 'http://localhost', 'x-csrf-token': csrfTokenOf(SECRET) }

const REFUSALS: readonly [
  string,
  { method: string; url: string; headers?: Record<string, string>; payload?: string },
  number,
  string,
][] = [
  ['an unknown route', { method: 'GET', url: '/api/nothing' }, 404, 'NOT_FOUND'],
  ['a known path by another method', { method: 'DELETE', url: '/api/health' }, 404, 'NOT_FOUND'],
  ['the bare prefix', { method: 'GET', url: '/api' }, 404, 'NOT_FOUND'],
  ['a path that cannot be decoded', { method: 'GET', url: '/api/bots/%E0%A4%A' }, 400, 'BAD_REQUEST'],
  [
    'malformed JSON',
    { method: 'POST', url: '/api/auth/login', headers: { 'content-type': 'application/json' }, payload: '{"email":' },
    400,
    'BAD_REQUEST',
  ],
  [
    'a key that would poison a prototype',
    { method: 'POST', url: '/api/auth/login', headers: { 'content-type': 'application/json' }, payload: '{"__proto__":{}}' },
    400,
    'BAD_REQUEST',
  ],
  [
    'a body that is no JSON',
    { method: 'POST', url: '/api/auth/login', headers: { 'content-type': 'text/plain' }, payload: 'email=a' },
    400,
    'BAD_REQUEST',
  ],
  [
    'a body over 1 MiB',
    {
      method: 'POST',
      url: '/api/auth/login',
      headers: { 'content-type': 'application/json' },
      payload: `"${'x'.repeat(1024 * 1024)}"`,
    },
    413,
    'PAYLOAD_TOO_LARGE',
  ],
  [
    'a body of the wrong form',
    { method: 'POST', url: '/api/auth/login', headers: { 'content-type': 'application/json' }, payload: '[]' },
    422,
    'VALIDATION_ERROR',
  ],
  ['an unknown query key', { method: 'GET', url: '/api/health?user_id=1' }, 422, 'VALIDATION_ERROR'],
  ['nobody', { method: 'GET', url: '/api/bots' }, 401, 'UNAUTHENTICATED'],
  [
    'a token of elsewhere',
    { method: 'GET', url: '/api/bots', headers: { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.' } },
    401,
    'UNAUTHENTICATED',
  ],
  ['a password as Basic', { method: 'GET', url: '/api/bots', headers: { authorization: 'Basic YTpi' } }, 401, 'UNAUTHENTICATED'],
  [
    'no origin',
    { method: 'POST', url: '/api/auth/logout', headers: { ...COOKIE, 'x-csrf-token': csrfTokenOf(SECRET) } },
    403,
    'CSRF_FAILED',
  ],
  [
    'a foreign origin',
    { method: 'POST', url: '/api/auth/logout', headers: { ...OWN, origin: 'http://evil.example' } },
    403,
    'CSRF_FAILED',
  ],
  ['the origin null', { method: 'POST', url: '/api/auth/logout', headers: { ...OWN, origin: 'null' } }, 403, 'CSRF_FAILED'],
  [
    'another port',
    { method: 'POST', url: '/api/auth/logout', headers: { ...OWN, origin: 'http://localhost:81' } },
    403,
    'CSRF_FAILED',
  ],
  [
    'no X-CSRF-Token',
    { method: 'POST', url: '/api/auth/logout', headers: { ...COOKIE, origin: 'http://localhost' } },
    403,
    'CSRF_FAILED',
  ],
  [
    'the wrong X-CSRF-Token',
    { method: 'POST', url: '/api/auth/logout', headers: { ...OWN, 'x-csrf-token': csrfTokenOf('another') } },
    403,
    'CSRF_FAILED',
  ],
  [
    'a foreign page that signs in',
    {
      method: 'POST',
      url: '/api/auth/login',
      headers: { origin: 'http://evil.example', 'content-type': 'application/json' },
      payload: '{"email":"a@b.c","password":"x"}',
    },
    403,
    'CSRF_FAILED',
  ],
  [
    'signing in over plain http from elsewhere',
    {
      method: 'POST',
      url: '/api/auth/login',
      headers: { host: '192.168.1.5:4510', 'content-type': 'application/json' },
      payload: '{"email":"a@b.c","password":"x"}',
    },
    403,
    'FORBIDDEN',
  ],
]
for (const [what, request, status, code] of REFUSALS) {
  test(`${what} is refused with ${status} ${code}, in the envelope`, async () => {
    const { payload, ...rest } = request
    const reply = await app.inject({ ...rest, method: rest.method as 'GET', ...(payload === undefined ? {} : { payload }) })
    const { error } = reply.json<Envelope>()
    assert.equal(`${reply.statusCode} ${error.code}`, `${status} ${code}`, reply.body)
    assert.equal(error.requestId, reply.headers['x-request-id'])
    assert.match(String(reply.headers['content-type']), /^application\/json/)
    assert.ok(error.message.length > 8)
  })
}

test('what is no HTTP at all is answered in the envelope too', async () => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'))
    let got = ''
    socket.on('data', chunk => {
      got += chunk.toString()
    })
    socket.on('end', () => resolve(got))
    socket.on('error', reject)
  })
  assert.match(text, /^HTTP\/1\.1 400 /)
  assert.equal((JSON.parse(text.slice(text.indexOf('{'))) as Envelope).error.code, 'BAD_REQUEST')
})

test('own origin and token together let a page of ours write', async () => {
  const reply = await app.inject({ method: 'POST', url: '/api/auth/logout', headers: OWN })
  assert.equal(reply.statusCode, 204)
  assert.match(String(reply.headers['set-cookie']), /^evenkeel=;.*Max-Age=0/i)
})

test('the database away is 503 with a hint when to come again, and the process still answers', async () => {
  const away = await open({
    database: fakeDatabase(() => {
      throw new StorageError('DATABASE_UNAVAILABLE', 'The database is down')
    }),
  })
  const reply = await away.inject({ method: 'GET', url: '/api/bots', headers: COOKIE })
  assert.equal(reply.statusCode, 503)
  assert.equal(reply.json<Envelope>().error.code, 'DATABASE_UNAVAILABLE')
  assert.equal(reply.headers['retry-after'], '2')
  assert.equal((await away.inject('/api/ready')).json<Envelope>().error.code, 'NOT_READY')
  assert.equal((await away.inject('/api/health')).statusCode, 200)
  await away.close()
})

test('our own mistake is 500 without its message', async () => {
  const logged: object[] = []
  const broken = await open({
    database: fakeDatabase(() => {
      throw new Error('select password_hash from user_credentials')
    }),
    log: { ...SILENT_LOG, error: fields => logged.push(fields) },
  })
  const reply = await broken.inject({ method: 'GET', url: '/api/bots', headers: COOKIE })
  assert.equal(reply.statusCode, 500)
  assert.equal(reply.json<Envelope>().error.code, 'INTERNAL')
  assert.doesNotMatch(reply.body, /password_hash/)
  assert.equal(logged.length, 1)
  assert.equal((logged[0] as { requestId: string }).requestId, reply.json<Envelope>().error.requestId)
  await broken.close()
})

test('more requests than a minute allows get 429 with Retry-After, by peer where nobody is signed in', async () => {
  const limited = await open({ config: { ...TEST_CONFIG, readsPerMinute: 3, writesPerMinute: 2 } })
  const from = (remoteAddress: string, url = '/api/health') => limited.inject({ method: 'GET', url, remoteAddress })
  for (let i = 0; i < 3; i += 1) assert.equal((await from('192.0.2.1')).statusCode, 200)
  const refused = await from('192.0.2.1')
  assert.equal(refused.statusCode, 429)
  assert.equal(refused.json<Envelope>().error.code, 'RATE_LIMITED')
  assert.ok(Number(refused.headers['retry-after']) > 0)
  assert.equal((await from('192.0.2.2')).statusCode, 200)
  assert.equal((await from('192.0.2.1', '/api/bots')).statusCode, 429, 'knocking without a key counts as well')
  await limited.close()
})

test('X-Forwarded-For counts only from a trusted proxy', async () => {
  const config = { ...TEST_CONFIG, readsPerMinute: 1, trustedProxies: ['10.0.0.1'] }
  const limited = await open({ config })
  const get = (remoteAddress: string, forwarded: string) =>
    limited.inject({ method: 'GET', url: '/api/health', remoteAddress, headers: { 'x-forwarded-for': forwarded } })
  assert.equal((await get('10.0.0.1', '192.0.2.1')).statusCode, 200)
  assert.equal((await get('10.0.0.1', '192.0.2.2')).statusCode, 200)
  assert.equal((await get('10.0.0.1', '192.0.2.1')).statusCode, 429)
  assert.equal((await get('10.9.9.9', '192.0.2.3')).statusCode, 200)
  assert.equal((await get('10.9.9.9', '192.0.2.4')).statusCode, 429, 'a stranger says what he likes')
  await limited.close()
})

test('every answer carries headers that keep foreign code out', async () => {
  const page = await app.inject('/bots/some_bot')
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'(;|$)/)
  assert.match(String(page.headers['content-security-policy']), /frame-ancestors 'none'/)
  const data = await app.inject('/api/health')
  assert.match(String(data.headers['content-security-policy']), /default-src 'none'/)
  assert.equal(data.headers['cache-control'], 'no-store')
  for (const reply of [page, data]) {
    assert.equal(reply.headers['x-content-type-options'], 'nosniff')
    assert.equal(reply.headers['x-frame-options'], 'DENY')
  }
})

test('places of the web UI answer its page, its files themselves, and files that are missing 404', async () => {
  for (const url of ['/', '/bots', '/bots/x/deals', '/index.html']) assert.match((await app.inject(url)).body, /the page/, url)
  const file = await app.inject('/assets/app-1a2b.js')
  assert.equal(file.body, 'export {}')
  assert.match(String(file.headers['cache-control']), /immutable/)
  assert.equal((await app.inject('/assets/gone.js')).statusCode, 404)
  for (const url of ['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json']) {
    assert.doesNotMatch((await app.inject(url)).body, /"dependencies"/, url)
  }
})

test('a client that accepts JSON only is answered without the prefix too', async () => {
  const json = await app.inject({ url: '/health', headers: { accept: 'application/json' } })
  assert.equal(json.json<{ version: string }>().version, '1.2.3')
  const browser = await app.inject({ url: '/health', headers: { accept: 'text/html,application/json;q=0.9,*/*;q=0.8' } })
  assert.match(browser.body, /the page/)
  const missing = await app.inject({ url: '/nothing', headers: { accept: 'application/json' } })
  assert.equal(missing.json<Envelope>().error.code, 'NOT_FOUND')
})

test('foreign origins are let in only where they are named', async () => {
  const config = { ...TEST_CONFIG, corsOrigins: ['https://desk.example.org'] }
  const shared = await open({ config })
  const preflight = (origin: string) =>
    shared.inject({ method: 'OPTIONS', url: '/api/bots', headers: { origin, 'access-control-request-method': 'POST' } })
  const good = await preflight('https://desk.example.org')
  assert.equal(good.statusCode, 204)
  assert.equal(good.headers['access-control-allow-origin'], 'https://desk.example.org')
  const bad = await preflight('https://evil.example')
  assert.equal(bad.headers['access-control-allow-origin'], undefined)
  await shared.close()
})

test('settings that cannot be obeyed stop the start, with the setting named', async () => {
  await assert.rejects(open({ config: { ...TEST_CONFIG, authMode: 'supabase' } }), { field: 'AUTH_MODE', exitCode: 2 })
  await assert.rejects(open({ config: { ...TEST_CONFIG, corsOrigins: ['example.org'] } }), { field: 'CORS_ORIGINS', exitCode: 2 })
  await assert.rejects(open({ config: { ...TEST_CONFIG, trustedProxies: ['not an address'] } }), {
    field: 'TRUSTED_PROXIES',
    exitCode: 2,
  })
})
