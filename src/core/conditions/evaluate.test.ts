import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seriesD } from '../indicators/series.fixture.ts'
import { type Candle, columnsFrom } from '../market/candles.ts'
import { canonicalCondition } from './canonical.ts'
import { compileCondition } from './compile.ts'
import { type Condition, type Operator, PATTERNS, type PatternName } from './condition.ts'
import {
  atLastBar,
  BTC,
  CONTEXT,
  closesAt,
  condition,
  HOUR_MS,
  indicator,
  lookupOf,
  number,
  price,
} from './conditions.fixture.ts'
import { evaluateCondition, truthOf } from './evaluate.ts'
import { customaryLevel, takesOffset } from './levels.ts'
import { ColumnReads, SeriesLookup } from './series-lookup.ts'
import { truthColumn } from './truth-columns.ts'

/** Truth at the last bar, by stepping and by column: they must agree. */
function truth(from: Condition, columns = closesAt([100, 101])): 0 | 1 | 2 {
  const { compiled, lookup, reads } = atLastBar(from, columns)
  const stepped = truthOf(compiled, reads)
  assert.equal(truthColumn(compiled, lookup).at(-1), stepped)
  assert.equal(evaluateCondition(compiled, reads).truth, stepped)
  return stepped
}

function hits(from: Condition, columns = seriesD(60)): number[] {
  const column = truthColumn(compileCondition(from, CONTEXT), lookupOf(columns))
  return [...column.keys()].filter(i => column[i] === 1)
}

test('the id of the example in the rules', () => {
  const compiled = compileCondition(condition(indicator('rsi'), 'lt', number(30), { timeframe: '15m' }), CONTEXT)
  assert.equal(compiled.id, '641c75533ffc18160c9c1c0ae379e6a803dec33418b04bede1cf73f946f7185d')
})

test('the pair itself and its symbol written out are one condition; an own timeframe equal to the condition is none', () => {
  const plain = condition(price(), 'gt', number(1))
  assert.equal(
    compileCondition(plain, CONTEXT).id,
    compileCondition({ ...plain, symbol: 'BTC/USDT', lhs: price('close', 0, '1h') }, CONTEXT).id,
  )
  assert.notEqual(compileCondition(plain, CONTEXT).id, compileCondition({ ...plain, symbol: 'ETH/USDT' }, CONTEXT).id)
  assert.match(canonicalCondition(condition(price(), 'rising'), BTC), /"op":"rising","timeframe"/)
})

test('comparisons: true, false, not evaluable', () => {
  const x = price()
  const cases: [Operator, number, 0 | 1][] = [
    ['gt', 100.9, 1],
    ['gt', 101, 0],
    ['gte', 101, 1],
    ['gte', 101.1, 0],
    ['lt', 101.1, 1],
    ['lt', 101, 0],
    ['lte', 101, 1],
    ['lte', 100.9, 0],
    ['eq', 101, 1],
    ['eq', 101.0001, 0],
    ['neq', 101.0001, 1],
    ['neq', 101, 0],
  ]
  for (const [op, value, expected] of cases) {
    assert.equal(truth(condition(x, op, number(value))), expected, `101 ${op} ${value}`)
    assert.equal(truth(condition(indicator('sma', { period: 3 }), op, number(value))), 2, `${op} while warming up`)
    assert.equal(truth(condition(x, op, indicator('sma', { period: 3 }))), 2, `${op}, right side warming up`)
  }
})

test('eq means a difference of at most 1e-10', () => {
  const near = closesAt([1, 1 + 9e-11])
  const far = closesAt([1, 1 + 2e-10])
  assert.equal(truth(condition(price(), 'eq', number(1)), near), 1)
  assert.equal(truth(condition(price(), 'neq', number(1)), near), 0)
  assert.equal(truth(condition(price(), 'eq', number(1)), far), 0)
  assert.equal(truth(condition(price(), 'neq', number(1)), far), 1)
})

test('zero is a value', () => {
  assert.equal(truth(condition(price(), 'gt', number(0))), 1)
  assert.equal(truth(condition(price(), 'lt', number(0))), 0)
})

test('between holds both ends', () => {
  const range = (low: string, high: string) => ({ kind: 'range', low, high }) as const
  assert.equal(truth(condition(price(), 'between', range('101', '110'))), 1)
  assert.equal(truth(condition(price(), 'between', range('90', '101'))), 1)
  assert.equal(truth(condition(price(), 'between', range('101.5', '110'))), 0)
  assert.equal(truth(condition(price(), 'not_between', range('101.5', '110'))), 1)
  assert.equal(truth(condition(price(), 'not_between', range('90', '101'))), 0)
  for (const op of ['between', 'not_between'] as const) assert.equal(truth(condition(indicator('rsi'), op, range('0', '100'))), 2)
})

