// Pauses that the bot gives itself: after a stop loss, and by the circuit breaker. Whoever paused, no order that adds exposure goes on
// working; exits do.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import type { BaseOrder, EmergencyBrake } from '../../src/core/dca/config.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { expectStory, type Told, tell } from './story.ts'

const ETH = 'ETH/USDT'
const FAR = { takeProfit: takeProfit('500') }
const flat = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')
const times = (told: Told, type: string): number[] =>
  told.journal.events.filter(({ event }) => event.type === type).map(({ atMs }) => new Date(atMs).getUTCHours())

describe('a stop loss that pauses or stops the bot', () => {
  for (const action of ['close_and_pause', 'close_and_stop'] as const) {
    test(`${action} takes the resting rung of the other deal back`, () => {
      expectStory(
        {
          config: {
            stopAfterDeals: null,
            maxActiveDeals: 2,
            averaging: averaging({
              rule: { type: 'ladder', stepPct: '10', stepScale: '1' },
              maxOrders: 1,
              amount: { type: 'fixed', value: '90' },
            }),
            exits: { takeProfit: takeProfit('50'), stopLoss: stopLoss({ value: '20', action }) },
          },
          candles: `${flat(100, 100)}\n100 100 70 70\n${flat(70, 70)}`,
          others: { [ETH]: `${flat(100, 100)}\n100 100 95 95\n95 95 85 85\n${flat(85)}` },
        },
        `01:00 BTC/USDT base buy 1 @ 100
         02:59 BTC/USDT avg1 buy 1 @ 90
         02:59 BTC/USDT sl sell 2 @ 76
         deal 1 stop_loss -38
         01:00 ETH/USDT base buy 1 @ 100
         05:00 ETH/USDT exit sell 1 @ 85
         deal 2 end_of_data -15`,
      )
    })

    test(`${action} takes the waiting base order of the other pair back`, () => {
      const told = tell({
        config: {
          stopAfterDeals: null,
          maxActiveDeals: 2,
          baseOrder: { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-2' }, timeoutSec: 864_000 },
          exits: { takeProfit: takeProfit('50'), stopLoss: stopLoss({ value: '20', action }) },
        },
        candles: `${flat(100)}\n100 100 97 97\n97 97 70 70\n${flat(70, 70)}`,
        others: { [ETH]: `${flat(100, 100, 100)}\n100 100 90 90\n${flat(90)}` },
      })
      assert.deepEqual(
        told.lines.filter(line => line.includes(ETH)),
        [],
      )
      assert.equal(told.journal.closedTrades().length, 1)
    })
  }
})

describe('circuit breaker and base orders on their way', () => {
  const brake = (rest: Partial<EmergencyBrake> = {}): EmergencyBrake => ({
    circuitBreaker: { dropPct: '10', windowMin: 60 },
    marketCrash: null,
    action: 'pause',
    recovery: { timeframe: '1h', stabilizationBars: 10, maxRangePct: '2', auto: true },
    ...rest,
  })
  const limit = (rest: Partial<BaseOrder> = {}): Partial<BaseOrder> => ({
    orderType: 'limit',
    limit: { mode: 'offset', offsetPct: '-2' },
    timeoutSec: 86_400,
    ...rest,
  })
  /** 115 falls to 99 in the second hour. */
  const fall = `100 100 100 100\n100 115 99 99\n99 99 97 97\n${flat(97, 97)}`

  test('a waiting limit does not fill once it has tripped', () => {
    const told = expectStory(
      { candles: fall, config: { baseOrder: limit(), emergencyBrake: brake(), exits: FAR } },
      'deal 1 ended unfilled',
    )
    assert.deepEqual(times(told, 'BRAKE_TRIPPED'), [2])
  })

  test('nor does it become a market order when its time is up', () => {
    const baseOrder = limit({ limit: { mode: 'offset', offsetPct: '-20' }, timeoutSec: 7200, onTimeout: 'market' })
    expectStory({ candles: fall, config: { baseOrder, emergencyBrake: brake(), exits: FAR } }, 'deal 1 ended unfilled')
    // Without the breaker it does.
    expectStory(
      { candles: fall, config: { baseOrder, exits: FAR } },
      `03:00 base buy 1.25 @ 97
       05:00 exit sell 1.25 @ 97
       deal 1 end_of_data 0`,
    )
  })

  test('one that is filled in part buys no more; what was bought is kept', () => {
    expectStory(
      {
        candles: `
          100 100 100 100 1000
          100 100 97  97  5
          97  97  80  80  0
          80  80  79  79  2
          79  79  79  79  1000`,
        config: { baseOrder: limit(), emergencyBrake: brake(), exits: FAR },
        venue: { volumeCapPct: Decimal.from('10') },
      },
      `01:59 base buy 0.5 @ 98
       05:00 exit sell 0.5 @ 79
       deal 1 end_of_data -9.5`,
    )
  })

  test('a fall that was answered does not trip it again, though it is still in the window', () => {
    const told = expectStory(
      {
        candles: `100 100 100 100\n100 100 85 85\n${flat(...Array.from({ length: 14 }, () => 85))}`,
        config: {
          stopAfterDeals: null,
          emergencyBrake: brake({
            circuitBreaker: { dropPct: '10', windowMin: 1440 },
            action: 'pause_and_close',
            recovery: { timeframe: '1h', stabilizationBars: 3, maxRangePct: '2', auto: true },
          }),
          exits: FAR,
        },
      },
      `01:00 base buy 1 @ 100
       02:00 exit sell 1 @ 85
       deal 1 brake -15
       05:00 base buy 1.176 @ 85
       16:00 exit sell 1.176 @ 85
       deal 2 end_of_data 0`,
    )
    assert.deepEqual([times(told, 'BRAKE_TRIPPED'), times(told, 'BRAKE_RELEASED')], [[2], [5]])
  })
})
