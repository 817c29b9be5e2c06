// What the server must know about where it stands.

export type AuthMode = 'local' | 'supabase' | 'both'

export interface ApiConfig {
  readonly host: string
  readonly port: number
  /** Addresses or CIDRs whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly string[]
  /** Foreign origins that may call with credentials. */
  readonly corsOrigins: readonly string[]
  readonly authMode: AuthMode
  readonly readsPerMinute?: number
  readonly writesPerMinute?: number
  readonly liveTradingEnabled?: boolean
}

export const DEFAULT_READS_PER_MINUTE = 600
export const DEFAULT_WRITES_PER_MINUTE = 60
export const BODY_LIMIT_BYTES = 1024 * 1024

/** A setting that cannot be obeyed: the process must not start. Exit code 2. */
export class ApiConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  readonly exitCode = 2
  readonly field: string
  constructor(field: string, message: string) {
    super(message)
    this.name = 'ApiConfigError'
    this.field = field
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|::ffff:127(\.\d{1,3}){3})$/i

/** Name or address, without port. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** @throws ApiConfigError for what this server cannot do. */
export function checkConfig(config: ApiConfig): void {
  if (config.authMode !== 'local') {
    throw new ApiConfigError(
      'AUTH_MODE',
      `AUTH_MODE ${config.authMode} is not available yet: sign-in with Supabase tokens is missing. Use AUTH_MODE=local (the default)`,
    )
  }
  for (const origin of config.corsOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new ApiConfigError('CORS_ORIGINS', `CORS_ORIGINS holds ${origin}, which is not an origin such as https://example.org`)
    }
  }
}
