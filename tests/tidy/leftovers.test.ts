// The bad samples are put together from halves: this file is read by the rules too.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertions, exactMoney, fileLength, foreign, leftovers, migrationSentence } from './leftovers.ts'
import { file, places } from './planted.ts'

test('narrowed tests are found in code, not in strings', () => {
  for (const word of ['on' + 'ly', 'sk' + 'ip', 'to' + 'do']) {
    assert.equal(places(leftovers, file('src/a.test.ts', `it.${word}('x', f)`)).length, 1, word)
    assert.deepEqual(places(leftovers, file('src/a.ts', `const s = 'it.${word}()'`)), [])
  }
})

test('notes and silenced types are found in comments', () => {
  for (const word of [
    'TO' + 'DO',
    'FIX' + 'ME',
    'XX' + 'X',
    'HA' + 'CK',
    '@ts-' + 'ignore',
    '@ts-expect-' + 'error',
    '@ts-no' + 'check',
  ]) {
    assert.deepEqual(places(leftovers, file('src/a.ts', `a\n// ${word}: later`)), ['src/a.ts:2'], word)
  }
})

test('untyped values are found, the word in prose is not', () => {
  const word = 'an' + 'y'
  for (const text of [`const a: ${word} = 1`, `b as ${word}`, `new Map<${word}>()`, `f(a: ${word}[])`]) {
    assert.ok(places(leftovers, file('src/a.ts', text)).length > 0, text)
  }
  assert.deepEqual(
    places(leftovers, file('src/a.ts', `// gate: ${word} of them\nconst gate = '${word}'\nconst ${word} = z.union(x)`)),
    [],
  )
})

test('a file of 600 lines passes, one more does not', () => {
  assert.deepEqual(places(fileLength, file('src/a.ts', 'x\n'.repeat(600))), [])
  assert.deepEqual(places(fileLength, file('src/a.ts', 'x\n'.repeat(601))), ['src/a.ts'])
})

test('foreign words are found in every kind of file', () => {
  const words = [
    'Cla' + 'ude',
    'chat' + 'GPT',
    'a' + 'i agent',
    'sub' + 'agent',
    'https://registry.' + 'npmjs.org/x',
    ' /wo' + 'rk/main',
    '"/fa' + 'rm"',
  ]
  for (const word of words) assert.equal(places(foreign, file('docs/a.md', `x ${word} y`)).length, 1, word)
})

test('words that only look alike are allowed', () => {
  const good = ['/wor' + 'kers', 'src/wo' + 'rk/x', './wo' + 'rk', 'https://x/wo' + 'rk', 'user agent', 'maintained']
  for (const text of good) assert.deepEqual(places(foreign, file('docs/a.md', text)), [], text)
})

test('money is exact except where decimals are read', () => {
  for (const text of ['const q = Number(x)', 'const q = parseFloat(x)', 'const q = Number.parseFloat(x)']) {
    assert.ok(places(exactMoney, file('src/core/ledger/a.ts', text)).length > 0, text)
    assert.deepEqual(places(exactMoney, file('src/core/money/decimal.ts', text), file('src/core/indicators/a.ts', text)), [])
  }
  assert.deepEqual(places(exactMoney, file('src/core/ledger/a.ts', 'Number.isInteger(n); isNumber(x)')), [])
})

test('a migration begins with a sentence', () => {
  const path = 'src/storage/migrations/0001-a.sql'
  assert.deepEqual(places(migrationSentence, file(path, '-- Who may sign in.\ncreate table a ();')), [])
  assert.equal(places(migrationSentence, file(path, 'create table a ();')).length, 1)
  assert.equal(places(migrationSentence, file(path, '-- users\ncreate table a ();')).length, 1)
})

test('a test file asserts something', () => {
  assert.equal(
    places(assertions, file('src/a.test.ts', `import assert from 'node:assert/strict'\ntest('a', () => { f() })`)).length,
    1,
  )
  assert.deepEqual(places(assertions, file('src/a.test.ts', 'assert.equal(a, b)')), [])
  assert.deepEqual(places(assertions, file('src/a.test.ts', 'assertHash(a, b)')), [])
})
