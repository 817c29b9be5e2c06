import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import type { CandleColumns } from './candles.ts'
import { candleAt } from './candles.ts'
import { createDemoMarket, DEMO_END_MS, DEMO_INSTRUMENTS, DEMO_SEED, DEMO_START_MS, demoCandles } from './demo-market.ts'
import { bits, exp, noiseKey, shock } from './demo-noise.ts'
import { findGaps } from './gaps.ts'
import { instrumentFromRules } from './instrument.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const YEAR_START = Date.UTC(2025, 0, 1)
const YEAR_END = Date.UTC(2026, 0, 1)
const market = createDemoMarket(DEMO_SEED)

const returns = (columns: CandleColumns): number[] =>
  Array.from({ length: columns.length - 1 }, (_, i) => Math.log(columns.close[i + 1]! / columns.close[i]!))
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function excessKurtosis(values: readonly number[]): number {
  const centre = mean(values)
  const variance = mean(values.map(value => (value - centre) ** 2))
  return mean(values.map(value => (value - centre) ** 4)) / variance ** 2 - 3
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)]
  const covariance = mean(a.map((value, i) => (value - ma) * (b[i]! - mb)))
  return covariance / Math.sqrt(mean(a.map(value => (value - ma) ** 2)) * mean(b.map(value => (value - mb) ** 2)))
}

test('the path of the demo market never changes: runs that were stored go on along it', () => {
  const hash = createHash('sha256')
  for (const symbol of market.symbols) {
    const bars = market.candles(symbol, Date.UTC(2026, 1, 27, 23, 30), Date.UTC(2026, 2, 1, 0, 30))
    for (let i = 0; i < bars.length; i += 1) hash.update(JSON.stringify(Object.values(candleAt(bars, i))))
  }
  assert.equal(hash.digest('hex'), 'c9cd643f5657dd4ff0fc237262d2328f2620dd182de9e0eff8c7c72a39cd9c40')
})

test('a bar depends on seed, coin and time alone, not on what was asked before', () => {
  const symbol = fc.constantFrom(...market.symbols)
  const start = fc.integer({ min: DEMO_START_MS / MINUTE, max: DEMO_END_MS / MINUTE - 5000 })
  fc.assert(
    fc.property(fc.nat(5), symbol, start, fc.integer({ min: 1, max: 4000 }), (seed, one, minute, length) => {
      const fromMs = minute * MINUTE
      const toMs = fromMs + length * MINUTE
      const fresh = demoCandles(seed, one, fromMs, toMs)
      assert.equal(fresh.length, length)
      const used = createDemoMarket(seed)
      for (const at of [length - 1, 0, length >> 1]) {
        assert.deepEqual(used.candle(one, fromMs + at * MINUTE), candleAt(fresh, at))
      }
      assert.notDeepEqual(demoCandles(seed + 1, one, fromMs, toMs).close, fresh.close)
    }),
    { numRuns: 40 },
  )
})

test('bars are whole: on the grids, each open the former close, the body between low and high', () => {
  for (const rules of DEMO_INSTRUMENTS) {
    const instrument = instrumentFromRules(rules)
    const bars = market.candles(rules.symbol, YEAR_START - 2 * DAY, YEAR_START + 3 * DAY)
    assert.equal(bars.length, 5 * 1440)
    assert.deepEqual(findGaps(bars, '1m'), [])
    for (let i = 0; i < bars.length; i += 1) {
      const bar = candleAt(bars, i)
      if (i > 0) assert.equal(bar.open, bars.close[i - 1])
      assert.ok(bar.low > 0 && bar.low <= Math.min(bar.open, bar.close) && bar.high >= Math.max(bar.open, bar.close))
      assert.ok(bar.volume > 0)
      if (i % 97 !== 0) continue
      for (const price of [bar.open, bar.high, bar.low, bar.close])
        assert.ok(Decimal.from(price).isOnGrid(instrument.tick), `${price}`)
      assert.ok(Decimal.from(bar.volume).isOnGrid(instrument.step), `${bar.volume}`)
    }
  }
})

test('returns have fat tails, and quiet and wild hours come in clusters', () => {
  for (const symbol of ['BTC/USDT', 'DOGE/USDT', 'ATOM/USDT']) {
    const minutes = returns(market.candles(symbol, YEAR_START, YEAR_END))
    const hours = returns(market.candles(symbol, YEAR_START, YEAR_END, '1h'))
    assert.ok(excessKurtosis(minutes) > 3, `${symbol} 1m ${excessKurtosis(minutes)}`)
    assert.ok(excessKurtosis(hours) > 3, `${symbol} 1h ${excessKurtosis(hours)}`)
    const sizes = hours.map(Math.abs)
    const clustering = correlation(sizes.slice(1), sizes.slice(0, -1))
    assert.ok(clustering > 0.1, `${symbol} ${clustering}`)
    // and the direction of the next hour is not told by the last one
    assert.ok(Math.abs(correlation(hours.slice(1), hours.slice(0, -1))) < 0.08)
  }
})

test('coins move together, in some months more than in others', () => {
  for (const seed of [0, 1]) {
    const coins = createDemoMarket(seed)
    const hours = coins.symbols.map(symbol => returns(coins.candles(symbol, YEAR_START, YEAR_END, '1h')))
    const months = Array.from({ length: 12 }, (_, month) => {
      const pairs: number[] = []
      const parts = hours.map(values => values.slice(month * 730, (month + 1) * 730))
      for (let i = 0; i < parts.length; i += 1) for (let j = 0; j < i; j += 1) pairs.push(correlation(parts[i]!, parts[j]!))
      return mean(pairs)
    })
    const whole = mean(months)
    assert.ok(whole > 0.2 && whole < 0.8, `mean correlation ${whole}`)
    assert.ok(Math.max(...months) - Math.min(...months) > 0.1, `months ${months}`)
  }
})

