// Child processes of a test run: each test file leads a process group, and everything it starts carries a mark in its
// environment, so that nothing outlives the run - not even what detached itself.

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export const markName = 'EVENKEEL_TEST_MARK'

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly output: string
}

const keptOutput = 24_000
const running = new Set<ChildProcess>()
const marksInUse = new Set<string>()
let stopping = false

export class Stopped extends Error {}

/** Runs a program to its end or to the time limit; its whole group is gone afterwards. Keeps the last part of its output. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; timeoutSec: number },
): Promise<Ended> {
  if (stopping) throw new Stopped('the run was stopped')
  const mark = options.env[markName]
  if (mark !== undefined) marksInUse.add(mark)
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  })
  running.add(child)
  let output = ''
  const take = (chunk: string) => {
    output = (output + chunk).slice(-keptOutput)
  }
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', take)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    signalGroup(child, 'SIGTERM')
    setTimeout(() => signalGroup(child, 'SIGKILL'), 2000).unref()
  }, options.timeoutSec * 1000)
  const end = await new Promise<{ code: number | null; signal: string | null }>(done => {
    child.on('error', error => {
      take(String(error))
      done({ code: 1, signal: null })
    })
    // 'close' has all the output, but a grandchild that keeps the pipe open must not keep us.
    child.on('exit', (code, signal) => setTimeout(() => done({ code, signal }), 300))
    child.on('close', (code, signal) => done({ code, signal }))
  })
  clearTimeout(timer)
  signalGroup(child, 'SIGKILL')
  child.stdout.destroy()
  child.stderr.destroy()
  running.delete(child)
  return { ...end, timedOut, output }
}

/** For SIGINT: ends at once whatever still runs, and lets nothing new begin. */
export async function stopEverything(): Promise<void> {
  stopping = true
  for (const child of running) signalGroup(child, 'SIGKILL')
  await Promise.all([...marksInUse].map(endMarked))
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch {
    // ESRCH: the group is gone, which is what was asked for.
  }
}

/** Ends processes that carry the mark (Linux; elsewhere the group is all we know). Answers their command lines. */
export async function endMarked(mark: string): Promise<string[]> {
  const left = marked(mark)
  for (const { pid } of left) signal(pid, 'SIGTERM')
  for (let waited = 0; waited < 2000 && left.length > 0 && marked(mark).length > 0; waited += 50) await sleep(50)
  for (const { pid } of marked(mark)) signal(pid, 'SIGKILL')
  marksInUse.delete(mark)
  return left.map(each => each.command)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended by itself meanwhile.
  }
}

function marked(mark: string): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return []
  const wanted = `${markName}=${mark}`
  const found: { pid: number; command: string }[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(wanted)) continue
      found.push({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() })
    } catch {
      // Gone, or of another user.
    }
  }
  return found
}
