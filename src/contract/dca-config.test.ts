import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRules, type Instrument, instrumentFromRules } from '../core/market/instrument.ts'
import { changed, playbookOf, RSI_BELOW_30, SMALL, WHOLE } from './dca-config.fixture.ts'
import { parseDcaConfig } from './dca-config.ts'
import type { FindingCode } from './finding.ts'

function parsed(input: unknown) {
  const result = parseDcaConfig(input)
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.findings, null, 1))
  return result
}

function findings(input: unknown, options?: Parameters<typeof parseDcaConfig>[1]): string[] {
  const result = parseDcaConfig(input, options)
  return result.ok ? [] : result.findings.map(({ path, code }) => `${code} ${path}`)
}

const listed = (symbol: string): Instrument | undefined =>
  ['BTC/USDT', 'ETH/USDT', 'SOL/USDT'].includes(symbol) ? instrumentFromRules(defaultRules('binance', symbol)) : undefined

test('a small config gets every default; blocks that are missing are off', () => {
  const { config } = parsed(SMALL)
  assert.deepEqual(config, {
    schemaVersion: 1,
    type: 'dca',
    name: 'BTC dip',
    exchange: 'binance',
    exchangeKeyId: null,
    market: 'spot',
    direction: 'long',
    leverage: 1,
    marginMode: 'isolated',
    pairs: ['BTC/USDT'],
    timeframe: '1h',
    maxActiveDeals: 1,
    maxDealsPerPair: 1,
    stopAfterDeals: null,
    profitCurrency: 'quote',
    reserve: 'full_ladder',
    reserveBufferPct: '0.3',
    risk: { maxPositionQuote: null, maxDailyLossPct: null },
    sizing: { reinvestPct: '0', riskReductionPct: '0' },
    dealStart: { delaySec: 0, cooldownSec: 0, priceBand: {}, minQuoteVolume24h: null, maxSpreadPct: null },
    baseOrder: { size: '20', sizeType: 'quote', orderType: 'market', limit: null, timeoutSec: 3600, onTimeout: 'cancel' },
    entry: { mode: 'immediate', playbook: null, signal: { maxLagSec: 300, requireTimestamp: true, allow: ['start', 'close'] } },
    averaging: {
      rule: { type: 'ladder', stepPct: '1.5', stepScale: '1.2' },
      requirePlaybook: null,
      amount: { type: 'fixed', value: '20' },
      volumeScale: '1.5',
      maxOrders: 3,
      maxOrdersAllDeals: 20,
      maxInvestmentPerDeal: null,
      placement: 'resting',
      orderType: 'limit',
      activeOrdersCount: 1,
      cooldown: { n: 0, unit: 'minutes' },
      waitForPrevious: false,
      stopOnLoss: null,
    },
    exits: {
      profitBasis: 'gross',
      takeProfit: { from: 'average', targets: [{ profitPct: '1.5', sellPct: '100' }], placement: 'resting' },
      trailing: null,
      takeProfitAndRestart: null,
      stopLoss: null,
      timeExit: null,
      closeBy: null,
    },
    regime: null,
    dynamicScaling: null,
    emergencyBrake: null,
  })
})

test('every block is read; conditions come out whole', () => {
  const { config } = parsed(WHOLE)
  assert.equal(config.baseOrder.size, '25.5')
  assert.deepEqual(config.entry.playbook?.items[0]?.condition, {
    timeframe: '1h',
    symbol: null,
    lhs: {
      kind: 'indicator',
      name: 'rsi',
      component: 'value',
      params: { period: 14 },
      source: 'close',
      barsAgo: 0,
      timeframe: null,
    },
    op: 'lt',
    rhs: { kind: 'const', value: '30' },
    offsetPct: '0',
  })
  assert.deepEqual(config.averaging?.requirePlaybook?.items[0]?.condition.rhs, { kind: 'level', name: 'oversold', value: '30' })
  assert.deepEqual(
    config.exits.takeProfit?.targets.map(target => target.profitPct),
    ['2', '4'],
    'targets ascend',
  )
  assert.equal(config.averaging?.maxOrders, 2, 'as many as enabled levels')
  assert.equal(config.regime?.rsiBelow, null)
  assert.equal(config.regime?.belowMa, true)
  assert.deepEqual(config.emergencyBrake?.recovery, { timeframe: '1m', stabilizationBars: 10, maxRangePct: '2', auto: true })
  assert.deepEqual(config.exits.timeExit, { maxHoldSec: 86400, minProfitPct: null })
})

