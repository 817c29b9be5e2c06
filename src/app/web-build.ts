// Builds the web UI when its sources have changed since the last build: the hash of everything it is made of stands beside the result.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const SOURCES = ['web', 'src/core', 'src/engine', 'src/backtest', 'src/contract', 'package-lock.json']
const IGNORED = new Set(['dist', 'node_modules'])

function* filesBelow(path: string): Generator<string> {
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (IGNORED.has(entry.name) || entry.name.endsWith('.test.ts')) continue
    const child = join(path, entry.name)
    if (entry.isDirectory()) yield* filesBelow(child)
    else yield child
  }
}

export function webSourcesHash(root: string): string {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    const path = join(root, source)
    if (!existsSync(path)) continue
    for (const file of source.endsWith('.json') ? [path] : filesBelow(path)) {
      hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
    }
  }
  return hash.digest('hex')
}

/** @returns the folder of the built UI. @throws Error with the builder's last words when it fails. */
export async function ensureWebBuilt(root: string, progress: (message: string) => void): Promise<string> {
  const dist = join(root, 'web', 'dist')
  const stamp = join(dist, '.sources')
  const wanted = webSourcesHash(root)
  if (existsSync(join(dist, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === wanted) return dist
  progress('building the web UI')
  await build(root)
  writeFileSync(stamp, `${wanted}\n`)
  return dist
}

function build(root: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', 'web', '--logLevel', 'warn'],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve()
      else reject(new Error(`the web UI could not be built (vite ended with ${code}):\n${output}`))
    })
  })
}
