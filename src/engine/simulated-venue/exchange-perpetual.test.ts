import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultRules, instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal, sumDecimals, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'
import { type PlacePayload, VenueError } from '../venue.ts'
import { type ExchangeOptions, SimulatedExchange } from './exchange.ts'

const d = Decimal.from
const SYMBOL = 'BTC/USDT:USDT'
const INSTRUMENT = instrumentFromRules({
  ...defaultRules('sim', SYMBOL),
  tick: '0.1',
  step: '0.001',
  makerBps: '2',
  takerBps: '5',
})

function exchange(options: Partial<ExchangeOptions> = {}): SimulatedExchange {
  const venue = new SimulatedExchange({
    instruments: [INSTRUMENT],
    balances: { USDT: d('5000') },
    slippageBps: ZERO,
    ...options,
  })
  move(venue, '60000')
  return venue
}

/** The last price and the mark. */
function move(venue: SimulatedExchange, price: string, atMs = 0): void {
  venue.print({ symbol: SYMBOL, price: d(price), quantity: d('1000'), atMs })
  venue.mark({ symbol: SYMBOL, price: d(price), atMs })
}

function order(clientOrderId: string, side: Side, quantity: string, more: Partial<PlacePayload> = {}): PlacePayload {
  const type = more.stopPrice ? 'stop' : more.limitPrice ? 'limit' : 'market'
  return { clientOrderId, symbol: SYMBOL, side, type, quantity, limitPrice: null, stopPrice: null, reduceOnly: false, ...more }
}

const usdt = (venue: SimulatedExchange): string => {
  const [row] = venue.balances()
  return `${row!.free} + ${row!.locked}`
}

const fillsOf = (venue: SimulatedExchange): string[] =>
  venue.fillsSince(SYMBOL, null).fills.map(({ side, quantity, price, fee }) => `${side} ${quantity} @ ${price} fee ${fee}`)

test('a short from opening to closing: margin, funding, gains, fees', () => {
  const venue = exchange()
  venue.place(order('a', 'sell', '0.5'), 1)
  assert.equal(usdt(venue), '1985 + 0', '3000 of margin and a fee of 15')
  assert.deepEqual(
    venue.positions().map(each => `${each.quantity} @ ${each.entryPrice}`),
    ['-0.5 @ 60000'],
  )
  venue.mark({ symbol: SYMBOL, price: d('60500'), atMs: 2 })
  assert.equal(venue.funding({ symbol: SYMBOL, rate: d('0.0001'), atMs: 3 }).toString(), '-3.025')
  assert.equal(usdt(venue), '1988.025 + 0')
  move(venue, '58800', 4)
  venue.place(order('b', 'buy', '0.2'), 5)
  move(venue, '61200', 6)
  venue.place(order('c', 'buy', '0.3', { reduceOnly: true }), 7)
  // 5000 + 240 - 360 - 15 - 5.88 - 9.18 + 3.025
  assert.equal(usdt(venue), '4852.965 + 0')
  assert.deepEqual(venue.positions(), [])
})

test('a long at its liquidation price loses its margin, no more', () => {
  const venue = exchange()
  venue.place(order('a', 'buy', '0.5'), 1)
  const before = usdt(venue)
  assert.equal(venue.liquidationPriceOf(SYMBOL)!.toString(), '54271.4')
  venue.place(order('tp', 'sell', '0.5', { limitPrice: '70000', reduceOnly: true }), 1)
  move(venue, '54271.5', 2)
  assert.equal(venue.positions().length, 1)
  move(venue, '54271.4', 3)
  assert.deepEqual(venue.positions(), [])
  assert.equal(usdt(venue), before)
  assert.deepEqual(fillsOf(venue), ['buy 0.5 @ 60000 fee 15', 'sell 0.5 @ 54271.4 fee 135.7'])
  assert.deepEqual(
    venue.history(0).map(each => `${each.clientOrderId} ${each.status} ${each.reason}`),
    ['a filled null', 'tp expired REDUCE_ONLY'],
    'what would have reduced it ends with it',
  )
  assert.equal(venue.liquidationPriceOf(SYMBOL), null)
})

