import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import { allocate, deposit, drift, receiveFromOwnAccount, sendToOwnAccount, takeBack, withdrawal } from './account-postings.ts'
import { Desk } from './ledger.fixture.ts'
import type { Transfer } from './transfer.ts'

const d = Decimal.from

describe('an exchange account', () => {
  test('takes in, gives to a bot, takes back and pays out', () => {
    const desk = new Desk()
    desk.by(into => deposit(into, 'deposit:1', 'USDT', d('1000')))
    desk.by(into => allocate(into, 'allocate:1', 'USDT', d('400')))
    desk.by(into => takeBack(into, 'back:1', 'USDT', d('150')))
    desk.by(into => withdrawal(into, 'withdrawal:1', 'USDT', d('250.5')))
    assert.deepEqual(desk.balances(), { 'bot_free|USDT': '250', 'external|USDT': '-749.5', 'free|USDT': '499.5' })
    desk.assertBalanced()
  })

  test('sends to another account of the same person: what is on its way stands in transit', () => {
    const a = new Desk()
    const b = new Desk()
    a.by(into => deposit(into, 'deposit:1', 'BTC', d('2')))
    a.by(into => sendToOwnAccount(into, 'transfer:7:out', 'BTC', d('0.5')))
    assert.deepEqual(a.balances(), { 'external|BTC': '-2', 'free|BTC': '1.5', 'transit|BTC': '0.5' })
    b.by(into => receiveFromOwnAccount(into, 'transfer:7:in', 'BTC', d('0.5')))
    assert.deepEqual(b.balances(), { 'free|BTC': '0.5', 'transit|BTC': '-0.5' })
    a.assertBalanced()
    b.assertBalanced()
    const onItsWay = a.books.balance('transit', 'BTC').plus(b.books.balance('transit', 'BTC'))
    assert.equal(onItsWay.toString(), '0', 'it has arrived')
  })

  test('follows what the venue holds, in both directions, and says that nobody knows why', () => {
    const desk = new Desk()
    desk.by(into => drift(into, 'drift:1', 'USDT', d('0.05')))
    assert.deepEqual(desk.balances(), { 'free|USDT': '0.05', 'unexplained|USDT': '-0.05' })
    desk.by(into => drift(into, 'drift:2', 'USDT', d('-0.2')))
    assert.deepEqual(desk.balances(), { 'free|USDT': '-0.15', 'unexplained|USDT': '0.15' })
    desk.by(into => drift(into, 'drift:3', 'USDT', d('0')))
    desk.assertBalanced()
  })
})

test('property: whatever an account does, every currency sums to zero and free is what came less what went', () => {
  type Post = (into: Transfer[], cause: string, currency: string, amount: Decimal) => void
  const signs: readonly [Post, number][] = [
    [deposit, 1],
    [withdrawal, -1],
    [allocate, -1],
    [takeBack, 1],
    [sendToOwnAccount, -1],
    [receiveFromOwnAccount, 1],
    [drift, 1],
    [(into, cause, currency, amount) => drift(into, cause, currency, amount.negated()), -1],
  ]
  const move = fc.record({
    what: fc.integer({ min: 0, max: signs.length - 1 }),
    currency: fc.constantFrom('USDT', 'BNB'),
    amount: fc.integer({ min: 1, max: 1_000_000 }).map(each => d(each).shifted(-6)),
  })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), moves => {
      const desk = new Desk()
      const free: Record<string, Decimal> = { USDT: d('0'), BNB: d('0') }
      moves.forEach(({ what, currency, amount }, i) => {
        const [post, sign] = signs[what]!
        desk.by(into => post(into, `move:${i}`, currency, amount))
        free[currency] = sign > 0 ? free[currency]!.plus(amount) : free[currency]!.minus(amount)
        desk.assertBalanced()
        assert.equal(desk.books.balance('free', currency).toString(), free[currency]!.toString())
      })
    }),
  )
})
