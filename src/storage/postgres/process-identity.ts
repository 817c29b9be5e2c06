// Which process is meant by a number in a file: numbers are used again, so the start time goes with it where the system tells it.

import { readFileSync } from 'node:fs'

interface ProcessStat {
  readonly zombie: boolean
  readonly startTicks: string
}

function procStat(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { zombie: fields[0] === 'Z' || fields[0] === 'X', startTicks: fields[19] ?? '' }
  } catch {
    return null
  }
}

/** Text that changes when the number is given to another process; empty where the system does not say. */
export function startMark(pid: number): string {
  return procStat(pid)?.startTicks ?? ''
}

/** True while that very process lives; a zombie does not. */
export function isAlive(pid: number, mark = ''): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const stat = procStat(pid)
  if (stat === null) return true
  return !stat.zombie && (mark === '' || stat.startTicks === mark)
}
