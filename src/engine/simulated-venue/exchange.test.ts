import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { defaultRules, type InstrumentRules, instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal, ZERO } from '../../core/money/decimal.ts'
import type { OrderType, Side } from '../../core/orders/order.ts'
import { type PlacePayload, VenueError, type VenueMessage } from '../venue.ts'
import { type ExchangeOptions, SimulatedExchange } from './exchange.ts'

const d = Decimal.from
const SYMBOL = 'BTC/USDT'

function listed(rules: Partial<InstrumentRules> = {}) {
  return instrumentFromRules({ ...defaultRules('sim', SYMBOL), step: '0.001', minNotional: '10', ...rules })
}

function exchange(options: Partial<ExchangeOptions> = {}, rules: Partial<InstrumentRules> = {}): SimulatedExchange {
  return new SimulatedExchange({
    instruments: [listed(rules)],
    balances: { USDT: d('10000'), BTC: d('10') },
    slippageBps: d('5'),
    ...options,
  })
}

let lastId = 0

function freshId(): string {
  lastId += 1
  return `c${lastId}`
}

/** `buy 1 @ 100`: a limit; `sell 1 stop 97`; `buy 1`: at the market; a trailing `reduce` makes it reduce-only. */
function payload(text: string, clientOrderId = freshId()): PlacePayload {
  const [side, quantity, word, price, , limit] = text.replace(' reduce', '').split(' ')
  const type: OrderType = word === 'stop' ? (limit ? 'stop_limit' : 'stop') : word === '@' ? 'limit' : 'market'
  return {
    clientOrderId,
    symbol: SYMBOL,
    side: side as Side,
    type,
    quantity: quantity!,
    limitPrice: word === '@' ? price! : (limit ?? null),
    stopPrice: word === 'stop' ? price! : null,
    reduceOnly: text.endsWith('reduce'),
  }
}

function fillsOf(venue: SimulatedExchange): string[] {
  return venue
    .fillsSince(SYMBOL, null)
    .fills.map(({ side, quantity, price, liquidity }) => `${side} ${quantity} @ ${price} ${liquidity}`)
}

function balancesOf(venue: SimulatedExchange): Record<string, string> {
  return Object.fromEntries(venue.balances().map(({ currency, free, locked }) => [currency, `${free} + ${locked}`]))
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof VenueError, String(error))
    return `${error.class} ${error.code}`
  }
  return 'taken'
}

const print = (venue: SimulatedExchange, price: string, quantity = '100', atMs = 0): void =>
  venue.print({ symbol: SYMBOL, price: d(price), quantity: d(quantity), atMs })

