import assert from 'node:assert/strict'
import { test } from 'node:test'
import { casesOf, type FileEnd, type TestEvent } from './cases.ts'

const cleanEnd: FileEnd = { code: 0, signal: null, output: '' }
const ended: TestEvent = { type: 'ended' }

function result(name: string, nesting: number, more: Partial<Extract<TestEvent, { type: 'result' }>> = {}): TestEvent {
  return { type: 'result', name, nesting, suite: false, ok: true, ...more }
}

function shown(events: readonly TestEvent[], end: FileEnd = cleanEnd): string[] {
  return casesOf('x.test.ts', events, end).map(({ name, outcome }) => `${name}: ${outcome.status}`)
}

const failure = (kind: string) => ({ ok: false, failure: { kind, text: `${kind}!` } })

test('a suite and a parent test are not counted beside their tests', () => {
  const events = [result('a', 1), result('b', 1), result('suite', 0, { suite: true }), result('c', 1), result('parent', 0), ended]
  assert.deepEqual(shown(events), ['a: passed', 'b: passed', 'c: passed'])
})

test('a parent that fails because of its tests is not a second failure', () => {
  const events = [
    result('a', 1, failure('testCodeFailure')),
    result('suite', 0, { suite: true, ...failure('subtestsFailed') }),
    ended,
  ]
  assert.deepEqual(shown(events, { ...cleanEnd, code: 1 }), ['a: failed'])
})

test('a hook that fails is a failure of its own', () => {
  const events = [result('a', 1), result('suite', 0, { suite: true, ...failure('hookFailed') }), ended]
  assert.deepEqual(shown(events, { ...cleanEnd, code: 1 }), ['a: passed', 'suite: failed'])
})

test('a skip needs a reason, a to-do is a failure, an empty suite is a failure', () => {
  const events = [result('a', 0, { skip: 'no network' }), result('b', 0, { skip: true }), result('c', 0, { todo: true })]
  assert.deepEqual(shown([...events, result('d', 0, { suite: true }), ended]), [
    'a: skipped',
    'b: failed',
    'c: failed',
    'd: failed',
  ])
})

test('a file that holds no test, or ends before its tests, is a failed case', () => {
  assert.deepEqual(shown([ended]), ['x.test.ts: failed'])
  assert.deepEqual(shown([]), ['x.test.ts: failed'])
  assert.deepEqual(shown([result('a', 0)]), ['a: passed', 'x.test.ts: failed'])
})

test('an exit code without a failed test is a failed case', () => {
  assert.deepEqual(shown([result('a', 0), ended], { ...cleanEnd, code: 7 }), ['a: passed', 'x.test.ts: failed'])
})

test('a time limit names the tests that were running', () => {
  const events: TestEvent[] = [
    { type: 'started', name: 'suite', nesting: 0 },
    { type: 'started', name: 'quick', nesting: 1 },
    { type: 'completed', name: 'quick', nesting: 1 },
    { type: 'started', name: 'slow', nesting: 1 },
  ]
  const [only] = casesOf('x.test.ts', events, { code: null, signal: 'SIGTERM', timedOutAfterSec: 5, output: 'last words' })
  assert.ok(only?.outcome.status === 'failed')
  assert.match(only.outcome.error, /^timed out after 5 s while running: slow\nlast words$/)
})

test('a time limit after the last test says that something is open', () => {
  const [only] = casesOf('x.test.ts', [], { code: null, signal: 'SIGTERM', timedOutAfterSec: 5, output: '' })
  assert.ok(only?.outcome.status === 'failed')
  assert.match(only.outcome.error, /still open/)
})
