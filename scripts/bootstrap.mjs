// Makes a clone ready to run: installs the locked packages when, and only when, they are not the ones installed already.
// Plain JavaScript without dependencies, because it runs before anything is installed, on whatever Node (>= 20) the machine has.
// Everything it says goes to stderr: stdout belongs to the command that follows (`--json`).

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const modules = join(root, 'node_modules')
const lockPath = join(root, 'package-lock.json')
/** Written after a whole install. `evenkeel` compares its age with package-lock.json, so its name stands there too. */
const stampPath = join(modules, '.evenkeel-installed')
const mutexPath = join(root, '.build', 'install.lock')
/** Platforms for which package.json pins a Node binary. */
const pinnedPlatforms = ['linux-x64', 'linux-arm64', 'win32-x64']
/** The first Node that runs TypeScript sources without a flag. */
const oldestOwnNode = [22, 18]
const patienceMs = 15 * 60_000

/** Something the user can mend: shown as one message, without a stack. */
class Refusal extends Error {}

try {
  await bootstrap()
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  process.stderr.write(`evenkeel: ${error.message}\n`)
  process.exitCode = 1
}

async function bootstrap() {
  const wanted = fingerprint()
  if (readStamp() === wanted) {
    freshenStamp(wanted)
  } else if (installedMatchesLock()) {
    writeStamp(wanted)
  } else {
    await whileHoldingMutex(async () => {
      // Another terminal may have installed while we waited.
      if (readStamp() === wanted) return
      if (!installedMatchesLock()) await install()
      writeStamp(wanted)
    })
  }
  requireNode()
}

/** What the install depends on: the locked packages and the platform (a clone may be shared between machines). */
function fingerprint() {
  let lock
  try {
    lock = readFileSync(lockPath)
  } catch (error) {
    throw new Refusal(`package-lock.json cannot be read (${error.code}). Restore it: git checkout package-lock.json`)
  }
  return createHash('sha256').update(lock).update(`\n${process.platform}-${process.arch}`).digest('hex')
}

