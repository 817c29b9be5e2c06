// Accounts, sessions and tokens through HTTP, on a real database.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { contractProblem, errorCode, ORIGIN, openTestServer, PASSWORD, type Reply, type TestServer } from '../testing.ts'

let server: TestServer
before(async () => {
  server = await openTestServer()
})
after(() => server.close())

const OWNER = 'owner@example.org'

function findings(reply: Reply): { path: string; code: string; message: string }[] {
  return (reply.body as { error: { details: { path: string; code: string; message: string }[] } }).error.details
}

const signUp = (body: object, headers: Record<string, string> = {}) => server.call('POST', '/api/auth/sign-up', { body, headers })

describe('the first account', () => {
  test('is refused with a poor password, and nothing is made', async () => {
    const short = await signUp({ email: OWNER, password: 'short' })
    assert.equal(short.status, 422)
    const common = await signUp({ email: OWNER, password: 'password1234' })
    assert.equal(common.status, 422)
    assert.match(findings(common)[0]?.message ?? '', /too common/)
    assert.equal(((await server.call('GET', '/api/auth/state')).body as { ownerExists: boolean }).ownerExists, false)
  })

  test('is refused to a page whose name only points at this machine', async () => {
    const rebound = await signUp({ email: OWNER, password: PASSWORD }, { host: 'evil.example:80' })
    assert.equal(rebound.status, 403)
  })

  test('is refused to whom a proxy speaks for', async () => {
    const proxied = await signUp({ email: OWNER, password: PASSWORD }, { 'x-forwarded-for': '203.0.113.9' })
    assert.equal(errorCode(proxied), 'FORBIDDEN')
  })

  test('of two at once only one comes to be', async () => {
    const replies = await Promise.all([
      signUp({ email: OWNER, password: PASSWORD }),
      signUp({ email: 'second@example.org', password: PASSWORD }),
    ])
    const [made, refused] = replies.toSorted((a, b) => a.status - b.status)
    assert.equal(made?.status, 201)
    assert.ok(refused?.status === 403 || refused?.status === 409, refused?.text)
    const count = await server.database.db.withSystem(tx => tx.one<{ n: number }>('select count(*)::integer as n from users'))
    assert.equal(count?.n, 1)
    const { user } = made.body as { user: { email: string; role: string } }
    assert.equal(user.role, 'owner')
    if (user.email !== OWNER) await server.database.db.withSystem(tx => tx.query('update users set email = $1', [OWNER]))
  })

  test('shuts the door behind it', async () => {
    const late = await signUp({ email: 'late@example.org', password: PASSWORD })
    assert.equal(late.status, 403)
    assert.equal(errorCode(late), 'FORBIDDEN')
  })
})

