// Everything a client can be told went wrong, as a value with its code and status, and how other floors' errors become one of them.
// A refusal by a rule never turns into 500; what is left for 500 is our own mistake.

import { ERROR_STATUS, type ErrorBody, type ErrorCode, problemCount } from '../contract/errors.ts'
import type { Finding } from '../contract/finding.ts'
import { isConnectionError, StorageError, sqlState } from '../storage/errors.ts'

export interface ApiErrorOptions {
  readonly details?: readonly Finding[] | undefined
  readonly cause?: unknown
  readonly retryAfterSec?: number
}

export class ApiError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly details: readonly Finding[] | undefined
  readonly retryAfterSec: number | null
  constructor(code: ErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ApiError'
    this.code = code
    this.status = ERROR_STATUS[code]
    this.details = options.details
    this.retryAfterSec = options.retryAfterSec ?? null
  }
}

export function envelope(error: ApiError, requestId: string): ErrorBody {
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(error.details === undefined ? {} : { details: [...error.details] }),
      requestId,
    },
  }
}

/** "1 problem", with every finding. */
export function validationError(findings: readonly Finding[]): ApiError {
  return new ApiError('VALIDATION_ERROR', problemCount(findings.length), { details: findings })
}

export function finding(path: string, code: Finding['code'], message: string): ApiError {
  return validationError([{ path, code, message }])
}

export function notFound(what: string): ApiError {
  return new ApiError('NOT_FOUND', `There is no ${what}`)
}

/** Codes of storage that are answers to the client as they are. */
const FROM_STORAGE: Partial<Record<StorageError['code'], ErrorCode>> = {
  DATABASE_UNAVAILABLE: 'DATABASE_UNAVAILABLE',
  DISK_FULL: 'DATABASE_UNAVAILABLE',
  DATABASE_READ_ONLY: 'DATABASE_UNAVAILABLE',
  VERSION_CONFLICT: 'VERSION_CONFLICT',
  BOT_ACTIVE: 'BOT_ACTIVE',
  BOT_HAS_OPEN_DEALS: 'BOT_HAS_OPEN_DEALS',
  MODE_CONFLICT: 'MODE_CONFLICT',
  INSUFFICIENT_FUNDS: 'INSUFFICIENT_FUNDS',
  INVALID_STATUS_TRANSITION: 'INVALID_STATUS_TRANSITION',
  CONFLICT: 'CONFLICT',
  NOT_FOUND: 'NOT_FOUND',
}

function fromFramework(code: string, message: string): ApiError | null {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError('PAYLOAD_TOO_LARGE', 'The body is larger than 1 MiB')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ApiError('BAD_REQUEST', 'The body must be JSON with content-type application/json')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_ASYNC_CONSTRAINT':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new ApiError('BAD_REQUEST', message)
    default:
      return null
  }
}

/** Text with a zero byte, characters and instants that the database cannot hold: only what was sent can bring them. */
const UNSTORABLE: ReadonlySet<string> = new Set(['22021', '22P05', '22007', '22008'])

/** Any error as what the client is told. What is unknown becomes INTERNAL, without its message: that stays in the log. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof StorageError) {
    const code = FROM_STORAGE[error.code]
    if (code) return new ApiError(code, error.message, { cause: error })
  }
  if (isConnectionError(error)) {
    return new ApiError('DATABASE_UNAVAILABLE', 'The database cannot be reached; try again in a moment', { cause: error })
  }
  if (UNSTORABLE.has(sqlState(error) ?? '')) {
    return new ApiError('BAD_REQUEST', 'A value holds characters or an instant that cannot be stored', { cause: error })
  }
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    const message = error instanceof Error ? error.message : 'bad request'
    const known = fromFramework(error.code, message)
    if (known) return known
    if (error.code === 'INSUFFICIENT_DATA') return new ApiError('NOT_FOUND', message, { cause: error })
  }
  if (error instanceof SyntaxError && 'statusCode' in error && error.statusCode === 400) {
    return new ApiError('BAD_REQUEST', `The body is not JSON: ${error.message}`)
  }
  return new ApiError('INTERNAL', 'Something went wrong on our side; the log has the details under this request id', {
    cause: error,
  })
}
