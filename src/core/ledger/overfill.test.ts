import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import type { Fill } from '../orders/order.ts'
import { applyFill, EMPTY_LOT, type Lot, type LotFill, netPnl, replaceFill, sellBeyond } from '../positions/lot.ts'
import { deposit } from './account-postings.ts'
import { Desk, testFill } from './ledger.fixture.ts'
import { coverFromAccount, overfill, reverseFill } from './overfill.ts'
import { depositAndAllocate } from './postings.ts'

const d = Decimal.from

function lotFill({ side, price, quantity, feeValueQuote, fee, feeAsset }: Fill): LotFill {
  return { side, price, quantity, feeValueQuote, feeBaseQuantity: feeAsset === 'SOL' ? fee : d('0') }
}

function funded(): Desk {
  const desk = new Desk()
  desk.by(into => depositAndAllocate(into, 'USDT', d('1000')))
  desk.by(into => deposit(into, 'deposit:SOL', 'SOL', d('5')))
  desk.by(into => deposit(into, 'deposit:BNB', 'BNB', d('1')))
  desk.free = d('1000')
  return desk
}

describe('a sale of more than the deal holds', () => {
  test('takes the coins that are missing from the account and leaves what they brought to the bot', () => {
    const desk = funded()
    const bought = testFill('buy', '1', '100', { fee: d('0.1'), feeValueQuote: d('0.1') })
    desk.fill(bought)
    const fill = testFill('sell', '1.25', '110', { fee: d('0.1375'), feeValueQuote: d('0.1375') })
    desk.take(desk.by(into => overfill(into, { fill, base: 'SOL', quote: 'USDT', held: d('1') })))
    const { lot, excess } = sellBeyond(applyFill(EMPTY_LOT, lotFill(bought)), lotFill(fill))
    assert.equal(excess.toString(), '0.25')
    assert.deepEqual([lot.quantity, lot.basis, lot.soldQuantity, lot.soldValue, netPnl(lot)].map(String), [
      '0',
      '0',
      '1.25',
      '137.5',
      '37.2625',
    ])
    assert.equal(desk.books.balance('position', 'SOL', 1).toString(), '0')
    assert.equal(desk.books.balance('free', 'SOL').toString(), '4.75')
    assert.equal(desk.books.balance('bot_free', 'USDT').toString(), desk.free.toString())
    assert.equal(desk.free.minus(d('1000')).toString(), netPnl(lot).toString())
    desk.assertBalanced()
  })

  test('after the deal has ended takes all of them there, and a fee in coins too, at its value', () => {
    const desk = funded()
    const fill = testFill('sell', '0.5', '100', { fee: d('0.0005'), feeAsset: 'SOL', feeValueQuote: d('0.05') })
    const effect = desk.by(into => overfill(into, { fill, base: 'SOL', quote: 'USDT', held: d('0') }))
    assert.equal(effect.freeChange.toString(), '49.95')
    assert.equal(desk.books.balance('free', 'SOL').toString(), '4.4995')
    assert.equal(desk.books.balance('free', 'USDT').toString(), '0.05')
    assert.equal(desk.books.balance('fees', 'SOL').toString(), '0.0005')
    const { lot } = sellBeyond(EMPTY_LOT, lotFill(fill))
    assert.equal(netPnl(lot).toString(), '49.95')
    desk.assertBalanced()
  })

  test('is booked once, and a purchase is none', () => {
    const desk = funded()
    const fill = testFill('sell', '2', '100')
    const book = () => desk.by(into => overfill(into, { fill, base: 'SOL', quote: 'USDT', held: d('1') }))
    book()
    assert.throws(book, /already booked/)
    assert.throws(() => overfill([], { fill: testFill('buy', '1', '1'), base: 'SOL', quote: 'USDT', held: d('0') }), RangeError)
  })
})

