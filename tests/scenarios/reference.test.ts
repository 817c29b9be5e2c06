/**
 * The engine against a second opinion: a plain simulation of one kind of bot, written from the specification and sharing no code with
 * the engine. Market entry at once, a ladder of resting limits, one take profit on the average, a stop on the average; no fees, no
 * slippage. Prices are whole cents and quantities thousandths, as plain integers.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { type Bar, tell } from './story.ts'

interface Rules {
  /** Percent points in tenths. */
  readonly stepTenths: number
  readonly targetTenths: number
  readonly stopTenths: number
  readonly rungs: number
  readonly path: 'pessimistic' | 'optimistic' | 'ohlc'
}

/** Prices in cents. */
interface CentBar {
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
}

const BASE_CENTS = 10_000
const RUNG_CENTS = 5_000

/** Lines `purpose quantity price`, in thousandths and cents, and `end reason`. */
function simulate(rules: Rules, bars: readonly CentBar[]): string[] {
  const log: string[] = []
  let held = 0
  /** Cents x thousandths. */
  let cost = 0
  let basePrice = 0
  let nextRung = 1
  let targetFromBar = 0
  let wanted = 0

  const ceilDivide = (a: number, b: number): number => Math.ceil(a / b - 1e-9)
  const rungPrice = (k: number): number => Math.floor((basePrice * (1000 - rules.stepTenths * k)) / 1000 + 1e-9)
  const target = (): number => ceilDivide(cost * (1000 + rules.targetTenths), held * 1000)
  const stop = (): number => ceilDivide(cost * (1000 - rules.stopTenths), held * 1000)
  const buy = (purpose: string, quantity: number, price: number, bar: number): void => {
    held += quantity
    cost += quantity * price
    if (rules.path === 'pessimistic') targetFromBar = bar + 1
    log.push(`${purpose} ${quantity} ${price}`)
  }
  const sell = (purpose: string, reason: string, price: number): void => {
    log.push(`${purpose} ${held} ${price}`, `end ${reason}`)
    held = 0
    cost = 0
    nextRung = 1
  }
  const buyRung = (price: number, bar: number): void => {
    buy(`avg${nextRung}`, Math.floor((RUNG_CENTS * 1000) / rungPrice(nextRung) + 1e-9), price, bar)
    nextRung += 1
  }

  const down = (to: number, bar: number): void => {
    while (held > 0) {
      const rung = nextRung <= rules.rungs ? rungPrice(nextRung) : -1
      const stopAt = stop()
      // The price comes to the higher one first; at the same price a touch is before a passing through.
      if (stopAt >= rung && to <= stopAt) sell('sl', 'stop_loss', stopAt)
      else if (rung > stopAt && to < rung) buyRung(rung, bar)
      else return
    }
  }
  const up = (to: number, bar: number): void => {
    if (held > 0 && bar >= targetFromBar && to > target()) sell('tp', 'take_profit', target())
  }

  bars.forEach((bar, i) => {
    if (wanted > 0) {
      basePrice = bar.open
      buy('base', wanted, bar.open, i)
      wanted = 0
    } else if (held > 0) {
      while (held > 0 && nextRung <= rules.rungs && bar.open < rungPrice(nextRung)) buyRung(bar.open, i)
      if (held > 0 && i >= targetFromBar && bar.open > target()) sell('tp', 'take_profit', bar.open)
      if (held > 0 && bar.open <= stop()) sell('sl', 'stop_loss', bar.open)
    }
    const lowFirst = rules.path === 'pessimistic' || (rules.path === 'ohlc' && bar.close >= bar.open)
    let at = bar.open
    for (const corner of lowFirst ? [bar.low, bar.high, bar.close] : [bar.high, bar.low, bar.close]) {
      if (corner < at) down(corner, i)
      else up(corner, i)
      at = corner
    }
    if (held === 0) wanted = Math.floor((BASE_CENTS * 1000) / bar.close + 1e-9)
  })
  if (held > 0) sell('exit', 'end_of_data', bars.at(-1)!.close)
  return log
}

