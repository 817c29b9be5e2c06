// The demo market: the price of a coin is a pure function of (seed, coin, time). A restart continues the same path, a year of history
// exists at any moment, and the browser computes the same candles as the server.
//
// Days first: the logarithm of each midnight's price is a walk pulled back to its centre and softly bounded, so that no coin dies or
// explodes in ninety years; its volatility is an autoregression (clusters), its shocks are shared with the market to a share that
// drifts. Then minutes: 1440 shocks of the same make, with the hours' rhythm and bursts of their own, are bent into a bridge between
// the two midnights. So any minute needs the table of days (made once) and its own day, nothing else.

import { aggregateColumns } from './aggregate.ts'
import { allocateColumns, type Candle, type CandleColumns, candleAt, sliceColumns } from './candles.ts'
import { DEMO_COINS, type DemoCoin } from './demo-instruments.ts'
import { bits, drift, exp, noiseKey, shock } from './demo-noise.ts'
import type { Timeframe } from './timeframe.ts'

export { DEMO_EXCHANGE, DEMO_INSTRUMENTS, DEMO_SEED } from './demo-instruments.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const MINUTES = 1440
/** The market's life: before and after there are no candles. */
export const DEMO_START_MS = Date.UTC(2010, 0, 1)
export const DEMO_END_MS = Date.UTC(2100, 0, 1)
const DAYS = (DEMO_END_MS - DEMO_START_MS) / DAY

/** Pull towards the centre per day: swings last about a year. */
const PULL = 1 / 300
/** Bound of the logarithm of price / centre: between a seventh and seven times. */
const BOUND = 1.95
/** Memory of the logarithm of volatility from day to day, and its spread, for the market and for a coin alone. */
const VOLATILITY_MEMORY = 0.94
const MARKET_VOLATILITY_SPREAD = 0.4
const COIN_VOLATILITY_SPREAD = 0.22
/** Bursts within the day: knots every 15 minutes and every 4 hours. */
const BURST_MINUTES = 15
const BURSTS = MINUTES / BURST_MINUTES
/** A minute in so many moves the whole market by several times its usual step. */
const JUMP_ODDS = 4000
const JUMP_SIZE = 7
/** Days kept ready per coin; a feed needs one, a chart that scrolls a few. */
const DAYS_KEPT = 4

/** Activity by hour UTC: quiet before Asia wakes, busiest when New York opens. Squares average 1. */
const HOURS = [
  1.0, 0.95, 0.88, 0.8, 0.74, 0.72, 0.76, 0.86, 0.95, 0.98, 0.96, 0.95, 1.02, 1.28, 1.46, 1.42, 1.28, 1.14, 1.05, 1.0, 0.98, 0.92,
  0.9, 0.96,
]
const WEEKEND = 0.72

export interface DemoMarket {
  readonly seed: number
  /** Symbols such as BTC/USDT. */
  readonly symbols: readonly string[]
  /**
   * Bars whose whole period lies in fromMs <= time < toMs. 1m costs about 150 ns a bar, a year 0.08 s.
   * @throws RangeError for a symbol the demo market does not list.
   */
  candles(symbol: string, fromMs: number, toMs: number, timeframe?: Timeframe): CandleColumns
  /** The 1m bar that opens at `openTimeMs` (a whole minute), or null outside the market's life. */
  candle(symbol: string, openTimeMs: number): Candle | null
  /** The price at any ms, on the tick: through the minute's open, low and high, close. Null outside the market's life. */
  priceAt(symbol: string, atMs: number): number | null
}

/** 1m candles of one coin, opens from `fromMs` up to, not including, `toMs`; for many calls keep a `createDemoMarket`. */
export function demoCandles(seed: number, symbol: string, fromMs: number, toMs: number): CandleColumns {
  return createDemoMarket(seed).candles(symbol, fromMs, toMs)
}

