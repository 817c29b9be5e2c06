// The private server through its lives: first start, second start, joined, taken over, killed, and refused with a clear error.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import pg from 'pg'
import { type Database, openDatabase } from '../database.ts'
import { StorageError } from '../errors.ts'
import { SILENT_LOG } from '../log.ts'
import { makeTestHome, removeTestHome } from '../testing-server.ts'
import { findBinaries } from './binaries.ts'
import { startTrouble } from './cluster.ts'
import { placeCluster, prepareHome } from './placement.ts'
import { probe, sleep } from './postmaster.ts'
import { openPrivateServer, type PrivateServer } from './private-server.ts'

const opened: (Database | PrivateServer)[] = []
const homes: { home: string; server: PrivateServer | null }[] = []
const environment = { ...process.env }

afterEach(async () => {
  process.env = { ...environment }
  for (const one of opened.splice(0).reverse()) await ('close' in one ? one.close() : one.stop())
  for (const { home, server } of homes.splice(0)) removeTestHome(home, server ?? undefined)
})

function newHome(): string {
  const home = makeTestHome('evenkeel-server-')
  homes.push({ home, server: null })
  return home
}

async function open(home: string, formerServerMs?: number): Promise<PrivateServer> {
  const server = await openPrivateServer(home, SILENT_LOG, formerServerMs)
  opened.push(server)
  const entry = homes.find(candidate => candidate.home === home)
  if (entry) entry.server = server
  return server
}

async function openStore(home: string): Promise<Database> {
  const db = await openDatabase({ home, role: 'cli', log: SILENT_LOG })
  opened.push(db)
  const entry = homes.find(candidate => candidate.home === home)
  if (entry) entry.server = db.privateServer
  return db
}

async function ask(server: PrivateServer, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(server.target())
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 25): Promise<void> {
  for (const end = performance.now() + seconds * 1000; !(await holds()); ) {
    if (performance.now() > end) assert.fail(`not within ${seconds} s: ${what}`)
    await sleep(50)
  }
}

function refusal(code: string, path: string): (error: unknown) => boolean {
  return error =>
    error instanceof StorageError &&
    error.code === code &&
    error.exitCode === 4 &&
    error.remedy !== null &&
    error.message.includes(path) &&
    error.message.includes(error.remedy)
}

for (const source of ['system', 'npm'] as const) {
  process.env.EVENKEEL_PG_SOURCE = source
  const available = findBinaries()[0]
  process.env = { ...environment }
  test(`a fresh directory answers, keeps its rows, and opens again (${source} binaries)`, {
    skip: !available && `no ${source} binaries on this machine`,
  }, async () => {
    process.env.EVENKEEL_PG_SOURCE = source
    const home = newHome()
    const began = performance.now()
    const first = await open(home)
    assert.ok(performance.now() - began < 10_000)
    assert.equal(first.owned(), true)
    assert.equal(first.version(), available!.major)
    await ask(first, 'create table kept (n integer); insert into kept values (7)')
    const [settings] = await ask(
      first,
      `select current_setting('fsync') f, current_setting('synchronous_commit') s, current_setting('listen_addresses') l, current_setting('password_encryption') p`,
    )
    assert.deepEqual(settings, { f: 'on', s: 'on', l: '', p: 'scram-sha-256' })
    await first.stop()
    assert.notEqual(await probe(first.target()), null)
    const second = await open(home)
    assert.deepEqual(await ask(second, 'select n from kept'), [{ n: 7 }])
  })
}

test('a wrong password is refused, the right one lies in a file of mode 0600', async () => {
  const server = await open(newHome())
  const wrong = await probe({ ...server.target(), password: 'guess' })
  assert.match(String(wrong?.message), /password authentication failed/)
})

test('a second process joins the running server and takes over when its starter has gone', async () => {
  const home = newHome()
  const starter = await open(home)
  const joiner = await openStore(home)
  assert.equal(joiner.privateServer?.owned(), false)
  const states: string[] = []
  joiner.onStateChange(state => states.push(state))
  await starter.stop()
  await until('the joiner owns a server', async () => {
    await joiner.withApp(tx => tx.query('select 1')).catch(() => undefined)
    return joiner.privateServer?.owned() === true && joiner.state() === 'up'
  })
  assert.deepEqual(await joiner.withApp(tx => tx.one('select 1 as one')), { one: 1 })
})

test('kill -9 of PostgreSQL under load: it comes back by itself and no acknowledged row is lost', async () => {
  const home = newHome()
  const db = await openStore(home)
  await ask(
    db.privateServer!,
    'create table acknowledged (n integer primary key); grant insert, select on acknowledged to evenkeel_app',
  )
  const states: string[] = []
  db.onStateChange(state => states.push(state))
  let acknowledged = 0
  let stop = false
  const writing = (async () => {
    for (let n = 1; !stop; n += 1) {
      try {
        await db.withApp(tx => tx.query('insert into acknowledged values ($1)', [n]))
        acknowledged = n
      } catch {
        await sleep(20)
      }
    }
  })()
  try {
    for (let kill = 0; kill < 2; kill += 1) {
      const before = acknowledged
      await until('rows are written', () => acknowledged > before + 20)
      const { postmasterPid } = JSON.parse(readFileSync(join(home, 'run', 'postgres.json'), 'utf8')) as { postmasterPid: number }
      process.kill(postmasterPid, 'SIGKILL')
      await until('it is up again', () => states.filter(state => state === 'up').length > kill)
    }
    const again = acknowledged
    await until('rows are written again', () => acknowledged > again + 20)
  } finally {
    stop = true
    await writing
  }
  const row = await db.withApp(tx => tx.one<{ last: number }>('select max(n)::integer as last from acknowledged'))
  assert.ok(row!.last >= acknowledged, `acknowledged ${acknowledged}, found ${row!.last}`)
  assert.deepEqual(states.slice(0, 4), ['down', 'up', 'down', 'up'])
})

