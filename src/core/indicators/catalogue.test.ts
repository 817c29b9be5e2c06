/** What every entry of the catalogue promises: bars until the first value, exact state, neutral flat lines, checked parameters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CandleColumns } from '../market/candles.ts'
import type { IndicatorDefinition, IndicatorParams, IndicatorState, Source } from './index.ts'
import { computeColumns, findIndicator, historyNeed, INDICATORS, normalizeParams, SOURCES } from './index.ts'
import { columnsOf, flatSeries, walkSeries } from './series.fixture.ts'

const HOUR_MS = 3_600_000
const WALK = walkSeries(400, 5)

function definition(id: string): IndicatorDefinition {
  const def = findIndicator(id)
  assert.ok(def, `no indicator ${id}`)
  return def
}

function normalized(def: IndicatorDefinition, raw: unknown = {}): IndicatorParams {
  const { params, findings } = normalizeParams(def, raw)
  assert.ok(params, JSON.stringify(findings))
  return params
}

/** Random parameters within bounds, small periods so that the windows turn over often. */
function anyParams(def: IndicatorDefinition): fc.Arbitrary<IndicatorParams> {
  const parts: Record<string, fc.Arbitrary<unknown>> = {}
  for (const spec of def.params) {
    if ('choices' in spec) parts[spec.name] = fc.constantFrom(...spec.choices)
    else if (spec.integer) parts[spec.name] = fc.integer({ min: spec.min, max: 24 })
    else parts[spec.name] = fc.double({ min: spec.min, max: Math.min(spec.max, 10), noNaN: true })
  }
  return fc
    .record(parts)
    .map(raw => normalizeParams(def, raw).params)
    .filter(params => params !== undefined)
}

function feed(state: IndicatorState, c: CandleColumns, i: number, out: Float64Array): void {
  state.next(c.openTimeMs[i]!, c.open[i]!, c.high[i]!, c.low[i]!, c.close[i]!, c.volume[i]!, out)
}

const sourcesOf = (def: IndicatorDefinition): readonly Source[] => (def.usesSource ? SOURCES : ['close'])

test('the catalogue holds every id of the specification, each once, found without regard to case', () => {
  const ids =
    'sma wma vwma ema dema tema hull kama rsi stochastic williamsR cci mfi ultimate macd adx atr bollinger keltner donchian ' +
    'supertrend psar ichimoku obv vwap eom roc stdDev stochRsi cmf aroon choppiness linearRegression pivotPoints'
  assert.deepEqual(
    INDICATORS.map(def => def.id),
    ids.split(' '),
  )
  for (const { id } of INDICATORS) {
    assert.equal(findIndicator(id.toUpperCase())?.id, id)
    assert.equal(findIndicator(id.toLowerCase())?.id, id)
  }
  assert.equal(findIndicator('moon'), undefined)
})

