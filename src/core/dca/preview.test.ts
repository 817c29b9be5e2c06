import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { defaultRules, type InstrumentRules, instrumentFromRules } from '../market/instrument.ts'
import { Decimal, ONE, sumDecimals } from '../money/decimal.ts'
import { averaging, type ConfigChanges, dcaConfig, PAIR, stopLoss, takeProfit } from './config.fixture.ts'
import { type Preview, previewLadder } from './preview.ts'

const d = Decimal.from

function preview(
  price: string,
  config: ConfigChanges,
  rules: Partial<InstrumentRules> = {},
  rest: { balance?: string; factor?: string } = {},
): Preview {
  return previewLadder({
    config: dcaConfig(config),
    instrument: instrumentFromRules({ ...defaultRules('binance', PAIR), minNotional: '0', ...rules }),
    price: d(price),
    balance: rest.balance === undefined ? null : d(rest.balance),
    ...(rest.factor === undefined ? {} : { factor: d(rest.factor) }),
  })
}

const column = (rows: readonly object[], name: string, places?: number): (string | null)[] =>
  rows.map(row => {
    const value = (row as Record<string, Decimal | null>)[name]
    if (value === null || value === undefined) return null
    return places === undefined ? value.toString() : value.toNumber().toFixed(places)
  })

