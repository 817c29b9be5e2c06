// Runs one test file in a process of its own and answers its cases.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { casesOf, type TestCase, type TestEvent } from './cases.ts'
import { endMarked, markName, runProgram } from './processes.ts'

const reporter = pathToFileURL(fileURLToPath(new URL('./reporter.ts', import.meta.url))).href

let runFolder: string | undefined
let filesRun = 0

/** Event files of this run lie in one folder, which goes when the run ends, however it ends. */
function newMark(): string {
  if (runFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-test-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    runFolder = folder
  }
  return join(runFolder, `${++filesRun}.jsonl`)
}

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
  // The file of the events is also the mark of the processes: both are unique to this file of this run.
  const mark = newMark()
  const end = await runProgram(
    process.execPath,
    [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout', resolve(options.root, file)],
    {
      cwd: options.root,
      // NODE_TEST_CONTEXT would make the file report to another runner, the one this runner itself is tested by.
      env: { ...options.env, NODE_TEST_CONTEXT: undefined, EVENKEEL_TEST_EVENTS: mark, [markName]: mark },
      timeoutSec: options.timeoutSec,
    },
  )
  const cases = casesOf(file, readEvents(mark), {
    code: end.code,
    signal: end.signal,
    output: end.output,
    ...(end.timedOut ? { timedOutAfterSec: options.timeoutSec } : {}),
  })
  return { cases, leftBehind: await endMarked(mark) }
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
