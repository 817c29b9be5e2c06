import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ClientOrderKey, clientOrderId } from './client-order-id.ts'
import { PURPOSES } from './order.ts'

const KEY: ClientOrderKey = { epoch: 1, botId: 'dca_bot_1700000000000_a1b2c3', tradeSeq: 7, purpose: 'base', sequence: 1 }

test('worked examples', () => {
  assert.deepEqual(clientOrderId(KEY), { id: 'ek69reh0e1gxxb9faq', uuid: '3270e881-c187-8ab4-bd57-20261df612aa' })
  assert.equal(clientOrderId({ ...KEY, purpose: 'avg', sequence: 2 }).id, 'ekh05j9manzpzbjrj7')
})

test('every part of the key counts', () => {
  const variants: ClientOrderKey[] = [
    KEY,
    { ...KEY, epoch: 2 },
    { ...KEY, botId: 'dca_bot_1700000000000_a1b2c4' },
    { ...KEY, tradeSeq: 8 },
    { ...KEY, purpose: 'tp' },
    { ...KEY, sequence: 2 },
  ]
  assert.equal(new Set(variants.map(key => clientOrderId(key).id)).size, variants.length)
  assert.equal(new Set(variants.map(key => clientOrderId(key).uuid)).size, variants.length)
})

test('property: one key has one id, in the form that venues take', () => {
  const keys = fc.record({
    epoch: fc.nat(),
    botId: fc.string({ minLength: 1, maxLength: 40 }),
    tradeSeq: fc.nat(),
    purpose: fc.constantFrom(...PURPOSES),
    sequence: fc.nat(),
  })
  fc.assert(
    fc.property(keys, key => {
      const { id, uuid } = clientOrderId(key)
      assert.match(id, /^ek[0-9a-hjkmnp-tv-z]{16}$/)
      assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      assert.deepEqual(clientOrderId({ ...key }), { id, uuid })
    }),
  )
})
