import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Decimal, maxDecimal, minDecimal, NotDecimalError, type RoundingMode, sumDecimals } from './decimal.ts'

const d = Decimal.from
const MODES: readonly RoundingMode[] = ['down', 'up', 'floor', 'ceil', 'half_even']

// The reference: a fraction of two BigInts, and rounding written out by its definition.
interface Fraction {
  readonly n: bigint
  readonly d: bigint
}

interface Sample {
  readonly text: string
  readonly fraction: Fraction
}

function fractionOf(text: string): Fraction {
  const negative = text.startsWith('-')
  const [whole, part = ''] = (negative ? text.slice(1) : text).split('.') as [string, string?]
  const size = BigInt(whole + part)
  return { n: negative ? -size : size, d: 10n ** BigInt(part.length) }
}

function floorDivide(n: bigint, by: bigint): bigint {
  const quotient = n / by
  return n % by !== 0n && n < 0n !== by < 0n ? quotient - 1n : quotient
}

function roundFraction({ n, d: by }: Fraction, mode: RoundingMode): bigint {
  const [top, bottom] = by < 0n ? [-n, -by] : [n, by]
  const floor = floorDivide(top, bottom)
  const rest = top - floor * bottom
  if (rest === 0n) return floor
  switch (mode) {
    case 'floor':
      return floor
    case 'ceil':
      return floor + 1n
    case 'down':
      return top < 0n ? floor + 1n : floor
    case 'up':
      return top < 0n ? floor : floor + 1n
    case 'half_even': {
      if (rest * 2n !== bottom) return rest * 2n > bottom ? floor + 1n : floor
      return floor % 2n === 0n ? floor : floor + 1n
    }
  }
}

function textOf(coefficient: bigint, places: number): string {
  const negative = coefficient < 0n
  const digits = (negative ? -coefficient : coefficient).toString().padStart(places + 1, '0')
  const whole = digits.slice(0, digits.length - places)
  const part = digits.slice(digits.length - places).replace(/0+$/, '')
  return `${negative && coefficient !== 0n ? '-' : ''}${whole}${part ? `.${part}` : ''}`
}

// Small money, the edge of exact integers, and figures no venue has: each about as often.
const coefficients = fc.oneof(
  fc.bigInt({ min: -1_000_000n, max: 1_000_000n }),
  fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
)
const samples: fc.Arbitrary<Sample> = fc
  .tuple(coefficients, fc.integer({ min: 0, max: 30 }))
  .map(([coefficient, places]) => textOf(coefficient, places))
  .map(text => ({ text, fraction: fractionOf(text) }))
const grids = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 9n }), fc.integer({ min: 0, max: 12 })).map(([n, p]) => textOf(n, p))

