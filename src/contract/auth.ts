/** Who is asking: the owner's account, sessions of the browser, tokens of programs. */

import { z } from 'zod'
import { idParam, instant, instantOrNull, listOf, listQuery, route, SCOPES, uuid } from './http.ts'

const email = z.email().max(254)
const password = z.string().min(12).max(256).meta({ description: '12 to 256 characters, not a common one' })

export const userSchema = z
  .object({
    id: uuid,
    email: z.string(),
    fullName: z.string().nullable(),
    timezone: z.string(),
    role: z.enum(['owner', 'admin', 'trader', 'viewer']),
    status: z.enum(['active', 'locked', 'disabled']),
    createdAt: instant,
  })
  .meta({ id: 'User' })
export type User = z.output<typeof userSchema>

export const sessionSchema = z
  .object({
    id: uuid,
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    current: z.boolean(),
    createdAt: instant,
    idleExpiresAt: instant,
    expiresAt: instant,
  })
  .meta({ id: 'Session' })

export const tokenSchema = z
  .object({
    id: uuid,
    name: z.string(),
    prefix: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    cidrs: z.array(z.string()),
    expiresAt: instant,
    lastUsedAt: instantOrNull,
    revokedAt: instantOrNull,
    createdAt: instant,
  })
  .meta({ id: 'Token' })

const signedIn = z
  .object({
    user: userSchema,
    csrfToken: z.string().meta({ description: 'Send as X-CSRF-Token with every unsafe request of this session' }),
  })
  .meta({ id: 'SignedIn' })

export const authRoutes = {
  authState: route({
    method: 'GET',
    path: '/auth/state',
    tag: 'Identity',
    summary: 'Whether an owner exists and whether this browser is signed in',
    access: 'public',
    responses: {
      200: z.object({
        ownerExists: z.boolean(),
        signUpNeedsCode: z.boolean().meta({ description: 'Off loopback the code is printed at the start' }),
        user: userSchema.nullable(),
        csrfToken: z.string().nullable(),
      }),
    },
  }),
  signUp: route({
    method: 'POST',
    path: '/auth/sign-up',
    tag: 'Identity',
    summary: 'Create the owner while there is no user; signs in',
    access: 'public',
    body: z
      .strictObject({ email, password, fullName: z.string().trim().max(120).optional(), code: z.string().max(64).optional() })
      .meta({ id: 'SignUp' }),
    responses: { 201: signedIn },
  }),
  login: route({
    method: 'POST',
    path: '/auth/login',
    tag: 'Identity',
    summary: 'Sign in; the session comes as a cookie',
    access: 'public',
    body: z.strictObject({ email: z.string().max(254), password: z.string().max(256) }).meta({ id: 'Login' }),
    responses: { 200: signedIn },
  }),
  logout: route({
    method: 'POST',
    path: '/auth/logout',
    tag: 'Identity',
    summary: 'End this session',
    access: 'session',
    responses: { 204: null },
  }),
  listSessions: route({
    method: 'GET',
    path: '/auth/sessions',
    tag: 'Identity',
    summary: 'Sessions that are still good',
    access: 'session',
    query: z.strictObject(listQuery),
    responses: { 200: listOf(sessionSchema) },
  }),
  revokeOtherSessions: route({
    method: 'DELETE',
    path: '/auth/sessions',
    tag: 'Identity',
    summary: 'End every session but this one',
    access: 'session',
    responses: { 204: null },
  }),
  revokeSession: route({
    method: 'DELETE',
    path: '/auth/sessions/{id}',
    tag: 'Identity',
    summary: 'End a session',
    access: 'session',
    params: idParam,
    responses: { 204: null },
  }),
  changePassword: route({
    method: 'POST',
    path: '/auth/password',
    tag: 'Identity',
    summary: 'Change the password; every other session ends',
    access: 'session',
    body: z.strictObject({ currentPassword: z.string().max(256), newPassword: password }).meta({ id: 'ChangePassword' }),
    responses: { 204: null },
  }),
  createUser: route({
    method: 'POST',
    path: '/users',
    tag: 'Identity',
    summary: 'Make an account for somebody else; nothing of it is visible to you afterwards',
    access: 'admin',
    body: z
      .strictObject({
        email,
        password,
        fullName: z.string().trim().max(120).optional(),
        role: z.enum(['admin', 'trader', 'viewer']).default('trader'),
      })
      .meta({ id: 'CreateUser' }),
    responses: { 201: userSchema },
  }),
  getMe: route({
    method: 'GET',
    path: '/me',
    tag: 'Identity',
    summary: 'The user who is asking',
    access: 'signed_in',
    responses: { 200: userSchema },
  }),
  changeMe: route({
    method: 'PATCH',
    path: '/me',
    tag: 'Identity',
    summary: 'Change name or time zone',
    access: 'session',
    body: z
      .strictObject({ fullName: z.string().trim().max(120).nullable().optional(), timezone: z.string().max(60).optional() })
      .meta({ id: 'ChangeMe' }),
    responses: { 200: userSchema },
  }),
  listTokens: route({
    method: 'GET',
    path: '/tokens',
    tag: 'Identity',
    summary: 'API tokens',
    access: 'session',
    query: z.strictObject(listQuery),
    responses: { 200: listOf(tokenSchema) },
  }),
  createToken: route({
    method: 'POST',
    path: '/tokens',
    tag: 'Identity',
    summary: 'Make a token; it is shown once',
    access: 'session',
    body: z
      .strictObject({
        name: z.string().trim().min(1).max(80),
        scopes: z.array(z.enum(SCOPES)).min(1),
        cidrs: z.array(z.string().max(50)).max(20).default([]),
        expiresInDays: z.int().min(1).max(365).default(90),
      })
      .meta({ id: 'CreateToken' }),
    responses: {
      201: tokenSchema.extend({ token: z.string().meta({ examples: ['ek_ab12cd_…'] }) }).meta({ id: 'CreatedToken' }),
    },
  }),
  revokeToken: route({
    method: 'DELETE',
    path: '/tokens/{id}',
    tag: 'Identity',
    summary: 'Revoke a token',
    access: 'session',
    params: idParam,
    responses: { 204: null },
  }),
} as const
