// The store in memory keeps the promises of every store, and those it alone makes: what it hands out never changes, and a backup is one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountStore } from '../engine/ports.ts'
import { StorageError } from '../storage/errors.ts'
import { testBatch } from '../storage/testing-batches.ts'
import { MemoryAccountStore } from './memory-store.ts'
import { accountStoreConformance } from './store-conformance.ts'
import { commitOf, fillOf, moveOf, orderOf, StoryBot, tradeOf, transfersOf } from './store-story.ts'

const ACCOUNT = { accountId: 'a', userId: 'u', exchange: 'x' }
const BASE = { tradeSeq: 1, purpose: 'base', sequence: 1 } as const

accountStoreConformance('memory', async () => {
  const store = new MemoryAccountStore()
  const runs = ['one', 'two'].map(botId => ({ botId, runId: `run-${botId}` }))
  const assignment = store.open({ ...ACCOUNT, bots: runs })
  const other = store.open({ accountId: 'b', userId: 'v', exchange: 'x', bots: [{ botId: 'three', runId: 'run-three' }] })
  const down = (): never => {
    throw new StorageError('DATABASE_UNAVAILABLE', 'the connection was lost')
  }
  return {
    store,
    assignment,
    botIds: ['one', 'two'],
    other: { assignment: other, botId: 'three' },
    takeOver: async () => store.takeOver('a'),
    lose: when => {
      store.faults = when === 'before' ? { beforeCommit: down } : when === 'after' ? { afterCommit: down } : {}
    },
    // Rows in memory are one for all: another process is another pair of hands on the same store.
    reopened: (): AccountStore => ({
      load: (by, since) => store.load(by, since),
      commit: (by, commit) => store.commit(by, commit),
      findOrder: (by, name) => store.findOrder(by, name),
    }),
    damageState: async botId => store.damage('a', botId),
    setSafety: async (level, botId) => store.setSafety('a', level, botId),
    counts: async () => {
      const view = store.view('a')
      return {
        journal: view.journal('one').length + view.journal('two').length,
        orders: [...view.orders()].length,
        fills: view.fills.size,
        transfers: [...view.transfers()].length,
        intents: [...view.intents()].length,
        events: view.events().length,
      }
    },
    close: async () => undefined,
  }
})

test('what the store in memory gives back does not change with what it was given, nor can it be changed', async () => {
  const store = new MemoryAccountStore()
  const assignment = store.open({ ...ACCOUNT, bots: [{ botId: 'one', runId: 'r' }] })
  const bot = new StoryBot('one')
  const state = { engine: { deals: [{ lock: 1 }] } }
  const order = orderOf(BASE)
  const payload = { quantity: '1' }
  await store.commit(
    assignment,
    commitOf({
      bots: [bot.batch({ state, trades: [tradeOf(1)], orders: [order] })],
      newIntents: [bot.intent(order, { payload })],
    }),
  )
  state.engine.deals[0]!.lock = 2
  payload.quantity = '2'
  Object.assign(order, { status: 'filled' })
  const saved = await store.load(assignment, 0)
  assert.deepEqual(saved.bots[0]?.state, { engine: { deals: [{ lock: 1 }] } })
  assert.deepEqual(saved.intents[0]?.payload, { quantity: '1' })
  assert.equal(saved.orders[0]?.order.status, 'intended')
  assert.throws(() => Object.assign(saved.orders[0]!.order, { status: 'filled' }), TypeError)
  assert.notEqual((await store.load(assignment, 0)).bots[0]?.state, saved.bots[0]?.state)
})

test('a restored backup is the account of its time, under a new token', async () => {
  const store = new MemoryAccountStore()
  const first = store.open({ ...ACCOUNT, bots: [{ botId: 'one', runId: 'r' }] })
  const bot = new StoryBot('one')
  const order = orderOf(BASE)
  await store.commit(first, commitOf({ bots: [bot.batch({ trades: [tradeOf(1)], orders: [order] })] }))
  const before = await store.load(first, 0)
  const backup = store.snapshot('a')
  bot.seq = 1
  const fill = fillOf(BASE, 'f')
  await store.commit(
    first,
    commitOf({
      bots: [bot.batch({ fills: [fill], transfers: transfersOf(fill), orders: [{ ...order, status: 'filled' }] })],
      newIntents: [bot.intent(order)],
      transfers: [moveOf('d', 'free', 'external', '1')],
    }),
  )
  const second = store.restore('a', backup)
  assert.deepEqual(await store.load(second, 0), before)
  await assert.rejects(store.load(first, 0), { code: 'LEASE_LOST' })
  await store.commit(second, commitOf({ bots: [bot.batch({ fills: [fill], transfers: transfersOf(fill) })] }))
  // The backup itself has not moved: it can be restored once more.
  const third = store.restore('a', backup)
  assert.deepEqual(await store.load(third, 0), before)
})

test('books posted anew from the transfers agree with the balances that were kept up', async () => {
  const store = new MemoryAccountStore()
  const assignment = store.open({ ...ACCOUNT, bots: [{ botId: 'one', runId: 'r' }] })
  for (let n = 1; n <= 40; n += 1) {
    const batch = testBatch(n)
    const fills = batch.fills.map(fill => ({ ...fill, fillId: String(n) }))
    await store.commit(assignment, commitOf({ bots: [{ botId: 'one', batch: { ...batch, fills } }] }))
  }
  const view = store.view('a')
  const books = view.rebuiltBooks().get('one')!
  for (const [currency, sum] of books.sums()) assert.ok(sum.isZero(), `${currency} sums to ${sum}`)
  const total = books.balance('bot_free', 'USDT').plus(books.balance('free', 'USDT'))
  assert.equal(view.balances.get('USDT')?.toString(), total.toString())
  assert.equal(view.balances.get('BTC')?.toString(), books.total('position', 'BTC').toString())
})
