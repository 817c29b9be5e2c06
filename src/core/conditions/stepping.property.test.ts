import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Candle, type CandleSeries, candleAt, columnsFrom } from '../market/candles.ts'
import { nextBucketStart, type Timeframe } from '../market/timeframe.ts'
import { compilePlaybook } from './compile.ts'
import { type Condition, type Operand, type Operator, PATTERNS, type SeriesOperand } from './condition.ts'
import { HOUR_MS, indicator } from './conditions.fixture.ts'
import { type Reads, truthOf } from './evaluate.ts'
import { LiveReads } from './live-reads.ts'
import type { Playbook } from './playbook.ts'
import { ColumnReads, SeriesLookup } from './series-lookup.ts'
import { componentOf, computeNode, createNodeState, groupWidth, seriesKey } from './series-node.ts'
import { FRESH_PLAYBOOK_STATE, instantOf, type PlaybookState, stepPlaybook } from './step-playbook.ts'
import { playbookTruthColumn } from './truth-columns.ts'

const SYMBOLS = ['BTC/USDT', 'ETH/USDT'] as const
const TIMEFRAMES: readonly Timeframe[] = ['1h', '2h', '4h', '1d']

/** A coarse walk (so that equalities and crosses happen) with holes and unknown volumes. */
function walk(steps: readonly number[], holes: ReadonlySet<number>): Candle[] {
  let close = 20
  const candles: Candle[] = []
  steps.forEach((step, i) => {
    const open = close
    close = Math.max(1, close + step)
    if (holes.has(i)) return
    const volume = step === 3 ? Number.NaN : Math.abs(step) + 1
    candles.push({
      openTimeMs: i * HOUR_MS,
      open,
      high: Math.max(open, close) + (i % 2),
      low: Math.min(open, close) - (i % 3),
      close,
      volume,
    })
  })
  return candles
}

/** Coarser bars of the hours, from whole or torn buckets alike: these tests want bars, not their completeness. */
function coarser(hours: readonly Candle[], timeframe: Timeframe): Candle[] {
  const out: Candle[] = []
  for (const candle of hours) {
    const last = out.at(-1)
    if (last && candle.openTimeMs < nextBucketStart(timeframe, last.openTimeMs)) {
      out[out.length - 1] = {
        ...last,
        high: Math.max(last.high, candle.high),
        low: Math.min(last.low, candle.low),
        close: candle.close,
        volume: last.volume + candle.volume,
      }
    } else out.push({ ...candle, openTimeMs: nextBucketStart(timeframe, candle.openTimeMs) - bucketLength(timeframe) })
  }
  return out
}

function bucketLength(timeframe: Timeframe): number {
  return nextBucketStart(timeframe, 0)
}

const seriesOperand = (finest: number): fc.Arbitrary<SeriesOperand> =>
  fc
    .record({
      kind: fc.constantFrom('price', 'sma', 'rsi', 'macd', 'volume', 'volume_avg'),
      barsAgo: fc.constantFrom(0, 0, 0, 1, 3),
      timeframe: fc.option(fc.constantFrom(...TIMEFRAMES.slice(finest)), { freq: 2 }),
    })
    .map(({ kind, barsAgo, timeframe }): SeriesOperand => {
      if (kind === 'price') return { kind, field: 'close', barsAgo, timeframe }
      if (kind === 'volume') return { kind, barsAgo, timeframe }
      if (kind === 'volume_avg') return { kind, period: 3, barsAgo, timeframe }
      if (kind === 'macd')
        return indicator('macd', { fast: 2, slow: 4, signal: 2 }, { component: 'histogram', barsAgo, timeframe })
      return indicator(kind, { period: 3 }, { barsAgo, timeframe })
    })

const conditions: fc.Arbitrary<Condition> = fc.nat({ max: TIMEFRAMES.length - 1 }).chain(finest => {
  const number: fc.Arbitrary<Operand> = fc.integer({ min: -1, max: 40 }).map(value => ({ kind: 'const', value: String(value) }))
  const range: fc.Arbitrary<Operand> = fc
    .integer({ min: 0, max: 30 })
    .map(low => ({ kind: 'range', low: String(low), high: String(low + 9) }))
  const twoSided: fc.Arbitrary<Operator> = fc.constantFrom(
    'gt',
    'gte',
    'lt',
    'lte',
    'eq',
    'neq',
    'crosses_above',
    'crosses_below',
  )
  const base = { timeframe: fc.constant(TIMEFRAMES[finest]!), symbol: fc.constantFrom(null, ...SYMBOLS) }
  const side = seriesOperand(finest)
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        ...base,
        lhs: side,
        op: twoSided,
        rhs: fc.oneof(number, side),
        offsetPct: fc.constantFrom('0', '0', '5'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ...base,
        lhs: side,
        op: fc.constantFrom<Operator>('between', 'not_between'),
        rhs: range,
        offsetPct: fc.constant('0'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        ...base,
        lhs: side,
        op: fc.constantFrom<Operator>('rising', 'falling'),
        rhs: fc.constant(null),
        offsetPct: fc.constant('0'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ...base,
        lhs: fc.constantFrom(...PATTERNS).map((name): SeriesOperand => ({ kind: 'pattern', name, barsAgo: 0, timeframe: null })),
        op: fc.constant<Operator>('is'),
        rhs: fc.constant(null),
        offsetPct: fc.constant('0'),
      }),
    },
  )
})

