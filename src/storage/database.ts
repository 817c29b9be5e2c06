// The way to the database: finds it (DATABASE_URL, else the private server), proves that the role it works as is bound by row
// level security, and gives out transactions of one tenant. Says when the database is down and when it is back.

import { readFileSync } from 'node:fs'
import pg from 'pg'
import { isConnectionError, isRetryable, StorageError, sqlState, unavailable } from './errors.ts'
import type { Log } from './log.ts'
import { type MigrationReport, migrate, pendingMigrations } from './migrate.ts'
import { type PipelineResult, type PipelineStatement, runPipeline } from './pipeline.ts'
import { idle, sleep } from './postgres/postmaster.ts'
import { openPrivateServer, type PrivateServer } from './postgres/private-server.ts'
import { proveRole } from './role-proof.ts'
import { isUuid, TYPES } from './sql-types.ts'

export interface OpenDatabaseOptions {
  /** EVENKEEL_HOME: the private server, its log and the backups lie there. */
  readonly home: string
  readonly databaseUrl?: string | undefined
  /** Session connection for migrations where databaseUrl is a transaction pooler. */
  readonly directUrl?: string | undefined
  readonly role: 'server' | 'cli'
  readonly log: Log
  /** apply: migrate when something is pending (default for the private server); require: refuse (default with a URL). */
  readonly migrations?: 'apply' | 'require' | 'ignore'
  /** Default public. */
  readonly schema?: string | undefined
  readonly poolSize?: number | undefined
  readonly appVersion?: string | undefined
}

export type DatabaseState = 'up' | 'down'

export interface Transaction {
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>
  /** Prepared once per connection under its name: 55-68 % faster on hot paths. */
  named<Row extends object = Record<string, unknown>>(name: string, text: string, values?: readonly unknown[]): Promise<Row[]>
  one<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row | null>
  /** The tenant; null outside of withTenant. */
  readonly userId: string | null
  /** The driver's client, for COPY streams. */
  readonly client: pg.PoolClient
}

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
  /** Runs again after a deadlock or serialization failure; default 5. The function must bear being run again. */
  readonly retries?: number
}

export interface Database {
  readonly schema: string
  readonly home: string
  /** Null with DATABASE_URL. */
  readonly privateServer: PrivateServer | null
  /** What happened to the schema while opening. */
  readonly migrationReport: MigrationReport | null
  state(): DatabaseState
  /** @returns a function that ends the subscription. */
  onStateChange(listener: (state: DatabaseState, cause: Error | null) => void): () => void
  /** A transaction of one tenant: role evenkeel_app, auth.uid() = userId. */
  withTenant<T>(userId: string, work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Role evenkeel_app without a tenant: functions of schema ek, instruments and candles; 0 rows of any tenant. */
  withApp<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** Role evenkeel_system, which sees every row: verification, backup. @throws NOT_PRIVILEGED with the app's own login. */
  withSystem<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** One tenant's transaction in a single round trip. `statements` without begin and commit. */
  pipelineTenant(userId: string, statements: readonly PipelineStatement[]): Promise<PipelineResult>
  /** Wakes on NOTIFY; polling must stand behind it, since a notification is lost while the connection is. */
  listen(channel: string, listener: (payload: string) => void): Promise<() => Promise<void>>
  poolCounts(): { total: number; idle: number; waiting: number }
  /** Settings of a connection of its own (session work such as migrations). */
  connectionConfig(): pg.ClientConfig
  close(): Promise<void>
}

/** DATABASE_URL, then DATABASE_URL_FILE. @throws DATABASE_URL_INVALID when the file cannot be read. */
export function databaseUrlFrom(environment: Record<string, string | undefined>): string | undefined {
  const direct = environment.DATABASE_URL?.trim()
  if (direct) return direct
  const file = environment.DATABASE_URL_FILE?.trim()
  if (!file) {
    if (environment.SUPABASE_URL && environment.DATABASE_REQUIRED !== '1') {
      throw new StorageError('DATABASE_URL_MISSING', 'SUPABASE_URL is set, but DATABASE_URL is not', {
        remedy:
          'Take the connection string of the Supabase project (Connect, Transaction pooler) as DATABASE_URL, or unset SUPABASE_URL for a private database',
        exitCode: 2,
      })
    }
    return undefined
  }
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text) return text
  } catch (cause) {
    throw new StorageError('DATABASE_URL_INVALID', `DATABASE_URL_FILE ${file} cannot be read`, {
      path: file,
      remedy: 'Correct the path or its permissions',
      exitCode: 2,
      cause,
    })
  }
  throw new StorageError('DATABASE_URL_INVALID', `DATABASE_URL_FILE ${file} is empty`, {
    path: file,
    remedy: 'Write the connection string into it',
    exitCode: 2,
  })
}

