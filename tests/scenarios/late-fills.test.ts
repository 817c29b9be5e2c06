/** Fills that come late, twice cut, after cancel, after the deal: all of them are booked. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { REMEMBERED_DEALS } from '../../src/engine/dca/dca-state.ts'
import { bought, VenueStory } from './venue-story.ts'

const TARGET = { exits: { takeProfit: takeProfit('2') } }
const ladder = averaging({ rule: { type: 'ladder', stepPct: '2', stepScale: '1' }, maxOrders: 2, activeOrdersCount: 1 })

describe('an order through doubt, cut fills and a cancel', () => {
  const until = (): VenueStory =>
    new VenueStory({ config: TARGET })
      .closes('100')
      .order('base|1', 'sent')
      .order('base|1', 'lost_touch')
      .fill('base|1', '0.4', '100')
      .order('base|1', 'cancelled')

  test('worked example: in flight, unknown, partly filled, cancelled, and a fill after that', () => {
    const story = new VenueStory({ config: TARGET }).closes('100').did('place base|1 buy 1 market')
    const walk = [
      story.order('base|1', 'sent').status('base|1'),
      story.order('base|1', 'lost_touch').status('base|1'),
      story.fill('base|1', '0.4', '100').status('base|1'),
      story.order('base|1', 'cancelled').status('base|1'),
      story.fill('base|1', '0.1', '100').status('base|1'),
    ]
    assert.deepEqual(walk, ['in_flight 0', 'unknown 0', 'part_filled 0.4', 'cancelled 0.4', 'cancelled 0.5'])
    assert.equal(story.deal().lot.quantity.toString(), '0.5')
    assert.equal(story.fill('base|1', '0.5', '100').status('base|1'), 'filled 1')
  })

  test('the target follows what came late', () => {
    const story = until().did('place base|1 buy 1 market\nplace tp|1 sell 0.4 @ 102').rests('tp|1')
    story.fill('base|1', '0.1', '100').did('cancel tp|1')
    story.cancel('tp|1', 'sent').order('tp|1', 'cancelled').did('place tp|2 sell 0.5 @ 102')
    story.rests('tp|2').fill('tp|2', '0.5', '102').did('')
    assert.equal(story.row(), 'closed take_profit 1')
    assert.deepEqual(story.alarms('warning'), ['LATE_FILL'])
  })

  test('what ends the order is not told by a status word: filled follows the fills', () => {
    const story = until()
    story.order('base|1', 'filled')
    assert.equal(story.status('base|1'), 'cancelled 0.4')
  })
})

describe('a deal that goes on', () => {
  test('a rung that filled after its cancel is used, and the next one follows it', () => {
    const story = bought({ config: { ...TARGET, averaging: ladder } }).did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    story.rests('tp|1', 'avg|1')
    story.tell({ kind: 'run_paused', atMs: story.nowMs, reason: 'user', untilMs: null }).did('cancel avg|1')
    story.order('avg|1', 'cancelled').fill('avg|1', '0.51', '98').did('cancel tp|1')
    assert.deepEqual(story.deal().usedRungs, [1])
    assert.equal(story.deal().averagingCount, 1)
    story.order('tp|1', 'cancelled').did('place tp|2 sell 1.51 @ 101.32')
    story.tell({ kind: 'run_resumed', atMs: story.nowMs, reason: 'user' }).did('place avg|2 buy 0.52 @ 96')
  })

  test('a rung that was taken by the next order meanwhile stays that order’s: what fills late stands beside the ladder', () => {
    const story = bought({ config: { ...TARGET, averaging: ladder } }).rests('tp|1', 'avg|1')
    story.order('avg|1', 'expired').rests('avg|2').fill('avg|2', '0.51', '98')
    story.fill('avg|1', '0.51', '98')
    assert.deepEqual([story.image('avg|1')!.rung, story.image('avg|2')!.rung], [null, 1])
    assert.deepEqual(story.deal().usedRungs, [1])
    assert.equal(story.deal().averagingCount, 2)
    assert.equal(story.deal().lot.quantity.toString(), '2.02')
  })

  test('the old stop fired before the cancel arrived: the rest of the deal leaves as well', () => {
    const stop = stopLoss({ placement: 'resting', value: '10' })
    const story = bought({ config: { averaging: ladder, exits: { takeProfit: null, stopLoss: stop } } })
    story.did('place sl|1 sell 1 stop 90\nplace avg|1 buy 0.51 @ 98').rests('sl|1', 'avg|1')
    story.fill('avg|1', '0.51', '98').did('cancel sl|1\nplace avg|2 buy 0.52 @ 96')
    story.rests('avg|2').order('sl|1', 'cancelled').did('place sl|2 sell 1.51 stop 89.4').rests('sl|2')
    story.fill('sl|1', '0.6', '89').did('cancel avg|2\ncancel sl|2')
    story.order('avg|2', 'cancelled').order('sl|2', 'cancelled').did('place sl|3 sell 0.91 market')
    story.rests('sl|3').fill('sl|3', '0.91', '89')
    assert.equal(story.row(), 'closed stop_loss -15.59')
  })

  test('more than was ordered is booked, sold again, and said aloud', () => {
    const story = new VenueStory({ config: TARGET }).closes('100').did('place base|1 buy 1 market').rests('base|1')
    story.fill('base|1', '1.2', '100').did('place tp|1 sell 1.2 @ 102')
    assert.equal(story.status('base|1'), 'filled 1.2')
    assert.deepEqual(story.alarms(), ['OVERFILL'])
    story.rests('tp|1').fill('tp|1', '1.2', '102')
    assert.equal(story.row(), 'closed take_profit 2.4')
  })

  test('a fill that was booked is refused the second time', () => {
    const story = new VenueStory({ config: TARGET }).closes('100').rests('base|1').fill('base|1', '0.4', '100', { id: 'x7' })
    assert.throws(() => story.fill('base|1', '0.4', '100', { id: 'x7' }), /fill x7 of order 1\|base\|1 is booked already/)
  })

  test('a fill of an order that nobody knows is refused', () => {
    const story = bought({ config: TARGET })
    const { fillId: _, ...fill } = story.fills[0]!
    const stray = { ...fill, fillId: 'x', sequence: 9 }
    assert.throws(() => story.tell({ kind: 'fill_reported', atMs: story.nowMs, fill: stray }), /base\|9.*no record/)
  })
})

/** Bought 1 @ 100 and sold at 102; the rung at 98 was cancelled on the way out. */
function closedDeal(changes: object = {}): VenueStory {
  const story = bought({ config: { ...TARGET, averaging: ladder, ...changes } })
  story.rests('tp|1', 'avg|1').fill('tp|1', '1', '102').order('avg|1', 'cancelled')
  assert.equal(story.row(), 'closed take_profit 2')
  return story.did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98\ncancel avg|1')
}

