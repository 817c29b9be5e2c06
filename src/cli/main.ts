// The command line's front door: finds the verb, hands it its arguments, turns trouble into one message and an exit code.

import { EXIT, leafVerb, nearest, runVerb, type Streams, twoColumns, UsageError } from './verb.ts'
import { findVerb, VERBS } from './verbs.ts'

const NEEDED_NODE = [22, 18] as const

function help(): string {
  return `Evenkeel: self-hosted crypto trading bots\n\nUsage: evenkeel VERB\n\n${twoColumns(
    VERBS.map(verb => [verb.name, verb.summary]),
  )}\nMore: evenkeel VERB --help\n`
}

/** The version of Node that is too old, or null. Sources run unbuilt, which needs type stripping without a flag. */
export function nodeTooOld(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const enough = major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1])
  return enough ? null : `Evenkeel needs Node ${NEEDED_NODE.join('.')} or newer, this is ${version}; ./evenkeel brings its own`
}

/** Run one command. @returns its exit code; never throws. */
export async function main(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  streams: Streams,
  signal: AbortSignal,
  beforeRun: (blocking: boolean) => void = () => {},
): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    ;(name === undefined ? streams.stderr : streams.stdout)(help())
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  try {
    const registered = findVerb(name)
    if (!registered) {
      const near = nearest(
        name,
        VERBS.flatMap(verb => [verb.name, ...(verb.aliases ?? [])]),
      )
      throw new UsageError('verb', name, `${near ? `did you mean ${near}? ` : ''}evenkeel --help lists the verbs`)
    }
    const { verb } = await registered.load()
    beforeRun(leafVerb(verb, rest)?.blocking ?? false)
    return await runVerb(verb, rest, streams, env, signal)
  } catch (error) {
    return report(error, args.includes('--json'), env, streams, signal)
  }
}

function report(
  error: unknown,
  json: boolean,
  env: Readonly<Record<string, string | undefined>>,
  streams: Streams,
  signal: AbortSignal,
): number {
  const cancelled = signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
  const message = cancelled ? 'cancelled' : error instanceof Error ? error.message : String(error)
  const code = cancelled ? 'CANCELLED' : errorCode(error)
  const ownDetails = property(error, 'details')
  const details = Array.isArray(ownDetails) ? ownDetails : []
  if (json) streams.stdout(`${JSON.stringify({ error: { code, message, details } })}\n`)
  streams.stderr(`evenkeel: ${message}\n`)
  // an error without a name of ours is our own mistake: its place is worth more than its message
  if (!cancelled && (code === 'INTERNAL' || env.EVENKEEL_DEBUG)) streams.stderr(`${error instanceof Error ? error.stack : ''}\n`)
  return cancelled ? EXIT.cancelled : exitCode(error)
}

/** Errors of other floors carry `exitCode` and `code` themselves; the command line need not know their classes. */
function exitCode(error: unknown): number {
  const own = property(error, 'exitCode')
  return typeof own === 'number' ? own : isDatabaseError(error) ? EXIT.database : EXIT.failed
}

function errorCode(error: unknown): string {
  const own = property(error, 'code')
  if (isDatabaseError(error)) return 'DATABASE_UNAVAILABLE'
  return typeof own === 'string' ? own : 'INTERNAL'
}

/** What node-postgres throws: a five-letter SQLSTATE together with a severity. */
function isDatabaseError(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(String(property(error, 'code'))) && typeof property(error, 'severity') === 'string'
}

function property(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined
}

async function runProcess(): Promise<void> {
  const tooOld = nodeTooOld(process.versions.node)
  if (tooOld) {
    process.stderr.write(`${tooOld}\n`)
    process.exitCode = EXIT.usage
    return
  }
  // `evenkeel candles list | head` closes our stdout: that is no failure
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(EXIT.ok)
    throw error
  })
  const controller = new AbortController()
  let asked = 0
  const cancel = () => {
    asked += 1
    if (asked > 1) process.exit(EXIT.cancelled)
    controller.abort(new DOMException('cancelled', 'AbortError'))
  }
  const streams: Streams = {
    stdout: text => void process.stdout.write(text),
    stderr: text => void process.stderr.write(text),
    width: process.stderr.isTTY ? process.stderr.columns || 80 : 0,
    nowMs: () => Date.now(),
  }
  process.exitCode = await main(process.argv.slice(2), process.env, streams, controller.signal, blocking => {
    if (blocking) return
    process.on('SIGINT', cancel)
    process.on('SIGTERM', cancel)
  })
}

if (import.meta.main) await runProcess()
