// Where a request comes from: whether a page of our own sent it, and whether this server is being spoken to on its own machine.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback } from './config.ts'

/** `https://host:port` as the browser sees us. */
export function ownOrigin(request: FastifyRequest): string {
  return `${request.protocol}://${request.host}`
}

export function isOwnOrigin(request: FastifyRequest, corsOrigins: readonly string[]): boolean {
  const { origin } = request.headers
  return origin !== undefined && (origin === ownOrigin(request) || corsOrigins.includes(origin))
}

const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/**
 * Peer and name are both this machine's, and no proxy says it speaks for another: a page elsewhere whose name resolves to 127.0.0.1 has
 * its own name in Host.
 */
export function isLocalRequest(request: FastifyRequest): boolean {
  return isLoopback(request.ip) && isLoopback(request.hostname) && FORWARDED.every(name => request.headers[name] === undefined)
}

/** IPv6 peers own at least a /64: they are counted as one. */
export function addressGroup(ip: string): string {
  const plain = ip.startsWith('::ffff:') ? ip.slice(7) : ip
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  const all =
    tail === undefined
      ? groups
      : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill('0'), ...behind]
  return `${all
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`
}

const ALLOWED_HEADERS = 'authorization, content-type, idempotency-key, if-match, last-event-id, x-csrf-token'

/** Lets the named foreign origins in. @returns true when the request was a preflight and has been answered. */
export function answerCors(request: FastifyRequest, reply: FastifyReply, corsOrigins: readonly string[]): boolean {
  const { origin } = request.headers
  if (origin === undefined || !corsOrigins.includes(origin)) return false
  reply.header('access-control-allow-origin', origin)
  reply.header('access-control-allow-credentials', 'true')
  reply.header('access-control-expose-headers', 'etag, location, retry-after, x-request-id')
  reply.header('vary', 'origin')
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false
  reply.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
  reply.header('access-control-allow-headers', ALLOWED_HEADERS)
  reply.header('access-control-max-age', '600')
  reply.code(204).send()
  return true
}
