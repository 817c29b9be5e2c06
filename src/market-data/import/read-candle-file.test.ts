import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type Candle, candleAt, columnsFrom } from '../../core/market/candles.ts'
import { findGaps } from '../../core/market/gaps.ts'
import { CandleFileError } from './candle-file-error.ts'
import { dataHash } from './data-hash.ts'
import { readCandleFile, type SeriesOptions } from './read-candle-file.ts'
import { CSV_HEADER, csvRows } from './write-csv.ts'

const HOUR = 3_600_000
const T0 = Date.UTC(2024, 0, 1)
const read = (text: string | Uint8Array, options?: SeriesOptions) =>
  readCandleFile(typeof text === 'string' ? Buffer.from(text) : text, options, 'x.csv')

async function refusal(text: string | Uint8Array, options?: SeriesOptions): Promise<CandleFileError> {
  try {
    await read(text, options)
  } catch (error) {
    assert.ok(error instanceof CandleFileError, String(error))
    return error
  }
  throw new assert.AssertionError({ message: `was not refused: ${text}` })
}

async function reasons(text: string, options?: SeriesOptions): Promise<string[]> {
  return (await refusal(text, options)).findings.map(finding => `${finding.line}: ${finding.reason}`)
}

const header = 'time,open,high,low,close,volume'
const good = [0, 1, 2].map(i => `${T0 + i * HOUR},100,101.5,99,100.25,${i + 1}`)

test('what was written as CSV reads back bit by bit', async () => {
  const price = fc.double({ min: 1e-9, max: 1e9, noNaN: true, noDefaultInfinity: true })
  const bar = fc.tuple(price, price, price, price, fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: Number.NaN }))
  await fc.assert(
    fc.asyncProperty(fc.array(bar, { minLength: 3, maxLength: 40 }), async bars => {
      const candles: Candle[] = bars.map(([a, b, c, d, volume], i) => {
        const [low, open, close, high] = [a, b, c, d].sort((x, y) => x - y) as [number, number, number, number]
        return { openTimeMs: T0 + i * HOUR, open, high, low, close, volume }
      })
      const columns = columnsFrom(candles)
      const again = await read(CSV_HEADER + csvRows(columns))
      assert.deepEqual(
        candles.map((_, i) => candleAt(again.columns, i)),
        candles,
      )
      assert.equal(again.hash, dataHash(columns))
    }),
    { numRuns: 100 },
  )
})

test('header order, case, extra columns, CRLF, byte order mark, blank lines and quotes are no hindrance', async () => {
  const text = `\uFEFFClose,"Volume",Timestamp,quote,High,Low,Open\r\n\r\n${good
    .map(row => row.split(','))
    .map(([time, open, high, low, close, volume]) => `${close},"${volume}",${time},7, ${high},${low} ,${open}\r\n`)
    .join('')}\r\n`
  const expected = await read(`${header}\n${good.join('\n')}`)
  const file = await read(text)
  assert.equal(file.hash, expected.hash)
  assert.deepEqual(file.notices, ['columns not read: quote'])
  assert.equal(file.timeframe, '1h')
  assert.equal(file.priceDecimals, 2)
})

test('every dress gives the same candles', async () => {
  const plain = await read(`${header}\n${good.join('\n')}\n`)
  const rows = good.map(row => row.split(',').map(Number))
  const scaled = (factor: number) => rows.map(([time, ...rest]) => [time! * factor, ...rest].join(',')).join('\n')
  const iso = (zone: string, shiftMs: number) =>
    rows.map(([time, ...rest]) =>
      [new Date(time! + shiftMs).toISOString().slice(0, 19).replace('T', ' ') + zone, ...rest].join(','),
    )
  const kline = rows.map(([time, ...rest]) => [time, ...rest, time! + HOUR - 1, 100, 5, 1, 1, 0].join(',')).join('\n')
  const dresses: Record<string, string | Uint8Array> = {
    seconds: `${header}\n${scaled(0.001)}`,
    microseconds: `${header}\n${scaled(1000)}`,
    'iso without zone': `${header}\n${iso('', 0).join('\n')}`,
    'iso with Z': `${header}\n${iso('Z', 0).join('\n')}`,
    'iso with offset': `${header}\n${iso('+05:30', 5.5 * HOUR).join('\n')}`,
    klines: kline,
    'headerless six columns': scaled(1),
    'kraken seven columns': rows.map(([time, ...rest]) => [time! / 1000, ...rest, 9].join(',')).join('\n'),
    'address line': `https://www.example.org/data\n${header}\n${good.join('\n')}`,
    semicolons: `${header}\n${good.join('\n')}`.replaceAll(',', ';'),
    tabs: `${header}\n${good.join('\n')}`.replaceAll(',', '\t'),
    'trailing zeros and signs': `${header}\n${good.join('\n')}`.replaceAll('100.25', '+1.002500e2'),
    freqtrade: JSON.stringify(rows),
    'json objects': JSON.stringify(
      rows.map(([time, open, high, low, close, volume]) => ({ time, open, high, low, close, volume })),
    ),
    gzip: gzipSync(`${header}\n${good.join('\n')}`),
    'freqtrade gz': gzipSync(JSON.stringify(rows)),
    zip: zipOf(kline),
    unsorted: `${header}\n${good.toReversed().join('\n')}`,
    'equal duplicates': `${header}\n${good.join('\n')}\n${good[1]}`,
  }
  for (const [name, text] of Object.entries(dresses)) {
    const file = await read(text)
    assert.equal(file.hash, plain.hash, name)
    assert.equal(file.timeframe, '1h', name)
    assert.equal(file.priceDecimals, 2, name)
  }
  assert.deepEqual((await read(dresses.unsorted!)).notices, ['rows were not in the order of time: sorted'])
  assert.deepEqual((await read(dresses['equal duplicates']!)).notices, [
    'rows were not in the order of time: sorted',
    '1 repeated rows dropped',
  ])
})

