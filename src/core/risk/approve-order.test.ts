import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { defaultRules, instrumentFromRules } from '../market/instrument.ts'
import { Decimal } from '../money/decimal.ts'
import type { Order } from '../orders/order.ts'
import { approveOrder, type OrderFacts, type VetoRule } from './approve-order.ts'

const d = Decimal.from

type OrderChange = Partial<Omit<Order, 'quantity' | 'limitPrice' | 'stopPrice'>> & {
  readonly quantity?: string
  readonly limitPrice?: string | null
  readonly stopPrice?: string | null
}

function order({ quantity = '1', limitPrice = null, stopPrice = null, ...rest }: OrderChange = {}): Order {
  return {
    tradeSeq: 1,
    purpose: 'base',
    sequence: 1,
    symbol: 'BTC/USDT',
    side: 'buy',
    type: limitPrice ? 'limit' : stopPrice ? 'stop' : 'market',
    rung: null,
    status: 'intended',
    cancelState: 'none',
    isVirtual: false,
    filledQuantity: d('0'),
    filledValue: d('0'),
    feeValueQuote: d('0'),
    reason: null,
    intendedAtMs: 0,
    expiresAtMs: null,
    closedAtMs: null,
    ...rest,
    quantity: d(quantity),
    limitPrice: limitPrice ? d(limitPrice) : null,
    stopPrice: stopPrice ? d(stopPrice) : null,
    decisionPrice: null,
  }
}

const RULES = { ...defaultRules('binance', 'BTC/USDT'), tick: '0.01', step: '0.001', minQty: '0.002', minNotional: '5' }

function facts(rest: Partial<OrderFacts> = {}): OrderFacts {
  return {
    instrument: instrumentFromRules(RULES),
    referencePrice: d('100'),
    spendable: d('1000'),
    held: d('2'),
    maxPositionQuote: null,
    positionCost: d('0'),
    ...rest,
  }
}

interface Case {
  readonly rule: VetoRule
  readonly what: string
  readonly passes: readonly [Order, OrderFacts]
  readonly refused: readonly [Order, OrderFacts]
  /** What the refusal shows: the order's number and the one it was held against. */
  readonly numbers: readonly [actual: string, limit: string]
}

const sell = (change: OrderChange): Order => order({ side: 'sell', purpose: 'tp', ...change })

const CASES: readonly Case[] = [
  {
    rule: 'ORDER_OFF_STEP',
    what: 'a quantity between two steps',
    passes: [order({ quantity: '1.234' }), facts()],
    refused: [order({ quantity: '1.2345' }), facts()],
    numbers: ['1.2345', '0.001'],
  },
  {
    rule: 'ORDER_OFF_STEP',
    what: 'no quantity at all',
    passes: [order({ quantity: '0.05' }), facts()],
    refused: [order({ quantity: '0' }), facts()],
    numbers: ['0', '0.001'],
  },
  {
    rule: 'ORDER_OFF_TICK',
    what: 'a limit between two ticks',
    passes: [order({ limitPrice: '99.99' }), facts()],
    refused: [order({ limitPrice: '99.995' }), facts()],
    numbers: ['99.995', '0.01'],
  },
  {
    rule: 'ORDER_OFF_TICK',
    what: 'a stop at a price that is none',
    passes: [
      sell({ stopPrice: '0.01', quantity: '2' }),
      facts({ instrument: instrumentFromRules({ ...RULES, minNotional: '0' }) }),
    ],
    refused: [sell({ stopPrice: '-5' }), facts()],
    numbers: ['-5', '0.01'],
  },
  {
    rule: 'ORDER_BELOW_MIN_QUANTITY',
    what: 'less than the venue takes',
    passes: [order({ quantity: '0.002' }), facts({ referencePrice: d('5000') })],
    refused: [order({ quantity: '0.001' }), facts({ referencePrice: d('5000') })],
    numbers: ['0.001', '0.002'],
  },
  {
    rule: 'ORDER_BELOW_MIN_NOTIONAL',
    what: 'worth less than the venue takes, judged at its own limit',
    passes: [order({ quantity: '0.05', limitPrice: '100' }), facts({ referencePrice: d('1') })],
    refused: [order({ quantity: '0.05', limitPrice: '99.99' }), facts({ referencePrice: d('1000') })],
    numbers: ['4.9995', '5'],
  },
  {
    rule: 'ORDER_BELOW_MIN_NOTIONAL',
    what: 'a market order is judged at the last price',
    passes: [sell({ quantity: '0.05' }), facts()],
    refused: [sell({ quantity: '0.049' }), facts()],
    numbers: ['4.9', '5'],
  },
  {
    rule: 'ORDER_ABOVE_MAX_QUANTITY',
    what: 'more than the venue takes in one order',
    passes: [order({ quantity: '2' }), facts({ instrument: instrumentFromRules({ ...RULES, maxQty: '2' }) })],
    refused: [order({ quantity: '2.001' }), facts({ instrument: instrumentFromRules({ ...RULES, maxQty: '2' }) })],
    numbers: ['2.001', '2'],
  },
  {
    rule: 'INSUFFICIENT_FREE',
    what: 'a buy beyond what the deal may spend',
    passes: [order({ quantity: '10' }), facts()],
    refused: [order({ quantity: '10.001' }), facts()],
    numbers: ['1000.1', '1000'],
  },
  {
    rule: 'POSITION_LIMIT',
    what: 'a buy beyond the largest position',
    passes: [order(), facts({ maxPositionQuote: d('150'), positionCost: d('50') })],
    refused: [order(), facts({ maxPositionQuote: d('150'), positionCost: d('50.01') })],
    numbers: ['150.01', '150'],
  },
  {
    rule: 'SELL_EXCEEDS_HOLDING',
    what: 'a sale of more than the deal holds',
    passes: [sell({ quantity: '2' }), facts()],
    refused: [sell({ quantity: '2.001' }), facts()],
    numbers: ['2.001', '2'],
  },
]

