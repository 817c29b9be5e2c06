/** A bot at a simulated venue that answers late, refuses, fills in parts, or has rules of its own. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { expectStory, tell } from './story.ts'

const late = { minMs: 200, maxMs: 200 }
const ladder = averaging({ rule: { type: 'ladder', stepPct: '2', stepScale: '1' }, maxOrders: 2, activeOrdersCount: 2 })

describe('orders that travel', () => {
  test('each meets the first candle that opens after its arrival', () => {
    expectStory(
      {
        candles: `
          100 100 100 100
          101 101 101 101
          100 100 100 100
          100 103 100 103
          103 104 103 104`,
        config: { exits: { takeProfit: takeProfit('2') } },
        venue: { latency: late },
      },
      `02:00 base buy 1 @ 100
       03:59 tp1 sell 1 @ 102
       deal 1 take_profit 2`,
    )
  })

  test('a rung that is not there yet misses the fall', () => {
    expectStory(
      {
        candles: `
          100 100 100 100
          100 100 100 100
          100 100 97 99
          99 99 97.5 99
          99 110 99 103
          103 105 103 105`,
        config: { averaging: ladder, exits: { takeProfit: takeProfit('5') } },
        venue: { latency: late },
      },
      `02:00 base buy 1 @ 100
       03:59 avg1 buy 0.51 @ 98
       05:59 tp1 sell 1.51 @ 104.3
       deal 1 take_profit 7.513`,
    )
  })

  test('a stop fires while the cancel of the target is still on its way: the coins are sold once', () => {
    const told = tell({
      candles: `
        100 100 100 100
        100 100 100 100
        100 101 100 100
        100 101 94 95
        95 103 95 103
        103 103 103 103`,
      config: { exits: { takeProfit: takeProfit('2'), stopLoss: stopLoss({ value: '5' }) } },
      venue: { latency: late, cancelLatency: { minMs: 5_000_000, maxMs: 5_000_000 } },
    })
    const sold = told.journal
      .fillsOf(1)
      .filter(fill => fill.side === 'sell')
      .reduce((sum, fill) => sum.plus(fill.quantity), Decimal.from(0))
    assert.equal(sold.toString(), '1', told.lines.join('\n'))
  })
})

describe('a venue that refuses', () => {
  test('every order: no deal is ever held, no money is bound', () => {
    const told = tell({
      candles: `
        100 100 100 100
        100 100 100 100
        100 110 90 100`,
      config: { stopAfterDeals: null, exits: { takeProfit: takeProfit('2') } },
      venue: { rejectProb: 1 },
    })
    assert.ok(told.lines.length > 0 && told.lines.every(line => line.endsWith('ended unfilled')), told.lines.join('\n'))
    assert.equal(told.state.free.toString(), '10000')
    assert.ok(told.journal.ordersOf(1).every(order => order.status === 'rejected' && order.reason === 'REJECTED_BY_CHANCE'))
  })

  test('an exit that is refused as the data ends is out all the same', () => {
    const refusedLast = (seed: number) =>
      tell({
        candles: `
          100 100 100 100
          100 100 100 100
          100 103 100 103`,
        config: { exits: { takeProfit: takeProfit('2', { placement: 'virtual' }) } },
        venue: { rejectProb: 0.5, seed },
      })
    let refused = 0
    for (let seed = 0; seed < 40; seed += 1) {
      const told = refusedLast(seed)
      assert.ok(told.state.ended && told.state.deals.length === 0)
      const last = told.journal.ordersOf(1).filter(order => order.side === 'sell')
      if (last[0]?.status !== 'rejected') continue
      refused += 1
      assert.equal(told.lines.at(-1), 'deal 1 take_profit 3', told.lines.join('\n'))
    }
    assert.ok(refused > 5, `${refused}`)
  })

  test('more orders than it allows: the ladder has fewer rungs, the deal goes on', () => {
    const told = expectStory(
      {
        candles: `
          100 100 100 100
          100 100 100 100
          100 100 93 98
          98 110 98 110`,
        config: { averaging: ladder, exits: { takeProfit: takeProfit('2', { placement: 'virtual' }) } },
        rules: { maxOpenOrders: 1 },
      },
      `01:00 base buy 1 @ 100
       02:59 avg1 buy 0.51 @ 98
       03:59 tp sell 1.51 @ 101.32
       deal 1 take_profit 3.0132`,
    )
    const refused = told.journal.ordersOf(1).filter(order => order.reason === 'TOO_MANY_ORDERS')
    assert.ok(refused.length > 0)
  })
})

test('an execution that is cut in two goes on at the next open', () => {
  const told = tell({
    candles: `
      100 100 100 100
      100 100 100 100
      101 101 101 101
      101 110 101 110
      110 110 110 110`,
    config: { exits: { takeProfit: takeProfit('2') } },
    venue: { partialProb: 1, seed: 1 },
  })
  const [first, second] = told.journal.fillsOf(1).filter(fill => fill.side === 'buy')
  assert.deepEqual([first!.price.toString(), second!.price.toString()], ['100', '101'])
  assert.equal(first!.quantity.plus(second!.quantity).toString(), '1')
})
