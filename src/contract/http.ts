/** What every endpoint shares: how a route is written down, lists and cursors, instants, ids. */

import { z } from 'zod'
import { decimalText } from './decimal-schema.ts'

/** What a token may be allowed; a session has them all. */
export const SCOPES = [
  'bots:read',
  'bots:write',
  'run:paper',
  'run:live',
  'trades:read',
  'trades:write',
  'market:read',
  'alerts',
  'connections',
  'exports',
  'admin',
] as const
export type Scope = (typeof SCOPES)[number]

/** public: nobody need be known. session: signed in with the browser, not by token. signed_in: either. A scope: a token needs it. */
export type Access = 'public' | 'session' | 'signed_in' | Scope

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below /api, parameters in braces. */
  readonly path: string
  /** Other paths with the same meaning. */
  readonly aliases?: readonly string[]
  readonly tag: string
  readonly summary: string
  readonly access: Access
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** By status; null = no body. Errors have the envelope and are not listed here. */
  readonly responses: Readonly<Record<number, z.ZodType | null>>
  /** A list of server-sent events instead of one JSON document. */
  readonly stream?: boolean
  readonly idempotencyKey?: 'optional' | 'required'
}

/** Keeps the literal types of a route for the typed client. */
export function route<const R extends Route>(definition: R): R {
  return definition
}

/** `{items, nextCursor}`: nextCursor null = the end. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

export const MAX_LIMIT = 1000
export const DEFAULT_LIMIT = 100

export const listQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  cursor: z.string().max(500).optional().meta({ description: 'nextCursor of the page before' }),
}

export const instant = z.string().meta({ format: 'date-time', description: 'ISO-8601, UTC' })
export const instantOrNull = instant.nullable()
/** In a query: ISO-8601 or epoch milliseconds. */
export const instantQuery = z
  .string()
  .max(40)
  .refine(text => /^\d{1,15}$/.test(text) || (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text))), {
    message: 'an instant: ISO-8601 such as 2024-01-31T00:00:00Z, or epoch milliseconds',
  })

export const money = decimalText
export const moneyOrNull = decimalText.nullable()
export const uuid = z.string().meta({ format: 'uuid' })
export const uuidOrNull = uuid.nullable()
/** JSON whose inside is documented elsewhere or only for readers. */
export const anyJson = z.unknown()

export const modeSchema = z.enum(['backtest', 'paper', 'live'])
export const symbolQuery = z.string().min(1).max(50)
export const botIdParam = z.strictObject({ id: z.string().min(1).max(100).meta({ description: 'botId' }) })
export const idParam = z.strictObject({ id: uuid })

/** `/bots/{id}` with its parameters filled in, encoded. @throws RangeError for one that is missing. */
export function pathOf(path: string, params: Readonly<Record<string, string>> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new RangeError(`the path ${path} needs ${name}`)
    return encodeURIComponent(value)
  })
}
