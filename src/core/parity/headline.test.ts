import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal, ZERO } from '../money/decimal.ts'
import { PARITY_PARTS, type ParityPart } from './attribute.ts'
import { parityHeadline } from './headline.ts'

const parts = (some: Partial<Record<ParityPart, string>>): Record<ParityPart, Decimal> =>
  Object.fromEntries(PARITY_PARTS.map(part => [part, some[part] === undefined ? ZERO : Decimal.from(some[part])])) as Record<
    ParityPart,
    Decimal
  >

for (const [what, difference, some, sentence] of [
  ['equal', '0', {}, 'The simulation agrees to the cent'],
  ['less than half a cent', '-0.0042', { path: '-0.0042' }, 'The simulation agrees to the cent'],
  [
    'vector 19',
    '-1.084966',
    { quantity: '-0.99', entryLatency: '-0.032', exitLatency: '-0.048', fees: '0.041034' },
    '-1.08 USDT, of which -0.99 by another quantity and -0.05 by a later exit',
  ],
  ['a better price', '0.7', { exitSlippage: '0.7' }, '+0.70 USDT, of which +0.70 by a better exit price'],
  [
    'two that cancel out',
    '0.001',
    { decisions: '2', path: '-1.999' },
    'The simulation ends at the same result by another way: +2.00 by other decisions and -2.00 by another path of the price',
  ],
  ['many small ones', '0.012', { fees: '0.004', path: '0.004', quantity: '0.004' }, '+0.01 USDT against the simulation'],
] as const)
  test(`in words: ${what}`, () => {
    assert.equal(parityHeadline(Decimal.from(difference), parts(some), 'USDT'), sentence)
  })