test('crosses: 31 30 29 crosses below 30 on the third bar; 55 60 never crosses above 30', () => {
  assert.deepEqual(hits(condition(price(), 'crosses_below', number(30)), closesAt([31, 30, 29])), [2])
  assert.deepEqual(hits(condition(price(), 'crosses_above', number(30)), closesAt([55, 60])), [])
  assert.deepEqual(hits(condition(price(), 'crosses_above', number(30)), closesAt([29, 30, 31, 32])), [2])
  assert.equal(truth(condition(price(), 'crosses_above', number(30)), closesAt([31])), 2)
})

test('the MACD histogram of series D crosses above zero at the bars of the worked example', () => {
  const histogram = indicator('macd', {}, { component: 'histogram' })
  assert.deepEqual(hits(condition(histogram, 'crosses_above', number(0))), [42, 44, 48, 53, 55])
})

test('RSI of a price that never moves is 50: no oversold signal in 120 bars', () => {
  const constant = closesAt(new Array(120).fill(100))
  assert.deepEqual(hits(condition(indicator('rsi'), 'lt', number(30)), constant), [])
  const { compiled, reads } = atLastBar(condition(indicator('rsi'), 'lt', number(30)), constant)
  assert.equal(evaluateCondition(compiled, reads).operands[0]?.value, 50)
})

test('rising and falling compare neighbouring bars', () => {
  assert.equal(truth(condition(price(), 'rising')), 1)
  assert.equal(truth(condition(price(), 'falling')), 0)
  assert.equal(truth(condition(price(), 'rising'), closesAt([5, 5])), 0)
  assert.equal(truth(condition(price(), 'falling'), closesAt([6, 5])), 1)
  for (const op of ['rising', 'falling'] as const) assert.equal(truth(condition(price(), op), closesAt([5])), 2)
})

test('an offset moves the right side, at t and at t-1', () => {
  const twoAbove = { offsetPct: '2' }
  assert.equal(truth(condition(price(), 'gt', price('close', 1), twoAbove), closesAt([100, 102.5])), 1)
  assert.equal(truth(condition(price(), 'gt', price('close', 1), twoAbove), closesAt([100, 101.9])), 0)
  assert.equal(truth(condition(price(), 'lt', price('close', 1), { offsetPct: '-2' }), closesAt([100, 97])), 1)
  // 102.5 stands above 1.02 x 100 already, so no cross; without the offset at t-1 there would be one.
  const line = indicator('sma', { period: 1 }, { barsAgo: 1 })
  assert.equal(truth(condition(price(), 'crosses_above', line, twoAbove), closesAt([100, 102.5, 105])), 0)
  assert.equal(truth(condition(price(), 'crosses_above', line, twoAbove), closesAt([100, 101, 105])), 1)
})

test('a volume spike is volume above its average by half; the average holds this bar, one bar ago it does not', () => {
  const bars = (volumes: number[]) =>
    columnsFrom(volumes.map((volume, i) => ({ openTimeMs: i * HOUR_MS, open: 1, high: 1, low: 1, close: 1, volume })))
  const volume = { kind: 'volume', barsAgo: 0, timeframe: null } as const
  const average = (barsAgo: number) => ({ kind: 'volume_avg', period: 4, barsAgo, timeframe: null }) as const
  const spike = (barsAgo: number) => condition(volume, 'gt', average(barsAgo), { offsetPct: '50' })
  assert.equal(truth(spike(0), bars([10, 10, 10, 10, 16])), 0) // 16 <= 11.5 x 1.5
  assert.equal(truth(spike(1), bars([10, 10, 10, 10, 16])), 1) // 16 > 10 x 1.5
  assert.equal(truth(spike(0), bars([10, 10, 16])), 2)
  assert.equal(truth(spike(0), bars([10, Number.NaN, 10, 10, 99])), 2)
})

test('volume that the source does not have is not evaluable, nor is what stands on it', () => {
  const columns = columnsFrom(
    Array.from({ length: 40 }, (_, i) => ({ openTimeMs: i * HOUR_MS, open: 1, high: 2, low: 1, close: 1.5, volume: Number.NaN })),
  )
  assert.equal(truth(condition({ kind: 'volume', barsAgo: 0, timeframe: null }, 'gt', number(-1)), columns), 2)
  assert.equal(truth(condition(indicator('mfi'), 'lt', number(60)), columns), 2)
  assert.equal(truth(condition(indicator('sma', { period: 2 }, { source: 'volume' }), 'lt', number(60)), columns), 2)
})