describe('a synthetic fill that turns out to be two others', () => {
  const synthetic = testFill('buy', '2', '100', {
    fillId: 'syn:ek1:2',
    fee: d('0.2'),
    feeValueQuote: d('0.2'),
    feeEstimated: true,
  })
  const real = [
    testFill('buy', '1.5', '99.5', { fillId: '71', fee: d('0.14925'), feeValueQuote: d('0.14925') }),
    testFill('buy', '0.5', '100.2', { fillId: '72', fee: d('0.001'), feeAsset: 'SOL', feeValueQuote: d('0.1002') }),
  ]
  const reversal = (desk: Desk, fromLock: Decimal) =>
    desk.by(into => reverseFill(into, { fill: synthetic, base: 'SOL', quote: 'USDT', fromLock, reversalId: 'rev:syn:ek1:2' }))

  test('goes back transfer by transfer: the books are as before it', () => {
    const desk = funded()
    const before = desk.balances()
    desk.lock = d('150')
    const { fromLock, freeChange } = desk.fill(synthetic)
    assert.deepEqual([fromLock, freeChange].map(String), ['150', '-50.2'])
    const back = reversal(desk, fromLock)
    assert.deepEqual([back.fromLock, back.freeChange].map(String), ['-150', '50.2'])
    assert.deepEqual(desk.balances(), before)
    assert.throws(() => reversal(desk, fromLock), /already booked/)
    desk.assertBalanced()
  })

  test('while the deal holds it, leaves its lot as if it had only ever been the others', () => {
    const desk = funded()
    const { fromLock } = desk.fill(synthetic)
    desk.take(reversal(desk, fromLock))
    for (const each of real) desk.fill(each)
    const booked = { ...lotFill(synthetic), grossPnl: d('0') }
    const { lot, uncovered } = replaceFill(applyFill(EMPTY_LOT, lotFill(synthetic)), booked, real.map(lotFill))
    assert.deepEqual(lot, real.map(lotFill).reduce(applyFill, EMPTY_LOT))
    assert.equal(uncovered.toString(), '0')
    assert.equal(desk.books.balance('position', 'SOL', 1).toString(), '1.999')
    assert.equal(lot.quantity.toString(), '1.999')
    assert.equal(desk.free.plus(lot.basis).minus(d('1000')).toString(), netPnl(lot).toString())
    desk.assertBalanced()
  })

  test('after the deal has sold it, is a result of its own; coins that were never bought come from the account', () => {
    const desk = funded()
    const { fromLock } = desk.fill(synthetic)
    const sale = testFill('sell', '2', '110')
    desk.fill(sale)
    const sold = [synthetic, sale].map(lotFill).reduce(applyFill, EMPTY_LOT)
    desk.take(reversal(desk, fromLock))
    for (const each of real) desk.fill(each)
    const { lot, uncovered } = replaceFill(sold, { ...lotFill(synthetic), grossPnl: d('0') }, real.map(lotFill))
    assert.equal(uncovered.toString(), '0.001')
    desk.by(into => coverFromAccount(into, 'cover:1:1', 'SOL', uncovered, 1))
    assert.deepEqual([lot.quantity, lot.basis].map(String), ['0', '0'])
    assert.equal(desk.free.minus(d('1000')).toString(), netPnl(lot).toString())
    assert.equal(desk.books.balance('position', 'SOL', 1).toString(), '0')
    assert.equal(desk.books.balance('free', 'SOL').toString(), '4.999')
    desk.assertBalanced()
  })

  test('of a sale gives the coins back at the cost that they left with', () => {
    const bought = applyFill(EMPTY_LOT, lotFill(testFill('buy', '3', '100')))
    const first = lotFill(testFill('sell', '1', '110'))
    const after = applyFill(bought, first)
    const booked = { ...first, grossPnl: after.grossPnl.minus(bought.grossPnl) }
    const { lot } = replaceFill(after, booked, [lotFill(testFill('sell', '0.4', '109')), lotFill(testFill('sell', '0.6', '111'))])
    assert.deepEqual([lot.quantity, lot.basis, lot.grossPnl].map(String), ['2', '200', '10.2'])
  })
})

test('property: a fill that is replaced leaves the change of cash and cost equal to the net result', () => {
  const amount = (max: number, places: number) => fc.integer({ min: 1, max }).map(each => d(each).shifted(-places))
  const part = fc.record({ price: amount(100_000, 2), quantity: amount(1000, 2) })
  fc.assert(
    fc.property(
      part,
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.option(fc.record({ price: amount(100_000, 2), percent: fc.integer({ min: 1, max: 100 }) })),
      (guess, parts, sale) => {
        const desk = funded()
        const fillOf = (side: 'buy' | 'sell', each: { price: Decimal; quantity: Decimal }, fillId: string): Fill => {
          const fee = each.price.times(each.quantity).times(d('0.001'))
          return { ...testFill(side, '1', '1'), ...each, fillId, fee, feeValueQuote: fee }
        }
        const synthetic = fillOf('buy', guess, 'syn')
        const { fromLock } = desk.fill(synthetic)
        let lot: Lot = applyFill(EMPTY_LOT, lotFill(synthetic))
        if (sale) {
          const sold = fillOf('sell', { price: sale.price, quantity: guess.quantity.times(d(sale.percent)).percent() }, 's')
          desk.fill(sold)
          lot = applyFill(lot, lotFill(sold))
        }
        const real = parts.map((each, i) => fillOf('buy', each, `r${i}`))
        desk.take(
          desk.by(into => reverseFill(into, { fill: synthetic, base: 'SOL', quote: 'USDT', fromLock, reversalId: 'rev' })),
        )
        for (const each of real) desk.fill(each)
        const replaced = replaceFill(lot, { ...lotFill(synthetic), grossPnl: d('0') }, real.map(lotFill))
        desk.by(into => coverFromAccount(into, 'cover', 'SOL', replaced.uncovered, 1))
        desk.assertBalanced()
        assert.equal(desk.books.balance('position', 'SOL', 1).toString(), replaced.lot.quantity.toString())
        const equity = desk.free.plus(replaced.lot.basis).minus(d('1000'))
        assert.equal(equity.toString(), netPnl(replaced.lot).toString())
        if (replaced.lot.quantity.isZero()) assert.ok(replaced.lot.basis.isZero())
      },
    ),
  )
})
