import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '../money/decimal.ts'
import { canonicalJson } from './canonical-json.ts'

test('the sorting example of RFC 8785 3.2.3', () => {
  const value = {
    '€': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '😀': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    ö: 'Latin Small Letter O With Diaeresis',
  }
  assert.equal(
    canonicalJson(value),
    '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  )
})

test('the number and literal example of RFC 8785 3.2.2', () => {
  const numbers = '[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]'
  const value = { numbers: JSON.parse(numbers), literals: [null, true, false] }
  assert.equal(canonicalJson(value), '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}')
})

test('minus zero is zero, decimals are text, undefined keys are absent', () => {
  assert.equal(canonicalJson({ b: -0, a: Decimal.from('1.50'), c: undefined }), '{"a":"1.5","b":0}')
})

test('what JSON cannot say is refused with its path', () => {
  assert.throws(() => canonicalJson({ a: [1, Number.NaN] }), /\$\.a\[1\] is NaN/)
  assert.throws(() => canonicalJson({ a: '\ud800' }), /\$\.a holds half of a surrogate/)
  assert.throws(() => canonicalJson([undefined]), /\$\[0\] is of type undefined/)
  assert.throws(() => canonicalJson({ f: () => 1 }), /function/)
})

test('the order in which keys were written changes nothing, and the text reads back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), record => {
      const text = canonicalJson(record)
      const reversed = Object.fromEntries(Object.entries(record).reverse())
      assert.equal(canonicalJson(reversed), text)
      assert.equal(canonicalJson(JSON.parse(text)), text)
    }),
  )
})