const bar = (open: number, high: number, low: number, close: number): Omit<Candle, 'openTimeMs'> => ({
  open,
  high,
  low,
  close,
  volume: 1,
})

const PATTERN_CASES: Record<
  PatternName,
  { yes: [Omit<Candle, 'openTimeMs'>, Omit<Candle, 'openTimeMs'>]; no: [Omit<Candle, 'openTimeMs'>, Omit<Candle, 'openTimeMs'>] }
> = {
  inside_bar: { yes: [bar(10, 12, 8, 11), bar(10, 12, 8, 9)], no: [bar(10, 12, 8, 11), bar(10, 12.1, 8, 9)] },
  outside_bar: { yes: [bar(10, 12, 8, 11), bar(10, 12, 8, 9)], no: [bar(10, 12, 8, 11), bar(10, 12, 8.1, 9)] },
  bullish_engulfing: { yes: [bar(10, 11, 8, 9), bar(8.9, 11, 8, 10.1)], no: [bar(10, 11, 8, 9), bar(9, 11, 8, 10.1)] },
  bearish_engulfing: { yes: [bar(9, 11, 8, 10), bar(10.1, 11, 8, 8.9)], no: [bar(9, 11, 8, 10), bar(10.1, 11, 8, 9)] },
  doji: { yes: [bar(1, 1, 1, 1), bar(10, 11, 9, 10.1)], no: [bar(1, 1, 1, 1), bar(10, 10, 10, 10)] },
  hammer: { yes: [bar(1, 1, 1, 1), bar(10, 11.1, 7, 11)], no: [bar(1, 1, 1, 1), bar(10, 11.6, 7, 11)] },
  gap_up: { yes: [bar(10, 12, 8, 11), bar(12.1, 13, 12, 12)], no: [bar(10, 12, 8, 11), bar(12, 13, 12, 12)] },
  gap_down: { yes: [bar(10, 12, 8, 11), bar(7.9, 8, 7, 7.5)], no: [bar(10, 12, 8, 11), bar(8, 8, 7, 7.5)] },
  higher_high: { yes: [bar(10, 12, 8, 11), bar(10, 12.1, 8, 9)], no: [bar(10, 12, 8, 11), bar(10, 12, 8, 9)] },
  higher_low: { yes: [bar(10, 12, 8, 11), bar(10, 12, 8.1, 9)], no: [bar(10, 12, 8, 11), bar(10, 12, 8, 9)] },
  lower_high: { yes: [bar(10, 12, 8, 11), bar(10, 11.9, 8, 9)], no: [bar(10, 12, 8, 11), bar(10, 12, 8, 9)] },
  lower_low: { yes: [bar(10, 12, 8, 11), bar(10, 12, 7.9, 9)], no: [bar(10, 12, 8, 11), bar(10, 12, 8, 9)] },
}

test('every pattern has a bar that is one, one that is not, and a first bar that nobody can judge', () => {
  for (const name of PATTERNS) {
    const is = condition({ kind: 'pattern', name, barsAgo: 0, timeframe: null }, 'is')
    const bars = (list: readonly Omit<Candle, 'openTimeMs'>[]) =>
      columnsFrom(list.map((from, i) => ({ ...from, openTimeMs: i * HOUR_MS })))
    assert.equal(truth(is, bars(PATTERN_CASES[name].yes)), 1, name)
    assert.equal(truth(is, bars(PATTERN_CASES[name].no)), 0, `not ${name}`)
    const oneBarIsEnough = name === 'doji' || name === 'hammer'
    assert.equal(truth(is, bars(PATTERN_CASES[name].yes.slice(1))), oneBarIsEnough ? 1 : 2, `${name} on the first bar`)
    const before = condition({ kind: 'pattern', name, barsAgo: 5, timeframe: null }, 'is')
    assert.equal(truth(before, bars(PATTERN_CASES[name].yes)), 2, `${name} before the first bar`)
  }
})

test('levels stand for the customary numbers', () => {
  assert.equal(customaryLevel('RSI', 'oversold'), '30')
  assert.equal(customaryLevel('stochastic', 'overbought'), '80')
  assert.equal(customaryLevel('mfi', 'oversold'), '20')
  assert.equal(customaryLevel('ultimate', 'overbought'), '70')
  assert.equal(customaryLevel('williamsR', 'oversold'), '-80')
  assert.equal(customaryLevel('cci', 'overbought'), '100')
  assert.equal(customaryLevel('macd', 'zero'), '0')
  assert.equal(customaryLevel('ema', 'overbought'), null)
  assert.equal(customaryLevel('nothing', 'zero'), null)
})

