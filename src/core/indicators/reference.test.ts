/** Agreement to 1e-9 with stored reference series over 5000 bars, made by scripts/reference/talib_reference.py. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { CandleColumns } from '../market/candles.ts'
import type { Source } from './index.ts'
import { computeColumns, findIndicator, INDICATORS, normalizeParams } from './index.ts'
import { columnsOf } from './series.fixture.ts'

interface Reference {
  bars: number
  head: number
  stride: number
  checksum: number
  series: {
    indicator: string
    params: Record<string, number | string>
    component: string
    source: Source
    origin: string
    first: number
    values: number[]
  }[]
}

const HOUR_MS = 3_600_000
const FILE = new URL('../../../tests/golden/indicators/reference.json.gz', import.meta.url)
const reference = JSON.parse(gunzipSync(readFileSync(FILE)).toString()) as Reference

/** The script's candles: a 32-bit linear congruential generator and whole cents. */
function referenceCandles(length: number): { columns: CandleColumns; checksum: number } {
  let state = 20240501
  let checksum = 0
  const draw = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % n
  }
  let previous = 1_000_000
  const columns = columnsOf(length, i => {
    const open = previous + draw(401) - 200
    const pull = Math.floor((1_000_000 - open) / 200)
    const close = open + draw(6001) - 3000 + pull
    const high = Math.max(open, close) + draw(1500)
    const low = Math.min(open, close) - draw(1500)
    const volume = 1_000 + draw(90_000)
    previous = close
    checksum = (checksum + (i + 1) * (open + 2 * high + 3 * low + 5 * close + 7 * volume)) % 4294967296
    return [open / 100, high / 100, low / 100, close / 100, volume]
  })
  return { columns, checksum }
}

const { columns, checksum } = referenceCandles(reference.bars)

test('the candles are those of the reference script', () => {
  assert.equal(checksum, reference.checksum)
})

test('every indicator of the catalogue has a reference series', () => {
  const covered = new Set(reference.series.map(s => s.indicator))
  assert.deepEqual(
    INDICATORS.filter(def => !covered.has(def.id)).map(def => def.id),
    [],
  )
})

for (const expected of reference.series) {
  const { indicator, component, source, origin, first, params } = expected
  test(`${indicator}.${component} ${JSON.stringify(params)} of ${source} agrees with ${origin}`, () => {
    const def = findIndicator(indicator)
    assert.ok(def)
    const normalized = normalizeParams(def, params).params
    assert.ok(normalized)
    const got = computeColumns(def, normalized, source, columns, HOUR_MS)[def.components.indexOf(component)]
    assert.ok(got)
    let compared = 0
    for (let i = first; i < reference.bars; i++) {
      if (i >= reference.head && (i - reference.head) % reference.stride !== 0 && i !== reference.bars - 1) continue
      const value = expected.values[compared]!
      assert.ok(Math.abs(got[i]! - value) <= 1e-9 * Math.max(1, Math.abs(value)), `bar ${i}: ${got[i]} against ${value}`)
      compared++
    }
    assert.equal(compared, expected.values.length)
    assert.ok(compared > 300)
  })
}