describe('orders meet the market', () => {
  const CASES: readonly (readonly [
    what: string,
    orders: readonly string[],
    prints: readonly (string | readonly [price: string, quantity: string])[],
    fills: readonly string[],
    options?: Partial<ExchangeOptions>,
  ])[] = [
    ['a market buy without quote pays the last price and slips', ['buy 1'], [], ['buy 1 @ 100.05 taker']],
    ['a limit is not filled by a trade at its price', ['buy 1 @ 99'], ['99'], []],
    ['a trade through it fills it at its price', ['buy 1 @ 99'], ['98.5'], ['buy 1 @ 99 maker']],
    ['no more than what was traded', ['buy 1 @ 99'], [['98.5', '0.4']], ['buy 0.4 @ 99 maker']],
    ['the rest follows', ['buy 1 @ 99'], [['98.5', '0.4'], '98.9'], ['buy 0.4 @ 99 maker', 'buy 0.6 @ 99 maker']],
    ['a share of what was traded', ['buy 1 @ 99'], [['98.5', '5']], ['buy 0.5 @ 99 maker'], { volumeCapPct: d('10') }],
    [
      'the share is one for all orders, the nearer price first',
      ['buy 0.4 @ 99', 'buy 0.4 @ 99.5'],
      [['98.5', '5']],
      ['buy 0.4 @ 99.5 maker', 'buy 0.1 @ 99 maker'],
      { volumeCapPct: d('10') },
    ],
    ['a queue passes at the very price', ['buy 1 @ 99'], [['99', '3']], ['buy 1 @ 99 maker'], { queueAhead: d('2') }],
    ['a queue that is still there does not', ['buy 1 @ 99'], [['99', '2']], [], { queueAhead: d('2') }],
    [
      'a queue is passed bit by bit',
      ['buy 1 @ 99'],
      [
        ['99', '1.5'],
        ['99', '0.7'],
      ],
      ['buy 0.2 @ 99 maker'],
      { queueAhead: d('2') },
    ],
    ['a limit beyond the last price takes', ['buy 1 @ 101'], [], ['buy 1 @ 100.05 taker']],
    ['it never pays more than its limit', ['buy 1 @ 100.02'], [], ['buy 1 @ 100.02 taker']],
    ['a stop is triggered by a touch', ['sell 1 stop 97'], ['97'], ['sell 1 @ 96.95 taker']],
    ['a gap over it is paid', ['sell 1 stop 97'], ['95'], ['sell 1 @ 94.95 taker']],
    ['a buy stop', ['buy 1 stop 103'], ['103'], ['buy 1 @ 103.06 taker']],
    ['a stop limit that is jumped over rests', ['sell 1 stop 97 @ 96'], ['95'], []],
    ['and fills when the price comes back through', ['sell 1 stop 97 @ 96'], ['95', '96.01'], ['sell 1 @ 96 maker']],
    ['what lies nearer goes first', ['sell 1 stop 95', 'buy 1 @ 98'], ['94'], ['buy 1 @ 98 maker', 'sell 1 @ 93.95 taker']],
  ]
  for (const [what, orders, prints, fills, options] of CASES) {
    test(what, () => {
      const venue = exchange(options)
      print(venue, '100')
      for (const order of orders) venue.place(payload(order), 1)
      for (const each of prints)
        print(venue, typeof each === 'string' ? each : each[0], typeof each === 'string' ? '100' : each[1])
      assert.deepEqual(fillsOf(venue), fills)
    })
  }

  test('a market order crosses the depth, and what it took is gone until the next quote', () => {
    const venue = exchange()
    const depth = {
      asks: [
        { price: d('100.1'), quantity: d('1') },
        { price: d('100.3'), quantity: d('2') },
      ],
      bids: [{ price: d('99.9'), quantity: d('1') }],
    }
    const quote = () => venue.quote({ symbol: SYMBOL, bid: d('99.9'), ask: d('100.1'), depth, atMs: 1 })
    quote()
    const first = venue.place(payload('buy 2'), 1)
    assert.deepEqual([first.status, first.executedQuantity?.toString()], ['filled', '2'])
    const second = venue.place(payload('buy 1.5'), 1)
    assert.deepEqual([second.status, second.executedQuantity?.toString()], ['open', '1'])
    quote()
    assert.deepEqual(fillsOf(venue), [
      'buy 1 @ 100.1 taker',
      'buy 1 @ 100.3 taker',
      'buy 1 @ 100.3 taker',
      'buy 0.5 @ 100.1 taker',
    ])
    venue.place(payload('sell 3 @ 99.9'), 1)
    assert.deepEqual(fillsOf(venue).at(-1), 'sell 1 @ 99.9 taker', 'a limit takes what lies within it and rests')
    assert.deepEqual(balancesOf(venue)['BTC'], '10.5 + 2')
  })

  test('without depth a market order pays the other side and slips; a trade outside the quote makes it old', () => {
    const venue = exchange()
    venue.quote({ symbol: SYMBOL, bid: d('99'), ask: d('101'), atMs: 1 })
    venue.place(payload('buy 1'), 1)
    venue.place(payload('sell 1'), 1)
    print(venue, '90')
    venue.place(payload('sell 1'), 2)
    assert.deepEqual(fillsOf(venue), ['buy 1 @ 101.06 taker', 'sell 1 @ 98.95 taker', 'sell 1 @ 89.95 taker'])
  })
})

