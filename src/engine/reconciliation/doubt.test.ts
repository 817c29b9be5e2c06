import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AbsenceSource } from '../venue.ts'
import { type Doubt, newDoubt, nextProbeAtMs, noteProbe, verdict } from './doubt.ts'

const ALL: readonly AbsenceSource[] = ['find', 'open_orders', 'history', 'fills']
const ABSENT = { find: 'absent', open_orders: 'absent', history: 'absent', fills: 'absent' } as const

/** Probes on time, all of them answered "not here". */
function probed(count: number, sinceMs = 0): { doubt: Doubt; times: number[] } {
  let doubt = newDoubt(sinceMs)
  const times: number[] = []
  for (let i = 0; i < count; i += 1) {
    const atMs = nextProbeAtMs(doubt)
    times.push(atMs)
    doubt = noteProbe(doubt, { atMs, found: false, sources: ABSENT, unexplained: false })
  }
  return { doubt, times }
}

test('worked example: when is asked, and the earliest proof of absence by venue', () => {
  const { times } = probed(9)
  assert.deepEqual(times, [500, 1_500, 3_500, 7_500, 15_500, 30_500, 60_500, 90_500, 120_500])
  const earliest = (absenceHorizonSec: number): number => {
    for (let count = 1; ; count += 1) {
      const { doubt, times } = probed(count)
      if (verdict(doubt, { absenceProof: ALL, absenceHorizonSec }, times.at(-1)!) === 'absent') return times.at(-1)!
    }
  }
  assert.equal(earliest(65), 120_500)
  assert.equal(earliest(180), 240_500)
  assert.equal(earliest(300), 360_500)
})