test('what is stored reads back to the same config and the same document', () => {
  for (const input of [SMALL, WHOLE, changed(WHOLE, 'regime', { enabled: false, maPeriod: 50 })]) {
    const first = parsed(input)
    const again = parsed(JSON.parse(JSON.stringify(first.document)))
    assert.deepEqual(again.config, first.config)
    assert.deepEqual(again.document, first.document)
  }
})

test('a block with enabled false is off, asks for nothing, and is kept for the day it is switched on', () => {
  const off = changed(SMALL, 'exits.stopLoss', { enabled: false, trailing: true })
  const { config, document } = parsed(off)
  assert.equal(config.exits.stopLoss, null)
  assert.deepEqual(document.exits.stopLoss?.trailing, true)
  assert.deepEqual(parsed(changed(SMALL, 'averaging', { enabled: false })).config.averaging, null)
  assert.deepEqual(parsed(changed(SMALL, 'averaging.stopOnLoss', { enabled: false })).config.averaging?.stopOnLoss, null)
  assert.deepEqual(findings(changed(SMALL, 'exits.stopLoss', { enabled: false, trialing: true })), [
    'UNKNOWN_KEY exits.stopLoss.trialing',
  ])
  assert.deepEqual(findings(changed(SMALL, 'exits.takeProfit.enabled', false)), ['EXIT_REQUIRED exits'])
})

test('decimals are text or numbers of at most 15 digits, and come out as minimal text', () => {
  const size = (value: unknown) => parsed(changed(SMALL, 'baseOrder.size', value)).config.baseOrder.size
  assert.equal(size('020.50'), '20.5')
  assert.equal(size(20.5), '20.5')
  assert.equal(size('20.1234567890123456789'), '20.1234567890123456789')
  assert.equal(size(123456789012345), '123456789012345')
  for (const value of [0.30000000000000004, 1234567890123456, '1,5', 'x', '', true, null, 'NaN', 'Infinity', [], '0x10'])
    assert.deepEqual(findings(changed(SMALL, 'baseOrder.size', value)), ['NOT_DECIMAL baseOrder.size'], String(value))
})

test('amounts and prices have an upper end', () => {
  for (const value of ['9'.repeat(60), '1000000000000000.1'])
    assert.deepEqual(findings(changed(SMALL, 'baseOrder.size', value)), ['OUT_OF_RANGE baseOrder.size'])
  assert.deepEqual(findings(changed(SMALL, 'baseOrder.size', '1000000000000000')), [])
})

test('a playbook without items, and a price for a pair the bot does not trade', () => {
  assert.deepEqual(findings(changed(SMALL, 'entry', { mode: 'conditional', playbook: { items: [] } })), [
    'PLAYBOOK_EMPTY entry.playbook.items',
  ])
  const limit = { mode: 'per_pair', prices: { 'BTC/USDT': '1', 'ETH/USDT': '2' } }
  const orders = changed(changed(SMALL, 'baseOrder.orderType', 'limit'), 'baseOrder.limit', limit)
  assert.deepEqual(
    findings(orders).filter(finding => finding.includes('ETH')),
    ['LIMIT_PAIRS baseOrder.limit.prices["ETH/USDT"]'],
  )
})

