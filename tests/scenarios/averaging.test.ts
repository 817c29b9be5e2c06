import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { condition, indicator, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import type { Averaging, AveragingRule } from '../../src/core/dca/config.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { expectStory, type Scenario, type Told, tell } from './story.ts'

const BOUGHT_AT_100 = `
  100 100 100 100
  100 100 100 100`
/** Out of reach: these scenarios end with their data. */
const FAR = { takeProfit: takeProfit('500') }

function story(
  rules: Partial<Averaging>,
  candles: string,
  expected: string,
  rest: Partial<Omit<Scenario, 'candles'>> = {},
): Told {
  const { config, ...more } = rest
  return expectStory(
    { ...more, candles: `${BOUGHT_AT_100}\n${candles.trim()}`, config: { exits: FAR, averaging: averaging(rules), ...config } },
    `01:00 base buy 1 @ 100\n${expected}`,
  )
}

/** Only the averaging orders, as rung@price. */
function averaged(rules: Partial<Averaging>, candles: string, rest: Partial<Omit<Scenario, 'candles'>> = {}): string[] {
  const { config, ...more } = rest
  const told = tell({
    ...more,
    candles: `${BOUGHT_AT_100}\n${candles.trim()}`,
    config: { exits: FAR, averaging: averaging(rules), ...config },
  })
  return told.lines.flatMap(line => {
    const found = /^(.+) avg(\d*) buy \S+ @ (\S+)$/.exec(line)
    return found ? [`${found[1]} ${found[2]}@${found[3]}`] : []
  })
}

const flat = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')
const ladder = (stepPct: string, stepScale = '1'): AveragingRule => ({ type: 'ladder', stepPct, stepScale })

describe('each rule fires below its price and not at a touch', () => {
  const RULES: readonly (readonly [string, Partial<Averaging>, trigger: number])[] = [
    ['ladder: below the base order', { rule: ladder('10') }, 90],
    [
      'levels: each at its own drop, with its own amount',
      { rule: { type: 'levels', levels: [{ id: 'a', dropPct: '8', amount: '46', enabled: true }] }, maxOrders: 1 },
      92,
    ],
    ['down from the last entry', { rule: { type: 'down_from_last', value: '5' } }, 95],
    ['down from the average', { rule: { type: 'down_from_average', value: '6' } }, 94],
    ['a loss in percent', { rule: { type: 'loss_pct', value: '7' } }, 93],
    ['a loss in quote', { rule: { type: 'loss_amount', value: '3' } }, 97],
  ]
  for (const [what, rules, trigger] of RULES) {
    for (const placement of ['resting', 'virtual'] as const) {
      test(`${what}, ${placement}`, () => {
        const one = { ...rules, maxOrders: 1, placement }
        assert.deepEqual(averaged(one, `100 100 ${trigger} ${trigger + 1}`), [])
        assert.deepEqual(averaged(one, `100 100 ${trigger - 0.01} ${trigger}`), [`02:59 1@${trigger}`])
        assert.deepEqual(averaged(one, flat(trigger - 1)), [`02:00 1@${trigger - 1}`], 'a gap fills at the open')
      })
    }
  }

  test('a net loss counts both fees', () => {
    const net = { exits: { ...FAR, profitBasis: 'net' } } as const
    const fees = { rules: { makerBps: '10', takerBps: '10' } }
    const loss = { rule: { type: 'loss_pct', value: '7' }, maxOrders: 1 } as const
    // 93 x 1.001 / 0.999 = 93.186...
    assert.deepEqual(averaged(loss, '100 100 93.1 94', { config: net, ...fees }), ['02:59 1@93.18'])
    assert.deepEqual(averaged(loss, '100 100 93.1 94', fees), [])
  })
})

describe('condition', () => {
  const below95 = playbook([item('a', condition(price('close'), 'lt', number(95)))])
  const rule: AveragingRule = { type: 'condition', playbook: below95 }

  test('fires at the open after a close at which it is true, and anew only after it was false', () => {
    assert.deepEqual(averaged({ rule, placement: 'virtual' }, flat(94, 93, 96, 92, 91)), ['03:00 1@93', '06:00 2@91'])
  })

  test('does not fire while false', () => {
    assert.deepEqual(averaged({ rule, placement: 'virtual' }, flat(95, 96, 95)), [])
  })

  test('does not fire while it cannot be evaluated', () => {
    const rsi = playbook([item('a', condition(indicator('rsi', { period: 14 }), 'lt', number(99)))])
    assert.deepEqual(averaged({ rule: { type: 'condition', playbook: rsi }, placement: 'virtual' }, flat(94, 93, 92)), [])
  })
})

describe('on the way down', () => {
  test('rungs of one candle fill in their order, each at its price', () => {
    story(
      { rule: ladder('10'), maxOrders: 3, activeOrdersCount: 1 },
      '100 100 69 95',
      `02:59 avg1 buy 0.555 @ 90
       02:59 avg2 buy 0.625 @ 80
       02:59 avg3 buy 0.714 @ 70
       03:00 exit sell 2.894 @ 95
       deal 1 end_of_data 25`,
    )
  })

  test('virtual rungs passed in one move do the same', () => {
    assert.deepEqual(averaged({ rule: ladder('10'), maxOrders: 3, placement: 'virtual' }, '100 100 69 95'), [
      '02:59 1@90',
      '02:59 2@80',
      '02:59 3@70',
    ])
  })

  test('each dynamic rule follows what was filled', () => {
    assert.deepEqual(averaged({ rule: { type: 'down_from_last', value: '10' }, maxOrders: 2 }, '100 100 80 80'), [
      '02:59 1@90',
      '02:59 2@81',
    ])
    assert.deepEqual(averaged({ rule: { type: 'down_from_average', value: '10' }, maxOrders: 2 }, '100 100 80 80'), [
      '02:59 1@90',
      '02:59 2@86.78',
    ])
  })

  test('market orders are virtual and slip', () => {
    assert.deepEqual(
      averaged({ rule: ladder('10'), maxOrders: 1, orderType: 'market' }, '100 100 89 95', {
        venue: { slippageBps: Decimal.from('10') },
        rules: { tick: '0.01' },
        config: { baseOrder: { orderType: 'market' } },
      }),
      // Bought at 100.10, the rung is at 90.09 and pays 0.1 % more.
      ['02:59 1@90.19'],
    )
  })

  test('only so many rest on the book at a time', () => {
    const resting = (activeOrdersCount: number): number => {
      const told = tell({
        candles: `${BOUGHT_AT_100}\n${flat(100, 100)}`,
        config: { exits: FAR, averaging: averaging({ rule: ladder('10'), activeOrdersCount }) },
      })
      return told.journal.ordersOf(1).filter(order => order.purpose === 'avg').length
    }
    assert.equal(resting(1), 1)
    assert.equal(resting(3), 3)
  })
})

describe('cooldown', () => {
  const steep = { rule: ladder('5'), maxOrders: 3, placement: 'virtual' } as const

  test('in minutes since the last entry: one rung per instant, the next when it is over', () => {
    assert.deepEqual(averaged({ ...steep, cooldown: { n: 90, unit: 'minutes' } }, flat(84, 84, 84, 84, 84)), [
      '03:00 1@84',
      '05:00 2@84',
    ])
    assert.deepEqual(averaged({ ...steep, cooldown: { n: 0, unit: 'minutes' } }, flat(84, 84)), [
      '02:00 1@84',
      '02:00 2@84',
      '02:00 3@84',
    ])
  })

  test('in bars: whole ones after the one of the fill', () => {
    // The base order fills at 01:00; two whole bars after its own end at 04:00.
    assert.deepEqual(averaged({ ...steep, cooldown: { n: 2, unit: 'bars' } }, flat(84, 84, 84, 84, 84)), ['04:00 1@84'])
  })
})

describe('cooldown in bars inside finer candles', () => {
  test('1h, a fill at 05:20 and n 2: the next one at 08:00', () => {
    // The base order of 01:00 is cooled down at 04:00; the price is below both rungs from 05:20 on.
    const told = tell({
      timeframe: '5m',
      candles: flat(...Array.from({ length: 110 }, (_, i) => (i < 64 ? 100 : i === 64 ? 94.9 : 89))),
      config: {
        exits: FAR,
        averaging: averaging({ rule: ladder('5'), maxOrders: 2, placement: 'virtual', cooldown: { n: 2, unit: 'bars' } }),
      },
    })
    assert.deepEqual(
      told.lines.filter(line => line.includes('avg')).map(line => line.split(' ').slice(0, 2).join(' ')),
      ['05:20 avg1', '08:00 avg2'],
    )
  })
})

describe('limits', () => {
  test('a playbook can be asked besides the price', () => {
    const rule = { rule: ladder('5'), maxOrders: 1, placement: 'virtual' } as const
    const calm = playbook([item('a', condition(price('close'), 'lt', number(93)))])
    assert.deepEqual(averaged({ ...rule, requirePlaybook: calm }, flat(94, 94)), [])
    assert.deepEqual(averaged({ ...rule, requirePlaybook: calm }, flat(94, 92, 94)), ['04:00 1@94'])
  })

  test('no more orders than allowed, in the deal', () => {
    assert.deepEqual(averaged({ rule: ladder('1'), maxOrders: 2 }, flat(50)), ['02:00 1@50', '02:00 2@50'])
  })

  test('and in all deals together, working ones too', () => {
    assert.deepEqual(averaged({ rule: ladder('1'), maxOrders: 5, maxOrdersAllDeals: 3, activeOrdersCount: 5 }, flat(50)), [
      '02:00 1@50',
      '02:00 2@50',
      '02:00 3@50',
    ])
  })

  test('an order too large for the investment limit is skipped whole', () => {
    assert.deepEqual(averaged({ rule: ladder('10'), maxInvestmentPerDeal: '150' }, '100 100 60 60'), ['02:59 1@90'])
    assert.deepEqual(averaged({ rule: ladder('10'), maxInvestmentPerDeal: '149' }, '100 100 60 60'), [])
  })

  test('nothing is added while the loss is too large, and it goes on when it is not', () => {
    const rule = { rule: ladder('5'), maxOrders: 2, placement: 'virtual', stopOnLoss: { type: 'pct', value: '8' } } as const
    assert.deepEqual(averaged(rule, flat(91, 91, 91)), [])
    assert.deepEqual(averaged(rule, flat(91, 94, 94)), ['04:00 1@94'])
    assert.deepEqual(averaged({ ...rule, stopOnLoss: { type: 'amount', value: '8' } }, flat(91, 91)), [])
    assert.deepEqual(
      averaged({ ...rule, stopOnLoss: { type: 'amount', value: '9.5' } }, flat(91)),
      ['02:00 1@91', '02:00 2@91'].slice(0, 1),
    )
  })

  test('nothing while an averaging order works, where it shall wait for it', () => {
    const capped = { venue: { volumeCapPct: Decimal.from('10') } }
    const rules = { rule: ladder('5'), maxOrders: 2, placement: 'virtual', waitForPrevious: true } as const
    // 0.526 are wanted of rung 1, and 0.1, 0.3 and 0.126 are to be had.
    const fills = averaged(rules, '94 94 94 94 1\n89 89 89 89 3\n89 89 89 89 1000\n89 89 89 89 1000', capped)
    assert.deepEqual(fills, ['02:00 1@94', '03:00 1@89', '04:00 1@89', '05:00 2@89'])
  })

  test('one per instant, where it shall wait', () => {
    const rules = { rule: ladder('5'), maxOrders: 3, placement: 'virtual', waitForPrevious: true } as const
    assert.deepEqual(averaged(rules, flat(84, 84, 84)), ['02:00 1@84', '03:00 2@84', '04:00 3@84'])
  })

  test('less than the venue takes is not ordered: such a deal does not start', () => {
    const told = tell({
      candles: `${BOUGHT_AT_100}\n${flat(90)}`,
      config: { averaging: averaging({ amount: { type: 'fixed', value: '5' }, maxOrders: 1 }) },
      rules: { minNotional: '5' },
    })
    assert.deepEqual(told.lines, [])
  })
})

describe('what a deal may cost in all', () => {
  test('a level too large for it is skipped whole; a smaller one behind it still buys', () => {
    for (const placement of ['resting', 'virtual'] as const) {
      const levels = [
        { id: 'a', dropPct: '5', amount: '50', enabled: true },
        { id: 'b', dropPct: '10', amount: '500', enabled: true },
        { id: 'c', dropPct: '15', amount: '50', enabled: true },
      ]
      const told = tell({
        candles: `${BOUGHT_AT_100}
          100 100 94 94
          94  94  84 84
          ${flat(84, 84)}`,
        config: {
          averaging: averaging({ rule: { type: 'levels', levels }, maxOrders: 3, maxInvestmentPerDeal: '250', placement }),
          exits: FAR,
        },
      })
      const rungs = told.lines.flatMap(line => / (avg\d) buy/.exec(line)?.[1] ?? [])
      assert.deepEqual(rungs, ['avg1', 'avg3'], placement)
    }
  })
})

describe('amounts', () => {
  test('percent of what the base order cost, growing', () => {
    story(
      { rule: ladder('10'), amount: { type: 'base_pct', value: '90' }, volumeScale: '2', maxOrders: 2 },
      '100 100 79 80',
      `02:59 avg1 buy 1 @ 90
       02:59 avg2 buy 2.25 @ 80
       03:00 exit sell 4.25 @ 80
       deal 1 end_of_data -30`,
    )
  })

  test('percent of what was free when the deal started', () => {
    story(
      { rule: ladder('10'), amount: { type: 'balance_pct', value: '9' }, maxOrders: 1 },
      '100 100 89 90',
      `02:59 avg1 buy 1 @ 90
       03:00 exit sell 2 @ 90
       deal 1 end_of_data -10`,
      { capital: '1000' },
    )
  })
})

describe('pauses', () => {
  test('a tripped breaker takes resting rungs back, the exits stay', () => {
    const brake = {
      circuitBreaker: { dropPct: '10', windowMin: 60 },
      marketCrash: null,
      action: 'pause',
      recovery: { timeframe: '1h', stabilizationBars: 10, maxRangePct: '2', auto: true },
    } as const
    story(
      { rule: ladder('20'), maxOrders: 1 },
      `
      100 100 89 89
      89  89  70 70
      70  70  60 60`,
      '03:59 sl sell 1 @ 75\ndeal 1 stop_loss -25',
      { config: { emergencyBrake: brake, exits: { takeProfit: null, stopLoss: stopLoss({ value: '25' }) } } },
    )
  })
})

describe('the money of a deal', () => {
  test('fee 0.1 %, 1000 for two deals of 762.17: the second waits for funds', () => {
    const five = averaging({ rule: ladder('1.5', '1.4'), volumeScale: '1.5' })
    const told = tell({
      candles: `${BOUGHT_AT_100}\n${flat(100, 100)}`,
      config: { averaging: five, maxActiveDeals: 2, maxDealsPerPair: 2, stopAfterDeals: null, exits: FAR },
      capital: '1000',
      rules: { makerBps: '10', takerBps: '10' },
    })
    assert.equal(told.lines.filter(line => line.startsWith('deal ')).length, 1)
    const both = tell({
      candles: `${BOUGHT_AT_100}\n${flat(100, 100)}`,
      config: { averaging: five, maxActiveDeals: 2, maxDealsPerPair: 2, stopAfterDeals: null, exits: FAR },
      capital: '1600',
      rules: { makerBps: '10', takerBps: '10' },
    })
    assert.equal(both.lines.filter(line => line.startsWith('deal ')).length, 2)
  })

  test('a base order that cost more than decided does not starve the last rung: free money pays the difference', () => {
    expectStory(
      {
        candles: `
          100 100 100 100
          103 103 103 103
          103 103 70  70
          70  70  70  70`,
        config: {
          averaging: averaging({ rule: ladder('10'), maxOrders: 2, amount: { type: 'fixed', value: '100' } }),
          exits: FAR,
        },
        rules: { makerBps: '10', takerBps: '10' },
      },
      `01:00 base buy 1 @ 103
       02:59 avg1 buy 1.078 @ 92.7
       02:59 avg2 buy 1.213 @ 82.4
       04:00 exit sell 3.291 @ 70
       deal 1 end_of_data -73.0450518`,
    )
  })

  test('with next_order only the next one is reserved: the second deal starts too', () => {
    const five = averaging({ rule: ladder('1.5', '1.4'), volumeScale: '1.5' })
    const told = tell({
      candles: `${BOUGHT_AT_100}\n${flat(100, 100)}`,
      config: {
        averaging: five,
        maxActiveDeals: 2,
        maxDealsPerPair: 2,
        stopAfterDeals: null,
        exits: FAR,
        reserve: 'next_order',
      },
      capital: '1000',
    })
    assert.equal(told.lines.filter(line => line.startsWith('deal ')).length, 2)
  })
})
