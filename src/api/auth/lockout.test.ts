import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnstile, lockedForMs } from './lockout.ts'

const MIN = 60_000
const none = { ofDay: 0, ofBurst: 0, sinceLastMs: 0, ofAddress: 0 }

const CASES: readonly [string, Parameters<typeof lockedForMs>[0], number][] = [
  ['nothing happened', none, 0],
  ['four failures', { ...none, ofDay: 4, ofBurst: 4 }, 0],
  ['the fifth within fifteen minutes', { ...none, ofDay: 5, ofBurst: 5 }, 15 * MIN],
  ['ten minutes later', { ...none, ofDay: 5, ofBurst: 5, sinceLastMs: 10 * MIN }, 5 * MIN],
  ['when the lock is over', { ...none, ofDay: 5, ofBurst: 5, sinceLastMs: 15 * MIN }, 0],
  ['five over a whole day are no burst', { ...none, ofDay: 5, ofBurst: 1 }, 0],
  ['the sixth, after the lock, is one again', { ...none, ofDay: 6, ofBurst: 1 }, 0],
  ['the second round lasts twice as long', { ...none, ofDay: 10, ofBurst: 5 }, 30 * MIN],
  ['the third round doubles again', { ...none, ofDay: 15, ofBurst: 5 }, 60 * MIN],
  ['never longer than a day', { ...none, ofDay: 200, ofBurst: 5 }, 24 * 60 * MIN],
  ['twenty from one address', { ...none, ofAddress: 20 }, 15 * MIN],
]
for (const [what, counts, expected] of CASES) {
  test(`lockout: ${what}`, () => assert.equal(Math.max(0, lockedForMs(counts)), expected))
}

test('attempts on one account go one after the other, on two at once', async () => {
  const turnstile = createTurnstile()
  const log: string[] = []
  const work = (name: string) => async () => {
    log.push(`${name} in`)
    await new Promise(resolve => setImmediate(resolve))
    log.push(`${name} out`)
  }
  await Promise.all([turnstile('a', work('a1')), turnstile('a', work('a2')), turnstile('b', work('b1'))])
  assert.ok(log.indexOf('a1 out') < log.indexOf('a2 in'))
  assert.ok(log.indexOf('b1 in') < log.indexOf('a1 out'))
})

test('a failed attempt lets the next one in', async () => {
  const turnstile = createTurnstile()
  await assert.rejects(
    turnstile('a', async () => Promise.reject(new Error('wrong'))),
    /wrong/,
  )
  assert.equal(await turnstile('a', async () => 'in'), 'in')
})
