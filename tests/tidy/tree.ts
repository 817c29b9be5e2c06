// Reads the tree the rules are applied to: every text file git knows or would add.

import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SourceFile } from './source.ts'

const text =
  /(\.(ts|tsx|mjs|js|json|md|sql|css|html|sh|cmd|yml|yaml|txt|svg|csv)|(^|\/)(evenkeel|LICENSE|run|\.npmrc|\.gitignore))$/
/** Looked at by name only: documents show them. */
const picture = /\.(png|jpg|webp)$/
const neverOurs = /(^|\/)(node_modules|\.git|\.build|\.evenkeel|dist)(\/|$)/
const largest = 2_000_000

export function readTree(root: string): SourceFile[] {
  return paths(root)
    .filter(path => (text.test(path) || picture.test(path)) && !neverOurs.test(path))
    .filter(path => existsSync(join(root, path)) && statSync(join(root, path)).size <= largest)
    .map(path => ({ path, text: picture.test(path) ? '' : readFileSync(join(root, path), 'utf8') }))
}

/** A release archive has no git, and git refuses a clone of another owner: then everything that lies there is looked at. */
function paths(root: string): string[] {
  const listed = existsSync(join(root, '.git')) ? pathsOfGit(root) : undefined
  if (listed !== undefined) return [...new Set(listed)].sort()
  return globSync('**/*', { cwd: root, exclude: path => neverOurs.test(path) })
    .map(path => path.replaceAll('\\', '/'))
    .filter(path => statSync(join(root, path)).isFile())
}

function pathsOfGit(root: string): string[] | undefined {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64_000_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return listed.split('\0').filter(path => path !== '')
  } catch {
    return undefined
  }
}