describe('against fractions of BigInts', () => {
  test('sums, differences, products', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const both = a.fraction.d * b.fraction.d
        const places = both.toString().length - 1
        const left = a.fraction.n * b.fraction.d
        const right = b.fraction.n * a.fraction.d
        assert.equal(d(a.text).plus(d(b.text)).toString(), textOf(left + right, places))
        assert.equal(d(a.text).minus(d(b.text)).toString(), textOf(left - right, places))
        assert.equal(d(a.text).times(d(b.text)).toString(), textOf(a.fraction.n * b.fraction.n, places))
      }),
    )
  })

  test('quotients in every direction', () => {
    fc.assert(
      fc.property(samples, samples, fc.integer({ min: 0, max: 24 }), fc.constantFrom(...MODES), (a, b, places, mode) => {
        fc.pre(b.fraction.n !== 0n)
        const exact = { n: a.fraction.n * b.fraction.d * 10n ** BigInt(places), d: a.fraction.d * b.fraction.n }
        assert.equal(d(a.text).dividedBy(d(b.text), places, mode).toString(), textOf(roundFraction(exact, mode), places))
      }),
    )
  })

  test('rounding to places', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 0, max: 30 }), fc.constantFrom(...MODES), (a, places, mode) => {
        const exact = { n: a.fraction.n * 10n ** BigInt(places), d: a.fraction.d }
        const rounded = d(a.text).round(places, mode)
        assert.equal(rounded.toString(), textOf(roundFraction(exact, mode), places))
        assert.ok(rounded.round(places, mode).equals(rounded), 'rounding twice changes nothing')
      }),
    )
  })

  test('rounding to a tick or step', () => {
    fc.assert(
      fc.property(samples, grids, fc.constantFrom(...MODES), (a, grid, mode) => {
        const g = fractionOf(grid)
        const steps = roundFraction({ n: a.fraction.n * g.d, d: a.fraction.d * g.n }, mode)
        const rounded = d(a.text).toGrid(d(grid), mode)
        assert.equal(rounded.toString(), textOf(steps * g.n, g.d.toString().length - 1))
        assert.ok(rounded.isOnGrid(d(grid)))
        assert.equal(d(a.text).isOnGrid(d(grid)), rounded.equals(d(a.text)))
      }),
    )
  })

  test('order, sign, size', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const difference = a.fraction.n * b.fraction.d - b.fraction.n * a.fraction.d
        const expected = difference < 0n ? -1 : difference > 0n ? 1 : 0
        const [x, y] = [d(a.text), d(b.text)]
        assert.equal(x.compare(y), expected)
        assert.deepEqual(
          [x.lt(y), x.lte(y), x.equals(y), x.gte(y), x.gt(y)],
          [expected < 0, expected <= 0, expected === 0, expected >= 0, expected > 0],
        )
        assert.equal(minDecimal(x, y).toString(), expected <= 0 ? a.text : b.text)
        assert.equal(maxDecimal(x, y).toString(), expected >= 0 ? a.text : b.text)
        assert.equal(x.sign(), a.fraction.n < 0n ? -1 : a.fraction.n > 0n ? 1 : 0)
        assert.deepEqual([x.isNegative(), x.isZero(), x.isPositive()], [x.sign() < 0, x.sign() === 0, x.sign() > 0])
        assert.equal(x.abs().toString(), a.text.replace('-', ''))
        assert.equal(x.negated().negated().toString(), a.text)
      }),
    )
  })

  test('moving the point', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: -20, max: 20 }), (a, exponent) => {
        const { n, d: by } = a.fraction
        const up = exponent >= 0 ? n * 10n ** BigInt(exponent) : n
        const down = exponent >= 0 ? by : by * 10n ** BigInt(-exponent)
        assert.equal(d(a.text).shifted(exponent).toString(), textOf(up, down.toString().length - 1))
        assert.equal(d(a.text).percent().toString(), d(a.text).shifted(-2).toString())
      }),
    )
  })
})

describe('text', () => {
  test('what is written is read again, minimal and without an exponent', () => {
    fc.assert(
      fc.property(samples, a => {
        assert.equal(d(a.text).toString(), a.text)
        assert.equal(JSON.stringify({ value: d(a.text) }), `{"value":"${a.text}"}`)
        assert.equal(d(a.text).places(), a.text.includes('.') ? a.text.length - a.text.indexOf('.') - 1 : 0)
        assert.match(a.text, /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/)
      }),
    )
  })

  test('zeros that say nothing are dropped, and there is no negative zero', () => {
    for (const [text, expected] of [
      ['1.500', '1.5'],
      ['007', '7'],
      ['-0', '0'],
      ['-0.000', '0'],
      ['0.10', '0.1'],
      ['100', '100'],
      ['1e3', '1000'],
      ['1.5E-3', '0.0015'],
      ['-2.50e+1', '-25'],
      ['0.000000000000000000000000000000000001', '0.000000000000000000000000000000000001'],
      ['1e-60', `0.${'0'.repeat(59)}1`],
      ['1e60', `1${'0'.repeat(60)}`],
    ] as const) {
      assert.equal(d(text).toString(), expected)
      assert.ok(Decimal.isDecimalText(text), text)
    }
    assert.equal(d(-0).toString(), '0')
    assert.equal(d('-5').plus(d('5')).toString(), '0')
    assert.equal(d('0').times(d('-5')).toString(), '0')
    assert.equal(Object.is(d('0').times(d('-5')).toNumber(), 0), true)
  })

  test('anything else is refused, never read as a number that it is not', () => {
    const refused = [
      '',
      ' ',
      '1 ',
      '+1',
      '.5',
      '5.',
      '1,5',
      '0x10',
      '1_000',
      'NaN',
      'Infinity',
      '--1',
      '1e',
      '1e61',
      '1e-61',
      '١',
    ]
    for (const text of [...refused, '9'.repeat(81)]) {
      assert.throws(() => d(text), NotDecimalError, JSON.stringify(text))
      assert.equal(Decimal.isDecimalText(text), false, JSON.stringify(text))
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => d(value), NotDecimalError)
    }
  })
})

