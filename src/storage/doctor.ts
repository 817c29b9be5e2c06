// `evenkeel doctor`: what is wrong with this installation and what to do about it. Each check stands alone; one that cannot be made says so.

import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from './database.ts'
import { StorageError, sqlState } from './errors.ts'
import { pendingMigrations } from './migrate.ts'
import { proveRole } from './role-proof.ts'

export interface DoctorCheck {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped'
  readonly finding: string
  /** What a person can do; null when all is well. */
  readonly remedy: string | null
}

export interface DoctorReport {
  readonly ok: boolean
  readonly checks: readonly DoctorCheck[]
}

/** execution.md 8.3: 15 % free warns, 10 % stops optional writers, 5 % allows closing only. */
const DISK_WARNING_PCT = 15
const DISK_FAILED_PCT = 5
const CLOCK_WARNING_MS = 2_000
const BACKUP_AGE_WARNING_DAYS = 2

function good(name: string, finding: string): DoctorCheck {
  return { name, status: 'ok', finding, remedy: null }
}

async function database(db: Database): Promise<DoctorCheck> {
  const began = performance.now()
  const row = await db.withApp(tx => tx.one<{ version: string }>(`select current_setting('server_version') as version`))
  const ms = Math.round(performance.now() - began)
  const where = db.privateServer ? `private, in ${db.privateServer.placement.dataDirectory}` : 'from DATABASE_URL'
  return good('database', `PostgreSQL ${row?.version} answers in ${ms} ms (${where})`)
}

async function role(db: Database): Promise<DoctorCheck> {
  const proof = await proveRole({ connection: db.connectionConfig(), schema: db.schema })
  return good(
    'role',
    proof.privileged ? `login ${proof.login} acts as evenkeel_app` : `login ${proof.login} is bound by row level security`,
  )
}

async function schema(db: Database): Promise<DoctorCheck> {
  const pending = await pendingMigrations({ connection: db.connectionConfig(), schema: db.schema })
  if (pending.length === 0) return good('schema', 'every migration is applied')
  return {
    name: 'schema',
    status: 'failed',
    finding: `${pending.length} migrations are pending: ${pending.join(', ')}`,
    remedy: 'Run: evenkeel migrate',
  }
}

async function clock(db: Database): Promise<DoctorCheck> {
  const before = Date.now()
  const row = await db.withApp(tx =>
    tx.one<{ ms: number }>('select (extract(epoch from clock_timestamp()) * 1000)::double precision as ms'),
  )
  const offset = Math.round((row?.ms ?? 0) - (before + Date.now()) / 2)
  if (Math.abs(offset) <= CLOCK_WARNING_MS) return good('clock', `the database's clock differs by ${offset} ms`)
  return {
    name: 'clock',
    status: 'warning',
    finding: `the database's clock differs by ${offset} ms`,
    remedy: 'Let both machines take their time from NTP: leases and orders depend on it',
  }
}

function disk(path: string): DoctorCheck {
  const { bavail, blocks, bsize } = statfsSync(path)
  const freePct = Math.floor((bavail / blocks) * 1000) / 10
  const reserve = existsSync(join(path, 'run', 'disk-reserve')) ? ', a reserve for a full disk is held' : ''
  const finding = `${freePct} % (${Math.round((bavail * bsize) / 1e9)} GB) free below ${path}${reserve}`
  if (freePct > DISK_WARNING_PCT) return good('disk', finding)
  const failed = freePct <= DISK_FAILED_PCT
  return {
    name: 'disk',
    status: failed ? 'failed' : 'warning',
    finding,
    remedy: failed
      ? 'Free space now: below 5 % only closing is allowed'
      : 'Free space, or move EVENKEEL_HOME to a larger device: at 10 % optional data is no longer written, at 5 % only closing is allowed',
  }
}

/** Files that hold secrets must be readable by their owner alone. */
function secrets(home: string): DoctorCheck {
  const files = [join(home, 'master.key'), join(home, 'master-key'), join(home, 'postgres', 'password')].filter(path =>
    existsSync(path),
  )
  if (process.platform === 'win32')
    return { name: 'secrets', status: 'skipped', finding: 'file modes say nothing on Windows', remedy: null }
  const open = files.filter(path => (statSync(path).mode & 0o077) !== 0)
  if (open.length === 0) return good('secrets', `${files.length} secret files, readable by their owner alone`)
  return {
    name: 'secrets',
    status: 'failed',
    finding: `others may read ${open.join(', ')}`,
    remedy: `Run: chmod 600 ${open.join(' ')}`,
  }
}

