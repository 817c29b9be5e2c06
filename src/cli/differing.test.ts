import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differing } from './differing.ts'

test('only the places that differ, whatever the order of the keys', () => {
  const recorded = { seq: 1, payload: { event: { fill: { price: '71669.29', quantity: '1' }, kind: 'fill' } }, list: [1, 2] }
  const replayed = { list: [1, 3, 4], payload: { event: { kind: 'fill', fill: { quantity: '1', price: '71669.28' } } }, seq: 1 }
  assert.deepEqual(differing(recorded, replayed), [
    { path: 'payload.event.fill.price', left: '71669.29', right: '71669.28' },
    { path: 'list[1]', left: 2, right: 3 },
    { path: 'list[2]', left: undefined, right: 4 },
  ])
  assert.deepEqual(differing(recorded, structuredClone(recorded)), [])
})

test('what is of another kind differs as a whole', () => {
  assert.deepEqual(differing({ a: [] }, { a: {} }), [{ path: 'a', left: [], right: {} }])
  assert.deepEqual(differing({ a: null }, { a: { b: 1 } }), [{ path: 'a', left: null, right: { b: 1 } }])
  assert.deepEqual(differing({ a: 1 }, 'the replay has ended'), [{ path: '', left: { a: 1 }, right: 'the replay has ended' }])
})