describe('floats', () => {
  const roundTrip = (value: number): void => {
    assert.equal(d(value).toString(), d(String(value)).toString(), String(value))
    assert.equal(d(value).toNumber(), value === 0 ? 0 : value)
  }

  test('a float is taken at its shortest decimal text', () => {
    for (const value of [0.1, 0.30000000000000004, 1e-7, 123456789.12345678, 64321.17, 5e-324 * 2 ** 900, -0.00001])
      roundTrip(value)
    const inRange = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 })
    fc.assert(fc.property(inRange, value => (Math.abs(value) > 1e-40 ? roundTrip(value) : undefined)))
  })

  test('prices and volumes of up to eight places, to the last digit', () => {
    const grid = fc.tuple(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.integer({ min: 0, max: 8 }))
    fc.assert(
      fc.property(grid, ([units, places]) => roundTrip(units / 10 ** places)),
      { numRuns: 2000 },
    )
  })

  test('to float and back', () => {
    fc.assert(
      fc.property(samples, a => {
        assert.equal(d(a.text).toNumber(), Number(a.text))
      }),
    )
  })
})

describe('worked examples', () => {
  test('rounding where floats go wrong', () => {
    assert.equal(d('4.27').toGrid(d('0.01'), 'floor').toString(), '4.27')
    assert.equal(Math.floor(4.27 / 0.01) * 0.01 < 4.265, true)
    assert.equal(d('0.0439999').toGrid(d('0.001'), 'floor').toString(), '0.043')
    assert.equal(d('100.129').toGrid(d('0.05'), 'floor').toString(), '100.1')
    assert.equal(d('100.129').toGrid(d('0.05'), 'ceil').toString(), '100.15')
    assert.equal(d('97.513').toGrid(d('0.01'), 'ceil').toString(), '97.52')
    assert.equal(minDecimal(d('2.258'), d('2.2499')).toGrid(d('0.01'), 'floor').toString(), '2.24')
  })

  test('half goes to the even neighbour', () => {
    const rounded = ['0.5', '1.5', '2.5', '-0.5', '-1.5', '2.500000000000000000000001'].map(text =>
      d(text).round(0, 'half_even').toString(),
    )
    assert.deepEqual(rounded, ['0', '2', '2', '0', '-2', '3'])
  })

  test('no digit is lost far beyond a float', () => {
    const large = d('123456789012345678901234567890.123456789')
    assert.equal(large.plus(d('0.000000001')).minus(large).toString(), '0.000000001')
    assert.equal(sumDecimals(Array.from({ length: 10 }, () => d('0.1'))).toString(), '1')
    assert.equal(sumDecimals([]).toString(), '0')
    assert.equal(d('9007199254740991').plus(d('1')).toString(), '9007199254740992')
    assert.equal(d('94906267').times(d('94906267')).toString(), '9007199515875289')
    assert.equal(Decimal.ofUnits(9007199254740993n, 2).toString(), '90071992547409.93')
    assert.equal(Decimal.ofUnits(-0, 2).toString(), '0')
  })

  test('nothing is divided by zero', () => {
    assert.throws(() => d('1').dividedBy(d('0'), 2, 'down'), /division by zero: 1 \/ 0/)
  })
})