describe('a deal that has ended', () => {
  test('a rung that filled after all is sold at the market, and its row tells both lives', () => {
    const story = closedDeal()
    assert.equal(story.state.ended, 'completed')
    story.waits(60_000).fill('avg|1', '0.51', '98').did('place exit|1 sell 0.51 market')
    assert.equal(story.row(), 'closing - -')
    assert.equal(story.state.ended, null)
    assert.deepEqual(story.alarms(), ['DEAL_REOPENED', 'LATE_FILL'])
    story.rests('exit|1').fill('exit|1', '0.51', '97').did('')
    assert.equal(story.row(), 'closed reconciliation 1.49')
    assert.equal(story.state.closedTrades, 1)
    assert.equal(story.state.realizedPnl.toString(), '1.49')
    assert.equal(story.state.gains.toString(), '1.49')
    assert.equal(story.state.ended, 'completed')
    assert.equal(story.trades.get(1)!.averagingCount, 1)
  })

  test('a third life goes on where the second ended', () => {
    const story = closedDeal()
    story.fill('avg|1', '0.2', '98').rests('exit|1').fill('exit|1', '0.2', '98')
    story.fill('avg|1', '0.31', '98').did('place exit|1 sell 0.2 market\nplace exit|2 sell 0.31 market')
    story.rests('exit|2').fill('exit|2', '0.31', '99')
    assert.equal(story.row(), 'closed reconciliation 2.31')
    assert.equal(story.status('avg|1'), 'filled 0.51')
  })

  test('a deal that was cancelled unfilled is opened by its late fill', () => {
    const limit = { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-1', prices: {} } } as const
    const story = new VenueStory({ config: { ...TARGET, baseOrder: limit } }).closes('100').rests('base|1')
    story.did('place base|1 buy 1.01 @ 99').command({ type: 'close_deal', tradeSeq: 1 }).order('base|1', 'cancelled')
    assert.equal(story.row(), 'cancelled - -')
    assert.equal(story.state.startedDeals, 0)
    story.fill('base|1', '1.01', '99').did('cancel base|1\nplace exit|1 sell 1.01 market')
    assert.equal(story.state.startedDeals, 1)
    story.rests('exit|1').fill('exit|1', '1.01', '100')
    assert.equal(story.row(), 'closed reconciliation 1.01')
    assert.equal(story.state.closedTrades, 1)
  })

  test('an exit that is refused for a deal of the past is tried until it is taken', () => {
    const story = closedDeal().fill('avg|1', '0.51', '98').did('place exit|1 sell 0.51 market')
    story.order('exit|1', 'sent').order('exit|1', 'rejected', 'busy').did('')
    story.waits(1000).did('place exit|2 sell 0.51 market').rests('exit|2').fill('exit|2', '0.51', '98')
    assert.equal(story.row(), 'closed reconciliation 2')
  })

  test('sold more than was held: the excess is the account’s coins, what it brought is the bot’s, and it is alarming', () => {
    const story = closedDeal()
    story.fill('tp|1', '0.3', '102')
    assert.equal(story.status('tp|1'), 'filled 1.3')
    assert.equal(story.row(), 'closed reconciliation 32.6')
    assert.equal(story.books.balance('free', 'BTC').toString(), '-0.3')
    assert.equal(story.books.balance('market', 'BTC', 1).toString(), '0.3')
    assert.deepEqual(story.alarms('critical'), ['OVERFILL'])
  })

  test('sold more than was held, fee in coins: the account pays it and charges the bot', () => {
    const story = bought({ config: TARGET }).rests('tp|1')
    story.fill('tp|1', '1', '102', { fee: '0.001', feeAsset: 'BTC', feeValueQuote: '0.102' })
    assert.equal(story.row(), 'closed take_profit 1.898')
    assert.equal(story.books.balance('free', 'BTC').toString(), '-0.001')
  })

  test('coins that were handed over and then sold by a late fill come out of what was handed over', () => {
    const story = bought({ config: TARGET }).rests('tp|1')
    story.tell({ kind: 'stop_requested', atMs: story.nowMs, openDeals: 'release' }).order('tp|1', 'cancelled')
    assert.equal(story.row(), 'released manual 0')
    story.fill('tp|1', '0.4', '102')
    assert.equal(story.state.dust['BTC']!.quantity.toString(), '0.6')
    assert.equal(story.trades.get(1)!.netPnl!.toString(), '0.8')
    assert.deepEqual(story.alarms('critical'), [])
  })

  test('beyond what is remembered the second life is booked, shown alone, and said aloud', () => {
    const story = closedDeal({ stopAfterDeals: null, averaging: ladder })
    for (let n = 2; n <= REMEMBERED_DEALS + 2; n += 1) {
      story.waits(3_600_000).closes('100').rests(`${n}:base|1`).fill(`${n}:base|1`, '1', '100')
      story.command({ type: 'close_deal', tradeSeq: n }).order(`${n}:tp|1`, 'withdrawn').order(`${n}:avg|1`, 'withdrawn')
      story.rests(`${n}:close|1`).fill(`${n}:close|1`, '1', '100')
    }
    assert.equal(story.state.endedDeals.length, REMEMBERED_DEALS)
    const before = story.state.realizedPnl
    const late = story.record('avg|1')!
    // The row of the first life is written over: what is checked here is the state, not the sum of rows.
    story.trades.delete(1)
    const { machine, state, nowMs } = story
    const fill = { ...story.fills[0]!, purpose: 'avg', sequence: 1, fillId: 'late', quantity: late.order.quantity } as const
    const opened = machine.step(state, {
      kind: 'fill_reported',
      atMs: nowMs,
      fill: { ...fill, price: late.order.limitPrice! },
      record: late,
    })
    assert.deepEqual(
      opened.changes.events.filter(event => event.severity === 'critical').map(event => event.type),
      ['DEAL_REOPENED'],
    )
    const [command] = opened.commands
    assert.equal(command?.kind, 'place_order')
    if (command?.kind !== 'place_order') return
    assert.ok(command.order.sequence > 100_000_000, 'no number of its first life is used again')
    const { tradeSeq, purpose, sequence } = command.order
    const sold = { ...fill, tradeSeq, purpose, sequence, side: 'sell', fillId: 'sold', price: late.order.limitPrice! } as const
    const ended = machine.step(opened.state, { kind: 'fill_reported', atMs: nowMs, fill: sold })
    assert.equal(ended.state.realizedPnl.toString(), before.toString())
    assert.equal(ended.state.closedTrades, state.closedTrades)
    assert.equal(ended.changes.trades[0]!.netPnl!.toString(), '0')
  })
})

describe('orders that live again', () => {
  test('a cancelled rung that works again while its deal goes on is kept, where its place is free', () => {
    const story = bought({ config: { ...TARGET, averaging: ladder } })
      .rests('tp|1', 'avg|1')
      .did('place tp|1 sell 1 @ 102\nplace avg|1 buy 0.51 @ 98')
    story.order('avg|1', 'expired').did('place avg|2 buy 0.51 @ 98').rests('avg|2')
    story.order('avg|1', 'accepted').did('cancel avg|1')
    assert.deepEqual(story.alarms(), ['ORDER_REVIVED'])
    story.order('avg|1', 'cancelled').did('')
    assert.equal(story.status('avg|1'), 'cancelled 0')
    assert.equal(story.status('avg|2'), 'open 0')
  })

  test('an order of an ended deal that works again is cancelled, and its deal stays as it was', () => {
    const story = closedDeal()
    story.order('avg|1', 'accepted').did('cancel avg|1')
    assert.equal(story.row(), 'closing - -')
    story.order('avg|1', 'cancelled').did('')
    assert.equal(story.row(), 'closed take_profit 2')
    assert.equal(story.state.realizedPnl.toString(), '2')
  })

  test('it fills before the cancel: what came in is sold', () => {
    const story = closedDeal().order('avg|1', 'accepted').did('cancel avg|1')
    story.fill('avg|1', '0.51', '98').did('place exit|1 sell 0.51 market')
    story.rests('exit|1').fill('exit|1', '0.51', '98')
    assert.equal(story.row(), 'closed reconciliation 2')
  })

  test('a rejected order that fills in part works: the venue contradicts itself, and its rest is cancelled', () => {
    const story = bought({ config: { ...TARGET, averaging: ladder } }).rests('tp|1')
    story.order('avg|1', 'sent').order('avg|1', 'rejected', 'funds')
    assert.deepEqual(story.deal().usedRungs, [1])
    story.rests('avg|2').fill('avg|1', '0.2', '98')
    assert.equal(story.status('avg|1'), 'part_filled 0.2')
    assert.ok(story.alarms().includes('ORDER_REVIVED'))
    assert.equal(story.image('avg|1')!.cancelState, 'requested')
  })
})