const CHILD = `
  import { openDatabase } from ${JSON.stringify(new URL('../database.ts', import.meta.url).href)}
  import { SILENT_LOG } from ${JSON.stringify(new URL('../log.ts', import.meta.url).href)}
  const db = await openDatabase({ home: process.argv[1], role: 'server', log: SILENT_LOG })
  for (let n = 1; ; n += 1) {
    await db.withApp(tx => tx.query('select ek.put_global_setting($1, $2)', ['count', JSON.stringify(n)]))
    process.stdout.write(n + '\\n')
  }`

test('kill -9 of the platform: its PostgreSQL ends too, and the next start finds every acknowledged row', async () => {
  const home = newHome()
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, home], { stdio: ['ignore', 'pipe', 'inherit'] })
  let last = 0
  child.stdout.on('data', (chunk: Buffer) => {
    last = Number(chunk.toString().trim().split('\n').at(-1)) || last
  })
  await until('rows are written', () => last > 50)
  child.kill('SIGKILL')
  const db = await openStore(home)
  assert.equal(db.privateServer?.owned(), true)
  const row = await db.withSystem(tx => tx.one<{ value: number }>(`select value from settings where key = 'count'`))
  assert.ok(row!.value >= last, `acknowledged ${last}, found ${row!.value}`)
})

test('the watchdog killed: the server is stopped and started anew', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async () => {
  const db = await openStore(newHome())
  const server = db.privateServer!
  const runFile = join(server.placement.home, 'run', 'postgres.json')
  const pidOf = (): number => (JSON.parse(readFileSync(runFile, 'utf8')) as { postmasterPid: number }).postmasterPid
  const former = pidOf()
  const stat = readFileSync(`/proc/${former}/stat`, 'utf8')
  process.kill(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]), 'SIGKILL')
  await until('another server runs', () => pidOf() !== former && db.state() === 'up')
  assert.deepEqual(await db.withApp(tx => tx.one('select 1 as one')), { one: 1 })
})

test('a directory that a foreign process uses is left alone', async () => {
  const home = newHome()
  const server = await open(home)
  rmSync(join(home, 'run', 'postgres.json'))
  await assert.rejects(openPrivateServer(home, SILENT_LOG, 600), refusal('DIRECTORY_IN_USE', server.placement.dataDirectory))
  assert.equal(await probe(server.target()), null)
})

test('a data directory of another version names it and what is here', async () => {
  const home = newHome()
  const data = placeCluster(prepareHome(home)).dataDirectory
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'PG_VERSION'), '9\n')
  await assert.rejects(openPrivateServer(home, SILENT_LOG), refusal('DATA_VERSION', data))
})

test('a data directory with strange contents is not touched', async () => {
  const home = newHome()
  const data = placeCluster(prepareHome(home)).dataDirectory
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'diary.txt'), 'mine')
  await assert.rejects(openPrivateServer(home, SILENT_LOG), refusal('NOT_A_DATA_DIRECTORY', data))
  assert.equal(readFileSync(join(data, 'diary.txt'), 'utf8'), 'mine')
})

test('no binaries at all says where they are looked for', async () => {
  process.env.EVENKEEL_PG_BINDIR = '/nonexistent'
  await assert.rejects(openPrivateServer(newHome(), SILENT_LOG), refusal('NO_POSTGRES_BINARIES', '/usr/lib/postgresql'))
})

test('a home that is a file, or that cannot be made, is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-home-'))
  const file = join(folder, 'file')
  writeFileSync(file, '')
  try {
    await assert.rejects(openPrivateServer(file, SILENT_LOG), StorageError)
    await assert.rejects(openPrivateServer('/proc/evenkeel', SILENT_LOG), StorageError)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('what PostgreSQL prints becomes an error with path and remedy', () => {
  const placement = placeCluster(prepareHome(newHome()))
  const cases: readonly [string, string][] = [
    ['PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device', 'DISK_FULL'],
    ['initdb: error: could not change permissions of directory: Read-only file system', 'DIRECTORY_NOT_WRITABLE'],
    ['FATAL:  data directory "/x" has wrong ownership', 'DIRECTORY_NOT_WRITABLE'],
    ['FATAL:  database files are incompatible with server', 'DATA_VERSION'],
    ['FATAL:  something else', 'POSTGRES_FAILED'],
  ]
  for (const [output, code] of cases) assert.ok(refusal(code, placement.dataDirectory)(startTrouble(placement, output)), code)
})

test('a home below a folder that the server user cannot enter puts the cluster elsewhere', {
  skip: process.getuid?.() !== 0 && 'only under root does the server run as another user',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-closed-'))
  const home = join(folder, 'home')
  homes.push({ home, server: null })
  try {
    const server = await open(home)
    assert.match(server.placement.dataDirectory, /^\/var\/lib\/evenkeel\/[0-9a-f]{16}\/data$/)
    assert.deepEqual(await ask(server, 'select 1 as one'), [{ one: 1 }])
    await server.stop()
    removeTestHome(home, server)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
