// Runs inside each test process: writes node's test events as JSON lines to the file named by EVENKEEL_TEST_EVENTS.
// Written synchronously, line by line, so that what happened before a crash or a kill is known.

import { closeSync, openSync, writeSync } from 'node:fs'
import type { TestEvent as NodeTestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'
import type { Failure, TestEvent } from './cases.ts'

const longestText = 12_000

export default async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  const path = process.env['EVENKEEL_TEST_EVENTS']
  if (path === undefined) throw new Error('EVENKEEL_TEST_EVENTS names no file')
  const handle = openSync(path, 'a')
  const write = (event: TestEvent) => writeSync(handle, `${JSON.stringify(event)}\n`)
  for await (const event of source) {
    switch (event.type) {
      case 'test:dequeue':
        write({ type: 'started', name: event.data.name, nesting: event.data.nesting })
        break
      case 'test:complete':
        write({ type: 'completed', name: event.data.name, nesting: event.data.nesting })
        break
      case 'test:pass':
      case 'test:fail': {
        const { name, nesting, skip, todo, details } = event.data
        write({
          type: 'result',
          name,
          nesting,
          suite: details.type === 'suite',
          ok: event.type === 'test:pass',
          ...(skip === undefined || skip === false ? {} : { skip }),
          ...(todo === undefined || todo === false ? {} : { todo }),
          ...('error' in details && details.error ? { failure: failureOf(details.error) } : {}),
        })
        break
      }
      case 'test:summary':
        write({ type: 'ended' })
        break
      default:
    }
  }
  closeSync(handle)
  yield ''
}

function failureOf(error: Error & { failureType?: string; cause?: unknown }): Failure {
  return { kind: error.failureType ?? 'unknown', text: describe(error.cause ?? error).slice(0, longestText) }
}

/** Message, place and, where the assertion's own message does not show them, both values. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return inspect(cause, { depth: 6 })
  const lines = [cause.stack?.startsWith(`${cause.name}`) ? cause.stack : `${cause.name}: ${cause.message}\n${cause.stack ?? ''}`]
  if ('actual' in cause && 'expected' in cause && !('generatedMessage' in cause && cause.generatedMessage === true)) {
    lines.push(`actual:   ${inspect(cause.actual, { depth: 6 })}`, `expected: ${inspect(cause.expected, { depth: 6 })}`)
  }
  if (cause.cause !== undefined) lines.push(`cause: ${inspect(cause.cause, { depth: 4 })}`)
  return withoutRunnerFrames(lines.join('\n'))
}

function withoutRunnerFrames(text: string): string {
  return text
    .split('\n')
    .filter(line => !/^\s+at .*\(?node:internal\//.test(line))
    .join('\n')
}
