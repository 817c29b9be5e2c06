/** The sliding windows against direct recomputation: any values, any length, half a million bars. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { walkSeries } from './series.fixture.ts'
import { load, save } from './snapshot.ts'
import { Delay, EqualRun, WindowMax, WindowMean, WindowMin, WindowSquares, WindowSum, WindowWeightedSum } from './windows.ts'

const sumOf = (part: readonly number[]) => part.reduce((sum, x) => sum + x, 0)
const meanOf = (part: readonly number[]) => sumOf(part) / part.length

/** Each window beside the slow way to say the same. */
const WINDOWS: readonly {
  name: string
  make(n: number): { push(x: number): number }
  direct(part: readonly number[]): number
}[] = [
  { name: 'sum', make: n => new WindowSum(n), direct: sumOf },
  { name: 'mean', make: n => new WindowMean(n), direct: meanOf },
  { name: 'max', make: n => new WindowMax(n), direct: part => Math.max(...part) },
  { name: 'min', make: n => new WindowMin(n), direct: part => Math.min(...part) },
  { name: 'weighted sum', make: n => new WindowWeightedSum(n), direct: part => sumOf(part.map((x, i) => (i + 1) * x)) },
  {
    name: 'squares',
    make: n => new WindowSquares(n),
    direct: part => {
      const mean = meanOf(part)
      return sumOf(part.map(x => (x - mean) ** 2))
    },
  },
]

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 80 })
const sizes = fc.integer({ min: 1, max: 20 })

for (const { name, make, direct } of WINDOWS) {
  test(`window ${name} equals direct recomputation and gives nothing before it is full`, () => {
    fc.assert(
      fc.property(values, sizes, (xs, n) => {
        const state = make(n)
        xs.forEach((x, i) => {
          const got = state.push(x)
          if (i + 1 < n) {
            assert.ok(Number.isNaN(got), `bar ${i}`)
            return
          }
          const part = xs.slice(i + 1 - n, i + 1)
          const scale = name === 'squares' ? 1e12 : 1e6 * n
          assert.ok(Math.abs(got - direct(part)) <= 1e-12 * n * scale, `bar ${i}: ${got} against ${direct(part)}`)
        })
      }),
    )
  })

  test(`window ${name} does not drift in 500,000 bars`, () => {
    const { close } = walkSeries(500_000, 11, 60_000)
    for (const n of [14, 200]) {
      const state = make(n)
      let last = Number.NaN
      for (let i = 0; i < close.length; i++) last = state.push(close[i]!)
      const fresh = direct(Array.from(close.subarray(close.length - n)))
      assert.ok(Math.abs(last - fresh) <= 1e-11 * Math.abs(fresh), `n ${n}: ${last} against ${fresh}`)
    }
  })

  test(`window ${name} restored from JSON continues bit-equal`, () => {
    fc.assert(
      fc.property(values, sizes, fc.nat(79), (xs, n, cut) => {
        const whole = make(n)
        const first = make(n)
        const second = make(n)
        xs.forEach((x, i) => {
          if (i === cut) load(second, JSON.parse(JSON.stringify(save(first))))
          const expected = whole.push(x)
          const got = i < cut ? first.push(x) : second.push(x)
          assert.ok(Object.is(got, expected), `bar ${i}: ${got} against ${expected}`)
        })
      }),
    )
  })
}

test('a huge value leaves no residue in the sum behind it', () => {
  const sum = new WindowSum(3)
  const got = [1e300, 0, 0, 0, 1e-30, 0, 0, 0].map(x => sum.push(x))
  assert.deepEqual(got.slice(2), [1e300, 0, 1e-30, 1e-30, 1e-30, 0])
})

test('squares of equal values are exactly 0 at any price, also after a jump, and the mean is exactly the price', () => {
  for (const price of [0.1, 1 / 3, 61234.56, 7e-9]) {
    const squares = new WindowSquares(20)
    const mean = new WindowMean(20)
    for (let i = 0; i < 7; i++) {
      squares.push(price * 3)
      mean.push(price * 3)
    }
    for (let i = 0; i < 60; i++) {
      const square = squares.push(price)
      const average = mean.push(price)
      if (i < 19) continue
      assert.equal(square, 0)
      assert.equal(average, price)
    }
  }
})

test('squares keep their digits where the spread is tiny against the price', () => {
  const squares = new WindowSquares(4)
  let last = Number.NaN
  for (const x of [1e9, 1e9 + 1, 1e9, 1e9 + 1, 1e9, 1e9 + 1]) last = squares.push(x)
  assert.equal(last, 1)
})

test('an equal run is told from its last stirred value on', () => {
  const run = new EqualRun(3)
  assert.deepEqual(
    [1, 1, 1, 1, 2, 2, 2].map(x => run.push(x)),
    [false, false, true, true, false, false, true],
  )
})

test('a delay gives back what was pushed that many bars ago', () => {
  const delay = new Delay(2)
  assert.deepEqual(
    [1, 2, 3, 4].map(x => delay.push(x)),
    [Number.NaN, Number.NaN, 1, 2],
  )
  const none = new Delay(0)
  assert.deepEqual(
    [1, 2].map(x => none.push(x)),
    [1, 2],
  )
})
