/**
 * Agreement with published spreadsheets (worked examples of chart schools, as CSV inside indicator-reference.tar.gz of the
 * folder EVENKEEL_TEST_DATA). They print three to eight decimals; the tolerance of each is what its rounded inputs allow.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { computeColumns, findIndicator, normalizeParams } from './index.ts'
import { columnsOf } from './series.fixture.ts'

const folder = process.env['EVENKEEL_TEST_DATA']
const archive = folder ? join(folder, 'indicator-reference.tar.gz') : ''
const absent = !folder ? 'EVENKEEL_TEST_DATA is not set' : existsSync(archive) ? false : `${archive} is not there`

/** The files of a tar archive: 512-byte headers with name and octal size, contents padded to 512. */
function untar(tar: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  const text = (from: number, to: number) => (tar.toString('latin1', from, to).split('\0')[0] ?? '').trim()
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, at + 136), 8)
    files.set(text(at, at + 100).replace(/^.*\//, ''), tar.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

interface Sheet {
  readonly file: string
  readonly indicator: string
  readonly params: Record<string, number>
  readonly component: string
  /** Column of the expected values, as the sheet's header has it. */
  readonly expected: string
  readonly tolerance: number
}

const SHEETS: readonly Sheet[] = [
  { file: 'cs-wma.csv', indicator: 'wma', params: { period: 9 }, component: 'value', expected: 'WMA', tolerance: 1e-4 },
  { file: 'cs-cci.csv', indicator: 'cci', params: {}, component: 'value', expected: 'CCI', tolerance: 1e-4 },
  { file: 'cs-mfi.csv', indicator: 'mfi', params: {}, component: 'value', expected: 'MFI', tolerance: 1e-5 },
  { file: 'cs-percentr.csv', indicator: 'williamsR', params: {}, component: 'value', expected: 'Williams_%R', tolerance: 1e-5 },
  { file: 'cs-soo.csv', indicator: 'stochastic', params: {}, component: 'k', expected: 'SO', tolerance: 1e-5 },
  { file: 'cs-soo.csv', indicator: 'stochastic', params: {}, component: 'd', expected: 'SO_SIG', tolerance: 1e-5 },
  { file: 'cs-ultosc.csv', indicator: 'ultimate', params: {}, component: 'value', expected: 'Ult_Osc', tolerance: 1e-5 },
  { file: 'cs-roc.csv', indicator: 'roc', params: { period: 12 }, component: 'value', expected: 'ROC', tolerance: 1e-5 },
  { file: 'cs-bbands.csv', indicator: 'bollinger', params: {}, component: 'upper', expected: 'HighBand', tolerance: 1e-5 },
  { file: 'cs-bbands.csv', indicator: 'bollinger', params: {}, component: 'lower', expected: 'LowBand', tolerance: 1e-5 },
  { file: 'cs-kama.csv', indicator: 'kama', params: {}, component: 'value', expected: 'KAMA', tolerance: 1e-5 },
  {
    file: 'cs-easeofmovement.csv',
    indicator: 'eom',
    params: { divisor: 1e8 },
    component: 'value',
    expected: 'SMA_EMV',
    tolerance: 1e-5,
  },
  { file: 'cs-dc.csv', indicator: 'donchian', params: {}, component: 'upper', expected: 'upper_band', tolerance: 1e-5 },
]

function readSheet(text: string): Record<string, string>[] {
  const [header, ...lines] = text.trim().split(/\r?\n/)
  const names = (header ?? '').split(',')
  return lines.map(line => {
    const cells = line.split(',')
    return Object.fromEntries(names.map((name, i) => [name.trim().toLowerCase(), cells[i]?.trim() ?? '']))
  })
}

test('published spreadsheets agree', { skip: absent }, () => {
  const files = untar(gunzipSync(readFileSync(archive)))
  for (const { file, indicator, params, component, expected, tolerance } of SHEETS) {
    const rows = readSheet(files.get(file) ?? assert.fail(`${file} is not in the archive`))
    const cell = (i: number, name: string) => (rows[i]?.[name] ? Number(rows[i]?.[name]) : Number.NaN)
    const columns = columnsOf(rows.length, i => {
      const close = cell(i, 'close')
      const or = (x: number, other: number) => (Number.isNaN(x) ? other : x)
      const high = cell(i, 'high')
      const low = cell(i, 'low')
      // some sheets leave the close out while the window is not full
      const price = or(close, (high + low) / 2)
      return [price, or(high, price), or(low, price), price, or(cell(i, 'volume'), 1)]
    })
    const def = findIndicator(indicator) ?? assert.fail(indicator)
    const normalized = normalizeParams(def, params).params ?? assert.fail(indicator)
    const got = computeColumns(def, normalized, 'close', columns, 86_400_000)[def.components.indexOf(component)]
    let compared = 0
    let worst = 0
    for (let i = 0; i < rows.length; i++) {
      const value = cell(i, expected.toLowerCase())
      if (Number.isNaN(value) || value === 0 || Number.isNaN(got?.[i])) continue
      worst = Math.max(worst, Math.abs(got![i]! - value))
      compared++
    }
    assert.ok(compared >= 2, `${file}: only ${compared} values to compare`)
    assert.ok(worst <= tolerance, `${file} ${component}: off by ${worst}`)
  }
})
