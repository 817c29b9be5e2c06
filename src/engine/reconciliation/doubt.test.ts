import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ABSENCE_SOURCES, type AbsenceSource, type VenueOrder } from '../venue.ts'
import {
  type Doubt,
  doubtText,
  type MatchContext,
  matchWithoutId,
  newDoubt,
  nextProbeAtMs,
  noteProbe,
  type Probe,
  type SourceAnswer,
  verdict,
} from './doubt.ts'
import { d, record, venueOrder } from './reconciliation.fixture.ts'

const ABSENT = { find: 'absent', open_orders: 'absent', history: 'absent', fills: 'absent' } as const
const BINANCE = { absenceProof: ABSENCE_SOURCES, absenceHorizonSec: 65 }

function probe(atMs: number, rest: Partial<Probe> = {}): Probe {
  return { atMs, found: false, sources: ABSENT, unexplained: false, ...rest }
}

function afterProbes(...probes: Probe[]): Doubt {
  return probes.reduce(noteProbe, newDoubt(0))
}

/** Probes on time, all of them answered "not here". */
function onTime(count: number): { doubt: Doubt; times: number[] } {
  let doubt = newDoubt(0)
  const times: number[] = []
  for (let i = 0; i < count; i += 1) {
    times.push(nextProbeAtMs(doubt))
    doubt = noteProbe(doubt, probe(times[i]!))
  }
  return { doubt, times }
}

test('worked example: when is asked, and the earliest proof of absence by venue', () => {
  assert.deepEqual(onTime(9).times, [500, 1_500, 3_500, 7_500, 15_500, 30_500, 60_500, 90_500, 120_500])
  const earliest = (absenceHorizonSec: number): number => {
    for (let count = 1; ; count += 1) {
      const { doubt, times } = onTime(count)
      if (verdict(doubt, { ...BINANCE, absenceHorizonSec }, times.at(-1)!) === 'absent') return times.at(-1)!
    }
  }
  assert.equal(earliest(65), 120_500)
  assert.equal(earliest(180), 240_500)
  assert.equal(earliest(300), 360_500)
})

test('a minute apart until a quarter of an hour has passed, then five minutes, for ever', () => {
  const { times } = onTime(60)
  const gaps = times.slice(9).map((atMs, i) => [times[i + 8]! < 15 * 60_000, atMs - times[i + 8]!] as const)
  for (const [isEarly, gap] of gaps) assert.equal(gap, isEarly ? 60_000 : 300_000)
  assert.ok(gaps.some(([isEarly]) => !isEarly))
})

test('a probe that was held up moves the next one', () => {
  assert.equal(nextProbeAtMs(afterProbes(probe(40_000))), 41_000)
})

describe('proof of absence', () => {
  const without = (answers: Partial<Record<AbsenceSource, SourceAnswer>>) => ({ ...ABSENT, ...answers })
  const rows: [string, Doubt, 'wait' | 'absent'][] = [
    ['twice, far enough apart and late enough', afterProbes(probe(70_000), probe(100_000)), 'absent'],
    ['once', afterProbes(probe(70_000)), 'wait'],
    ['twice within 30 s', afterProbes(probe(70_000), probe(99_999)), 'wait'],
    ['the first too early', afterProbes(probe(64_999), probe(100_000)), 'wait'],
    ['the first just late enough', afterProbes(probe(65_000), probe(95_000)), 'absent'],
    ['one source failed once', afterProbes(probe(70_000), probe(100_000, { sources: without({ fills: 'failed' }) })), 'wait'],
    ['one source was not asked', afterProbes(probe(70_000), probe(100_000, { sources: { find: 'absent' } })), 'wait'],
    ['an unfinished list', afterProbes(probe(70_000), probe(100_000, { sources: without({ history: 'incomplete' }) })), 'wait'],
    [
      'what failed was made up for',
      afterProbes(probe(70_000), probe(100_000, { sources: without({ fills: 'failed' }) }), probe(130_000)),
      'absent',
    ],
    ['it was seen in between', afterProbes(probe(70_000), probe(80_000, { found: true }), probe(100_000)), 'wait'],
    ['a source showed it', afterProbes(probe(70_000), probe(80_000, { sources: { fills: 'present' } }), probe(110_000)), 'wait'],
    ['something unexplained moved at last', afterProbes(probe(70_000), probe(100_000, { unexplained: true })), 'wait'],
    ['and was explained too late', afterProbes(probe(70_000), probe(90_000, { unexplained: true }), probe(110_000)), 'wait'],
    ['and proof began anew', afterProbes(probe(70_000, { unexplained: true }), probe(90_000), probe(120_000)), 'absent'],
    [
      'only failures, however many',
      afterProbes(...[1, 2, 3, 4, 5].map(n => probe(n * 100_000, { sources: { find: 'failed' } }))),
      'wait',
    ],
  ]
  for (const [name, doubt, expected] of rows) test(name, () => assert.equal(verdict(doubt, BINANCE, 500_000), expected))

  test('a venue that names no proof never gives one', () => {
    assert.equal(verdict(onTime(40).doubt, { absenceProof: [], absenceHorizonSec: 0 }, 1e9), 'wait')
  })

  test('only the sources that the venue needs count', () => {
    const doubt = afterProbes(probe(70_000, { sources: { find: 'absent' } }), probe(100_000, { sources: { find: 'absent' } }))
    assert.equal(verdict(doubt, { absenceProof: ['find'], absenceHorizonSec: 65 }, 100_000), 'absent')
  })

  test('a doubt is plain JSON, does not grow, and is gone on from after a restart', () => {
    const { doubt } = onTime(500)
    assert.ok(JSON.stringify(doubt).length < 3_000)
    const back = JSON.parse(JSON.stringify(doubt)) as Doubt
    assert.deepEqual(back, doubt)
    assert.equal(verdict(back, BINANCE, nextProbeAtMs(doubt)), 'absent')
  })

  test('property: absence is never concluded early, nor from less than every source twice', () => {
    const answer = fc.constantFrom<SourceAnswer>('absent', 'absent', 'absent', 'present', 'incomplete', 'failed')
    const probes = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 100, max: 60_000 }),
        sources: fc.record({ find: answer, open_orders: answer, history: answer, fills: answer }),
        unexplained: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
      }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(probes, rows => {
        let atMs = 0
        let doubt = newDoubt(0)
        const rounds: { atMs: number; sources: Readonly<Record<AbsenceSource, SourceAnswer>>; unexplained: boolean }[] = []
        for (const { waitMs, sources, unexplained } of rows) {
          atMs += waitMs
          rounds.push({ atMs, sources, unexplained })
          doubt = noteProbe(doubt, probe(atMs, { sources, unexplained }))
          if (verdict(doubt, BINANCE, atMs) === 'wait') continue
          const spoilt = rounds.findLastIndex(
            round => round.unexplained || Object.values(round.sources).some(answer => answer === 'present'),
          )
          for (const source of ABSENCE_SOURCES) {
            const times = rounds
              .slice(spoilt + 1)
              .filter(round => round.sources[source] === 'absent' && round.atMs >= 65_000)
              .map(round => round.atMs)
            assert.ok(times.length >= 2 && times.at(-1)! - times[0]! >= 30_000)
          }
        }
      }),
    )
  })
})

