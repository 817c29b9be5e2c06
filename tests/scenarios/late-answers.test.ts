/** Refusals, doubt and cancels that do not work: what the machine does while it waits for the venue, and after. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { bought, VenueStory } from './venue-story.ts'

const TARGET = { exits: { takeProfit: takeProfit('2') } }
const STOP = { exits: { takeProfit: null, stopLoss: stopLoss({ placement: 'resting', value: '10' }) } }
const ladder = averaging({ rule: { type: 'ladder', stepPct: '2', stepScale: '1' }, maxOrders: 3, activeOrdersCount: 1 })

/** The gates that refused the last decision, with their codes. */
function refusals(story: VenueStory): string[] {
  const gates = story.decisions.at(-1)!.gates as { gate: string; ok: boolean; code?: string }[]
  return gates.filter(gate => !gate.ok).map(gate => gate.code ?? gate.gate)
}

describe('refused orders', () => {
  test('a refused base order ends its deal', () => {
    const story = new VenueStory({ config: TARGET }).closes('100').order('base|1', 'sent').order('base|1', 'rejected', 'funds')
    assert.equal(story.row(), 'failed - -')
    assert.equal(story.state.reserved.toString(), '0')
  })

  test('an exit is asked for again and again, ever more patiently, until the venue takes it', () => {
    const story = bought({ config: TARGET }).rests('tp|1').command({ type: 'close_deal', tradeSeq: 1 }).order('tp|1', 'cancelled')
    story.did('place tp|1 sell 1 @ 102\ncancel tp|1\nplace close|1 sell 1 market')
    for (const [n, waitMs] of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000].entries()) {
      story.order(`close|${n + 1}`, 'sent').order(`close|${n + 1}`, 'rejected', 'maintenance')
      story.waits(waitMs - 1).did('')
      story.waits(1).did(`place close|${n + 2} sell 1 market`)
    }
    assert.equal(story.alarms().filter(type => type === 'EXIT_REJECTED').length, 8)
    story.rests('close|9').fill('close|9', '1', '99')
    assert.equal(story.row(), 'closed manual -1')
  })

  test('a refused target rests again after a while; one that was taken starts counting anew', () => {
    const story = bought({ config: TARGET }).did('place tp|1 sell 1 @ 102')
    story.order('tp|1', 'sent').order('tp|1', 'rejected', 'rate limit').did('')
    story.waits(1000).did('place tp|2 sell 1 @ 102').rests('tp|2')
    story.order('tp|2', 'expired').did('place tp|3 sell 1 @ 102')
    story.order('tp|3', 'sent').order('tp|3', 'rejected', 'rate limit').waits(1000).did('place tp|4 sell 1 @ 102')
  })

  test('a virtual target that is refused waits too', () => {
    const virtual = { exits: { takeProfit: takeProfit('2', { placement: 'virtual' }) } }
    const story = bought({ config: virtual }).touches('target|0', '102').did('place tp|1 sell 1 market')
    story.order('tp|1', 'sent').order('tp|1', 'rejected', 'busy').waits(1000).did('place tp|2 sell 1 market')
  })

  test('an exit that provably never arrived is decided anew at once, and is no refusal', () => {
    const story = bought({ config: TARGET }).rests('tp|1').command({ type: 'close_deal', tradeSeq: 1 }).order('tp|1', 'cancelled')
    story.order('close|1', 'sent').order('close|1', 'lost_touch').order('close|1', 'absent')
    assert.equal(story.image('close|1')!.status, 'rejected')
    assert.equal(story.image('close|1')!.reason, 'never_arrived')
    story.did('place tp|1 sell 1 @ 102\ncancel tp|1\nplace close|1 sell 1 market\nplace close|2 sell 1 market')
    assert.deepEqual(story.alarms(), [])
  })

  test('an exit that was withdrawn before it went out is decided anew', () => {
    const story = bought({ config: TARGET }).rests('tp|1').command({ type: 'close_deal', tradeSeq: 1 }).order('tp|1', 'cancelled')
    story
      .order('close|1', 'withdrawn')
      .did('place tp|1 sell 1 @ 102\ncancel tp|1\nplace close|1 sell 1 market\nplace close|2 sell 1 market')
  })

  test('an entry that was withdrawn ends like one cancelled unfilled', () => {
    const story = new VenueStory({ config: TARGET }).closes('100').order('base|1', 'withdrawn')
    assert.equal(story.row(), 'cancelled - -')
    assert.equal(story.status('base|1'), 'cancelled 0')
  })
})

