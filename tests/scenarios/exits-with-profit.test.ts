import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { condition, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import { averaging, dcaConfig, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { BOUGHT_AT_100, rungAt, story } from './exit-story.ts'
import { expectStory, tell } from './story.ts'

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

describe('targets too small to sell alone', () => {
  const targets = (...list: [profitPct: string, sellPct: string][]) =>
    list.map(([profitPct, sellPct]) => ({ profitPct, sellPct }))

  test('join the next, which then counts for both: no part is sold twice', () => {
    story(
      { takeProfit: takeProfit('1', { targets: targets(['1', '10'], ['2', '20'], ['3', '30'], ['4', '40']) }) },
      `
      100   102.5 100 102.5
      102.5 103.5 102 103.5
      103.5 105   103 105`,
      `02:59 tp2 sell 0.3 @ 102
       03:59 tp3 sell 0.3 @ 103
       04:59 tp4 sell 0.4 @ 104
       deal 1 take_profit 3.1`,
      {},
      { rules: { minNotional: '15' } },
    )
  })

  test('count for the break-even stop as well', () => {
    for (const placement of ['resting', 'virtual'] as const) {
      story(
        {
          takeProfit: takeProfit('1', { placement, targets: targets(['1', '10'], ['2', '40'], ['50', '50']) }),
          stopLoss: stopLoss({ value: '20', breakEvenAfterTarget: 2 }),
        },
        `
        100   102.5 100 102.5
        102.5 103.5 85  85
        85    85    85  85`,
        `02:59 tp2 sell 0.5 @ 102
         03:59 sl sell 0.5 @ 100
         deal 1 break_even 1`,
        {},
        { rules: { minNotional: '15' } },
      )
    }
  })

  test('do not keep a deal open for the dust that a fee in coins left', () => {
    for (const placement of ['resting', 'virtual'] as const) {
      const told = expectStory(
        {
          candles: `${BOUGHT_AT_100}
            100   102.5 100 102.5
            102.5 103.5 90  103`,
          config: {
            baseOrder: { size: '77.77' },
            averaging: rungAt('5', '50'),
            exits: { takeProfit: takeProfit('1', { placement, targets: targets(['1', '5'], ['2', '95']) }) },
          },
          rules: { minNotional: '10', feeAsset: 'BTC', takerBps: '10', makerBps: '10' },
        },
        `01:00 base buy 0.777 @ 100
         02:59 tp2 sell 0.776 @ 102
         deal 1 take_profit 1.395148`,
      )
      assert.equal(told.journal.books.balance('bot_dust', 'BTC').toString(), '0.000223')
    }
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
