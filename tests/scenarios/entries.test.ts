import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { condition, indicator, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import type { Playbook } from '../../src/core/conditions/playbook.ts'
import { averaging, type ConfigChanges, dcaConfig, PAIR, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import type { BaseOrder, DealStart, Entry } from '../../src/core/dca/config.ts'
import { defaultRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal } from '../../src/core/money/decimal.ts'
import { createDcaMachine } from '../../src/engine/dca/dca-machine.ts'
import { DealContext } from '../../src/engine/dca/deal-context.ts'
import { prepareDca } from '../../src/engine/dca/prepare.ts'
import { dealFactor } from '../../src/engine/dca/start-deal.ts'
import { expectStory, type Scenario, START_MS, tell } from './story.ts'

const FAR = { takeProfit: takeProfit('500') }
const flat = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')
const many = (n: number, close: number): string => flat(...Array.from({ length: n }, () => close))

/** When deals opened and at what price. */
function entries(config: ConfigChanges, candles: string, rest: Partial<Omit<Scenario, 'candles' | 'config'>> = {}): string[] {
  const told = tell({ ...rest, candles, config: { exits: FAR, ...config } })
  return told.lines.flatMap(line => {
    const found = /^(.+) base buy \S+ @ (\S+)$/.exec(line)
    return found ? [`${found[1]} @ ${found[2]}`] : []
  })
}

const entry = (from: Playbook): Entry => ({ ...dcaConfig().entry, mode: 'conditional', playbook: from })
const start = (rest: Partial<DealStart>): DealStart => ({ ...dcaConfig().dealStart, ...rest })
/** Sells all at a rise of 10 %, so that deals follow each other. */
const QUICK = { takeProfit: takeProfit('10') }

describe('the signal', () => {
  test('an immediate bot opens at once, one order', () => {
    assert.deepEqual(entries({}, many(120, 100)), ['01:00 @ 100'])
  })

  test('RSI below 30 on a constant price never opens: it is 50', () => {
    const oversold = playbook([item('a', condition(indicator('rsi', { period: 14 }), 'lt', number(30)))])
    assert.deepEqual(entries({ entry: entry(oversold) }, many(120, 100)), [])
    const middle = playbook([item('a', condition(indicator('rsi', { period: 14 }), 'eq', number(50)))])
    assert.deepEqual(entries({ entry: entry(middle) }, many(120, 100)), ['15:00 @ 100'], 'from the fifteenth close on')
  })

  test('an averaging rule that looks at losses does not keep the first order back', () => {
    const lossy = averaging({ rule: { type: 'loss_pct', value: '10' } })
    assert.deepEqual(entries({ averaging: lossy }, many(3, 100)), ['01:00 @ 100'])
  })

  test('a signal opens at the next open, once until it was false', () => {
    const below95 = playbook([item('a', condition(price('close'), 'lt', number(95)))])
    const candles = `${flat(100, 94, 94)}
      94 104 94 94
      ${flat(94, 94, 100, 94, 94)}`
    const config = { entry: entry(below95), exits: QUICK, stopAfterDeals: null }
    assert.deepEqual(entries(config, candles), ['02:00 @ 94', '08:00 @ 94'])
    const perBar = entry({ ...below95, fireMode: 'per_bar' })
    assert.deepEqual(entries({ ...config, entry: perBar }, candles), ['02:00 @ 94', '04:00 @ 94'])
  })

  test('a start by webhook or hand waits for one', () => {
    assert.deepEqual(entries({ entry: { ...dcaConfig().entry, mode: 'signal' } }, many(5, 100)), [])
  })
})

describe('gates', () => {
  test('a price band', () => {
    const band = (min: string | null, max: string | null) => ({ dealStart: start({ priceBand: { [PAIR]: { min, max } } }) })
    assert.deepEqual(entries(band('101', null), flat(100, 101, 102)), ['02:00 @ 102'])
    assert.deepEqual(entries(band(null, '99'), flat(100, 101, 102)), [])
    assert.deepEqual(entries(band('99', '101'), flat(100, 101, 102)), ['01:00 @ 101'])
  })

  test('a cooldown after the last deal of the pair', () => {
    const config = (cooldownSec: number) => ({ exits: QUICK, stopAfterDeals: 2, dealStart: start({ cooldownSec }) })
    const candles = `${flat(100, 100)}
      100 111 100 100
      ${many(6, 100)}`
    assert.deepEqual(entries(config(0), candles), ['01:00 @ 100', '03:00 @ 100'])
    assert.deepEqual(entries(config(3 * 3600), candles), ['01:00 @ 100', '06:00 @ 100'])
  })

  test('a delay: the signal must still stand when it is over', () => {
    const below95 = playbook([item('a', condition(price('close'), 'lt', number(95)))])
    const config = { entry: entry(below95), dealStart: start({ delaySec: 3600 }) }
    assert.deepEqual(entries(config, flat(100, 94, 94, 94)), ['03:00 @ 94'])
    assert.deepEqual(entries(config, flat(100, 94, 100, 94)), [])
  })

  test('a number of deals after which the bot is done', () => {
    const candles = `${flat(100, 100)}
      100 111 100 100
      100 100 100 100
      100 111 100 100
      ${many(4, 100)}`
    assert.equal(entries({ exits: QUICK, stopAfterDeals: 2 }, candles).length, 2)
    const told = tell({ candles, config: { exits: QUICK, stopAfterDeals: 2 } })
    assert.equal(told.state.ended, 'completed')
  })

  test('slots: of the bot and of the pair', () => {
    const slots = (maxActiveDeals: number, maxDealsPerPair: number) =>
      entries({ maxActiveDeals, maxDealsPerPair, stopAfterDeals: null }, many(6, 100)).length
    assert.equal(slots(1, 1), 1)
    assert.equal(slots(3, 1), 1)
    assert.equal(slots(1, 3), 1)
    assert.equal(slots(3, 3), 3)
  })

  test('too little money', () => {
    assert.deepEqual(entries({}, many(3, 100), { capital: '100' }), [], '100.30 are to be locked')
    assert.deepEqual(entries({}, many(3, 100), { capital: '100.3' }), ['01:00 @ 100'])
  })

  test('a missing candle: one bar after it must close first', () => {
    const below95 = entry(playbook([item('a', condition(price('close'), 'lt', number(95)))]))
    assert.deepEqual(entries({ entry: below95 }, `${flat(100, 94)}\n${flat(94, 94)}`), ['02:00 @ 94'])
    assert.deepEqual(entries({ entry: below95 }, `${flat(100)}\n-\n${flat(94, 94, 94)}`), ['04:00 @ 94'])
  })
})

describe('several pairs', () => {
  const others = { 'ETH/USDT': many(4, 50), 'SOL/USDT': many(4, 20) }
  const started = (config: ConfigChanges, capital = '10000'): string[] =>
    tell({ candles: many(4, 100), others, config: { exits: FAR, stopAfterDeals: null, ...config }, capital }).lines.flatMap(
      line => (line.includes('base buy') ? [line.split(' ').slice(0, 2).join(' ')] : []),
    )

  test('each has its deal', () => {
    assert.deepEqual(started({ maxActiveDeals: 3 }), ['01:00 BTC/USDT', '01:00 ETH/USDT', '01:00 SOL/USDT'])
  })

  test('the order of the list gets scarce slots', () => {
    assert.deepEqual(started({ maxActiveDeals: 2 }), ['01:00 BTC/USDT', '01:00 ETH/USDT'])
    assert.deepEqual(started({ maxActiveDeals: 1, pairs: ['SOL/USDT', 'BTC/USDT', 'ETH/USDT'] }), ['01:00 SOL/USDT'])
  })

  test('and scarce funds', () => {
    assert.deepEqual(started({ maxActiveDeals: 3, pairs: ['ETH/USDT', 'SOL/USDT', 'BTC/USDT'] }, '201'), [
      '01:00 ETH/USDT',
      '01:00 SOL/USDT',
    ])
  })
})

describe('base order as a limit', () => {
  const limit = (rest: Partial<BaseOrder> = {}): ConfigChanges => ({
    baseOrder: { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-2' }, timeoutSec: 2 * 3600, ...rest },
  })

  test('rests at its offset and fills when traded through', () => {
    assert.deepEqual(
      entries(
        limit(),
        `${flat(100)}
         100 100 98 99
         99  99  97.9 98`,
      ),
      ['02:59 @ 98'],
    )
  })

  test('or at its own price', () => {
    const own = limit({ limit: { mode: 'per_pair', prices: { [PAIR]: '97.5' } } })
    assert.deepEqual(entries(own, `${flat(100)}\n100 100 97 98`), ['01:59 @ 97.5'])
    assert.deepEqual(entries(own, `${flat(100)}\n100 100 97.5 98`), [])
  })

  test('is taken back when its time is up; the next signal starts anew', () => {
    const told = tell({ candles: many(6, 100), config: { exits: FAR, stopAfterDeals: null, ...limit() } })
    assert.deepEqual(
      told.journal.ordersOf(1).map(order => [order.purpose, order.status, order.reason]),
      [['base', 'cancelled', 'timed_out']],
    )
    assert.equal(told.lines[0], 'deal 1 ended unfilled')
    for (const [currency, sum] of told.journal.books.sums()) assert.equal(sum.toString(), '0', currency)
    assert.equal(told.state.free.plus(told.state.reserved).toString(), '10000')
  })

  test('or bought at the market then', () => {
    assert.deepEqual(entries(limit({ onTimeout: 'market' }), many(6, 100)), ['03:00 @ 100'])
  })

  test('a partly filled one is the position when its time is up', () => {
    expectStory(
      {
        candles: `
          100 100 100  100 1000
          100 100 97   97  2
          99  110 99   110 1000
          99  99  99   99  1000
          99  99  99   99  1000`,
        config: { exits: { takeProfit: takeProfit('10') }, ...limit() },
        venue: { volumeCapPct: Decimal.from('10') },
      },
      `01:59 base buy 0.2 @ 98
       02:59 tp1 sell 0.2 @ 107.8
       deal 1 take_profit 1.96`,
    )
  })
})

describe('regime', () => {
  const REGIME = {
    timeframe: '1d',
    symbol: null,
    belowMa: true,
    maPeriod: 200,
    rsiBelow: '30',
    rsiPeriod: 14,
    consecutiveBars: 7,
    volumeDecreasePct: '20',
    consolidationBars: 5,
    priceRangePct: '5',
    allowEntryOverride: false,
  } as const
  const DAY_MS = 86_400_000
  const falling = Array.from({ length: 215 }, (_, i) => {
    const close = 100 - 0.3 * i
    return { open: close + 0.3, high: close + 0.3, low: close, close, volume: 1000 }
  })
  const pausedAt = (consecutiveBars: number): number[] =>
    tell({
      timeframe: '1d',
      candles: falling,
      config: { timeframe: '1d', exits: FAR, regime: { ...REGIME, consecutiveBars } },
    })
      .journal.events.filter(({ event }) => event.type === 'REGIME_PAUSED')
      .map(({ atMs }) => (atMs - START_MS) / DAY_MS - 1)

  test('closes 100 - 0.3 i: it pauses at i = 205 after seven bars, at 199 after one', () => {
    assert.deepEqual(pausedAt(7), [205])
    assert.deepEqual(pausedAt(1), [199])
  })

  test('while it pauses no deal opens, once it has calmed down one does', () => {
    // A narrow, ever quieter market after the fall.
    const calm = Array.from({ length: 40 }, (_, i) => ({ open: 38, high: 38.2, low: 37.8, close: 38, volume: 1000 * 0.9 ** i }))
    const opened = tell({
      timeframe: '1d',
      candles: [...falling, ...calm],
      config: {
        timeframe: '1d',
        stopAfterDeals: null,
        exits: { takeProfit: null, timeExit: { maxHoldSec: 86_400, minProfitPct: null } },
        regime: REGIME,
      },
    }).journal.closedTrades()
    const days = opened.map(trade => (trade.openedAtMs! - START_MS) / DAY_MS)
    assert.ok(
      days.some(day => day < 205),
      'it traded before',
    )
    assert.deepEqual(
      days.filter(day => day > 206 && day < 220),
      [],
    )
    assert.ok(
      days.some(day => day > 220),
      'and after',
    )
  })

  test('candles without volume: the range alone ends the pause', () => {
    const quiet = Array.from({ length: 40 }, () => ({ open: 38, high: 38.2, low: 37.8, close: 38 }))
    const { events } = tell({
      timeframe: '1d',
      candles: [...falling, ...quiet].map(bar => ({ ...bar, volume: Number.NaN })),
      config: { timeframe: '1d', exits: FAR, regime: REGIME },
    }).journal
    const regime = events.map(({ event }) => event.type).filter(type => type.startsWith('REGIME'))
    assert.deepEqual(regime.slice(0, 2), ['REGIME_PAUSED', 'REGIME_RESUMED'])
  })

  test('no pause without a fall', () => {
    const rising = falling.map(bar => ({
      ...bar,
      open: 200 - bar.open,
      high: 200.5 - bar.open,
      low: 199 - bar.open,
      close: 200 - bar.close,
    }))
    const told = tell({ timeframe: '1d', candles: rising, config: { timeframe: '1d', exits: FAR, regime: REGIME } })
    assert.deepEqual(
      told.journal.events.filter(({ event }) => event.type === 'REGIME_PAUSED'),
      [],
    )
  })
})

describe('circuit breaker', () => {
  const brake = (action: 'pause' | 'pause_and_close', windowMin = 60) =>
    ({
      circuitBreaker: { dropPct: '10', windowMin },
      marketCrash: null,
      action,
      recovery: { timeframe: '1h', stabilizationBars: 3, maxRangePct: '2', auto: true },
    }) as const
  /** Hours at whose end it tripped. */
  const trips = (...closes: number[]): number[] => {
    const bars = closes.map((close, i) => {
      const open = closes[i - 1] ?? close
      return `${open} ${Math.max(open, close)} ${Math.min(open, close)} ${close}`
    })
    const told = tell({ candles: bars.join('\n'), config: { exits: FAR, emergencyBrake: brake('pause', 180) } })
    const tripped = told.journal.events.filter(({ event }) => event.type === 'BRAKE_TRIPPED')
    return tripped.map(({ atMs }) => (atMs - START_MS) / 3_600_000)
  }

  test('100 60 30 trips, 60 100 95 never: a rise is no fall', () => {
    assert.deepEqual(trips(100, 60, 30), [2])
    assert.deepEqual(trips(60, 100, 95), [])
  })

  test('it closes open deals where it shall', () => {
    expectStory(
      {
        candles: `
          100 100 100 100
          100 100 100 100
          100 100 88  89
          89  89  89  89
          89  89  89  89`,
        config: { exits: FAR, stopAfterDeals: null, emergencyBrake: brake('pause_and_close') },
      },
      `01:00 base buy 1 @ 100
       03:00 exit sell 1 @ 89
       deal 1 brake -11`,
    )
  })

  test('it only pauses else: no new deal until the market is calm, exits go on', () => {
    expectStory(
      {
        candles: `
          100 100 100 100
          100 100 100 100
          100 100 88  89
          89  89  79  80
          80  80  80  80
          80  80  80  80
          80  80  80  80
          80  80  80  80`,
        config: {
          exits: { takeProfit: null, stopLoss: stopLoss({ value: '20' }) },
          stopAfterDeals: null,
          emergencyBrake: brake('pause'),
        },
      },
      `01:00 base buy 1 @ 100
       03:59 sl sell 1 @ 80
       deal 1 stop_loss -20
       07:00 base buy 1.25 @ 80
       08:00 exit sell 1.25 @ 80
       deal 2 end_of_data 0`,
    )
  })
})

describe('what deals earned scales the next ones', () => {
  const FIVE = averaging({ rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' }, volumeScale: '1.5' })
  const FEES = { makerBps: '10', takerBps: '10' }
  const REQUIRED = Decimal.from('759.88436524')
  const instruments = new Map([[PAIR, instrumentFromRules({ ...defaultRules('binance', PAIR), ...FEES })]])

  /** f for the next deal of a bot whose deals have gained and lost so much. */
  function factor(gains: string, losses: string, sizing: { reinvestPct: string; riskReductionPct: string }, deals = 2): string {
    const config = dcaConfig({ averaging: FIVE, maxActiveDeals: deals, sizing })
    const { setting } = prepareDca(new Map([[1, config]]), 1, instruments, '1h')
    const state = createDcaMachine(setting, 1, false).initialState()
    const traded = { ...state, gains: Decimal.from(gains), losses: Decimal.from(losses) }
    return dealFactor(new DealContext(setting, traded, START_MS), PAIR, REQUIRED)
      .round(6, 'half_even')
      .toString()
  }

  test('gains 30, losses 10, reinvest 50, reduce 100, two deals: 1.003290', () => {
    assert.equal(factor('30', '10', { reinvestPct: '50', riskReductionPct: '100' }), '1.00329')
    assert.equal(factor('30', '10', { reinvestPct: '0', riskReductionPct: '0' }), '1')
    assert.equal(factor('0', '5000', { reinvestPct: '0', riskReductionPct: '100' }), '0.1', 'never below a tenth')
  })

  test('compounded, a restart multiplies by 1 + net / required capital', () => {
    const told = tell({
      candles: `
        100 100 100 100
        100 100 100 100
        100 116 100 115
        115 115 115 115`,
      config: {
        averaging: FIVE,
        stopAfterDeals: null,
        exits: { takeProfit: null, takeProfitAndRestart: { targetPct: '15.2', capital: 'compounded', waitForSignal: false } },
      },
      rules: FEES,
    })
    const net = told.journal.closedTrades()[0]!.netPnl!
    assert.equal(net.toString(), '14.9848')
    const expected = Decimal.from(1).plus(net.dividedBy(REQUIRED, 18, 'half_even'))
    assert.equal(told.state.pairs[PAIR]!.factor.toString(), expected.toString())
    // 100 x f at 115, on steps of 0.001.
    assert.equal(told.journal.ordersOf(2)[0]!.quantity.toString(), '0.886')
    // As a gain of 15 would: 1.019740.
    assert.equal(Decimal.from(15).dividedBy(REQUIRED, 6, 'half_even').toString(), '0.01974')
  })
})

describe('the number of deals after which it stops', () => {
  test('counts those that bought something: limits that ran out do not use it up', () => {
    const limit = { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-20' }, timeoutSec: 3600 } as const
    const told = tell({
      candles: `${many(6, 100)}
        100 100 70 100
        100 100 70 100
        ${flat(100, 100)}`,
      config: { stopAfterDeals: 1, baseOrder: limit, exits: QUICK },
    })
    assert.ok(told.lines.filter(line => line.endsWith('ended unfilled')).length > 1, 'some ran out')
    assert.equal(told.journal.closedTrades().length, 1)
    assert.equal(told.state.startedDeals, 1)
    assert.equal(told.state.ended, 'completed')
  })
})
