import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import { applyFill, EMPTY_LOT, netPnl } from '../positions/lot.ts'
import { drift } from './account-postings.ts'
import { Desk, testFill as fill } from './ledger.fixture.ts'
import { depositAndAllocate, moveToDust, release, reserve, sweepDust } from './postings.ts'
import type { Transfer } from './transfer.ts'

const d = Decimal.from

function transfer(
  cause: string,
  debit: Transfer['debit'],
  credit: Transfer['credit'],
  currency: string,
  amount: string,
): Transfer {
  return { cause, kind: cause, debit, credit, currency, amount: d(amount), tradeSeq: null, orderKey: null, fillId: null }
}

/** Worked example 10: fees in quote, base and a third coin; a rest that stays as dust. */
function exampleTen(): Desk {
  const desk = new Desk()
  desk.post(
    transfer('deposit', 'free', 'external', 'USDT', '1000'),
    transfer('deposit-bnb', 'free', 'external', 'BNB', '1'),
    transfer('allocate', 'bot_free', 'free', 'USDT', '500'),
  )
  desk.by(into => reserve(into, 'reserve:1', 'USDT', d('288.864'), 1))
  desk.lock = d('288.864')
  desk.free = d('211.136')
  desk.fill(fill('buy', '1', '100', { fee: d('0.1'), feeValueQuote: d('0.1') }))
  desk.fill(fill('buy', '2', '94', { purpose: 'avg', fee: d('0.002'), feeAsset: 'SOL', feeValueQuote: d('0.188') }))
  return desk
}

function finishTen(desk: Desk): void {
  desk.fill(fill('sell', '0.74', '105', { fee: d('0.0777'), feeValueQuote: d('0.0777') }))
  desk.fill(fill('sell', '2.25', '106', { sequence: 2, fee: d('0.000298125'), feeAsset: 'BNB', feeValueQuote: d('0.178875') }))
  desk.by(into => moveToDust(into, 'dust:1', 'SOL', d('0.008'), 1))
  desk.by(into => release(into, 'release:1', 'USDT', desk.lock, 1))
  desk.free = desk.free.plus(desk.lock)
}

describe('worked examples', () => {
  test('what is bought is paid from the lock', () => {
    const desk = exampleTen()
    assert.equal(desk.lock.toString(), '0.764')
    assert.equal(desk.books.balance('bot_reserved', 'USDT').toString(), '0.764')
    assert.equal(desk.books.balance('position', 'SOL', 1).toString(), '2.998')
    assert.equal(desk.free.toString(), '211.136')
  })

  test('what is sold pays its own fee: the lock stays 0.764 until it is released', () => {
    const desk = exampleTen()
    finishTen(desk)
    assert.equal(desk.lock.toString(), '0.764')
    assert.equal(desk.free.toString(), '527.843425')
    assert.equal(desk.books.balance('bot_free', 'USDT').toString(), '527.843425')
    assert.equal(desk.books.balance('bot_reserved', 'USDT').toString(), '0')
    desk.assertBalanced()
  })

  test('then the venue holds 0.05 more than we know of', () => {
    const desk = exampleTen()
    finishTen(desk)
    desk.by(into => drift(into, 'drift:1', 'USDT', d('0.05')))
    assert.deepEqual(desk.balances(), {
      'bot_dust|SOL': '0.008',
      'bot_free|USDT': '527.843425',
      'external|BNB': '-1',
      'external|USDT': '-1000',
      'fees|BNB': '0.000298125',
      'fees|SOL': '0.002',
      'fees|USDT': '0.1777',
      'free|BNB': '0.999701875',
      'free|USDT': '500.228875',
      'market|SOL|1': '-0.01',
      'market|USDT|1': '-28.2',
      'unexplained|USDT': '-0.05',
    })
    desk.assertBalanced()
  })
})

