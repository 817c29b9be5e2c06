import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimiter } from './rate-limit.ts'

function limiterAt() {
  const time = { nowMs: 1_000_000 }
  return { time, limiter: createRateLimiter(() => time.nowMs) }
}

test('the limit passes, one more waits, and others are not concerned', () => {
  const { limiter } = limiterAt()
  for (let i = 0; i < 60; i += 1) assert.equal(limiter.take('a', 60), 0)
  assert.equal(limiter.take('a', 60), 60)
  assert.equal(limiter.take('b', 60), 0)
})

test('who waits as told is let through', () => {
  const { time, limiter } = limiterAt()
  for (let i = 0; i < 60; i += 1) limiter.take('a', 60)
  const waitSec = limiter.take('a', 60)
  time.nowMs += waitSec * 1000
  // The full minute before still counts in full at its very end, and fades from there.
  const more = limiter.take('a', 60)
  assert.ok(more <= 1, `told to wait ${more} s more`)
  time.nowMs += more * 1000
  assert.equal(limiter.take('a', 60), 0)
})

test('a burst at the turn of a minute does not pass twice', () => {
  const { time, limiter } = limiterAt()
  limiter.take('a', 60)
  time.nowMs += 59_000
  for (let i = 1; i < 60; i += 1) assert.equal(limiter.take('a', 60), 0)
  time.nowMs += 2_000
  let passed = 0
  for (let i = 0; i < 60; i += 1) if (limiter.take('a', 60) === 0) passed += 1
  assert.ok(passed <= 2, `${passed} passed`)
})

test('after two idle minutes nothing is remembered', () => {
  const { time, limiter } = limiterAt()
  for (let i = 0; i < 60; i += 1) limiter.take('a', 60)
  time.nowMs += 120_000
  for (let i = 0; i < 60; i += 1) assert.equal(limiter.take('a', 60), 0)
})

test('many addresses do not fill the memory', () => {
  const { limiter } = limiterAt()
  for (let i = 0; i < 25_000; i += 1) limiter.take(`ip ${i}`, 60)
  assert.ok(limiter.size <= 10_000, `${limiter.size} are remembered`)
})
