/** Coins of a deal that others took: they leave it at their cost, what is left goes on, and nothing is sold that is not there. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PAIR, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { rungAt } from './exit-story.ts'
import { bought, type VenueStory } from './venue-story.ts'

const STOP = { exits: { takeProfit: null, stopLoss: stopLoss({ placement: 'resting', value: '10' }) } }
const HALVES = takeProfit('2', {
  targets: [
    { profitPct: '2', sellPct: '50' },
    { profitPct: '4', sellPct: '50' },
  ],
})

function missing(story: VenueStory, quantity: string, soldAt: string | null = null): VenueStory {
  const price = soldAt === null ? null : Decimal.from(soldAt)
  const event = { kind: 'coins_missing', atMs: story.nowMs, symbol: PAIR, tradeSeq: 1, soldAt: price } as const
  return story.tell({ ...event, quantity: Decimal.from(quantity) })
}

const said = (story: VenueStory): string => story.events.find(event => event.type === 'GHOST_POSITION')?.message ?? ''

describe('all of them are gone', () => {
  test('the deal ends without a sale; its cost is neither gain nor loss', () => {
    const story = bought({ config: STOP }).rests('sl|1').did('place sl|1 sell 1 stop 90')
    missing(story, '1', '99.5').did('cancel sl|1')
    assert.match(said(story), /^1 BTC of deal 1 .*sold by others @ 99\.5\).* cost of 100 USDT$/)
    assert.deepEqual(story.alarms('critical'), ['GHOST_POSITION'])
    story.cancel('sl|1', 'sent').order('sl|1', 'cancelled').did('')
    assert.equal(story.row(), 'released reconciliation 0')
    assert.equal(story.state.free.toString(), '900')
    assert.deepEqual(story.state.dust, {})
    assert.equal(story.books.balance('free', 'BTC').toString(), '1', 'the account answers for them now')
  })

  test('while it is leaving and the venue refuses every sale: the attempts end', () => {
    const story = bought({ config: STOP }).order('sl|1', 'rejected', 'insufficient balance').touches('stop', '89')
    story.did('place sl|1 sell 1 stop 90\nplace sl|2 sell 1 market').order('sl|2', 'sent').order('sl|2', 'rejected', 'no coins')
    missing(story, '1')
    assert.match(said(story), /price unknown/)
    assert.equal(story.row(), 'released reconciliation 0')
    story.waits(600_000).did('')
  })

  test('a rung that fills while it is being taken back is handed over as well', () => {
    const story = bought({ config: { ...STOP, averaging: rungAt('1.5', '98.5') } }).rests('sl|1', 'avg|1')
    missing(story, '1').did('place sl|1 sell 1 stop 90\nplace avg|1 buy 1 @ 98.5\ncancel sl|1\ncancel avg|1')
    story.fill('avg|1', '1', '98.5').cancel('sl|1', 'sent').order('sl|1', 'cancelled').did('')
    assert.equal(story.row(), 'released reconciliation 0')
    assert.equal(story.state.dust['BTC']?.basis.toString(), '98.5')
  })

  test('told of a deal that has ended, or twice, nothing happens', () => {
    const story = missing(bought({ config: { exits: { takeProfit: null } } }), '1')
    missing(story, '1')
    assert.deepEqual(story.alarms('critical'), ['GHOST_POSITION'])
  })
})

describe('a part of them is gone', () => {
  test('the stop rests for what is left, at the same price', () => {
    const story = bought({ config: STOP }).rests('sl|1').did('place sl|1 sell 1 stop 90')
    missing(story, '0.4').did('cancel sl|1').cancel('sl|1', 'sent').order('sl|1', 'cancelled').did('place sl|2 sell 0.6 stop 90')
    story.rests('sl|2').fill('sl|2', '0.6', '90')
    assert.equal(story.row(), 'closed stop_loss -6')
  })

  test('targets are of what is left, whether none or one has fired', () => {
    const config = { exits: { takeProfit: HALVES } }
    const story = bought({ config, traits: { locksBalance: false } }).rests('tp|1', 'tp|2')
    missing(story, '0.4').did('place tp|1 sell 0.5 @ 102\nplace tp|2 sell 0.5 @ 104\ncancel tp|1\ncancel tp|2')
    for (const order of ['tp|1', 'tp|2']) story.cancel(order, 'sent').order(order, 'cancelled')
    story.did('place tp|3 sell 0.3 @ 102\nplace tp|4 sell 0.3 @ 104').rests('tp|3', 'tp|4').fill('tp|3', '0.3', '102').did('')
    missing(story, '0.1').did('cancel tp|4').cancel('tp|4', 'sent').order('tp|4', 'cancelled').did('place tp|5 sell 0.2 @ 104')
    story.rests('tp|5').fill('tp|5', '0.2', '104')
    assert.equal(story.row(), 'closed take_profit 1.4')
  })

  test('what is left is too small to sell: it is handed over, no deal waits for it for ever', () => {
    const story = bought({
      config: { exits: { takeProfit: takeProfit('2', { placement: 'virtual' }) } },
      rules: { minNotional: '5' },
    })
    missing(story, '0.96').did('')
    assert.equal(story.row(), 'released reconciliation 0')
    assert.equal(story.state.dust['BTC']?.quantity.toString(), '0.04')
  })

  test('an exit on its way for more than is left makes way for a smaller one', () => {
    const story = bought({ config: { exits: { takeProfit: null } } }).command({ type: 'close_deal', tradeSeq: 1 })
    story.did('place close|1 sell 1 market').order('close|1', 'sent')
    missing(story, '0.4').did('cancel close|1').order('close|1', 'rejected', 'insufficient balance').waits(1000)
    story.did('place close|2 sell 0.6 market')
  })
})
