import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal } from '../money/decimal.ts'
import { DEFAULT_SAFETY_LIMITS, type SafetyLimits } from './safety-limits.ts'
import { SafetyTriggers } from './safety-triggers.ts'

const DAY = Date.UTC(2026, 0, 2)
const HOUR = 3_600_000

function triggers(limits: Partial<SafetyLimits>, equity = '1000'): SafetyTriggers {
  return new SafetyTriggers({ ...DEFAULT_SAFETY_LIMITS, ...limits }, Decimal.from(equity), null)
}
const at = (of: SafetyTriggers, atMs: number, equity: string) => of.equity(atMs, Decimal.from(equity))

test('a daily loss trips at its limit exactly, and not a cent before', () => {
  const watched = triggers({ maxDailyLossPct: '5' })
  assert.equal(at(watched, DAY + HOUR, '1000'), null)
  assert.equal(at(watched, DAY + 2 * HOUR, '950.01'), null)
  assert.deepEqual(at(watched, DAY + 3 * HOUR, '950'), {
    cause: 'daily_loss',
    level: 'reduce_only',
    reason: 'lost 5 % since 00:00 UTC, the limit is 5 %',
  })
})

test('a day begins with what the day before ended with; gains of the day are no shelter for a later day', () => {
  const watched = triggers({ maxDailyLossPct: '5' })
  at(watched, DAY + HOUR, '1000')
  at(watched, DAY + 23 * HOUR, '1200')
  assert.equal(at(watched, DAY + 25 * HOUR, '1141'), null)
  assert.equal(at(watched, DAY + 26 * HOUR, '1140')?.cause, 'daily_loss')
  assert.equal(watched.memory.dayStartEquity, '1200')
  assert.equal(watched.memory.dayStartAtMs, DAY + 24 * HOUR)
})

test('a sample at midnight itself is what the new day begins with', () => {
  const watched = triggers({ maxDailyLossPct: '5' })
  at(watched, DAY + HOUR, '1000')
  assert.equal(at(watched, DAY + 24 * HOUR, '930'), null)
  assert.equal(watched.memory.dayStartEquity, '930')
})

test('a drawdown counts from the highest equity of all days, halts, and outweighs a daily loss', () => {
  const watched = triggers({ maxDrawdownPct: '10', maxDailyLossPct: '1' })
  at(watched, DAY, '1000')
  at(watched, DAY + HOUR, '2000')
  assert.equal(at(watched, DAY + 2 * HOUR, '1800.01')?.cause, undefined)
  const tripped = at(watched, DAY + 3 * HOUR, '1800')
  assert.deepEqual([tripped?.cause, tripped?.level], ['drawdown', 'halted'])
})

test('without limits nothing of equity trips and nothing needs sampling', () => {
  const watched = triggers({})
  assert.equal(watched.watchesEquity(), false)
  assert.equal(at(watched, DAY, '1'), null)
  assert.equal(triggers({ maxDrawdownPct: '10' }).watchesEquity(), true)
})

test('the sixth refusal within a minute trips; five in each minute never do', () => {
  const fast = triggers({})
  for (let i = 0; i < 5; i += 1) assert.equal(fast.reject(DAY + i * 1000), null)
  assert.equal(fast.reject(DAY + 59_999)?.reason, '6 refused orders within a minute, the limit is 5')
  const slow = triggers({})
  for (let i = 0; i < 500; i += 1) assert.equal(slow.reject(DAY + i * 12_000), null)
})

test('orders trip at the eleventh within ten seconds and at the sixty-first within a minute', () => {
  const burst = triggers({})
  for (let i = 0; i < 10; i += 1) assert.equal(burst.order(DAY + i), null)
  assert.equal(burst.order(DAY + 9_999)?.reason, '11 orders within 10 seconds, the limit is 10')
  const steady = triggers({ maxOrdersPer10Sec: 11 })
  for (let i = 0; i < 60; i += 1) assert.equal(steady.order(DAY + i * 1000), null, `order ${i}`)
  assert.equal(steady.order(DAY + 59_999)?.reason, '61 orders within a minute, the limit is 60')
})

test('what was remembered survives as plain data, and goes on counting', () => {
  const before = triggers({ maxDailyLossPct: '5', maxOrdersPer10Sec: 2 })
  at(before, DAY + HOUR, '1000')
  at(before, DAY + 2 * HOUR, '960')
  before.order(DAY)
  before.order(DAY + 1)
  before.closed(Decimal.from('-1'))
  const saved = JSON.parse(JSON.stringify(before.memory))
  const after = new SafetyTriggers(
    { ...DEFAULT_SAFETY_LIMITS, maxDailyLossPct: '5', maxOrdersPer10Sec: 2 },
    Decimal.from(5),
    saved,
  )
  assert.deepEqual(after.memory, before.memory)
  assert.equal(after.order(DAY + 2)?.cause, 'order_rate')
  assert.equal(at(after, DAY + 3 * HOUR, '949.9')?.cause, 'daily_loss')
})

test('losses in a row are counted, a win clears them', () => {
  const watched = triggers({})
  for (const pnl of ['-1', '-2', '-0.01']) watched.closed(Decimal.from(pnl))
  assert.equal(watched.memory.lossStreak, 3)
  watched.closed(Decimal.from('0.5'))
  assert.equal(watched.memory.lossStreak, 0)
})

test('after a reset the same equity does not trip again; a further fall of the whole limit does', () => {
  const watched = triggers({ maxDrawdownPct: '10' })
  at(watched, DAY, '1000')
  assert.equal(at(watched, DAY + 1, '900')?.cause, 'drawdown')
  assert.equal(at(watched, DAY + 2, '900')?.cause, 'drawdown', 'as long as nobody resets it')
  watched.restart()
  assert.equal(at(watched, DAY + 3, '900'), null)
  assert.equal(at(watched, DAY + 4, '810')?.cause, 'drawdown')
})

test('times do not pile up', () => {
  const watched = triggers({ maxOrdersPerMin: 100, maxOrdersPer10Sec: 100 })
  for (let i = 0; i < 10_000; i += 1) watched.order(DAY + i * 10_000)
  assert.ok(watched.memory.orderTimesMs.length <= 101)
})
