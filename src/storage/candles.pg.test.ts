// Candles in the store: the same doubles come back, a repeated import changes nothing, a changed bar gets a revision.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { allocateColumns, type CandleColumns, columnsFrom } from '../core/market/candles.ts'
import { candleCoverage, deleteCandles, importCandles, readCandles } from './candle-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun } from './testing-batches.ts'

const BTC = { instrumentId: 'demo:BTC/USDT', symbol: 'BTC/USDT', source: 'file' }
const MINUTE_MS = 60_000
const START_MS = Date.UTC(2024, 0, 1)
let database: TestDatabase

before(async () => {
  database = await openTestDatabase()
  await startTestRun(database.db)
})

after(async () => {
  await database.close()
})

function bars(count: number, price: (i: number) => number): CandleColumns {
  const columns = allocateColumns(count)
  for (let i = 0; i < count; i += 1) {
    const value = price(i)
    columns.openTimeMs[i] = START_MS + i * MINUTE_MS
    columns.open[i] = value
    columns.high[i] = value * 1.01
    columns.low[i] = value * 0.99
    columns.close[i] = value
    columns.volume[i] = i
  }
  return columns
}

async function read(timeframe: string, range: { fromMs?: number; untilMs?: number; last?: number } = {}): Promise<CandleColumns> {
  return database.db.withApp(tx => readCandles(tx, { instrumentId: BTC.instrumentId, timeframe, ...range }))
}

test('import, repeat, revise, read ranges, cover, delete', async () => {
  const columns = bars(1000, i => 100 + i / 7)
  assert.deepEqual(await importCandles(database.db, { ...BTC, timeframe: '1m', columns }), {
    inserted: 1000,
    revised: 0,
    unchanged: 0,
  })
  assert.deepEqual(await importCandles(database.db, { ...BTC, timeframe: '1m', columns }), {
    inserted: 0,
    revised: 0,
    unchanged: 1000,
  })
  assert.deepEqual(await read('1m'), columns)
  columns.volume[10] = 5000
  assert.deepEqual(await importCandles(database.db, { ...BTC, timeframe: '1m', columns }), {
    inserted: 0,
    revised: 1,
    unchanged: 999,
  })
  const revised = await database.db.withApp(tx =>
    tx.one<{ revision: number }>(`select revision from candles where volume = 5000`),
  )
  assert.equal(revised?.revision, 1)
  const middle = await read('1m', { fromMs: START_MS + 10 * MINUTE_MS, untilMs: START_MS + 13 * MINUTE_MS })
  assert.deepEqual(
    [...middle.openTimeMs],
    [10, 11, 12].map(i => START_MS + i * MINUTE_MS),
  )
  assert.deepEqual([...(await read('1m', { last: 2 })).volume], [998, 999])
  assert.equal((await read('5m')).length, 0)
  const [coverage] = await database.db.withApp(tx => candleCoverage(tx, BTC.instrumentId))
  assert.deepEqual(coverage, {
    instrumentId: BTC.instrumentId,
    symbol: 'BTC/USDT',
    timeframe: '1m',
    bars: 1000,
    firstOpenTimeMs: START_MS,
    lastOpenTimeMs: START_MS + 999 * MINUTE_MS,
  })
  assert.equal(
    await database.db.withApp(tx =>
      deleteCandles(tx, { instrumentId: BTC.instrumentId, timeframe: '1m', untilMs: START_MS + MINUTE_MS }),
    ),
    1,
  )
  assert.equal(await database.db.withApp(tx => deleteCandles(tx, { instrumentId: BTC.instrumentId, timeframe: '1m' })), 999)
})

test('an impossible bar refuses the whole import', async () => {
  const columns = bars(10, () => 100)
  columns.high[7] = 50
  await assert.rejects(
    importCandles(database.db, { ...BTC, timeframe: '1m', columns }),
    (error: { code?: string }) => error.code === '23514',
  )
  assert.equal((await read('1m')).length, 0)
})

test('every double survives the way through numeric', async () => {
  const value = fc.double({ min: 1e-12, max: 1e15, noNaN: true })
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 40 }), async values => {
      round += 1
      const columns = columnsFrom(
        values.map((close, i) => ({
          openTimeMs: START_MS + i * MINUTE_MS,
          open: close,
          high: close,
          low: close,
          close,
          volume: close,
        })),
      )
      const timeframe = `t${round}`
      await importCandles(database.db, { ...BTC, timeframe, columns })
      assert.deepEqual(await read(timeframe), columns)
    }),
    { numRuns: 40 },
  )
})

test('a failed read leaves the connection usable', async () => {
  await database.db.withApp(async tx => {
    await tx.query('savepoint before')
    await assert.rejects(readCandles(tx, { instrumentId: BTC.instrumentId, timeframe: '1m', fromMs: 8.64e15 }))
    await tx.query('rollback to savepoint before')
    assert.equal((await readCandles(tx, { instrumentId: BTC.instrumentId, timeframe: '1m' })).length, 0)
  })
})