function engine(rules: Rules, bars: readonly CentBar[], placement: 'resting' | 'virtual' = 'resting'): string[] {
  const percent = (tenths: number): string => (tenths / 10).toString()
  const candles: Bar[] = bars.map(({ open, high, low, close }) => ({
    open: open / 100,
    high: high / 100,
    low: low / 100,
    close: close / 100,
    volume: 1_000_000,
  }))
  const told = tell({
    candles,
    capital: '100000',
    config: {
      stopAfterDeals: null,
      // A gap between decision and fill shall not eat what the ladder needs.
      reserveBufferPct: '10',
      averaging: averaging({
        rule: { type: 'ladder', stepPct: percent(rules.stepTenths), stepScale: '1' },
        maxOrders: rules.rungs,
        placement,
        activeOrdersCount: Math.max(1, rules.rungs),
      }),
      exits: {
        takeProfit: takeProfit(percent(rules.targetTenths), { placement }),
        stopLoss: stopLoss({ value: percent(rules.stopTenths), placement }),
      },
    },
    venue: { fillPath: rules.path },
  })
  return told.lines.flatMap(line => {
    const fill = /(base|avg\d+|tp|sl|exit)\d* (?:buy|sell) (\S+) @ (\S+)$/.exec(line)
    if (fill) return [`${fill[1]} ${Math.round(Number(fill[2]) * 1000)} ${Math.round(Number(fill[3]) * 100)}`]
    const end = /^deal \d+ (\S+) /.exec(line)
    return end && end[1] !== 'ended' ? [`end ${end[1]}`] : []
  })
}

/** @param gaps whether some candles open away from where the last one closed. */
const barsOf = (gaps: boolean): fc.Arbitrary<CentBar[]> =>
  fc
    .array(fc.tuple(fc.integer({ min: -60, max: 60 }), fc.integer({ min: -250, max: 250 }), fc.nat(200), fc.nat(200)), {
      minLength: 3,
      maxLength: 60,
    })
    .map(moves => {
      let last = 10_000
      return moves.map(([gap, change, above, below]): CentBar => {
        const open = Math.max(2000, last + (gaps && Math.abs(gap) > 50 ? gap * 8 : 0))
        const close = Math.max(2000, open + change)
        last = close
        return { open, close, high: Math.max(open, close) + above, low: Math.min(open, close) - below }
      })
    })
const rules = fc.record({
  stepTenths: fc.integer({ min: 5, max: 30 }),
  targetTenths: fc.integer({ min: 5, max: 40 }),
  stopTenths: fc.integer({ min: 10, max: 120 }),
  rungs: fc.integer({ min: 0, max: 6 }),
  path: fc.constantFrom('pessimistic' as const, 'optimistic' as const, 'ohlc' as const),
})

test('property: the engine trades as the plain simulation does', () => {
  const reasons = new Set<string>()
  fc.assert(
    fc.property(rules, barsOf(true), (each, candles) => {
      const expected = simulate(each, candles)
      assert.deepEqual(engine(each, candles), expected)
      for (const line of expected) reasons.add(line.split(' ')[0] === 'end' ? line : line.split(' ')[0]!)
    }),
    { numRuns: 300 },
  )
  for (const seen of ['avg1', 'avg3', 'end take_profit', 'end stop_loss', 'end end_of_data']) assert.ok(reasons.has(seen), seen)
})

// A gap over rung and stop is another matter: what rests fills, of what is virtual the exit comes first.
test('property: without gaps a virtual order fills where the resting one it stands for would', () => {
  fc.assert(
    fc.property(rules, barsOf(false), (each, candles) => {
      assert.deepEqual(engine(each, candles, 'virtual'), engine(each, candles, 'resting'))
    }),
    { numRuns: 200 },
  )
})
