import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { condition, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import { averaging, dcaConfig, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import type { Averaging, Exits } from '../../src/core/dca/config.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { expectStory, type Scenario, tell } from './story.ts'

/** One is bought at 100 at the open of the second candle; what follows is the scenario's. */
const BOUGHT_AT_100 = `
  100 100 100 100
  100 100 100 100`

function story(
  exits: Partial<Exits>,
  candles: string,
  expected: string,
  rest: Scenario['config'] = {},
  more: Partial<Omit<Scenario, 'candles' | 'config'>> = {},
) {
  return expectStory(
    { ...more, candles: `${BOUGHT_AT_100}\n${candles.trim()}`, config: { ...rest, exits: { takeProfit: null, ...exits } } },
    `01:00 base buy 1 @ 100\n${expected}`,
  )
}

/** An averaging order of `amount` at `drop` percent below the base order. */
const rungAt = (stepPct: string, amount: string): Averaging =>
  averaging({ rule: { type: 'ladder', stepPct, stepScale: '1' }, amount: { type: 'fixed', value: amount }, maxOrders: 1 })

describe('take profit', () => {
  test('fires when the price trades through it', () => {
    story({ takeProfit: takeProfit('2') }, '100 102.01 100 101', '02:59 tp1 sell 1 @ 102\ndeal 1 take_profit 2')
  })

  test('does not fire at a mere touch', () => {
    story({ takeProfit: takeProfit('2') }, '100 102 100 101', '03:00 exit sell 1 @ 101\ndeal 1 end_of_data 1')
  })

  test('a gap over it is a gift', () => {
    story({ takeProfit: takeProfit('2') }, '104 105 103 104', '02:00 tp1 sell 1 @ 104\ndeal 1 take_profit 4')
  })

  test('virtual, it fires like the order it stands for, as a taker that slips', () => {
    expectStory(
      {
        candles: `${BOUGHT_AT_100}
          100 102.03 100 101`,
        config: { exits: { takeProfit: takeProfit('2', { placement: 'virtual' }) } },
        venue: { slippageBps: Decimal.from('1') },
      },
      // Bought at 100.01, so the target stands at 102.02.
      `01:00 base buy 1 @ 100.01
       02:59 tp sell 1 @ 102
       deal 1 take_profit 1.99`,
    )
  })

  test('net of fees, it stands higher', () => {
    story(
      { takeProfit: takeProfit('2'), profitBasis: 'net' },
      `
      100 102.21 100 101
      101 102.22 100 101`,
      '03:59 tp1 sell 1 @ 102.21\ndeal 1 take_profit 2.00779',
      {},
      { rules: { makerBps: '10', takerBps: '10' } },
    )
  })

  test('measured from the average it moves with it; from the base order it returns 2 % of that', () => {
    const averaged = { averaging: rungAt('10', '90') }
    const candles = `
      100   100   89  95
      95    98    95  97`
    story(
      { takeProfit: takeProfit('2') },
      candles,
      `02:59 avg1 buy 1 @ 90
       03:59 tp1 sell 2 @ 96.9
       deal 1 take_profit 3.8`,
      averaged,
    )
    story(
      { takeProfit: takeProfit('2', { from: 'base_order' }) },
      candles,
      `02:59 avg1 buy 1 @ 90
       03:59 tp1 sell 2 @ 96
       deal 1 take_profit 2`,
      averaged,
    )
  })

  test('pessimistic: a target that a fill of this candle moved acts from the next one', () => {
    story(
      { takeProfit: takeProfit('2') },
      `
      100   100   89  99
      99    99    98  98`,
      `02:59 avg1 buy 1 @ 90
       03:00 tp1 sell 2 @ 99
       deal 1 take_profit 8`,
      { averaging: rungAt('10', '90') },
    )
  })
})

describe('several targets', () => {
  const TWO = takeProfit('2', {
    targets: [
      { profitPct: '2', sellPct: '40' },
      { profitPct: '4', sellPct: '60' },
    ],
  })

  test('each sells its share of what was held when the first fired', () => {
    story(
      { takeProfit: TWO },
      `
      100 103 100 102
      102 105 102 104`,
      `02:59 tp1 sell 0.4 @ 102
       03:59 tp2 sell 0.6 @ 104
       deal 1 take_profit 3.2`,
    )
  })

  test('both in one candle', () => {
    story(
      { takeProfit: TWO },
      '100 105 100 104',
      `02:59 tp1 sell 0.4 @ 102
       02:59 tp2 sell 0.6 @ 104
       deal 1 take_profit 3.2`,
    )
  })

  test('1.507 held: 0.602 and 0.905; with 0.778 averaged between, the second sells 1.683', () => {
    const lot = { rules: { step: '0.001' } }
    const ladder = averaging({ rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' }, volumeScale: '1.5', maxOrders: 2 })
    story(
      { takeProfit: TWO },
      `
      100    100    98.4   99
      99     101.5  99     101
      101    103.5  101    103`,
      `02:59 avg1 buy 0.507 @ 98.5
       03:59 tp1 sell 0.602 @ 101.49
       04:59 tp2 sell 0.905 @ 103.48
       deal 1 take_profit 4.80688`,
      { averaging: ladder },
      lot,
    )
    const told = tell({
      candles: `
        100    100    100    100
        100    100    100    100
        100    100    98.4   99
        99     101.5  99     101
        101    101    96.3   97
        97     200    97     199`,
      config: { averaging: ladder, exits: { takeProfit: TWO } },
      ...lot,
    })
    assert.deepEqual(
      told.lines.slice(0, -1).map(line => line.split(' ').slice(1, 4).join(' ')),
      ['base buy 1', 'avg1 buy 0.507', 'tp1 sell 0.602', 'avg2 buy 0.778', 'tp2 sell 1.683'],
    )
  })

  test('a part too small for the venue joins the next', () => {
    story(
      { takeProfit: TWO },
      '100 105 100 104',
      '02:59 tp2 sell 1 @ 104\ndeal 1 take_profit 4',
      {},
      { rules: { minNotional: '50' } },
    )
  })
})

describe('trailing', () => {
  const TRAIL = { trailing: { activationPct: '10', distancePct: '5' } }

  test('arms at its profit, follows the peak, sells at the distance below it', () => {
    story(
      TRAIL,
      `
      100 111 100 111
      111 120 111 119
      119 119 113 113`,
      '04:59 trail sell 1 @ 114\ndeal 1 trailing 14',
    )
  })

  test('does not fire before it is armed, however far the price falls from its peak', () => {
    story(
      TRAIL,
      `
      100 109.99 100 109
      109 109    80  80`,
      '04:00 exit sell 1 @ 80\ndeal 1 end_of_data -20',
    )
  })

  test('does not fire within its distance', () => {
    story(
      TRAIL,
      `
      100 120 100 119
      119 119 114.01 115`,
      '04:00 exit sell 1 @ 115\ndeal 1 end_of_data 15',
    )
  })

  test('stays armed below its activation', () => {
    story(
      TRAIL,
      `
      100 110 100 110
      110 110 104.4 104.4`,
      '03:59 trail sell 1 @ 104.5\ndeal 1 trailing 4.5',
    )
  })

  test('pessimistic: the low meets the former stop before the high lifts the peak', () => {
    story(
      TRAIL,
      `
      100 110 100   110
      110 130 104.6 125`,
      '04:00 exit sell 1 @ 125\ndeal 1 end_of_data 25',
    )
    story(
      TRAIL,
      `
      100 110 100   110
      110 130 104.5 125`,
      '03:59 trail sell 1 @ 104.5\ndeal 1 trailing 4.5',
    )
  })

  test('the close of the candle that lifted the peak can already be below the stop', () => {
    story(
      TRAIL,
      `
      100 110 100 110
      110 130 110 120`,
      '03:59 trail sell 1 @ 123.5\ndeal 1 trailing 23.5',
    )
  })

  test('averaging neither disarms nor lowers it', () => {
    story(
      { trailing: { activationPct: '10', distancePct: '30' } },
      `
      100 110 100 110
      110 110 89  90
      90  90  76  76`,
      `03:59 avg1 buy 1 @ 90
       04:59 trail sell 2 @ 77
       deal 1 trailing -36`,
      { averaging: rungAt('10', '90') },
    )
  })
})

describe('take profit and restart', () => {
  const RESTART = { takeProfitAndRestart: { targetPct: '30', capital: 'original', waitForSignal: false } } as const
  const CANDLES = `
    100 131 100 130
    130 130 130 130
    130 130 130 130
    130 130 130 130`

  test('sells all at its target, and a new deal opens at the next instant', () => {
    story(
      RESTART,
      CANDLES,
      `02:59 exit sell 1 @ 130
       deal 1 restart 30
       03:00 base buy 0.769 @ 130
       06:00 exit sell 0.769 @ 130
       deal 2 end_of_data 0`,
      { stopAfterDeals: null },
    )
  })

  test('does not fire below it', () => {
    story(RESTART, '100 130 100 120', '03:00 exit sell 1 @ 120\ndeal 1 end_of_data 20', { stopAfterDeals: null })
  })

  const onlyAtFirst = playbook([item('a', condition(price('close'), 'lt', number(110)))])

  test('a restart asks no entry playbook, unless it shall wait for the signal', () => {
    const config = { stopAfterDeals: null, entry: { ...dcaConfig().entry, mode: 'conditional', playbook: onlyAtFirst } } as const
    story(
      RESTART,
      CANDLES,
      `02:59 exit sell 1 @ 130
       deal 1 restart 30
       03:00 base buy 0.769 @ 130
       06:00 exit sell 0.769 @ 130
       deal 2 end_of_data 0`,
      config,
    )
    story(
      { takeProfitAndRestart: { ...RESTART.takeProfitAndRestart, waitForSignal: true } },
      CANDLES,
      '02:59 exit sell 1 @ 130\ndeal 1 restart 30',
      config,
    )
  })

  test('compounded, the next deal is larger by what this one made', () => {
    story(
      { takeProfitAndRestart: { ...RESTART.takeProfitAndRestart, capital: 'compounded' } },
      CANDLES,
      `02:59 exit sell 1 @ 130
       deal 1 restart 30
       03:00 base buy 1 @ 130
       06:00 exit sell 1 @ 130
       deal 2 end_of_data 0`,
      { stopAfterDeals: null },
    )
  })
})

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
