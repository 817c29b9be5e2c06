// Brings the schema to the newest file of migrations/: one writer (advisory lock), files that were applied must still read the
// same, a database with rows is backed up first, and each file commits together with its version row or not at all.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type BackupReport, backup } from './backup.ts'
import { CATALOGUE } from './catalogue.ts'
import { StorageError } from './errors.ts'
import type { Log } from './log.ts'
import { sleep } from './postgres/postmaster.ts'
import { TYPES } from './sql-types.ts'

export interface MigrationFile {
  readonly version: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

export interface MigrationReport {
  readonly version: number
  /** File names, in order. */
  readonly applied: readonly string[]
  readonly backup: BackupReport | null
}

export interface MigrateOptions {
  readonly connection: pg.ClientConfig
  readonly schema: string
  /** Backups before a migration go to backups/ below it. */
  readonly home: string
  readonly log: Log
  readonly appVersion: string
  /** Only tests name another folder. */
  readonly directory?: string
  readonly lockWaitMs?: number
}

export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url))
/** Any number that no other program uses; the same in every release. */
const LOCK_KEY = 7_223_017_405
const OLDEST_SERVER = 150_000

/** The files of a folder, in order. @throws Error for a name or a number that breaks the series: our own mistake. */
export function readMigrations(directory: string = MIGRATIONS_DIRECTORY): MigrationFile[] {
  const names = readdirSync(directory)
    .filter(name => name.endsWith('.sql'))
    .sort()
  return names.map((name, index) => {
    const match = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)
    if (!match || Number(match[1]) !== index + 1) throw new Error(`migrations: ${name} breaks the series 0001, 0002, ...`)
    const sql = readFileSync(join(directory, name), 'utf8')
    return { version: index + 1, name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
  })
}

interface AppliedRow {
  readonly version: number
  readonly name: string
  readonly checksum: string
}

async function withClient<T>(connection: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...connection,
    connectionTimeoutMillis: 30_000,
    types: TYPES,
    application_name: 'evenkeel migrate',
  })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Tables of our names that are not ours: never touched. */
async function refuseForeignTables(client: pg.Client, schema: string): Promise<void> {
  const names = CATALOGUE.map(table => table.name)
  const { rows } = await client.query<{ relname: string }>(
    'select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = any($2) order by 1',
    [schema, names],
  )
  if (rows.length === 0) return
  const found = rows.map(row => row.relname).join(', ')
  throw new StorageError(
    'SCHEMA_FOREIGN',
    `Schema ${schema} holds tables of the same names that Evenkeel did not make: ${found}`,
    {
      remedy: 'Use another schema (--schema evenkeel), or take the old data over (evenkeel import legacy)',
    },
  )
}

/** Applied versions, or null where our schema is not there. */
async function appliedMigrations(client: pg.Client, schema: string): Promise<AppliedRow[] | null> {
  const { rows } = await client.query<{ ours: boolean }>(
    `select count(*) filter (where column_name in ('version', 'checksum', 'app_version')) = 3 as ours
     from information_schema.columns where table_schema = $1 and table_name = 'schema_migrations'`,
    [schema],
  )
  const exists = await client.query(`select to_regprocedure('ek.applied_migrations()') is not null as known`)
  if (!rows[0]?.ours) {
    // A login without rights on the table sees no columns of it, but may ask the function.
    if (!exists.rows[0]?.known) return null
  }
  await client.query('begin')
  try {
    await client.query(`select set_config('search_path', $1, true)`, [`"${schema}"`])
    await client.query('savepoint before_role')
    try {
      await client.query('set local role evenkeel_system')
      return (await client.query<AppliedRow>('select version, name, checksum from schema_migrations order by version')).rows
    } catch {
      await client.query('rollback to savepoint before_role')
      return (await client.query<AppliedRow>('select version, name, checksum from ek.applied_migrations() order by version')).rows
    }
  } finally {
    await client.query('rollback')
  }
}

/** @throws SCHEMA_NEWER, MIGRATION_GAP, MIGRATION_CHECKSUM when the database was not made by these files. */
export function pendingFiles(files: readonly MigrationFile[], applied: readonly AppliedRow[]): MigrationFile[] {
  const newest = applied[applied.length - 1]
  if (newest && newest.version > files.length) {
    throw new StorageError(
      'SCHEMA_NEWER',
      `The database is at version ${newest.version} (${newest.name}); this Evenkeel knows ${files.length}`,
      { remedy: 'Start the newer Evenkeel, or restore the backup made before its migration' },
    )
  }
  applied.forEach((row, index) => {
    const file = files[index]!
    if (row.version !== file.version) {
      throw new StorageError('MIGRATION_GAP', `Migration ${file.name} is missing below version ${row.version} of the database`, {
        path: file.name,
        remedy: 'Restore a backup: this database was changed by hand',
      })
    }
    if (row.checksum !== file.checksum) {
      throw new StorageError('MIGRATION_CHECKSUM', `Migration ${file.name} was edited after it had been applied`, {
        path: join(MIGRATIONS_DIRECTORY, file.name),
        remedy: `Put the file back as it was (SHA-256 ${row.checksum}); changes go into a new file`,
      })
    }
  })
  return files.slice(applied.length)
}