for (const def of INDICATORS) {
  test(`${def.id}: bars() is where the first value stands, with no hole after it`, () => {
    const check = (params: IndicatorParams) => {
      const bars = def.bars(params, { timeframeMs: HOUR_MS })
      assert.deepEqual(Object.keys(bars), def.components)
      const outs = computeColumns(def, params, 'close', WALK, HOUR_MS)
      def.components.forEach((component, c) => {
        const values = outs[c]!
        const first = bars[component]! - 1
        assert.ok(first < WALK.length, 'the series is too short for this test')
        for (let i = 0; i < WALK.length; i++) {
          assert.equal(Number.isFinite(values[i]), i >= first, `${component} at ${i} is ${values[i]}, bars ${first + 1}`)
          if (i < first) assert.ok(Number.isNaN(values[i]))
        }
      })
    }
    check(normalized(def))
    fc.assert(fc.property(anyParams(def), check), { numRuns: 25 })
  })

  test(`${def.id}: a state restored at any bar continues bit-equal, and batch equals live`, () => {
    const cuts = fc.array(fc.nat(WALK.length - 1), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(anyParams(def), fc.constantFrom(...sourcesOf(def)), cuts, (params, source, restarts) => {
        const batch = computeColumns(def, params, source, WALK, HOUR_MS)
        let state = def.create(params, source, { timeframeMs: HOUR_MS })
        const out = new Float64Array(def.components.length)
        for (let i = 0; i < WALK.length; i++) {
          if (restarts.includes(i)) {
            const text = JSON.stringify(state.snapshot())
            state = def.create(params, source, { timeframeMs: HOUR_MS })
            state.restore(JSON.parse(text))
          }
          feed(state, WALK, i, out)
          for (let c = 0; c < out.length; c++) {
            assert.ok(Object.is(out[c], batch[c]![i]), `${def.components[c]} at ${i}: ${out[c]} against ${batch[c]![i]}`)
          }
        }
      }),
      { numRuns: 25 },
    )
  })

  test(`${def.id}: batch in pieces equals batch at once`, () => {
    const params = normalized(def)
    for (const source of sourcesOf(def)) {
      const whole = computeColumns(def, params, source, WALK, HOUR_MS)
      const state = def.create(params, source, { timeframeMs: HOUR_MS })
      const pieces = def.components.map(() => new Float64Array(WALK.length))
      for (const [from, to] of [
        [0, 1],
        [1, 130],
        [130, 130],
        [130, WALK.length],
      ] as const) {
        state.run(WALK, from, to, pieces)
      }
      assert.deepEqual(pieces, whole, source)
    }
  })

  test(`${def.id}: wrong parameters are findings that name the key`, () => {
    const first = normalizeParams(def, { moon: 1 }).findings
    assert.deepEqual(
      first?.map(f => [f.path, f.code]),
      [['params.moon', 'UNKNOWN_KEY']],
    )
    for (const spec of def.params) {
      const bad =
        'choices' in spec
          ? ['moon', 7, null]
          : [spec.min - 1, spec.max + 1, Number.NaN, null, 'ten', ...(spec.integer ? [spec.min + 0.5, `${spec.min}`] : [])]
      for (const value of bad) {
        const { findings, params } = normalizeParams(def, { [spec.name]: value }, 'lhs.params')
        assert.equal(params, undefined)
        assert.equal(findings?.[0]?.path, `lhs.params.${spec.name}`)
        assert.equal(findings?.[0]?.code, 'choices' in spec ? 'BAD_ENUM' : 'OUT_OF_RANGE', `${spec.name} ${String(value)}`)
      }
    }
  })

  test(`${def.id}: missing volume counts as nothing traded`, () => {
    const bare = columnsOf(120, i => [WALK.open[i]!, WALK.high[i]!, WALK.low[i]!, WALK.close[i]!, Number.NaN])
    const zero = columnsOf(120, i => [WALK.open[i]!, WALK.high[i]!, WALK.low[i]!, WALK.close[i]!, 0])
    const params = normalized(def)
    const source: Source = def.usesSource && def.id !== 'vwma' ? 'volume' : 'close'
    const outs = computeColumns(def, params, source, bare, HOUR_MS)
    assert.deepEqual(outs, computeColumns(def, params, source, zero, HOUR_MS))
    for (const values of outs) assert.ok(Number.isFinite(values[119]))
  })
}

test('all wrong parameters are reported at once, and defaults fill what is missing', () => {
  const macd = definition('macd')
  assert.deepEqual(
    normalizeParams(macd, { fast: 0, seeding: 'other', extra: 1 }).findings?.map(f => f.code),
    ['UNKNOWN_KEY', 'OUT_OF_RANGE', 'BAD_ENUM'],
  )
  assert.deepEqual(normalized(macd, { signal: 5 }), { fast: 12, slow: 26, signal: 5, seeding: 'own' })
  assert.deepEqual(normalized(definition('bollinger'), { k: '2.5' }), { period: 20, k: 2.5 })
  assert.equal(normalizeParams(macd, [12, 26]).findings?.[0]?.code, 'OUT_OF_RANGE')
})

test('parameters that contradict each other are findings', () => {
  const cases: [string, Record<string, number>, string][] = [
    ['macd', { fast: 26, slow: 12 }, 'params.fast'],
    ['kama', { fast: 30, slow: 30 }, 'params.fast'],
    ['ultimate', { short: 14 }, 'params.short'],
    ['ultimate', { medium: 28 }, 'params.medium'],
    ['psar', { step: 0.3 }, 'params.step'],
  ]
  for (const [id, raw, path] of cases) {
    assert.deepEqual(
      normalizeParams(definition(id), raw).findings?.map(f => [f.path, f.code]),
      [[path, 'OUT_OF_RANGE']],
      id,
    )
  }
})

