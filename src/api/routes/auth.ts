// Who is asking: sign-up, sign-in, sessions, tokens, the person himself.

import { sessionSchema, tokenSchema, userSchema } from '../../contract/auth.ts'
import {
  listSessions as openSessions,
  ownerExists,
  revokeSessions,
  revokeToken as storeRevokedToken,
  createToken as storeToken,
  type User,
  updateProfile,
} from '../../storage/identity-store.ts'
import { isUuid } from '../../storage/sql-types.ts'
import { ApiError, notFound, validationError } from '../api-error.ts'
import { authenticate } from '../auth/authenticate.ts'
import { parseCidr } from '../auth/cidr.ts'
import { newApiToken } from '../auth/secrets.ts'
import {
  addUser,
  login,
  logout,
  needsCode,
  requireTimezone,
  requireUser,
  changePassword as setPassword,
  signUp,
} from '../auth/sign-in.ts'
import type { Handler } from '../http.ts'
import { findRow, type ListSpec, listRows, Where } from '../list.ts'

const TOKENS = {
  name: 'tokens',
  from: 'api_tokens t',
  item: tokenSchema,
  order: [
    { sql: 't.created_at', type: 'time' },
    { sql: 't.id', type: 'uuid' },
  ],
  descending: true,
} satisfies ListSpec<typeof tokenSchema>

const storedSession = sessionSchema.omit({ current: true })
const SESSIONS = {
  name: 'sessions',
  from: 'sessions t',
  item: storedSession,
  order: TOKENS.order,
  descending: true,
} satisfies ListSpec<typeof storedSession>

function personOf(user: User) {
  const { avatarUrl: _, ...rest } = user
  return userSchema.parse(rest)
}

export const authState: Handler<'authState'> = async ({ context, raw }) => {
  const exists = await ownerExists(context.database)
  const principal = await authenticate(context, raw).catch(error => {
    if (error instanceof ApiError && error.status < 500) return null
    throw error
  })
  return {
    ownerExists: exists,
    signUpNeedsCode: !exists && needsCode(context, raw),
    user: principal === null ? null : personOf(await requireUser(context, principal.userId)),
    csrfToken: principal?.csrfToken ?? null,
  }
}

export const signUpOwner: Handler<'signUp'> = async ({ context, raw, reply, body }) => {
  const { user, csrfToken } = await signUp(context, raw, reply, body)
  return { user: personOf(user), csrfToken }
}

export const signIn: Handler<'login'> = async ({ context, raw, reply, body }) => {
  const { user, csrfToken } = await login(context, raw, reply, body)
  return { user: personOf(user), csrfToken }
}

export const signOut: Handler<'logout'> = async ({ context, raw, reply, principal }) => {
  await logout(context, raw, reply, principal)
  return null
}

export const listSessions: Handler<'listSessions'> = async ({ context, principal, query }) => {
  const where = new Where().always('t.revoked_at is null and t.expires_at > now() and t.idle_expires_at > now()')
  const page = await context.database.withTenant(principal.userId, tx => listRows(tx, SESSIONS, query, where), { readOnly: true })
  return { ...page, items: page.items.map(session => ({ ...session, current: session.id === principal.sessionId })) }
}

export const revokeOtherSessions: Handler<'revokeOtherSessions'> = async ({ context, principal }) => {
  await context.database.withTenant(principal.userId, async tx => {
    for (const { id } of await openSessions(tx)) if (id !== principal.sessionId) await revokeSessions(tx, id)
  })
  return null
}

export const revokeSession: Handler<'revokeSession'> = async ({ context, principal, params }) => {
  const ended = isUuid(params.id) ? await context.database.withTenant(principal.userId, tx => revokeSessions(tx, params.id)) : 0
  if (ended === 0) throw notFound(`session ${params.id}`)
  return null
}

export const changePassword: Handler<'changePassword'> = async ({ context, raw, principal, body }) => {
  await setPassword(context, raw, principal, body)
  return null
}

export const createUser: Handler<'createUser'> = async ({ context, body, reply }) => {
  const user = personOf(await addUser(context, body))
  reply.code(201)
  return user
}

export const getMe: Handler<'getMe'> = async ({ context, principal }) => personOf(await requireUser(context, principal.userId))

export const changeMe: Handler<'changeMe'> = async ({ context, principal, body }) => {
  const { fullName, timezone } = body
  if (timezone !== undefined) requireTimezone(timezone)
  const profile = { ...(fullName === undefined ? {} : { fullName }), ...(timezone === undefined ? {} : { timezone }) }
  const user = await context.database.withTenant(principal.userId, tx => updateProfile(tx, profile))
  if (!user) throw new ApiError('UNAUTHENTICATED', 'The account is gone')
  return personOf(user)
}

export const listTokens: Handler<'listTokens'> = async ({ context, principal, query }) =>
  context.database.withTenant(
    principal.userId,
    tx => listRows(tx, TOKENS, query, new Where().always('t.revoked_at is null and t.expires_at > now()')),
    { readOnly: true },
  )

export const createToken: Handler<'createToken'> = async ({ context, principal, body }) => {
  const bad = body.cidrs.flatMap((text, i) =>
    parseCidr(text) === null
      ? [{ path: `cidrs[${i}]`, code: 'OUT_OF_RANGE' as const, message: 'not an address range such as 10.0.0.0/8' }]
      : [],
  )
  if (bad.length > 0) throw validationError(bad)
  if (body.scopes.includes('admin') && principal.role !== 'owner' && principal.role !== 'admin') {
    throw new ApiError('FORBIDDEN', `The role ${principal.role} cannot give a token the scope admin`)
  }
  const { token, prefix, hash } = newApiToken(context.random)
  const expiresAt = new Date(context.clock.now() + body.expiresInDays * 86_400_000).toISOString()
  const row = await context.database.withTenant(principal.userId, async tx => {
    const scopes = [...new Set(body.scopes)]
    const { tokenId } = await storeToken(tx, { name: body.name, prefix, tokenHash: hash, scopes, cidrs: body.cidrs, expiresAt })
    return findRow(tx, TOKENS, new Where().add('t.id = ?', tokenId))
  })
  if (!row) throw new ApiError('INTERNAL', 'the token that was stored is not there')
  return { ...row, token }
}

export const revokeToken: Handler<'revokeToken'> = async ({ context, principal, params }) => {
  const revoked =
    isUuid(params.id) && (await context.database.withTenant(principal.userId, tx => storeRevokedToken(tx, params.id)))
  if (!revoked) throw notFound(`token ${params.id}`)
  return null
}
