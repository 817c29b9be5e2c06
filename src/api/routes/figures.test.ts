// Worked examples of the status payload and of the ladder preview, as the reader of the API sees them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLadderPreview } from '../../contract/bot-body.ts'
import { previewLadder } from '../../core/dca/preview.ts'
import { defaultRules, instrumentFromRules } from '../../core/market/instrument.ts'
import { Decimal } from '../../core/money/decimal.ts'
import { balanceOf } from './bot-status.ts'
import { previewBody } from './ladder.ts'

const d = (text: string) => Decimal.from(text)

test('status: 1000, buy 1 at 100 with fee 0.1, sell 0.25 at 120 with fee 0.03, price 120', () => {
  const figures = balanceOf({
    initialBalance: d('1000'),
    cash: d('929.87'),
    lots: [{ direction: 'long', qty: d('0.75'), basis: d('75'), price: d('120') }],
  })
  assert.deepEqual(JSON.parse(JSON.stringify(figures)), {
    currentBalance: '929.87',
    totalInvested: '75',
    totalPositionValue: '90',
    equity: '1019.87',
    unrealizedPnl: '15',
    realizedPnl: '4.87',
    totalPnl: '19.87',
    totalReturnPct: '1.987',
  })
})

test('status: after a partial sale of an average without end, the parts are exact and add up', () => {
  // 0.001 at 60000.01 and 0.002 at 59000.02 cost 178.00005, whose average has no end; 0.0007 of 0.003 is sold at 61000.
  const [initialBalance, fees, proceeds] = [d('10000'), d('0.1780000500427'), d('42.7')]
  const bought = d('0.001')
    .times(d('60000.01'))
    .plus(d('0.002').times(d('59000.02')))
  const basisOut = bought.times(d('0.0007')).dividedBy(d('0.003'), 18, 'half_even')
  const basis = bought.minus(basisOut)
  const cash = initialBalance.minus(bought).plus(proceeds).minus(fees)
  const figures = balanceOf({
    initialBalance,
    cash,
    lots: [{ direction: 'long', qty: d('0.0023'), basis, price: d('60500') }],
  })
  assert.equal(figures.totalInvested.toString(), basis.toString())
  assert.equal(figures.realizedPnl.toString(), proceeds.minus(basisOut).minus(fees).toString())
  assert.ok(figures.totalPnl.equals(figures.realizedPnl.plus(figures.unrealizedPnl)))
  assert.ok(figures.totalPnl.equals(figures.equity.minus(initialBalance)))
})

test('ladder preview: base 20, averaging 20, step 1.5 x 1.2, volume x 1.5, three rungs, target 1.5 %, at 60000', () => {
  const parsed = parseLadderPreview({
    symbol: 'BTC/USDT',
    price: '60000',
    config: {
      schemaVersion: 1,
      type: 'dca',
      exchange: 'binance',
      baseOrder: { size: '20' },
      averaging: {
        rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.2' },
        amount: { type: 'fixed', value: '20' },
        volumeScale: '1.5',
        maxOrders: 3,
      },
      exits: { takeProfit: { targets: [{ profitPct: '1.5', sellPct: '100' }] } },
    },
  })
  assert.ok(parsed.ok)
  const instrument = instrumentFromRules(defaultRules('binance', 'BTC/USDT'))
  const { config, price } = parsed.value
  const body = previewBody(previewLadder({ config, instrument, price: Decimal.from(price), balance: null }), instrument.tick)
  assert.deepEqual(
    body.rows.map(row => row.base),
    ['0.00033', '0.00033', '0.00051', '0.00079'],
  )
  assert.deepEqual(
    body.rows.map(row => row.average),
    ['60000', '59550', '58883.08', '58012.84'],
  )
  assert.equal(body.requiredCapital, '113.81886516')
  assert.deepEqual(body.rows[3], {
    rung: 3,
    deviationPct: '5.46',
    price: '56724',
    base: '0.00079',
    quote: '44.81196',
    cumBase: '0.00196',
    cumQuote: '113.70516',
    average: '58012.84',
    tpPrice: '58883.03',
    requiredChangePct: '3.81',
    stopPrice: null,
    placement: 'exchange',
    flags: [],
  })
})