/** Worked example 1: base 100 at 100, five orders from 50, step 1.5 x 1.4, volume x 1.5. */
const FIVE = averaging({ rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.4' }, volumeScale: '1.5' })
const LOT_3 = { step: '0.001' }

describe('worked examples', () => {
  test('quantities, averages, targets and the rise they need', () => {
    const { rows } = preview('100', { averaging: FIVE }, LOT_3)
    assert.deepEqual(column(rows, 'price'), ['100', '98.5', '96.4', '93.46', '89.34', '83.58'])
    assert.deepEqual(column(rows, 'base'), ['1', '0.507', '0.778', '1.203', '1.888', '3.028'])
    assert.deepEqual(column(rows.slice(1), 'average', 4), ['99.4954', '98.4414', '96.7234', '94.1304', '90.3290'])
    assert.deepEqual(column(rows.slice(1), 'tpPrice', 2), ['101.49', '100.42', '98.66', '96.02', '92.14'])
    assert.deepEqual(column(rows.slice(1), 'requiredChangePct', 2), ['3.04', '4.17', '5.56', '7.48', '10.24'])
  })

  test('fee 0.1 %, balance 1000, two deals: both do not fit', () => {
    const both = preview('100', { averaging: FIVE, maxActiveDeals: 2 }, LOT_3, { balance: '1000' })
    assert.equal(both.rows.at(-1)!.cumQuote.toString(), '759.12524')
    assert.equal(both.requiredCapital.toString(), '759.88436524')
    assert.equal(both.lock.toString(), d('759.88436524').times(d('1.003')).toString())
    assert.equal(both.balancePct!.round(6, 'half_even').toString(), '151.976873')
  })

  test('a stop of 20 % after the fifth rung, by its basis', () => {
    const last = (basis: 'average' | 'base_order' | 'last_entry') =>
      preview('100', { averaging: FIVE, exits: { stopLoss: stopLoss({ basis }) } }, LOT_3)
        .rows.at(-1)!
        .stopPrice!.toString()
    assert.deepEqual([last('average'), last('base_order'), last('last_entry')], ['72.27', '80', '66.87'])
  })

  test('P0 64321.17, base 25, three orders from 20, volume x 1.2', () => {
    const { rows } = preview('64321.17', {
      baseOrder: { size: '25' },
      averaging: averaging({
        rule: { type: 'ladder', stepPct: '1', stepScale: '1' },
        amount: { type: 'fixed', value: '20' },
        volumeScale: '1.2',
        maxOrders: 3,
      }),
    })
    assert.deepEqual(column(rows, 'price'), ['64321.17', '63677.95', '63034.74', '62391.53'])
    assert.deepEqual(column(rows, 'base'), ['0.00038', '0.00031', '0.00038', '0.00046'])
  })

  test('the preview that the API documents: 60000, base and averaging 20, three rungs', () => {
    const shown = preview('60000', {
      baseOrder: { size: '20' },
      averaging: averaging({
        rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.2' },
        amount: { type: 'fixed', value: '20' },
        volumeScale: '1.5',
        maxOrders: 3,
      }),
      exits: { takeProfit: takeProfit('1.5') },
    })
    assert.deepEqual(column(shown.rows, 'base'), ['0.00033', '0.00033', '0.00051', '0.00079'])
    assert.deepEqual(column(shown.rows, 'average', 2), ['60000.00', '59550.00', '58883.08', '58012.84'])
    const last = shown.rows.at(-1)!
    assert.equal(last.cumQuote.toString(), '113.70516')
    assert.equal(last.deviationPct.toString(), '5.46')
    assert.equal(last.price.toString(), '56724')
    assert.equal(last.quote.toString(), '44.81196')
    assert.equal(last.cumBase.toString(), '0.00196')
    assert.equal(last.tpPrice!.toString(), '58883.03')
    assert.equal(last.requiredChangePct!.toNumber().toFixed(2), '3.81')
    assert.equal(shown.requiredCapital.toString(), '113.81886516')
    assert.equal(shown.maxDeviationPct.toString(), '5.46')
  })
})

describe('what a deal needs', () => {
  test('the loss at the stop after the last rung, with the fees of all legs', () => {
    const { lossAtStop, rows } = preview('100', { exits: { stopLoss: stopLoss() } })
    assert.equal(rows.length, 1)
    assert.equal(lossAtStop!.toString(), '20.18', '100 and 0.1 in, 80 less 0.08 out')
    assert.equal(preview('100', {}).lossAtStop, null)
  })

  test('base order in quote, in base, in percent of the balance', () => {
    const base = (size: string, sizeType: 'quote' | 'base' | 'balance_pct') =>
      preview('30', { baseOrder: { size, sizeType } }, LOT_3, { balance: '1000' }).rows[0]!.base.toString()
    assert.equal(base('100', 'quote'), '3.333', 'rounded down')
    assert.equal(base('1.2349', 'base'), '1.234')
    assert.equal(base('10', 'balance_pct'), '3.333')
  })

  test('amounts: fixed, percent of the base order as rounded, percent of the balance', () => {
    const second = (type: 'fixed' | 'base_pct' | 'balance_pct', value: string) =>
      preview(
        '30',
        {
          averaging: averaging({
            rule: { type: 'ladder', stepPct: '10', stepScale: '1' },
            amount: { type, value },
            maxOrders: 1,
          }),
        },
        LOT_3,
        { balance: '1000' },
      ).rows[1]!.base.toString()
    assert.equal(second('fixed', '54'), '2')
    assert.equal(second('base_pct', '100'), '3.703', '99.99 at 27')
    assert.equal(second('balance_pct', '5.4'), '2')
  })

  test('a larger factor makes every order larger', () => {
    const plain = preview('100', { averaging: FIVE }, LOT_3)
    const scaled = preview('100', { averaging: FIVE }, LOT_3, { factor: '1.5' })
    assert.equal(scaled.rows[0]!.base.toString(), '1.5')
    assert.equal(scaled.rows[1]!.base.toString(), '0.761')
    assert.ok(scaled.requiredCapital.gt(plain.requiredCapital.times(d('1.49'))))
  })

  test('dynamic rules assume that orders fill at their triggers', () => {
    const prices = (rule: 'down_from_last' | 'down_from_average' | 'loss_pct') =>
      column(preview('100', { averaging: averaging({ rule: { type: rule, value: '10' }, maxOrders: 2 }) }, LOT_3).rows, 'price')
    assert.deepEqual(prices('down_from_last'), ['100', '90', '81'])
    // 1 at 100 and 0.555 at 90 make an average of 96.43.
    assert.deepEqual(prices('down_from_average'), ['100', '90', '86.78'])
    assert.deepEqual(prices('loss_pct'), ['100', '90', '86.78'])
    const amount = preview('100', { averaging: averaging({ rule: { type: 'loss_amount', value: '20' }, maxOrders: 2 }) }, LOT_3)
    assert.deepEqual(column(amount.rows, 'price'), ['100', '80', '80'], 'what is bought at 80 loses nothing yet')
  })
})

describe('what a row warns of', () => {
  const flags = (found: Preview): readonly (readonly string[])[] => found.rows.map(row => row.flags)
  const small = averaging({ amount: { type: 'fixed', value: '4' }, maxOrders: 1 })

  test('below the minimum value or quantity', () => {
    assert.deepEqual(flags(preview('100', { averaging: small }, { minNotional: '5' })), [[], ['below_min_notional']])
    assert.deepEqual(flags(preview('100', { averaging: small }, { minQty: '0.05' })), [[], ['below_min_quantity']])
    assert.deepEqual(flags(preview('100', { averaging: small })), [[], []])
  })

  test('a rung beyond the stop that stands before it fills', () => {
    const deep = averaging({ rule: { type: 'ladder', stepPct: '15', stepScale: '1' }, maxOrders: 2 })
    const found = preview('100', { averaging: deep, exits: { stopLoss: stopLoss({ value: '20', basis: 'base_order' }) } })
    assert.deepEqual(flags(found), [[], [], ['beyond_stop']])
  })

  test('beyond the most that a deal may invest', () => {
    const capped = { ...FIVE, maxInvestmentPerDeal: '230' }
    assert.deepEqual(flags(preview('100', { averaging: capped }, LOT_3)), [
      [],
      [],
      [],
      ['over_max_investment'],
      ['over_max_investment'],
      ['over_max_investment'],
    ])
  })

  test('virtual rungs need this server', () => {
    const placed = (placement: 'resting' | 'virtual') =>
      preview('100', { averaging: averaging({ placement, maxOrders: 1 }) }).rows.map(row => row.placement)
    assert.deepEqual(placed('resting'), ['exchange', 'exchange'])
    assert.deepEqual(placed('virtual'), ['exchange', 'virtual'])
  })
})

test('property: what is required is what the rows cost with the taker fee, on the grid of the venue', () => {
  const ladders = fc.record({
    price: fc.integer({ min: 100, max: 10_000_000 }).map(each => d(each).shifted(-2).toString()),
    stepPct: fc.integer({ min: 1, max: 300 }).map(each => d(each).shifted(-2).toString()),
    stepScale: fc.integer({ min: 5, max: 20 }).map(each => d(each).shifted(-1).toString()),
    volumeScale: fc.integer({ min: 5, max: 25 }).map(each => d(each).shifted(-1).toString()),
    maxOrders: fc.integer({ min: 0, max: 12 }),
    takerBps: fc.integer({ min: 0, max: 100 }).map(String),
  })
  fc.assert(
    fc.property(ladders, ({ price, stepPct, stepScale, volumeScale, maxOrders, takerBps }) => {
      const rule = { type: 'ladder', stepPct, stepScale } as const
      const shown = preview(price, { averaging: averaging({ rule, volumeScale, maxOrders }) }, { takerBps, step: '0.001' })
      const fee = d(takerBps).shifted(-4)
      const spent = sumDecimals(shown.rows.map(row => row.price.times(row.base)))
      assert.equal(shown.requiredCapital.toString(), spent.times(ONE.plus(fee)).toString())
      assert.equal(shown.rows.at(-1)!.cumQuote.toString(), spent.toString())
      for (const row of shown.rows) {
        assert.ok(row.base.isOnGrid(d('0.001')))
        if (row.cumBase.isPositive()) assert.ok(row.average.lte(d(price)) || row.average.minus(d(price)).lt(d('0.000000001')))
      }
    }),
  )
})