/** Waits of DATABASE_REQUIRED=1 between look-ups of an absent address: 13.125 s in all, for hosts that inject it late. */
export const URL_WAITS_MS: readonly number[] = [1000, 1500, 2250, 3375, 5000]

/** As databaseUrlFrom; with DATABASE_REQUIRED=1 an absent value is looked up five times more, then it is fatal. */
export async function resolveDatabaseUrl(
  environment: () => Record<string, string | undefined>,
  wait: (ms: number) => Promise<void> = sleep,
): Promise<string | undefined> {
  let url = databaseUrlFrom(environment())
  if (url || environment().DATABASE_REQUIRED !== '1') return url
  for (const ms of URL_WAITS_MS) {
    await wait(ms)
    url = databaseUrlFrom(environment())
    if (url) return url
  }
  throw new StorageError(
    'DATABASE_URL_MISSING',
    'DATABASE_REQUIRED is 1, and neither DATABASE_URL nor DATABASE_URL_FILE is set',
    {
      remedy: 'Set DATABASE_URL; without DATABASE_REQUIRED a private database is used',
      exitCode: 2,
    },
  )
}

function urlConfig(url: string): pg.ClientConfig {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (cause) {
    throw new StorageError('DATABASE_URL_INVALID', 'DATABASE_URL is not a URL', {
      remedy: 'Write it as postgres://user:password@host:5432/database',
      exitCode: 2,
      cause,
    })
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new StorageError('DATABASE_URL_INVALID', `DATABASE_URL starts with ${parsed.protocol}, not postgres:`, {
      remedy: 'Write it as postgres://user:password@host:5432/database',
      exitCode: 2,
    })
  }
  return { connectionString: url }
}

function quoteLiteral(text: string): string {
  return pg.escapeLiteral(text)
}

/** The tenant of a transaction. @throws Error outside of withTenant: our own mistake. */
export function tenantOf(tx: Transaction): string {
  if (tx.userId === null) throw new Error('this needs a transaction of a tenant')
  return tx.userId
}

