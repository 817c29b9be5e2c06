// Trouble with the database, named: a code for programs, a sentence for people with the place and the remedy, and the exit code
// a CLI verb ends with. Everything that is not known here keeps its cause.

export type StorageErrorCode =
  | 'NO_POSTGRES_BINARIES'
  | 'DATA_VERSION'
  | 'DIRECTORY_IN_USE'
  | 'DIRECTORY_UNREADABLE'
  | 'DIRECTORY_NOT_WRITABLE'
  | 'NOT_A_DATA_DIRECTORY'
  | 'DISK_FULL'
  | 'POSTGRES_FAILED'
  | 'POSTGRES_TOO_OLD'
  | 'DATABASE_UNAVAILABLE'
  | 'DATABASE_READ_ONLY'
  | 'DATABASE_URL_INVALID'
  | 'DATABASE_URL_MISSING'
  | 'UNSAFE_DB_ROLE'
  | 'NOT_PRIVILEGED'
  | 'MIGRATIONS_PENDING'
  | 'MIGRATION_CHECKSUM'
  | 'MIGRATION_GAP'
  | 'MIGRATION_FAILED'
  | 'MIGRATION_LOCKED'
  | 'SCHEMA_NEWER'
  | 'SCHEMA_FOREIGN'
  | 'BACKUP_FAILED'
  | 'LEASE_LOST'
  | 'JOURNAL_GAP'
  | 'STATE_DAMAGED'
  | 'VERSION_CONFLICT'
  | 'BOT_ACTIVE'
  | 'BOT_HAS_OPEN_DEALS'
  | 'MODE_CONFLICT'
  | 'INSUFFICIENT_FUNDS'
  | 'INVALID_STATUS_TRANSITION'
  | 'CONFLICT'
  | 'NOT_FOUND'
  | 'BAD_CURSOR'

export interface StorageErrorDetails {
  /** File, directory or address that is meant. */
  readonly path?: string
  /** What a person can do about it. */
  readonly remedy?: string
  readonly exitCode?: number
  readonly cause?: unknown
}

export class StorageError extends Error {
  readonly code: StorageErrorCode
  readonly path: string | null
  readonly remedy: string | null
  /** 4 database, 3 refused by a gate, 2 configuration. */
  readonly exitCode: number
  constructor(code: StorageErrorCode, message: string, details: StorageErrorDetails = {}) {
    super(details.remedy ? `${message}. ${details.remedy}` : message, { cause: details.cause })
    this.name = 'StorageError'
    this.code = code
    this.path = details.path ?? null
    this.remedy = details.remedy ?? null
    this.exitCode = details.exitCode ?? 4
  }
}

/** SQLSTATE of an error of the server, null for every other error. */
export function sqlState(error: unknown): string | null {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null
  }
  return null
}

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])
const CONNECTION_STATES = /^(08|57P0|58|53[123])/
const CONNECTION_TEXT =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|timeout expired|Cannot use a pool after/i

/** The server is away or going away: the same work may succeed later, and a commit in flight is in doubt. */
export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== null && CONNECTION_STATES.test(state)) return true
  if (typeof error === 'object' && error !== null && 'code' in error && CONNECTION_CODES.has(String(error.code))) return true
  return error instanceof Error && CONNECTION_TEXT.test(error.message)
}

/** Serialization failure or deadlock: the transaction did nothing and may simply be run again. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01'
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505'
}

/** Codes of a database that cannot be written now and may be written later: nothing acts meanwhile. */
const AWAY: readonly StorageErrorCode[] = ['DATABASE_UNAVAILABLE', 'DATABASE_READ_ONLY', 'DISK_FULL']

/** Whether the same work may succeed later; what a commit did that ended so has to be found out. */
export function isAway(error: unknown): boolean {
  return isConnectionError(error) || (error instanceof StorageError && AWAY.includes(error.code))
}

/**
 * Names what keeps the database from being used: gone, its disk full, or only to be read.
 * @returns the error itself when it says something else.
 */
export function unavailable(error: unknown): unknown {
  if (error instanceof StorageError) return error
  const state = sqlState(error)
  const message = error instanceof Error ? error.message : String(error)
  if (state === '53100') {
    return new StorageError('DISK_FULL', `The disk of the database is full: ${message}`, {
      remedy: 'Free some space there; nothing acts until it can be written again, then work resumes by itself',
      cause: error,
    })
  }
  if (state === '25006') {
    return new StorageError('DATABASE_READ_ONLY', `The database takes no writes: ${message}`, {
      remedy: 'It may be a standby after a failover, or set to read-only; nothing acts until it can be written again',
      cause: error,
    })
  }
  if (!isConnectionError(error)) return error
  return new StorageError('DATABASE_UNAVAILABLE', `The database cannot be reached: ${message}`, {
    remedy: 'It is tried again by itself; nothing acts until it answers',
    cause: error,
  })
}
