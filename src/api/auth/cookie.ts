// The cookie of a signed-in browser. Over https it carries the __Host- prefix, which binds it to this host and to https; on loopback http
// a browser would not take that prefix, so that the name is plain there. Elsewhere over plain http nobody can sign in by cookie.

import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../api-error.ts'
import { isLoopback } from '../config.ts'

export const SESSION_IDLE_MS = 7 * 86_400_000
export const SESSION_ABSOLUTE_MS = 30 * 86_400_000

const SECURE_NAME = '__Host-evenkeel'
const LOOPBACK_NAME = 'evenkeel'

export function sessionCookie(request: FastifyRequest): string | null {
  const name = request.protocol === 'https' ? SECURE_NAME : LOOPBACK_NAME
  return request.cookies[name] ?? null
}

/** @throws FORBIDDEN where a cookie could be read on its way. */
export function requireSafeTransport(request: FastifyRequest): void {
  if (request.protocol === 'https' || isLoopback(request.hostname)) return
  throw new ApiError(
    'FORBIDDEN',
    'Signing in needs https, or this machine itself (http://127.0.0.1): put a proxy with TLS in front and name it in TRUSTED_PROXIES',
  )
}

export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, secret: string): void {
  const secure = request.protocol === 'https'
  reply.setCookie(secure ? SECURE_NAME : LOOPBACK_NAME, secret, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure,
    maxAge: SESSION_ABSOLUTE_MS / 1000,
  })
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  const secure = request.protocol === 'https'
  reply.clearCookie(secure ? SECURE_NAME : LOOPBACK_NAME, { path: '/', httpOnly: true, sameSite: 'lax', secure })
}