describe('what is refused', () => {
  const RULES = { maxQty: '50', priceUpMultiplier: '1.2', priceDownMultiplier: '0.8', maxOpenOrders: 2 }
  const CASES: readonly (readonly [order: string, code: string])[] = [
    ['buy 1 @ 99', 'taken'],
    ['buy 1 @ 99.005', 'filter ORDER_OFF_TICK'],
    ['sell 1 stop 97.001', 'filter ORDER_OFF_TICK'],
    ['buy 1.0005 @ 99', 'filter ORDER_OFF_STEP'],
    ['buy 0 @ 99', 'filter ORDER_OFF_STEP'],
    ['buy 0.15 @ 99', 'filter ORDER_BELOW_MIN_QUANTITY'],
    ['buy 51 @ 99', 'filter ORDER_ABOVE_MAX_QUANTITY'],
    ['sell 0.2 @ 99', 'taken'],
    ['sell 0.2 stop 49', 'filter ORDER_BELOW_MIN_NOTIONAL'],
    ['buy 0.2', 'taken'],
    ['sell 1 @ 120.01', 'filter ORDER_PERCENT_PRICE'],
    ['sell 1 @ 120', 'taken'],
    ['buy 1 @ 79.99', 'filter ORDER_PERCENT_PRICE'],
    ['buy 1 @ 80', 'taken'],
    ['sell 20 @ 101', 'refused INSUFFICIENT_FREE'],
    ['sell 1 stop 100', 'refused STOP_WOULD_TRIGGER'],
    ['sell 1 reduce', 'refused REDUCE_ONLY'],
    ['buy x', 'filter BAD_ORDER'],
  ]
  for (const [order, code] of CASES) {
    test(`${order}: ${code}`, () => {
      const venue = exchange({}, { ...RULES, minQty: '0.2' })
      print(venue, '100')
      const before = balancesOf(venue)
      assert.equal(
        codeOf(() => venue.place(payload(order), 1)),
        code,
      )
      if (code !== 'taken') assert.deepEqual([venue.openOrders(), venue.history(0), balancesOf(venue)], [[], [], before])
    })
  }

  test('too many orders, an id in use, an unknown pair, no price', () => {
    const venue = exchange({}, RULES)
    assert.equal(
      codeOf(() => venue.place(payload('buy 1'), 1)),
      'refused NO_MARKET_PRICE',
    )
    print(venue, '100')
    venue.place(payload('buy 1 @ 99', 'a'), 1)
    assert.equal(
      codeOf(() => venue.place(payload('buy 1 @ 98', 'a'), 1)),
      'duplicate DUPLICATE_CLIENT_ORDER_ID',
    )
    venue.place(payload('buy 1 @ 98', 'b'), 1)
    assert.equal(
      codeOf(() => venue.place(payload('buy 1 @ 97', 'c'), 1)),
      'refused TOO_MANY_ORDERS',
    )
    assert.equal(
      codeOf(() => venue.place({ ...payload('buy 1'), symbol: 'ETH/USDT' }, 1)),
      'refused UNKNOWN_INSTRUMENT',
    )
  })

  test('a buy needs its price and its fee; what a resting order holds is not free', () => {
    const venue = exchange({ balances: { USDT: d('200.2') } })
    print(venue, '101')
    venue.place(payload('buy 1 @ 100', 'a'), 1)
    assert.deepEqual(balancesOf(venue), { USDT: '100.1 + 100.1' })
    assert.equal(
      codeOf(() => venue.place(payload('buy 1.001 @ 100'), 1)),
      'refused INSUFFICIENT_FREE',
    )
    venue.place(payload('buy 1 @ 100', 'b'), 1)
    print(venue, '99', '1.5')
    assert.deepEqual(balancesOf(venue), { BTC: '1.5 + 0', USDT: '0 + 50.05' })
    venue.cancel({ symbol: SYMBOL, clientOrderId: 'b', venueOrderId: null }, 2)
    assert.deepEqual(balancesOf(venue), { BTC: '1.5 + 0', USDT: '50.05 + 0' })
  })
})

