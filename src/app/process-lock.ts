// One serving process for each EVENKEEL_HOME: a file names it. A lock whose process is gone is taken over.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '../storage/make-directory.ts'

export class AlreadyRunningError extends Error {
  readonly code = 'ALREADY_RUNNING'
  readonly exitCode = 1
}

/** What tells a process from a later one with the same number; empty where the system does not say. */
function startMark(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isAlive(pid: number, mark: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return mark === '' || startMark(pid) === mark
}

/**
 * @returns a function that gives the lock back.
 * @throws AlreadyRunningError naming the process that holds it; the file system's error where the home cannot be written.
 */
export function lockHome(home: string): () => void {
  const directory = join(home, 'run')
  const file = join(directory, 'server.pid')
  makeDirectory(directory)
  const own = `${process.pid} ${startMark(process.pid)}\n`
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, own, { flag: 'wx', mode: 0o600 })
      return () => {
        if (readFileSync(file, 'utf8') === own) rmSync(file, { force: true })
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const [pid, mark] = readFileSync(file, 'utf8').trim().split(' ')
    if (pid && isAlive(Number(pid), mark ?? '')) {
      throw new AlreadyRunningError(
        `Evenkeel already runs on ${home} (process ${pid}): stop it first, or use another EVENKEEL_HOME`,
      )
    }
    rmSync(file, { force: true })
  }
  throw new AlreadyRunningError(`${file} changes hands: another Evenkeel is starting on ${home}`)
}
