import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Candle, candleAt, columnsFrom, firstIndexAtOrAfter, sliceColumns } from '../core/market/candles.ts'
import { createDemoMarket } from '../core/market/demo-market.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import {
  bestSeries,
  type CandleCoverage,
  type CandleSource,
  demoCandleSource,
  loadCandles,
  MissingCandlesError,
} from './candle-source.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const T0 = Date.UTC(2024, 0, 1)

function stored(timeframe: Timeframe, firstMs: number, lastMs: number): CandleCoverage {
  return { instrumentId: 'x:A/USDT', timeframe, firstMs, lastMs, bars: 1 }
}

test('the series that covers most is taken, of equals the finest', () => {
  const minute = stored('1m', T0 + 10 * DAY, T0 + 20 * DAY - 60_000)
  const hour = stored('1h', T0, T0 + 20 * DAY - HOUR)
  const week = stored('1w', T0, T0 + 700 * DAY)
  assert.equal(bestSeries([hour, minute, week], '4h'), hour)
  assert.equal(bestSeries([hour, minute, week], '4h', T0 + 10 * DAY, T0 + 20 * DAY), minute)
  assert.equal(bestSeries([hour, minute, week], '15m'), minute)
  assert.equal(bestSeries([hour, minute, week], '1w'), week)
  assert.equal(bestSeries([hour, week], '1m'), undefined)
  assert.equal(bestSeries([], '1m'), undefined)
})

function memorySource(hours: readonly Candle[]): CandleSource {
  const columns = columnsFrom(hours)
  return {
    coverage: async () => (hours.length === 0 ? [] : [stored('1h', hours[0]!.openTimeMs, hours.at(-1)!.openTimeMs)]),
    readColumns: async (_, timeframe, fromMs = 0, toMs = Number.POSITIVE_INFINITY) => {
      assert.equal(timeframe, '1h')
      return sliceColumns(columns, firstIndexAtOrAfter(columns, fromMs), firstIndexAtOrAfter(columns, toMs))
    },
  }
}

const hours: Candle[] = Array.from({ length: 24 }, (_, i) => {
  return { openTimeMs: T0 + i * HOUR, open: 10 + i, high: 11 + i, low: 9 + i, close: 10.5 + i, volume: 1 }
})

test('a stored series gives coarser bars of the asked range, whole ones only', async () => {
  const source = memorySource(hours)
  const opens = async (timeframe: Timeframe, fromMs?: number, toMs?: number) =>
    Array.from((await loadCandles(source, 'x:A/USDT', timeframe, fromMs, toMs)).openTimeMs, ms => (ms - T0) / HOUR)
  assert.deepEqual(await opens('4h'), [0, 4, 8, 12, 16, 20])
  // opens from 1 to 11 exclusive: the bars of 4 and 8, the latter to its end at 12
  assert.deepEqual(await opens('4h', T0 + HOUR, T0 + 11 * HOUR), [4, 8])
  assert.deepEqual(await opens('1h', T0 + HOUR, T0 + 3 * HOUR), [1, 2])
  await assert.rejects(loadCandles(source, 'x:A/USDT', '15m'), (error: unknown) => {
    assert.ok(error instanceof MissingCandlesError)
    assert.equal(error.code, 'INSUFFICIENT_DATA')
    assert.match(error.message, /no 15m candles of x:A\/USDT: stored: 1h/)
    return true
  })
  await assert.rejects(loadCandles(memorySource([]), 'x:A/USDT', '1h'), /no candles are stored/)
})

test('the demo market as a source never tells the future', async () => {
  const market = createDemoMarket(0)
  const nowMs = T0 + 90 * 60_000 + 7
  const source = demoCandleSource(market, () => nowMs)
  const [coverage] = await source.coverage('demo:BTC/USDT')
  assert.equal(coverage!.lastMs, T0 + 89 * 60_000)
  const minutes = await source.readColumns('demo:BTC/USDT', '1m', T0, T0 + DAY)
  assert.equal(minutes.length, 90)
  assert.deepEqual(candleAt(minutes, 89), market.candle('BTC/USDT', T0 + 89 * 60_000))
  const hourly = await loadCandles(source, 'demo:BTC/USDT', '1h', T0 - 2 * HOUR, T0 + DAY)
  assert.deepEqual(
    Array.from(hourly.openTimeMs, ms => (ms - T0) / HOUR),
    [-2, -1, 0],
  )
  assert.equal((await source.readColumns('demo:BTC/USDT', '1h', T0 - HOUR, T0 + 1)).length, 2)
  assert.deepEqual(await source.coverage('binance:BTC/USDT'), [])
  assert.equal((await source.readColumns('demo:NOPE/USDT', '1m')).length, 0)
})
