/** Worked examples 15-20 of the DCA specification, on its series D, to every decimal printed there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computeColumns, findIndicator, normalizeParams } from './index.ts'
import { seriesD } from './series.fixture.ts'

const HOUR_MS = 3_600_000
const D = seriesD(120)

function column(id: string, component?: string, params: Record<string, unknown> = {}): Float64Array {
  const def = findIndicator(id)
  assert.ok(def, `no indicator ${id}`)
  const normalized = normalizeParams(def, params)
  assert.ok(normalized.params, JSON.stringify(normalized.findings))
  const at = component === undefined ? 0 : def.components.indexOf(component)
  assert.ok(at >= 0, `${id} has no component ${component}`)
  const found = computeColumns(def, normalized.params, 'close', D, HOUR_MS)[at]
  assert.ok(found)
  return found
}

const firstIndex = (values: Float64Array) => values.findIndex(Number.isFinite)

test('vector 15: first values stand where the specification says, none before', () => {
  const cases: [string, string, number, number, number][] = [
    ['rsi', 'value', 14, 51.6129, 4],
    ['ema', 'value', 19, 101.45, 2],
    ['atr', 'value', 14, 14.6429, 4],
    ['adx', 'plusDi', 14, 9.3214, 4],
    ['adx', 'adx', 27, 15.004, 4],
  ]
  for (const [id, component, index, expected, places] of cases) {
    const values = column(id, component)
    assert.equal(firstIndex(values), index, `${id}.${component}`)
    assert.equal(values[index]?.toFixed(places), expected.toFixed(places), `${id}.${component}`)
  }
})

const AT_59: readonly (readonly [string, string, string])[] = [
  ['rsi', 'value', '51.1686'],
  ['sma', 'value', '108.75'],
  ['ema', 'value', '108.4174'],
  ['wma', 'value', '108.9762'],
  ['dema', 'value', '109.6529'],
  ['tema', 'value', '109.3593'],
  ['hull', 'value', '109.1469'],
  ['vwma', 'value', '108.7459'],
  ['kama', 'value', '108.6612'],
  ['atr', 'value', '10.4330'],
  ['adx', 'adx', '14.0806'],
  ['adx', 'plusDi', '12.7086'],
  ['adx', 'minusDi', '7.9287'],
  ['bollinger', 'upper', '117.9993'],
  ['bollinger', 'lower', '99.5007'],
  ['macd', 'line', '0.8917'],
  ['macd', 'signal', '1.0846'],
  ['macd', 'histogram', '-0.1928'],
  ['stochastic', 'k', '52.3810'],
  ['stochastic', 'd', '46.0317'],
  ['williamsR', 'value', '-47.6190'],
  ['cci', 'value', '31.6384'],
  ['mfi', 'value', '57.1134'],
  ['ultimate', 'value', '51.0548'],
  ['obv', 'value', '6066'],
  ['psar', 'value', '101.7744'],
  ['eom', 'value', '9.6037'],
  ['vwap', 'value', '109.4148'],
  ['keltner', 'upper', '121.8277'],
  ['keltner', 'lower', '95.0070'],
  ['donchian', 'upper', '120'],
  ['donchian', 'lower', '97'],
  ['supertrend', 'line', '136.2150'],
  ['supertrend', 'direction', '-1'],
  ['ichimoku', 'tenkan', '109.5'],
  ['ichimoku', 'kijun', '108'],
]

test('vectors 16-19: every indicator on bar 59 of series D', () => {
  for (const [id, component, printed] of AT_59) {
    const places = printed.split('.')[1]?.length ?? 0
    assert.equal(column(id, component)[59]?.toFixed(places), printed, `${id}.${component}`)
  }
})

test('vector 19: the cloud over bar 99', () => {
  assert.equal(column('ichimoku', 'spanA')[99], 110.5)
  assert.equal(column('ichimoku', 'spanB')[99], 106.5)
})

test('vector 20: the bars where the MACD histogram of series D crosses above zero', () => {
  const histogram = column('macd', 'histogram')
  const crossings: number[] = []
  for (let i = 1; i < 60; i++) if (histogram[i - 1]! <= 0 && histogram[i]! > 0) crossings.push(i)
  assert.deepEqual(crossings, [42, 44, 48, 53, 55])
})
