import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SAFETY_LEVELS, type SafetyLevel } from './safety.ts'
import {
  endsAtMidnight,
  isOfAnotherDay,
  judgeSafety,
  rulingSafety,
  type SafetyContent,
  type ScopeSafety,
  type StoredSafety,
  safetyChecksum,
} from './safety-record.ts'

const CONTENT: SafetyContent = {
  scope: 'tenant',
  scopeId: 'u1',
  userId: 'u1',
  state: 'paused',
  reason: 'holiday',
  actor: 'user:u1',
  peakEquity: '1000.5',
  dayStartEquity: null,
  dayStartAtMs: null,
  lossStreak: 2,
  version: 7,
}
const stored = (content: SafetyContent = CONTENT): StoredSafety => ({
  ...content,
  checksum: safetyChecksum(content),
  changedAtMs: 5,
})
const judge = (row: StoredSafety | null, hadRow = row !== null) => judgeSafety({ scope: 'tenant', scopeId: 'u1', hadRow, row })

test('a sound row rules with its state and reason', () => {
  const judged = judge(stored())
  assert.deepEqual([judged.level, judged.reason, judged.problem], ['paused', 'holiday', null])
})

const ALTERED: Partial<StoredSafety>[] = [
  { state: 'normal' },
  { reason: 'other' },
  { reason: null },
  { actor: 'user:u2' },
  { peakEquity: '1000.6' },
  { dayStartEquity: '1' },
  { dayStartAtMs: 0 },
  { lossStreak: 3 },
  { version: 8 },
  { userId: 'u2' },
  { checksum: '' },
  { state: 'fine' },
]
for (const change of ALTERED) {
  test(`a row altered to ${JSON.stringify(change)} halts`, () => {
    const judged = judge({ ...stored(), ...change })
    assert.deepEqual([judged.level, judged.problem, judged.record], ['halted', 'damaged', null])
    assert.match(judged.reason, /damaged/)
  })
}

test('no row is normal only where there never was one', () => {
  assert.equal(judge(null, false).level, 'normal')
  const gone = judge(null, true)
  assert.deepEqual([gone.level, gone.problem], ['halted', 'missing'])
})

test('the checksum names the content: any two that differ have different ones', () => {
  const text = fc.option(fc.string(), { nil: null })
  fc.assert(
    fc.property(text, text, fc.nat(), text, text, fc.nat(), (r1, a1, v1, r2, a2, v2) => {
      const first = { ...CONTENT, reason: r1, actor: a1, version: v1 }
      const second = { ...CONTENT, reason: r2, actor: a2, version: v2 }
      const same = r1 === r2 && a1 === a2 && v1 === v2
      assert.equal(safetyChecksum(first) === safetyChecksum(second), same)
    }),
  )
})

test('the strictest scope rules, and of equals the widest', () => {
  const scope = (name: ScopeSafety['scope'], level: SafetyLevel): ScopeSafety => ({
    ...judge(null, false),
    scope: name,
    level,
    reason: name,
  })
  assert.equal(rulingSafety([scope('global', 'normal'), scope('bot', 'normal')]), null)
  assert.equal(rulingSafety([scope('global', 'paused'), scope('bot', 'halted')])?.reason, 'bot')
  assert.equal(
    rulingSafety([scope('global', 'halted'), scope('tenant', 'reduce_only'), scope('bot', 'halted')])?.reason,
    'global',
  )
  for (const a of SAFETY_LEVELS) {
    for (const b of SAFETY_LEVELS) {
      const strictest = SAFETY_LEVELS.indexOf(a) > SAFETY_LEVELS.indexOf(b) ? a : b
      assert.equal(rulingSafety([scope('global', a), scope('bot', b)])?.level ?? 'normal', strictest)
    }
  }
})

test('only a daily loss that was left as it is ends at midnight', () => {
  const judged = (change: Partial<SafetyContent>) => judge(stored({ ...CONTENT, ...change }))
  assert.equal(endsAtMidnight(judged({ state: 'reduce_only', actor: 'trigger:daily_loss' })), true)
  assert.equal(endsAtMidnight(judged({ state: 'halted', actor: 'trigger:daily_loss' })), false)
  assert.equal(endsAtMidnight(judged({ state: 'reduce_only', actor: 'user:u1' })), false)
  assert.equal(endsAtMidnight(judge({ ...stored(), state: 'normal' })), false)
  const dayStartAtMs = Date.UTC(2026, 0, 2)
  assert.equal(isOfAnotherDay({ dayStartAtMs }, dayStartAtMs + 86_399_999), false)
  assert.equal(isOfAnotherDay({ dayStartAtMs }, dayStartAtMs + 86_400_000), true)
  assert.equal(isOfAnotherDay({ dayStartAtMs }, dayStartAtMs - 1), true)
})