describe('stops that the venue refuses', () => {
  test('beyond the price already: out at the market at once', () => {
    const story = bought({ config: STOP }).did('place sl|1 sell 1 stop 90').order('sl|1', 'sent')
    story.order('sl|1', 'rejected', 'Stop price would trigger immediately.').did('place sl|2 sell 1 market')
    story.rests('sl|2').fill('sl|2', '1', '89')
    assert.equal(story.row(), 'closed stop_loss -11')
  })

  test('three times for another reason: the stop is watched here, everybody is told once, and it is tried on', () => {
    const story = bought({ config: STOP }).did('place sl|1 sell 1 stop 90')
    story.order('sl|1', 'sent').order('sl|1', 'rejected', 'no').waits(1000).did('place sl|2 sell 1 stop 90')
    story.order('sl|2', 'sent').order('sl|2', 'rejected', 'no').waits(2000).did('place sl|3 sell 1 stop 90')
    assert.deepEqual(story.alarms('critical'), [])
    story.order('sl|3', 'sent').order('sl|3', 'rejected', 'no').waits(4000).did('place sl|4 sell 1 stop 90')
    assert.deepEqual(story.alarms('critical'), ['PROTECTION_FAILED'])
    assert.equal(story.trades.get(1)!.position.protectionReason, 'the venue refuses the stop: needs this server')
    story.order('sl|4', 'sent').order('sl|4', 'rejected', 'no').did('')
    assert.deepEqual(story.alarms('critical'), ['PROTECTION_FAILED'])
    story.touches('stop', '89.5').did('place sl|5 sell 1 market').rests('sl|5').fill('sl|5', '1', '89.5')
    assert.equal(story.row(), 'closed stop_loss -10.5')
  })

  test('a venue that takes it after all: it rests again, and everybody is told', () => {
    const story = bought({ config: STOP }).did('place sl|1 sell 1 stop 90')
    story.order('sl|1', 'sent').order('sl|1', 'rejected', 'MAINTENANCE').waits(1000).did('place sl|2 sell 1 stop 90')
    story.order('sl|2', 'sent').order('sl|2', 'rejected', 'MAINTENANCE').waits(2000).did('place sl|3 sell 1 stop 90')
    story.order('sl|3', 'sent').order('sl|3', 'rejected', 'MAINTENANCE').waits(4000).did('place sl|4 sell 1 stop 90')
    story.rests('sl|4')
    assert.equal(story.events.filter(event => event.type === 'PROTECTION_BACK').length, 1)
    assert.equal(story.trades.get(1)!.position.isProtected, true)
  })

  test('a venue that says it cannot protect is believed the first time; the next entry asks again', () => {
    const story = bought({ config: { averaging: ladder, ...STOP } }).did('place sl|1 sell 1 stop 90\nplace avg|1 buy 0.51 @ 98')
    story.rests('avg|1').order('sl|1', 'sent').order('sl|1', 'rejected', 'unprotectable').waits(5000).did('')
    assert.deepEqual(story.alarms('critical'), ['PROTECTION_FAILED'])
    story.fill('avg|1', '0.51', '98').did('place sl|2 sell 1.51 stop 89.4\nplace avg|2 buy 0.52 @ 96')
  })
})

