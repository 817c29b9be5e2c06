import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { type CandleColumns, candleAt, firstIndexAtOrAfter, sliceColumns } from '../core/market/candles.ts'
import { createDemoMarket } from '../core/market/demo-market.ts'
import { type InstrumentRules, instrumentId } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { readCandleFile } from '../market-data/import/read-candle-file.ts'
import type { CandleArchive, ImportedSeries } from './candle-archive.ts'
import { candleVerbs } from './candles.ts'
import { CliError, runVerb } from './verb.ts'

const HOUR = 3_600_000
const T0 = Date.UTC(2024, 0, 1)

/** An archive in memory that keeps whole series. */
class MemoryArchive implements CandleArchive {
  readonly series = new Map<string, { rules: InstrumentRules; timeframe: Timeframe; columns: CandleColumns }>()
  opened = 0
  closed = 0

  async importSeries(series: readonly ImportedSeries[]) {
    for (const one of series) this.series.set(`${instrumentId(one.rules.exchange, one.rules.symbol)} ${one.timeframe}`, one)
    return series.map(one => ({
      instrumentId: instrumentId(one.rules.exchange, one.rules.symbol),
      timeframe: one.timeframe,
      inserted: one.columns.length,
      changed: 0,
      unchanged: 0,
    }))
  }
  async list() {
    return [...this.series].map(([key, { timeframe, columns }]) => ({
      instrumentId: key.split(' ')[0]!,
      timeframe,
      bars: columns.length,
      firstMs: columns.openTimeMs[0]!,
      lastMs: columns.openTimeMs[columns.length - 1]!,
    }))
  }
  async coverage(id: string) {
    return (await this.list()).filter(one => one.instrumentId === id)
  }
  async readColumns(id: string, timeframe: Timeframe, fromMs = 0, toMs = Number.POSITIVE_INFINITY) {
    const { columns } = this.series.get(`${id} ${timeframe}`)!
    return sliceColumns(columns, firstIndexAtOrAfter(columns, fromMs), firstIndexAtOrAfter(columns, toMs))
  }
  async deleteSeries(id: string, timeframes: readonly Timeframe[]) {
    let deleted = 0
    for (const timeframe of timeframes) {
      deleted += this.series.get(`${id} ${timeframe}`)?.columns.length ?? 0
      this.series.delete(`${id} ${timeframe}`)
    }
    return deleted
  }
  async close() {
    this.closed += 1
  }
}

let folder = ''
let archive = new MemoryArchive()
const verb = candleVerbs(async () => {
  archive.opened += 1
  return archive
})

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-candles-'))
})
after(() => rm(folder, { recursive: true }))
beforeEach(() => {
  archive = new MemoryArchive()
})

async function candles(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  const streams = {
    stdout: (text: string) => {
      stdout += text
    },
    stderr: (text: string) => {
      stderr += text
    },
    width: 0,
    nowMs: () => 0,
  }
  const code = await runVerb(verb, args, streams, {}, new AbortController().signal)
  assert.equal(archive.closed, archive.opened)
  return { code, stdout, stderr }
}

async function refused(args: string[], code: number, message: RegExp): Promise<void> {
  await assert.rejects(candles(...args), (error: unknown) => {
    assert.match(String(error), message)
    assert.equal((error as CliError).exitCode, code)
    return true
  })
  assert.equal(archive.series.size, 0)
}

const hours = (from: number, to: number, close = 100.5) =>
  Array.from({ length: to - from }, (_, i) => `${T0 + (from + i) * HOUR},100,101,99,${close},${from + i}\n`).join('')

async function file(name: string, rows: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `time,open,high,low,close,volume\n${rows}`)
  return path
}

test('files of one series are stored as one; the rest of the command line need not repeat what the name tells', async () => {
  const first = await file('binance-BTC_USDT-1h-a.csv', hours(0, 5))
  const second = await file('binance-BTC_USDT-1h-b.csv', hours(3, 9) + hours(11, 12))
  const ran = await candles('import', second, first)
  assert.match(ran.stdout, /^binance:BTC\/USDT 1h: 10 bars, 10 new, 0 changed, 0 known; 2 missing in 1 holes\n$/)
  const stored = archive.series.get('binance:BTC/USDT 1h')!
  assert.deepEqual(Array.from(stored.columns.volume), [0, 1, 2, 3, 4, 5, 6, 7, 8, 11])
  assert.equal(stored.rules.tick, '0.01')
  const json = JSON.parse((await candles('import', first, '--exchange', 'Kraken', '--symbol', 'XBTUSD', '--json')).stdout)
  assert.equal(json.imported[0].instrumentId, 'kraken:BTC/USD')
})