/** Opens the database, ready to use. @throws StorageError with path and remedy. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  const { log } = options
  const schema = options.schema ?? 'public'
  const server = options.databaseUrl ? null : await openPrivateServer(options.home, log)
  const clientConfig = (): pg.ClientConfig => {
    if (!server) return urlConfig(options.databaseUrl!)
    return { ...server.target() }
  }
  const policy = options.migrations ?? (server ? 'apply' : 'require')
  let report: MigrationReport | null = null
  try {
    const direct = options.directUrl ? urlConfig(options.directUrl) : clientConfig()
    if (policy === 'apply') {
      report = await migrate({ connection: direct, schema, home: options.home, log, appVersion: options.appVersion ?? '0' })
    } else if (policy === 'require') {
      const pending = await pendingMigrations({ connection: direct, schema })
      if (pending.length > 0) {
        throw new StorageError('MIGRATIONS_PENDING', `The database lacks ${pending.length} migrations (${pending.join(', ')})`, {
          remedy: 'Run: evenkeel migrate',
        })
      }
    }
    const privileged = policy === 'ignore' ? true : (await proveRole({ connection: clientConfig(), schema })).privileged
    return createDatabase({ options, schema, server, clientConfig, report, privileged })
  } catch (error) {
    await server?.stop()
    throw unavailable(error)
  }
}

interface Parts {
  readonly options: OpenDatabaseOptions
  readonly schema: string
  readonly server: PrivateServer | null
  readonly clientConfig: () => pg.ClientConfig
  readonly report: MigrationReport | null
  readonly privileged: boolean
}

function createDatabase({ options, schema, server, clientConfig, report, privileged }: Parts): Database {
  const { log } = options
  const pool = new pg.Pool({
    ...clientConfig(),
    max: options.poolSize ?? 30,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 30_000,
    maxLifetimeSeconds: 1800,
    allowExitOnIdle: true,
    application_name: `evenkeel ${options.role}`,
    types: TYPES,
  })
  let state: DatabaseState = 'up'
  let closed = false
  const listeners = new Set<(state: DatabaseState, cause: Error | null) => void>()
  const change = (next: DatabaseState, cause: Error | null): void => {
    if (state === next) return
    state = next
    if (next === 'down') log.error({ cause: cause?.message }, 'database is down')
    else log.info({}, 'database is back')
    for (const listener of listeners) listener(next, cause)
  }

  // One loop that brings the database back; started by any sign of trouble.
  let watching = false
  const suspect = async (cause: Error | null): Promise<void> => {
    if (watching || closed) return
    watching = true
    try {
      for (let wait = 50; !closed; wait = Math.min(wait * 2, server ? 5_000 : 30_000)) {
        try {
          await server?.recover()
          const client = await pool.connect()
          try {
            await client.query('select 1')
          } finally {
            client.release()
          }
          change('up', null)
          return
        } catch (error) {
          change('down', cause ?? (error as Error))
          await idle(wait)
        }
      }
    } finally {
      watching = false
    }
  }
  // An idle connection reports to the pool; one that is checked out and just then waits for nothing reports to nobody but itself,
  // and an error event without a listener would end the process.
  pool.on('error', error => void suspect(error))
  pool.on('connect', client => {
    client.on('error', error => void suspect(error))
  })
  server?.onEnd(() => {
    change('down', new Error('PostgreSQL ended unexpectedly'))
    void suspect(null)
  })

  const searchPath = schema === 'public' ? '' : `, set_config('search_path', ${quoteLiteral(`"${schema}"`)}, true)`

  const setup = (role: string, userId: string | null): string => {
    const claims = userId === null ? '' : JSON.stringify({ sub: userId, role: 'authenticated' })
    const setRole = privileged ? `set_config('role', ${quoteLiteral(role)}, true), ` : ''
    return `select ${setRole}set_config('request.jwt.claims', ${quoteLiteral(claims)}, true)${searchPath}`
  }

  const checkout = async (): Promise<pg.PoolClient> => {
    if (closed) throw new StorageError('DATABASE_UNAVAILABLE', 'The database has been closed')
    if (state === 'down') {
      throw new StorageError('DATABASE_UNAVAILABLE', 'The database is down', {
        remedy: 'It is tried again by itself; nothing acts until it answers',
      })
    }
    return pool.connect()
  }

  /** Gives the first statement to a connection; one that died while idle is replaced, which is our probe before use. */
  const begin = async (text: string): Promise<pg.PoolClient> => {
    for (let attempt = 0; ; attempt += 1) {
      const client = await checkout()
      try {
        await client.query(text)
        return client
      } catch (error) {
        client.release(true)
        if (attempt >= 2 || !isConnectionError(error)) throw error
      }
    }
  }

  const transaction = async <T>(
    role: string,
    userId: string | null,
    work: (tx: Transaction) => Promise<T>,
    transactionOptions: TransactionOptions,
  ): Promise<T> => {
    const mode = `${transactionOptions.isolation ? ` isolation level ${transactionOptions.isolation}` : ''}${transactionOptions.readOnly ? ' read only' : ''}`
    const retries = transactionOptions.retries ?? 5
    for (let attempt = 0; ; attempt += 1) {
      let client: pg.PoolClient | null = null
      try {
        client = await begin(`begin${mode}; ${setup(role, userId)}`)
        const result = await work(transactionOn(client, userId))
        const end = await client.query('commit')
        if (end.command !== 'COMMIT') throw new Error('the transaction had failed and was rolled back')
        client.release()
        return result
      } catch (error) {
        const broken = isConnectionError(error)
        if (client) {
          if (!broken) await client.query('rollback').catch(() => undefined)
          client.release(broken)
        }
        if (broken) void suspect(error as Error)
        if (isRetryable(error) && attempt < retries) {
          await sleep(2 ** attempt * 5 * (1 + Math.random()))
          continue
        }
        throw unavailable(error)
      }
    }
  }

  const tenantText = (userId: string): string => {
    if (!isUuid(userId)) throw new TypeError(`user id ${JSON.stringify(userId)} is not a uuid`)
    return userId
  }
  const claimsStatement: string = `select ${privileged ? "set_config('role', 'evenkeel_app', true), " : ''}set_config('request.jwt.claims', $1, true), set_config('enable_seqscan', 'off', true)${searchPath}`

  return {
    schema,
    home: options.home,
    privateServer: server,
    migrationReport: report,
    state: () => state,
    onStateChange: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    withTenant: (userId, work, transactionOptions = {}) =>
      transaction('evenkeel_app', tenantText(userId), work, transactionOptions),
    withApp: (work, transactionOptions = {}) => transaction('evenkeel_app', null, work, transactionOptions),
    withSystem: async (work, transactionOptions = {}) => {
      if (!privileged) {
        throw new StorageError(
          'NOT_PRIVILEGED',
          'This needs the owner of the database, and DATABASE_URL is the login of the app',
          {
            remedy: 'Set DATABASE_DIRECT_URL to a login that may act as evenkeel_system',
          },
        )
      }
      return transaction('evenkeel_system', null, work, transactionOptions)
    },
    pipelineTenant: async (userId, statements) => {
      const claims = JSON.stringify({ sub: tenantText(userId), role: 'authenticated' })
      const all = [
        { name: 'ek_begin', text: 'begin', values: [] },
        { name: 'ek_claims', text: claimsStatement, values: [claims] },
        ...statements,
        { name: 'ek_commit', text: 'commit', values: [] },
      ]
      for (let attempt = 0; ; attempt += 1) {
        let client: pg.PoolClient | null = null
        try {
          client = await checkout()
          const result = await runPipeline(client, all)
          if (result.tags[result.tags.length - 1] !== 'COMMIT') throw new Error('the transaction was rolled back')
          client.release()
          return { tags: result.tags.slice(2, -1), rows: result.rows.slice(2, -1) }
        } catch (error) {
          const broken = isConnectionError(error)
          if (client) {
            if (!broken) await client.query('rollback').catch(() => undefined)
            client.release(broken)
          }
          if (broken) void suspect(error as Error)
          if (isRetryable(error) && attempt < 5) {
            await sleep(2 ** attempt * 5 * (1 + Math.random()))
            continue
          }
          throw unavailable(error)
        }
      }
    },
    listen: (channel, listener) => listenOn({ channel, listener, clientConfig, log, isClosed: () => closed }),
    poolCounts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    connectionConfig: clientConfig,
    close: async () => {
      if (closed) return
      closed = true
      await pool.end()
      await server?.stop()
    },
  }
}

