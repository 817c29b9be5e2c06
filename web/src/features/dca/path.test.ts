// Paths of a draft read and write what findings point at.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keysOf, parentOf, pathOf, valueAt, withValue } from './path.ts'

test('a path is read into its keys and back', () => {
  for (const path of ['name', 'exits.takeProfit.targets[0].profitPct', 'dealStart.priceBand["BTC/USDT"].min', 'pairs[3]'])
    assert.equal(pathOf(keysOf(path)), path)
  assert.deepEqual(keysOf('baseOrder.limit.prices["A.B/C"]'), ['baseOrder', 'limit', 'prices', 'A.B/C'])
  assert.equal(parentOf('exits.takeProfit.targets[0]'), 'exits.takeProfit.targets')
})

test('writing copies the way to the value and shares the rest', () => {
  const root = { a: { b: [1, 2, 3] }, c: { d: 1 } }
  const next = withValue(root, 'a.b[1]', 9)
  assert.deepEqual(next, { a: { b: [1, 9, 3] }, c: { d: 1 } })
  assert.deepEqual(root.a.b, [1, 2, 3])
  assert.equal(next.c, root.c)
})

test('undefined takes a key or an item out', () => {
  assert.deepEqual(withValue({ a: [1, 2, 3] }, 'a[1]', undefined), { a: [1, 3] })
  assert.deepEqual(withValue({ a: 1, b: 2 }, 'a', undefined), { b: 2 })
})

test('missing parts are made on writing and are undefined on reading', () => {
  assert.deepEqual(withValue({}, 'x.y["A/B"].min', '1'), { x: { y: { 'A/B': { min: '1' } } } })
  assert.equal(valueAt({ x: null }, 'x.y.z'), undefined)
})