describe('orders in doubt', () => {
  const slots = { maxActiveDeals: 2, maxDealsPerPair: 2, stopAfterDeals: null } as const

  test('while one is, its pair opens nothing; when it is found everything goes on', () => {
    const story = new VenueStory({ config: { ...TARGET, ...slots } }).closes('100').did('place base|1 buy 1 market')
    story.order('base|1', 'sent').order('base|1', 'lost_touch').waits(3_600_000).closes('100').did('')
    assert.deepEqual(refusals(story), ['ORDER_IN_DOUBT'])
    assert.notEqual(story.state.reserved.toString(), '0')
    story.order('base|1', 'accepted').waits(3_600_000).closes('100').did('place 2:base|1 buy 1 market')
  })

  test('a rung in doubt is used, no other follows it, what rests goes on resting', () => {
    const two = { ...ladder, activeOrdersCount: 2 }
    const story = bought({ config: { averaging: two, ...TARGET } }).rests('tp|1', 'avg|2')
    story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98\nplace avg|2 buy 0.52 @ 96')
    story.order('avg|1', 'sent').order('avg|1', 'lost_touch')
    story.fill('avg|2', '0.52', '96').did('cancel tp|1').order('tp|1', 'cancelled').did('place tp|2 sell 1.52 @ 100.61')
    assert.equal(story.state.reserved.isPositive(), true)
    story.order('avg|1', 'accepted').did('place avg|3 buy 0.531 @ 94')
  })

  test('a rung that never arrived is laid out again', () => {
    const story = bought({ config: { averaging: ladder, ...TARGET } }).rests('tp|1')
    story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    story.order('avg|1', 'sent').order('avg|1', 'lost_touch').did('').order('avg|1', 'absent').did('place avg|2 buy 0.51 @ 98')
    assert.deepEqual(story.state.inDoubt, [])
  })

  test('a virtual rung does not fire beside an order in doubt', () => {
    const virtual = { ...ladder, placement: 'virtual' } as const
    const story = bought({ config: { averaging: virtual, ...TARGET } })
      .rests('tp|1')
      .touches('rung|1', '98')
    story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 market').order('avg|1', 'sent').order('avg|1', 'lost_touch')
    assert.ok(!story.watched().some(id => id.includes('rung')))
    story.fill('avg|1', '0.51', '98')
    assert.ok(story.watched().includes('1|rung|2'))
  })

  test('an exit in doubt is waited for: nothing is sold twice', () => {
    const story = bought({ config: TARGET }).rests('tp|1').command({ type: 'close_deal', tradeSeq: 1 }).order('tp|1', 'cancelled')
    story.did('place tp|1 sell 1 @ 102\ncancel tp|1\nplace close|1 sell 1 market')
    story.order('close|1', 'sent').order('close|1', 'lost_touch').waits(900_000).closes('80').did('')
    story.fill('close|1', '1', '99')
    assert.equal(story.row(), 'closed manual -1')
  })

  test('an open order that is gone comes into doubt and is found again, or is gone for good', () => {
    const story = bought({ config: TARGET }).did('place tp|1 sell 1 @ 102').rests('tp|1').order('tp|1', 'missing')
    assert.equal(story.status('tp|1'), 'unknown 0')
    story.order('tp|1', 'accepted').order('tp|1', 'missing').order('tp|1', 'absent')
    assert.equal(story.status('tp|1'), 'expired 0')
    story.did('place tp|2 sell 1 @ 102')
  })
})