test('a flat line is neutral, never oversold, and never seems to move', () => {
  const neutral: Record<string, readonly number[]> = {
    rsi: [50],
    stochastic: [50, 50],
    williamsR: [-50],
    cci: [0],
    mfi: [50],
    ultimate: [50],
    adx: [0, 0, 0],
    stochRsi: [50, 50],
    aroon: [0, 50, 50],
    choppiness: [50],
    macd: [0, 0, 0],
    eom: [0],
    cmf: [0],
    roc: [0],
    stdDev: [0],
    atr: [0, 0],
  }
  for (const price of [100, 0.1, 61234.57, 3e-8]) {
    for (const volume of [0, 12.3]) {
      const flat = flatSeries(200, price, volume)
      const tp = (price + price + price) / 3
      const expected: Record<string, readonly number[]> = {
        ...neutral,
        bollinger: [price, price, price, 0, 0.5],
        keltner: [price, price, price],
        donchian: [price, price, price],
        linearRegression: [price, 0, price],
        vwap: [tp],
        ...Object.fromEntries('sma wma vwma ema dema tema hull kama'.split(' ').map(id => [id, [price]])),
      }
      for (const [id, values] of Object.entries(expected)) {
        const def = definition(id)
        const outs = computeColumns(def, normalized(def), 'close', flat, HOUR_MS)
        for (let i = 120; i < 200; i++) {
          assert.deepEqual(
            outs.map(o => o[i]! + 0),
            values,
            `${id} at ${price}, bar ${i}`,
          )
        }
      }
    }
  }
})

test('a series that falls silent after moving goes neutral where its window is flat, and stays finite for good', () => {
  const silent = columnsOf(30_000, i => {
    const close = i < 40 ? 100 + (i % 7) : 103
    return [close, close + (i < 40 ? 1 : 0), close - (i < 40 ? 1 : 0), close, i < 40 ? 5 : 0]
  })
  for (const def of INDICATORS) {
    const outs = computeColumns(def, normalized(def), 'close', silent, HOUR_MS)
    for (const values of outs) assert.ok(Number.isFinite(values[29_999]), def.id)
  }
  const last = (id: string) => {
    const def = definition(id)
    return computeColumns(def, normalized(def), 'close', silent, HOUR_MS)[0]![29_999]!
  }
  assert.equal(last('rsi'), 50)
  assert.ok(last('adx') < 1e-200)
  assert.equal(last('stochastic'), 50)
  assert.equal(last('mfi'), 50)
})

test('a snapshot of another indicator, other parameters or another layout is refused', () => {
  const ctx = { timeframeMs: HOUR_MS }
  const ema = definition('ema')
  const snapshot = ema.create({ period: 20 }, 'close', ctx).snapshot()
  const refused: [IndicatorDefinition, IndicatorParams, Source, unknown][] = [
    [ema, { period: 21 }, 'close', snapshot],
    [ema, { period: 20 }, 'open', snapshot],
    [definition('sma'), { period: 20 }, 'close', snapshot],
    [ema, { period: 20 }, 'close', { ...snapshot, more: 1 }],
    [ema, { period: 20 }, 'close', { signature: snapshot.signature }],
    [ema, { period: 20 }, 'close', null],
  ]
  for (const [def, params, source, given] of refused) {
    assert.throws(() => def.create(params, source, ctx).restore(given), /indicator snapshot/)
  }
})

test('intraday formulas refuse a timeframe of a day or more', () => {
  for (const id of ['vwap', 'pivotPoints']) {
    const def = definition(id)
    assert.equal(def.intradayOnly, true)
    assert.throws(() => def.create(normalized(def), 'close', { timeframeMs: 86_400_000 }), RangeError)
  }
})