async function leases(db: Database): Promise<DoctorCheck> {
  const { rows } = await db.withApp(tx =>
    tx.query<{ id: string; living: boolean; leases: number }>(
      'select id, lease_until > now() as living, leases from ek.workers()',
    ),
  )
  const dead = rows.filter(row => !row.living && row.leases > 0)
  const living = rows.filter(row => row.living)
  const running = await db.withApp(tx => tx.one<{ running_bots: number }>('select running_bots from ek.admin_counts()'))
  if (living.length === 0 && (running?.running_bots ?? 0) > 0) {
    return {
      name: 'leases',
      status: 'warning',
      finding: `${running?.running_bots} bots want to run and no worker is alive`,
      remedy: 'Start one: evenkeel start',
    }
  }
  return good(
    'leases',
    `${living.length} living workers; ${dead.length} former ones still hold leases, which the next claim takes over`,
  )
}

async function doubt(db: Database): Promise<DoctorCheck> {
  if (!db.privateServer) {
    const privileged = await proveRole({ connection: db.connectionConfig(), schema: db.schema })
    if (!privileged.privileged)
      return { name: 'doubt', status: 'skipped', finding: "the app's login sees one tenant at a time", remedy: null }
  }
  const row = await db.withSystem(tx =>
    tx.one<{ unknown: number; halted: number }>(
      `select (select count(*)::integer from order_logs where status = 'unknown') as unknown,
         (select count(*)::integer from safety_record where state <> 'normal') as halted`,
    ),
  )
  if (!row?.unknown && !row?.halted) return good('doubt', 'no order is in doubt, no safety record restricts trading')
  return {
    name: 'doubt',
    status: 'warning',
    finding: `${row.unknown} orders in doubt, ${row.halted} safety records restrict trading`,
    remedy: 'See the dashboard: each order in doubt shows its next look-up, each restriction its reason',
  }
}

/** @param places the home, and where its data lies if that is elsewhere. */
function backups(places: readonly string[]): DoctorCheck {
  const [home = ''] = places
  const folder = join(home, 'backups')
  const newest = existsSync(folder)
    ? readdirSync(folder)
        .filter(name => name.endsWith('.backup.gz'))
        .map(name => statSync(join(folder, name)).mtimeMs)
        .sort((a, b) => b - a)[0]
    : undefined
  if (newest === undefined) {
    return {
      name: 'backup',
      status: 'warning',
      finding: `no backup in ${folder}`,
      remedy: `One is made before each migration; for another, stop Evenkeel and copy ${places.join(' and ')} (cp -a keeps the owner)`,
    }
  }
  const days = Math.floor((Date.now() - newest) / 86_400_000)
  if (days <= BACKUP_AGE_WARNING_DAYS) return good('backup', `the newest is ${days} days old`)
  return { name: 'backup', status: 'warning', finding: `the newest in ${folder} is ${days} days old`, remedy: 'Make another one' }
}

/** Every check, whatever the others find. */
export async function doctor(db: Database): Promise<DoctorReport> {
  const places = db.privateServer ? [db.home, db.privateServer.placement.dataDirectory] : [db.home]
  const outside = (path: string, i: number): boolean => i === 0 || !path.startsWith(places[0]!)
  const makers: readonly (readonly [string, () => DoctorCheck | Promise<DoctorCheck>])[] = [
    ['database', () => database(db)],
    ['role', () => role(db)],
    ['schema', () => schema(db)],
    ['clock', () => clock(db)],
    ...places.filter(outside).map(path => ['disk', () => disk(path)] as const),
    ['secrets', () => secrets(db.home)],
    ['leases', () => leases(db)],
    ['doubt', () => doubt(db)],
    ['backup', () => backups(places.filter(outside))],
  ]
  const checks: DoctorCheck[] = []
  for (const [name, make] of makers) {
    try {
      checks.push(await make())
    } catch (error) {
      const remedy = error instanceof StorageError ? error.remedy : null
      checks.push({
        name,
        status: 'failed',
        finding: (error as Error).message,
        // 22023, 42704, 42P01: roles and tables that the migrations make are not there.
        remedy:
          remedy ??
          (['22023', '42704', '42P01'].includes(sqlState(error) ?? '')
            ? 'Run: evenkeel migrate'
            : 'See the log; the other checks go on'),
      })
    }
  }
  return { ok: checks.every(check => check.status !== 'failed'), checks }
}

/** What doctor has to say when the database cannot even be opened. */
export function doctorWithoutDatabase(home: string, error: unknown): DoctorReport {
  const remedy = error instanceof StorageError ? error.remedy : null
  const checks: DoctorCheck[] = [
    {
      name: 'database',
      status: 'failed',
      finding: error instanceof Error ? error.message : String(error),
      remedy: remedy ?? 'See the log',
    },
  ]
  if (existsSync(home)) checks.push(disk(home), secrets(home), backups([home]))
  return { ok: false, checks }
}
