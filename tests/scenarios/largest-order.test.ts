/** A venue that takes no order above a quantity: what is larger leaves in parts, and nothing of it is left behind. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, dcaConfig, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { Desk, INSTRUMENT } from './account-desk.ts'
import { rungAt } from './exit-story.ts'
import { bought, VenueStory as Story } from './venue-story.ts'

/** A deal of 2: 1 @ 100 and 1 @ 98.5. */
function ofTwo(setup: NonNullable<ConstructorParameters<typeof Story>[0]>): Story {
  const story = bought({ ...setup, config: { averaging: rungAt('1.5', '98.5'), ...setup.config } })
  return story.rests('avg|1').fill('avg|1', '1', '98.5')
}

/** Everything that was sold by now, in its order. */
const sold = (story: Story): string[] =>
  story.fills.filter(fill => fill.side === 'sell').map(fill => `${fill.purpose}|${fill.sequence} ${fill.quantity}`)

describe('an exit larger than the venue takes', () => {
  const exits = { takeProfit: takeProfit('2', { placement: 'virtual' }) }

  test('leaves in parts, one after the other: one deal, one result', () => {
    const story = ofTwo({ config: { exits }, rules: { maxQty: '1.2' } }).did('place avg|1 buy 1 @ 98.5')
    story.touches('target|0', '102').did('place tp|1 sell 1.2 market').rests('tp|1').fill('tp|1', '1.2', '102')
    story.did('place tp|2 sell 0.8 market').rests('tp|2').fill('tp|2', '0.8', '101')
    assert.deepEqual(sold(story), ['tp|1 1.2', 'tp|2 0.8'])
    assert.equal(story.row(), 'closed take_profit 4.7')
    assert.equal(story.state.closedTrades, 1)
    assert.deepEqual(story.alarms('warning'), [])
  })

  test('the last part is never too small to be sold, even when the price falls meanwhile', () => {
    // 1.9 and 0.1 would leave 10 at a venue that wants 9: too near to it.
    const story = ofTwo({ config: { exits }, rules: { maxQty: '1.9', minNotional: '9' } })
    story.touches('target|0', '102').rests('tp|1').did('place avg|1 buy 1 @ 98.5\nplace tp|1 sell 1 market')
    story.fill('tp|1', '1', '102').did('place tp|2 sell 1 market').rests('tp|2').fill('tp|2', '1', '60')
    assert.deepEqual(sold(story), ['tp|1 1', 'tp|2 1'])
    assert.equal(story.row(), 'closed take_profit -36.5')
    assert.deepEqual(story.state.dust, {})
  })

  test('one that is as large as the venue takes goes out whole', () => {
    const story = bought({ config: { exits }, rules: { maxQty: '1' } })
    story.touches('target|0', '102').did('place tp|1 sell 1 market')
  })

  test('with the profit in coins only the cost is sold, in parts', () => {
    const story = ofTwo({ config: { exits, profitCurrency: 'base' }, rules: { maxQty: '1.2' } })
    story.touches('target|0', '110').rests('tp|1').did('place avg|1 buy 1 @ 98.5\nplace tp|1 sell 1.2 market')
    story.fill('tp|1', '1.2', '110').did('place tp|2 sell 0.605 market').rests('tp|2').fill('tp|2', '0.605', '110')
    assert.equal(story.state.dust['BTC']?.quantity.toString(), '0.195')
  })
})