describe('the life of an order', () => {
  test('found by either id, listed while it works, told as it changes', () => {
    const messages: VenueMessage[] = []
    const venue = exchange({ onMessage: message => messages.push(message) })
    print(venue, '100')
    const placed = venue.place(payload('buy 1 @ 99', 'a'), 10)
    const ref = { symbol: SYMBOL, clientOrderId: 'a', venueOrderId: null }
    assert.deepEqual([placed.status, placed.venueOrderId, placed.updatedAtMs], ['open', 'x1', 10])
    assert.deepEqual(venue.find(ref), placed)
    assert.deepEqual(venue.find({ ...ref, venueOrderId: 'x1' }), placed)
    assert.equal(venue.find({ ...ref, clientOrderId: 'z' }), null)
    print(venue, '98', '0.5', 20)
    assert.deepEqual(
      venue.openOrders().map(order => [order.clientOrderId, order.executedQuantity?.toString()]),
      [['a', '0.5']],
    )
    assert.equal(venue.cancel(ref, 30).status, 'cancelled')
    assert.deepEqual(venue.openOrders(), [])
    assert.deepEqual(
      venue.history(21).map(order => `${order.clientOrderId} ${order.status}`),
      ['a cancelled'],
    )
    assert.deepEqual(venue.history(31), [])
    assert.equal(
      codeOf(() => venue.cancel(ref, 31)),
      'not_found UNKNOWN_ORDER',
    )
    assert.deepEqual(
      messages.map(message => (message.kind === 'order' ? message.order.status : message.kind)),
      ['open', 'fill', 'open', 'cancelled'],
    )
  })

  test('an id is free again where the venue frees it', () => {
    for (const [freesEndedIds, code] of [
      [true, 'taken'],
      [false, 'duplicate DUPLICATE_CLIENT_ORDER_ID'],
    ] as const) {
      const venue = exchange({ freesEndedIds })
      print(venue, '100')
      venue.place(payload('buy 1', 'a'), 1)
      assert.equal(
        codeOf(() => venue.place(payload('buy 1', 'a'), 1)),
        code,
      )
    }
  })

  test('fills come in pages', () => {
    const venue = exchange({ pageSize: 2 })
    print(venue, '100')
    for (let n = 0; n < 5; n += 1) venue.place(payload('buy 0.2'), n)
    const pages: string[] = []
    let cursor: string | null = null
    for (let complete = false; !complete; ) {
      const page = venue.fillsSince(SYMBOL, cursor)
      pages.push(page.fills.map(fill => fill.venueFillId).join(' '))
      cursor = page.cursor
      complete = page.complete
    }
    assert.deepEqual(pages, ['t1 t2', 't3 t4', 't5'])
    assert.deepEqual(venue.fillsSince(SYMBOL, cursor), { fills: [], cursor, complete: true })
    assert.deepEqual(venue.fillsSince('ETH/USDT', null).fills, [])
  })

  test('rules may change under a resting order; a delisted pair ends them', () => {
    const venue = exchange()
    print(venue, '100')
    venue.place(payload('buy 1.001 @ 99', 'a'), 1)
    venue.setInstrument(listed({ step: '0.1' }))
    assert.equal(
      codeOf(() => venue.place(payload('buy 1.001 @ 99'), 1)),
      'filter ORDER_OFF_STEP',
    )
    print(venue, '98', '0.5')
    assert.deepEqual(fillsOf(venue), ['buy 0.5 @ 99 maker'])
    venue.delist(SYMBOL, 5)
    assert.deepEqual(
      venue.history(5).map(order => [order.status, order.reason]),
      [['expired', 'DELISTED']],
    )
    assert.equal(
      codeOf(() => venue.place(payload('buy 1'), 6)),
      'refused UNKNOWN_INSTRUMENT',
    )
    print(venue, '97')
    assert.equal(balancesOf(venue)['USDT']?.endsWith('+ 0'), true)
  })

  test('fees in quote, in base, in another coin while there is enough of it', () => {
    const inBase = exchange({}, { feeAsset: 'BTC' })
    print(inBase, '100')
    inBase.place(payload('buy 1'), 1)
    assert.equal(balancesOf(inBase)['BTC'], '10.999 + 0')

    const venue = exchange({ balances: { USDT: d('10000'), BTC: d('10'), BNB: d('0.0003') }, slippageBps: ZERO })
    print(venue, '100')
    venue.payFeesIn({ currency: 'BNB', priceInQuote: d('500') })
    venue.place(payload('buy 1'), 1)
    venue.place(payload('buy 1'), 1)
    venue.payFeesIn(null)
    venue.place(payload('sell 1'), 1)
    assert.deepEqual(
      venue.fillsSince(SYMBOL, null).fills.map(({ fee, feeAsset }) => `${fee} ${feeAsset}`),
      ['0.0002 BNB', '0.1 USDT', '0.1 USDT'],
    )
    assert.deepEqual(balancesOf(venue), { BNB: '0.0001 + 0', BTC: '11 + 0', USDT: '9899.8 + 0' })
  })

  test('an order that the account can no longer pay fills in part and expires', () => {
    const venue = exchange({ balances: { USDT: d('103.2') }, slippageBps: ZERO })
    print(venue, '100')
    venue.place(payload('buy 1 stop 103', 'a'), 1)
    print(venue, '110')
    const order = venue.find({ symbol: SYMBOL, clientOrderId: 'a', venueOrderId: null })!
    assert.deepEqual([order.status, order.reason, order.executedQuantity?.toString()], ['expired', 'INSUFFICIENT_FREE', '0.937'])
    assert.ok(venue.balances().every(({ free, locked }) => !free.isNegative() && locked.isZero()))
  })
})

type Act =
  | { readonly act: 'place'; readonly order: string; readonly id: number }
  | { readonly act: 'cancel'; readonly id: number }
  | { readonly act: 'print'; readonly price: number; readonly quantity: number }
  | { readonly act: 'quote'; readonly price: number; readonly deep: boolean }
  | { readonly act: 'fees'; readonly on: boolean }

