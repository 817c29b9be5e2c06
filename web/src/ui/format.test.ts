// What the pages show: shortened for the eye, never invented.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal } from '../../../src/core/money/decimal.ts'
import { DASH, direction, duration, money, percent, price, quantity, signed, words } from './format.ts'

test('what is unknown is a dash, zero is zero', () => {
  for (const show of [money, quantity, percent, price]) assert.equal(show(null), DASH)
  assert.equal(money(undefined), DASH)
  assert.equal(money('not a number'), DASH)
  assert.equal(money('0'), '0.00')
  assert.equal(duration(null), DASH)
  assert.equal(words(null), DASH)
})

test('money has two places, small amounts as many as show them', () => {
  assert.equal(money('1234567.891'), '1,234,567.89')
  assert.equal(money('0.0001234567'), '0.000123')
  assert.equal(money('-0.5'), '−0.50')
  assert.equal(money('0.0099'), '0.00990')
  assert.equal(money('99999999999999999999.99'), '99,999,999,999,999,999,999.99')
})

test('prices follow the tick, quantities keep their digits', () => {
  assert.equal(price('60000', Decimal.from('0.01')), '60,000.00')
  assert.equal(price('0.45', Decimal.from('0.0001')), '0.4500')
  assert.deepEqual(
    ['63659.8744', '9.1234567', '0.000012345'].map(one => price(one)),
    ['63,659.87', '9.1235', '0.0000123'],
  )
  assert.equal(quantity('0.00196'), '0.00196')
  assert.equal(quantity('1200'), '1,200')
})

test('results carry a sign', () => {
  assert.equal(signed('12.5'), '+12.50')
  assert.equal(signed('-12.5'), '−12.50')
  assert.equal(signed('0'), '0.00')
  assert.equal(
    signed('1.987', value => percent(value)),
    '+1.99 %',
  )
  assert.deepEqual([direction('3'), direction('-3'), direction('0'), direction(null)], [1, -1, 0, 0])
})

test('durations use two units', () => {
  assert.deepEqual([5, 65, 7500, 90_000].map(duration), ['5 s', '1 min', '2 h 5 min', '1 d 1 h'])
})