test('placement is what it can be: a stop beside resting targets is virtual, so are rungs that wait for something', () => {
  const stop = (config: unknown) => parsed(config).config.exits.stopLoss?.placement
  assert.equal(stop(changed(SMALL, 'exits.stopLoss', { value: 10 })), 'virtual')
  const virtualTargets = changed(SMALL, 'exits.takeProfit.placement', 'virtual')
  assert.equal(stop(changed(virtualTargets, 'exits.stopLoss', { value: 10 })), 'resting')
  assert.equal(stop(changed(virtualTargets, 'exits.stopLoss', { value: 10, timeoutSec: 60 })), 'virtual')
  assert.equal(stop(changed(virtualTargets, 'exits.stopLoss', { value: 10, placement: 'virtual' })), 'virtual')
  const rungs = (path: string, value: unknown) => parsed(changed(SMALL, path, value)).config.averaging?.placement
  assert.equal(rungs('averaging.cooldown', { n: 1 }), 'virtual')
  assert.equal(rungs('averaging.requirePlaybook', playbookOf(RSI_BELOW_30)), 'virtual')
  assert.equal(rungs('averaging.rule', { type: 'condition', playbook: playbookOf(RSI_BELOW_30) }), 'virtual')
  assert.equal(rungs('averaging.orderType', 'market'), 'virtual')
  assert.equal(rungs('averaging.waitForPrevious', true), 'resting')
})

test('the rule ladder is the default one', () => {
  assert.deepEqual(parsed(changed(SMALL, 'averaging.rule', { stepPct: 2 })).config.averaging?.rule, {
    type: 'ladder',
    stepPct: '2',
    stepScale: '1',
  })
  assert.deepEqual(parsed(changed(SMALL, 'averaging.rule', { type: 'loss_amount' })).config.averaging?.rule, {
    type: 'loss_amount',
    value: '100',
  })
})

const condition = (change: object) => ({ ...RSI_BELOW_30, ...change })
const entry = (...conditions: unknown[]) => ({ mode: 'conditional', playbook: playbookOf(...conditions) })
const AT = 'entry.playbook.items[0].condition'
const price = { kind: 'price', field: 'close' }
const six = ['A/B', 'C/B', 'D/B', 'E/B', 'F/B', 'G/B']