/** A zip of one deflated file with the fields that matter filled. */
function zipOf(text: string): Uint8Array {
  const packed = deflateRawSync(text)
  const name = Buffer.from('klines.csv')
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(8, 8)
  local.writeUInt16LE(name.length, 26)
  const entry = Buffer.alloc(46)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt16LE(8, 10)
  entry.writeUInt32LE(packed.length, 20)
  entry.writeUInt16LE(name.length, 28)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(local.length + name.length + packed.length, 16)
  return Buffer.concat([local, name, packed, entry, name, end])
}

test('a refused row is told with its line, the value and what was expected', async () => {
  const cases: [string, string][] = [
    [`${T0 + 3 * HOUR},1o0,101,99,100,1`, '5: open is "1o0": not a number'],
    [`${T0 + 3 * HOUR},,101,99,100,1`, '5: open is empty: not a number'],
    [`${T0 + 3 * HOUR},100,98,99,98.5,1`, '5: high 98 is below low 99'],
    [`${T0 + 3 * HOUR},102,101,99,100,1`, '5: open 102 is above high 101'],
    [`${T0 + 3 * HOUR},100,101,99,98,1`, '5: close 98 is below low 99'],
    [`${T0 + 3 * HOUR},100,101,-99,100,1`, '5: low is -99: a price is above 0'],
    [`${T0 + 3 * HOUR},0,101,0,100,1`, '5: open is 0: a price is above 0'],
    [`${T0 + 3 * HOUR},100,1e999,99,100,1`, '5: high is Infinity: a price is above 0'],
    [`${T0 + 3 * HOUR},100,101,99,100,-1`, '5: volume is -1: it cannot be negative'],
    [`${T0 + 3 * HOUR},100,101,99,100,x`, '5: volume is "x": not a number'],
    [`${T0 + 3 * HOUR},100,101`, '5: 3 fields where 6 are needed'],
    [`${T0 + 3 * HOUR + 1},100,101,99,100,1`, '5: time 2024-01-01T03:00:00.001Z does not lie on the 1h grid'],
    [`${T0 + 2 * HOUR},100,101,99,100,1`, '5: time 2024-01-01T02:00:00.000Z stands on line 4 already, with other figures'],
    ['yesterday,100,101,99,100,1', '5: time is "yesterday": neither epoch s, ms or us nor an ISO time'],
    ['2024-02-31,100,101,99,100,1', '5: time is "2024-02-31": neither epoch s, ms or us nor an ISO time'],
    ['17,100,101,99,100,1', '5: time is "17": neither epoch s, ms or us nor an ISO time'],
  ]
  for (const [row, expected] of cases) assert.deepEqual(await reasons(`${header}\n${good.join('\n')}\n${row}`), [expected])
})

test('the file as a whole is refused where it makes no series', async () => {
  assert.match((await refusal('')).message, /x\.csv: the file holds no candles/)
  assert.match((await refusal(`${header}\n`)).message, /no candles/)
  assert.match((await refusal('a,b,c\n1,2,3')).message, /no column time, open, high, low, close/)
  assert.match((await refusal('1,2,3')).message, /no header, and 3 columns/)
  assert.match((await refusal('[1,2')).message, /not JSON/)
  assert.match((await refusal('{"a":1}')).message, /not a list of candles/)
  assert.match((await refusal(gzipSync(`${header}\n${good.join('\n')}`).subarray(0, 40))).message, /gzip cannot be unpacked/)
  assert.match((await refusal(good[0]!)).message, /timeframe cannot be told/)
  assert.match((await refusal(good.join('\n'), { timeframe: '1m' })).message, /the rows are 1h apart, not 1m/)
  assert.deepEqual(await reasons('[[1704067200000,1,2,1,1.5,3],[1704067260000,"x",2,1,1,1],7]'), [
    '2: open is "x": not a number',
    '3: row is 7: expected [time, open, high, low, close, volume]',
  ])
  const missing = await readCandleFile(join(tmpdir(), 'no-such-candles.csv')).catch((error: unknown) => error)
  assert.ok(missing instanceof CandleFileError && missing.exitCode === 2 && /no such file/.test(missing.message))
})

