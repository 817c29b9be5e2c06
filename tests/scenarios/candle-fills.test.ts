import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import type { Side } from '../../src/core/orders/order.ts'
import { Clerk } from '../../src/engine/simulated-venue/clerk.fixture.ts'
import type { VenueParameters } from '../../src/engine/simulated-venue/fill-price.ts'
import { expectStory } from './story.ts'

const d = Decimal.from

interface Asked {
  readonly side: Side
  readonly type: 'market' | 'limit' | 'stop'
  readonly price?: string
  readonly quantity?: string
}

/** What an order that arrives before the candles is filled with: `quantity @ price` for each fill. */
function fillsOf(asked: Asked, candles: readonly string[], venue: Partial<VenueParameters> = {}, step = '0.001'): string[] {
  const clerk = new Clerk({ venue: { slippageBps: d('5'), ...venue }, rules: { step } })
  const price = asked.type === 'market' ? '' : asked.type === 'limit' ? ` @ ${asked.price}` : ` stop ${asked.price}`
  clerk.place(`${asked.side} ${asked.quantity ?? '1'}${price}`, 0)
  for (const [hour, candle] of candles.entries()) clerk.candle(hour, candle)
  return clerk.told.flatMap(line => line.match(/ fill .* (\S+ @ \S+) /)?.[1] ?? [])
}

describe('candle 100/103/97/101 (open, high, low, close), slippage 5 bps, tick 0.01', () => {
  const CASES: readonly (readonly [what: string, asked: Asked, candle: string, fills: readonly string[]])[] = [
    ['a market buy pays the open and slips', { side: 'buy', type: 'market' }, '100 103 97 101', ['1 @ 100.05']],
    ['a market sell gets the open less slippage', { side: 'sell', type: 'market' }, '100 103 97 101', ['1 @ 99.95']],
    ['a limit buy at the very low does not fill', { side: 'buy', type: 'limit', price: '97' }, '100 103 97 101', []],
    ['one tick above it does', { side: 'buy', type: 'limit', price: '97.01' }, '100 103 97 101', ['1 @ 97.01']],
    ['a limit above the open fills at the open', { side: 'buy', type: 'limit', price: '100.5' }, '100 103 97 101', ['1 @ 100']],
    ['a limit sell at the very high does not fill', { side: 'sell', type: 'limit', price: '103' }, '100 103 97 101', []],
    ['one tick below it does', { side: 'sell', type: 'limit', price: '102.99' }, '100 103 97 101', ['1 @ 102.99']],
    [
      'a limit sell below the open fills at the open',
      { side: 'sell', type: 'limit', price: '99' },
      '100 103 97 101',
      ['1 @ 100'],
    ],
    ['a sell stop at the low is touched and slips', { side: 'sell', type: 'stop', price: '97' }, '100 103 97 101', ['1 @ 96.95']],
    ['a sell stop below the low waits', { side: 'sell', type: 'stop', price: '96.99' }, '100 103 97 101', []],
    [
      'a buy stop at the high is touched and slips',
      { side: 'buy', type: 'stop', price: '103' },
      '100 103 97 101',
      ['1 @ 103.06'],
    ],
    ['a buy stop above the high waits', { side: 'buy', type: 'stop', price: '103.01' }, '100 103 97 101', []],
    ['a gap over a sell stop is paid', { side: 'sell', type: 'stop', price: '97' }, '95 103 95 101', ['1 @ 94.95']],
    ['a gap over a buy stop is paid', { side: 'buy', type: 'stop', price: '103' }, '105 106 104 105', ['1 @ 105.06']],
  ]
  for (const [what, asked, candle, fills] of CASES) {
    test(what, () => {
      assert.deepEqual(fillsOf(asked, [candle]), fills)
    })
  }
})

describe('long 1 at 100, target 102.5, stop 97.5, in one candle', () => {
  for (const [fillPath, lines] of [
    ['pessimistic', '02:59 sl sell 1 @ 97.45\ndeal 1 stop_loss -2.55'],
    ['ohlc', '02:59 sl sell 1 @ 97.45\ndeal 1 stop_loss -2.55'],
    ['optimistic', '02:59 tp1 sell 1 @ 102.5\ndeal 1 take_profit 2.5'],
  ] as const) {
    test(fillPath, () => {
      expectStory(
        {
          // An open of 99.95 is bought at 100.
          candles: `
            100   100   100   100
            99.95 100   99.95 100
            100   103   97    101`,
          config: {
            baseOrder: { size: '1', sizeType: 'base' },
            exits: { takeProfit: takeProfit('2.5'), stopLoss: stopLoss({ value: '2.5' }) },
          },
          venue: { fillPath, slippageBps: d('5') },
        },
        `01:00 base buy 1 @ 100\n${lines}`,
      )
    })
  }

  test('ohlc goes to the high first where the candle falls', () => {
    expectStory(
      {
        candles: `
          100   100   100   100
          99.95 100   99.95 100
          100   103   97    99`,
        config: {
          baseOrder: { size: '1', sizeType: 'base' },
          exits: { takeProfit: takeProfit('2.5'), stopLoss: stopLoss({ value: '2.5' }) },
        },
        venue: { fillPath: 'ohlc', slippageBps: d('5') },
      },
      `01:00 base buy 1 @ 100
       02:59 tp1 sell 1 @ 102.5
       deal 1 take_profit 2.5`,
    )
  })
})

describe('volume', () => {
  const CAP = { volumeCapPct: d('10'), slippageBps: ZERO }

  test('55 with a cap of 10 % and steps of 0.1 fill 5.5 of 8; a market rest goes on at the next open', () => {
    const market: Asked = { side: 'buy', type: 'market', quantity: '8' }
    assert.deepEqual(fillsOf(market, ['100 103 97 101 55'], CAP, '0.1'), ['5.5 @ 100'])
    assert.deepEqual(fillsOf(market, ['100 103 97 101 55', '102 103 101 102 200'], CAP, '0.1'), ['5.5 @ 100', '2.5 @ 102'])
    const limit: Asked = { side: 'buy', type: 'limit', price: '98', quantity: '8' }
    assert.deepEqual(fillsOf(limit, ['100 103 97 101 55', '102 103 97 102 10'], CAP, '0.1'), ['5.5 @ 98', '1 @ 98'])
  })

  test('no volume fills nothing under a cap, and everything without one', () => {
    const market: Asked = { side: 'buy', type: 'market', quantity: '8' }
    assert.deepEqual(fillsOf(market, ['100 103 97 101 0'], CAP, '0.1'), [])
    assert.deepEqual(fillsOf(market, ['100 103 97 101 0'], { slippageBps: ZERO }, '0.1'), ['8 @ 100'])
  })

  test('a source that tells no volume has no cap', () => {
    assert.deepEqual(fillsOf({ side: 'buy', type: 'market', quantity: '8' }, ['100 103 97 101'], CAP, '0.1'), ['8 @ 100'])
  })
})
