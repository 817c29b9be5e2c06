import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Order } from '../../core/orders/order.ts'
import { Clerk, type ClerkOptions, HOUR_MS } from './clerk.fixture.ts'

const QUIET = '100 101 99 100'
const takes = (ms: number) => ({ minMs: ms, maxMs: ms })

/** Orders that are sent at an hour, then candles from that hour on. */
function tell(options: ClerkOptions, orders: readonly string[], candles: readonly string[]): string[] {
  const clerk = new Clerk(options)
  for (const order of orders) clerk.place(order, 0)
  for (const [hour, candle] of candles.entries()) clerk.candle(hour, candle)
  return clerk.told
}

describe('an order lives from the first candle that opens at or after its arrival', () => {
  const CASES: readonly (readonly [
    what: string,
    ms: number,
    order: string,
    candles: readonly string[],
    told: readonly string[],
  ])[] = [
    [
      'without latency it is there at the open',
      0,
      'buy 1',
      [QUIET],
      ['00:00:00.000 accepted 1 at once', '00:00:00.000 fill 1 buy 1 @ 100 taker'],
    ],
    [
      'a moment later it has missed that candle',
      1,
      'buy 1',
      [QUIET, '102 103 101 102'],
      ['00:00:00.000 sent 1', '00:00:00.001 accepted 1', '01:00:00.000 fill 1 buy 1 @ 102 taker'],
    ],
    [
      'exactly at an open it meets that candle',
      HOUR_MS,
      'buy 1',
      [QUIET, '102 103 101 102', '104 105 103 104'],
      ['00:00:00.000 sent 1', '01:00:00.000 accepted 1', '01:00:00.000 fill 1 buy 1 @ 102 taker'],
    ],
    [
      'longer than a candle',
      HOUR_MS + 1,
      'buy 1',
      [QUIET, '102 103 101 102', '104 105 103 104'],
      ['00:00:00.000 sent 1', '01:00:00.001 accepted 1', '02:00:00.000 fill 1 buy 1 @ 104 taker'],
    ],
    [
      'a limit whose price was there before it arrived',
      200,
      'buy 1 @ 99.5',
      [QUIET, '100 101 99.6 100'],
      ['00:00:00.000 sent 1', '00:00:00.200 accepted 1'],
    ],
    [
      'a limit that finds a better price on arrival takes it',
      200,
      'buy 1 @ 99.5',
      ['100 101 100 100', '98 99 97 98'],
      ['00:00:00.000 sent 1', '00:00:00.200 accepted 1', '01:00:00.000 fill 1 buy 1 @ 98 taker'],
    ],
    [
      'one that has rested since before makes',
      200,
      'buy 1 @ 99.5',
      ['100 101 100 100', '100 101 100 100', '98 99 97 98'],
      ['00:00:00.000 sent 1', '00:00:00.200 accepted 1', '02:00:00.000 fill 1 buy 1 @ 98 maker'],
    ],
    [
      'a stop that is beyond on arrival pays the gap',
      200,
      'sell 1 stop 99.5',
      [QUIET, '95 96 94 95'],
      ['00:00:00.000 sent 1', '00:00:00.200 accepted 1', '01:00:00.000 fill 1 sell 1 @ 95 taker'],
    ],
  ]
  for (const [what, ms, order, candles, told] of CASES) {
    test(what, () => assert.deepEqual(tell({ venue: { latency: takes(ms) } }, [order], candles), told))
  }

  test('each order travels for its own time, drawn from the seed', () => {
    const venue = { latency: { minMs: 50, maxMs: 200 }, seed: 42 }
    const lines = tell({ venue }, ['buy 1 @ 90', 'buy 1 @ 91', 'buy 1 @ 92'], [QUIET, QUIET])
    const arrivals = lines.filter(line => line.includes('accepted'))
    assert.equal(new Set(arrivals.map(line => line.slice(0, 12))).size, 3)
    assert.deepEqual(tell({ venue }, ['buy 1 @ 90', 'buy 1 @ 91', 'buy 1 @ 92'], [QUIET, QUIET]), lines)
    assert.notDeepEqual(
      tell({ venue: { ...venue, seed: 43 } }, ['buy 1 @ 90', 'buy 1 @ 91', 'buy 1 @ 92'], [QUIET, QUIET]),
      lines,
    )
  })
})

