import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averaging, dcaConfig, stopLoss, takeProfit } from '../dca/config.fixture.ts'
import { DEFAULT_SAFETY_LIMITS, limitsFor, ordersAtOnce, readChosenLimits, tighterLimits } from './safety-limits.ts'

test('chosen limits are read as they are, and what cannot be read is said to be unreadable', () => {
  const chosen = { maxDailyLossPct: '5', maxDrawdownPct: null, maxRejectsPerMin: 3 }
  assert.deepEqual(readChosenLimits(chosen), chosen)
  assert.deepEqual(readChosenLimits({}), {})
  for (const bad of [
    null,
    [],
    'x',
    { maxDailyLossPct: 5 },
    { maxDailyLossPct: '0' },
    { maxDailyLossPct: '-1' },
    { maxDrawdownPct: '100.1' },
    { maxDrawdownPct: 'NaN' },
    { maxOrdersPerMin: 0 },
    { maxOrdersPerMin: 1.5 },
    { maxOrdersPer10Sec: '10' },
    { maxOrderPerMin: 60 },
  ]) {
    assert.equal(readChosenLimits(bad), null, JSON.stringify(bad))
  }
})

test('orders at once are the resting rungs with targets and stop; a bot without any of them still sends one', () => {
  const config = dcaConfig({ averaging: averaging({ maxOrders: 8, activeOrdersCount: 3 }), ...exits(2, true) })
  assert.equal(ordersAtOnce(config), 6)
  assert.equal(ordersAtOnce(dcaConfig({ averaging: null, ...exits(0, true) })), 1)
})

test('defaults never lie inside of what a bot is told to do', () => {
  const small = dcaConfig({ averaging: null, ...exits(1, false) })
  assert.deepEqual(limitsFor(small, {}), DEFAULT_SAFETY_LIMITS)
  const wide = dcaConfig({ maxActiveDeals: 3, averaging: averaging({ maxOrders: 10, activeOrdersCount: 10 }), ...exits(1, true) })
  assert.equal(limitsFor(wide, {}).maxOrdersPer10Sec, 3 * (1 + 10 + 11 * 2))
  assert.equal(limitsFor(wide, { maxOrdersPer10Sec: 20 }).maxOrdersPer10Sec, 20, 'what was chosen holds')
  assert.deepEqual(tighterLimits(wide, {}), [])
})

test('a chosen limit inside of the limit it guards is named with both numbers; an equal one is allowed', () => {
  const config = dcaConfig({
    risk: { maxPositionQuote: null, maxDailyLossPct: '5' },
    averaging: averaging({ maxOrders: 12, activeOrdersCount: 12 }),
    ...exits(1, false),
  })
  assert.deepEqual(tighterLimits(config, { maxDailyLossPct: '5.0', maxOrdersPer10Sec: 13 }), [])
  assert.deepEqual(tighterLimits(config, { maxDailyLossPct: '3', maxOrdersPer10Sec: 12, maxOrdersPerMin: 60 }), [
    { limit: 'maxDailyLossPct', value: '3', guards: 'risk.maxDailyLossPct', operating: '5' },
    { limit: 'maxOrdersPer10Sec', value: '12', guards: 'averaging.activeOrdersCount', operating: '13' },
  ])
})

function exits(targets: number, stopped: boolean) {
  const of = Array.from({ length: targets }, (_, i) => ({ profitPct: String(i + 1), sellPct: String(100 / targets) }))
  return { exits: { takeProfit: targets === 0 ? null : takeProfit('1', { targets: of }), stopLoss: stopped ? stopLoss() : null } }
}