describe('who pays', () => {
  test('a buy that costs more than its lock takes the rest from what is free', () => {
    const desk = new Desk()
    desk.by(into => depositAndAllocate(into, 'USDT', d('500')))
    desk.by(into => reserve(into, 'reserve:1', 'USDT', d('100'), 1))
    desk.lock = d('100')
    desk.free = d('400')
    desk.fill(fill('buy', '1', '100.5', { fee: d('0.1'), feeValueQuote: d('0.1') }))
    assert.equal(desk.lock.toString(), '0')
    assert.equal(desk.free.toString(), '399.4')
    assert.equal(desk.books.balance('bot_free', 'USDT').toString(), '399.4')
    desk.assertBalanced()
  })

  test('dust goes to the bot and joins a later exit', () => {
    const desk = new Desk()
    desk.by(into => depositAndAllocate(into, 'USDT', d('500')))
    desk.fill(fill('buy', '1', '100'))
    desk.by(into => moveToDust(into, 'dust:1', 'SOL', d('1'), 1))
    assert.equal(desk.books.balance('bot_dust', 'SOL').toString(), '1')
    desk.by(into => sweepDust(into, 'sweep:2', 'SOL', d('1'), 2))
    assert.equal(desk.books.balance('bot_dust', 'SOL').toString(), '0')
    assert.equal(desk.books.balance('position', 'SOL', 2).toString(), '1')
    assert.equal(desk.books.total('position', 'SOL').toString(), '1')
    desk.assertBalanced()
  })
})

describe('what the books refuse', () => {
  test('a cause twice, nothing at all, and a circle', () => {
    const desk = new Desk()
    desk.post(transfer('a', 'free', 'external', 'USDT', '1'))
    assert.throws(() => desk.post(transfer('a', 'free', 'external', 'USDT', '1')), /a is already booked/)
    assert.throws(() => desk.post(transfer('b', 'free', 'external', 'USDT', '0')), /above 0/)
    assert.throws(() => desk.post(transfer('c', 'free', 'external', 'USDT', '-1')), /above 0/)
    assert.throws(() => desk.post(transfer('d', 'free', 'free', 'USDT', '1')), /to itself/)
    assert.deepEqual(desk.balances(), { 'external|USDT': '-1', 'free|USDT': '1' })
  })

  test('a fill twice', () => {
    const desk = new Desk()
    desk.fill(fill('buy', '1', '100'))
    assert.throws(() => desk.fill(fill('buy', '1', '100')), /already booked/)
    desk.fill(fill('buy', '1', '100', { fillId: '2' }))
  })
})

test('property: over any fills the books sum to zero, the position is the lot, and cash has changed by the net result', () => {
  const amount = (max: number, places: number) => fc.integer({ min: 1, max }).map(each => d(each).shifted(-places))
  const trade = fc.record({
    buys: fc.boolean(),
    price: amount(1_000_000, 3),
    quantity: amount(100_000, 4),
    fee: fc.constantFrom('USDT', 'SOL', 'BNB'),
    lock: amount(1_000_000, 2),
  })
  fc.assert(
    fc.property(fc.array(trade, { maxLength: 20 }), trades => {
      const desk = new Desk()
      desk.by(into => depositAndAllocate(into, 'USDT', d('100000')))
      desk.post(transfer('bnb', 'free', 'external', 'BNB', '1'))
      desk.free = d('100000')
      let lot = EMPTY_LOT
      trades.forEach(({ buys, price, quantity, fee, lock }, i) => {
        desk.by(into => reserve(into, `reserve:${i}`, 'USDT', lock, 1))
        desk.lock = desk.lock.plus(lock)
        desk.free = desk.free.minus(lock)
        const most = lot.quantity.dividedBy(d('1.001'), 9, 'down')
        const size = buys ? quantity : quantity.lt(most) ? quantity : most
        if (!size.isPositive()) return
        const feeValueQuote = price.times(size).times(d('0.001'))
        const paid = fee === 'USDT' ? feeValueQuote : fee === 'SOL' ? size.times(d('0.001')) : feeValueQuote.shifted(-3)
        desk.fill(
          fill(buys ? 'buy' : 'sell', size.toString(), price.toString(), {
            fillId: `${i}`,
            fee: paid,
            feeAsset: fee,
            feeValueQuote,
          }),
        )
        lot = applyFill(lot, {
          side: buys ? 'buy' : 'sell',
          price,
          quantity: size,
          feeValueQuote,
          feeBaseQuantity: fee === 'SOL' ? paid : d('0'),
        })
        desk.assertBalanced()
        assert.equal(desk.books.balance('position', 'SOL', 1).toString(), lot.quantity.toString())
        assert.equal(desk.books.balance('bot_reserved', 'USDT').toString(), desk.lock.toString())
        assert.equal(desk.books.balance('bot_free', 'USDT').toString(), desk.free.toString())
        assert.equal(desk.free.plus(desk.lock).plus(lot.basis).minus(d('100000')).toString(), netPnl(lot).toString())
        assert.ok(!desk.lock.isNegative())
      })
    }),
  )
})