function transactionOn(client: pg.PoolClient, userId: string | null): Transaction {
  return {
    client,
    userId,
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
      const result = await client.query<Row & pg.QueryResultRow>(text, values as unknown[])
      return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 }
    },
    named: async <Row extends object>(name: string, text: string, values: readonly unknown[] = []) => {
      const result = await client.query<Row & pg.QueryResultRow>({ name, text, values: values as unknown[] })
      return result.rows as Row[]
    },
    one: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
      const result = await client.query<Row & pg.QueryResultRow>(text, values as unknown[])
      return (result.rows[0] as Row | undefined) ?? null
    },
  }
}

interface ListenParts {
  readonly channel: string
  readonly listener: (payload: string) => void
  readonly clientConfig: () => pg.ClientConfig
  readonly log: Log
  readonly isClosed: () => boolean
}

/** A connection of its own that comes back by itself; after each reconnect the listener is called with an empty payload. */
async function listenOn({ channel, listener, clientConfig, log, isClosed }: ListenParts): Promise<() => Promise<void>> {
  let stopped = false
  let client: pg.Client | null = null
  const connect = async (): Promise<void> => {
    const next = new pg.Client({ ...clientConfig(), application_name: 'evenkeel listen' })
    next.on('notification', message => listener(message.payload ?? ''))
    next.on('error', error => {
      log.debug({ cause: error.message }, 'listening connection lost')
      if (client === next) {
        client = null
        void reconnect()
      }
    })
    await next.connect()
    await next.query(`listen ${pg.escapeIdentifier(channel)}`)
    client = next
  }
  const reconnect = async (): Promise<void> => {
    for (let wait = 100; !stopped && !isClosed(); wait = Math.min(wait * 2, 5_000)) {
      await idle(wait)
      try {
        await connect()
        listener('')
        return
      } catch (error) {
        if (sqlState(error) !== null && !isConnectionError(error)) log.warn({ cause: (error as Error).message }, 'cannot listen')
      }
    }
  }
  await connect()
  return async () => {
    stopped = true
    await client?.end().catch(() => undefined)
  }
}
