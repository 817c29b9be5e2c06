// Where the private cluster lives and as whom it runs. PostgreSQL refuses root, so under root it runs as `postgres`, else
// `nobody`; what that user cannot reach (a clone below a home of mode 0700) is put where it can.

import { createHash } from 'node:crypto'
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { StorageError } from '../errors.ts'
import { makeDirectory as makeDirectoryLevels } from '../make-directory.ts'
import { type Binaries, hasLibraryLinks, makeLibraryLinks } from './binaries.ts'

export interface RunAs {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface Placement {
  readonly home: string
  /** The directory given to `postgres -D`. */
  readonly dataDirectory: string
  /** Null: as ourselves. */
  readonly runAs: RunAs | null
  readonly socketDirectory: string
  readonly passwordFile: string
  readonly stateFile: string
  readonly logFile: string
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function account(name: string): RunAs | null {
  let passwd: string
  try {
    passwd = readFileSync('/etc/passwd', 'utf8')
  } catch {
    return null
  }
  for (const line of passwd.split('\n')) {
    const [login, , uid, gid] = line.split(':')
    if (login === name) return { name, uid: Number(uid), gid: Number(gid) }
  }
  return null
}

/** Who the server runs as: null for ourselves, unless we are root. */
export function chooseRunAs(): RunAs | null {
  if (process.platform === 'win32' || process.getuid?.() !== 0) return null
  const chosen = account('postgres') ?? account('nobody')
  if (!chosen) {
    throw new StorageError(
      'POSTGRES_FAILED',
      'PostgreSQL refuses to run as root, and neither a user postgres nor nobody exists',
      {
        path: '/etc/passwd',
        remedy: 'Create a user named postgres, run Evenkeel as an ordinary user, or set DATABASE_URL',
      },
    )
  }
  return chosen
}

/** Whether a user may walk into a directory (x on it and on all above it). */
export function canReach(directory: string, user: RunAs): boolean {
  for (let path = directory; ; path = dirname(path)) {
    const { mode, uid, gid } = statSync(path)
    const bits = uid === user.uid ? (mode >> 6) & 7 : gid === user.gid ? (mode >> 3) & 7 : mode & 7
    if ((bits & 1) === 0) return false
    if (path === dirname(path)) return true
  }
}

function makeDirectory(path: string, mode: number): void {
  try {
    makeDirectoryLevels(path, mode)
  } catch (error) {
    throw directoryTrouble(path, error)
  }
}

/** Names what is wrong with a directory: full, read-only, forbidden. */
export function directoryTrouble(path: string, cause: unknown): StorageError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StorageError('DISK_FULL', `No space is left on the device of ${path}`, {
      path,
      remedy: 'Free some space there, or set EVENKEEL_HOME to a directory on another device',
      cause,
    })
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new StorageError('DIRECTORY_NOT_WRITABLE', `The directory ${path} cannot be written (${code})`, {
      path,
      remedy: 'Give this user write permission there, or set EVENKEEL_HOME to a directory of its own',
      cause,
    })
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new StorageError('NOT_A_DATA_DIRECTORY', `${path} is not a directory`, {
      path,
      remedy: 'Move the file of that name away, or set EVENKEEL_HOME to another directory',
      cause,
    })
  }
  return new StorageError('DIRECTORY_UNREADABLE', `The directory ${path} cannot be used: ${(cause as Error).message}`, {
    path,
    remedy: 'Check the path and its permissions, or set EVENKEEL_HOME to another directory',
    cause,
  })
}

/** Makes EVENKEEL_HOME and its folders; proves that it can be written. Whoever comes first, a new home is of mode 0700. */
export function prepareHome(home: string): string {
  makeDirectory(home, 0o700)
  const path = realpathSync(home)
  // Where a person's home lets the server's user in, so must these; secrets inside are files of mode 0600.
  for (const folder of ['postgres', 'run', 'log']) makeDirectory(join(path, folder), process.getuid?.() === 0 ? 0o711 : 0o700)
  const probe = join(path, 'run', `.probe-${process.pid}`)
  try {
    writeFileSync(probe, 'evenkeel')
    rmSync(probe)
  } catch (error) {
    throw directoryTrouble(path, error)
  }
  return path
}

interface Pointer {
  readonly dataDirectory: string
  /** The home it was written for; absent in those of the first versions. */
  readonly home?: string
}