test('all findings are counted, the first fifty told in the order of lines', async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => `${T0 + i * HOUR},100,101,99,${i % 2 ? 100 : 'x'},1`)
  const error = await refusal(`${header}\n${rows.join('\n')}`)
  assert.equal(error.findingCount, 2500)
  assert.equal(error.findings.length, 50)
  assert.equal(error.findings[0]!.line, 2)
  assert.match(error.message, /2500 rows refused, nothing was read\n {2}line 2: close is "x"[\s\S]*and 2490 more/)
})

test('bad rows may be left out on request, up to one in a thousand', async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => `${T0 + i * HOUR},100,101,99,${i === 7 ? 'x' : 100},1`)
  const file = await read(rows.join('\n'), { skipBadRows: true })
  assert.equal(file.columns.length, 1999)
  assert.equal(file.skippedCount, 1)
  assert.equal(file.skipped[0]!.line, 8)
  assert.ok(file.notices.includes('1 bad rows left out'))
  const bad = rows.map((row, i) => (i % 500 === 0 ? `${row}x`.replace('100', '1_') : row))
  assert.match((await refusal(bad.join('\n'), { skipBadRows: true })).findings[0]!.reason, /5 of 2000 rows are bad, at most 2/)
})

test('times of closes are turned into opens; an unfinished bar is dropped', async () => {
  const plain = await read(good.join('\n'))
  for (const rest of [0, 1, 1000]) {
    const closes = good.map((row, i) => row.replace(/^\d+/, String(T0 + (i + 1) * HOUR - rest)))
    assert.equal((await read(closes.join('\n'), { stamp: 'close' })).hash, plain.hash)
  }
  const early = await read(good.join('\n'), { nowMs: T0 + 3 * HOUR - 1 })
  assert.equal(early.columns.length, 2)
  assert.match(early.notices[0]!, /last bar, 2024-01-01T02:00:00.000Z, is not finished: dropped/)
  assert.equal((await read(good.join('\n'), { nowMs: T0 + 3 * HOUR })).columns.length, 3)
})

test('months and weeks are detected', async () => {
  const rows = (times: number[]) => times.map(time => `${time},100,101,99,100,1`).join('\n')
  const months = Array.from({ length: 14 }, (_, i) => Date.UTC(2023, i, 1))
  assert.equal((await read(rows(months))).timeframe, '1M')
  const mondays = Array.from({ length: 5 }, (_, i) => Date.UTC(2024, 0, 1 + 7 * i))
  assert.equal((await read(rows(mondays))).timeframe, '1w')
})

test('the hash looks at the figures alone', () => {
  const bar = { openTimeMs: T0, open: 1, high: 2, low: 1, close: 2, volume: Number.NaN }
  const hash = dataHash(columnsFrom([bar]))
  assert.equal(
    hash,
    dataHash(columnsFrom([{ ...bar, volume: new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0]! }])),
  )
  assert.equal(dataHash(columnsFrom([{ ...bar, volume: 0 }])), dataHash(columnsFrom([{ ...bar, volume: -0 }])))
  assert.notEqual(hash, dataHash(columnsFrom([{ ...bar, close: 1.5 }])))
})

test('a path is read like bytes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-candles-'))
  try {
    const path = join(folder, 'btc.csv')
    await writeFile(path, `${header}\n${good.join('\n')}\n`)
    const file = await readCandleFile(path)
    assert.equal(file.file, 'btc.csv')
    assert.equal(file.columns.length, 3)
  } finally {
    await rm(folder, { recursive: true })
  }
})

const folder = process.env.EVENKEEL_TEST_DATA
const hourly = folder ? join(folder, 'binance-BTC_USDT-1h-2017-2024.csv.gz') : ''
const absent = !folder ? 'EVENKEEL_TEST_DATA is not set' : existsSync(hourly) ? false : `${hourly} is not there`

test('seven years of real hours with their outages', { skip: absent }, async () => {
  const file = await readCandleFile(hourly)
  assert.equal(file.columns.length, 58_419)
  assert.equal(file.timeframe, '1h')
  assert.equal(file.priceDecimals, 2)
  assert.deepEqual(file.notices, [])
  const gaps = findGaps(file.columns, '1h')
  assert.equal(
    gaps.reduce((sum, gap) => sum + gap.bars, 0),
    128,
  )
})
