import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import { applyFill, averagePrice, basisOf, EMPTY_LOT, type Lot, type LotFill, netPnl, releaseRest, unrealizedPnl } from './lot.ts'

const d = Decimal.from

function fill(side: 'buy' | 'sell', quantity: string, price: string, feeValueQuote = '0', feeBaseQuantity = '0'): LotFill {
  return { side, quantity: d(quantity), price: d(price), feeValueQuote: d(feeValueQuote), feeBaseQuantity: d(feeBaseQuantity) }
}

const fold = (...fills: readonly LotFill[]): Lot => fills.reduce(applyFill, EMPTY_LOT)

describe('worked examples', () => {
  test('buy 1 at 100, sell 0.25 at 120, no fee', () => {
    const lot = fold(fill('buy', '1', '100'), fill('sell', '0.25', '120'))
    assert.equal(averagePrice(lot)!.toString(), '100')
    assert.equal(netPnl(lot).toString(), '5')
    assert.equal(unrealizedPnl(lot, d('120')).toString(), '15')
  })

  test('the same with fees of 0.1 and 0.03: realised 4.87, invested 75, value 90', () => {
    const lot = fold(fill('buy', '1', '100', '0.1'), fill('sell', '0.25', '120', '0.03'))
    assert.equal(netPnl(lot).toString(), '4.87')
    assert.equal(lot.basis.toString(), '75')
    assert.equal(lot.quantity.times(d('120')).toString(), '90')
    assert.equal(averagePrice(lot)!.toString(), '100', 'fees do not move the average')
  })

  test('0.1 from 50000 to 51000, 0.1 % per leg', () => {
    const lot = fold(fill('buy', '0.1', '50000', '5'), fill('sell', '0.1', '51000', '5.1'))
    assert.equal(lot.grossPnl.toString(), '100')
    assert.equal(lot.fees.toString(), '10.1')
    assert.equal(netPnl(lot).toString(), '89.9')
    assert.equal(netPnl(lot).shifted(2).dividedBy(lot.boughtValue, 3, 'half_even').toString(), '1.798')
  })

  test('fees in quote, base and a third coin, and a rest too small to sell', () => {
    const bought = fold(fill('buy', '1', '100', '0.1'), fill('buy', '2', '94', '0.188', '0.002'))
    assert.equal(bought.quantity.toString(), '2.998')
    assert.equal(bought.basis.toString(), '287.812')
    assert.equal(basisOf(bought, d('0.74')).toString(), '71.040987324883255504')
    const sold = [fill('sell', '0.74', '105', '0.0777'), fill('sell', '2.25', '106', '0.178875')].reduce(applyFill, bought)
    assert.equal(sold.quantity.toString(), '0.008')
    assert.equal(sold.basis.toString(), '0.768010673782521681')
    assert.equal(sold.grossPnl.toString(), '29.156010673782521681')
    assert.equal(sold.fees.toString(), '0.544575')
    assert.equal(netPnl(sold).toString(), '28.611435673782521681')
    const rest = releaseRest(sold)
    assert.deepEqual([rest.quantity.toString(), rest.basis.toString()], ['0.008', '0.768010673782521681'])
    assert.deepEqual([rest.lot.quantity.toString(), rest.lot.basis.toString()], ['0', '0'])
    assert.equal(netPnl(rest.lot).toString(), '28.611435673782521681', 'what goes to dust is neither gain nor loss')
  })
})

describe('a fee taken out of the coins', () => {
  test('leaves with its value, so the average stays', () => {
    const lot = fold(fill('buy', '2', '94', '0.188', '0.002'))
    assert.equal(averagePrice(lot)!.toString(), '94')
    assert.equal(netPnl(lot).toString(), '-0.188')
  })

  test('of a sale, too; the last one empties the deal', () => {
    const part = fold(fill('buy', '1', '100'), fill('sell', '0.5', '110', '0.11', '0.001'))
    assert.equal(part.quantity.toString(), '0.499')
    assert.equal(part.basis.toString(), '49.89')
    assert.equal(netPnl(part).toString(), '4.89')
    const all = fold(fill('buy', '1', '100'), fill('sell', '0.999', '110', '0.11', '0.001'))
    assert.deepEqual([all.quantity.toString(), all.basis.toString(), netPnl(all).toString()], ['0', '0', '9.89'])
  })
})

test('more than is held cannot be sold, the fee counted', () => {
  const held = fold(fill('buy', '1', '100'))
  assert.throws(() => applyFill(held, fill('sell', '1.00001', '100')), /exceeds the 1 /)
  assert.throws(() => applyFill(held, fill('sell', '1', '100', '0.1', '0.001')), RangeError)
  assert.equal(averagePrice(EMPTY_LOT), null)
})

test('property: cash plus basis is the net result, to the last digit, after every fill', () => {
  const amounts = (max: number, places: number) => fc.integer({ min: 1, max }).map(each => d(each).shifted(-places))
  const step = fc.record({
    buys: fc.boolean(),
    price: amounts(1_000_000, 3),
    quantity: amounts(10_000, 4),
    share: fc.integer({ min: 1, max: 100 }),
    fee: fc.constantFrom('none', 'quote', 'base'),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), steps => {
      const rate = d('0.001')
      let lot = EMPTY_LOT
      let cash = d('0')
      for (const { buys, price, quantity, share, fee } of [{ ...steps[0]!, buys: true }, ...steps.slice(1)]) {
        const inBase = fee === 'base'
        const most = inBase ? lot.quantity.dividedBy(d('1.001'), 9, 'down') : lot.quantity
        const amount = buys ? quantity : share === 100 ? most : most.times(d(share)).percent()
        if (!amount.isPositive()) continue
        const value = price.times(amount)
        const feeValue = fee === 'none' ? d('0') : value.times(rate)
        const before = averagePrice(lot)
        const heldBefore = lot.quantity
        lot = applyFill(lot, {
          side: buys ? 'buy' : 'sell',
          price,
          quantity: amount,
          feeValueQuote: feeValue,
          feeBaseQuantity: inBase ? amount.times(rate) : d('0'),
        })
        cash = buys ? cash.minus(value) : cash.plus(value)
        if (fee === 'quote') cash = cash.minus(feeValue)
        assert.equal(cash.plus(lot.basis).toString(), netPnl(lot).toString())
        assert.ok(!lot.quantity.isNegative())
        if (lot.quantity.isZero()) assert.equal(lot.basis.toString(), '0', 'nothing held has no basis')
        // A sale without a fee in coins leaves the average where it was, but for the eighteenth decimal of the basis.
        if (!buys && !inBase && before && lot.quantity.isPositive()) {
          const moved = averagePrice(lot)!.minus(before).abs()
          const digit = d('0.000000000000000001')
          assert.ok(
            moved.lte(
              digit
                .times(heldBefore)
                .dividedBy(lot.quantity, 18, 'up')
                .plus(digit.dividedBy(lot.quantity, 18, 'up'))
                .plus(digit),
            ),
          )
        }
      }
    }),
  )
})