/** Every code: a path of the small config, the bad value, what is found. */
const BAD: [FindingCode, string, unknown, string][] = [
  ['UNKNOWN_KEY', 'baseOrdr', {}, 'baseOrdr'],
  ['UNKNOWN_KEY', 'exits.takeProfit.targets.0.profit', 1, 'exits.takeProfit.targets[0].profit'],
  ['UNKNOWN_KEY', 'averaging.rule.stepPercent', 1, 'averaging.rule.stepPercent'],
  [
    'UNKNOWN_KEY',
    'entry',
    entry(condition({ lhs: { kind: 'indicator', name: 'rsi', params: { length: 14 } } })),
    `${AT}.lhs.params.length`,
  ],
  ['UNKNOWN_KEY', 'entry', entry(condition({ tf: '1h' })), `${AT}.tf`],
  ['BAD_ENUM', 'market', 'futures', 'market'],
  ['BAD_ENUM', 'timeframe', '7h', 'timeframe'],
  ['BAD_ENUM', 'averaging.rule', { type: 'grid' }, 'averaging.rule.type'],
  ['BAD_ENUM', 'entry', entry(condition({ lhs: { kind: 'indicator', name: 'rsx' } })), `${AT}.lhs.name`],
  ['BAD_ENUM', 'entry', entry(condition({ op: 'above' })), `${AT}.op`],
  ['OUT_OF_RANGE', 'name', '', 'name'],
  ['BAD_ENUM', 'schemaVersion', 2, 'schemaVersion'],
  ['OUT_OF_RANGE', 'maxActiveDeals', 201, 'maxActiveDeals'],
  ['OUT_OF_RANGE', 'maxActiveDeals', 1.5, 'maxActiveDeals'],
  ['OUT_OF_RANGE', 'averaging.rule.stepPct', '0.001', 'averaging.rule.stepPct'],
  ['OUT_OF_RANGE', 'baseOrder.size', '-1', 'baseOrder.size'],
  ['OUT_OF_RANGE', 'leverage', 5, 'leverage'],
  ['OUT_OF_RANGE', 'averaging.activeOrdersCount', 4, 'averaging.activeOrdersCount'],
  ['OUT_OF_RANGE', 'exits.stopLoss', { value: 10, breakEvenAfterTarget: 2 }, 'exits.stopLoss.breakEvenAfterTarget'],
  ['OUT_OF_RANGE', 'exits.stopLoss', { value: 100 }, 'exits.stopLoss.value'],
  ['OUT_OF_RANGE', 'entry', entry(condition({ lhs: { kind: 'indicator', name: 'vwap' }, timeframe: '1d' })), `${AT}.lhs.name`],
  ['NOT_DECIMAL', 'baseOrder.size', 'ten', 'baseOrder.size'],
  ['REQUIRED', 'name', undefined, 'name'],
  ['REQUIRED', 'baseOrder', undefined, 'baseOrder'],
  ['REQUIRED', 'exits.stopLoss', {}, 'exits.stopLoss.value'],
  ['WRONG_TYPE', 'pairs', 'BTC/USDT', 'pairs'],
  ['DUPLICATE', 'pairs', ['BTC/USDT', 'BTC/USDT'], 'pairs[1]'],
  ['UNKNOWN_SYMBOL', 'pairs', ['BTCUSDT'], 'pairs[0]'],
  ['UNKNOWN_SYMBOL', 'pairs', ['BTC/USDT:USDT'], 'pairs[0]'],
  ['UNKNOWN_SYMBOL', 'dealStart', { priceBand: { 'ETH/USDT': { min: 1 } } }, 'dealStart.priceBand["ETH/USDT"]'],
  ['UNKNOWN_SYMBOL', 'entry', entry(condition({ symbol: 'btc' })), `${AT}.symbol`],
  ['MIXED_QUOTE', 'pairs', ['BTC/USDT', 'ETH/BTC'], 'pairs'],
  ['SHORT_NEEDS_PERP', 'direction', 'short', 'direction'],
  ['LIMIT_PRICE_MISSING', 'baseOrder', { size: 20, orderType: 'limit' }, 'baseOrder.limit.prices'],
  ['LIMIT_PRICE_MISSING', 'exits.stopLoss', { type: 'price', prices: {} }, 'exits.stopLoss.prices'],
  [
    'PLAYBOOK_EMPTY',
    'entry',
    { mode: 'conditional', playbook: { items: [{ id: 'a', enabled: false, condition: RSI_BELOW_30 }] } },
    'entry.playbook.items',
  ],
  ['PLAYBOOK_REQUIRED', 'entry', { mode: 'conditional' }, 'entry.playbook'],
  ['PLAYBOOK_REQUIRED', 'averaging.rule', { type: 'condition' }, 'averaging.rule.playbook'],
  ['PLAYBOOK_REQUIRED', 'exits.closeBy', {}, 'exits.closeBy.playbook'],
  ['PLAYBOOK_FORBIDDEN', 'entry', { mode: 'immediate', playbook: playbookOf(RSI_BELOW_30) }, 'entry.playbook'],
  ['RANGE_INVERTED', 'entry', entry(condition({ op: 'between', rhs: { kind: 'range', low: 40, high: 30 } })), `${AT}.rhs.low`],
  ['RANGE_INVERTED', 'dealStart', { priceBand: { 'BTC/USDT': { min: 2, max: 1 } } }, 'dealStart.priceBand["BTC/USDT"]'],
  [
    'OPERATOR_OPERAND',
    'entry',
    entry(condition({ op: 'crosses_above', rhs: { kind: 'range', low: 30, high: 40 } })),
    `${AT}.rhs`,
  ],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ op: 'between' })), `${AT}.rhs`],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ rhs: null })), `${AT}.rhs`],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ op: 'rising' })), `${AT}.rhs`],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ op: 'is', rhs: null })), `${AT}.op`],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ lhs: { kind: 'const', value: 5 } })), `${AT}.lhs`],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ offsetPct: 2 })), `${AT}.offsetPct`],
  ['OPERATOR_OPERAND', 'entry', entry(condition({ lhs: price, rhs: { kind: 'level', name: 'oversold' } })), `${AT}.rhs.name`],
  [
    'COMPONENT_UNKNOWN',
    'entry',
    entry(condition({ lhs: { kind: 'indicator', name: 'macd', component: 'histo' } })),
    `${AT}.lhs.component`,
  ],
  ['TIMEFRAME_FINER', 'entry', entry(condition({ timeframe: '4h', lhs: { ...price, timeframe: '1h' } })), `${AT}.lhs.timeframe`],
  ['EXIT_REQUIRED', 'exits', { stopLoss: { value: 10 } }, 'exits'],
  ['EXIT_REQUIRED', 'exits', undefined, 'exits'],
  ['TARGETS_SUM', 'exits.takeProfit.targets.0.sellPct', 60, 'exits.takeProfit.targets'],
  [
    'TARGETS_SUM',
    'exits.takeProfit.targets',
    [
      { profitPct: 1, sellPct: 60 },
      { profitPct: 2, sellPct: 50 },
    ],
    'exits.takeProfit.targets',
  ],
  ['PROTECTION_OVERLAP', 'exits.stopLoss', { value: 10, placement: 'resting' }, 'exits.stopLoss.placement'],
  ['REGIME_NO_TEST', 'regime', { belowMa: false, rsiBelow: null }, 'regime'],
  ['LADDER_BELOW_ZERO', 'averaging.rule.stepPct', '50', 'averaging.rule'],
  ['LADDER_BELOW_ZERO', 'averaging.rule', { type: 'down_from_last', value: 100 }, 'averaging.rule.value'],
  [
    'LEVELS_ORDER',
    'averaging.rule',
    {
      type: 'levels',
      levels: [
        { id: 'a', dropPct: 2, amount: 100 },
        { id: 'b', dropPct: 2, amount: 100 },
      ],
    },
    'averaging.rule.levels[1].dropPct',
  ],
  [
    'E_NEVER_TRUE',
    'entry',
    entry(condition({ lhs: price, op: 'gt', rhs: { kind: 'indicator', name: 'donchian', component: 'upper' } })),
    AT,
  ],
  ['E_NEVER_TRUE', 'entry', entry(condition({ rhs: { kind: 'const', value: 0 } })), AT],
  ['E_NEVER_TRUE', 'entry', entry(condition({ lhs: price, rhs: price })), AT],
  ['NOT_AVAILABLE_YET', 'dealStart', { maxSpreadPct: 0.5 }, 'dealStart.maxSpreadPct'],
  ['NOT_AVAILABLE_YET', 'dynamicScaling', { volatility: {} }, 'dynamicScaling'],
  ['NOT_AVAILABLE_YET', 'emergencyBrake', { marketCrash: {} }, 'emergencyBrake.marketCrash'],
]

