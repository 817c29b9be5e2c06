/** The error envelope of the API and its codes. The list grows; no code is ever renamed. */

import { z } from 'zod'

/** HTTP status by code. */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  TOTP_REQUIRED: 401,
  SIGNAL_SECRET: 401,
  FORBIDDEN: 403,
  SCOPE_MISSING: 403,
  CSRF_FAILED: 403,
  STEP_UP_REQUIRED: 403,
  LIVE_DISABLED: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  INVALID_STATUS_TRANSITION: 409,
  MODE_CONFLICT: 409,
  BOT_HAS_OPEN_DEALS: 409,
  BOT_ACTIVE: 409,
  VERSION_CONFLICT: 409,
  PREVIEW_STALE: 409,
  INVALID_DEAL_TRANSITION: 409,
  SIGNAL_DUPLICATE: 409,
  INSUFFICIENT_FUNDS: 409,
  CONNECTION_REQUIRED: 409,
  CONFIRMATION_REQUIRED: 409,
  QUOTA_EXCEEDED: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,
  SAFETY_STATE: 409,
  PAYLOAD_TOO_LARGE: 413,
  VALIDATION_ERROR: 422,
  IDEMPOTENCY_MISMATCH: 422,
  SIGNAL_STALE: 422,
  SIGNAL_ACTION: 422,
  SAFETY_LIMIT_TIGHTER: 422,
  PRECONDITION_REQUIRED: 428,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  NOT_IMPLEMENTED: 501,
  EXCHANGE_ERROR: 502,
  DATABASE_UNAVAILABLE: 503,
  NOT_READY: 503,
  CLOSE_ONLY: 503,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

export const ERROR_CODES = Object.keys(ERROR_STATUS) as ErrorCode[]

/** One problem of an input: where, which, and what to do. */
export const findingSchema = z
  .object({ path: z.string(), code: z.string(), message: z.string() })
  .meta({ id: 'Finding', description: 'One problem of the input; codes are extensible' })

export const errorSchema = z
  .object({
    error: z.object({
      code: z.string().meta({ description: 'One of the codes; the list may grow', examples: ['VALIDATION_ERROR'] }),
      message: z.string(),
      details: z.array(findingSchema).optional().meta({ description: 'All problems at once, with VALIDATION_ERROR' }),
      requestId: z.string(),
    }),
  })
  .meta({ id: 'Error' })
export type ErrorBody = z.output<typeof errorSchema>

/** "1 problem", "3 problems": the message of a VALIDATION_ERROR. */
export function problemCount(count: number): string {
  return count === 1 ? '1 problem' : `${count} problems`
}