describe('a target larger than the venue takes', () => {
  const HALVES = [
    { profitPct: '2', sellPct: '75' },
    { profitPct: '4', sellPct: '25' },
  ]

  test('rests for a part at a time and has fired with the last of them', () => {
    const config = { exits: { takeProfit: takeProfit('2', { targets: HALVES }) } }
    const story = ofTwo({ config, rules: { maxQty: '1' }, traits: { locksBalance: false } })
    story.cancel('tp|1', 'sent').order('tp|1', 'cancelled').cancel('tp|2', 'sent').order('tp|2', 'cancelled')
    story.did(`
      place tp|1 sell 0.75 @ 102
      place tp|2 sell 0.25 @ 104
      place avg|1 buy 1 @ 98.5
      cancel tp|1
      cancel tp|2
      place tp|3 sell 1 @ 101.24
      place tp|4 sell 0.5 @ 103.22`)
    story.rests('tp|3', 'tp|4').fill('tp|3', '0.4', '101.24').did('')
    story.fill('tp|3', '0.6', '101.24').did('place tp|5 sell 0.5 @ 101.24').rests('tp|5')
    assert.deepEqual(story.deal().firedTargets, [])
    story.fill('tp|5', '0.5', '101.24').did('')
    assert.deepEqual(story.deal().firedTargets, [0])
    story.fill('tp|4', '0.5', '103.22')
    assert.match(story.row(), /^closed take_profit /)
  })

  test('watched here it is sold part by part as well', () => {
    const config = { exits: { takeProfit: takeProfit('2', { placement: 'virtual', targets: HALVES }) } }
    const story = ofTwo({ config, rules: { maxQty: '1' } })
    story.touches('target|0', '101.5').rests('tp|1').fill('tp|1', '1', '101.5')
    story.touches('target|0', '101.5').rests('tp|2').fill('tp|2', '0.5', '101.5')
    story.did('place avg|1 buy 1 @ 98.5\nplace tp|1 sell 1 market\nplace tp|2 sell 0.5 market')
    assert.deepEqual(story.deal().firedTargets, [0])
    story.touches('target|1', '104').did('place tp|3 sell 0.5 market')
  })
})

describe('a stop larger than the venue takes', () => {
  const config = { exits: { takeProfit: null, stopLoss: stopLoss({ placement: 'resting', value: '10' }) } }

  test('rests while it is small enough, is watched here from then on, and says so', () => {
    const story = bought({ config: { ...config, averaging: rungAt('1.5', '98.5') }, rules: { maxQty: '1.2' } })
    story.rests('sl|1').rests('avg|1').fill('avg|1', '1', '98.5').cancel('sl|1', 'sent').order('sl|1', 'cancelled')
    story.did('place sl|1 sell 1 stop 90\nplace avg|1 buy 1 @ 98.5\ncancel sl|1')
    assert.equal(
      story.trades.get(1)!.position.protectionReason,
      'the venue takes at most 1.2 BTC in one order: needs this server',
    )
    story.waits(600_000)
    assert.deepEqual(story.alarms('warning'), [])
    story.touches('stop', '89').did('place sl|2 sell 1.2 market').rests('sl|2').fill('sl|2', '1.2', '89')
    story.did('place sl|3 sell 0.8 market').rests('sl|3').fill('sl|3', '0.8', '88')
    assert.equal(story.row(), 'closed stop_loss -21.3')
  })
})

describe('an entry larger than the venue takes', () => {
  test('is refused with both numbers, and no deal is opened', () => {
    const story = new Story({ rules: { maxQty: '0.4' } }).closes('100').did('')
    const refused = story.events.find(event => event.type === 'ORDER_REFUSED')
    assert.match(refused?.message ?? '', /quantity 1 is above 0.4/)
    assert.equal((refused?.details as { rule?: string } | undefined)?.rule, 'ORDER_ABOVE_MAX_QUANTITY')
  })
})

test('at a venue: the stop of a deal that outgrew one order sells it all, and the books agree', async () => {
  const desk = new Desk(
    dcaConfig({
      timeframe: '1m',
      maxActiveDeals: 1,
      stopAfterDeals: 1,
      averaging: averaging({ activeOrdersCount: 2 }),
      exits: {
        takeProfit: takeProfit('2', { placement: 'virtual' }),
        stopLoss: stopLoss({ value: '10', placement: 'resting' }),
      },
    }),
  )
  desk.exchange.setInstrument({ ...INSTRUMENT, maxQty: Decimal.from('1.2') })
  desk.start()
  await desk.pass(30_000)
  await desk.minutes(2, '100')
  await desk.minutes(2, '98.4')
  await desk.minutes(2, '96.9')
  await desk.minutes(5, '80')
  assert.equal(
    desk.exchange
      .balances()
      .find(each => each.currency === 'BTC')
      ?.free.toString() ?? '0',
    '0',
    desk.orders().join('\n'),
  )
  desk.assertBooksAgree()
})