test('history below which a value is traced as short: 14n for Wilder means, 7(n+1) for EMAs, none for windows', () => {
  const need = (id: string, raw: unknown = {}) => historyNeed(definition(id), normalized(definition(id), raw))
  assert.equal(need('rsi'), 196)
  assert.equal(need('adx', { period: 10 }), 140)
  assert.equal(need('atr'), 196)
  assert.equal(need('supertrend'), 140)
  assert.equal(need('ema'), 147)
  assert.equal(need('macd'), 189)
  assert.equal(need('keltner'), 147)
  assert.equal(need('keltner', { atrPeriod: 50 }), 700)
  assert.equal(need('stochRsi'), 196)
  assert.equal(need('sma'), 0)
  assert.equal(need('kama'), 0)
})

test('pivot points wait for a whole day where the series starts inside one', () => {
  const def = definition('pivotPoints')
  const midday = { ...WALK, openTimeMs: WALK.openTimeMs.map(t => t + 13 * HOUR_MS) }
  const [pivot] = computeColumns(def, normalized(def), 'close', midday, HOUR_MS)
  assert.equal(pivot?.findIndex(Number.isFinite), 11 + 24)
})

test('VWAP starts anew at 00:00 UTC and weighs prices by volume', () => {
  const def = definition('vwap')
  const candles = columnsOf(30, i => [10 + i, 10 + i, 10 + i, 10 + i, i % 2 === 0 ? 0 : 3])
  const [value] = computeColumns(def, {}, 'close', candles, HOUR_MS)
  assert.deepEqual(Array.from(value!.subarray(0, 4)), [10, 11, 11, 12])
  assert.deepEqual(Array.from(value!.subarray(24, 26)), [34, 35])
})

test('every source reads what its name says', () => {
  const sma = definition('sma')
  const [o, h, l, c, v] = [10, 14, 8, 13, 500]
  const one = columnsOf(2, () => [o, h, l, c, v])
  const expected: Record<Source, [number, number]> = {
    open: [10, 10],
    high: [14, 14],
    low: [8, 8],
    close: [13, 13],
    hl2: [11, 11],
    hlc3: [35 / 3, 35 / 3],
    ohlc4: [11.25, 11.25],
    volume: [500, 500],
    ha_open: [11.5, 11.375],
    ha_high: [14, 14],
    ha_low: [8, 8],
    ha_close: [11.25, 11.25],
  }
  for (const source of SOURCES) {
    const [value] = computeColumns(sma, { period: 1 }, source, one, HOUR_MS)
    assert.deepEqual(Array.from(value!), expected[source], source)
  }
})

test('pivot points by all three methods, on a day of high 110, low 90, close 106', () => {
  const def = definition('pivotPoints')
  const days = columnsOf(25, i => [100, i === 3 ? 110 : 104, i === 7 ? 90 : 99, i === 23 ? 106 : 101, 1])
  const levels = (method: string) =>
    computeColumns(def, { method }, 'close', days, HOUR_MS).map(values => Number(values[24]!.toFixed(4)))
  assert.deepEqual(levels('classic'), [102, 114, 122, 134, 94, 82, 74])
  assert.deepEqual(levels('fibonacci'), [102, 109.64, 114.36, 122, 94.36, 89.64, 82])
  assert.deepEqual(levels('camarilla'), [102, 107.8333, 109.6667, 111.5, 104.1667, 102.3333, 100.5])
})

test('half a million bars later every indicator says what one says that saw only the last of them', () => {
  const long = walkSeries(500_000, 23, 40_000)
  const tail = 24 * 500
  const from = long.length - tail
  const part: CandleColumns = {
    length: tail,
    openTimeMs: long.openTimeMs.subarray(from),
    open: long.open.subarray(from),
    high: long.high.subarray(from),
    low: long.low.subarray(from),
    close: long.close.subarray(from),
    volume: long.volume.subarray(from),
  }
  // OBV counts from its anchor, so it cannot forget where it began
  for (const def of INDICATORS.filter(d => d.id !== 'obv')) {
    const params = normalized(def)
    const whole = computeColumns(def, params, 'close', long, HOUR_MS)
    const fresh = computeColumns(def, params, 'close', part, HOUR_MS)
    def.components.forEach((component, c) => {
      for (let i = tail - 50; i < tail; i++) {
        const a = whole[c]![from + i]!
        const b = fresh[c]![i]!
        assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${def.id}.${component} at ${i}: ${a} against ${b}`)
      }
    })
  }
})
