// One serving process for each EVENKEEL_HOME: a file names it. A lock whose process is gone is taken over.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '../storage/make-directory.ts'

export class AlreadyRunningError extends Error {
  readonly code = 'ALREADY_RUNNING'
  readonly exitCode = 1
}

/** State and start time of a process as the system notes them; nulls where it does not say. */
function processFacts(pid: number): { state: string | null; startMark: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? null, startMark: fields[19] ?? '' }
  } catch {
    return { state: null, startMark: '' }
  }
}

function isAlive(pid: number, mark: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const { state, startMark } = processFacts(pid)
  // A killed process can stay listed until its parent has looked: it holds nothing any more.
  if (state === 'Z' || state === 'X') return false
  return mark === '' || startMark === mark
}

/**
 * @returns a function that gives the lock back.
 * @throws AlreadyRunningError naming the process that holds it; the file system's error where the home cannot be written.
 */
export function lockHome(home: string): () => void {
  const directory = join(home, 'run')
  const file = join(directory, 'server.pid')
  makeDirectory(directory)
  const own = `${process.pid} ${processFacts(process.pid).startMark}\n`
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
