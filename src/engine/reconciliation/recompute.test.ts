import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientOrderId } from '../../core/orders/client-order-id.ts'
import { recomputer } from './recompute.ts'

const BOT = 'dca_bot_1700000000000_a1b2c3'
const recompute = recomputer({ epochs: [1, 2], bots: [{ botId: BOT, fromTradeSeq: 5, toTradeSeq: 8 }], maxSequence: 12 })

test('worked examples of client order ids name their order again, in either form', () => {
  const base = { epoch: 1, botId: BOT, tradeSeq: 7, purpose: 'base', sequence: 1 }
  assert.deepEqual(recompute('ek69reh0e1gxxb9faq'), base)
  assert.deepEqual(recompute('3270e881-c187-8ab4-bd57-20261df612aa'), base)
  assert.deepEqual(recompute('ekh05j9manzpzbjrj7'), { ...base, purpose: 'avg', sequence: 2 })
})

test('of a lost time, by the epoch before', () => {
  const key = { epoch: 2, botId: BOT, tradeSeq: 8, purpose: 'sl', sequence: 12 } as const
  assert.deepEqual(recompute(clientOrderId(key).id), key)
})

test('ids of others, of other bots and of other deals are not ours', () => {
  for (const id of ['X', '', 'ek', 'ek69reh0e1gxxb9faql', 'ek69reh0e1gxxb9fa0', '3270e881-c187-4ab4-bd57-20261df612aa']) {
    assert.equal(recompute(id), null)
  }
  const key = { epoch: 1, botId: BOT, tradeSeq: 7, purpose: 'base', sequence: 1 } as const
  for (const other of [{ botId: 'b' }, { tradeSeq: 4 }, { tradeSeq: 9 }, { sequence: 13 }, { epoch: 3 }]) {
    assert.equal(recompute(clientOrderId({ ...key, ...other }).id), null)
  }
})