/** @param seed a whole number from 0 to 2^53 - 1. */
export function createDemoMarket(seed: number): DemoMarket {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed is ${seed}: it must be a whole number from 0 on`)
  const market = marketFactor(seed)
  const symbols = DEMO_COINS.map(one => `${one.base}/USDT`)
  const paths = new Map<string, CoinPath>()
  const path = (symbol: string): CoinPath => {
    let found = paths.get(symbol)
    if (!found) {
      const coin = DEMO_COINS[symbols.indexOf(symbol)]
      if (!coin) throw new RangeError(`the demo market does not list ${symbol}; it lists ${symbols.join(', ')}`)
      found = coinPath(seed, coin, market)
      paths.set(symbol, found)
    }
    return found
  }
  const minutes = (symbol: string, fromMs: number, toMs: number): CandleColumns => {
    const one = path(symbol)
    const first = (Math.ceil(Math.max(fromMs, DEMO_START_MS) / MINUTE) * MINUTE - DEMO_START_MS) / MINUTE
    const end = (Math.floor(Math.min(toMs, DEMO_END_MS) / MINUTE) * MINUTE - DEMO_START_MS) / MINUTE
    const columns = allocateColumns(Math.max(0, end - first))
    for (let minute = first; minute < end; ) {
      const day = Math.floor(minute / MINUTES)
      const block = one.day(day)
      const from = minute - day * MINUTES
      const to = Math.min(MINUTES, end - day * MINUTES)
      const target = minute - first
      const part = sliceColumns(block, from, to)
      columns.openTimeMs.set(part.openTimeMs, target)
      columns.open.set(part.open, target)
      columns.high.set(part.high, target)
      columns.low.set(part.low, target)
      columns.close.set(part.close, target)
      columns.volume.set(part.volume, target)
      minute += to - from
    }
    return columns
  }
  const candle = (symbol: string, openTimeMs: number): Candle | null => {
    const one = path(symbol)
    if (openTimeMs < DEMO_START_MS || openTimeMs >= DEMO_END_MS || openTimeMs % MINUTE !== 0) return null
    const day = Math.floor((openTimeMs - DEMO_START_MS) / DAY)
    return candleAt(one.day(day), (openTimeMs - DEMO_START_MS - day * DAY) / MINUTE)
  }
  return {
    seed,
    symbols,
    candle,
    candles(symbol, fromMs, toMs, timeframe = '1m') {
      return aggregateColumns(minutes(symbol, fromMs, toMs), '1m', timeframe)
    },
    priceAt(symbol, atMs) {
      const openTimeMs = Math.floor(atMs / MINUTE) * MINUTE
      const bar = candle(symbol, openTimeMs)
      return bar && priceInside(bar, (atMs - openTimeMs) / MINUTE, path(symbol).priceScale)
    },
  }
}

/** Along open, near extreme, far extreme, close (low first in a rising bar), a third of the minute each. */
function priceInside(bar: Candle, share: number, scale: number): number {
  const rising = bar.close >= bar.open
  const stops = [bar.open, rising ? bar.low : bar.high, rising ? bar.high : bar.low, bar.close]
  const leg = Math.min(2, Math.floor(share * 3))
  const from = stops[leg]!
  const price = from + (stops[leg + 1]! - from) * (share * 3 - leg)
  return Math.floor(price * scale + 0.5) / scale
}

/** What all coins share: a shock and a volatility per day, a shock per minute. */
interface MarketFactor {
  readonly dayShock: Float64Array
  readonly dayVolatility: Float64Array
  /** 1440 shocks of a day. */
  minuteShocks(day: number): Float64Array
  /** How close the coins move together in these days. */
  readonly closenessKey: number
}

function marketFactor(seed: number): MarketFactor {
  const shockKey = noiseKey(seed, 'market/day')
  const minuteKey = noiseKey(seed, 'market/minute')
  const jumpKey = noiseKey(seed, 'market/jump')
  const dayVolatility = volatilityWalk(noiseKey(seed, 'market/volatility'), MARKET_VOLATILITY_SPREAD)
  const dayShock = Float64Array.from({ length: DAYS }, (_, day) => shock(bits(shockKey, day)))
  const minuteShocks = keepLast(DAYS_KEPT, day => {
    const shocks = new Float64Array(MINUTES)
    for (let i = 0; i < MINUTES; i += 1) {
      const minute = day * MINUTES + i
      const size = bits(jumpKey, minute) % JUMP_ODDS === 0 ? JUMP_SIZE : 1
      shocks[i] = size * shock(bits(minuteKey, minute))
    }
    return shocks
  })
  return { dayShock, dayVolatility, minuteShocks, closenessKey: noiseKey(seed, 'market/closeness') }
}

/** Logarithm of volatility, an autoregression of order one over the days. */
function volatilityWalk(key: number, spread: number): Float64Array {
  const walk = new Float64Array(DAYS + 1)
  const innovation = spread * Math.sqrt(1 - VOLATILITY_MEMORY * VOLATILITY_MEMORY)
  walk[0] = spread * shock(bits(key, 0))
  for (let day = 1; day <= DAYS; day += 1) walk[day] = VOLATILITY_MEMORY * walk[day - 1]! + innovation * shock(bits(key, day))
  return walk
}

interface CoinPath {
  day(day: number): CandleColumns
  /** Ticks in one unit of price. */
  readonly priceScale: number
}

function coinPath(seed: number, coin: DemoCoin, market: MarketFactor): CoinPath {
  const key = (name: string) => noiseKey(seed, `${coin.base}/${name}`)
  const dayKey = key('day')
  const shareKey = key('share')
  const minuteKey = key('minute')
  const wickKey = key('wick')
  const burstKey = key('burst')
  const surgeKey = key('surge')
  const volatilityAlone = volatilityWalk(key('volatility'), COIN_VOLATILITY_SPREAD)
  const priceScale = 10 ** coin.priceDecimals
  const quantityScale = 10 ** coin.quantityDecimals

  /** Correlation with the market on a day: drifts with the coin over weeks and with the market over a month. */
  const marketShare = (day: number): number => {
    const share = coin.marketShare + 0.1 * drift(shareKey, day / 40) + 0.11 * drift(market.closenessKey, day / 25)
    return Math.min(0.95, Math.max(0.35, share))
  }
  const dayVolatility = (day: number): number => {
    // 2010-01-01 was a Friday, so days 1 and 2 of each seven are a weekend
    const weekend = day % 7 === 1 || day % 7 === 2
    return coin.dayVolatility * (weekend ? WEEKEND : 1.08) * exp(market.dayVolatility[day]! + volatilityAlone[day]!)
  }

  /** Price / centre at each midnight, as a logarithm. */
  const midnights = new Float64Array(DAYS + 1)
  let swing = 0.35 * shock(bits(dayKey, -1))
  for (let day = 0; day <= DAYS; day += 1) {
    const part = swing / BOUND
    midnights[day] = swing / Math.sqrt(1 + part * part)
    if (day === DAYS) break
    const share = marketShare(day)
    const own = Math.sqrt(1 - share * share)
    swing += dayVolatility(day) * (share * market.dayShock[day]! + own * shock(bits(dayKey, day))) - PULL * swing
  }

  const day = keepLast(DAYS_KEPT, (day: number): CandleColumns => {
    const columns = allocateColumns(MINUTES)
    const startMs = DEMO_START_MS + day * DAY
    const firstMinute = day * MINUTES

    // activity of each minute: the hours' rhythm times bursts
    const activity = new Float64Array(MINUTES)
    const knots = new Float64Array(BURSTS + 1)
    for (let knot = 0; knot <= BURSTS; knot += 1) {
      const at = day * BURSTS + knot
      const hour = (knot * BURST_MINUTES) / 60
      const whole = Math.floor(hour)
      const rhythm = HOURS[whole % 24]! + (HOURS[(whole + 1) % 24]! - HOURS[whole % 24]!) * (hour - whole)
      knots[knot] = rhythm * exp(0.22 * shock(bits(burstKey, at)) + 0.3 * drift(surgeKey, at / 16))
    }
    let squares = 0
    for (let i = 0; i < MINUTES; i += 1) {
      const knot = Math.floor(i / BURST_MINUTES)
      const left = knots[knot]!
      const level = left + ((knots[knot + 1]! - left) * (i % BURST_MINUTES)) / BURST_MINUTES
      activity[i] = level
      squares += level * level
    }

    // steps of the logarithm, and what is missing to the next midnight
    const dayStep = dayVolatility(day)
    const unit = dayStep / Math.sqrt(squares)
    const share = marketShare(day)
    const own = Math.sqrt(1 - share * share)
    const shared = market.minuteShocks(day)
    const steps = new Float64Array(MINUTES)
    let sum = 0
    for (let i = 0; i < MINUTES; i += 1) {
      const step = unit * activity[i]! * (share * shared[i]! + own * shock(bits(minuteKey, firstMinute + i)))
      steps[i] = step
      sum += step
    }
    const bend = (midnights[day + 1]! - midnights[day]! - sum) / squares

    const calm = dayStep / coin.dayVolatility
    const turnover = (coin.turnoverMillions * 1e6 * (0.4 + 0.6 * calm)) / MINUTES
    let log = midnights[day]!
    let openTicks = ticksAt(coin.centre, log, priceScale)
    for (let i = 0; i < MINUTES; i += 1) {
      const level = activity[i]!
      log = i === MINUTES - 1 ? midnights[day + 1]! : log + steps[i]! + bend * level * level
      const closeTicks = ticksAt(coin.centre, log, priceScale)
      // wicks: on average 0.4 of a minute's usual step beyond the body, seldom more than one
      const random = bits(wickKey, firstMinute + i)
      const up = (random & 1023) / 1024
      const down = ((random >>> 10) & 1023) / 1024
      const usual = unit * level * 1.2
      const top = Math.max(openTicks, closeTicks)
      const bottom = Math.min(openTicks, closeTicks)
      const high = Math.floor(top * (1 + usual * up * up) + 0.5)
      const low = Math.max(1, Math.floor(bottom * (1 - usual * down * down) + 0.5))
      columns.openTimeMs[i] = startMs + i * MINUTE
      columns.open[i] = openTicks / priceScale
      columns.high[i] = high / priceScale
      columns.low[i] = low / priceScale
      columns.close[i] = closeTicks / priceScale
      // trade follows movement: a step of twice the usual size draws more than twice the volume of none
      const moved = Math.abs(steps[i]!) / (unit * level)
      const eager = 0.5 + (random >>> 20) / 4096
      const quantity = (turnover * level * level * (0.45 + 0.7 * moved) * eager * priceScale) / closeTicks
      columns.volume[i] = Math.max(1, Math.floor(quantity * quantityScale)) / quantityScale
      openTicks = closeTicks
    }
    return columns
  })

  return { day, priceScale }
}

/** A price as a whole number of ticks, one at least. */
function ticksAt(centre: number, log: number, priceScale: number): number {
  return Math.max(1, Math.floor(centre * exp(log) * priceScale + 0.5))
}

/** A function of the day that remembers its last few answers. */
function keepLast<T>(count: number, compute: (day: number) => T): (day: number) => T {
  const kept = new Map<number, T>()
  return day => {
    let value = kept.get(day)
    if (value === undefined) {
      value = compute(day)
      if (kept.size >= count) kept.delete(kept.keys().next().value!)
      kept.set(day, value)
    }
    return value
  }
}
