import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import { averaging } from './config.fixture.ts'
import type { Averaging } from './config.ts'
import { ladderDeviations, planRungs, profitPct, profitPrice, type RungContext, rungPrice, rungQuote } from './ladder.ts'

const d = Decimal.from
const texts = (values: readonly (Decimal | null)[]): (string | null)[] => values.map(value => value?.toString() ?? null)
const TICK = d('0.01')
const FINE = d('0.0001')

/** A deal that has bought at 100 alone, in a venue without fees. */
function bought(rest: Partial<RungContext> = {}): RungContext {
  const hundred = d('100')
  return {
    basePrice: hundred,
    lastEntryPrice: hundred,
    averagePrice: hundred,
    quantity: d('1'),
    feeIn: d('0'),
    feeOut: d('0'),
    netProfit: false,
    ...rest,
  }
}

function ruled(rule: Averaging['rule'], rest: Partial<Averaging> = {}): Averaging {
  return averaging({ rule, ...rest })
}

describe('worked examples', () => {
  test('step 1.5, step scale 1.4, volume scale 1.5, five orders of 50', () => {
    const ladder = averaging({ rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' }, volumeScale: '1.5' })
    const rungs = planRungs(ladder)
    assert.deepEqual(texts(rungs.map(rung => rung.deviationPct)), ['1.5', '3.6', '6.54', '10.656', '16.4184'])
    assert.deepEqual(texts(rungs.map(rung => rung.amount)), ['50', '75', '112.5', '168.75', '253.125'])
    assert.deepEqual(
      rungs.map(rung => rungPrice(ladder, rung, bought(), TICK)!.toString()),
      ['98.5', '96.4', '93.46', '89.34', '83.58'],
    )
  })

  test('step 1, step scale 4, volume scale 2: four orders from 30 reach 85 % down and 465 with a base of 15', () => {
    const rungs = planRungs(
      averaging({
        rule: { type: 'ladder', stepPct: '1', stepScale: '4' },
        amount: { type: 'fixed', value: '30' },
        volumeScale: '2',
        maxOrders: 4,
      }),
    )
    assert.deepEqual(texts(rungs.map(rung => rung.deviationPct)), ['1', '5', '21', '85'])
    assert.equal(rungs.reduce((sum, rung) => sum.plus(rung.amount), d('15')).toString(), '465')
  })

  test('after 1 at 100, 0.507 at 98.50 and 0.778 at 96.40: a loss of 20 is at 89.6887', () => {
    const quantity = d('2.285')
    const averagePrice = d('224.9387').dividedBy(quantity, 18, 'half_even')
    const rule = ruled({ type: 'loss_amount', value: '20' })
    const [rung] = planRungs(rule)
    assert.equal(rungPrice(rule, rung!, bought({ averagePrice, quantity }), FINE)!.toString(), '89.6887')
    assert.equal(rungPrice(rule, rung!, bought({ averagePrice, quantity }), TICK)!.toString(), '89.68', 'entries round down')
  })

  test('down from last 2 from 100: 98, 96.04, 94.1192', () => {
    const rule = ruled({ type: 'down_from_last', value: '2' })
    let last = d('100')
    const prices = planRungs(rule)
      .slice(0, 3)
      .map(rung => {
        last = rungPrice(rule, rung, bought({ lastEntryPrice: last }), FINE)!
        return last.toString()
      })
    assert.deepEqual(prices, ['98', '96.04', '94.1192'])
  })
})

describe('when order k fires', () => {
  const at = bought({ basePrice: d('100'), lastEntryPrice: d('90'), averagePrice: d('95'), quantity: d('4') })
  const first = (rule: Averaging, context = at): string | null => {
    const [rung] = planRungs(rule)
    return rungPrice(rule, rung!, context, TICK)?.toString() ?? null
  }

  test('each rule looks at its own price', () => {
    assert.equal(first(ruled({ type: 'ladder', stepPct: '10', stepScale: '1' })), '90', 'the base order')
    assert.equal(first(ruled({ type: 'down_from_last', value: '10' })), '81', 'the last entry')
    assert.equal(first(ruled({ type: 'down_from_average', value: '10' })), '85.5', 'the average')
    assert.equal(first(ruled({ type: 'loss_pct', value: '10' })), '85.5', 'gross loss')
    assert.equal(first(ruled({ type: 'loss_amount', value: '20' })), '90', '95 - 20 / 4')
  })

  test('a net loss is reached earlier: both fees count', () => {
    const net = { ...at, feeIn: d('0.001'), feeOut: d('0.001'), netProfit: true }
    assert.equal(first(ruled({ type: 'loss_pct', value: '10' }), net), '85.67')
    // At that price the loss is 10 % of what was paid with the fee, as close as the tick allows.
    assert.equal(profitPct(net, d('85.671171')).round(4, 'half_even').toString(), '-10')
    // The other rules do not look at fees.
    assert.equal(first(ruled({ type: 'down_from_average', value: '10' }), net), '85.5')
  })

  test('a condition knows no price', () => {
    const playbook = { gate: 'all', n: null, order: 'listed', fireMode: 'per_signal', sequence: null, items: [] } as const
    assert.equal(first(ruled({ type: 'condition', playbook })), null)
  })

  test('levels have amounts of their own, no volume scale, and disabled ones are left out', () => {
    const level = (id: string, dropPct: string, amount: string, enabled = true) => ({ id, dropPct, amount, enabled })
    const rule = ruled(
      {
        type: 'levels',
        levels: [level('a', '2', '10'), level('b', '4', '99', false), level('c', '8', '20'), level('d', '9', '30')],
      },
      { volumeScale: '3', maxOrders: 3 },
    )
    const rungs = planRungs(rule)
    assert.deepEqual(
      rungs.map(rung => [rung.k, rung.deviationPct?.toString(), rung.amount.toString()]),
      [
        [1, '2', '10'],
        [2, '8', '20'],
        [3, '9', '30'],
      ],
    )
    assert.deepEqual(
      rungs.map(rung => rungPrice(rule, rung, at, TICK)!.toString()),
      ['98', '92', '91'],
    )
  })
})

describe('how much', () => {
  const rung = { k: 2, deviationPct: null, amount: d('150') }

  test('fixed quote, percent of the base order as it filled, percent of what was free at the start', () => {
    assert.equal(rungQuote(rung, 'fixed', d('80'), d('1000'), d('1')).toString(), '150')
    assert.equal(rungQuote(rung, 'base_pct', d('80'), d('1000'), d('1')).toString(), '120')
    assert.equal(rungQuote(rung, 'balance_pct', d('80'), d('1000'), d('1')).toString(), '1500')
  })

  test('the factor of reinvestment scales once: a percentage of the base order has it already', () => {
    assert.equal(rungQuote(rung, 'fixed', d('80'), d('1000'), d('1.1')).toString(), '165')
    assert.equal(rungQuote(rung, 'base_pct', d('88'), d('1000'), d('1.1')).toString(), '132')
    assert.equal(rungQuote(rung, 'balance_pct', d('80'), d('1000'), d('1.1')).toString(), '1650')
  })
})

describe('profit', () => {
  const venue = { averagePrice: d('100'), feeIn: d('0.001'), feeOut: d('0.001') }

  test('gross and net', () => {
    assert.equal(profitPrice({ ...venue, netProfit: false }, d('2')).toString(), '102')
    assert.equal(
      profitPrice({ ...venue, netProfit: true }, d('2'))
        .round(4, 'half_even')
        .toString(),
      '102.2042',
    )
    assert.equal(profitPct({ ...venue, netProfit: false }, d('102')).toString(), '2')
    assert.equal(
      profitPct({ ...venue, netProfit: true }, d('100'))
        .round(6, 'half_even')
        .toString(),
      '-0.1998',
    )
  })

  test('property: the price of a profit has that profit', () => {
    const cents = (min: number, max: number) => fc.integer({ min, max }).map(each => d(each).shifted(-2))
    fc.assert(
      fc.property(
        cents(1, 10_000_000),
        cents(-5000, 50_000),
        fc.integer({ min: 0, max: 100 }),
        fc.boolean(),
        (avg, pct, bps, net) => {
          const fee = d(bps).shifted(-4)
          const at = { averagePrice: avg, feeIn: fee, feeOut: fee, netProfit: net }
          const back = profitPct(at, profitPrice(at, pct))
          assert.ok(back.minus(pct).abs().lt(d('0.000000000001')), `${back} instead of ${pct}`)
          assert.ok(back.gte(pct), 'rounding never takes a part of the profit')
        },
      ),
    )
  })
})

describe('properties of the ladder', () => {
  const ladders = fc.record({
    stepPct: fc.integer({ min: 1, max: 500 }).map(each => d(each).shifted(-2)),
    stepScale: fc.integer({ min: 1, max: 30 }).map(each => d(each).shifted(-1)),
    n: fc.integer({ min: 1, max: 40 }),
  })

  test('deviations are step x (scale^k - 1) / (scale - 1), and k x step at scale 1', () => {
    fc.assert(
      fc.property(ladders, ({ stepPct, stepScale, n }) => {
        const [step, scale] = [stepPct.toNumber(), stepScale.toNumber()]
        ladderDeviations(stepPct, stepScale, n).forEach((deviation, i) => {
          const k = i + 1
          const closed = scale === 1 ? step * k : (step * (scale ** k - 1)) / (scale - 1)
          assert.ok(Math.abs(deviation.toNumber() / closed - 1) < 1e-9, `k ${k}: ${deviation} instead of ${closed}`)
        })
      }),
    )
  })

  test('deviations rise, prices never rise and lie on the tick at or below the exact price', () => {
    const prices = fc.integer({ min: 1000, max: 10_000_000 }).map(each => d(each).shifted(-2))
    const ticks = fc.constantFrom('0.01', '0.05', '0.1', '0.00001').map(text => d(text))
    fc.assert(
      fc.property(ladders, prices, ticks, ({ stepPct, stepScale, n }, basePrice, tick) => {
        const rule = averaging({
          rule: { type: 'ladder', stepPct: stepPct.toString(), stepScale: stepScale.toString() },
          maxOrders: n,
        })
        let above = basePrice
        let before = d('0')
        for (const rung of planRungs(rule)) {
          const price = rungPrice(rule, rung, bought({ basePrice }), tick)!
          const exact = basePrice.minus(basePrice.times(rung.deviationPct!).percent())
          assert.ok(rung.deviationPct!.gte(before))
          assert.ok(price.lte(above) && price.isOnGrid(tick))
          assert.ok(price.lte(exact) && exact.minus(price).lt(tick))
          before = rung.deviationPct!
          above = price
        }
      }),
    )
  })
})
