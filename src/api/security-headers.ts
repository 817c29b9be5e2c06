// Headers that keep a page of ours from doing what it must not: no foreign scripts, no frames, no guessing of types.

import type { FastifyReply, FastifyRequest } from 'fastify'

// Styles may stand inline: the component library writes its colour scheme into a style element. Scripts never.
const PAGE_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** @param isPage a document of the web UI, rather than data. */
export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply, isPage: boolean): void {
  reply.header('content-security-policy', isPage ? PAGE_POLICY : DATA_POLICY)
  reply.header('x-content-type-options', 'nosniff')
  reply.header('x-frame-options', 'DENY')
  reply.header('referrer-policy', 'same-origin')
  reply.header('cross-origin-opener-policy', 'same-origin')
  reply.header('cross-origin-resource-policy', 'same-origin')
  reply.header('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=(), usb=()')
  if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000')
  if (!isPage) reply.header('cache-control', 'no-store')
}