/** A copied home must not open, and change, the cluster of the one it was copied from. */
function requireOwnPointer(home: string, pointer: string): string {
  const { dataDirectory, home: owner } = JSON.parse(readFileSync(pointer, 'utf8')) as Pointer
  const own = owner === undefined ? dataDirectory === outsideOf(home) : owner === home
  if (own) return dataDirectory
  throw new StorageError(
    'DIRECTORY_IN_USE',
    `${home} is a copy of ${owner ?? 'another EVENKEEL_HOME'}: its data is in ${dataDirectory} and belongs to the original`,
    {
      path: pointer,
      remedy: `For a home of its own, copy ${dirname(dataDirectory)} too while Evenkeel is stopped (cp -a), and write both new paths into ${pointer}: {"home": "${home}", "dataDirectory": "<the copy>/data"}. If ${owner ?? 'the original'} was only moved here, change "home" alone`,
      exitCode: 2,
    },
  )
}

function outsideOf(home: string): string {
  return `/var/lib/evenkeel/${shortHash(home)}/data`
}

/** Decides all places for a home. Touches nothing but the pointer to a cluster outside of it. @throws DIRECTORY_IN_USE for a copy. */
export function placeCluster(home: string): Placement {
  const runAs = chooseRunAs()
  const pointer = join(home, 'postgres', 'location.json')
  let dataDirectory = join(home, 'postgres', 'data')
  if (existsSync(pointer)) {
    dataDirectory = requireOwnPointer(home, pointer)
  } else if (runAs && !canReach(join(home, 'postgres'), runAs)) {
    dataDirectory = outsideOf(home)
    makeDirectory(dirname(dirname(dataDirectory)), 0o755)
    makeDirectory(dirname(dataDirectory), 0o711)
    writeFileSync(pointer, JSON.stringify({ home, dataDirectory, reason: `${runAs.name} cannot reach ${home}` }))
  }
  return {
    home,
    dataDirectory,
    runAs,
    // A socket path may not exceed 107 bytes, so it does not lie below home.
    socketDirectory: `/tmp/evenkeel-${shortHash(dataDirectory)}`,
    passwordFile: join(home, 'postgres', 'password'),
    stateFile: join(home, 'run', 'postgres.json'),
    logFile: join(home, 'log', 'postgres.log'),
  }
}

/** The socket directory of mode 0700, ours or the server user's: nobody else can have put a socket there. */
export function prepareSocketDirectory(placement: Placement): void {
  const path = placement.socketDirectory
  const owner = placement.runAs?.uid ?? process.getuid?.() ?? 0
  try {
    mkdirSync(path, { mode: 0o700 })
    if (placement.runAs) chownSync(path, placement.runAs.uid, placement.runAs.gid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw directoryTrouble(path, error)
  }
  const found = lstatSync(path)
  if (!found.isDirectory() || (process.platform !== 'win32' && (found.uid !== owner || (found.mode & 0o077) !== 0))) {
    throw new StorageError('DIRECTORY_IN_USE', `The socket directory ${path} exists and belongs to somebody else`, {
      path,
      remedy: `Remove ${path} after making sure that no other Evenkeel uses it`,
    })
  }
}

/** Binaries that the server's user can reach, with their library links: in place, else a copy made once. */
export function reachableBinaries(binaries: Binaries, runAs: RunAs | null, home: string): Binaries {
  const reachable = runAs === null || canReach(binaries.directory, runAs)
  if (binaries.source !== 'npm') {
    if (reachable) return binaries
    throw new StorageError(
      'NO_POSTGRES_BINARIES',
      `The user ${runAs?.name} cannot reach the PostgreSQL programs in ${binaries.directory}`,
      {
        path: binaries.directory,
        remedy: 'Make that folder readable for everyone, or install PostgreSQL in the usual place',
      },
    )
  }
  if (reachable) {
    if (hasLibraryLinks(binaries.root)) return binaries
    try {
      makeLibraryLinks(binaries.root)
      return binaries
    } catch {
      // A read-only install: the copy below gets the links.
    }
  }
  const base = runAs ? '/var/lib/evenkeel' : join(home, 'postgres')
  const copy = join(base, `binaries-${binaries.major}-${shortHash(binaries.root)}`)
  if (!existsSync(join(copy, 'complete'))) {
    const partial = `${copy}.${process.pid}`
    makeDirectory(base, 0o755)
    try {
      rmSync(partial, { recursive: true, force: true })
      cpSync(binaries.root, partial, { recursive: true, verbatimSymlinks: true })
      makeLibraryLinks(partial)
      writeFileSync(join(partial, 'complete'), '')
      rmSync(copy, { recursive: true, force: true })
      renameSync(partial, copy)
    } catch (error) {
      rmSync(partial, { recursive: true, force: true })
      if (!existsSync(join(copy, 'complete'))) throw directoryTrouble(copy, error)
    }
  }
  return { ...binaries, directory: join(copy, 'bin'), root: copy }
}