describe('signing in', () => {
  test('gives a cookie a script cannot read, and only its hash is kept', async () => {
    const reply = await server.call('POST', '/api/auth/login', { body: { email: 'OWNER@example.org', password: PASSWORD } })
    assert.equal(contractProblem('login', reply), null)
    const cookie = String(reply.headers['set-cookie'])
    assert.match(cookie, /^evenkeel=[\w-]{43}; /)
    assert.match(cookie, /HttpOnly/)
    assert.match(cookie, /SameSite=Lax/)
    assert.match(cookie, /Path=\//)
    assert.doesNotMatch(cookie, /Domain/i)
    const secret = /evenkeel=([\w-]+)/.exec(cookie)?.[1] ?? ''
    const rows = await server.database.db.withSystem(tx => tx.query<{ all: string }>(`select s::text as all from sessions s`))
    assert.ok(rows.rows.length > 0)
    assert.ok(rows.rows.every(row => !row.all.includes(secret)))
  })

  test('over https the cookie is bound to this host', async () => {
    const behind = await openTestServer({
      config: { host: '0.0.0.0', port: 0, trustedProxies: ['127.0.0.1'], corsOrigins: [], authMode: 'local' },
    })
    const code = behind.app.signUpCode
    assert.match(code ?? '', /^[A-Z2-9]{4}-[A-Z2-9]{4}$/)
    const headers = {
      host: 'bots.example.org',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-host': 'bots.example.org',
    }
    const body = { email: OWNER, password: PASSWORD }
    const without = await behind.call('POST', '/api/auth/sign-up', { body, headers })
    assert.equal(without.status, 403)
    const wrong = await behind.call('POST', '/api/auth/sign-up', { body: { ...body, code: 'AAAA-AAAA' }, headers })
    assert.equal(wrong.status, 403)
    const state = await behind.call('GET', '/api/auth/state', { headers })
    assert.equal((state.body as { signUpNeedsCode: boolean }).signUpNeedsCode, true)
    const good = await behind.call('POST', '/api/auth/sign-up', {
      body: { ...body, code: code?.toLowerCase().replace('-', ' ') },
      headers,
    })
    assert.equal(good.status, 201, good.text)
    assert.match(String(good.headers['set-cookie']), /^__Host-evenkeel=.*Secure/)
    assert.match(String(good.headers['strict-transport-security']), /max-age/)
    assert.equal(behind.app.signUpCode, null)
    await behind.close()
  })

  test('ends the session the browser came with', async () => {
    const first = await server.login(OWNER)
    await server.call('POST', '/api/auth/login', {
      body: { email: OWNER, password: PASSWORD },
      headers: { cookie: first.cookie, origin: ORIGIN },
    })
    assert.equal((await first.call('GET', '/api/me')).status, 401)
  })

  test('wrong password and unknown account get the same answer in the same time', async () => {
    const attempt = async (email: string) => {
      const startedMs = performance.now()
      const reply = await server.call('POST', '/api/auth/login', { body: { email, password: 'wrong-wrong-wrong-wrong' } })
      return {
        ms: performance.now() - startedMs,
        status: reply.status,
        message: (reply.body as { error: { message: string } }).error.message,
      }
    }
    const known = await attempt(OWNER)
    const unknown = await attempt('nobody@example.org')
    assert.equal(known.status, 401)
    assert.deepEqual([known.status, known.message], [unknown.status, unknown.message])
    assert.ok(unknown.ms > known.ms / 3 && unknown.ms < known.ms * 3, `${unknown.ms} ms unknown, ${known.ms} ms known`)
  })
})

describe('guessing', () => {
  test('five failures lock an account, also for the right password, and an unknown one alike', async () => {
    const owner = await server.login(OWNER)
    assert.equal((await owner.call('GET', '/api/me')).status, 200)
    for (const email of [OWNER, 'unknown@example.org']) {
      const attempt = (password: string) => server.call('POST', '/api/auth/login', { body: { email, password } })
      // All at once: a hundred windows are no hundred guesses.
      const replies = await Promise.all(Array.from({ length: 7 }, () => attempt('wrong-wrong-wrong-wrong')))
      assert.deepEqual(replies.map(reply => reply.status).sort(), [401, 401, 401, 401, 401, 429, 429], email)
      const locked = await attempt(PASSWORD)
      assert.equal(locked.status, 429)
      assert.equal(errorCode(locked), 'RATE_LIMITED')
      assert.ok(
        Number(locked.headers['retry-after']) > 800 && Number(locked.headers['retry-after']) <= 900,
        String(locked.headers['retry-after']),
      )
    }
    assert.equal((await owner.call('GET', '/api/me')).status, 200, 'who is in stays in')
  })

  test('after the lock the right password opens, and the next five failures lock twice as long', async () => {
    const { db } = server.database
    const earlier = (minutes: number) =>
      db.withSystem(tx => tx.query(`update auth_attempts set created_at = created_at - make_interval(mins => $1)`, [minutes]))
    const attempt = (password: string) => server.call('POST', '/api/auth/login', { body: { email: OWNER, password } })
    await earlier(16)
    for (let i = 0; i < 5; i += 1) assert.equal((await attempt('wrong-wrong-wrong-wrong')).status, 401)
    const locked = await attempt(PASSWORD)
    assert.ok(Number(locked.headers['retry-after']) > 1700, String(locked.headers['retry-after']))
    await earlier(31)
    assert.equal((await attempt(PASSWORD)).status, 200)
    for (let i = 0; i < 4; i += 1) assert.equal((await attempt('wrong-wrong-wrong-wrong')).status, 401)
    assert.equal((await attempt(PASSWORD)).status, 200, 'a success forgives what was before')
  })

  test('twenty failures from one address lock it for every account', async () => {
    await server.database.db.withSystem(tx => tx.query('delete from auth_attempts'))
    await server.database.db.withApp(async tx => {
      for (let i = 0; i < 20; i += 1) await tx.query('select ek.record_auth_attempt($1, $2, false)', [`other ${i}`, '127.0.0.1'])
    })
    const reply = await server.call('POST', '/api/auth/login', { body: { email: OWNER, password: PASSWORD } })
    assert.equal(reply.status, 429)
    await server.database.db.withSystem(tx => tx.query('delete from auth_attempts'))
  })
})

describe('sessions', () => {
  test('are listed, revoked one by one and all but this', async () => {
    const [here, there, far] = [await server.login(OWNER), await server.login(OWNER), await server.login(OWNER)]
    const list = await here.call('GET', '/api/auth/sessions')
    assert.equal(contractProblem('listSessions', list), null)
    const items = (list.body as { items: { id: string; current: boolean }[] }).items
    assert.equal(items.filter(item => item.current).length, 1)
    const mine = (
      (await there.call('GET', '/api/auth/sessions')).body as { items: { id: string; current: boolean }[] }
    ).items.find(item => item.current)
    assert.equal((await here.call('DELETE', `/api/auth/sessions/${mine?.id}`)).status, 204)
    assert.equal((await there.call('GET', '/api/me')).status, 401)
    assert.equal((await here.call('DELETE', '/api/auth/sessions')).status, 204)
    assert.equal((await far.call('GET', '/api/me')).status, 401)
    assert.equal((await here.call('GET', '/api/me')).status, 200)
    assert.equal((await here.call('DELETE', '/api/auth/sessions/not-a-uuid')).status, 404)
  })

  test('end when signed out, idle too long, or too old', async () => {
    const { db } = server.database
    const out = await server.login(OWNER)
    assert.equal((await out.call('POST', '/api/auth/logout')).status, 204)
    assert.equal((await out.call('GET', '/api/me')).status, 401)
    for (const column of ['idle_expires_at', 'expires_at']) {
      const client = await server.login(OWNER)
      await db.withSystem(tx => tx.query(`update sessions set ${column} = now() - interval '1 second' where revoked_at is null`))
      assert.equal((await client.call('GET', '/api/me')).status, 401, column)
    }
  })

  test('of a locked account count no more', async () => {
    const client = await server.login(OWNER)
    const set = (status: string) => server.database.db.withSystem(tx => tx.query('update users set status = $1', [status]))
    await set('locked')
    assert.equal((await client.call('GET', '/api/me')).status, 401)
    assert.equal((await server.call('POST', '/api/auth/login', { body: { email: OWNER, password: PASSWORD } })).status, 401)
    await set('active')
    assert.equal((await client.call('GET', '/api/me')).status, 200)
  })
})

describe('the person', () => {
  test('changes name and zone; a zone that is none is refused with a suggestion', async () => {
    const client = await server.login(OWNER)
    const changed = await client.call('PATCH', '/api/me', { body: { fullName: 'Ada', timezone: 'Europe/Berlin' } })
    assert.equal(contractProblem('changeMe', changed), null)
    assert.equal((changed.body as { timezone: string }).timezone, 'Europe/Berlin')
    const bad = await client.call('PATCH', '/api/me', { body: { timezone: 'Europe/Berln' } })
    assert.match(findings(bad)[0]?.message ?? '', /Europe\/Berlin\?/)
    const other = await client.call('PATCH', '/api/me', { body: { user_id: 'x', fullName: 'B' } })
    assert.deepEqual(
      findings(other).map(one => [one.path, one.code]),
      [['user_id', 'UNKNOWN_KEY']],
    )
  })
})

describe('tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const make = async (body: object) => {
    const owner = await server.login(OWNER)
    const reply = await owner.call('POST', '/api/tokens', { body })
    assert.equal(contractProblem('createToken', reply), null)
    return { owner, ...(reply.body as { token: string; id: string; expiresAt: string }) }
  }

  test('are shown once, do what their scopes allow and nothing more', async () => {
    const { owner, token, expiresAt } = await make({ name: 'reader', scopes: ['bots:read'] })
    assert.match(token, /^ek_[0-9a-f]{8}_/)
    assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 90 * 86_400_000) < 60_000)
    const list = await owner.call('GET', '/api/tokens')
    assert.equal(contractProblem('listTokens', list), null)
    assert.ok(!list.text.includes(token))
    assert.equal((await server.call('GET', '/api/bots', { headers: bearer(token) })).status, 200)
    const missing = await server.call('GET', '/api/orders', { headers: bearer(token) })
    assert.equal(errorCode(missing), 'SCOPE_MISSING')
    const write = await server.call('POST', '/api/bots', { headers: bearer(token), body: {} })
    assert.equal(errorCode(write), 'SCOPE_MISSING')
    assert.equal(errorCode(await server.call('GET', '/api/tokens', { headers: bearer(token) })), 'FORBIDDEN')
    assert.equal((await server.call('GET', '/api/me', { headers: bearer(token) })).status, 200)
  })

  test('end when revoked and when expired', async () => {
    const { owner, token, id } = await make({ name: 'short', scopes: ['bots:read'], expiresInDays: 1 })
    assert.equal((await owner.call('DELETE', `/api/tokens/${id}`)).status, 204)
    assert.equal((await server.call('GET', '/api/me', { headers: bearer(token) })).status, 401)
    assert.equal((await owner.call('DELETE', `/api/tokens/${id}`)).status, 404)
    const next = await make({ name: 'old', scopes: ['bots:read'] })
    await server.database.db.withSystem(tx =>
      tx.query(`update api_tokens set expires_at = now() - interval '1 second' where id = $1`, [next.id]),
    )
    assert.equal((await server.call('GET', '/api/me', { headers: bearer(next.token) })).status, 401)
  })

  test('are bound to their address ranges', async () => {
    const { token } = await make({ name: 'bound', scopes: ['bots:read'], cidrs: ['10.0.0.0/8'] })
    assert.equal((await server.call('GET', '/api/me', { headers: bearer(token) })).status, 403)
    const owner = await server.login(OWNER)
    const bad = await owner.call('POST', '/api/tokens', {
      body: { name: 'x', scopes: ['bots:read'], cidrs: ['10.0.0.0/8', 'here'] },
    })
    assert.deepEqual(
      findings(bad).map(one => one.path),
      ['cidrs[1]'],
    )
  })

  test('need no Origin, since no browser sends them by itself', async () => {
    const { token } = await make({ name: 'writer', scopes: ['bots:write'] })
    const reply = await server.call('POST', '/api/bots', { headers: bearer(token), body: {} })
    assert.equal(reply.status, 422)
  })
})

test('no secret lies in the database as it was given out', async () => {
  const owner = await server.login(OWNER)
  const { token } = (await owner.call('POST', '/api/tokens', { body: { name: 'seed', scopes: ['bots:read'] } })).body as {
    token: string
  }
  const secrets = [PASSWORD, owner.cookie.split('=')[1] ?? '', owner.csrfToken, token, token.split('_').slice(2).join('_')]
  await server.database.db.withSystem(async tx => {
    for (const table of [
      'users',
      'user_credentials',
      'sessions',
      'api_tokens',
      'auth_attempts',
      'system_events',
      'idempotency_keys',
    ]) {
      const { rows } = await tx.query<{ row: string }>(`select t::text as row from ${table} t`)
      for (const secret of secrets)
        assert.ok(
          rows.every(({ row }) => !row.includes(secret)),
          `${table} holds a secret`,
        )
    }
  })
})
