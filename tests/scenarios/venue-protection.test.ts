/** The stop at the venue: for what is held, after each fill, watched here wherever the venue has not acknowledged it. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { bought, VenueStory as Story, type VenueStory } from './venue-story.ts'

const stop = (rest: Parameters<typeof stopLoss>[0] = {}) => stopLoss({ placement: 'resting', value: '10', ...rest })
const STOP = { exits: { takeProfit: null, stopLoss: stop() } }
const HALVES = takeProfit('2', {
  targets: [
    { profitPct: '2', sellPct: '50' },
    { profitPct: '4', sellPct: '50' },
  ],
})

const isWatched = (story: VenueStory): boolean => story.watched().includes('1|stop')
const reason = (story: VenueStory): string | null => story.trades.get(1)!.position.protectionReason

describe('a stop rests for what is held', () => {
  test('after the first part of a fill, again after the next; watched wherever it is not acknowledged', () => {
    const story = new Story({ config: STOP }).closes('100').rests('base|1').fill('base|1', '0.4', '100')
    story.did('place base|1 buy 1 market\nplace sl|1 sell 0.4 stop 90')
    assert.ok(isWatched(story))
    assert.equal(reason(story), 'waits for the venue: needs this server')
    story.rests('sl|1')
    assert.ok(!isWatched(story))
    assert.equal(reason(story), 'rests at the venue')
    assert.equal(story.trades.get(1)!.position.isProtected, true)
    story.fill('base|1', '0.6', '100').did('cancel sl|1')
    assert.ok(isWatched(story))
    assert.equal(story.trades.get(1)!.position.isProtected, false)
    story.cancel('sl|1', 'sent').order('sl|1', 'cancelled').did('place sl|2 sell 1 stop 90').rests('sl|2')
    assert.ok(!isWatched(story))
  })

  test('it is touched while the old one is being taken back: out, once that has ended', () => {
    const story = new Story({ config: STOP }).closes('100').rests('base|1').fill('base|1', '0.4', '100').rests('sl|1')
    story.fill('base|1', '0.6', '100').did('place base|1 buy 1 market\nplace sl|1 sell 0.4 stop 90\ncancel sl|1')
    story.touches('stop', '89.9').did('').fill('sl|1', '0.4', '89.9').did('place sl|2 sell 0.6 market')
    story.rests('sl|2').fill('sl|2', '0.6', '89')
    assert.equal(story.row(), 'closed stop_loss -10.64')
  })

  test('in doubt it is watched here, and nothing is sold before the venue has told', () => {
    const story = bought({ config: STOP }).did('place sl|1 sell 1 stop 90').order('sl|1', 'sent').order('sl|1', 'lost_touch')
    assert.ok(isWatched(story))
    story.waits(10_000)
    assert.deepEqual(story.alarms('critical'), ['PROTECTION_LATE'])
    story.touches('stop', '89').did('cancel sl|1').order('sl|1', 'absent').did('place sl|2 sell 1 market')
  })

  test('acknowledged in time is no alarm; late is one, and its end is told', () => {
    const story = bought({ config: STOP }).order('sl|1', 'sent').waits(9_999)
    assert.deepEqual(story.alarms('warning'), [])
    story.waits(1)
    assert.deepEqual(story.alarms('warning'), ['PROTECTION_LATE'])
    story.waits(600_000).order('sl|1', 'accepted')
    assert.equal(story.events.filter(event => event.type === 'PROTECTION_BACK').length, 1)
    assert.deepEqual(story.alarms('warning'), ['PROTECTION_LATE'])
  })

  test('where no stop can rest it is kept here, and says so', () => {
    const story = bought({ config: STOP, traits: { restingStops: false } })
      .did('')
      .waits(60_000)
    assert.ok(isWatched(story))
    assert.equal(reason(story), 'needs this server')
    assert.deepEqual(story.alarms('warning'), [])
  })

  test('a trailing stop moves up only, by a tenth of a percent at least', () => {
    const story = bought({ config: { exits: { takeProfit: null, stopLoss: stop({ trailing: true }) } } })
    story.did('place sl|1 sell 1 stop 90').rests('sl|1')
    story.touches('best', '100.05').did('')
    assert.ok(isWatched(story), 'the better price is watched until the stop has moved')
    story.touches('best', '110').did('cancel sl|1').order('sl|1', 'cancelled').did('place sl|2 sell 1 stop 99')
    assert.equal(story.deal().stop!.toString(), '99')
  })

  test('the venue refuses to take the old one back: it stays, its better price is watched', () => {
    const story = bought({ config: { exits: { takeProfit: null, stopLoss: stop({ trailing: true }) } } }).rests('sl|1')
    story.touches('best', '110').did('place sl|1 sell 1 stop 90\ncancel sl|1').cancel('sl|1', 'refused').did('query sl|1')
    assert.ok(isWatched(story))
    story.order('sl|1', 'accepted').waits(1000).did('cancel sl|1').order('sl|1', 'cancelled').did('place sl|2 sell 1 stop 99')
  })

  test('the venue fires it in parts: everything else of the deal is taken back', () => {
    const ladder = averaging({ rule: { type: 'ladder', stepPct: '2', stepScale: '1' }, maxOrders: 1 })
    const story = bought({ config: { averaging: ladder, ...STOP } }).rests('sl|1', 'avg|1')
    story.did('place sl|1 sell 1 stop 90\nplace avg|1 buy 0.51 @ 98').fill('sl|1', '0.3', '89').did('cancel avg|1')
    story.order('avg|1', 'cancelled').fill('sl|1', '0.7', '88').did('')
    assert.equal(story.row(), 'closed stop_loss -11.7')
  })
})

test('refused a moment ago, then touched: the sale at the market waits for nothing', () => {
  const story = bought({ config: STOP }).did('place sl|1 sell 1 stop 90').order('sl|1', 'sent').order('sl|1', 'rejected', 'busy')
  story.touches('stop', '89').did('place sl|2 sell 1 market')
})

describe('targets beside a resting stop', () => {
  const both = { exits: { takeProfit: HALVES, stopLoss: stop() } }

  test('where the venue binds the coins the stop rests and targets are watched', () => {
    const story = bought({ config: both }).did('place sl|1 sell 1 stop 90').rests('sl|1')
    assert.deepEqual(story.watched(), ['1|target|0', '1|target|1'])
    story.touches('target|0', '102').did('cancel sl|1')
    assert.ok(isWatched(story))
    story.order('sl|1', 'cancelled').did('place tp|1 sell 0.5 market\nplace sl|2 sell 0.5 stop 90').rests('tp|1', 'sl|2')
    assert.ok(!isWatched(story))
    story.fill('tp|1', '0.5', '102').did('')
    story.touches('target|1', '104').did('cancel sl|2').order('sl|2', 'cancelled').did('place tp|2 sell 0.5 market')
    story.rests('tp|2').fill('tp|2', '0.5', '104')
    assert.equal(story.row(), 'closed take_profit 3')
  })

  test('the stop fires before it makes way: no target is sold', () => {
    const story = bought({ config: both }).rests('sl|1').touches('target|0', '102').fill('sl|1', '1', '89')
    story.did('place sl|1 sell 1 stop 90\ncancel sl|1')
    assert.equal(story.row(), 'closed stop_loss -11')
  })

  test('where it binds nothing both are as they were', () => {
    const story = bought({ config: both, traits: { locksBalance: false } })
    story.did('place tp|1 sell 0.5 @ 102\nplace tp|2 sell 0.5 @ 104')
    assert.ok(isWatched(story))
  })
})

test('flat: no exit order is left behind', () => {
  const story = bought({ config: { exits: { takeProfit: HALVES } } })
    .rests('tp|1', 'tp|2')
    .did('place tp|1 sell 0.5 @ 102\nplace tp|2 sell 0.5 @ 104')
  story.fill('tp|2', '1', '104').did('cancel tp|1').order('tp|1', 'cancelled')
  assert.equal(story.row(), 'closed take_profit 4')
  assert.ok(story.alarms().includes('OVERFILL'))
})
