// From the events of node's test runner to test cases: only leaves count, a suite is never counted beside its tests.

/** One line of the reporter's file. Tests come in the order of their text, children before their parent. */
export type TestEvent =
  | { readonly type: 'started'; readonly name: string; readonly nesting: number }
  | { readonly type: 'completed'; readonly name: string; readonly nesting: number }
  | {
      readonly type: 'result'
      readonly name: string
      readonly nesting: number
      readonly suite: boolean
      readonly ok: boolean
      readonly skip?: string | true
      readonly todo?: string | true
      readonly failure?: Failure
    }
  | { readonly type: 'ended' }

export interface Failure {
  /** node's word for what went wrong: testCodeFailure, subtestsFailed, hookFailed, cancelledByParent ... */
  readonly kind: string
  readonly text: string
}

export type CaseOutcome =
  | { readonly status: 'passed' }
  | { readonly status: 'failed'; readonly error: string }
  | { readonly status: 'skipped'; readonly reason: string }

export interface TestCase {
  readonly name: string
  readonly file: string
  readonly outcome: CaseOutcome
}

/** How the process of a test file ended. */
export interface FileEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly timedOutAfterSec?: number
  /** Last part of what the file printed. */
  readonly output: string
}

/**
 * The cases of one file. A file that crashed, was stopped, ended before its tests or holds none is a failed case itself:
 * silence is never success.
 */
export function casesOf(file: string, events: readonly TestEvent[], end: FileEnd): TestCase[] {
  const cases: TestCase[] = []
  const children: number[] = []
  const names = namesOfRunning(events)
  let ended = false
  for (const event of events) {
    if (event.type === 'ended') ended = true
    if (event.type !== 'result') continue
    const hasChildren = (children[event.nesting + 1] ?? 0) > 0
    children[event.nesting + 1] = 0
    children[event.nesting] = (children[event.nesting] ?? 0) + 1
    const outcome = outcomeOf(event, hasChildren)
    if (outcome) cases.push({ name: event.name, file, outcome })
  }
  const wrong = troubleOfFile(cases, ended, names, end)
  if (wrong) cases.push({ name: file, file, outcome: { status: 'failed', error: wrong } })
  return cases
}

function outcomeOf(event: Extract<TestEvent, { type: 'result' }>, hasChildren: boolean): CaseOutcome | undefined {
  if (hasChildren) {
    // Its tests are counted already. Only a fault of its own (a hook, an assertion after its subtests) is news.
    if (event.ok || event.failure?.kind === 'subtestsFailed') return undefined
    return { status: 'failed', error: event.failure?.text ?? 'failed without an error' }
  }
  if (event.skip !== undefined) {
    return event.skip === true || event.skip === ''
      ? { status: 'failed', error: 'skipped without a reason' }
      : { status: 'skipped', reason: event.skip }
  }
  if (event.todo !== undefined) return { status: 'failed', error: 'marked as to be done: a test either holds or is not there' }
  if (!event.ok) return { status: 'failed', error: event.failure?.text ?? 'failed without an error' }
  return event.suite ? { status: 'failed', error: 'a suite without a test' } : { status: 'passed' }
}

function troubleOfFile(cases: readonly TestCase[], ended: boolean, running: readonly string[], end: FileEnd): string | undefined {
  const printed = end.output.trim() === '' ? '' : `\n${end.output.trimEnd()}`
  if (end.timedOutAfterSec !== undefined) {
    const where =
      running.length > 0 ? `while running: ${running.join(', ')}` : 'after its last test: something it opened is still open'
    return `timed out after ${end.timedOutAfterSec} s ${where}${printed}`
  }
  if (end.signal !== null) return `ended by ${end.signal}${printed}`
  const failed = cases.some(each => each.outcome.status === 'failed')
  if (!ended) return `ended (code ${end.code}) before its tests were done${printed}`
  if (end.code !== 0 && !failed) return `exited with code ${end.code} though no test failed${printed}`
  if (cases.length === 0) return `holds no test${printed}`
  return undefined
}

/** Tests that began and did not complete: what a hung file was doing. Suites are left out if a test of theirs is named. */
function namesOfRunning(events: readonly TestEvent[]): string[] {
  const running: { name: string; nesting: number }[] = []
  for (const event of events) {
    if (event.type === 'started') running.push({ name: event.name, nesting: event.nesting })
    if (event.type === 'completed') {
      const index = running.findLastIndex(each => each.name === event.name && each.nesting === event.nesting)
      if (index >= 0) running.splice(index, 1)
    }
  }
  const deepest = Math.max(...running.map(each => each.nesting))
  return running.filter(each => each.nesting === deepest).map(each => each.name)
}
