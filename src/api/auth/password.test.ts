import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { hashPassword, passwordProblem, verifyPassword } from './password.ts'

test('a password is known again by its hash, and no other one is', async () => {
  const hash = await hashPassword('umbrella-kettle-94-velvet', randomBytes)
  assert.match(hash, /^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
  assert.equal(await verifyPassword('umbrella-kettle-94-velvet', hash), true)
  assert.equal(await verifyPassword('umbrella-kettle-94-velvet ', hash), false)
})

test('equal passwords have different hashes', async () => {
  const [a, b] = await Promise.all([
    hashPassword('umbrella-kettle-94-velvet', randomBytes),
    hashPassword('umbrella-kettle-94-velvet', randomBytes),
  ])
  assert.notEqual(a, b)
})

test('letters composed otherwise are the same letters', async () => {
  const hash = await hashPassword('Käsekuchen im Garten', randomBytes)
  assert.equal(await verifyPassword('Ka\u0308sekuchen im Garten', hash), true)
})

test('an account without a hash costs as much time as one with it, and never matches', async () => {
  const hash = await hashPassword('umbrella-kettle-94-velvet', randomBytes)
  const time = async (kept: string | null): Promise<number> => {
    const startedMs = performance.now()
    assert.equal(await verifyPassword('wrong-wrong-wrong-wrong', kept), false)
    return performance.now() - startedMs
  }
  await time(null)
  const without = Math.min(await time(null), await time(null))
  const withHash = Math.min(await time(hash), await time(hash))
  assert.ok(without > withHash / 3 && without < withHash * 3, `${without} ms without, ${withHash} ms with`)
})

const COMMON = [
  'password1234',
  'Passw0rd!2024',
  'qwertyuiop123',
  '123456789012',
  'aaaaaaaaaaaa',
  'abcabcabcabc',
  'letmein-letmein',
  'iloveyou1234567',
  'correcthorsebatterystaple',
  'bitcoinbitcoin2024',
  '1qaz2wsx3edc4rfv',
  'evenkeel12345',
]
for (const password of COMMON) {
  test(`${password} is too common`, () => assert.match(passwordProblem(password) ?? 'accepted', /too common/))
}

const GOOD = [
  'umbrella-kettle-94-velvet',
  'Tr4ffic!on.the-moon',
  'jeder Hund hat vier Beine',
  'xK9$mPq2vLw7',
  'correct horse wanders home',
]
for (const password of GOOD) {
  test(`${password} is accepted`, () => assert.equal(passwordProblem(password), null))
}

test('length counts in characters, 12 to 256', () => {
  assert.match(passwordProblem('xK9$mPq2vLw') ?? '', /at least 12 characters, it has 11/)
  assert.match(passwordProblem('xK9$mPq2vLw7'.repeat(22)) ?? '', /at most 256/)
})

test('what is known of a person is no password', () => {
  assert.match(passwordProblem('wilhelmina.berg1984', ['wilhelmina.berg@example.org']) ?? 'accepted', /too common/)
})