test('rules of a new instrument: a finer tick where prices need it, or what is given', async () => {
  const cheap = await file('cheap.csv', hours(0, 3, 100.123456))
  await candles('import', cheap, '--exchange', 'x', '--symbol', 'SHIB/USDT')
  assert.equal(archive.series.get('x:SHIB/USDT 1h')!.rules.tick, '0.000001')
  await candles(
    'import',
    cheap,
    '--exchange',
    'x',
    '--symbol',
    'B/USDT',
    '--instrument',
    '{"tick":"0.5","minNotional":10,"maxQty":"9","maxOpenOrders":200}',
  )
  const { rules } = archive.series.get('x:B/USDT 1h')!
  assert.deepEqual(
    [rules.tick, rules.minNotional, rules.makerBps, rules.maxQty, rules.maxOpenOrders],
    ['0.5', '10', '10', '9', 200],
  )
})

test('nothing is stored where anything is wrong', async () => {
  const good = await file('good.csv', hours(0, 5))
  const names = ['--exchange', 'x', '--symbol', 'A/USDT']
  const bad = await file('bad.csv', hours(0, 5).replace('101,99', '98,99'))
  await refused(
    ['import', good, bad, ...names],
    1,
    /bad\.csv: 1 row refused, nothing was read\n {2}line 2: high 98 is below low 99/,
  )
  const other = await file('other.csv', hours(4, 6, 100.75))
  await refused(
    ['import', good, other, ...names],
    1,
    /2024-01-01T04:00:00.000Z is in good.csv and in other.csv with different figures/,
  )
  await refused(['import', good, ...names, '--timeframe', '1m'], 1, /the rows are 1h apart, not 1m/)
  await refused(['import', good, ...names, '--timeframe', '1x'], 2, /--timeframe is "1x": did you mean/)
  await refused(['import', good, '--exchange', 'x'], 2, /--symbol is missing/)
  await refused(['import', good, '--symbol', 'A/USDT'], 2, /--exchange is missing/)
  await refused(['import', good, '--exchange', 'x', '--symbol', 'what'], 2, /--symbol is "what"/)
  await refused(['import', good, '--exchange', 'demo', '--symbol', 'A/USDT'], 2, /the demo market makes its own candles/)
  await refused(['import'], 2, /FILE is missing/)
  await refused(['import', good, ...names, '--instrument', '{"tick":"0"}'], 2, /tick is 0/)
  await refused(['import', good, ...names, '--instrument', '{"maxOpenOrders":"few"}'], 2, /maxOpenOrders.*whole number/s)
  await refused(['import', good, ...names, '--instrument', '{"tik":"1"}'], 2, /--instrument tik/)
  const dry = await file('dry.csv', hours(0, 5).replaceAll(/,\d+\n/g, ',\n'))
  await refused(['import', dry, ...names], 1, /dry.csv: bars without volume/)
  assert.equal(archive.opened, 0)
})

test('what is exported imports again as the same data, also from a coarser view', async () => {
  await candles('import', await file('a.csv', hours(0, 24)), '--exchange', 'x', '--symbol', 'A/USDT')
  const names = ['--exchange', 'x', '--symbol', 'A/USDT', '--timeframe']
  const plain = await candles('export', ...names, '1h')
  assert.equal((await readCandleFile(Buffer.from(plain.stdout))).columns.length, 24)
  const out = join(folder, 'out.csv.gz')
  const summary = JSON.parse(
    (await candles('export', ...names, '4h', '--from', '2024-01-01T01:00', '--out', out, '--json')).stdout,
  )
  assert.deepEqual([summary.bars, summary.missing], [5, 0])
  const again = await readCandleFile(out)
  assert.equal(again.hash, summary.dataHash)
  assert.equal(again.timeframe, '4h')
  assert.match(gunzipSync(await readFile(out)).toString(), /^time,open,high,low,close,volume\n/)
  assert.ok(!(await readdir(folder)).some(name => name.includes('partial')))
  await assert.rejects(candles('export', ...names, '15m'), /no 15m candles of x:A\/USDT: stored: 1h/)
  await assert.rejects(candles('export', ...names, '1h', '--from', '2030-01-01'), /no 1h candles of x:A\/USDT in that range/)
  await assert.rejects(candles('export', ...names, '1h', '--json'), /--out is missing/)
  await assert.rejects(candles('export', ...names, '1h', '--out', join(folder, 'none', 'x.csv')), (error: unknown) => {
    assert.ok(error instanceof CliError)
    assert.match(error.message, /cannot be written: ENOENT/)
    return error.code === 'WRITE_FAILED'
  })
})

