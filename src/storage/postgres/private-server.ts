// The private PostgreSQL of one EVENKEEL_HOME: joined where another Evenkeel runs it, else started here and supervised. Whoever
// started it stops it; one who had joined then takes over. postmaster.pid is never removed, and the server never killed hard.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { StorageError } from '../errors.ts'
import type { Log } from '../log.ts'
import { chooseBinaries, clusterPassword, dataVersion, initialiseCluster, startTrouble } from './cluster.ts'
import { type Placement, placeCluster, prepareHome } from './placement.ts'
import { type ConnectionTarget, lockHolder, type Postmaster, probe, sleep, startPostmaster } from './postmaster.ts'
import { isAlive, startMark } from './process-identity.ts'

/** How long the remains of a former server of this directory are waited for; a killed one may stay a zombie for two seconds. */
const FORMER_SERVER_MS = 20_000
/** A server of ours whose starter died without its watchdog is asked to stop after this long. */
const ORPHAN_MS = 2_000

/** EVENKEEL_HOME/run/postgres.json: what a CLI verb needs to join. */
interface RunFile {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly dataDirectory: string
  readonly postmasterPid: number
  readonly startedByPid: number
  readonly startedByMark: string
}

export interface PrivateServer {
  readonly placement: Placement
  /** Major version of the data directory. */
  version(): number
  target(): ConnectionTarget
  /** This process started it and will stop it. */
  owned(): boolean
  /** Called when the server that was in use has ended by itself. */
  onEnd(listener: () => void): void
  /** Joins or starts it again. @throws StorageError when that is impossible now. */
  recover(): Promise<void>
  stop(): Promise<void>
}

function readRunFile(placement: Placement): RunFile | null {
  try {
    const file = JSON.parse(readFileSync(placement.stateFile, 'utf8')) as RunFile
    return file.dataDirectory === placement.dataDirectory ? file : null
  } catch {
    return null
  }
}

function writeRunFile(placement: Placement, postmaster: Postmaster): void {
  const { password: _, ...address } = postmaster.target
  const file: RunFile = {
    ...address,
    dataDirectory: placement.dataDirectory,
    postmasterPid: postmaster.pid,
    startedByPid: process.pid,
    startedByMark: startMark(process.pid),
  }
  writeFileSync(`${placement.stateFile}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${placement.stateFile}.new`, placement.stateFile)
}

type Acquired = { readonly target: ConnectionTarget; readonly postmaster: Postmaster | null }

async function join(placement: Placement, file: RunFile): Promise<ConnectionTarget | null> {
  if (!isAlive(file.startedByPid, file.startedByMark)) return null
  const { host, port, user, database } = file
  const target = { host, port, user, database, password: clusterPassword(placement) }
  return (await probe(target)) === null ? target : null
}

async function acquire(placement: Placement, log: Log, formerServerMs: number): Promise<Acquired> {
  const began = performance.now()
  let askedToStop = false
  for (let attempt = 0; ; attempt += 1) {
    const waited = performance.now() - began
    const file = readRunFile(placement)
    if (file) {
      const target = await join(placement, file)
      if (target) return { target, postmaster: null }
    }
    const holder = lockHolder(placement.dataDirectory)
    if (holder === null || !isAlive(holder)) {
      const binaries = chooseBinaries(placement)
      initialiseCluster(placement, binaries)
      const outcome = await startPostmaster(placement, binaries)
      if (outcome.kind === 'started') {
        writeRunFile(placement, outcome.postmaster)
        log.info(
          { pid: outcome.postmaster.pid, version: binaries.major, directory: placement.dataDirectory },
          'PostgreSQL started',
        )
        return { target: outcome.postmaster.target, postmaster: outcome.postmaster }
      }
      if (outcome.kind === 'failed') throw startTrouble(placement, outcome.output)
    } else if (
      !askedToStop &&
      waited > ORPHAN_MS &&
      file?.postmasterPid === holder &&
      !isAlive(file.startedByPid, file.startedByMark)
    ) {
      // Ours, and nobody is left to stop it: platform and watchdog were killed together.
      askedToStop = true
      log.warn({ pid: holder }, 'asking an orphaned PostgreSQL of this directory to stop')
      try {
        process.kill(holder, 'SIGINT')
      } catch {
        // It has just ended.
      }
    }
    if (waited > formerServerMs) throw inUse(placement, holder)
    if (attempt === 10) log.info({ pid: holder }, 'waiting for the former PostgreSQL of this directory to end')
    await sleep(50)
  }
}

function inUse(placement: Placement, holder: number | null): StorageError {
  const who = holder === null ? 'another process' : `process ${holder}`
  return new StorageError('DIRECTORY_IN_USE', `The data directory ${placement.dataDirectory} is used by ${who}`, {
    path: placement.dataDirectory,
    remedy:
      holder === null
        ? 'Stop the program that uses it, or set EVENKEEL_HOME to another directory'
        : `Stop process ${holder} (kill -INT ${holder} is safe for a PostgreSQL), or set EVENKEEL_HOME to another directory`,
  })
}

/** @throws StorageError naming the path and the remedy. */
export async function openPrivateServer(home: string, log: Log, formerServerMs = FORMER_SERVER_MS): Promise<PrivateServer> {
  const placement = placeCluster(prepareHome(home))
  const listeners: (() => void)[] = []
  let stopping = false
  let current = await acquire(placement, log, formerServerMs)
  let recovering: Promise<void> | null = null

  const watch = (acquired: Acquired): void => {
    acquired.postmaster?.ended.then(() => {
      if (stopping || current !== acquired) return
      log.error({ directory: placement.dataDirectory }, 'PostgreSQL ended unexpectedly')
      for (const listener of listeners) listener()
    })
  }
  watch(current)

  const recoverNow = async (): Promise<void> => {
    if (stopping || (await probe(current.target)) === null) return
    current = await acquire(placement, log, formerServerMs)
    watch(current)
  }
  return {
    placement,
    version: () => dataVersion(placement.dataDirectory) ?? 0,
    target: () => current.target,
    owned: () => current.postmaster !== null,
    onEnd: listener => {
      listeners.push(listener)
    },
    recover: () => {
      recovering ??= recoverNow().finally(() => {
        recovering = null
      })
      return recovering
    },
    stop: async () => {
      stopping = true
      await recovering?.catch(() => undefined)
      if (!current.postmaster) return
      await current.postmaster.stop()
      const file = readRunFile(placement)
      if (file?.startedByPid === process.pid && file.postmasterPid === current.postmaster.pid)
        rmSync(placement.stateFile, { force: true })
      log.info({ directory: placement.dataDirectory }, 'PostgreSQL stopped')
    },
  }
}
