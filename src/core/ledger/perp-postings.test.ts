import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import type { Fill } from '../orders/order.ts'
import {
  applyFunding,
  applyPerpFill,
  EMPTY_PERP_LOT,
  type PerpLot,
  perpEntryPrice,
  perpNetPnl,
  perpUnrealizedPnl,
} from '../positions/perp-lot.ts'
import { Desk, testFill } from './ledger.fixture.ts'
import { postFunding, postPerpFill } from './perp-postings.ts'
import { depositAndAllocate } from './postings.ts'

const d = Decimal.from
const SYMBOL = 'BTC/USDT:USDT'

/** A bot with one perpetual, its lot and its books together. */
class PerpDesk extends Desk {
  lot: PerpLot = EMPTY_PERP_LOT
  readonly start: Decimal
  #fills = 0

  constructor(funds: string) {
    super()
    this.start = d(funds)
    this.free = this.start
    this.by(into => depositAndAllocate(into, 'USDT', this.start))
  }

  trade(side: 'buy' | 'sell', quantity: string, price: string, fee: string, margin = '0', rest: Partial<Fill> = {}): void {
    const fill = testFill(side, quantity, price, {
      symbol: SYMBOL,
      fillId: String(++this.#fills),
      fee: d(fee),
      feeValueQuote: d(fee),
      ...rest,
    })
    const change = applyPerpFill(this.lot, { ...fill, margin: d(margin) })
    this.free = this.free.plus(this.by(into => postPerpFill(into, { fill, quote: 'USDT', change })))
    this.lot = change.lot
  }

  funding(cause: string, amount: string): void {
    this.free = this.free.plus(this.by(into => postFunding(into, cause, 'USDT', d(amount), 1)))
    this.lot = applyFunding(this.lot, d(amount))
  }

  assertSound(): void {
    this.assertBalanced()
    assert.equal(this.books.balance('bot_free', 'USDT').toString(), this.free.toString())
    assert.equal(this.books.balance('bot_margin', 'USDT').toString(), this.lot.margin.toString())
    assert.equal(this.books.balance('position', SYMBOL, 1).toString(), this.lot.quantity.toString())
    assert.equal(this.free.plus(this.lot.margin).minus(this.start).toString(), perpNetPnl(this.lot).toString())
  }
}

describe('worked example 12', () => {
  test('a short that is closed in two parts, once with a gain and once with a loss, and funded in between', () => {
    const desk = new PerpDesk('5000')
    desk.trade('sell', '0.5', '60000', '15', '3000')
    assert.deepEqual([desk.lot.quantity, desk.lot.basis, desk.lot.margin, desk.free].map(String), [
      '-0.5',
      '30000',
      '3000',
      '1985',
    ])
    assert.equal(perpEntryPrice(desk.lot)!.toString(), '60000')
    assert.equal(perpUnrealizedPnl(desk.lot, d('60500')).toString(), '-250')
    desk.assertSound()
    desk.funding('funding:1', d('0.5').times(d('60500')).times(d('0.0001')).toString())
    assert.equal(desk.lot.funding.toString(), '3.025')
    desk.trade('buy', '0.2', '58800', '2.352')
    assert.deepEqual([desk.lot.grossPnl, desk.lot.basis, desk.lot.margin].map(String), ['240', '18000', '1800'])
    desk.assertSound()
    desk.trade('buy', '0.3', '61200', '9.18')
    assert.equal(perpNetPnl(desk.lot).toString(), '-143.507')
    assert.deepEqual(desk.balances(), {
      'bot_free|USDT': '4856.493',
      'external|USDT': '-5000',
      'fees|USDT': '26.532',
      'funding|USDT': '-3.025',
      'market|USDT|1': '120',
    })
    desk.assertSound()
  })
})

describe('a long', () => {
  test('adds up, pays funding, and wins or loses when it is reduced', () => {
    const desk = new PerpDesk('1000')
    desk.trade('buy', '1', '100', '0.05', '20')
    desk.trade('buy', '2', '94', '0.094', '37.6')
    assert.equal(perpEntryPrice(desk.lot)!.toString(), '96')
    assert.equal(perpUnrealizedPnl(desk.lot, d('97.5')).toString(), '4.5')
    desk.funding('funding:1', '-0.5')
    desk.trade('sell', '1', '99', '0')
    assert.deepEqual([desk.lot.grossPnl, desk.lot.margin].map(String), ['3', '38.4'])
    desk.trade('sell', '2', '90', '0')
    assert.deepEqual([desk.lot.grossPnl, desk.lot.basis, desk.lot.margin].map(String), ['-9', '0', '0'])
    assert.equal(perpNetPnl(desk.lot).toString(), '-9.644')
    assert.equal(desk.books.balance('funding', 'USDT').toString(), '0.5')
    assert.equal(perpEntryPrice(desk.lot), null)
    desk.assertSound()
  })

  test('takes its margin out half-even at the eighteenth decimal, and all of it when flat', () => {
    const desk = new PerpDesk('1000')
    desk.trade('buy', '3', '100', '0', '10')
    desk.trade('sell', '1', '100', '0')
    assert.equal(desk.lot.margin.toString(), '6.666666666666666667')
    desk.trade('sell', '2', '100', '0')
    assert.equal(desk.free.toString(), '1000')
    desk.assertSound()
  })

  test('that is sold beyond what it holds ends and becomes a short', () => {
    const desk = new PerpDesk('1000')
    desk.trade('buy', '1', '100', '0', '20')
    desk.trade('sell', '1.5', '110', '0', '11')
    assert.deepEqual([desk.lot.quantity, desk.lot.basis, desk.lot.margin, desk.lot.grossPnl].map(String), [
      '-0.5',
      '55',
      '11',
      '10',
    ])
    desk.assertSound()
  })

  test('whose fee is paid in a third coin is charged its value', () => {
    const desk = new PerpDesk('1000')
    desk.trade('buy', '1', '100', '0.0001', '20', { feeAsset: 'BNB', feeValueQuote: d('0.06') })
    assert.equal(desk.books.balance('fees', 'BNB').toString(), '0.0001')
    assert.equal(desk.books.balance('free', 'USDT').toString(), '0.06')
    desk.assertSound()
  })
})

test('property: flat means no basis and no margin, and the change of equity is the net result after every event', () => {
  const amount = (max: number, places: number) => fc.integer({ min: 1, max }).map(each => d(each).shifted(-places).toString())
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('fill' as const),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      quantity: amount(3000, 3),
      price: amount(10_000_000, 2),
      fee: amount(1000, 4),
      margin: amount(1_000_000, 3),
      flat: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('funding' as const), amount: amount(1000, 5), paid: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 25 }), events => {
      const desk = new PerpDesk('100000')
      events.forEach((each, i) => {
        if (each.kind === 'funding') desk.funding(`funding:${i}`, each.paid ? `-${each.amount}` : each.amount)
        else {
          const held = desk.lot.quantity
          const closes = each.flat && !held.isZero()
          const side = closes ? (held.isNegative() ? 'buy' : 'sell') : each.side
          desk.trade(side, closes ? held.abs().toString() : each.quantity, each.price, each.fee, each.margin)
        }
        desk.assertSound()
        assert.equal(desk.lot.quantity.isZero(), desk.lot.basis.isZero())
        if (desk.lot.quantity.isZero()) assert.ok(desk.lot.margin.isZero())
      })
    }),
  )
})
