// Databases for tests: each a clone of one migrated template, made in some 20 ms. The server is that of EVENKEEL_TEST_PG, else one
// of the test process's own, stopped when the process ends.

import { createHash, randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import pg from 'pg'
import { type Database, openDatabase } from './database.ts'
import { SILENT_LOG } from './log.ts'
import { migrate, readMigrations } from './migrate.ts'
import { startTestServer, type TestServer } from './testing-server.ts'

export interface TestDatabase {
  readonly db: Database
  /** Superuser's address of this very database. */
  readonly url: string
  /** Closes and drops it. */
  close(): Promise<void>
}

let ownServer: Promise<TestServer> | null = null

/** Address of the server for this test process. */
export async function testServerUrl(): Promise<string> {
  const given = process.env.EVENKEEL_TEST_PG
  if (given) return given
  if (!ownServer) {
    ownServer = startTestServer()
    const server = await ownServer
    // Its sockets are released when the last database is closed; then nothing is left to do and the server goes too.
    process.once('beforeExit', () => void server.stop())
  }
  return (await ownServer).url
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, database: string): string {
  return url.replace(/\/[^/]*$/, `/${database}`)
}

/** Makes the migrated template once per state of the migration files, however many processes ask. */
async function ensureTemplate(url: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of readMigrations()) hash.update(file.checksum)
  const name = `evenkeel_template_${hash.digest('hex').slice(0, 12)}`
  await onServer(url, async client => {
    const exists = async (): Promise<boolean> =>
      (await client.query('select 1 from pg_database where datname = $1 and datistemplate', [name])).rows.length > 0
    if (await exists()) return
    await client.query('select pg_advisory_lock(4510)')
    try {
      if (await exists()) return
      await client.query(`drop database if exists ${name}`)
      await client.query(`create database ${name}`)
      await migrate({
        connection: { connectionString: withDatabase(url, name) },
        schema: 'public',
        home: tmpdir(),
        log: SILENT_LOG,
        appVersion: 'test',
      })
      await client.query(`alter database ${name} with is_template true`)
    } finally {
      await client.query('select pg_advisory_unlock(4510)')
    }
  })
  return name
}

/** An empty database of the server; `close` drops it. */
export async function createTestDatabase(template = 'template0'): Promise<{ url: string; drop(): Promise<void> }> {
  const url = await testServerUrl()
  const name = `evenkeel_test_${randomBytes(6).toString('hex')}`
  await onServer(url, client => client.query(`create database ${name} template ${template}`))
  return {
    url: withDatabase(url, name),
    drop: async () => {
      await onServer(url, client => client.query(`drop database if exists ${name} with (force)`))
    },
  }
}

/** A migrated database of its own. Close it at the end of the test. */
export async function openTestDatabase(options: { poolSize?: number; home?: string } = {}): Promise<TestDatabase> {
  return openCopy(await ensureTemplate(await testServerUrl()), options)
}

/** A copy of another test database with all its rows. Nobody may be connected to that one meanwhile. */
export async function copyTestDatabase(url: string): Promise<TestDatabase> {
  return openCopy(url.slice(url.lastIndexOf('/') + 1), {})
}

async function openCopy(template: string, options: { poolSize?: number; home?: string }): Promise<TestDatabase> {
  const { url, drop } = await createTestDatabase(template)
  const db = await openDatabase({
    home: options.home ?? tmpdir(),
    databaseUrl: url,
    role: 'server',
    log: SILENT_LOG,
    poolSize: options.poolSize,
  })
  return {
    db,
    url,
    close: async () => {
      await db.close()
      await drop()
    },
  }
}

/** A row of users, as sign-up would make it, for tests that need a tenant. @returns its id. */
export async function createTestUser(db: Database, email = `${randomBytes(4).toString('hex')}@example.org`): Promise<string> {
  const id = crypto.randomUUID()
  await db.withTenant(id, tx => tx.query('insert into users (id, email) values ($1, $2)', [id, email]))
  return id
}