test('people read what is known and what comes next', () => {
  const rows: [Doubt, number, RegExp][] = [
    [newDoubt(0), 0, /^No answer for 0 s, not asked yet; not found so far, absence counts in 65 s; next look in 1 s$/],
    [afterProbes(probe(500)), 1_000, /asked once; .*next look in 1 s$/],
    [
      afterProbes(probe(70_000)),
      80_000,
      /not found, still to be answered again by the look-up, open orders, the order history, fills/,
    ],
    [afterProbes(probe(70_000), probe(100_000)), 100_000, /proven absent/],
    [afterProbes(probe(70_000, { sources: { history: 'failed' } })), 80_000, /no complete answer from the order history/],
    [afterProbes(probe(70_000, { unexplained: true })), 80_000, /moved in a way that no booked fill explains/],
    [afterProbes(probe(70_000, { found: true })), 80_000, /the venue has it/],
  ]
  for (const [doubt, nowMs, expected] of rows) assert.match(doubtText(doubt, BINANCE, nowMs), expected)
  assert.match(doubtText(onTime(3).doubt, { absenceProof: [], absenceHorizonSec: 0 }, 9_000), /no proof of absence/)
})

describe('without a look-up by our id', () => {
  const ours = record('a', 'unknown')
  const context: MatchContext = { sentAtMs: 10_000, taken: new Set(), rivals: [] }
  const there = (rest: Partial<VenueOrder> = {}) => venueOrder(null, { venueOrderId: '77', updatedAtMs: 10_500, ...rest })
  const rows: [string, VenueOrder[], MatchContext, string | null][] = [
    ['one exact match', [there(), there({ venueOrderId: '78', quantity: d(2) })], context, '77'],
    ['equal numbers written differently', [there({ quantity: d('1.000'), limitPrice: d('100.0') })], context, '77'],
    ['none', [], context, null],
    ['two', [there(), there({ venueOrderId: '78' })], context, null],
    ['the same one in two lists', [there(), there()], context, '77'],
    ['another instrument', [there({ symbol: 'BTC/USDT' })], context, null],
    ['another side', [there({ side: 'sell' })], context, null],
    ['another kind', [there({ type: 'market', limitPrice: null })], context, null],
    ['another price', [there({ limitPrice: d('100.01') })], context, null],
    ['a trigger that we did not send', [there({ stopPrice: d(90) })], context, null],
    ['from before the call', [there({ updatedAtMs: 7_999 })], context, null],
    ['long after the call', [there({ updatedAtMs: 70_001 })], context, null],
    ['it has an id that is not ours', [there({ clientOrderId: 'X' })], context, null],
    ['it belongs to another order', [there()], { ...context, taken: new Set(['77']) }, null],
    ['another doubt looks the same', [there()], { ...context, rivals: [ours, record('b', 'unknown')] }, null],
    [
      'another doubt looks different',
      [there()],
      { ...context, rivals: [ours, record('b', 'unknown', { order: { quantity: d(3) } })] },
      '77',
    ],
  ]
  for (const [name, candidates, where, expected] of rows) {
    test(name, () => assert.equal(matchWithoutId(ours, candidates, where)?.venueOrderId ?? null, expected))
  }
})
