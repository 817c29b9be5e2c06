// A run that quotes and trades drive, as tables: what is sent, what the market does, what is told.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Decimal } from '../../core/money/decimal.ts'
import type { Watch } from '../watch.ts'
import { Clerk, type ClerkOptions, SYMBOL } from './clerk.fixture.ts'

const d = Decimal.from
const AT_ONCE = { latency: { minMs: 0, maxMs: 0 }, cancelLatency: { minMs: 0, maxMs: 0 } }

/** `buy 1 @ 99` sends, `99.5 x 3` is a trade of 3, `98 | 99` a quote; one second each. */
function tell(steps: readonly string[], options: ClerkOptions = {}): string[] {
  const clerk = new Clerk({ ...options, venue: { ...AT_ONCE, slippageBps: d('5'), ...options.venue } })
  steps.forEach((step, i) => {
    const atMs = i * 1000
    if (/^(buy|sell)/.test(step)) clerk.place(step, atMs)
    else if (step.includes('|')) {
      const [bid, ask] = step.split(' | ')
      clerk.quote(bid!, ask!, atMs)
    } else {
      const [price, quantity = '100'] = step.split(' x ')
      clerk.print(price!, quantity, atMs)
    }
  })
  return clerk.told.filter(line => !line.includes('accepted')).map(line => line.slice(6).replace('.000', ''))
}

describe('orders meet quotes and trades', () => {
  const CASES: readonly (readonly [
    what: string,
    steps: readonly string[],
    told: readonly string[],
    venue?: NonNullable<ClerkOptions['venue']>,
  ])[] = [
    ['a market buy pays the ask and slips', ['99 | 100', 'buy 1'], ['01 fill 1 buy 1 @ 100.05 taker']],
    ['a market sell gets the bid less slippage', ['99 | 100', 'sell 1'], ['01 fill 1 sell 1 @ 98.95 taker']],
    ['without a quote, the last price', ['100', 'buy 1'], ['01 fill 1 buy 1 @ 100.05 taker']],
    ['without any price it waits for one', ['buy 1', '100'], ['01 fill 1 buy 1 @ 100.05 taker']],
    ['a limit needs a trade through it', ['100', 'buy 1 @ 99', '99', '98.99'], ['03 fill 1 buy 1 @ 99 maker']],
    [
      'it fills with its share of the trade, the rest with later ones',
      ['100', 'buy 1 @ 99', '98 x 4', '98 x 9'],
      ['02 fill 1 buy 0.4 @ 99 maker', '03 fill 1 buy 0.6 @ 99 maker'],
      { volumeCapPct: d('10') },
    ],
    [
      'or at its price once the queue before it has traded',
      ['100', 'buy 1 @ 99', '99 x 2', '99 x 0.4', '99 x 5'],
      ['03 fill 1 buy 1 @ 99 maker'],
      { queueAhead: d('2') },
    ],
    ['a quote alone fills no resting limit', ['99 | 100', 'buy 1 @ 98', '96 | 97'], []],
    ['a limit that crosses takes, no worse than its price', ['99 | 100', 'buy 1 @ 100.02'], ['01 fill 1 buy 1 @ 100.02 taker']],
    ['a stop is triggered by a touch of the last price', ['100', 'sell 1 stop 97', '97'], ['02 fill 1 sell 1 @ 96.95 taker']],
    ['a jump over it is paid', ['100', 'sell 1 stop 97', '95'], ['02 fill 1 sell 1 @ 94.95 taker']],
    ['a stop that is beyond on arrival goes at once', ['95', 'sell 1 stop 97'], ['01 fill 1 sell 1 @ 94.95 taker']],
    ['a triggered stop sells at the bid', ['98 | 99', '98.5', 'sell 1 stop 98.2', '98.1'], ['03 fill 1 sell 1 @ 97.95 taker']],
    [
      'a stop-limit that is jumped over rests at its limit',
      ['100', 'sell 1 stop 97 @ 96', '95', '96', '96.01'],
      ['02 triggered 1', '04 fill 1 sell 1 @ 96 maker'],
    ],
    [
      'a falling price meets the higher order first',
      ['100', 'buy 1 @ 97', 'sell 1 stop 98', 'buy 1 @ 99', '96'],
      ['04 fill 3 buy 1 @ 99 maker', '04 fill 2 sell 1 @ 95.95 taker', '04 fill 1 buy 1 @ 97 maker'],
    ],
    [
      'a cut execution goes on with the next trade',
      ['100', 'buy 0.002 @ 99', '98', '98'],
      ['02 fill 1 buy 0.001 @ 99 maker', '03 fill 1 buy 0.001 @ 99 maker'],
      { partialProb: 1, seed: 1 },
    ],
  ]
  for (const [what, steps, told, venue] of CASES) {
    test(what, () => assert.deepEqual(tell(steps, venue ? { venue } : {}), told))
  }

  test('a market order crosses depth and waits for more of it', () => {
    const clerk = new Clerk({ venue: AT_ONCE })
    const depth = (quantity: string) => ({
      bids: [{ price: d('99'), quantity: d(quantity) }],
      asks: [
        { price: d('100'), quantity: d(quantity) },
        { price: d('101'), quantity: d(quantity) },
      ],
    })
    const quote = (quantity: string, atMs: number) =>
      clerk.run.quote({ symbol: SYMBOL, bid: d('99'), ask: d('100'), depth: depth(quantity), atMs })
    quote('1', 0)
    clerk.place('buy 3', 1000)
    quote('5', 2000)
    assert.deepEqual(
      clerk.told.map(line => line.slice(13)),
      ['accepted 1 at once', 'fill 1 buy 1 @ 100 taker', 'fill 1 buy 1 @ 101 taker', 'fill 1 buy 1 @ 100 taker'],
    )
  })
})