test('a stop nearer than the liquidation price goes first, also where the mark jumps over both', () => {
  for (const [stop, fills] of [
    ['55000', ['buy 0.5 @ 60000 fee 15', 'sell 0.5 @ 54000 fee 0']],
    ['54000', ['buy 0.5 @ 60000 fee 15', 'sell 0.5 @ 54271.4 fee 135.7']],
  ] as const) {
    const venue = exchange({ balances: { USDT: d('3015') } })
    venue.place(order('a', 'buy', '0.5'), 1)
    venue.place(order('sl', 'sell', '0.5', { stopPrice: stop, reduceOnly: true }), 1)
    move(venue, '54000', 2)
    assert.deepEqual(fillsOf(venue), fills, stop)
    assert.deepEqual(venue.positions(), [])
  }
})

test('a loss beyond the margin is not taken from what is free', () => {
  const venue = exchange()
  venue.place(order('a', 'buy', '0.5'), 1)
  venue.print({ symbol: SYMBOL, price: d('50000'), quantity: d('1'), atMs: 2 })
  venue.place(order('b', 'sell', '0.5', { reduceOnly: true }), 2)
  // 5000 - 3000 - 15, and the fee of a sale at 50000
  assert.equal(usdt(venue), '1972.5 + 0')
})

test('stops follow the mark, or the last price where that is chosen', () => {
  for (const [triggerRef, isOpen] of [
    ['mark', true],
    ['last', false],
  ] as const) {
    const venue = exchange({ triggerRef })
    venue.place(order('a', 'buy', '0.1'), 1)
    venue.place(order('sl', 'sell', '0.1', { stopPrice: '59000', reduceOnly: true }), 1)
    venue.print({ symbol: SYMBOL, price: d('58000'), quantity: d('5'), atMs: 2 })
    assert.equal(venue.openOrders().length > 0, isOpen, triggerRef)
  }
})

test('reduce-only never opens: refused without a position, cut to what is left of one', () => {
  const venue = exchange()
  const refused = (payload: PlacePayload): void => {
    assert.throws(
      () => venue.place(payload, 1),
      (error: unknown) => error instanceof VenueError && error.class === 'refused' && error.code === 'REDUCE_ONLY',
    )
  }
  refused(order('x', 'sell', '0.1', { reduceOnly: true }))
  venue.place(order('a', 'buy', '0.3'), 1)
  refused(order('y', 'buy', '0.1', { reduceOnly: true }))
  venue.place(order('tp', 'sell', '0.3', { limitPrice: '61000', reduceOnly: true }), 1)
  venue.place(order('b', 'sell', '0.2'), 2)
  move(venue, '61001', 3)
  assert.deepEqual(
    venue.history(3).map(each => `${each.clientOrderId} ${each.status} ${each.executedQuantity} ${each.reason}`),
    ['tp expired 0.1 REDUCE_ONLY'],
  )
  assert.deepEqual(venue.positions(), [])
})

test('funding beyond what is free comes out of the margin, and no more than that', () => {
  const venue = exchange({ balances: { USDT: d('3016') } })
  venue.place(order('a', 'buy', '0.5'), 1)
  assert.equal(venue.funding({ symbol: SYMBOL, rate: d('0.01'), atMs: 2 }).toString(), '300')
  assert.equal(usdt(venue), '0 + 0')
  assert.equal(venue.position(SYMBOL).margin.toString(), '2701')
  assert.equal(venue.liquidationPriceOf(SYMBOL)!.toString(), '54872.4', 'it lies nearer now')
  assert.equal(venue.funding({ symbol: SYMBOL, rate: d('0.2'), atMs: 3 }).toString(), '2701')
})

