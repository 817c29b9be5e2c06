import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { averaging, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import { Decimal, sumDecimals } from '../../src/core/money/decimal.ts'
import { expectStory, type Scenario, type Told, tell } from './story.ts'

const d = Decimal.from
const flat = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')
const TEN_BPS = { makerBps: '10', takerBps: '10' }

/** What a run must always come to: its trades' net results are its change of equity, to the last digit. */
function assertClosed(told: Told, capital = '10000'): void {
  const net = sumDecimals(told.journal.closedTrades().map(trade => trade.netPnl!))
  assert.equal(told.finalEquity.minus(d(capital)).toString(), net.toString())
}

describe('fees', () => {
  const candles = `
    100 100 100 100
    100 100 100 100
    100 103 100 103`

  test('in quote: taker for the market order, maker for the target', () => {
    const told = expectStory(
      { candles, rules: { makerBps: '5', takerBps: '10' } },
      `01:00 base buy 1 @ 100
       02:59 tp1 sell 1 @ 102
       deal 1 take_profit 1.849`,
    )
    assert.deepEqual(
      told.journal.fillsOf(1).map(fill => [fill.liquidity, fill.fee.toString(), fill.feeAsset]),
      [
        ['taker', '0.1', 'USDT'],
        ['maker', '0.051', 'USDT'],
      ],
    )
    assertClosed(told)
  })

  test('in base: the coins are fewer, the average is not', () => {
    const told = expectStory(
      { candles, rules: { ...TEN_BPS, feeAsset: 'BTC' } },
      `01:00 base buy 1 @ 100
       02:59 tp1 sell 0.999 @ 102
       deal 1 take_profit 1.796102`,
    )
    assert.equal(told.journal.fillsOf(1)[0]!.fee.toString(), '0.001')
    assert.equal(told.journal.books.balance('fees', 'BTC').toString(), '0.001')
    assertClosed(told)
  })

  test('what the step leaves over is dust at its cost, and joins a later exit once it makes a step', () => {
    const told = tell({
      candles: `
        100 100 100 100
        100 103 100 103
        100 100 100 100
        100 103 100 103
        100 100 100 100`,
      config: { exits: { takeProfit: null, timeExit: { maxHoldSec: 3600, minProfitPct: null } }, stopAfterDeals: 2 },
      rules: { ...TEN_BPS, feeAsset: 'BTC', step: '0.01' },
    })
    assert.deepEqual(told.lines, [
      '01:00 base buy 1 @ 100',
      '02:00 exit sell 0.99 @ 100',
      'deal 1 time -0.199',
      '03:00 base buy 1 @ 100',
      '04:00 exit sell 1 @ 100',
      'deal 2 time -0.2',
    ])
    assert.equal(told.journal.books.balance('bot_dust', 'BTC').toString(), '0.008')
    assertClosed(told)
  })
})

describe('slippage and impact', () => {
  test('impact grows with the share of the candle that an order takes', () => {
    const bought = (volume: number): string =>
      tell({
        candles: `100 100 100 100 1000\n100 100 100 100 ${volume}\n${flat(100)}`,
        venue: { impactBpsPerPctVolume: d('10') },
      }).lines[0]!
    assert.equal(bought(100), '01:00 base buy 1 @ 100.1', '1 % of the volume pays 10 bps')
    assert.equal(bought(50), '01:00 base buy 1 @ 100.2')
    assert.equal(bought(100_000), '01:00 base buy 1 @ 100.01', 'a thousandth of that is a tick against the order')
  })
})

describe('profit in base', () => {
  test('sells only what returns the cost with both fees; the rest stays as coins', () => {
    const told = expectStory(
      {
        candles: `
          100 100 100 100
          100 100 100 100
          100 130 100 125`,
        config: {
          profitCurrency: 'base',
          exits: { takeProfit: takeProfit('25', { placement: 'virtual' }) },
        },
        rules: TEN_BPS,
      },
      // 100.1 came in; 0.802 x 125 x 0.999 = 100.14975 go out.
      `01:00 base buy 1 @ 100
       02:59 tp sell 0.802 @ 125
       deal 1 take_profit 19.84975`,
    )
    assert.equal(told.journal.books.balance('bot_dust', 'BTC').toString(), '0.198')
    assertClosed(told)
  })
})

describe('profit in base with a target that asks to rest', () => {
  const config = { profitCurrency: 'base', exits: { takeProfit: takeProfit('2', { placement: 'resting' }) } } as const
  const candles = `${flat(100, 100)}\n100 110 100 110`

  test('keeps the coins all the same', () => {
    const told = expectStory(
      { candles, config },
      `01:00 base buy 1 @ 100
       02:59 tp sell 0.981 @ 102
       deal 1 take_profit 1.962`,
    )
    assert.equal(told.journal.books.balance('bot_dust', 'BTC').toString(), '0.019')
    assertClosed(told)
  })

  test('says that the coins are the profit, not that they are too small', () => {
    const kept = tell({ candles, config }).journal.events.filter(({ event }) => event.type === 'DUST')
    assert.deepEqual(
      kept.map(({ event }) => event.message),
      ['0.019 BTC are the profit, kept in coins'],
    )
  })
})

describe('prices too small for the tick', () => {
  test('are refused before anything is traded, naming the way out', () => {
    const cents = (close: string) => () => tell({ candles: `${close} ${close} ${close} ${close}`, rules: { tick: '0.01' } })
    assert.throws(cents('0.00002'), {
      code: 'INSTRUMENT_MISMATCH',
      message: /as low as 0\.00002, but the tick .* is 0\.01.*--instrument/,
    })
    assert.throws(cents('0.002'), { code: 'INSTRUMENT_MISMATCH' })
    assert.doesNotThrow(cents('0.1'), 'ten ticks')
  })
})

describe('limits of risk', () => {
  test('a base order above the largest position starts no deal, and uses none up', () => {
    const within = (maxPositionQuote: string) =>
      tell({
        candles: flat(100, 100, 100, 100, 100),
        config: { stopAfterDeals: 3, risk: { maxPositionQuote, maxDailyLossPct: null } },
      })
    const told = within('50')
    assert.deepEqual(told.lines, [])
    assert.equal(told.state.startedDeals, 0)
    assert.equal(told.state.ended, 'stopped', 'the data ended it, not the number of deals')
    assert.equal(within('100').state.startedDeals, 1)
  })

  test('the largest position: an averaging order beyond it is not sent', () => {
    const withLimit = (maxPositionQuote: string | null): string[] =>
      tell({
        candles: `
          100 100 100 100
          100 100 100 100
          100 100 79 80
          80 80 80 80`,
        config: {
          averaging: averaging({ rule: { type: 'ladder', stepPct: '10', stepScale: '1' }, maxOrders: 2, activeOrdersCount: 2 }),
          exits: { takeProfit: takeProfit('500') },
          risk: { maxPositionQuote, maxDailyLossPct: null },
        },
      }).lines.filter(line => line.includes('avg'))
    assert.deepEqual(withLimit(null), ['02:59 avg1 buy 0.555 @ 90', '02:59 avg2 buy 0.625 @ 80'])
    assert.deepEqual(withLimit('160'), ['02:59 avg1 buy 0.555 @ 90'])
  })

  test('the loss of a day: no new deal until the next UTC day', () => {
    const day = `
      100 100 100 100
      100 100 90  90
      ${flat(...Array.from({ length: 24 }, () => 100))}`
    const opened = (maxDailyLossPct: string | null): string[] =>
      tell({
        candles: day,
        config: {
          stopAfterDeals: 2,
          exits: { takeProfit: takeProfit('500'), stopLoss: stopLoss({ value: '5' }) },
          risk: { maxPositionQuote: null, maxDailyLossPct },
        },
        capital: '1000',
      }).lines.filter(line => line.includes('base buy'))
    assert.deepEqual(opened('1'), ['01:00 base buy 1 @ 100', '02:00 base buy 1.111 @ 100'], 'lost 0.5 %')
    assert.deepEqual(opened('0.5'), ['01:00 base buy 1 @ 100', '1d 00:00 base buy 1 @ 100'])
  })
})

describe('partial fills', () => {
  test('a market exit under the cap goes on at the next opens; what is sold is what was held', () => {
    const told = expectStory(
      {
        candles: `
          100 100 100 100 1000
          100 100 100 100 1000
          100 100 94  94  3
          93  93  93  93  4
          92  92  92  92  1000`,
        config: { exits: { takeProfit: null, stopLoss: stopLoss({ value: '5' }) } },
        venue: { volumeCapPct: d('10') },
      },
      `01:00 base buy 1 @ 100
       02:59 sl sell 0.3 @ 95
       03:00 sl sell 0.4 @ 93
       04:00 sl sell 0.3 @ 92
       deal 1 stop_loss -6.7`,
    )
    assertClosed(told)
  })

  test('a target that filled in part keeps its rest; the next fill completes it', () => {
    expectStory(
      {
        candles: `
          100 100 100 100 1000
          100 100 100 100 1000
          100 103 100 101 4
          101 103 101 103 1000`,
        venue: { volumeCapPct: d('10') },
      },
      `01:00 base buy 1 @ 100
       02:59 tp1 sell 0.4 @ 102
       03:59 tp1 sell 0.6 @ 102
       deal 1 take_profit 2`,
    )
  })
})

test('several deals, targets, averaging and a stop: the books close to the last digit', () => {
  const wave = Array.from({ length: 400 }, (_, i) => {
    const at = (k: number): number => Math.round((100 + 12 * Math.sin(k / 7) + 5 * Math.sin(k / 2.3)) * 100) / 100
    const [open, close] = [at(i), at(i + 1)]
    return { open, high: Math.max(open, close) + 0.7, low: Math.min(open, close) - 0.9, close, volume: 50 }
  })
  const scenario: Scenario = {
    candles: wave,
    config: {
      stopAfterDeals: null,
      maxActiveDeals: 2,
      maxDealsPerPair: 2,
      averaging: averaging({
        rule: { type: 'ladder', stepPct: '2', stepScale: '1.3' },
        volumeScale: '1.4',
        activeOrdersCount: 2,
      }),
      exits: {
        takeProfit: takeProfit('2', {
          targets: [
            { profitPct: '1', sellPct: '33.3' },
            { profitPct: '3', sellPct: '66.7' },
          ],
        }),
        stopLoss: stopLoss({ value: '9', breakEvenAfterTarget: 1 }),
      },
    },
    rules: { ...TEN_BPS, step: '0.001', minNotional: '5' },
    venue: { volumeCapPct: d('3'), slippageBps: d('7') },
  }
  for (const feeAsset of ['USDT', 'BTC']) {
    for (const fillPath of ['pessimistic', 'optimistic', 'ohlc'] as const) {
      const told = tell({ ...scenario, rules: { ...scenario.rules, feeAsset }, venue: { ...scenario.venue, fillPath } })
      assert.ok(told.journal.closedTrades().length > 10)
      assertClosed(told)
    }
  }
})
