import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal, HUNDRED, sumDecimals } from '../money/decimal.ts'
import { PAIR, stopLoss } from './config.fixture.ts'
import {
  breakEvenPrice,
  type ExitContext,
  monotoneStop,
  stopPrice,
  targetBase,
  targetPrice,
  targetPriceExact,
  targetQuantities,
  trailingStopPrice,
  trailPrice,
} from './exit-prices.ts'

const d = Decimal.from
const TICK = d('0.01')
const none: ReadonlySet<number> = new Set()
const texts = (values: readonly (Decimal | null)[]): (string | null)[] => values.map(value => value?.toString() ?? null)

/** One bought at 100, without fees. */
function holding(rest: Partial<ExitContext> = {}): ExitContext {
  const hundred = d('100')
  return {
    averagePrice: hundred,
    quantity: d('1'),
    baseCost: hundred,
    basePrice: hundred,
    lastEntryPrice: hundred,
    feeIn: d('0'),
    feeOut: d('0'),
    netProfit: false,
    ...rest,
  }
}

/** 1 at 100 and 0.507 at 98.50. */
const AFTER_ONE = holding({
  averagePrice: d('149.9395').dividedBy(d('1.507'), 18, 'half_even'),
  quantity: d('1.507'),
  lastEntryPrice: d('98.5'),
})

describe('worked examples', () => {
  test('2 % from the base order after the first rung: 100.83, exactly 2.00 of quote at 100.8225', () => {
    assert.equal(targetPrice('base_order', d('2'), AFTER_ONE, TICK).toString(), '100.83')
    const exact = targetPriceExact('base_order', d('2'), AFTER_ONE)
    assert.equal(exact.round(4, 'half_even').toString(), '100.8225')
    assert.equal(exact.minus(AFTER_ONE.averagePrice).times(AFTER_ONE.quantity).round(9, 'half_even').toString(), '2')
    assert.equal(targetPrice('average', d('2'), AFTER_ONE, TICK).toString(), '101.49')
  })

  test('average 100, fees 0.1 %: 2 % net is 102.2042, break-even 100.2002', () => {
    const at = holding({ feeIn: d('0.001'), feeOut: d('0.001'), netProfit: true })
    assert.equal(targetPriceExact('average', d('2'), at).round(4, 'half_even').toString(), '102.2042')
    assert.equal(targetPrice('average', d('2'), at, TICK).toString(), '102.21', 'exits round up')
    assert.equal(breakEvenPrice(at).round(4, 'half_even').toString(), '100.2002')
  })

  test('a stop of 20 % after the fifth rung, by its basis', () => {
    const at = holding({ averagePrice: d('90.3290'), basePrice: d('100'), lastEntryPrice: d('83.58') })
    const stop = (basis: 'average' | 'base_order' | 'last_entry') => stopPrice(stopLoss({ basis }), PAIR, at, TICK)!.toString()
    assert.deepEqual([stop('average'), stop('base_order'), stop('last_entry')], ['72.27', '80', '66.87'])
  })

  test('targets of 40 and 60 % of 1.507', () => {
    const pcts = [d('40'), d('60')]
    const step = d('0.001')
    assert.deepEqual(texts(targetQuantities(pcts, none, d('1.507'), d('1.507'), step)), ['0.602', '0.905'])
    const held = d('0.905').plus(d('0.778'))
    const base = targetBase(held, d('40'))
    assert.equal(base.toString(), '2.805')
    assert.deepEqual(texts(targetQuantities(pcts, new Set([0]), base, held, step)), [null, '1.683'])
  })

  test('targets of 50, 30 and 20 % of 2.998 on steps of 0.01 leave 0.008', () => {
    const held = d('2.998')
    const parts = targetQuantities([d('50'), d('30'), d('20')], none, held, held, TICK)
    assert.deepEqual(texts(parts), ['1.49', '0.89', '0.61'])
    assert.equal(held.minus(sumDecimals(parts.map(part => part!))).toString(), '0.008')
  })

  test('a trailing stop loss of 10 % stands at 90, and at 99 once the price was 110', () => {
    const stop = stopLoss({ value: '10', trailing: true })
    assert.equal(trailingStopPrice(stop, d('100'), TICK)!.toString(), '90')
    assert.equal(trailingStopPrice(stop, d('110'), TICK)!.toString(), '99')
  })
})