test('an offset belongs on prices and volumes only', () => {
  assert.ok(takesOffset(indicator('ema')))
  assert.ok(takesOffset(price()))
  assert.ok(takesOffset(indicator('bollinger', {}, { component: 'lower' })))
  assert.ok(!takesOffset(indicator('bollinger', {}, { component: 'percentB' })))
  assert.ok(!takesOffset(indicator('rsi')))
  assert.ok(!takesOffset(number(5)))
})

test('a coarser operand is the latest one that had closed, also one bar before', () => {
  // Four hours: 100 closes at 4 h, 90 at 8 h. The price stands at 95 from hour 5 on.
  const hours = closesAt([1, 1, 1, 1, 99, 95, 95, 95, 95, 95])
  const fours = closesAt([100, 90, 80], 4 * HOUR_MS)
  const lookup = new SeriesLookup([
    { instrumentId: BTC, timeframe: '1h', columns: hours },
    { instrumentId: BTC, timeframe: '4h', columns: fours },
  ])
  const from = condition(price(), 'crosses_above', price('close', 0, '4h'))
  const compiled = compileCondition(from, CONTEXT)
  const column = truthColumn(compiled, lookup)
  // Hour 7 closes with the second four-hour bar: 95 stood at or below 100 and is now above 90. Nothing crosses after that.
  assert.deepEqual([...column], [2, 2, 2, 2, 0, 0, 0, 1, 0, 0])
  const reads = new ColumnReads(lookup, [`${BTC}|1h`, `${BTC}|4h`])
  const stepped = Array.from(hours.openTimeMs, openMs => {
    reads.advanceTo(openMs + HOUR_MS)
    return truthOf(compiled, reads)
  })
  assert.deepEqual(stepped, [...column])
})

test('across a hole in its own candles a condition is not joined to bars of another time', () => {
  const hours = columnsFrom(
    [0, 1, 100, 101].map(hour => ({ openTimeMs: hour * HOUR_MS, open: 5, high: 5, low: 5, close: 5, volume: 1 })),
  )
  const twos = closesAt(new Array(60).fill(4), 2 * HOUR_MS)
  const lookup = new SeriesLookup([
    { instrumentId: BTC, timeframe: '1h', columns: hours },
    { instrumentId: BTC, timeframe: '2h', columns: twos },
  ])
  const compiled = compileCondition(condition(price(), 'crosses_above', price('close', 0, '2h')), CONTEXT)
  assert.deepEqual([...truthColumn(compiled, lookup)], [2, 2, 2, 0])
  const reads = new ColumnReads(lookup, [`${BTC}|1h`, `${BTC}|2h`])
  reads.advanceTo(101 * HOUR_MS)
  assert.equal(evaluateCondition(compiled, reads).reason, 'data_gap')
})

test('an evaluation says what it saw, what it needed and how far away it is', () => {
  const { compiled, reads } = atLastBar(
    condition(price(), 'lt', indicator('sma', { period: 2 }), { offsetPct: '-1' }),
    closesAt([100, 102]),
  )
  const evaluation = evaluateCondition(compiled, reads)
  assert.deepEqual(evaluation.operands, [
    { label: 'close price', value: 102 },
    { label: 'SMA(2)', value: 101 },
  ])
  assert.equal(evaluation.threshold, 99.99)
  assert.ok(Math.abs((evaluation.distance ?? 0) + 2.01) < 1e-9)
  assert.equal(evaluation.barOpenMs, HOUR_MS)
  assert.deepEqual(evaluation.notes, [])
})

test('an indicator that still remembers its start is noted', () => {
  const { compiled, reads } = atLastBar(condition(indicator('rsi'), 'gt', number(1)), seriesD(100))
  assert.deepEqual(evaluateCondition(compiled, reads).notes, ['short_history'])
  const later = atLastBar(condition(indicator('rsi'), 'gt', number(1)), seriesD(196))
  assert.deepEqual(evaluateCondition(later.compiled, later.reads).notes, [])
})

test('no candle at all is said so', () => {
  const { compiled, reads } = atLastBar(condition(price(), 'gt', number(1)), closesAt([]))
  assert.equal(evaluateCondition(compiled, reads).reason, 'no_data')
})
