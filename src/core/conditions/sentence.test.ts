import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPERATORS, PATTERNS } from './condition.ts'
import { atLastBar, closesAt, condition, indicator, item, number, playbook, price } from './conditions.fixture.ts'
import { evaluateCondition } from './evaluate.ts'
import { describeCondition, describeOperand, describePlaybook, explain, plainNumber } from './sentence.ts'

test('a condition reads as a sentence', () => {
  const says = (expected: string, ...from: Parameters<typeof condition>) =>
    assert.equal(describeCondition(condition(...from)), expected)
  says('RSI(14) on 1h is below 30', indicator('rsi'), 'lt', number(30))
  says(
    'RSI(14) on 4h crosses above oversold (30)',
    indicator('rsi'),
    'crosses_above',
    { kind: 'level', name: 'oversold', value: '30' },
    { timeframe: '4h' },
  )
  says('close price on 1h is above EMA(20) plus 2 %', price(), 'gt', indicator('ema'), { offsetPct: '2' })
  says(
    'volume on 1h is above average volume(20) plus 50 %',
    { kind: 'volume', barsAgo: 0, timeframe: null },
    'gt',
    { kind: 'volume_avg', period: 20, barsAgo: 0, timeframe: null },
    { offsetPct: '50' },
  )
  says('MACD(12, 26, 9) histogram on 1h crosses below zero', indicator('macd', {}, { component: 'histogram' }), 'crosses_below', {
    kind: 'level',
    name: 'zero',
    value: '0',
  })
  says(
    'close price of ETH/USDT on 1d is between 1000 and 2000',
    price(),
    'between',
    { kind: 'range', low: '1000', high: '2000' },
    { symbol: 'ETH/USDT', timeframe: '1d' },
  )
  says('SMA(50, hl2) on 1h is rising', indicator('sma', { period: 50 }, { source: 'hl2' }), 'rising')
  says('close price on 1h is below close price one bar ago minus 3 %', price(), 'lt', price('close', 1), { offsetPct: '-3' })
  says(
    'ADX(14) plus di on 1h is above EMA(20) on 4h 3 bars ago',
    indicator('adx', {}, { component: 'plusDi' }),
    'gt',
    indicator('ema', {}, { timeframe: '4h', barsAgo: 3 }),
  )
  says('EMA(20) on 4h is above 5 at each 1h close', indicator('ema', {}, { timeframe: '4h' }), 'gt', number(5))
  says('the bar on 1h is a hammer', { kind: 'pattern', name: 'hammer', barsAgo: 0, timeframe: null }, 'is')
})

test('every operator and every pattern has words of its own', () => {
  const sentences = OPERATORS.filter(op => op !== 'is').map(op => describeCondition(condition(price(), op, number(1))))
  const patterns = PATTERNS.map(name =>
    describeCondition(condition({ kind: 'pattern', name, barsAgo: 0, timeframe: null }, 'is')),
  )
  assert.equal(new Set([...sentences, ...patterns]).size, OPERATORS.length - 1 + PATTERNS.length)
})

test('a playbook reads as its gate joins it', () => {
  const a = item('a', condition(indicator('rsi'), 'lt', number(30)))
  const b = item('b', condition(price(), 'rising'), { connector: 'or', holdBars: 3, validFor: { n: 1, unit: 'bars' } })
  const rsi = 'RSI(14) on 1h is below 30'
  const rise = 'close price on 1h is rising for 3 bars in a row, valid for 1 bar'
  assert.equal(describePlaybook(playbook([a])), rsi)
  assert.equal(describePlaybook(playbook([a, b])), `all of: ${rsi}; ${rise}`)
  assert.equal(describePlaybook(playbook([a, b], { gate: 'any' })), `any of: ${rsi}; ${rise}`)
  assert.equal(describePlaybook(playbook([a, b], { gate: 'atLeast', n: 1 })), `at least 1 of: ${rsi}; ${rise}`)
  assert.equal(describePlaybook(playbook([a, b], { gate: 'chain' })), `${rsi} or ${rise}`)
  assert.equal(
    describePlaybook(playbook([a, b], { sequence: { windowBars: 5 } })),
    `in this order within 5 bars: ${rsi}; then ${rise}`,
  )
})

test('a trace says what is and what is needed', () => {
  const says = (from: ReturnType<typeof condition>, closes: number[]) => {
    const { compiled, reads } = atLastBar(from, closesAt(closes))
    return explain(from, evaluateCondition(compiled, reads))
  }
  assert.equal(says(condition(price(), 'lt', number(30)), [34.2]), 'close price 1h is 34.2, needs below 30')
  assert.equal(says(condition(price(), 'lt', number(40)), [34.2]), 'close price 1h is 34.2, below 40')
  assert.equal(says(condition(price(), 'crosses_above', number(40)), [30, 34]), 'close price 1h is 34, needs to cross above 40')
  assert.equal(
    says(condition(price(), 'gt', indicator('sma', { period: 2 }), { offsetPct: '1' }), [100, 100]),
    'close price 1h is 100, needs above SMA(2) plus 1 % = 101',
  )
  assert.equal(says(condition(price(), 'rising'), [2, 1]), 'close price 1h is 1, needs rising')
  assert.equal(says(condition(indicator('rsi'), 'lt', number(30)), [1]), 'RSI(14) 1h has too few closed bars yet')
  const gap = condition({ kind: 'pattern', name: 'gap_up', barsAgo: 0, timeframe: null }, 'is')
  assert.equal(says(gap, [1, 2]), 'the bar on 1h is a gap up')
  assert.equal(says(gap, [2, 1]), 'the bar on 1h is not a gap up')
})

test('numbers have no exponent and no needless digits', () => {
  assert.equal(plainNumber(64321.17), '64321.17')
  assert.equal(plainNumber(34.2), '34.2')
  assert.equal(plainNumber(0.000012345678), '0.0000123457')
  assert.equal(plainNumber(0), '0')
  assert.equal(plainNumber(-2.50001), '-2.5')
  assert.equal(plainNumber(1200), '1200')
  assert.equal(plainNumber(Number.NaN), 'unknown')
  assert.equal(describeOperand({ kind: 'level', name: 'zero', value: '0' }), 'zero')
})
