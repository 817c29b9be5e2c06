import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aggregateColumns, CandleAggregator, InsufficientDataError } from './aggregate.ts'
import { type Candle, candleAt, columnsFrom } from './candles.ts'
import { findGaps } from './gaps.ts'
import { bucketStart, nestsIn, nextBucketStart, TIMEFRAMES, type Timeframe, timeframeMs } from './timeframe.ts'

const DAY = 86_400_000

function bars(from: Timeframe, startMs: number, presence: readonly boolean[]): Candle[] {
  const candles: Candle[] = []
  let atMs = bucketStart(from, startMs)
  presence.forEach((present, i) => {
    const open = 100 + ((i * 37) % 11)
    const close = 100 + ((i * 53) % 13)
    if (present) {
      candles.push({
        openTimeMs: atMs,
        open,
        high: Math.max(open, close) + (i % 3),
        low: Math.min(open, close) - (i % 4),
        close,
        volume: i,
      })
    }
    atMs = nextBucketStart(from, atMs)
  })
  return candles
}

/** The definition, word for word and slow. */
function byDefinition(fine: readonly Candle[], from: Timeframe, to: Timeframe): Candle[] {
  if (fine.length === 0 || from === to) return [...fine]
  const startMs = fine[0]!.openTimeMs
  const endMs = nextBucketStart(from, fine.at(-1)!.openTimeMs)
  const coarse: Candle[] = []
  for (const openTimeMs of new Set(fine.map(candle => bucketStart(to, candle.openTimeMs)))) {
    const closeMs = nextBucketStart(to, openTimeMs)
    if (openTimeMs < startMs || closeMs > endMs) continue
    const parts = fine.filter(candle => candle.openTimeMs >= openTimeMs && candle.openTimeMs < closeMs)
    coarse.push({
      openTimeMs,
      open: parts[0]!.open,
      high: Math.max(...parts.map(candle => candle.high)),
      low: Math.min(...parts.map(candle => candle.low)),
      close: parts.at(-1)!.close,
      volume: parts.reduce((sum, candle) => sum + candle.volume, 0),
    })
  }
  return coarse
}

const pairs = TIMEFRAMES.flatMap(from => TIMEFRAMES.filter(to => nestsIn(from, to)).map(to => [from, to] as const))
const series = fc.record({
  pair: fc.constantFrom(...pairs),
  startMs: fc.integer({ min: -400 * DAY, max: 22_000 * DAY }),
  presence: fc.array(fc.boolean(), { minLength: 0, maxLength: 150 }),
})

test('batch and incremental aggregation both give the bars of the definition', () => {
  fc.assert(
    fc.property(series, ({ pair: [from, to], startMs, presence }) => {
      const fine = bars(from, startMs, presence)
      const expected = byDefinition(fine, from, to)
      const batch = aggregateColumns(columnsFrom(fine), from, to)
      assert.deepEqual(
        Array.from({ length: batch.length }, (_, i) => candleAt(batch, i)),
        expected,
      )
      const aggregator = new CandleAggregator(from, to)
      assert.deepEqual(
        fine.flatMap(candle => aggregator.feed(candle)),
        expected,
      )
    }),
    { numRuns: 500 },
  )
})

test('an aggregator restored from its JSON at any bar continues alike', () => {
  fc.assert(
    fc.property(series, fc.nat(), ({ pair: [from, to], startMs, presence }, at) => {
      const fine = bars(from, startMs, presence).map((candle, i) => (i % 7 === 3 ? { ...candle, volume: Number.NaN } : candle))
      const cut = fine.length === 0 ? 0 : at % fine.length
      const whole = new CandleAggregator(from, to)
      const expected = fine.flatMap(candle => whole.feed(candle))
      const before = new CandleAggregator(from, to)
      const first = fine.slice(0, cut).flatMap(candle => before.feed(candle))
      const after = new CandleAggregator(from, to)
      after.restore(JSON.parse(JSON.stringify(before.snapshot())))
      assert.deepEqual([...first, ...fine.slice(cut).flatMap(candle => after.feed(candle))], expected)
    }),
  )
})

