import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsByProject } from './checks.ts'
import { groupOf } from './groups.ts'

const projects = ['src/core', 'src/engine', 'tests', 'web']

test('a type error belongs to the project of its file', () => {
  const output = [
    `src/core/a.ts(1,2): error TS6307: File is not listed.`,
    '  The file is in the program because:',
    `src/engine/b.test.ts(3,4): error TS2322: Type.`,
  ].join('\n')
  const found = errorsByProject(output, projects)
  assert.deepEqual([...found.keys()], ['src/core', 'tests'])
  assert.equal(found.get('src/core')?.length, 2)
})

test('an error without a file goes to the project it names, else to all', () => {
  assert.deepEqual(
    [...errorsByProject(`error TS18003: No inputs in '/x/src/engine/tsconfig.json'.`, projects).keys()],
    ['src/engine'],
  )
  assert.deepEqual([...errorsByProject('error TS5083: Cannot read.', projects).keys()], projects)
})

test('every test file has a group', () => {
  assert.equal(groupOf('src/storage/journal.pg.test.ts'), 'postgres')
  assert.equal(groupOf('tests/e2e/owner.e2e.test.ts'), 'browser')
  assert.equal(groupOf('tests/kill/paper.pg.test.ts'), 'simulation')
  assert.equal(groupOf('tests/tidy/floors.test.ts'), 'tidy')
  assert.equal(groupOf('tests/tidy.test.ts'), 'tidy')
  assert.equal(groupOf('tests/golden/seven-years.test.ts'), 'unit')
  assert.equal(groupOf('some/new/folder/a.test.ts'), 'unit')
})
