// Creates a directory level by level. Node's recursive mkdir never returns below a file system that refuses new entries with ENOENT
// (/proc), and a wrong EVENKEEL_HOME must end with an error, not with a busy core.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** @throws the file system's error of the level that could not be made. */
export function makeDirectory(path: string, mode = 0o700): void {
  const missing: string[] = []
  for (let level = resolve(path); !existsSync(level); level = dirname(level)) missing.push(level)
  for (const level of missing.reverse()) {
    try {
      mkdirSync(level, { mode })
    } catch (error) {
      // Another process may have been faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}
