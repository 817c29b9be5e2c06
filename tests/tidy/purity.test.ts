import assert from 'node:assert/strict'
import { test } from 'node:test'
import { file, places } from './planted.ts'
import { purity } from './purity.ts'

const bad = [
  'const at = Date.now()',
  'const at = new Date()',
  'const at = new Date',
  'const at = Date()',
  'const at = performance.now()',
  'const r = Math.random()',
  'const id = crypto.randomUUID()',
  'setTimeout(f, 1)',
  'queueMicrotask(f)',
  'fetch(url)',
  'async function f() {}',
  'const f = async () => 1',
  'await f()',
  'const p: Promise<void> = f()',
  `import { readFileSync } from 'node:fs'`,
  `const fs = import('node:fs')`,
]

for (const text of bad) {
  test(`refused on a pure floor: ${text}`, () => {
    for (const floor of ['core', 'engine', 'backtest']) {
      assert.deepEqual(places(purity, file(`src/${floor}/a.ts`, `\n${text}\n`)), [`src/${floor}/a.ts:2`])
    }
  })
}

test('what only looks alike is allowed', () => {
  const good = [
    'const at = new Date(event.atMs)',
    'const text = "Date.now() and await"',
    '// waits: await, Promise, Math.random()',
    'feed.fetch(1)',
    'const asyncSafe = state.setTimeoutSec',
    'const mathRandom = Math.round(1)',
  ]
  for (const text of good) assert.deepEqual(places(purity, file('src/core/a.ts', text)), [], text)
})

test('tests of a pure floor and other floors are free', () => {
  assert.deepEqual(
    places(purity, file('src/core/a.test.ts', 'await f(Date.now())'), file('src/runs/a.ts', 'await f(Date.now())')),
    [],
  )
})

test('the contract may describe promises, but reads no clock and no Node', () => {
  assert.deepEqual(places(purity, file('src/contract/a.ts', 'type A = Promise<string>')), [])
  assert.deepEqual(places(purity, file('src/contract/a.ts', 'const a = Date.now()')), ['src/contract/a.ts:1'])
  assert.deepEqual(places(purity, file('src/contract/a.ts', `import 'node:fs'`)), ['src/contract/a.ts:1'])
})
