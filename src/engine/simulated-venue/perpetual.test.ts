import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'
import {
  applyPerpFill,
  entryPrice,
  FLAT,
  fundingDue,
  fundingPayment,
  isLiquidated,
  liquidationPrice,
  maintenanceRate,
  type PerpPosition,
} from './perpetual.ts'

const d = Decimal.from

function position(quantity: string, entry: string, margin: string): PerpPosition {
  return { quantity: d(quantity), basis: d(quantity).abs().times(d(entry)), margin: d(margin) }
}

describe('liquidation', () => {
  const CASES: readonly (readonly [quantity: string, entry: string, margin: string, mmr: string, tick: string, price: string])[] =
    [
      ['0.5', '60000', '3000', '0.005', '0.1', '54271.4'],
      ['-0.5', '60000', '3000', '0.005', '0.1', '65671.6'],
      // a price on the tick stays
      ['1', '100', '20', '0', '0.01', '80'],
      ['-1', '100', '20', '0', '0.01', '120'],
      // margin for all of it: nothing above 0 liquidates a long
      ['2', '100', '200', '0.01', '0.01', '0'],
    ]
  for (const [quantity, entry, margin, mmr, tick, price] of CASES) {
    test(`${quantity} @ ${entry} with ${margin} at ${mmr}: ${price}`, () => {
      assert.equal(liquidationPrice(position(quantity, entry, margin), d(mmr), d(tick)).toString(), price)
    })
  }

  test('a touch liquidates', () => {
    const long = position('0.5', '60000', '3000')
    assert.equal(isLiquidated(long, d('54271.4'), d('54271.4')), true)
    assert.equal(isLiquidated(long, d('54271.4'), d('54271.5')), false)
    const short = position('-0.5', '60000', '3000')
    assert.equal(isLiquidated(short, d('65671.6'), d('65671.6')), true)
    assert.equal(isLiquidated(short, d('65671.6'), d('65671.5')), false)
  })

  test('property: on the tick, at most one tick early, never late', () => {
    const whole = (min: number, max: number) => fc.integer({ min, max })
    const cases = fc.tuple(fc.boolean(), whole(1, 5000), whole(10_000, 9_000_000), whole(1, 99), whole(0, 500))
    fc.assert(
      fc.property(cases, ([isLong, thousandths, cents, marginPct, mmrBps]) => {
        const size = d(thousandths).shifted(-3)
        const basis = size.times(d(cents).shifted(-2))
        const mmr = d(mmrBps).shifted(-4)
        const tick = d('0.05')
        const margin = basis.times(d(marginPct)).percent()
        const held = { quantity: isLong ? size : size.negated(), basis, margin }
        const price = liquidationPrice(held, mmr, tick)
        assert.ok(price.isOnGrid(tick))
        // what is left of the margin against what must be left, at the price and one tick before it is reached
        const spare = (at: Decimal): Decimal => {
          const value = size.times(at)
          const gain = isLong ? value.minus(basis) : basis.minus(value)
          return margin.plus(gain).minus(value.times(mmr))
        }
        const further = isLong ? price.minus(tick) : price.plus(tick)
        assert.ok(!spare(price).isNegative() || margin.lt(basis.times(mmr)), `late: ${spare(price)}`)
        assert.ok(spare(further).isNegative() || spare(further).isZero() || further.isNegative(), `early: ${spare(further)}`)
      }),
    )
  })

  test('the maintenance rate grows with the value of the position', () => {
    const tiers = [
      { upToNotional: d('50000'), mmrPct: d('0.4') },
      { upToNotional: d('250000'), mmrPct: d('0.5') },
      { upToNotional: null, mmrPct: d('1') },
    ]
    const rates = ['0', '50000', '50000.01', '250000', '9999999'].map(value => maintenanceRate(tiers, d(value)).toString())
    assert.deepEqual(rates, ['0.004', '0.004', '0.005', '0.005', '0.01'])
    assert.throws(() => maintenanceRate(tiers.slice(0, 2), d('250001')), /250001.*upper end/)
  })
})

describe('funding', () => {
  test('a positive rate is paid by longs and received by shorts', () => {
    const paid = (quantity: string, rate: string) => fundingPayment(d(quantity), d('60500'), d(rate)).toString()
    assert.deepEqual(
      [paid('0.5', '0.0001'), paid('-0.5', '0.0001'), paid('0.5', '-0.0001'), paid('-0.5', '-0.0001'), paid('0', '0.0001')],
      ['3.025', '-3.025', '-3.025', '3.025', '0'],
    )
  })

  test('a time without a rate costs nothing and is flagged', () => {
    const hour = 3_600_000
    const history = [
      { atMs: 8 * hour, rate: d('0.0001') },
      { atMs: 24 * hour, rate: d('-0.0002') },
    ]
    const due = fundingDue(history, 0, 24 * hour, 8 * hour).map(
      ({ atMs, rate, isMissing }) => `${atMs / hour} ${rate}${isMissing ? ' missing' : ''}`,
    )
    assert.deepEqual(due, ['8 0.0001', '16 0 missing', '24 -0.0002'])
    assert.deepEqual(fundingDue(history, 8 * hour, 15 * hour, 8 * hour), [], 'the time itself has been paid before')
  })
})

describe('fills against a position', () => {
  test('opened, reduced, turned around', () => {
    const leverage = d('10')
    const steps: readonly (readonly [Side, string, string])[] = [
      ['sell', '60000', '0.5'],
      ['buy', '58800', '0.2'],
      ['sell', '61000', '0.1'],
      ['buy', '61200', '1'],
    ]
    let held = FLAT
    const told = steps.map(([side, price, quantity]) => {
      const change = applyPerpFill(held, side, d(price), d(quantity), leverage)
      held = change.position
      const entry = entryPrice(held)
      return `${held.quantity} @ ${entry} margin ${held.margin} realized ${change.realized} back ${change.marginBack}`
    })
    assert.deepEqual(told, [
      '-0.5 @ 60000 margin 3000 realized 0 back 0',
      '-0.3 @ 60000 margin 1800 realized 240 back 1200',
      '-0.4 @ 60250 margin 2410 realized 0 back 0',
      '0.6 @ 61200 margin 3672 realized -380 back 2410',
    ])
  })

  test('property: gains of a position that ends flat are its cash flow, and its margin is all back', () => {
    const fills = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 5000, max: 20000 })), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(fills, fc.constantFrom('1', '3', '7'), (list, leverage) => {
        let held = FLAT
        let cash = ZERO
        let realized = ZERO
        let margin = ZERO
        const trade = (side: Side, price: Decimal, quantity: Decimal): void => {
          const change = applyPerpFill(held, side, price, quantity, d(leverage))
          held = change.position
          const value = price.times(quantity)
          cash = side === 'buy' ? cash.minus(value) : cash.plus(value)
          realized = realized.plus(change.realized)
          margin = margin.plus(change.marginAdded).minus(change.marginBack)
          assert.ok(held.margin.equals(margin))
          assert.ok(!held.margin.isNegative() && !held.basis.isNegative())
        }
        for (const [buys, thousandths, cents] of list)
          trade(buys ? 'buy' : 'sell', d(cents).shifted(-2), d(thousandths).shifted(-3))
        if (!held.quantity.isZero()) trade(held.quantity.isPositive() ? 'sell' : 'buy', d('101.3'), held.quantity.abs())
        assert.equal(realized.toString(), cash.toString())
        assert.ok(held.margin.isZero() && held.basis.isZero())
      }),
    )
  })
})
