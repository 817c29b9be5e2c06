import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createDemoMarket } from '../core/market/demo-market.ts'
import { readCandleFile } from '../market-data/import/read-candle-file.ts'
import { CSV_HEADER, csvRows } from '../market-data/import/write-csv.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { storedArchive } from './candle-archive-storage.ts'
import { candleVerbs } from './candles.ts'
import { runVerb } from './verb.ts'

const FROM = Date.UTC(2025, 0, 1)
const DAY = 86_400_000
const market = createDemoMarket(0)
let database: TestDatabase
let folder = ''

before(async () => {
  database = await openTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-candles-'))
})
after(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

async function candles(...args: string[]): Promise<{ code: number; stdout: string }> {
  let stdout = ''
  const streams = {
    stdout: (text: string) => {
      stdout += text
    },
    stderr: () => {},
    width: 0,
    nowMs: () => 0,
  }
  const verb = candleVerbs(async () => ({ ...storedArchive(database.db), close: async () => {} }))
  return { code: await runVerb(verb, args, streams, {}, new AbortController().signal), stdout }
}

async function json(...args: string[]) {
  return JSON.parse((await candles(...args, '--json')).stdout)
}

async function demoFile(name: string, symbol: string, days: number, change = (text: string) => text): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, change(CSV_HEADER + csvRows(market.candles(symbol, FROM, FROM + days * DAY))))
  return path
}

const stored = async () =>
  (await json('list')).candles.map((row: { instrument: string; bars: number }) => [row.instrument, row.bars])

test('imported candles come back bit by bit; importing them again changes nothing, other figures raise the revision', async () => {
  const doge = await demoFile('x-DOGE_USDT-1m.csv', 'DOGE/USDT', 3)
  const [first] = (await json('import', doge)).imported
  assert.deepEqual([first.inserted, first.changed, first.unchanged], [4320, 0, 0])
  const again = (await json('import', doge)).imported[0]
  assert.deepEqual([again.inserted, again.changed, again.unchanged], [0, 0, 4320])
  const out = join(folder, 'out.csv')
  const exported = await json('export', '--exchange', 'x', '--symbol', 'DOGE/USDT', '--timeframe', '1m', '--out', out)
  assert.equal(exported.dataHash, (await readCandleFile(doge)).hash)
  assert.equal((await readCandleFile(out)).hash, exported.dataHash)
  const changed = await demoFile('x-DOGE_USDT-1m-b.csv', 'DOGE/USDT', 3, text => text.replace(/,[\d.]+\n$/, ',1234567\n'))
  const revised = (await json('import', changed)).imported[0]
  assert.deepEqual([revised.inserted, revised.changed, revised.unchanged], [0, 1, 4319])
  assert.equal((await json('verify', '--symbol', 'DOGE/USDT')).ok, true)
  const tick = await database.db.withApp(tx => tx.one<{ tick: string }>("select tick from instruments where id = 'x:DOGE/USDT'"))
  assert.equal(tick?.tick, '0.00001')
})

test('of two series in one import both are stored or none', async () => {
  const before = await stored()
  const ltc = await demoFile('y-LTC_USDT-1m.csv', 'LTC/USDT', 1)
  const dot = await demoFile('y-DOT_USDT-1m.csv', 'DOT/USDT', 1)
  // the second series meets a database that refuses it
  await database.db.withApp(tx =>
    tx.query(`insert into instruments (id, exchange, symbol, base, quote, kind, tick, step, min_qty, min_notional, maker_bps, taker_bps, status)
      values ('other', 'y', 'DOT/USDT', 'DOT', 'USDT', 'spot', 1, 1, 0, 0, 0, 0, 'active')`),
  )
  await assert.rejects(candles('import', ltc, dot))
  assert.deepEqual(await stored(), before)
  await database.db.withSystem(tx => tx.query("delete from instruments where id = 'other'"))
  await candles('import', ltc, dot)
  assert.deepEqual(await stored(), [...before, ['y:DOT/USDT', 1440], ['y:LTC/USDT', 1440]])
})

test('delete takes the range that is named and leaves the rest', async () => {
  const names = ['--exchange', 'y', '--symbol', 'LTC/USDT']
  const part = await json('delete', ...names, '--from', '2025-01-01T12:00')
  assert.equal(part.deleted, 720)
  assert.equal((await json('list', ...names)).candles[0].last, '2025-01-01T11:59:00.000Z')
  assert.equal((await json('delete', ...names)).deleted, 720)
  assert.deepEqual((await json('list', ...names)).candles, [])
})
