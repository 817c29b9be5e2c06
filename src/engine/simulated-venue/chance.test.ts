import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { PURPOSES } from '../../core/orders/order.ts'
import { chance, latencyMs } from './chance.ts'

test('worked example', () => {
  const u = chance(42, 7, 'base', 1, 'ack')
  assert.equal(u.toFixed(8), '0.89386249')
  assert.equal(latencyMs(u, 50, 200), 184)
})

test('no latency is no latency', () => {
  assert.equal(latencyMs(0.999, 0, 0), 0)
  assert.equal(latencyMs(0, 50, 200), 50)
  assert.equal(latencyMs(1 - 2 ** -53, 50, 200), 199)
})

test('property: the first eight bytes as a fraction, always below 1', () => {
  const draws = fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(...PURPOSES), fc.nat(), fc.string())
  fc.assert(
    fc.property(draws, ([seed, tradeSeq, purpose, sequence, label]) => {
      const u = chance(seed, tradeSeq, purpose, sequence, label)
      const text = `${seed}|${tradeSeq}|${purpose}|${sequence}|${label}`
      const first = createHash('sha256').update(text, 'utf8').digest().readBigUInt64BE(0)
      assert.equal(u, Number(first >> 11n) / 2 ** 53)
      assert.ok(u >= 0 && u < 1)
    }),
  )
})
