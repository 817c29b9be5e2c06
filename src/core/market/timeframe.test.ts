import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bucketStart, isTimeframe, nestsIn, nextBucketStart, TIMEFRAMES, type Timeframe, timeframeMs } from './timeframe.ts'

const at = (iso: string): number => Date.parse(iso)
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')
const instants = fc.integer({ min: at('1970-01-05T00:00:00Z'), max: at('2100-01-01T00:00:00Z') })

describe('the bar that holds an instant', () => {
  const examples: readonly (readonly [Timeframe, string, string, string])[] = [
    ['1m', '2024-02-29T23:59:59.999Z', '2024-02-29T23:59:00Z', '2024-03-01T00:00:00Z'],
    ['15m', '2024-02-29T10:44:59Z', '2024-02-29T10:30:00Z', '2024-02-29T10:45:00Z'],
    ['4h', '2024-02-29T11:00:00Z', '2024-02-29T08:00:00Z', '2024-02-29T12:00:00Z'],
    ['1d', '2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'],
    // Three days count from the epoch, not from the month.
    ['3d', '1970-01-03T23:59:59Z', '1970-01-01T00:00:00Z', '1970-01-04T00:00:00Z'],
    ['3d', '2024-03-01T12:00:00Z', '2024-02-29T00:00:00Z', '2024-03-03T00:00:00Z'],
    ['3d', '2024-02-28T12:00:00Z', '2024-02-26T00:00:00Z', '2024-02-29T00:00:00Z'],
    // Weeks begin on Monday.
    ['1w', '2024-03-03T23:59:59Z', '2024-02-26T00:00:00Z', '2024-03-04T00:00:00Z'],
    ['1w', '2024-03-04T00:00:00Z', '2024-03-04T00:00:00Z', '2024-03-11T00:00:00Z'],
    // Months are the calendar's, leap years and year ends too.
    ['1M', '2024-02-29T23:59:59Z', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['1M', '2023-12-31T23:59:59Z', '2023-12-01T00:00:00Z', '2024-01-01T00:00:00Z'],
    ['1M', '2023-02-01T00:00:00Z', '2023-02-01T00:00:00Z', '2023-03-01T00:00:00Z'],
  ]
  for (const [timeframe, instant, opens, closes] of examples) {
    test(`${timeframe} at ${instant}`, () => {
      assert.equal(iso(bucketStart(timeframe, at(instant))), opens)
      assert.equal(iso(nextBucketStart(timeframe, at(instant))), closes)
    })
  }

  test('every week opens on a Monday', () => {
    fc.assert(
      fc.property(instants, ms => {
        assert.equal(new Date(bucketStart('1w', ms)).getUTCDay(), 1)
      }),
    )
  })

  test('property: bars follow each other without hole or overlap', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...TIMEFRAMES), (ms, timeframe) => {
        const opens = bucketStart(timeframe, ms)
        const closes = nextBucketStart(timeframe, ms)
        assert.ok(opens <= ms && ms < closes)
        assert.equal(bucketStart(timeframe, opens), opens)
        assert.equal(bucketStart(timeframe, closes - 1), opens)
        assert.equal(bucketStart(timeframe, closes), closes)
        if (timeframe !== '1M') assert.equal(closes - opens, timeframeMs(timeframe))
      }),
    )
  })
})

describe('which bars fill which', () => {
  test('where a timeframe nests, both grids meet at each bound; where it does not, some bound is missed', () => {
    for (const coarse of TIMEFRAMES) {
      for (const fine of TIMEFRAMES) {
        if (fine === coarse) {
          assert.ok(nestsIn(fine, coarse))
          continue
        }
        let meets = timeframeMs(fine) < timeframeMs(coarse)
        let bound = bucketStart(coarse, at('2023-01-10T00:00:00Z'))
        for (let i = 0; meets && i < 40; i += 1) {
          meets = bucketStart(fine, bound) === bound
          bound = nextBucketStart(coarse, bound)
        }
        assert.equal(nestsIn(fine, coarse), meets, `${fine} in ${coarse}`)
      }
    }
  })
})

test('names are ccxt names, and case tells minute from month', () => {
  for (const name of TIMEFRAMES) assert.ok(isTimeframe(name))
  for (const name of ['', '1H', '1D', '2d', '7d', '1y', 'm', 'toString', '__proto__'])
    assert.equal(isTimeframe(name), false, name)
  assert.equal(timeframeMs('1m'), 60_000)
  assert.ok(timeframeMs('1M') > 1000 * timeframeMs('1m'))
})
