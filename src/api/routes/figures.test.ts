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
    lots: [{ direction: 'long', qty: d('0.75'), avgPrice: d('100'), price: d('120') }],
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