test('every code has an input that earns it, and nothing else is found in that input', () => {
  for (const [code, path, value, found] of BAD) {
    assert.deepEqual(findings(changed(SMALL, path, value)), [`${code} ${found}`], `${path} = ${JSON.stringify(value)}`)
  }
})

test('limit prices per pair are for at most five pairs', () => {
  const config = changed(changed(SMALL, 'pairs', six), 'baseOrder', { size: 20, orderType: 'limit' })
  assert.deepEqual(findings(config), ['LIMIT_PAIRS baseOrder.limit.mode'])
  assert.deepEqual(findings(changed(config, 'baseOrder.limit', { mode: 'offset' })), [])
})

test('a perpetual is for a later version, short or long', () => {
  const perp = changed(changed(SMALL, 'market', 'perp'), 'pairs', ['BTC/USDT:USDT'])
  assert.deepEqual(findings(perp), ['NOT_AVAILABLE_YET market'])
  assert.deepEqual(findings(changed(changed(perp, 'direction', 'short'), 'leverage', 10)), ['NOT_AVAILABLE_YET market'])
})

test('with the venue at hand: unlisted symbols get a suggestion, orders below its minimum are found before any price', () => {
  const options = { instrument: listed, symbols: ['BTC/USDT', 'ETH/USDT', 'SOL/USDT'], path: 'config' }
  const result = parseDcaConfig(changed(SMALL, 'pairs', ['BTX/USDT']), options)
  assert.ok(!result.ok)
  assert.deepEqual(result.findings, [
    { path: 'config.pairs[0]', code: 'UNKNOWN_SYMBOL', message: 'not listed on this exchange, BTC/USDT?' },
  ])
  assert.deepEqual(findings(changed(SMALL, 'baseOrder.size', '4.99'), options), ['E_MIN_NOTIONAL config.baseOrder.size'])
  assert.deepEqual(findings(changed(SMALL, 'averaging.volumeScale', '0.4'), options), ['E_MIN_NOTIONAL config.averaging.amount'])
  const levels = {
    type: 'levels',
    levels: [
      { id: 'a', dropPct: 1, amount: 10 },
      { id: 'b', dropPct: 2, amount: 4 },
    ],
  }
  assert.deepEqual(findings(changed(SMALL, 'averaging.rule', levels), options), [
    'E_MIN_NOTIONAL config.averaging.rule.levels[1].amount',
  ])
  assert.deepEqual(findings(changed(SMALL, 'averaging.amount', { type: 'base_pct', value: 24 }), options), [
    'E_MIN_NOTIONAL config.averaging.amount',
  ])
  assert.deepEqual(findings(SMALL, options), [])
})

