// Requests that must not act twice. The first one with a key acts and its reply is kept for a day; the same request again gets that reply,
// another one under the same key is refused, and while the first still works the second is told so.

import { createHash } from 'node:crypto'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import type { Database } from '../storage/database.ts'
import { ApiError } from './api-error.ts'

const KEEP_HOURS = 24
const KEY = /^[\x21-\x7e]{1,200}$/

export interface StoredReply {
  readonly status: number
  readonly body: unknown
}

export interface IdempotentRequest {
  readonly userId: string
  readonly key: string
  /** Method and path as the client sent it. */
  readonly route: string
  readonly requestHash: string
}

/** @throws BAD_REQUEST for a key that is none. */
export function idempotentRequest(userId: string, key: string, method: string, path: string, body: unknown): IdempotentRequest {
  if (!KEY.test(key)) throw new ApiError('BAD_REQUEST', 'Idempotency-Key must be 1 to 200 visible characters')
  const route = `${method} ${path}`
  const requestHash = createHash('sha256')
    .update(`${route}\n${canonicalJson(body ?? null)}`)
    .digest('hex')
  return { userId, key, route, requestHash }
}

/** @returns the reply kept, or null when the caller is the first and must act. @throws IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_PROGRESS. */
export async function claimKey(database: Database, request: IdempotentRequest): Promise<StoredReply | null> {
  const { userId, key, route, requestHash } = request
  return database.withTenant(userId, async tx => {
    const mine = await tx.one(
      `insert into idempotency_keys as k (user_id, key, route, request_hash, expires_at)
       values ($1, $2, $3, $4, now() + make_interval(hours => $5))
       on conflict (user_id, key) do update set route = excluded.route, request_hash = excluded.request_hash, status_code = null,
         response = '{}', expires_at = excluded.expires_at
       where k.expires_at < now()
       returning key`,
      [userId, key, route, requestHash, KEEP_HOURS],
    )
    if (mine) return null
    const kept = await tx.one<{ request_hash: string; status_code: number | null; response: { body?: unknown } }>(
      'select request_hash, status_code, response from idempotency_keys where user_id = $1 and key = $2',
      [userId, key],
    )
    if (!kept || kept.request_hash !== requestHash) {
      throw new ApiError('IDEMPOTENCY_MISMATCH', `Idempotency-Key ${key} was used for another request`)
    }
    if (kept.status_code === null) {
      throw new ApiError('IDEMPOTENCY_IN_PROGRESS', `The request with Idempotency-Key ${key} is still being worked on`, {
        retryAfterSec: 1,
      })
    }
    return { status: kept.status_code, body: kept.response.body }
  })
}

export async function keepReply(database: Database, request: IdempotentRequest, reply: StoredReply): Promise<void> {
  await database.withTenant(request.userId, tx =>
    tx.query('update idempotency_keys set status_code = $3, response = $4 where user_id = $1 and key = $2', [
      request.userId,
      request.key,
      reply.status,
      JSON.stringify({ body: reply.body }),
    ]),
  )
}

/** After a failure of ours the request may be tried again under the same key. */
export async function releaseKey(database: Database, request: IdempotentRequest): Promise<void> {
  await database.withTenant(request.userId, tx =>
    tx.query('delete from idempotency_keys where user_id = $1 and key = $2 and status_code is null', [
      request.userId,
      request.key,
    ]),
  )
}