describe('each veto refuses and lets pass', () => {
  for (const { rule, what, passes, refused, numbers } of CASES) {
    test(`${rule}: ${what}`, () => {
      const allowed = approveOrder(...passes)
      assert.ok(allowed.ok, allowed.ok ? '' : allowed.refusal.reason)
      assert.equal(allowed.order, passes[0])
      const answer = approveOrder(...refused)
      assert.ok(!answer.ok)
      assert.equal(answer.refusal.rule, rule)
      assert.deepEqual([answer.refusal.actual.toString(), answer.refusal.limit.toString()], numbers)
      for (const number of numbers)
        assert.ok(answer.refusal.reason.includes(number), `"${answer.refusal.reason}" names ${number}`)
    })
  }

  test('all of them were tried', () => {
    const rules: Record<VetoRule, true> = {
      ORDER_OFF_STEP: true,
      ORDER_OFF_TICK: true,
      ORDER_BELOW_MIN_QUANTITY: true,
      ORDER_BELOW_MIN_NOTIONAL: true,
      ORDER_ABOVE_MAX_QUANTITY: true,
      INSUFFICIENT_FREE: true,
      POSITION_LIMIT: true,
      SELL_EXCEEDS_HOLDING: true,
    }
    assert.deepEqual(new Set(CASES.map(each => each.rule)), new Set(Object.keys(rules)))
  })
})

describe('no gate of entries refuses an exit', () => {
  test('a sale needs no money and knows no largest position', () => {
    const poor = facts({ spendable: d('-5'), maxPositionQuote: d('1'), positionCost: d('500') })
    assert.ok(approveOrder(sell({ quantity: '2' }), poor).ok)
    assert.equal(approveOrder(order(), poor).ok, false)
  })
})

test('property: what is approved lies on the grid, is funded or held', () => {
  const amounts = (max: number, places: number) => fc.integer({ min: -5, max }).map(each => d(each).shifted(-places))
  const anyOrder = fc.record({
    side: fc.constantFrom('buy' as const, 'sell' as const),
    quantity: amounts(30_000, 4),
    limit: amounts(2_000_000, 4),
  })
  fc.assert(
    fc.property(anyOrder, amounts(3000, 0), amounts(30, 1), ({ side, quantity, limit }, spendable, held) => {
      const asked = order({ side, quantity: quantity.toString(), limitPrice: limit.toString() })
      const answer = approveOrder(asked, facts({ spendable, held }))
      if (!answer.ok) return
      assert.ok(quantity.isOnGrid(d('0.001')) && quantity.gte(d('0.002')))
      assert.ok(limit.isPositive() && limit.isOnGrid(d('0.01')) && limit.times(quantity).gte(d('5')))
      if (side === 'buy') assert.ok(limit.times(quantity).lte(spendable))
      else assert.ok(quantity.lte(held))
    }),
  )
})
