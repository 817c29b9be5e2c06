import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRules, instrumentFromRules, instrumentRules } from './instrument.ts'

const RULES = defaultRules('binance', 'BTC/USDT')

test('rules that a venue does not have stay absent, those it has come back as they were', () => {
  assert.deepEqual(instrumentRules(instrumentFromRules(RULES)), RULES)
  const full = { ...RULES, maxQty: '9000', priceUpMultiplier: '5', priceDownMultiplier: '0.2', maxOpenOrders: 200 }
  assert.deepEqual(instrumentRules(instrumentFromRules(full)), full)
})

test('a rule that is no rule is refused by its name', () => {
  for (const [wrong, told] of [
    [{ maxQty: '0' }, /BTC\/USDT: maxQty is 0, it must be above 0/],
    [{ priceUpMultiplier: '-1' }, /priceUpMultiplier is -1/],
    [{ maxOpenOrders: 0 }, /maxOpenOrders is 0, it must be a whole number above 0/],
    [{ maxOpenOrders: 1.5 }, /maxOpenOrders is 1.5/],
    [{ tick: '0' }, /tick is 0/],
    [{ takerBps: '-1' }, /takerBps is -1/],
    [{ feeAsset: 'BNB' }, /feeAsset is BNB/],
  ] as const)
    assert.throws(() => instrumentFromRules({ ...RULES, ...wrong }), told)
})