test('the last price a ladder may reach lies above zero: dev_n of exactly 100 is refused, below it is not', () => {
  const ladder = (stepPct: string, stepScale: string, maxOrders: number) =>
    findings(changed(changed(SMALL, 'averaging.rule', { type: 'ladder', stepPct, stepScale }), 'averaging.maxOrders', maxOrders))
  assert.deepEqual(ladder('20', '1', 5), ['LADDER_BELOW_ZERO averaging.rule'])
  assert.deepEqual(ladder('19.9999999', '1', 5), [])
  assert.deepEqual(ladder('1', '4', 4), [])
  assert.deepEqual(ladder('1', '4', 5), ['LADDER_BELOW_ZERO averaging.rule'])
  assert.deepEqual(ladder('90', '0.1', 200), [], '99.99... never reaches 100')
  assert.deepEqual(ladder('90', '0.2', 200), ['LADDER_BELOW_ZERO averaging.rule'])
})

test('all findings come at once', () => {
  const bad = {
    ...changed(SMALL, 'exits.takeProfit.targets', [{ profitPct: 'x', sellPct: 50 }]),
    baseOrdr: {},
    direction: 'short',
    pairs: ['BTC/USDT', 'ETH/BTC'],
    maxActiveDeals: 0,
    regime: { belowMa: false, rsiBelow: null, maPeriods: 5 },
    entry: { mode: 'conditional' },
  }
  assert.deepEqual(findings(bad).sort(), [
    'MIXED_QUOTE pairs',
    'NOT_DECIMAL exits.takeProfit.targets[0].profitPct',
    'OUT_OF_RANGE maxActiveDeals',
    'PLAYBOOK_REQUIRED entry.playbook',
    'REGIME_NO_TEST regime',
    'SHORT_NEEDS_PERP direction',
    'UNKNOWN_KEY baseOrdr',
    'UNKNOWN_KEY regime.maPeriods',
  ])
})

test('an unknown key names the one that was meant', () => {
  const result = parseDcaConfig({ ...SMALL, baseOrdr: {} }, { path: 'config' })
  assert.ok(!result.ok)
  assert.deepEqual(result.findings, [{ path: 'config.baseOrdr', code: 'UNKNOWN_KEY', message: 'unknown key, baseOrder?' }])
})

test('what is no config at all is refused, not a crash', () => {
  for (const input of [null, 5, 'x', [], undefined]) assert.deepEqual(findings(input), ['WRONG_TYPE '])
  assert.ok(findings({}).includes('REQUIRED name'))
  assert.deepEqual(
    findings(JSON.parse('{"__proto__":{"x":1}}')).filter(code => code.startsWith('UNKNOWN')),
    ['UNKNOWN_KEY __proto__'],
  )
  assert.ok(findings(changed(SMALL, 'exits', 5)).length > 0)
  assert.ok(findings(changed(SMALL, 'averaging.rule', null)).length > 0)
  assert.ok(findings(changed(SMALL, 'entry.playbook', { items: 5 })).length > 0)
})