describe("the bot's own watches fire from trades", () => {
  const below = (id: string, price: string, strict = false): Watch => ({
    kind: 'price_at_or_below',
    id,
    symbol: SYMBOL,
    price: d(price),
    strict,
    isTarget: false,
  })
  const CASES: readonly (readonly [
    what: string,
    watches: readonly Watch[],
    steps: readonly string[],
    told: readonly string[],
  ])[] = [
    ['a touch, once', [below('stop', '97')], ['100', '97', '96'], ['01 touched stop at 97']],
    ['one that needs a trade through', [below('rung', '97', true)], ['100', '97', '96.9'], ['02 touched rung at 96.9']],
    [
      'among orders, in the order of the way',
      [below('stop', '97')],
      ['100', 'buy 1 @ 98', 'buy 1 @ 96', '95'],
      ['03 fill 1 buy 1 @ 98 maker', '03 touched stop at 95', '03 fill 2 buy 1 @ 96 maker'],
    ],
    [
      'a peak, told by the trade that makes it',
      [{ kind: 'peak_above', id: 'peak', symbol: SYMBOL, price: d('101') }],
      ['100', '101', '103'],
      ['02 touched peak at 103'],
    ],
    ['a quote alone touches nothing', [below('stop', '97')], ['100', '90 | 91'], []],
  ]
  for (const [what, watches, steps, told] of CASES) test(what, () => assert.deepEqual(tell(steps, { watches }), told))
})

test('orders travel for 50 to 200 ms unless it was said how long', () => {
  const clerk = new Clerk()
  clerk.print('100', '1', 0)
  for (let n = 0; n < 40; n += 1) clerk.place('buy 1', 1000)
  clerk.print('100', '1', 1049)
  assert.ok(
    clerk.told.every(line => line.endsWith(`sent ${line.split(' ').at(-1)}`)),
    'nothing has arrived before 50 ms',
  )
  clerk.print('100', '1', 1200)
  const arrivals = clerk.told.filter(line => line.includes('accepted')).map(line => Number(line.slice(9, 12)))
  assert.equal(arrivals.length, 40)
  assert.ok(arrivals.every(ms => ms >= 50 && ms < 200) && new Set(arrivals).size > 20)
  assert.equal(clerk.told.filter(line => line.includes('fill')).length, 40)
})