describe('cancels', () => {
  const slow = { cancelLatency: takes(500) }

  test('one that arrives after the fill has lost', () => {
    const clerk = new Clerk({ venue: slow })
    const order = clerk.place('buy 1 @ 99.5', 0)
    clerk.candle(0, '100 101 100 100')
    clerk.cancel(order, HOUR_MS)
    clerk.candle(1, QUIET)
    clerk.candle(2, QUIET)
    assert.deepEqual(clerk.told, [
      '00:00:00.000 accepted 1 at once',
      '01:00:00.000 cancel_sent 1',
      '01:59:59.999 fill 1 buy 1 @ 99.5 maker',
    ])
  })

  test('one that arrives before ends the order', () => {
    const clerk = new Clerk({ venue: slow })
    const order = clerk.place('buy 1 @ 99.5', 0)
    clerk.cancel(order, 0)
    clerk.candle(0, '100 101 100 100')
    clerk.candle(1, QUIET)
    assert.deepEqual(clerk.told.slice(1), ['00:00:00.000 cancel_sent 1', '00:00:00.500 cancelled 1'])
  })

  test('one never overtakes its order', () => {
    const clerk = new Clerk({ venue: { latency: takes(800) } })
    const order = clerk.place('buy 1 @ 99.5', 0)
    clerk.cancel(order, 100)
    clerk.candle(1, QUIET)
    assert.deepEqual(clerk.told, [
      '00:00:00.000 sent 1',
      '00:00:00.100 cancel_sent 1',
      '00:00:00.800 accepted 1',
      '00:00:00.800 cancelled 1',
    ])
  })

  test('an order is looked up: what rests is told, what is on its way or over is not', () => {
    const clerk = new Clerk({ venue: { latency: takes(800) } })
    const order = clerk.place('buy 1 @ 99.5', 0)
    clerk.lookUp(order, 10)
    clerk.lookUp(order, 900)
    clerk.candle(1, QUIET)
    clerk.lookUp(order, 2 * HOUR_MS)
    assert.deepEqual(
      clerk.told.map(line => line.slice(13)),
      ['sent 1', 'accepted 1', 'accepted 1', 'fill 1 buy 1 @ 99.5 maker'],
    )
  })
})

test('what is on its way when a run is saved arrives in the run that goes on', () => {
  const venue = { latency: takes(HOUR_MS + 5), cancelLatency: takes(2 * HOUR_MS), rejectProb: 0 }
  const play = (saves: boolean): string[] => {
    const first = new Clerk({ venue })
    const orders = ['buy 1 @ 99.5', 'buy 1', 'sell 1 stop 90'].map(text => first.place(text, 0))
    first.cancel(orders[2]!, 10)
    first.candle(0, QUIET)
    if (!saves) {
      for (const hour of [1, 2, 3]) first.candle(hour, QUIET)
      return first.told
    }
    const saved = JSON.parse(JSON.stringify(first.run.savedVenue()))
    const second = new Clerk({ venue, from: { live: orders, venue: saved } })
    for (const hour of [1, 2, 3]) second.candle(hour, QUIET)
    return [...first.told, ...second.told]
  }
  assert.deepEqual(play(true), play(false))
  assert.equal(new Clerk({ venue }).run.savedVenue(), null)
})

describe('refusals', () => {
  const RULES = {
    minQty: '0.2',
    maxQty: '50',
    minNotional: '10',
    maxOpenOrders: 2,
    priceUpMultiplier: '1.2',
    priceDownMultiplier: '0.8',
  }
  const CASES: readonly (readonly [order: string, told: string])[] = [
    ['buy 1 @ 99', 'accepted 1 at once'],
    ['buy 1 @ 99.005', 'rejected 1 at once ORDER_OFF_TICK'],
    ['buy 1.0005 @ 99', 'rejected 1 at once ORDER_OFF_STEP'],
    ['buy 0.1 @ 99', 'rejected 1 at once ORDER_BELOW_MIN_QUANTITY'],
    ['buy 51 @ 99', 'rejected 1 at once ORDER_ABOVE_MAX_QUANTITY'],
    ['sell 0.2 stop 40', 'rejected 1 at once ORDER_BELOW_MIN_NOTIONAL'],
  ]
  for (const [order, told] of CASES)
    test(`${order}: ${told}`, () => assert.equal(tell({ rules: RULES }, [order], [])[0]?.slice(13), told))

  test('a third order is one too many, also while the others are on their way', () => {
    const orders = ['buy 1 @ 97', 'buy 1 @ 98', 'buy 1 @ 99', 'buy 1']
    const now = tell({ rules: RULES }, orders, []).map(line => line.slice(13))
    assert.deepEqual(now.slice(2), ['rejected 3 at once TOO_MANY_ORDERS', 'accepted 4 at once'], 'a market order takes no place')
    const late = tell({ rules: RULES, venue: { latency: takes(300) } }, orders, [QUIET, QUIET])
    assert.equal(late[6], '00:00:00.300 rejected 3 TOO_MANY_ORDERS')
  })

  test('a limit far from the price that trades', () => {
    const clerk = new Clerk({ rules: RULES, venue: { latency: takes(0) } })
    clerk.print('100', '1', 0)
    for (const order of ['sell 1 @ 120.01', 'sell 1 @ 120', 'buy 1 @ 79.99', 'buy 1 @ 80']) clerk.place(order, 0)
    assert.deepEqual(
      clerk.told.map(line => line.slice(13)),
      [
        'rejected 1 at once ORDER_PERCENT_PRICE',
        'accepted 2 at once',
        'rejected 3 at once ORDER_PERCENT_PRICE',
        'accepted 4 at once',
      ],
    )
  })

  test('chance refuses its share, the same orders each time', () => {
    const orders = Array.from({ length: 200 }, () => 'buy 1 @ 90')
    const refused = (rejectProb: number): string[] =>
      tell({ venue: { rejectProb, seed: 3 } }, orders, []).filter(line => line.endsWith('REJECTED_BY_CHANCE'))
    assert.equal(refused(0).length, 0)
    assert.equal(refused(1).length, 200)
    const some = refused(0.3)
    assert.ok(some.length > 40 && some.length < 80, `${some.length}`)
    assert.deepEqual(refused(0.3), some)
  })
})