test('the demo market is exported without any database', async () => {
  const args = [
    'export',
    '--exchange',
    'demo',
    '--symbol',
    'ETH/USDT',
    '--timeframe',
    '1h',
    '--from',
    '2024-03-01',
    '--to',
    '2024-03-02',
  ]
  const ran = await candles(...args, '--seed', '5')
  const { columns } = await readCandleFile(Buffer.from(ran.stdout))
  const expected = createDemoMarket(5).candles('ETH/USDT', Date.UTC(2024, 2, 1), Date.UTC(2024, 2, 2), '1h')
  assert.equal(columns.length, 24)
  assert.deepEqual(candleAt(columns, 7), candleAt(expected, 7))
  assert.equal(archive.opened, 0)
})

test('list tells what is stored and what is missing inside', async () => {
  assert.match((await candles('list')).stdout, /no candles are stored; import a file/)
  await candles('import', await file('a.csv', hours(0, 5) + hours(7, 9)), '--exchange', 'x', '--symbol', 'A/USDT')
  await candles('import', await file('b.csv', hours(0, 3)), '--exchange', 'y', '--symbol', 'B/USDT')
  assert.match(
    (await candles('list')).stdout,
    /instrument {2}tf[\s\S]*x:A\/USDT {4}1h {5}7 {8}2 {2}2024-01-01T00:00 {2}2024-01-01T08:00\n/,
  )
  const { candles: rows } = JSON.parse((await candles('list', '--exchange', 'y', '--json')).stdout)
  assert.deepEqual(
    rows.map((row: { instrument: string; missing: number }) => [row.instrument, row.missing]),
    [['y:B/USDT', 0]],
  )
})

test('verify proves files and stored series; holes fail only when asked to', async () => {
  const path = await file('a.csv', hours(0, 5) + hours(7, 9))
  assert.equal((await candles('verify', path)).code, 0)
  assert.equal((await candles('verify', path, '--strict')).code, 5)
  assert.equal(archive.opened, 0)
  await candles('import', path, '--exchange', 'x', '--symbol', 'A/USDT')
  const sound = JSON.parse((await candles('verify', '--json')).stdout)
  assert.deepEqual(sound.series[0].gaps, [{ from: '2024-01-01T05:00:00.000Z', to: '2024-01-01T07:00:00.000Z', bars: 2 }])
  const { columns } = archive.series.get('x:A/USDT 1h')!
  columns.high[2] = 1
  columns.openTimeMs[4] = T0 + 3 * HOUR
  const ran = await candles('verify', '--symbol', 'A/USDT')
  assert.equal(ran.code, 5)
  assert.match(ran.stdout, /2024-01-01T02:00:00.000Z: open 100 or close 100.5 lies outside low 99 and high 1\n/)
  assert.match(ran.stdout, /2024-01-01T03:00:00.000Z: not after the bar before it/)
  assert.match(ran.stdout, /1 of 1 series are not sound/)
})

test('delete removes what is named and says how much', async () => {
  await candles('import', await file('a.csv', hours(0, 5)), '--exchange', 'x', '--symbol', 'A/USDT')
  const names = ['--exchange', 'x', '--symbol', 'A/USDT']
  await assert.rejects(candles('delete', ...names, '--timeframe', '1m'), /no 1m candles of x:A\/USDT are stored/)
  assert.equal((await candles('delete', ...names)).stdout, '5 bars of x:A/USDT 1h deleted\n')
  assert.equal(archive.series.size, 0)
})

test('download says what to do instead', async () => {
  await refused(
    ['download', '--exchange', 'x'],
    1,
    /not available yet: live venues come with a later version; import a file instead/,
  )
})