function readStamp() {
  try {
    return readFileSync(stampPath, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** The wrapper trusts a stamp younger than the lock. A checkout that rewrote the same lock only made the lock younger. */
function freshenStamp(wanted) {
  try {
    if (statSync(stampPath).mtimeMs <= statSync(lockPath).mtimeMs) writeStamp(wanted)
  } catch {
    // Someone removed the stamp meanwhile: the next start looks again.
  }
}

function writeStamp(wanted) {
  const temporary = `${stampPath}.${process.pid}`
  try {
    writeFileSync(temporary, `${wanted}\n`)
    renameSync(temporary, stampPath)
  } catch {
    // A tree owned by someone else: everything works, each start only compares hashes again.
  }
}

/**
 * True if node_modules holds exactly what the lock asks of this platform, by npm's own record of what it unpacked.
 * Saves a whole reinstall after `npm install x` or `npm ci` by hand.
 */
function installedMatchesLock() {
  let wanted
  let present
  try {
    wanted = JSON.parse(readFileSync(lockPath, 'utf8')).packages
    present = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages
  } catch {
    return false
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue
    const found = present[path]
    if (found === undefined || !existsSync(join(root, path))) {
      if (entry.optional && !fitsHere(entry)) continue
      return false
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return false
  }
  return Object.keys(present).every(path => path in wanted)
}

/**
 * True if npm would surely have unpacked this optional package here. It leaves out packages made for another system,
 * processor or C library, and what only those need (which names no platform of its own).
 */
function fitsHere({ os, cpu, libc }) {
  return libc === undefined && (os?.includes(process.platform) ?? false) && (cpu?.includes(process.arch) ?? false)
}

async function install() {
  requireWritable()
  const started = performance.now()
  const seconds = () => ((performance.now() - started) / 1000).toFixed(0)
  const terminal = process.stderr.isTTY === true
  const text = 'Installing the locked packages (npm ci)'
  process.stderr.write(terminal ? `${text} ...` : `${text} ...\n`)
  const ticker = terminal ? setInterval(() => process.stderr.write(`\r${text} ... ${seconds()} s`), 1000) : undefined
  const { code, output } = await runNpm(['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--no-progress'])
  clearInterval(ticker)
  if (terminal) process.stderr.write('\n')
  if (code !== 0) {
    throw new Refusal(
      `npm ci failed (${code}):\n${essence(output)}\n` +
        'Nothing was started. Remedy: make sure that npm reaches its registry (npm ping) and that the disk has room,\n' +
        `then run "npm ci" in ${root} and start again.`,
    )
  }
  process.stderr.write(`Installed in ${seconds()} s.\n`)
}

/** The lines in which npm says what went wrong, without warnings and stacks. */
function essence(output) {
  const lines = output.trim().split('\n')
  const errors = lines.filter(line => line.startsWith('npm error') && !/^npm error(\s+at .*|\s*)$/.test(line))
  return (errors.length > 0 ? errors.slice(0, 10) : lines.slice(-10)).map(line => `  ${line}`).join('\n')
}

function requireWritable() {
  try {
    accessSync(existsSync(modules) ? modules : root, constants.W_OK)
  } catch {
    throw new Refusal(
      `${root} is not writable for this user, and its packages are not installed. Run "npm ci" there as its owner.`,
    )
  }
}

/** Runs npm outside node_modules/.bin: it is about to remove the Node that lies there. */
function runNpm(args) {
  const path = (process.env.PATH ?? '').split(delimiter).filter(entry => !entry.startsWith(modules))
  const env = { ...process.env, PATH: path.join(delimiter) }
  const cli = process.env.npm_execpath
  const ownNode = process.env.npm_node_execpath ?? process.execPath
  const outside = !ownNode.startsWith(modules)
  const child =
    cli !== undefined && /npm-cli\.[cm]?js$/.test(cli) && outside
      ? spawn(ownNode, [cli, ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('npm', args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' })
  // If we are killed, npm goes on: whoever finds our mutex must wait for it too.
  if (child.pid !== undefined) writeFileSync(mutexPath, `${process.pid} ${child.pid}`)
  const stop = () => child.kill('SIGTERM')
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return new Promise(done => {
    let output = ''
    const take = chunk => {
      output += chunk
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', error =>
      done({
        code: error.code,
        output: error.code === 'ENOENT' ? 'npm was not found on PATH. Install Node with npm.' : error.message,
      }),
    )
    child.on('close', (code, signal) => done({ code: signal ?? code, output }))
  })
}

/** Two terminals on one clone must not both replace node_modules: the second waits for the first. */
async function whileHoldingMutex(work) {
  try {
    mkdirSync(dirname(mutexPath), { recursive: true })
  } catch (error) {
    throw new Refusal(`${dirname(mutexPath)} cannot be made (${error.code}). Run "npm ci" in ${root} as its owner.`)
  }
  const started = performance.now()
  let announced = false
  while (!takeMutex()) {
    if (!announced) process.stderr.write('Another process is installing the packages of this clone; waiting for it ...\n')
    announced = true
    if (performance.now() - started > patienceMs) {
      throw new Refusal(`waited ${patienceMs / 60_000} minutes for another install. If none is running, remove ${mutexPath}`)
    }
    await new Promise(wake => setTimeout(wake, 100))
  }
  try {
    await work()
  } finally {
    unlinkSync(mutexPath)
  }
}

function takeMutex() {
  if (createExclusively(mutexPath)) return true
  if (!isAbandoned(mutexPath)) return false
  // Its owner died. Removing it is itself exclusive, else two waiters could each remove the other's fresh lock.
  const broom = `${mutexPath}.broom`
  if (!createExclusively(broom)) {
    if (isAbandoned(broom)) removeQuietly(broom)
    return false
  }
  try {
    if (isAbandoned(mutexPath)) removeQuietly(mutexPath)
    return createExclusively(mutexPath)
  } finally {
    removeQuietly(broom)
  }
}

function createExclusively(path) {
  let handle
  try {
    handle = openSync(path, 'wx')
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw new Refusal(`${path} cannot be written (${error.code}). Run "npm ci" in ${root} as its owner.`)
  }
  writeSync(handle, String(process.pid))
  closeSync(handle)
  return true
}

/** True if none of the processes whose numbers stand in the file lives any more. */
function isAbandoned(path) {
  let pids
  try {
    pids = readFileSync(path, 'utf8').split(' ').map(Number)
    if (Date.now() - statSync(path).mtimeMs > patienceMs) return true
  } catch {
    return false
  }
  // Number('') is 0: just created, its owner has not written its number yet.
  return pids.every(pid => pid > 0 && !isAlive(pid))
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}

function removeQuietly(path) {
  try {
    unlinkSync(path)
  } catch {
    // Already gone.
  }
}

/** The pinned Node where we pin one; elsewhere the machine's own, if it can run TypeScript sources. */
function requireNode() {
  const platform = `${process.platform}-${process.arch}`
  const bin = join(modules, '.bin')
  if (pinnedPlatforms.includes(platform)) {
    if (existsSync(join(bin, 'node')) || existsSync(join(bin, 'node.exe')) || existsSync(join(bin, 'node.cmd'))) return
    removeQuietly(stampPath)
    throw new Refusal(`the pinned Node is missing from ${bin}. Run "npm ci --include=optional" in ${root}`)
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [needMajor, needMinor] = oldestOwnNode
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return
  throw new Refusal(
    `no Node is pinned for ${platform}, and this one is ${process.version}. Install Node 24 (at least ${needMajor}.${needMinor}).`,
  )
}