describe('where the stop stands', () => {
  test('a price of its own, for all pairs or by pair', () => {
    assert.equal(stopPrice(stopLoss({ type: 'price', value: '95' }), PAIR, holding(), TICK)!.toString(), '95')
    const byPair = stopLoss({ type: 'price', value: null, prices: { [PAIR]: '94.999' } })
    assert.equal(stopPrice(byPair, PAIR, holding(), TICK)!.toString(), '95', 'toward the market')
    assert.equal(stopPrice(byPair, 'ETH/USDT', holding(), TICK), null)
  })

  test('an amount is a loss in quote', () => {
    const at = holding({ averagePrice: d('95'), quantity: d('4') })
    assert.equal(stopPrice(stopLoss({ type: 'amount', value: '20' }), PAIR, at, TICK)!.toString(), '90')
  })

  test('the trail keeps its distance from the peak', () => {
    assert.equal(trailPrice(d('120'), d('5'), TICK).toString(), '114')
    assert.equal(trailPrice(d('100.01'), d('5'), TICK).toString(), '95.01', '95.0095, toward the market')
  })

  test('it never moves away from the market', () => {
    assert.equal(monotoneStop(d('90'), d('95'))?.toString(), '95')
    assert.equal(monotoneStop(d('95'), d('90'))?.toString(), '95')
    assert.equal(monotoneStop(null, d('90'))?.toString(), '90')
    assert.equal(monotoneStop(d('90'), null)?.toString(), '90')
    assert.equal(monotoneStop(null, null), null)
  })
})

describe('properties', () => {
  const money = (min: number, max: number, places: number) => fc.integer({ min, max }).map(each => d(each).shifted(-places))

  test('targets together never exceed what is held, lie on the step, and leave less than a step when they sum to 100', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 9999 }), { maxLength: 9 })
    fc.assert(
      fc.property(cuts, money(1, 10_000_000, 5), fc.constantFrom('0.00001', '0.001', '0.01', '1'), (marks, held, stepText) => {
        const bounds = [0, ...marks.sort((a, b) => a - b), 10_000]
        const pcts = bounds.slice(1).map((bound, i) => d(bound - bounds[i]!).shifted(-2))
        const step = d(stepText)
        const parts = targetQuantities(pcts, none, held, held, step)
        const sold = sumDecimals(parts.map(part => part!))
        assert.ok(sold.lte(held))
        assert.ok(held.minus(sold).lt(step))
        for (const part of parts) assert.ok(!part!.isNegative() && part!.isOnGrid(step))
      }),
    )
  })

  test('the same holds between targets, whatever was averaged after some of them fired', () => {
    const fiveTargets = ['10', '15', '25', '20', '30'].map(text => d(text))
    fc.assert(
      fc.property(money(1, 10_000_000, 5), fc.integer({ min: 0, max: 4 }), money(0, 10_000_000, 5), (held, firedCount, added) => {
        const fired = new Set(Array.from({ length: firedCount }, (_, i) => i))
        const firedPct = sumDecimals(fiveTargets.slice(0, firedCount))
        const now = held.plus(added)
        const parts = targetQuantities(fiveTargets, fired, targetBase(now, firedPct), now, d('0.00001'))
        assert.ok(sumDecimals(parts.flatMap(part => (part ? [part] : []))).lte(now))
        parts.forEach((part, i) => {
          assert.equal(part === null, fired.has(i))
        })
      }),
    )
  })

  test('the base of later targets is such that their shares are what is held', () => {
    fc.assert(
      fc.property(money(1, 10_000_000, 5), fc.integer({ min: 0, max: 99 }), (held, pct) => {
        const rest = targetBase(held, d(pct))
          .times(HUNDRED.minus(d(pct)))
          .percent()
        assert.ok(rest.minus(held).abs().lt(d('0.000000000001')))
      }),
    )
    assert.equal(targetBase(d('5'), d('100')).toString(), '5')
  })

  test('a trailing stop over any path of prices never falls and lies below the best price', () => {
    const stop = stopLoss({ value: '7.5', trailing: true })
    fc.assert(
      fc.property(fc.array(money(100, 10_000_000, 2), { minLength: 1, maxLength: 50 }), prices => {
        let best = prices[0]!
        let former: Decimal | null = null
        for (const price of prices) {
          if (price.gt(best)) best = price
          const next: Decimal = monotoneStop(former, trailingStopPrice(stop, best, TICK))!
          assert.ok(former === null || next.gte(former))
          assert.ok(next.lte(best) && next.isOnGrid(TICK))
          former = next
        }
      }),
    )
  })

  test('targets and stops lie on the tick, targets at or above the exact price', () => {
    fc.assert(
      fc.property(money(100, 10_000_000, 3), money(1, 5000, 2), fc.boolean(), (averagePrice, pct, netProfit) => {
        const at = holding({ averagePrice, netProfit, feeIn: d('0.001'), feeOut: d('0.001') })
        for (const from of ['average', 'base_order'] as const) {
          const price = targetPrice(from, pct, at, TICK)
          const exact = targetPriceExact(from, pct, at)
          assert.ok(price.isOnGrid(TICK) && price.gte(exact) && price.minus(exact).lt(TICK))
        }
        assert.ok(stopPrice(stopLoss(), PAIR, at, TICK)!.isOnGrid(TICK))
      }),
    )
  })
})