test('trade is busier in New York mornings than in the small hours, and when prices move', () => {
  const bars = market.candles('ETH/USDT', YEAR_START, YEAR_END)
  const byHour = new Float64Array(24)
  for (let i = 0; i < bars.length; i += 1) byHour[Math.floor(i / 60) % 24]! += bars.volume[i]!
  assert.ok(byHour[14]! > 2 * byHour[4]!)
  const moves = Array.from(bars.close, (close, i) => Math.abs(close - bars.open[i]!))
  assert.ok(correlation(moves, Array.from(bars.volume)) > 0.3)
})

test('no coin dies or explodes in ninety years, and none stands still', () => {
  for (const seed of [0, 1, 2 ** 40]) {
    const coins = createDemoMarket(seed)
    for (const rules of DEMO_INSTRUMENTS) {
      const prices = Array.from({ length: 90 * 3 }, (_, i) => coins.candle(rules.symbol, Date.UTC(2010, 4 * i, 1))!.close)
      const ratio = Math.max(...prices) / Math.min(...prices)
      assert.ok(ratio > 3 && ratio < 50, `${rules.symbol} ${ratio}`)
    }
  }
})

test('the price inside a minute starts at the open, ends near the close, and stays within the bar', () => {
  fc.assert(
    fc.property(fc.constantFrom(...market.symbols), fc.nat(1_000_000), fc.nat(MINUTE - 1), (symbol, minute, offsetMs) => {
      const openMs = YEAR_START + minute * MINUTE
      const bar = market.candle(symbol, openMs)!
      const price = market.priceAt(symbol, openMs + offsetMs)!
      assert.ok(price >= bar.low && price <= bar.high)
      assert.equal(market.priceAt(symbol, openMs), bar.open)
    }),
    { numRuns: 300 },
  )
})

test('other timeframes are aggregated; outside its life and its list the market has nothing', () => {
  const day = market.candles('SOL/USDT', YEAR_START, YEAR_START + DAY, '1d')
  const minutes = market.candles('SOL/USDT', YEAR_START, YEAR_START + DAY)
  assert.equal(day.length, 1)
  assert.equal(day.high[0], Math.max(...minutes.high))
  assert.equal(day.close[0], minutes.close.at(-1))
  // periods that are not wholly asked for are not given
  assert.equal(market.candles('SOL/USDT', YEAR_START + 1, YEAR_START + DAY - 1, '1h').length, 22)
  assert.equal(market.candles('SOL/USDT', DEMO_START_MS - DAY, DEMO_START_MS).length, 0)
  assert.equal(market.candles('SOL/USDT', DEMO_END_MS - MINUTE, DEMO_END_MS + DAY).length, 1)
  assert.equal(market.candle('SOL/USDT', DEMO_END_MS), null)
  assert.equal(market.priceAt('SOL/USDT', DEMO_START_MS - 1), null)
  assert.equal(market.candles('SOL/USDT', YEAR_END, YEAR_START).length, 0)
  assert.throws(() => market.candle('NOPE/USDT', YEAR_START), /does not list NOPE\/USDT; it lists BTC\/USDT/)
  assert.throws(() => createDemoMarket(-1), /seed is -1/)
})

test('a dozen instruments with rules that hold together', () => {
  assert.equal(DEMO_INSTRUMENTS.length, 12)
  for (const rules of DEMO_INSTRUMENTS) {
    const instrument = instrumentFromRules(rules)
    assert.equal(instrument.id, `demo:${rules.symbol}`)
    const price = Decimal.from(market.candle(rules.symbol, YEAR_START)!.close)
    // one tick is less than 0.1 % of the price, one step less than the smallest order
    assert.ok(instrument.tick.times(Decimal.from(1000)).lt(price))
    assert.ok(instrument.step.times(price).lt(instrument.minNotional))
  }
})

test('a year of minutes is there within a second, a random minute within a millisecond', () => {
  const startedAt = performance.now()
  assert.equal(createDemoMarket(3).candles('BTC/USDT', YEAR_START, YEAR_END).length, 525_600)
  const yearMs = performance.now() - startedAt
  assert.ok(yearMs < 1000, `a year took ${yearMs} ms`)
  const jumpsAt = performance.now()
  for (let i = 0; i < 500; i += 1)
    market.candle(market.symbols[i % 12]!, DEMO_START_MS + ((i * 7919 * 1439) % 40_000_000) * MINUTE)
  const eachMs = (performance.now() - jumpsAt) / 500
  assert.ok(eachMs < 1, `a random minute took ${eachMs} ms`)
})

test('the exponential agrees with Math.exp; shocks have mean 0 and variance 1', () => {
  fc.assert(fc.property(fc.double({ min: -40, max: 40, noNaN: true }), x => Math.abs(exp(x) / Math.exp(x) - 1) < 1e-15 * 4))
  const key = noiseKey(5, 'test')
  const values = Array.from({ length: 200_000 }, (_, i) => shock(bits(key, i)))
  assert.ok(Math.abs(mean(values)) < 0.01)
  assert.ok(Math.abs(mean(values.map(value => value * value)) - 1) < 0.02, `${mean(values.map(v => v * v))}`)
  assert.ok(Math.abs(correlation(values.slice(1), values.slice(0, -1))) < 0.01)
})
