// Who asks, and whether he may. A token wins over a cookie; what is presented and does not hold is refused, never ignored.

import type { FastifyRequest } from 'fastify'
import type { Access, Scope } from '../../contract/http.ts'
import {
  findSession,
  findToken,
  type SessionPrincipal,
  touchSession,
  touchToken,
  type UserStatus,
} from '../../storage/identity-store.ts'
import { ApiError } from '../api-error.ts'
import type { ApiContext, Principal } from '../http.ts'
import { isOwnOrigin } from '../origin.ts'
import { addressAllowed } from './cidr.ts'
import { SESSION_IDLE_MS, sessionCookie } from './cookie.ts'
import { csrfTokenOf, equalText, hashSecret, isApiToken } from './secrets.ts'

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export function isUnsafe(method: string): boolean {
  return !SAFE_METHODS.has(method)
}

/** Null when nothing is presented. @throws UNAUTHENTICATED for what does not hold. */
export async function authenticate(context: ApiContext, request: FastifyRequest): Promise<Principal | null> {
  const { authorization } = request.headers
  if (authorization !== undefined) return byToken(context, request, authorization)
  const secret = sessionCookie(request)
  return secret === null ? null : bySession(context, secret)
}

/** The idle end is moved, and the use of a token noted, only now and then: not every request writes. */
const TOUCH_AFTER_MS = 5 * 60_000

function requireActive(person: { readonly status: UserStatus }): void {
  if (person.status !== 'active') throw new ApiError('UNAUTHENTICATED', `The account is ${person.status}`)
}

async function byToken(context: ApiContext, request: FastifyRequest, authorization: string): Promise<Principal> {
  const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization)?.[1] ?? ''
  // Only our own tokens: a JWT of whatever issuer, signed or not, is none of them.
  if (!isApiToken(token)) throw new ApiError('UNAUTHENTICATED', 'The authorization header holds no API token of this server')
  const found = await findToken(context.database, hashSecret(token))
  if (!found) throw new ApiError('UNAUTHENTICATED', 'The API token is unknown, expired or revoked')
  requireActive(found)
  if (!addressAllowed(request.ip, found.cidrs)) {
    throw new ApiError('FORBIDDEN', `The API token may not be used from ${request.ip}`)
  }
  await noteTokenUse(context, found.userId, found.tokenId)
  const { userId, email, role, tokenId, scopes } = found
  return { userId, email, role, tokenId, sessionId: null, scopes: new Set(scopes as Scope[]), csrfToken: null }
}

async function bySession(context: ApiContext, secret: string): Promise<Principal | null> {
  const found = await findSession(context.database, hashSecret(secret))
  if (!found) return null
  requireActive(found)
  await moveIdleEnd(context, found)
  const { userId, email, role, sessionId } = found
  return { userId, email, role, sessionId, tokenId: null, scopes: null, csrfToken: csrfTokenOf(secret) }
}

async function noteTokenUse({ database, tokenUses, clock }: ApiContext, userId: string, tokenId: string): Promise<void> {
  const nowMs = clock.now()
  if (nowMs - (tokenUses.get(tokenId) ?? 0) < TOUCH_AFTER_MS) return
  tokenUses.set(tokenId, nowMs)
  await database.withTenant(userId, tx => touchToken(tx, tokenId))
}

async function moveIdleEnd({ database, clock }: ApiContext, session: SessionPrincipal): Promise<void> {
  const idleEndMs = Math.min(clock.now() + SESSION_IDLE_MS, Date.parse(session.expiresAt))
  if (idleEndMs - Date.parse(session.idleExpiresAt) < TOUCH_AFTER_MS) return
  await database.withTenant(session.userId, tx => touchSession(tx, session.sessionId, new Date(idleEndMs).toISOString()))
}

/** What scopes a role may never have, by browser or token. */
function roleMay(principal: Principal, access: Access, unsafe: boolean): boolean {
  if (access === 'admin') return principal.role === 'owner' || principal.role === 'admin'
  if (access === 'signed_in' || access === 'session') return true
  return principal.role !== 'viewer' || !unsafe
}

/** @throws UNAUTHENTICATED, FORBIDDEN, SCOPE_MISSING. */
export function authorize(principal: Principal | null, access: Access, unsafe: boolean): asserts principal is Principal {
  if (principal === null)
    throw new ApiError('UNAUTHENTICATED', 'Sign in first, or send an API token as "Authorization: Bearer ek_..."')
  if (!roleMay(principal, access, unsafe)) {
    throw new ApiError('FORBIDDEN', `The role ${principal.role} may not do this`)
  }
  if (principal.scopes === null || access === 'signed_in' || access === 'public') return
  if (access === 'session') throw new ApiError('FORBIDDEN', 'This needs a signed-in browser, an API token is not enough')
  if (!principal.scopes.has(access)) {
    throw new ApiError('SCOPE_MISSING', `The API token lacks the scope ${access}`)
  }
}

/** A page elsewhere can make a browser send our cookie, but knows neither the token nor our origin. @throws CSRF_FAILED. */
export function requireOwnPage(request: FastifyRequest, principal: Principal, corsOrigins: readonly string[]): void {
  if (principal.csrfToken === null) return
  if (!isOwnOrigin(request, corsOrigins)) {
    throw new ApiError('CSRF_FAILED', `The Origin header must be this server's own, it is ${request.headers.origin ?? 'missing'}`)
  }
  const sent = request.headers['x-csrf-token']
  if (typeof sent !== 'string' || !equalText(sent, principal.csrfToken)) {
    throw new ApiError(
      'CSRF_FAILED',
      'The header X-CSRF-Token is missing or not that of this session; GET /api/auth/state names it',
    )
  }
}