const playbooks: fc.Arbitrary<Playbook> = fc
  .record({
    gate: fc.constantFrom<Playbook['gate']>('all', 'any', 'atLeast', 'chain'),
    windowBars: fc.option(fc.nat({ max: 6 }), { freq: 2 }),
    items: fc.array(
      fc.record({
        condition: conditions,
        connector: fc.constantFrom<'and' | 'or'>('and', 'or'),
        holdBars: fc.constantFrom(0, 0, 2, 3),
        validFor: fc.option(
          fc
            .record({ n: fc.nat({ max: 4 }), unit: fc.constantFrom<'bars' | 'minutes'>('bars', 'minutes') })
            .map(v => (v.unit === 'bars' ? v : { ...v, n: v.n * 45 })),
          { freq: 2 },
        ),
        priority: fc.constantFrom(1, 2, 999),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ gate, windowBars, items }) => ({
    gate,
    n: gate === 'atLeast' ? Math.min(2, items.length) : null,
    order: 'priority',
    fireMode: 'per_signal',
    sequence: windowBars === null ? null : { windowBars },
    items: items.map((from, i) => ({ id: `i${i}`, enabled: true, ...from })),
  }))

const market = fc
  .record({
    steps: fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 60, maxLength: 60 }), { minLength: 2, maxLength: 2 }),
    holes: fc.array(fc.record({ from: fc.nat({ max: 59 }), bars: fc.constantFrom(1, 2, 30) }), { maxLength: 2 }),
  })
  .map(({ steps, holes }): CandleSeries[] =>
    SYMBOLS.flatMap((symbol, s) => {
      // Holes only in the second instrument: the pair's own candles are the clock.
      const missing = new Set(s === 0 ? [] : holes.flatMap(({ from, bars }) => Array.from({ length: bars }, (_, i) => from + i)))
      const hours = walk(steps[s] ?? [], missing)
      return TIMEFRAMES.map(timeframe => ({
        instrumentId: `binance:${symbol}`,
        timeframe,
        columns: columnsFrom(timeframe === '1h' ? hours : coarser(hours, timeframe)),
      }))
    }),
  )

test('over columns, by stepping, and live with a restart in the middle: one answer', () => {
  fc.assert(
    fc.property(playbooks, market, fc.nat({ max: 59 }), fc.boolean(), (from, candles, restartAt, hourly) => {
      const compiled = compilePlaybook(from, {
        symbol: 'BTC/USDT',
        instrumentIdOf: symbol => `binance:${symbol}`,
        ...(hourly ? { clockTimeframe: '1h' as const } : {}),
      })
      const lookup = new SeriesLookup(candles)
      const column = [...playbookTruthColumn(compiled, lookup)]
      const keys = compiled.series.map(series => series.key)

      const columnReads = new ColumnReads(lookup, keys)
      let live = new LiveReads(compiled.nodes, compiled.series)
      const cursors = new Map(keys.map(key => [key, 0]))
      const stepWith = (reads: Reads, state: PlaybookState, atMs: number) =>
        stepPlaybook(compiled, state, reads, instantOf(compiled, reads, atMs))

      let a: PlaybookState = FRESH_PLAYBOOK_STATE
      let b: PlaybookState = FRESH_PLAYBOOK_STATE
      const stepped: number[] = []
      const lived: number[] = []
      lookup.closes(compiled.clock).forEach((atMs, i) => {
        columnReads.advanceTo(atMs)
        for (const key of keys) {
          const closes = lookup.closes(key)
          let at = cursors.get(key) ?? 0
          while (at < closes.length && closes[at]! <= atMs) live.push(key, candleAt(lookup.columns(key), at++))
          cursors.set(key, at)
        }
        const stepA = stepWith(columnReads, a, atMs)
        const stepB = stepWith(live, b, atMs)
        a = stepA.state
        b = stepB.state
        stepped.push(stepA.met)
        lived.push(stepB.met)
        for (const { condition } of compiled.items) assert.equal(truthOf(condition, live), truthOf(condition, columnReads))
        if (i === restartAt) {
          const saved = JSON.stringify({ live: live.snapshot(), b })
          const back = JSON.parse(saved) as { live: ReturnType<LiveReads['snapshot']>; b: PlaybookState }
          live = new LiveReads(compiled.nodes, compiled.series)
          live.restore(back.live)
          b = back.b
        }
      })
      assert.deepEqual(stepped, column)
      assert.deepEqual(lived, column)
      assert.deepEqual(b, a)
    }),
    { numRuns: 300 },
  )
})

test('node columns and running nodes are equal bit for bit', () => {
  fc.assert(
    fc.property(playbooks, market, (from, candles) => {
      const compiled = compilePlaybook(from, { symbol: 'BTC/USDT', instrumentIdOf: symbol => `binance:${symbol}` })
      for (const node of compiled.nodes) {
        const series = candles.find(known => seriesKey(known.instrumentId, known.timeframe) === node.series)
        assert.ok(series)
        const column = computeNode(node, series.columns)
        const state = createNodeState(node)
        const out = new Float64Array(groupWidth(node))
        for (let i = 0; i < series.columns.length; i++) {
          state.next(candleAt(series.columns, i), out)
          assert.ok(
            Object.is(out[componentOf(node)], column[i]),
            `${node.kind} at bar ${i}: ${out[componentOf(node)]} and ${column[i]}`,
          )
        }
      }
    }),
    { numRuns: 50 },
  )
})
