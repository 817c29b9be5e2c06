import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { defaultRules, instrumentRules } from '../core/market/instrument.ts'
import { findInstrument, upsertInstruments } from './instrument-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'

let database: TestDatabase
before(async () => {
  database = await openTestDatabase()
})
after(() => database.close())

test('rules come back as they were stored; what a venue drops is gone', async () => {
  const plain = { ...defaultRules('binance', 'ETH/USDT'), feeAsset: 'ETH' }
  const full = { ...plain, maxQty: '9000.5', priceUpMultiplier: '1.5', priceDownMultiplier: '0.5', maxOpenOrders: 200 }
  const stored = async (rules: typeof full | typeof plain) =>
    database.db.withApp(async tx => {
      const [id] = await upsertInstruments(tx, [rules])
      return instrumentRules((await findInstrument(tx, id!))!)
    })
  assert.deepEqual(await stored(full), full)
  assert.deepEqual(await stored(plain), plain)
})