test('weeks begin on Monday, three-day bars at the epoch, months by calendar', () => {
  // Wednesday 2024-01-31 to Sunday 2024-04-14, without 2024-03-31: the month's last day is missing, its span is not
  const days = bars('1d', Date.UTC(2024, 0, 31), new Array(75).fill(true)).filter(c => c.openTimeMs !== Date.UTC(2024, 2, 31))
  const iso = (to: Timeframe) =>
    Array.from(aggregateColumns(columnsFrom(days), '1d', to).openTimeMs, ms => new Date(ms).toISOString().slice(0, 10))
  assert.deepEqual(iso('1M'), ['2024-02-01', '2024-03-01'])
  assert.equal(iso('1w')[0], '2024-02-05')
  assert.equal(iso('1w').at(-1), '2024-04-08')
  assert.equal(Date.parse(iso('3d')[0]!) % (3 * DAY), 0)
})

test('a finer or a not nesting target is refused by name', () => {
  const columns = columnsFrom(bars('1h', 0, [true, true]))
  assert.throws(
    () => aggregateColumns(columns, '1h', '15m'),
    (error: unknown) =>
      error instanceof InsufficientDataError && error.code === 'INSUFFICIENT_DATA' && /15m.*1h/.test(error.message),
  )
  assert.throws(() => aggregateColumns(columns, '3d', '1w'), /1w bars cannot be made of 3d bars: not a whole number/)
  assert.throws(() => new CandleAggregator('1d', '1h'), InsufficientDataError)
})

test('gaps name the missing slots', () => {
  const hours = columnsFrom(bars('1h', 0, [true, false, false, true, true, false, true]))
  assert.deepEqual(findGaps(hours, '1h'), [
    { fromMs: 3_600_000, toMs: 3 * 3_600_000, bars: 2 },
    { fromMs: 5 * 3_600_000, toMs: 6 * 3_600_000, bars: 1 },
  ])
  const months = columnsFrom(bars('1M', Date.UTC(2024, 0, 1), [true, false, false, true, true]))
  assert.deepEqual(findGaps(months, '1M'), [{ fromMs: Date.UTC(2024, 1, 1), toMs: Date.UTC(2024, 3, 1), bars: 2 }])
  assert.deepEqual(findGaps(columnsFrom([]), '1m'), [])
})

test('missing and present bars add up to the span', () => {
  fc.assert(
    fc.property(series, ({ pair: [from], startMs, presence }) => {
      const fine = bars(from, startMs, presence)
      if (fine.length === 0) return
      const missing = findGaps(columnsFrom(fine), from).reduce((sum, gap) => sum + gap.bars, 0)
      let slots = 1
      for (let at = fine[0]!.openTimeMs; at < fine.at(-1)!.openTimeMs; at = nextBucketStart(from, at)) slots += 1
      assert.equal(fine.length + missing, slots)
    }),
  )
})

test('a bar without volume leaves the sum absent', () => {
  const fine = bars('1m', 0, [true, true, true]).map((candle, i) => ({ ...candle, volume: i === 1 ? Number.NaN : 2 }))
  assert.deepEqual(aggregateColumns(columnsFrom(fine), '1m', '3m').volume, new Float64Array([Number.NaN]))
})

test('time grows linearly with the bars', () => {
  const measure = (length: number): number => {
    const fine = bars('1m', 0, new Array(length).fill(true))
    const columns = columnsFrom(fine)
    let best = Number.POSITIVE_INFINITY
    for (let run = 0; run < 7; run += 1) {
      const startedAt = performance.now()
      aggregateColumns(columns, '1m', '1h')
      best = Math.min(best, performance.now() - startedAt)
    }
    return best
  }
  measure(50_000)
  const small = measure(100_000)
  const large = measure(400_000)
  assert.ok(large / small < 12, `4 times the bars took ${(large / small).toFixed(1)} times as long`)
  assert.equal(timeframeMs('1h') / timeframeMs('1m'), 60)
})