test('funding from a history: each time once, a missing rate costs nothing and is flagged', () => {
  const venue = exchange()
  const hour = 3_600_000
  const history = [
    { atMs: 8 * hour, rate: d('0.0001') },
    { atMs: 24 * hour, rate: d('-0.0002') },
  ]
  venue.place(order('a', 'buy', '0.5'), 1)
  const told = (toMs: number): string[] =>
    venue
      .fundFrom(SYMBOL, history, 8 * hour, toMs)
      .map(({ atMs, paid, isMissing }) => `${atMs / hour} ${paid}${isMissing ? ' missing' : ''}`)
  assert.deepEqual(told(20 * hour), ['8 3', '16 0 missing'])
  assert.deepEqual(told(24 * hour), ['24 -6'])
  assert.deepEqual(told(24 * hour), [])
  assert.equal(usdt(venue), '1988 + 0')
})

type Act =
  | { readonly act: 'order'; readonly side: Side; readonly quantity: number; readonly price: number; readonly kind: string }
  | { readonly act: 'move'; readonly price: number }
  | { readonly act: 'funding'; readonly rate: number }

test('property: money and margin are what was brought, what fills and fees made of it, and funding', () => {
  const price = fc.integer({ min: 550_000, max: 650_000 })
  const acts: fc.Arbitrary<Act> = fc.oneof(
    fc.record({
      act: fc.constant('order' as const),
      side: fc.constantFrom<Side>('buy', 'sell'),
      quantity: fc.integer({ min: 1, max: 200 }),
      price,
      kind: fc.constantFrom('market', 'limit', 'stop', 'reduce'),
    }),
    fc.record({ act: fc.constant('move' as const), price }),
    fc.record({ act: fc.constant('funding' as const), rate: fc.integer({ min: -20, max: 20 }) }),
  )
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 50 }), list => {
      // At this leverage no price here can eat a margin: no loss is left with the venue.
      const venue = exchange({ leverage: d('4'), slippageBps: d('5') })
      let funding = ZERO
      for (const [n, one] of list.entries()) {
        if (one.act === 'move') move(venue, String(one.price / 10), n)
        else if (one.act === 'funding')
          funding = funding.plus(venue.funding({ symbol: SYMBOL, rate: d(one.rate).shifted(-4), atMs: n }))
        else {
          const at = String(one.price / 10)
          const more =
            one.kind === 'limit'
              ? { limitPrice: at }
              : one.kind === 'stop'
                ? { stopPrice: at }
                : one.kind === 'reduce'
                  ? { limitPrice: at, reduceOnly: true }
                  : {}
          try {
            venue.place(order(`o${n}`, one.side, (one.quantity / 1000).toFixed(3), more), n)
          } catch (error) {
            assert.ok(error instanceof VenueError, String(error))
          }
        }
        const [row] = venue.balances()
        const held = venue.position(SYMBOL)
        assert.ok(!row!.free.isNegative() && !row!.locked.isNegative())
        let quantity = ZERO
        let cash = d('5000').minus(funding)
        for (const fill of venue.fillsSince(SYMBOL, null).fills) {
          const value = fill.price.times(fill.quantity)
          cash = cash.plus(fill.side === 'buy' ? value.negated() : value).minus(fill.fee!)
          quantity = fill.side === 'buy' ? quantity.plus(fill.quantity) : quantity.minus(fill.quantity)
        }
        assert.equal(held.quantity.toString(), quantity.toString())
        // bought on margin: the basis was not paid, so it counts as owed (long) or as received (short)
        const owed = quantity.isPositive() ? held.basis : held.basis.negated()
        const has = sumDecimals([row!.free, row!.locked, held.margin])
        assert.equal(has.toString(), cash.plus(owed).toString())
        if (venue.openOrders().length === 0) assert.ok(row!.locked.isZero())
      }
    }),
    { numRuns: 300 },
  )
})
