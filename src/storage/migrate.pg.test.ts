// The migration runner: what was applied must read the same, what fails leaves no trace, and foreign tables are left alone.

import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { readBackup } from './backup.ts'
import { openDatabase } from './database.ts'
import { StorageError } from './errors.ts'
import { SILENT_LOG } from './log.ts'
import { MIGRATIONS_DIRECTORY, migrate, pendingMigrations, readMigrations } from './migrate.ts'
import { createTestDatabase, openTestDatabase } from './testing.ts'
import { startTestRun } from './testing-batches.ts'

let folder: string

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-migrations-'))
})

after(() => {
  rmSync(folder, { recursive: true, force: true })
})

function copyOfMigrations(extra: Record<string, string> = {}): string {
  const directory = mkdtempSync(join(folder, 'copy-'))
  for (const name of readdirSync(MIGRATIONS_DIRECTORY)) copyFileSync(join(MIGRATIONS_DIRECTORY, name), join(directory, name))
  for (const [name, sql] of Object.entries(extra)) writeFileSync(join(directory, name), sql)
  return directory
}

function code(expected: string): (error: unknown) => boolean {
  return error => error instanceof StorageError && error.code === expected && error.exitCode === 4
}

async function inspect(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function options(url: string, directory?: string, schema = 'public') {
  return {
    connection: { connectionString: url },
    schema,
    home: folder,
    log: SILENT_LOG,
    appVersion: 'test',
    ...(directory ? { directory } : {}),
  }
}

const NEXT = `${String(readMigrations().length + 1).padStart(4, '0')}`

test('an empty database gets everything, the second time nothing', async () => {
  const { url, drop } = await createTestDatabase()
  try {
    assert.equal(
      (await pendingMigrations({ connection: { connectionString: url }, schema: 'public' })).length,
      readMigrations().length,
    )
    const first = await migrate(options(url))
    assert.equal(first.applied.length, readMigrations().length)
    assert.equal(first.backup, null)
    assert.deepEqual((await migrate(options(url))).applied, [])
  } finally {
    await drop()
  }
})

test('two processes at once: one migrates, the other finds it done', async () => {
  const { url, drop } = await createTestDatabase()
  try {
    const reports = await Promise.all([migrate(options(url)), migrate(options(url))])
    assert.deepEqual(reports.map(report => report.applied.length).sort(), [0, readMigrations().length])
  } finally {
    await drop()
  }
})

test('a schema of another name works beside foreign tables in public', async () => {
  const { url, drop } = await createTestDatabase()
  try {
    await inspect(url, 'create table bots (id integer)')
    await assert.rejects(migrate(options(url)), code('SCHEMA_FOREIGN'))
    assert.deepEqual(await inspect(url, `select count(*)::integer as n from pg_class where relname = 'trades'`), [{ n: 0 }])
    const db = await openDatabase({
      home: folder,
      databaseUrl: url,
      role: 'cli',
      log: SILENT_LOG,
      schema: 'evenkeel',
      migrations: 'apply',
    })
    await startTestRun(db)
    const bots = await db.withSystem(tx => tx.one<{ n: number }>('select count(*)::integer as n from bots'))
    assert.equal(bots?.n, 1)
    await db.close()
  } finally {
    await drop()
  }
})

test('an edited file, a missing one and a newer database are refused', async () => {
  const { url, close } = await openTestDatabase()
  try {
    const edited = copyOfMigrations({ '0002_identity.sql': 'select 1;' })
    await assert.rejects(migrate(options(url, edited)), code('MIGRATION_CHECKSUM'))
    const older = copyOfMigrations()
    rmSync(join(older, readMigrations().at(-1)!.name))
    await assert.rejects(migrate(options(url, older)), code('SCHEMA_NEWER'))
    await inspect(url, 'delete from schema_migrations where version = 3')
    await assert.rejects(migrate(options(url)), code('MIGRATION_GAP'))
  } finally {
    await close()
  }
})

test('a failing file leaves the schema as it was, and the files before it applied', async () => {
  const { url, close } = await openTestDatabase()
  try {
    const directory = copyOfMigrations({ [`${NEXT}_broken.sql`]: 'create table half_done (id integer); select 1 / 0;' })
    await assert.rejects(migrate(options(url, directory)), (error: unknown) => {
      assert.ok(code('MIGRATION_FAILED')(error))
      assert.match((error as StorageError).path ?? '', /_broken\.sql$/)
      return true
    })
    assert.deepEqual(await inspect(url, `select to_regclass('half_done') as t, max(version) as v from schema_migrations`), [
      { t: null, v: readMigrations().length },
    ])
  } finally {
    await close()
  }
})

test('a database with rows is backed up before, and the backup is counted', async () => {
  const { db, url, close } = await openTestDatabase()
  try {
    await startTestRun(db)
    const directory = copyOfMigrations({ [`${NEXT}_more.sql`]: '-- nothing\nselect 1;' })
    const report = await migrate(options(url, directory))
    assert.deepEqual(report.applied, [`${NEXT}_more.sql`])
    assert.ok(report.backup && existsSync(report.backup.path))
    assert.equal(report.backup.tables.users, 1)
    assert.equal(report.backup.tables.ledger_transfers, 2)
    assert.deepEqual(await readBackup(report.backup.path), report.backup)
  } finally {
    await close()
  }
})

test('a backup that cannot be written stops the migration', async () => {
  const { db, url, close } = await openTestDatabase()
  try {
    await startTestRun(db)
    const blocked = mkdtempSync(join(folder, 'blocked-'))
    writeFileSync(join(blocked, 'backups'), 'a file where the folder should be')
    const directory = copyOfMigrations({ [`${NEXT}_more.sql`]: 'create table later (id integer);' })
    await assert.rejects(migrate({ ...options(url, directory), home: blocked }), StorageError)
    assert.deepEqual(await inspect(url, `select to_regclass('later') as t`), [{ t: null }])
  } finally {
    await close()
  }
})

test('a damaged backup is noticed', async () => {
  const { db, url, close } = await openTestDatabase()
  try {
    await startTestRun(db)
    const directory = copyOfMigrations({ [`${NEXT}_more.sql`]: 'select 1;' })
    const { backup } = await migrate(options(url, directory))
    const { gunzipSync, gzipSync } = await import('node:zlib')
    const { readFileSync } = await import('node:fs')
    const text = gunzipSync(readFileSync(backup!.path)).toString()
    writeFileSync(backup!.path, gzipSync(text.replace('BTC/USDT', 'ETH/USDT')))
    await assert.rejects(readBackup(backup!.path), code('BACKUP_FAILED'))
    writeFileSync(backup!.path, gzipSync(text.slice(0, text.length / 2)))
    await assert.rejects(readBackup(backup!.path), code('BACKUP_FAILED'))
  } finally {
    await close()
  }
})

test('a server process refuses a schema with pending migrations', async () => {
  const { url, drop } = await createTestDatabase()
  try {
    await assert.rejects(
      openDatabase({ home: folder, databaseUrl: url, role: 'server', log: SILENT_LOG }),
      code('MIGRATIONS_PENDING'),
    )
  } finally {
    await drop()
  }
})

test('a role that is not bound by row level security is refused with exit code 3', async () => {
  const { url, close } = await openTestDatabase()
  try {
    await inspect(url, `alter table bots disable row level security`)
    await assert.rejects(
      openDatabase({ home: folder, databaseUrl: url, role: 'server', log: SILENT_LOG }),
      (error: unknown) => error instanceof StorageError && error.code === 'UNSAFE_DB_ROLE' && error.exitCode === 3,
    )
  } finally {
    await close()
  }
})

test("the app's own login works without setting a role, and cannot look at all rows", async () => {
  const { url, close } = await openTestDatabase()
  const login = `app_login_${Date.now()}`
  try {
    await inspect(url, `create role ${login} login password 'secret' in role evenkeel_app`)
    const appUrl = url.replace(/\/\/[^@]*@/, `//${login}:secret@`)
    const db = await openDatabase({ home: folder, databaseUrl: appUrl, role: 'server', log: SILENT_LOG })
    const context = await startTestRun(db)
    const seen = await db.withTenant(context.userId, tx => tx.one<{ n: number }>('select count(*)::integer as n from bots'))
    assert.equal(seen?.n, 1)
    assert.equal((await db.withApp(tx => tx.one<{ n: number }>('select count(*)::integer as n from bots')))?.n, 0)
    await assert.rejects(
      db.withSystem(async () => undefined),
      (error: unknown) => error instanceof StorageError && error.code === 'NOT_PRIVILEGED',
    )
    await db.close()
  } finally {
    await close()
    await inspect(url.replace(/\/[^/]*$/, '/postgres'), `drop role if exists ${login}`)
  }
})