/** Names of the files that are not applied yet. */
export async function pendingMigrations(options: {
  connection: pg.ClientConfig
  schema: string
  directory?: string
}): Promise<string[]> {
  return withClient(options.connection, async client => {
    const applied = await appliedMigrations(client, options.schema)
    if (applied === null) await refuseForeignTables(client, options.schema)
    return pendingFiles(readMigrations(options.directory), applied ?? []).map(file => file.name)
  })
}

/**
 * Applies what is pending.
 * @throws StorageError (exit code 4); the schema is then as it was before the failing file.
 */
export async function migrate(options: MigrateOptions): Promise<MigrationReport> {
  const files = readMigrations(options.directory)
  return withClient(options.connection, async client => {
    const version = Number((await client.query<{ v: string }>(`select current_setting('server_version_num') as v`)).rows[0]!.v)
    if (version < OLDEST_SERVER) {
      throw new StorageError(
        'POSTGRES_TOO_OLD',
        `The database is PostgreSQL ${Math.floor(version / 10_000)}; Evenkeel needs 15 or newer`,
        {
          remedy: 'Upgrade the server, or unset DATABASE_URL for a private database',
        },
      )
    }
    // An open private server is asked at every start: nothing pending must cost next to nothing.
    const before = await appliedMigrations(client, options.schema)
    if (before !== null && pendingFiles(files, before).length === 0) {
      return { version: files.length, applied: [], backup: null }
    }
    await takeLock(client, options.lockWaitMs ?? 60_000)
    try {
      const applied = await appliedMigrations(client, options.schema)
      if (applied === null) await refuseForeignTables(client, options.schema)
      const pending = pendingFiles(files, applied ?? [])
      let saved: BackupReport | null = null
      if (pending.length > 0 && (applied ?? []).length > 0) {
        saved = await backup({
          connection: options.connection,
          schema: options.schema,
          directory: join(options.home, 'backups'),
          onlyIfRows: true,
        })
        if (saved) options.log.info({ file: saved.path, rows: saved.rows }, 'backup before the migration')
      }
      for (const file of pending) await applyFile(client, file, options)
      if (pending.length > 0) options.log.info({ version: files.length, files: pending.length }, 'schema migrated')
      return { version: files.length, applied: pending.map(file => file.name), backup: saved }
    } finally {
      await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]).catch(() => undefined)
    }
  })
}

async function takeLock(client: pg.Client, waitMs: number): Promise<void> {
  const began = performance.now()
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [LOCK_KEY])
    if (rows[0]?.taken) return
    if (performance.now() - began > waitMs) {
      throw new StorageError(
        'MIGRATION_LOCKED',
        `Another process has been migrating this database for ${Math.round(waitMs / 1000)} s`,
        {
          remedy: 'Wait for it to end, then try again',
        },
      )
    }
    await sleep(200)
  }
}

async function applyFile(client: pg.Client, file: MigrationFile, options: MigrateOptions): Promise<void> {
  const began = performance.now()
  try {
    await client.query('begin')
    await client.query(`set local lock_timeout = '5s'`)
    if (options.schema !== 'public' && file.version === 1) {
      await client.query(`create schema if not exists ${pg.escapeIdentifier(options.schema)}`)
    }
    await client.query(`select set_config('search_path', $1, true)`, [pg.escapeIdentifier(options.schema)])
    await client.query(file.sql)
    await client.query('reset role')
    await client.query('set local role evenkeel_system')
    await client.query(
      'insert into schema_migrations (version, name, checksum, duration_ms, app_version) values ($1, $2, $3, $4, $5)',
      [file.version, file.name, file.checksum, Math.round(performance.now() - began), options.appVersion],
    )
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback').catch(() => undefined)
    throw new StorageError('MIGRATION_FAILED', `Migration ${file.name} failed: ${(cause as Error).message}`, {
      path: join(options.directory ?? MIGRATIONS_DIRECTORY, file.name),
      remedy: 'The schema is as it was before this file; correct the cause and run: evenkeel migrate',
      cause,
    })
  }
}
