import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FillsPage, VenueFill } from '../venue.ts'
import { fillKey } from './evidence.ts'
import { advanceCursor, newCursorTrack } from './fill-cursor.ts'
import { SYMBOL, venueFill } from './reconciliation.fixture.ts'

const MINUTE = 60_000

function page(cursor: string, fills: readonly VenueFill[] = [], complete = true): FillsPage {
  return { fills, cursor, complete }
}

const keys = (fills: readonly VenueFill[]): Set<string> => new Set(fills.map(fill => fillKey(fill.symbol, fill.venueFillId)))

test('a place becomes the cursor ten minutes after it was read', () => {
  let track = newCursorTrack(SYMBOL, null)
  for (let minute = 0; minute <= 12; minute += 1) {
    track = advanceCursor(track, page(`c${minute}`), new Set(), minute * MINUTE)
    assert.equal(track.cursor?.cursor ?? null, minute < 10 ? null : `c${minute - 10}`)
  }
  assert.deepEqual(track.cursor, { symbol: SYMBOL, cursor: 'c2', atMs: 2 * MINUTE })
})

test('an unfinished page reaches no place', () => {
  const track = advanceCursor(newCursorTrack(SYMBOL, null), page('c', [], false), new Set(), 0)
  assert.deepEqual(track.reached, [])
})

test('an unbooked fill holds the cursor, and drops the places reached behind it', () => {
  const fill = venueFill('a', '1', '0.1')
  const reached = advanceCursor(newCursorTrack(SYMBOL, null), page('c0'), new Set(), 0)
  const held = advanceCursor(reached, page('c1', [fill]), new Set(), 11 * MINUTE)
  assert.deepEqual([held.cursor, held.reached], [null, []])
  const booked = advanceCursor(held, page('c1', [fill]), keys([fill]), 12 * MINUTE)
  assert.equal(booked.reached.length, 1)
})

test('reading every second keeps few places', () => {
  let track = newCursorTrack(SYMBOL, null)
  for (let second = 0; second < 3_600; second += 1) track = advanceCursor(track, page(`c${second}`), new Set(), second * 1_000)
  assert.ok(track.reached.length <= 21)
  assert.ok(track.cursor!.atMs >= 2_900_000)
})

test('property: a fill that turns up within ten minutes is never behind the cursor', () => {
  const arrivals = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 5 * MINUTE }), lateMs: fc.integer({ min: 0, max: 10 * MINUTE - 1 }) }),
    { maxLength: 20 },
  )
  const reads = fc.array(fc.record({ waitMs: fc.integer({ min: 1_000, max: 8 * MINUTE }), complete: fc.boolean() }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(arrivals, reads, (rows, steps) => {
      let madeAtMs = 0
      const fills = rows.map(({ afterMs, lateMs }, i) => {
        madeAtMs += afterMs
        return { fill: venueFill('a', `${i}`, '0.1', { atMs: madeAtMs }), seenAtMs: madeAtMs + lateMs }
      })
      // The venue's cursor is a time: a page holds what was made at or after it, and leads to the time of the reading.
      let track = newCursorTrack(SYMBOL, null)
      let nowMs = 0
      const booked = new Set<string>()
      for (const { waitMs, complete } of steps) {
        nowMs += waitMs
        const fromMs = Number(track.cursor?.cursor ?? 0)
        const shown = fills.filter(each => each.seenAtMs <= nowMs && each.fill.atMs >= fromMs).map(each => each.fill)
        for (const key of keys(shown)) booked.add(key)
        track = advanceCursor(track, page(`${nowMs}`, shown, complete), booked, nowMs)
        for (const { fill, seenAtMs } of fills) {
          const isBehind = fill.atMs < Number(track.cursor?.cursor ?? 0)
          assert.ok(!isBehind || seenAtMs <= nowMs, 'the cursor passed a fill that was not there yet')
          assert.ok(!isBehind || booked.has(fillKey(SYMBOL, fill.venueFillId)))
        }
      }
    }),
    { numRuns: 1_000 },
  )
})
