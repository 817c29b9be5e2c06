// Pairs of one bot share its slots, its limits, its money and its clock.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { condition, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import { averaging, dcaConfig, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { expectStory, START_MS } from './story.ts'

const ETH = 'ETH/USDT'
const flat = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')

describe('the delay before a deal', () => {
  test('starts anew when the signal went away while another pair held the slot', () => {
    const above100 = playbook([item('high', condition(price(), 'gt', number('100')))])
    expectStory(
      {
        config: {
          stopAfterDeals: null,
          dealStart: { ...dcaConfig().dealStart, delaySec: 7200 },
          entry: { ...dcaConfig().entry, mode: 'conditional', playbook: above100 },
          exits: { takeProfit: takeProfit('5') },
        },
        // BTC holds the slot from 03:00 until its target at 05:59.
        candles: `${flat(101, 101, 101, 101, 101)}\n101 110 101 101\n${flat(101, 101, 101, 101)}`,
        // True at 02:00, no more at 04:00, again from 06:00: two hours from then.
        others: {
          [ETH]: `${flat(99)}\n99 101 99 101\n${flat(101)}\n101 101 99 99\n${flat(99)}\n99 101 99 101\n${flat(101, 101, 101, 101)}`,
        },
      },
      `03:00 BTC/USDT base buy 0.99 @ 101
       05:59 BTC/USDT tp1 sell 0.99 @ 106.05
       deal 1 take_profit 4.9995
       08:00 ETH/USDT base buy 0.99 @ 101
       10:00 ETH/USDT exit sell 0.99 @ 101
       deal 2 end_of_data 0`,
    )
  })
})

describe('a rung that had to wait for another deal', () => {
  const rung = (amount: string, rest: Parameters<typeof averaging>[0] = {}) =>
    averaging({
      rule: { type: 'ladder', stepPct: '10', stepScale: '1' },
      maxOrders: 1,
      amount: { type: 'fixed', value: amount },
      ...rest,
    })
  // BTC leaves with its profit at 02:59; ETH falls through its rung at 90 two hours later.
  const candles = `${flat(100, 100)}\n100 110 100 110\n${flat(110, 110, 110)}`
  const others = { [ETH]: `${flat(100, 100)}\n100 100 95 95\n${flat(95)}\n95 95 80 80\n${flat(80)}` }
  const two = { stopAfterDeals: 2, maxActiveDeals: 2, exits: { takeProfit: takeProfit('5') } }
  const waits = (told: ReturnType<typeof expectStory>): string[] =>
    told.journal.events.filter(({ event }) => event.type === 'AVERAGING_WAITS').map(({ event }) => event.message)

  test('for the number of orders of all deals: it rests as soon as that is free, and says why it waits', () => {
    const told = expectStory(
      { candles, others, config: { ...two, averaging: rung('90', { maxOrdersAllDeals: 1 }) } },
      `01:00 BTC/USDT base buy 1 @ 100
       02:59 BTC/USDT tp1 sell 1 @ 105
       deal 1 take_profit 5
       01:00 ETH/USDT base buy 1 @ 100
       04:59 ETH/USDT avg1 buy 1 @ 90
       06:00 ETH/USDT exit sell 2 @ 80
       deal 2 end_of_data -30`,
    )
    assert.deepEqual(waits(told), [
      'The next averaging order on ETH/USDT waits: 1 averaging orders work in all deals, the limit is 1',
    ])
  })

  test('for money: it rests as soon as there is enough', () => {
    const told = expectStory(
      { candles, others, capital: '250', config: { ...two, reserve: 'next_order', averaging: rung('36') } },
      `01:00 BTC/USDT base buy 1 @ 100
       02:59 BTC/USDT tp1 sell 1 @ 105
       deal 1 take_profit 5
       01:00 ETH/USDT base buy 1 @ 100
       04:59 ETH/USDT avg1 buy 0.4 @ 90
       06:00 ETH/USDT exit sell 1.4 @ 80
       deal 2 end_of_data -24`,
    )
    assert.deepEqual(waits(told), ['The next averaging order on ETH/USDT waits: order 1 costs more than is reserved or free'])
  })
})

describe('one clock', () => {
  test('what one pair sells at the open is over before what another sells inside the same candle', () => {
    const told = expectStory(
      {
        config: {
          stopAfterDeals: 2,
          maxActiveDeals: 2,
          exits: { takeProfit: takeProfit('50'), stopLoss: stopLoss({ value: '5' }) },
        },
        candles: `${flat(100, 100)}\n100 100 90 90\n${flat(90)}`,
        others: { [ETH]: flat(100, 100, 90, 90) },
      },
      `01:00 BTC/USDT base buy 1 @ 100
       02:59 BTC/USDT sl sell 1 @ 95
       deal 1 stop_loss -5
       01:00 ETH/USDT base buy 1 @ 100
       02:00 ETH/USDT sl sell 1 @ 90
       deal 2 stop_loss -10`,
    )
    assert.deepEqual(
      told.journal.closedTrades().map(trade => [trade.symbol, trade.closedAtMs! - START_MS]),
      [
        [ETH, 7_200_000],
        ['BTC/USDT', 10_799_999],
      ],
    )
  })
})
