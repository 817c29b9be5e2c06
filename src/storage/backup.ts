// A backup of ours: one repeatable-read snapshot, every table as a COPY stream, in one gzip file that is read back and counted
// before it is believed. Needs no pg_dump, which the npm binaries do not carry.
//
// Format, gunzipped: `{"evenkeelBackup":1,...}`; per table a line `{"table":...,"columns":[...]}`, its rows in COPY text form,
// a line `\.`, and `{"rows":n,"sha256":"..."}` of those rows.

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { CATALOGUE, type TableDefinition } from './catalogue.ts'
import { StorageError } from './errors.ts'
import { directoryTrouble } from './postgres/placement.ts'

export interface BackupReport {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
  readonly schemaVersion: number
  readonly rows: number
  readonly tables: Readonly<Record<string, number>>
}

export interface BackupOptions {
  readonly connection: pg.ClientConfig
  readonly schema: string
  readonly directory: string
  /** Null is returned, and no file left, when no table but the schema's own history has rows. */
  readonly onlyIfRows?: boolean
}

async function* tableLines(
  client: pg.Client,
  table: TableDefinition,
  counts: Record<string, number>,
): AsyncGenerator<string | Buffer> {
  const columns = (
    await client.query<{ attname: string }>(
      `select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''
       order by attnum`,
      [table.name],
    )
  ).rows.map(row => row.attname)
  yield `${JSON.stringify({ table: table.name, columns })}\n`
  const hash = createHash('sha256')
  let rows = 0
  const list = columns.map(name => pg.escapeIdentifier(name)).join(', ')
  const stream = client.query(copyTo(`copy (select ${list} from ${pg.escapeIdentifier(table.name)}) to stdout`))
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk)
    for (let i = chunk.indexOf(10); i !== -1; i = chunk.indexOf(10, i + 1)) rows += 1
    yield chunk
  }
  counts[table.name] = rows
  yield `\\.\n${JSON.stringify({ rows, sha256: hash.digest('hex') })}\n`
}

/** @throws BACKUP_FAILED, DISK_FULL, DIRECTORY_NOT_WRITABLE; no half file stays behind. */
export async function backup(options: BackupOptions): Promise<BackupReport | null> {
  try {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw directoryTrouble(options.directory, error)
  }
  const client = new pg.Client({ ...options.connection, application_name: 'evenkeel backup' })
  client.on('error', () => undefined)
  await client.connect()
  const counts: Record<string, number> = {}
  let partial = ''
  try {
    await client.query('begin isolation level repeatable read read only')
    await client.query(`select set_config('search_path', $1, true)`, [pg.escapeIdentifier(options.schema)])
    await client.query('set local role evenkeel_system')
    const version = (await client.query<{ v: number }>('select coalesce(max(version), 0) as v from schema_migrations')).rows[0]!.v
    const present: TableDefinition[] = []
    for (const table of CATALOGUE) {
      const found = await client.query('select to_regclass($1) is not null as there', [pg.escapeIdentifier(table.name)])
      if (found.rows[0]?.there) present.push(table)
    }
    if (options.onlyIfRows) {
      let any = false
      for (const table of present) {
        if (table.name === 'schema_migrations') continue
        any ||= (await client.query(`select 1 from ${pg.escapeIdentifier(table.name)} limit 1`)).rows.length > 0
      }
      if (!any) return null
    }
    const stamp = new Date().toISOString().replace(/[:.]/g, '-')
    const path = join(options.directory, `evenkeel-v${version}-${stamp}.backup.gz`)
    partial = `${path}.partial`
    const write = async function* (): AsyncGenerator<string | Buffer> {
      yield `${JSON.stringify({ evenkeelBackup: 1, schemaVersion: version, madeAt: new Date().toISOString() })}\n`
      for (const table of present) yield* tableLines(client, table, counts)
    }
    await pipeline(write, createGzip({ level: 3 }), createWriteStream(partial, { mode: 0o600 }))
    await client.query('commit')
    const read = await readBackup(partial)
    for (const [table, rows] of Object.entries(counts)) {
      if (read.tables[table] !== rows) {
        throw new StorageError(
          'BACKUP_FAILED',
          `The backup ${path} holds ${read.tables[table] ?? 0} rows of ${table}, written were ${rows}`,
          {
            path,
            remedy: 'Check the disk, then try again',
          },
        )
      }
    }
    renameSync(partial, path)
    return { ...read, path }
  } catch (error) {
    if (partial) rmSync(partial, { force: true })
    if (error instanceof StorageError) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS' || code === 'EDQUOT')
      throw directoryTrouble(options.directory, error)
    throw new StorageError('BACKUP_FAILED', `The backup into ${options.directory} failed: ${(error as Error).message}`, {
      path: options.directory,
      remedy: 'Nothing was changed; correct the cause and try again',
      cause: error,
    })
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Reads a backup, compares each table's rows and hash with what it says of itself. @throws BACKUP_FAILED */
export async function readBackup(path: string): Promise<BackupReport> {
  const fileHash = createHash('sha256')
  const file = createReadStream(path)
  file.on('data', chunk => fileHash.update(chunk))
  const gunzip = file.pipe(createGunzip())
  file.on('error', error => gunzip.destroy(error))
  const tables: Record<string, number> = {}
  let schemaVersion = -1
  let current: string | null = null
  let inRows = false
  let rows = 0
  let hash = createHash('sha256')
  const broken = (what: string): StorageError =>
    new StorageError('BACKUP_FAILED', `The backup ${path} is damaged: ${what}`, { path, remedy: 'Use an older backup' })
  for await (const line of createInterface({ input: gunzip, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (inRows) {
      if (line === '\\.') {
        inRows = false
        continue
      }
      hash.update(`${line}\n`)
      rows += 1
      continue
    }
    let record: { evenkeelBackup?: number; schemaVersion?: number; table?: string; rows?: number; sha256?: string }
    try {
      record = JSON.parse(line)
    } catch {
      throw broken('a line is cut off')
    }
    if (record.evenkeelBackup === 1) schemaVersion = record.schemaVersion ?? -1
    else if (record.table) {
      current = record.table
      inRows = true
      rows = 0
      hash = createHash('sha256')
    } else if (current !== null) {
      if (record.rows !== rows || record.sha256 !== hash.digest('hex'))
        throw broken(`table ${current} has ${rows} rows, it says ${record.rows}`)
      tables[current] = rows
      current = null
    }
  }
  if (schemaVersion < 0 || inRows || current !== null) throw broken('it ends early')
  return {
    path,
    sha256: fileHash.digest('hex'),
    bytes: statSync(path).size,
    schemaVersion,
    rows: Object.values(tables).reduce((sum, n) => sum + n, 0),
    tables,
  }
}
