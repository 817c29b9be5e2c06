// Runs one test file in a process of its own and answers its cases.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { casesOf, type TestCase, type TestEvent } from './cases.ts'
import { endMarked, markName, runProgram } from './processes.ts'

const reporter = pathToFileURL(fileURLToPath(new URL('./reporter.ts', import.meta.url))).href

export interface FileResult {
  readonly cases: readonly TestCase[]
  /** Command lines of processes the file left running; they are ended. */
  readonly leftBehind: readonly string[]
}

/** `file` is relative to `root`; `env` is the whole environment of the test. */
export async function runFile(
  file: string,
  options: { root: string; env: NodeJS.ProcessEnv; timeoutSec: number },
): Promise<FileResult> {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-test-'))
  const eventsPath = join(folder, 'events.jsonl')
  const mark = folder
  try {
    const end = await runProgram(
      process.execPath,
      [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout', resolve(options.root, file)],
      {
        cwd: options.root,
        // NODE_TEST_CONTEXT would make the file report to another runner, the one this runner itself is tested by.
        env: { ...options.env, NODE_TEST_CONTEXT: undefined, EVENKEEL_TEST_EVENTS: eventsPath, [markName]: mark },
        timeoutSec: options.timeoutSec,
      },
    )
    const cases = casesOf(file, readEvents(eventsPath), {
      code: end.code,
      signal: end.signal,
      output: end.output,
      ...(end.timedOut ? { timedOutAfterSec: options.timeoutSec } : {}),
    })
    return { cases, leftBehind: await endMarked(mark) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function readEvents(path: string): TestEvent[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  const events: TestEvent[] = []
  for (const line of text.split('\n')) {
    // A process killed inside a write leaves half a line at the end.
    if (line.endsWith('}')) events.push(JSON.parse(line) as TestEvent)
  }
  return events
}
