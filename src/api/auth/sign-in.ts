// Signing up, signing in and out: the only places where a password is looked at and a session begins.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { nearest } from '../../contract/finding.ts'
import {
  createSession,
  createUser,
  findLogin,
  findSession,
  findUser,
  ownerExists,
  revokeSessions,
  changePassword as storePassword,
  type User,
} from '../../storage/identity-store.ts'
import { ApiError, finding } from '../api-error.ts'
import type { ApiContext, Principal, Role } from '../http.ts'
import { isLocalRequest, isOwnOrigin } from '../origin.ts'
import {
  clearSessionCookie,
  requireSafeTransport,
  SESSION_ABSOLUTE_MS,
  SESSION_IDLE_MS,
  sessionCookie,
  setSessionCookie,
} from './cookie.ts'
import { createTurnstile, lockOf, recordAttempt } from './lockout.ts'
import { hashPassword, passwordProblem, verifyPassword } from './password.ts'
import { csrfTokenOf, equalText, hashSecret } from './secrets.ts'

/** The data key of a person is made with the first secret that needs one; until then there is none to wrap. */
const NO_DATA_KEY = { dataKeyWrapped: '', kekId: '' }

const WRONG = 'The address or the password is wrong'

export interface SignedIn {
  readonly user: User
  readonly csrfToken: string
}

/** A page elsewhere must not sign a browser in as somebody else. @throws CSRF_FAILED. */
function refuseForeignPage(context: ApiContext, request: FastifyRequest): void {
  if (request.headers.origin !== undefined && !isOwnOrigin(request, context.config.corsOrigins)) {
    throw new ApiError('CSRF_FAILED', `The Origin header must be this server's own, it is ${request.headers.origin}`)
  }
}

function requireGoodPassword(path: string, password: string, email: string): void {
  const problem = passwordProblem(password, [email])
  if (problem !== null) throw finding(path, 'OUT_OF_RANGE', `the password ${problem}`)
}

export interface NewAccount {
  readonly email: string
  readonly password: string
  readonly fullName?: string | undefined
}

/** Whether somebody who signs up from here must know the code printed at start. */
export function needsCode(context: ApiContext, request: FastifyRequest): boolean {
  return context.signUpCode.value !== null || !isLocalRequest(request)
}

/** The first account, which owns the installation. */
export async function signUp(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  account: NewAccount & { readonly code?: string | undefined },
): Promise<SignedIn> {
  refuseForeignPage(context, request)
  requireSafeTransport(request)
  const { database, random } = context
  if (await ownerExists(database))
    throw new ApiError('FORBIDDEN', 'This installation has an owner already; ask the owner for an account')
  if (needsCode(context, request)) requireCode(context, account.code)
  const email = account.email.trim()
  requireGoodPassword('password', account.password, email)
  const { id } = await createUser(database, {
    email,
    fullName: account.fullName ?? null,
    role: 'owner',
    passwordHash: await hashPassword(account.password, random),
    ...NO_DATA_KEY,
  })
  context.signUpCode.value = null
  return openSession(context, request, reply, id)
}

/** @throws FORBIDDEN without the right code; after ten wrong ones only a restart makes a new one. */
function requireCode(context: ApiContext, code: string | undefined): void {
  const { signUpCode } = context
  if (signUpCode.value === null || signUpCode.guessesLeft <= 0) {
    throw new ApiError(
      'FORBIDDEN',
      'The first account must be made on the machine itself (http://127.0.0.1), or with the code that a server on another address prints at its start',
    )
  }
  const plain = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]/g, '')
  if (code !== undefined && equalText(plain(code), plain(signUpCode.value))) return
  if (code !== undefined) signUpCode.guessesLeft -= 1
  throw new ApiError('FORBIDDEN', 'The code that the server printed at its start is missing or wrong')
}

/** An account made by the owner or an admin; it signs in with this password. */
export async function addUser(
  context: Pick<ApiContext, 'database' | 'random'>,
  account: NewAccount & { readonly role: Exclude<Role, 'owner'> },
): Promise<User> {
  const email = account.email.trim()
  requireGoodPassword('password', account.password, email)
  const { id } = await createUser(context.database, {
    email,
    fullName: account.fullName ?? null,
    role: account.role,
    passwordHash: await hashPassword(account.password, context.random),
    ...NO_DATA_KEY,
  })
  return requireUser(context, id)
}

const turnstile = createTurnstile()

