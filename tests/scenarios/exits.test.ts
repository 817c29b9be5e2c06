import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { condition, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import { stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { BOUGHT_AT_100, rungAt, story } from './exit-story.ts'
import { expectStory } from './story.ts'

describe('stop loss', () => {
  test('fires at a touch', () => {
    story({ stopLoss: stopLoss({ value: '5' }) }, '100 101 95 96', '02:59 sl sell 1 @ 95\ndeal 1 stop_loss -5')
  })

  test('does not fire a tick above', () => {
    story({ stopLoss: stopLoss({ value: '5' }) }, '100 101 95.01 96', '03:00 exit sell 1 @ 96\ndeal 1 end_of_data -4')
  })

  test('a gap below it is paid', () => {
    story({ stopLoss: stopLoss({ value: '5' }) }, '90 91 89 90', '02:00 sl sell 1 @ 90\ndeal 1 stop_loss -10')
  })

  test('rests at the venue where it may', () => {
    story(
      { stopLoss: stopLoss({ value: '5', placement: 'resting' }) },
      '100 101 94 96',
      '02:59 sl sell 1 @ 95\ndeal 1 stop_loss -5',
    )
  })

  test('as a price, as an amount', () => {
    story(
      { stopLoss: stopLoss({ type: 'price', value: '93.5' }) },
      '100 101 93 94',
      '02:59 sl sell 1 @ 93.5\ndeal 1 stop_loss -6.5',
    )
    story({ stopLoss: stopLoss({ type: 'amount', value: '7' }) }, '100 101 93 94', '02:59 sl sell 1 @ 93\ndeal 1 stop_loss -7')
    story(
      { stopLoss: stopLoss({ type: 'amount', value: '7' }) },
      '100 101 93.01 94',
      '03:00 exit sell 1 @ 94\ndeal 1 end_of_data -6',
    )
  })

  test('by its basis: average, base order, last entry', () => {
    const candles = `
      100 100 90  91
      91  91  90  90
      90  90  70  70`
    const withRung = { averaging: rungAt('9', '91') }
    const at = (basis: 'average' | 'base_order' | 'last_entry', fired: string) =>
      story({ stopLoss: stopLoss({ value: '20', basis }) }, candles, `02:59 avg1 buy 1 @ 91\n${fired}`, withRung)
    at('average', '04:59 sl sell 2 @ 76.4\ndeal 1 stop_loss -38.2')
    at('base_order', '04:59 sl sell 2 @ 80\ndeal 1 stop_loss -31')
    at('last_entry', '04:59 sl sell 2 @ 72.8\ndeal 1 stop_loss -45.4')
  })

  test('trailing: 90, then 99 after 110; sells at 99', () => {
    story(
      { stopLoss: stopLoss({ value: '10', trailing: true }) },
      `
      100 110 100 110
      110 110 105 105
      105 105 99  99`,
      '04:59 sl sell 1 @ 99\ndeal 1 trailing_stop -1',
    )
    story(
      { stopLoss: stopLoss({ value: '10', trailing: true }) },
      `
      100 101 90 91
      91 91 91 91`,
      '02:59 sl sell 1 @ 90\ndeal 1 trailing_stop -10',
    )
  })

  test('after its target the stop is at break-even, with both fees', () => {
    const targets = takeProfit('5', {
      targets: [
        { profitPct: '5', sellPct: '50' },
        { profitPct: '20', sellPct: '50' },
      ],
    })
    story(
      { takeProfit: targets, stopLoss: stopLoss({ value: '10', breakEvenAfterTarget: 1 }) },
      `
      100 106 100 106
      106 106 100 100`,
      `02:59 tp1 sell 0.5 @ 105
       03:59 sl sell 0.5 @ 100.21
       deal 1 break_even 2.402395`,
      {},
      { rules: { makerBps: '10', takerBps: '10' } },
    )
    story(
      { takeProfit: targets, stopLoss: stopLoss({ value: '10', breakEvenAfterTarget: 1 }) },
      `
      100 104 99  99
      99  99  90  90`,
      '03:59 sl sell 1 @ 90\ndeal 1 stop_loss -10',
    )
  })

  test('what follows: the bot goes on, is paused, or stops', () => {
    const candles = `
      100 100 90  90
      90  90  90  90
      90  90  90  90`
    const after = (action: 'close' | 'close_and_pause' | 'close_and_stop', expected: string) =>
      story({ stopLoss: stopLoss({ value: '5', action }) }, candles, `02:59 sl sell 1 @ 95\ndeal 1 stop_loss -5${expected}`, {
        stopAfterDeals: null,
      })
    after('close', '\n03:00 base buy 1.111 @ 90\n05:00 exit sell 1.111 @ 90\ndeal 2 end_of_data 0')
    assert.deepEqual(after('close_and_pause', '').state.pausedBy, ['protection'])
    assert.equal(after('close_and_stop', '').state.ended, 'stopped')
  })

  test('a full exit swallows the targets: one sell', () => {
    const told = story(
      { stopLoss: stopLoss({ value: '5' }), takeProfit: takeProfit('5') },
      '100 110 90 100',
      '02:59 sl sell 1 @ 95\ndeal 1 stop_loss -5',
    )
    assert.deepEqual(
      told.journal.ordersOf(1).map(order => [order.purpose, order.status]),
      [
        ['base', 'filled'],
        ['tp', 'cancelled'],
        ['sl', 'filled'],
      ],
    )
  })
})

describe('a stop that must last', () => {
  const stop = { stopLoss: stopLoss({ value: '5', timeoutSec: 600 }) }
  const minutes = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')
  const minuteStory = (closes: number[], expected: string) =>
    expectStory(
      {
        timeframe: '1m',
        candles: `${BOUGHT_AT_100}\n${minutes(...closes)}`,
        config: { timeframe: '1m', exits: { takeProfit: null, ...stop } },
      },
      `00:01 base buy 1 @ 100\n${expected}`,
    )

  test('an unbroken stay sells, a break begins anew', () => {
    // Below for 300 s from 00:02, back until 00:09, and then for ten minutes.
    const closes = [94, 94, 94, 94, 94, 96, 96, ...Array.from({ length: 14 }, () => 94)]
    minuteStory(closes, '00:19 sl sell 1 @ 94\ndeal 1 stop_loss -6')
  })

  test('nine minutes are not ten', () => {
    minuteStory([94, 94, 94, 94, 94, 94, 94, 94, 94, 96, 96, 96], '00:14 exit sell 1 @ 96\ndeal 1 end_of_data -4')
  })
})

describe('time', () => {
  const day = (n: number, close: number): string =>
    Array.from({ length: n }, () => `${close} ${close} ${close} ${close}`).join('\n')

  test('is up since the first fill, at any profit', () => {
    story({ timeExit: { maxHoldSec: 7200, minProfitPct: null } }, day(3, 95), '03:00 exit sell 1 @ 95\ndeal 1 time -5')
    story({ timeExit: { maxHoldSec: 7200, minProfitPct: null } }, day(1, 95), '03:00 exit sell 1 @ 95\ndeal 1 end_of_data -5')
  })

  test('waits for its least profit', () => {
    const least = { timeExit: { maxHoldSec: 7200, minProfitPct: '3' } }
    story(
      least,
      `${day(3, 95)}
       95 103 95 103`,
      '05:59 exit sell 1 @ 103\ndeal 1 time 3',
    )
    story(
      least,
      `${day(3, 95)}
       95 102.99 95 102`,
      '06:00 exit sell 1 @ 102\ndeal 1 end_of_data 2',
    )
    story(least, `100 105 100 105\n105 105 105 105`, '03:00 exit sell 1 @ 105\ndeal 1 time 5')
  })
})

describe('close by playbook', () => {
  const above110 = playbook([item('a', condition(price('close'), 'gt', number(110)))])

  test('sells at the next open when it is true', () => {
    story(
      { closeBy: { playbook: above110, minProfitPct: null } },
      `
      100 111 100 111
      112 112 112 112`,
      '03:00 exit sell 1 @ 112\ndeal 1 playbook 12',
    )
  })

  test('does not while it is false', () => {
    story(
      { closeBy: { playbook: above110, minProfitPct: null } },
      `
      100 111 100 110
      110 110 110 110`,
      '04:00 exit sell 1 @ 110\ndeal 1 end_of_data 10',
    )
  })

  test('cannot be evaluated while its indicator warms up: no sale', () => {
    const warming = playbook([item('a', condition(price('close', 30), 'gt', number(1)))])
    story(
      { closeBy: { playbook: warming, minProfitPct: null } },
      `
      100 111 100 111
      112 112 112 112`,
      '04:00 exit sell 1 @ 112\ndeal 1 end_of_data 12',
    )
  })

  test('waits for its least profit while it stays true', () => {
    story(
      { closeBy: { playbook: above110, minProfitPct: '15' } },
      `
      100 112 100 112
      112 116 112 116
      116 116 116 116`,
      '04:00 exit sell 1 @ 116\ndeal 1 playbook 16',
    )
  })
})

describe('in one instant', () => {
  test('a deal that exits is not averaged and its pair opens nothing', () => {
    // The playbook closes at 02:00; a new deal starts from the close after.
    story(
      { closeBy: { playbook: playbook([item('a', condition(price('close'), 'gt', number(110)))]), minProfitPct: null } },
      `
      100 111 100 111
      100 100 100 100
      100 100 100 100`,
      `03:00 exit sell 1 @ 100
       deal 1 playbook 0
       04:00 base buy 1 @ 100
       05:00 exit sell 1 @ 100
       deal 2 end_of_data 0`,
      { stopAfterDeals: null },
    )
  })

  test('where a gap is below both, the stop comes before the trail', () => {
    story(
      { stopLoss: stopLoss({ value: '5' }), trailing: { activationPct: '10', distancePct: '20' } },
      `
      100 112 100 112
      80  80  80  80`,
      '03:00 sl sell 1 @ 80\ndeal 1 stop_loss -20',
    )
  })

  test('where a gap is above both, the restart swallows the target', () => {
    story(
      {
        takeProfit: takeProfit('5', { placement: 'virtual' }),
        takeProfitAndRestart: { targetPct: '10', capital: 'original', waitForSignal: false },
      },
      '120 120 120 120',
      '02:00 exit sell 1 @ 120\ndeal 1 restart 20',
    )
  })

  test('a stop at the price of a rung is touched before the rung is traded through', () => {
    for (const placement of ['resting', 'virtual'] as const) {
      story(
        { stopLoss: stopLoss({ value: '5', basis: 'base_order' }) },
        '100 100 94 94',
        '02:59 sl sell 1 @ 95\ndeal 1 stop_loss -5',
        { averaging: { ...rungAt('5', '95'), placement } },
      )
    }
  })

  test('of a stop and a trail the price meets the higher one first', () => {
    story(
      { stopLoss: stopLoss({ value: '5' }), trailing: { activationPct: '10', distancePct: '20' } },
      `
      100 112 100 112
      112 112 90  90`,
      '03:59 sl sell 1 @ 95\ndeal 1 stop_loss -5',
    )
  })
})

describe('a stop that fills in parts', () => {
  const capped = { venue: { volumeCapPct: Decimal.from('10') } }
  const candles = `
    100 100 94 94 5
    97  99  96 98 100
    98  99  97 98 100`

  test('has triggered: its rest is sold at the next open, wherever the price is by then', () => {
    for (const placement of ['resting', 'virtual'] as const) {
      story(
        { stopLoss: stopLoss({ value: '5', placement }) },
        candles,
        `02:59 sl sell 0.5 @ 95
         03:00 sl sell 0.5 @ 97
         deal 1 stop_loss -4`,
        {},
        capped,
      )
    }
  })

  test('has triggered even where the candle leaves nothing to fill it', () => {
    for (const placement of ['resting', 'virtual'] as const) {
      story(
        { stopLoss: stopLoss({ value: '5', placement }) },
        `
        100 100 94 94 0
        97  99  96 98 100`,
        `03:00 sl sell 1 @ 97
         deal 1 stop_loss -3`,
        {},
        capped,
      )
    }
  })

  test('buys no rung while its rest is on the way', () => {
    story(
      { stopLoss: stopLoss({ value: '5', basis: 'base_order', placement: 'resting' }) },
      `
      100 100 94 94 5
      90  90  80 80 5
      80  80  80 80 100`,
      `02:59 sl sell 0.5 @ 95
       03:00 sl sell 0.5 @ 90
       deal 1 stop_loss -7.5`,
      { averaging: rungAt('10', '90') },
      capped,
    )
  })
})

describe('a deal that is leaving when the data ends', () => {
  test('by its playbook at the last close: sold there, for that reason', () => {
    const above = playbook([item('high', condition(price(), 'gt', number('110')))])
    const told = story(
      { closeBy: { playbook: above, minProfitPct: null } },
      '100 120 100 120',
      '03:00 exit sell 1 @ 120\ndeal 1 playbook 20',
    )
    assert.equal(told.state.ended, 'completed')
    assert.equal(told.finalEquity.toString(), '10020')
  })

  test('by time at the last close', () => {
    story(
      { timeExit: { maxHoldSec: 7200, minProfitPct: null } },
      '100 100 90 90\n90 90 90 90',
      '03:00 exit sell 1 @ 90\ndeal 1 time -10',
    )
  })

  test('with a part not sold yet: the rest goes at the last close', () => {
    const told = story(
      { stopLoss: stopLoss({ value: '5' }) },
      '100 100 90 90 5',
      `02:59 sl sell 0.5 @ 95
       03:00 sl sell 0.5 @ 90
       deal 1 stop_loss -7.5`,
      {},
      { venue: { volumeCapPct: Decimal.from('10') } },
    )
    assert.equal(told.finalEquity.toString(), '9992.5')
  })
})
