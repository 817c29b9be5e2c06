import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCli } from './testing.ts'

const HOUR = 3_600_000
let folder = ''
let file = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-indicator-'))
  file = join(folder, 'candles.csv')
  const rows = [1, 2, 3, 4, 6].map((close, i) => `${i * HOUR + 1704067200000},${close},${close + 1},${close / 2},${close},10`)
  await writeFile(file, `time,open,high,low,close,volume\n${rows.join('\n')}\n`)
})
after(() => rm(folder, { recursive: true }))

test('CSV has a row for each bar, empty while warming up', async () => {
  const { code, stdout } = await runCli(['indicator', 'SMA', '--params', '{"period":3}', '--candles', file, '--csv'])
  assert.equal(code, 0)
  const rows = stdout.trimEnd().split('\n')
  assert.match(rows[0]!, /^time,\w+$/)
  assert.deepEqual(
    rows.slice(1).map(row => row.split(',')[1]),
    ['', '', '2', '3', String(13 / 3)],
  )
  assert.equal(rows[1]!.split(',')[0], '1704067200000')
})

test('JSON and the short form tell the same values', async () => {
  const args = ['indicator', 'sma', '--params', '{"period":2}', '--source', 'high', '--candles', file]
  const document = JSON.parse((await runCli([...args, '--json'])).stdout)
  assert.deepEqual(
    document.rows.map((row: unknown[]) => row[1]),
    [null, 2.5, 3.5, 4.5, 6],
  )
  assert.equal(document.timeframe, '1h')
  const short = await runCli(args)
  assert.match(short.stdout, /first value at 2024-01-01T01:00:00.000Z/)
  assert.match(short.stdout, /2024-01-01T04:00:00.000Z {2}6 {2}6\n$/)
})

test('what cannot be computed is refused with its reason', async () => {
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const ran = await runCli(['indicator', ...args])
    assert.match(ran.stderr, message)
    assert.equal(ran.code, code)
    assert.equal(ran.stdout, '')
  }
  await refused([], 2, /NAME is missing/)
  await refused(['smma', '--candles', file], 2, /did you mean sma\?/)
  await refused(['sma', '--candles', file, '--params', '{'], 2, /--params is "{": write JSON/)
  await refused(['sma', '--candles', file, '--params', '{"perod":3}'], 2, /sma has no parameter perod/)
  await refused(['sma', '--candles', file, '--params', '{"period":0}'], 2, /params.period must be a whole number/)
  await refused(['sma', '--candles', file, '--source', 'middle'], 2, /--source is "middle"/)
  await refused(['sma'], 2, /--candles is missing/)
  await refused(['sma', '--candles', `${file}x`], 2, /cannot be read: no such file/)
  await writeFile(join(folder, 'bad.csv'), 'time,open,high,low,close\n1704067200000,1,2,1,x\n')
  await refused(['sma', '--candles', join(folder, 'bad.csv')], 1, /line 2: close is "x": not a number/)
  const inJson = await runCli(['indicator', 'sma', '--candles', join(folder, 'bad.csv'), '--json'])
  assert.deepEqual(JSON.parse(inJson.stdout).error.details, [
    { path: 'bad.csv:2', code: 'BAD_CANDLES', message: 'close is "x": not a number' },
  ])
  await writeFile(join(folder, 'dry.csv'), 'time,open,high,low,close\n1704067200000,1,2,1,1\n1704067260000,1,2,1,1\n')
  await refused(['mfi', '--candles', join(folder, 'dry.csv')], 1, /mfi needs volume/)
})