describe('cancels', () => {
  const leaving = (): VenueStory =>
    bought({ config: TARGET })
      .rests('tp|1')
      .command({ type: 'close_deal', tradeSeq: 1 })
      .cancel('tp|1', 'sent')
      .did('place tp|1 sell 1 @ 102\ncancel tp|1')

  test('refused: one look-up; the order is open still: once more after a second, then two', () => {
    const story = leaving().cancel('tp|1', 'refused', 'busy').did('query tp|1').waits(900_000).did('')
    assert.equal(story.image('tp|1')!.cancelState, 'refused')
    story.order('tp|1', 'accepted').waits(999).did('').waits(1).did('cancel tp|1')
    story.cancel('tp|1', 'refused').did('query tp|1').order('tp|1', 'accepted').order('tp|1', 'accepted')
    story.waits(1999).did('').waits(1).did('cancel tp|1').cancel('tp|1', 'sent').order('tp|1', 'cancelled')
    story.did('place close|1 sell 1 market')
    assert.equal(story.image('tp|1')!.cancelState, 'done')
    assert.deepEqual(story.deal().troubles.cancels, {})
  })

  test('refused because it had filled: the fill is all that is needed', () => {
    const story = leaving().cancel('tp|1', 'refused', 'filled').fill('tp|1', '1', '102').did('query tp|1')
    assert.equal(story.row(), 'closed manual 2')
    assert.deepEqual(story.watched(), [])
  })

  test('lost: the answer to the look-up counts', () => {
    const story = leaving().cancel('tp|1', 'lost').did('query tp|1')
    assert.equal(story.image('tp|1')!.cancelState, 'unknown')
    story.order('tp|1', 'cancelled').did('place close|1 sell 1 market')
  })

  test('what has changed in the meantime is not cancelled any more', () => {
    const story = bought({ config: { averaging: ladder, ...TARGET } }).rests('tp|1', 'avg|1')
    story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    story.tell({ kind: 'run_paused', atMs: story.nowMs, reason: 'user', untilMs: null }).did('cancel avg|1')
    story.cancel('avg|1', 'refused').did('query avg|1').tell({ kind: 'run_resumed', atMs: story.nowMs, reason: 'user' })
    story.order('avg|1', 'accepted').waits(60_000).did('')
    assert.equal(story.image('avg|1')!.cancelState, 'none')
  })

  test('a limit whose time is up, and whose cancel is refused, is asked for again after the wait, not before', () => {
    const limit = { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-1' }, timeoutSec: 60 } as const
    const story = new VenueStory({ config: { ...TARGET, baseOrder: limit } }).closes('100').rests('base|1')
    story.waits(60_000).did('place base|1 buy 1.01 @ 99\ncancel base|1').cancel('base|1', 'refused').order('base|1', 'accepted')
    story.did('query base|1').waits(999).did('').waits(1).did('cancel base|1').order('base|1', 'cancelled')
    assert.equal(story.row(), 'cancelled - -')
  })

  test('a fill races the cancel: half is sold before it, the rest after', () => {
    const story = leaving().fill('tp|1', '0.5', '102').order('tp|1', 'cancelled').did('place close|1 sell 0.5 market')
    story.rests('close|1').fill('close|1', '0.5', '101')
    assert.equal(story.row(), 'closed manual 1.5')
  })
})

describe('safety, and what is not explained', () => {
  const level = (story: VenueStory, safety: 'normal' | 'paused' | 'reduce_only' | 'halted'): VenueStory =>
    story.tell({ kind: 'safety_changed', atMs: story.nowMs, level: safety, reason: 'by hand' })

  for (const safety of ['paused', 'reduce_only', 'halted'] as const) {
    test(`${safety}: no deal starts, and it says why`, () => {
      const story = level(new VenueStory({ config: TARGET }), safety)
        .closes('100')
        .did('')
      assert.equal(refusals(story)[0], 'SAFETY_STATE')
      assert.deepEqual(story.machine.summary(story.state).pausedBy, ['kill_switch'])
      level(story, 'normal').waits(3_600_000).closes('100').did('place base|1 buy 1 market')
      assert.deepEqual(story.machine.summary(story.state).pausedBy, [])
    })
  }

  test('halted: entries are taken back, what protects and what sells stays; normal lays the ladder out again', () => {
    const both = { takeProfit: takeProfit('2'), stopLoss: stopLoss({ placement: 'resting', value: '10' }) }
    const story = bought({ config: { averaging: ladder, exits: both } }).rests('sl|1', 'avg|1')
    story.did('place sl|1 sell 1 stop 90\nplace avg|1 buy 0.51 @ 98')
    level(story, 'halted').did('cancel avg|1').order('avg|1', 'cancelled').did('')
    story.touches('target|0', '102').did('cancel sl|1')
    level(story, 'normal').did('')
  })

  test('normal lays the ladder out again', () => {
    const story = bought({ config: { averaging: ladder, ...TARGET } }).rests('tp|1', 'avg|1')
    story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    level(story, 'halted').did('cancel avg|1').order('avg|1', 'cancelled').did('')
    level(story, 'normal').did('place avg|2 buy 0.51 @ 98')
  })

  test('differences: nothing new, nothing taken back, exits go on; explained, the ladder is completed', () => {
    const story = bought({ config: { averaging: ladder, ...TARGET } }).rests('tp|1', 'avg|1')
    story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    story.tell({ kind: 'reconciled', atMs: story.nowMs, openDifferences: 2 }).did('')
    story.fill('avg|1', '0.51', '98').did('cancel tp|1').order('tp|1', 'cancelled').did('place tp|2 sell 1.51 @ 101.32')
    story.tell({ kind: 'reconciled', atMs: story.nowMs, openDifferences: 0 }).did('place avg|2 buy 0.52 @ 96')
  })

  test('differences: no deal starts', () => {
    const story = new VenueStory({ config: TARGET })
      .tell({ kind: 'reconciled', atMs: 0, openDifferences: 1 })
      .closes('100')
      .did('')
    assert.equal(refusals(story)[0], 'ACCOUNT_UNRECONCILED')
    story.tell({ kind: 'reconciled', atMs: story.nowMs, openDifferences: 0 }).waits(3_600_000).closes('100')
    story.did('place base|1 buy 1 market')
  })

  test('halted, in doubt and with differences, a deal is closed all the same', () => {
    const story = bought({ config: TARGET }).rests('tp|1').tell({ kind: 'reconciled', atMs: 0, openDifferences: 3 })
    level(story, 'halted').command({ type: 'close_deal', tradeSeq: 1 }).order('tp|1', 'cancelled')
    story.rests('close|1').fill('close|1', '1', '100')
    assert.equal(story.row(), 'closed manual 0')
  })
})