/** The same answer, in the same time, for a wrong password and an account that does not exist. */
export async function login(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  credentials: { readonly email: string; readonly password: string },
): Promise<SignedIn> {
  refuseForeignPage(context, request)
  requireSafeTransport(request)
  const { database, clock } = context
  const email = credentials.email.trim()
  const userId = await turnstile(email.toLowerCase(), async () => {
    const lockedMs = await lockOf(database, email, request.ip, clock.now())
    if (lockedMs > 0) {
      throw new ApiError('RATE_LIMITED', 'Too many failed attempts: wait before the next one', {
        retryAfterSec: Math.ceil(lockedMs / 1000),
      })
    }
    const found = await findLogin(database, email)
    const right = await verifyPassword(credentials.password, found?.passwordHash ?? null)
    const good = right && found !== null && found.status === 'active'
    await recordAttempt(database, email, request.ip, good)
    if (!good) throw new ApiError('UNAUTHENTICATED', WRONG)
    return found.userId
  })
  return openSession(context, request, reply, userId)
}

/** A new secret with each login; the one the browser came with ends. */
async function openSession(context: ApiContext, request: FastifyRequest, reply: FastifyReply, userId: string): Promise<SignedIn> {
  const { database, clock, random } = context
  const former = sessionCookie(request)
  const secret = random(32).toString('base64url')
  const nowMs = clock.now()
  const formerSession = former === null ? null : await findSession(database, hashSecret(former))
  if (formerSession) await database.withTenant(formerSession.userId, tx => revokeSessions(tx, formerSession.sessionId))
  await database.withTenant(userId, tx =>
    createSession(tx, {
      tokenHash: hashSecret(secret),
      ip: request.ip,
      userAgent: request.headers['user-agent']?.slice(0, 300) ?? null,
      idleExpiresAt: new Date(nowMs + SESSION_IDLE_MS).toISOString(),
      expiresAt: new Date(nowMs + SESSION_ABSOLUTE_MS).toISOString(),
    }),
  )
  setSessionCookie(request, reply, secret)
  return { user: await requireUser(context, userId), csrfToken: csrfTokenOf(secret) }
}

export async function logout(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  principal: Principal,
): Promise<void> {
  const { sessionId, userId } = principal
  if (sessionId !== null) await context.database.withTenant(userId, tx => revokeSessions(tx, sessionId))
  clearSessionCookie(request, reply)
}

/** Ends every other session. The present password is asked for, and guessed no faster than at login. */
export async function changePassword(
  context: ApiContext,
  request: FastifyRequest,
  principal: Principal,
  change: { readonly currentPassword: string; readonly newPassword: string },
): Promise<void> {
  const { database, random } = context
  const { email, userId, sessionId } = principal
  requireGoodPassword('newPassword', change.newPassword, email)
  if (!(await isOwnPassword(context, request, principal, change.currentPassword))) {
    throw finding('currentPassword', 'OUT_OF_RANGE', 'the present password is wrong')
  }
  const hash = await hashPassword(change.newPassword, random)
  await database.withTenant(userId, tx => storePassword(tx, hash, sessionId))
}

/** Guessed no faster than at login. @throws RATE_LIMITED while locked. */
async function isOwnPassword(
  { database, clock }: ApiContext,
  request: FastifyRequest,
  { email }: Principal,
  password: string,
): Promise<boolean> {
  return turnstile(email.toLowerCase(), async () => {
    const lockedMs = await lockOf(database, email, request.ip, clock.now())
    if (lockedMs > 0) {
      throw new ApiError('RATE_LIMITED', 'Too many failed attempts: wait before the next one', {
        retryAfterSec: Math.ceil(lockedMs / 1000),
      })
    }
    const found = await findLogin(database, email)
    const right = await verifyPassword(password, found?.passwordHash ?? null)
    await recordAttempt(database, email, request.ip, right)
    return right
  })
}

/** The password once more, before something that a stolen session must not do. @throws STEP_UP_REQUIRED, RATE_LIMITED. */
export async function requirePassword(
  context: ApiContext,
  request: FastifyRequest,
  principal: Principal,
  password: string,
): Promise<void> {
  if (await isOwnPassword(context, request, principal, password)) return
  throw new ApiError('STEP_UP_REQUIRED', 'This needs your own password once more, and the one that was sent is wrong')
}

export async function requireUser(context: Pick<ApiContext, 'database'>, userId: string): Promise<User> {
  const user = await context.database.withTenant(userId, tx => findUser(tx), { readOnly: true })
  if (!user) throw new ApiError('UNAUTHENTICATED', 'The account is gone')
  return user
}

/** A zone the clock of browsers and servers knows. @throws VALIDATION_ERROR. */
export function requireTimezone(timezone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone })
  } catch {
    const meant = nearest(timezone, Intl.supportedValuesOf('timeZone'))
    throw finding('timezone', 'BAD_ENUM', `not a known time zone${meant === null ? ', such as Europe/Berlin' : `, ${meant}?`}`)
  }
}
