// Finds the test files of the tree.

import { globSync } from 'node:fs'
import { relative, resolve } from 'node:path'

const folders = ['src', 'web/src', 'tests', 'scripts']

/** The command line asked for something that is not there: shown without a stack. */
export class UsageError extends Error {}

/** Paths from the root with forward slashes, sorted, so that two runs take the same order. */
export function testFiles(root: string): string[] {
  const patterns = folders.map(folder => `${folder}/**/*.test.{ts,tsx}`)
  return globSync(patterns, { cwd: root })
    .map(path => path.replaceAll('\\', '/'))
    .sort()
}

/** The files that the arguments name, as files or as folders. Throws on an argument that names none. */
export function selectFiles(all: readonly string[], root: string, wanted: readonly string[]): string[] {
  const chosen = new Set<string>()
  for (const argument of wanted) {
    const path = relative(root, resolve(argument)).replaceAll('\\', '/')
    const found = all.filter(file => file === path || path === '' || file.startsWith(`${path}/`))
    if (found.length === 0) throw new UsageError(`no test file matches ${argument}`)
    for (const file of found) chosen.add(file)
  }
  return [...chosen].sort()
}
