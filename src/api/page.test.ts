import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from './api-error.ts'
import { decodeCursor, encodeCursor, pageOf } from './page.ts'

const rows = [{ n: 3 }, { n: 2 }, { n: 1 }]

test('a full page names where the next one begins', () => {
  const page = pageOf('rows', rows, 2, row => [row.n])
  assert.deepEqual(page.items, [{ n: 3 }, { n: 2 }])
  assert.deepEqual(decodeCursor('rows', page.nextCursor ?? '', 1), [2])
})

test('the last page names none', () => assert.equal(pageOf('rows', rows, 3, row => [row.n]).nextCursor, null))

for (const [what, cursor] of [
  ['of another list', encodeCursor('others', [2])],
  ['with more keys', encodeCursor('rows', [2, 3])],
  ['that is no base64', '%%%'],
  ['that is no JSON', Buffer.from('[').toString('base64url')],
  ['with a float', Buffer.from('["rows",1.5]').toString('base64url')],
]) {
  test(`a cursor ${what} is refused`, () => {
    assert.throws(
      () => decodeCursor('rows', cursor!, 1),
      (error: unknown) => error instanceof ApiError && error.code === 'VALIDATION_ERROR' && error.details?.[0]?.path === 'cursor',
    )
  })
}