describe('executions that are cut in two', () => {
  const CUT = { partialProb: 1, seed: 5 }
  const fills = (lines: readonly string[]): string[] => lines.filter(line => line.includes('fill'))
  const quantities = (lines: readonly string[]): number[] => fills(lines).map(line => Number(line.split(' ')[4]))

  const CASES: readonly (readonly [what: string, order: string, candles: readonly string[], prices: readonly string[]])[] = [
    ['a market order: the rest at the next open', 'buy 1', [QUIET, '102 103 101 102'], ['100', '102']],
    [
      'a limit: the rest when it is traded through again',
      'buy 1 @ 99.5',
      ['100 101 99 100', '100 101 99.5 100', '100 101 99 100'],
      ['99.5', '99.5'],
    ],
    ['a stop: the rest at the next open', 'sell 1 stop 99', ['100 101 99 100', '96 97 95 96'], ['99', '96']],
  ]
  for (const [what, asked, candles, prices] of CASES) {
    test(what, () => {
      const lines = tell({ venue: CUT }, [asked], candles)
      assert.deepEqual(
        fills(lines).map(line => line.split(' ')[6]),
        prices,
      )
      const [first, second] = quantities(lines)
      assert.ok(first! > 0 && first! < 1)
      assert.equal((first! + second!).toFixed(3), '1.000')
    })
  }

  test('only the first execution of an order, and never less than a step', () => {
    assert.deepEqual(quantities(tell({ venue: CUT }, ['buy 0.001'], [QUIET, QUIET])), [0.001])
    const each = new Set<number>()
    for (let seed = 0; seed < 200; seed += 1) {
      const parts = quantities(tell({ venue: { partialProb: 0.5, seed } }, ['buy 0.002'], [QUIET, QUIET, QUIET]))
      assert.ok(parts.length <= 2 && parts.every(part => part > 0))
      each.add(parts.length)
    }
    assert.deepEqual([...each].toSorted(), [1, 2])
  })
})

test('the limit of a stop-limit works from the next candle', () => {
  const asked = 'sell 1 stop 97 @ 96.5'
  assert.deepEqual(
    tell({}, [asked], ['100 101 96 98', '98 98 96.4 97']).map(line => line.slice(13)),
    ['accepted 1 at once', 'triggered 1', 'fill 1 sell 1 @ 98 maker'],
  )
})

test('data that ends leaves nothing on its way', () => {
  const clerk = new Clerk({ venue: { latency: takes(500), cancelLatency: takes(9 * HOUR_MS) } })
  const order: Order = clerk.place('buy 1 @ 90', 0)
  clerk.candle(0, QUIET)
  clerk.cancel(order, HOUR_MS)
  clerk.place('buy 1 @ 91', HOUR_MS)
  clerk.run.endOfData(HOUR_MS, new Map())
  assert.deepEqual(clerk.told.slice(-1), ['01:00:00.000 cancelled 1'])
  assert.deepEqual(
    clerk.run.savedVenue()?.underWay.map(each => `${each.what} ${each.order.sequence}`),
    ['order 2'],
    'the machine ends this one by its word on the end of data',
  )
})