const prices = fc.integer({ min: 9000, max: 11000 }).map(cents => (cents / 100).toFixed(2))
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('buy', 'sell'),
        fc.integer({ min: 100, max: 4000 }),
        fc.constantFrom('', '@', 'stop', 'both'),
        prices,
        prices,
        fc.nat(30),
      )
      .map(([side, quantity, kind, price, other, id]): Act => {
        const amount = `${side} ${(quantity / 1000).toFixed(3)}`
        const rest = kind === '' ? '' : kind === 'both' ? ` stop ${price} @ ${other}` : ` ${kind} ${price}`
        return { act: 'place', order: amount + rest, id }
      }),
  },
  { weight: 1, arbitrary: fc.nat(30).map((id): Act => ({ act: 'cancel', id })) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.integer({ min: 9000, max: 11000 }), fc.integer({ min: 1, max: 9000 }))
      .map(([price, quantity]): Act => ({ act: 'print', price: price / 100, quantity: quantity / 1000 })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 9000, max: 11000 }), fc.boolean())
      .map(([price, deep]): Act => ({ act: 'quote', price: price / 100, deep })),
  },
  { weight: 1, arbitrary: fc.boolean().map((on): Act => ({ act: 'fees', on })) },
)

test('property: what an account has is what it brought, and what its fills and their fees made of it', () => {
  const settings = fc.record({
    feeAsset: fc.constantFrom('USDT', 'BTC'),
    makerBps: fc.constantFrom('10', '-1', '0'),
    capPct: fc.constantFrom('0', '10', '70'),
    queue: fc.boolean(),
    frees: fc.boolean(),
  })
  fc.assert(
    fc.property(settings, fc.array(acts, { maxLength: 60 }), ({ feeAsset, makerBps, capPct, queue, frees }, list) => {
      const start: Record<string, Decimal> = { USDT: d('700'), BTC: d('6'), BNB: d('0.002') }
      const venue = exchange(
        {
          balances: start,
          volumeCapPct: d(capPct),
          freesEndedIds: frees,
          ...(queue ? { queueAhead: d('0.5') } : {}),
        },
        { feeAsset, makerBps },
      )
      print(venue, '100')
      for (const [n, one] of list.entries()) {
        if (one.act === 'place') codeOf(() => venue.place(payload(one.order, `p${one.id}`), n))
        else if (one.act === 'cancel')
          codeOf(() => venue.cancel({ symbol: SYMBOL, clientOrderId: `p${one.id}`, venueOrderId: null }, n))
        else if (one.act === 'print') print(venue, String(one.price), String(one.quantity), n)
        else if (one.act === 'fees') venue.payFeesIn(one.on ? { currency: 'BNB', priceInQuote: d('301.7') } : null)
        else {
          const bid = d(one.price)
          const ask = bid.plus(d('0.03'))
          const side = (price: Decimal, sign: number) =>
            [0, 1, 2].map(k => ({ price: price.plus(d(k * sign).percent()), quantity: d('0.4') }))
          const depth = { bids: side(bid, -1), asks: side(ask, 1) }
          venue.quote({ symbol: SYMBOL, bid, ask, atMs: n, ...(one.deep ? { depth } : {}) })
        }

        const expected = new Map(Object.entries(start))
        const add = (currency: string, amount: Decimal) => expected.set(currency, (expected.get(currency) ?? ZERO).plus(amount))
        const executed = new Map<string, Decimal>()
        for (const { side, price, quantity, fee, feeAsset: asset, venueOrderId } of venue.fillsSince(SYMBOL, null).fills) {
          const value = price.times(quantity)
          add('BTC', side === 'buy' ? quantity : quantity.negated())
          add('USDT', side === 'buy' ? value.negated() : value)
          add(asset!, fee!.negated())
          executed.set(venueOrderId, (executed.get(venueOrderId) ?? ZERO).plus(quantity))
        }
        for (const { currency, free, locked } of venue.balances()) {
          assert.ok(!free.isNegative() && !locked.isNegative(), `${currency} ${free} + ${locked}`)
          assert.equal(free.plus(locked).toString(), expected.get(currency)!.toString(), currency)
        }
        const works = new Set(venue.openOrders().map(order => order.side))
        for (const { currency, locked } of venue.balances()) {
          const side = currency === 'USDT' ? 'buy' : 'sell'
          if (!works.has(side)) assert.ok(locked.isZero(), `${locked} ${currency} stay locked for nothing`)
        }
        for (const order of venue.history(0)) {
          assert.equal(order.executedQuantity!.toString(), (executed.get(order.venueOrderId) ?? ZERO).toString())
          assert.equal(order.status === 'filled', order.executedQuantity!.equals(order.quantity), order.status)
        }
      }
    }),
    { numRuns: 300 },
  )
})
