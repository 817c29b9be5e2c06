// One running PostgreSQL of ours, below a watchdog: a shell that holds the reading end of a pipe from this process. When this
// process ends, however it ends, the pipe closes and the watchdog asks PostgreSQL to shut down (SIGINT, fast). Held 30 of 30
// kill -9 without a lost row.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { type Binaries, program } from './binaries.ts'
import { cleanEnvironment, clusterPassword } from './cluster.ts'
import { directoryTrouble, type Placement, prepareSocketDirectory } from './placement.ts'

export interface ConnectionTarget {
  /** Directory of the socket, or 127.0.0.1 on Windows. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

export interface Postmaster {
  readonly pid: number
  readonly target: ConnectionTarget
  /** Resolves when the process has ended, wanted or not. */
  readonly ended: Promise<void>
  /** Fast shutdown: open transactions are rolled back, everything committed is kept. */
  stop(): Promise<void>
}

export type StartOutcome =
  | { readonly kind: 'started'; readonly postmaster: Postmaster }
  /** Another postmaster holds the directory, or its remains do for a moment. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'failed'; readonly output: string }

export const DATABASE_NAME = 'postgres'
const SOCKET_PORT = 5432
const LOG_LIMIT_BYTES = 10_000_000

// The reader keeps the pipe on descriptor 3, because a shell gives its background jobs /dev/null as input.
const WATCHDOG = `
exec 3<&0
"$@" </dev/null 3<&- >&2 &
postgres=$!
echo "$postgres"
exec >&2
{ read -r _; kill -INT "$postgres"; } <&3 2>/dev/null &
reader=$!
exec 3<&-
wait "$postgres"
status=$?
kill "$reader" 2>/dev/null
exit "$status"
`

function serverArguments(placement: Placement, port: number): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    // A private server of one program: no replication, no parallel plans for its small queries, prepared statements kept.
    max_connections: '120',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '1GB',
    checkpoint_timeout: '15min',
    jit: 'off',
    // Young tables grow fast; plans made without statistics must not outlive their first minute.
    autovacuum_naptime: '15s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] ',
    idle_in_transaction_session_timeout: '300000',
  }
  if (process.platform === 'win32') settings.listen_addresses = '127.0.0.1'
  else {
    settings.listen_addresses = ''
    settings.unix_socket_directories = placement.socketDirectory
    settings.unix_socket_permissions = '0700'
  }
  return ['-D', placement.dataDirectory, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

function openLog(placement: Placement): number {
  try {
    if (existsSync(placement.logFile) && statSync(placement.logFile).size > LOG_LIMIT_BYTES) {
      rmSync(`${placement.logFile}.1`, { force: true })
      renameSync(placement.logFile, `${placement.logFile}.1`)
    }
    return openSync(placement.logFile, 'a+', 0o600)
  } catch (error) {
    throw directoryTrouble(placement.logFile, error)
  }
}

function logSince(log: number, offset: number): string {
  const length = Math.min(fstatSync(log).size - offset, 65_536)
  if (length <= 0) return ''
  const buffer = Buffer.alloc(length)
  readSync(log, buffer, 0, length, offset)
  return buffer.toString('utf8')
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms)
  })
}

/** As sleep, but waiting alone does not keep the process alive. */
export function idle(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms).unref()
  })
}

/** One `select 1` on a connection of its own; null when it succeeded, else the error. */
export async function probe(target: ConnectionTarget, timeoutMs = 5_000): Promise<Error | null> {
  const client = new pg.Client({ ...target, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return null
  } catch (error) {
    return error as Error
  } finally {
    client.end().catch(() => undefined)
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** Starts PostgreSQL and waits until it answers; recovery after a crash may take its time, as long as the process lives. */
export async function startPostmaster(placement: Placement, binaries: Binaries): Promise<StartOutcome> {
  prepareSocketDirectory(placement)
  const port = process.platform === 'win32' ? await freePort() : SOCKET_PORT
  const target: ConnectionTarget = {
    host: process.platform === 'win32' ? '127.0.0.1' : placement.socketDirectory,
    port,
    user: 'postgres',
    password: clusterPassword(placement),
    database: DATABASE_NAME,
  }
  const log = openLog(placement)
  const offset = fstatSync(log).size
  const command = program(binaries, 'postgres')
  const args = serverArguments(placement, port)
  const child: ChildProcess = spawn(
    process.platform === 'win32' ? command : '/bin/sh',
    process.platform === 'win32' ? args : ['-c', WATCHDOG, 'evenkeel-postgres', command, ...args],
    {
      cwd: placement.dataDirectory,
      env: cleanEnvironment(),
      // A session of its own: Ctrl-C in the terminal must reach Evenkeel alone, which stops PostgreSQL when its work is done.
      detached: process.platform !== 'win32',
      stdio: ['pipe', 'pipe', log],
      ...(placement.runAs ? { uid: placement.runAs.uid, gid: placement.runAs.gid } : {}),
    },
  )
  let over = false
  const ended = new Promise<void>(resolve => {
    const finish = (): void => {
      over = true
      // Where the watchdog itself was killed, its reader still waits: closing the pipe stops the server it left behind.
      child.stdin?.destroy()
      resolve()
    }
    child.once('exit', finish)
    child.once('error', finish)
  })
  child.stdin?.on('error', () => undefined)
  let pidText = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    pidText += chunk.toString()
  })
  child.unref()
  ;(child.stdin as unknown as { unref?: () => void }).unref?.()
  ;(child.stdout as unknown as { unref?: () => void }).unref?.()

  for (let wait = 8; !over; wait = Math.min(wait * 1.3, 100)) {
    await sleep(wait)
    if (over) break
    if (!existsSync(join(placement.dataDirectory, 'postmaster.pid'))) continue
    if ((await probe(target)) === null && !over) {
      closeSync(log)
      const pid = process.platform === 'win32' ? child.pid! : Number.parseInt(pidText, 10)
      return {
        kind: 'started',
        postmaster: {
          pid,
          target,
          ended,
          stop: async () => {
            if (!over) {
              child.ref()
              if (process.platform === 'win32') child.kill('SIGINT')
              else child.stdin?.end()
            }
            await ended
          },
        },
      }
    }
  }
  const output = logSince(log, offset)
  closeSync(log)
  const locked = /lock file ".*" already exists|pre-existing shared memory block|is another postmaster/i.test(output)
  return locked ? { kind: 'locked' } : { kind: 'failed', output }
}

/** Process id in postmaster.pid, null when there is no such file. */
export function lockHolder(dataDirectory: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8'), 10)
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null
  } catch {
    return null
  }
}
