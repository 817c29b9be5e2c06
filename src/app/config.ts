// Settings of the instance: flag, environment, NAME_FILE, default. An unusable value names its variable and the remedy.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  readonly exitCode = 2
  constructor(name: string, value: string, remedy: string) {
    super(`${name} is ${JSON.stringify(value)}: ${remedy}`)
    this.name = 'ConfigError'
  }
}

export type ProcessRole = 'all' | 'api' | 'worker'

export interface AppConfig {
  readonly home: string
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
  readonly role: ProcessRole
  readonly trustedProxies: readonly string[]
  readonly corsOrigins: readonly string[]
  readonly authMode: 'local' | 'supabase' | 'both'
  readonly liveTradingEnabled: boolean
  readonly readsPerMinute: number
  readonly writesPerMinute: number
  readonly poolSize: number
  readonly leaseSec: number
  /** Size of the file that is given up when the disk is full, MB; 0 = none. */
  readonly diskReserveMb: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

type Environment = Readonly<Record<string, string | undefined>>

function read(env: Environment, name: string): string | undefined {
  const direct = env[name]
  if (direct !== undefined && direct !== '') return direct
  const file = env[`${name}_FILE`]
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw new ConfigError(`${name}_FILE`, file, 'the file cannot be read')
  }
}

function integer(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = read(env, name)
  if (text === undefined) return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new ConfigError(name, text, `give a whole number from ${min} to ${max}`)
  return value
}

function choice<T extends string>(env: Environment, name: string, fallback: T, choices: readonly T[]): T {
  const text = read(env, name)
  if (text === undefined) return fallback
  const found = choices.find(each => each === text)
  if (!found) throw new ConfigError(name, text, `give one of ${choices.join(', ')}`)
  return found
}

const list = (env: Environment, name: string): string[] =>
  (read(env, name) ?? '')
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '')

/** EVENKEEL_HOME, absolute; default ./.evenkeel. */
export function homeOf(env: Environment): string {
  return resolve(read(env, 'EVENKEEL_HOME') ?? '.evenkeel')
}

/** @throws ConfigError naming the variable, its value and what it may be. */
export function readConfig(env: Environment): AppConfig {
  return {
    home: homeOf(env),
    host: read(env, 'HOST') ?? '127.0.0.1',
    port: integer(env, 'PORT', 4510, 0, 65_535),
    role: choice(env, 'ROLE', 'all', ['all', 'api', 'worker']),
    trustedProxies: list(env, 'TRUSTED_PROXIES'),
    corsOrigins: list(env, 'CORS_ORIGINS'),
    authMode: choice(env, 'AUTH_MODE', 'local', ['local', 'supabase', 'both']),
    liveTradingEnabled: choice(env, 'LIVE_TRADING_ENABLED', '0', ['0', '1']) === '1',
    readsPerMinute: integer(env, 'RATE_LIMIT_PER_MINUTE', 600, 1, 1_000_000),
    writesPerMinute: integer(env, 'RATE_LIMIT_WRITES_PER_MINUTE', 60, 1, 1_000_000),
    poolSize: integer(env, 'POOL_SIZE', 10, 2, 500),
    leaseSec: integer(env, 'LEASE_SEC', 15, 6, 600),
    diskReserveMb: integer(env, 'EVENKEEL_DISK_RESERVE_MB', 256, 0, 100_000),
    logLevel: choice(env, 'LOG_LEVEL', 'info', ['debug', 'info', 'warn', 'error', 'silent']),
  }
}
