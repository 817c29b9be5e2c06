// Passwords: what is accepted as one, and how it is kept. scrypt with N=2^15, r=8, p=3 takes 32 MiB and some 0.3 s, so that only two
// are computed at a time.

import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { isCommonPassword } from './common-passwords.ts'

const PARAMETERS = { logN: 15, r: 8, p: 3 } as const
const KEY_BYTES = 32
const SALT_BYTES = 16
const AT_ONCE = 2

export const PASSWORD_MIN = 12
export const PASSWORD_MAX = 256

/** What is wrong with it, in words; null for a good one. @param personal words a guesser would try first, such as the address. */
export function passwordProblem(password: string, personal: readonly string[] = []): string | null {
  const length = [...password].length
  if (length < PASSWORD_MIN) return `must have at least ${PASSWORD_MIN} characters, it has ${length}`
  if (length > PASSWORD_MAX) return `must have at most ${PASSWORD_MAX} characters, it has ${length}`
  if (isCommonPassword(password, personal)) return 'is too common: guessers try it first'
  return null
}

let running = 0
const waiting: (() => void)[] = []

async function slot<T>(work: () => Promise<T>): Promise<T> {
  // A finished one hands its slot on, so that nobody who comes later takes it in between.
  if (running >= AT_ONCE) await new Promise<void>(resolve => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}

function derive(password: string, salt: Buffer, { logN, r, p }: { logN: number; r: number; p: number }): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r }
  return slot(
    () =>
      new Promise((resolve, reject) => {
        // The same letters typed on another system may be composed otherwise.
        scrypt(password.normalize('NFC'), salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
      }),
  )
}

/** `scrypt$15$8$3$<salt>$<key>`, base64url. */
export async function hashPassword(password: string, random: (bytes: number) => Buffer): Promise<string> {
  const salt = random(SALT_BYTES)
  const key = await derive(password, salt, PARAMETERS)
  const { logN, r, p } = PARAMETERS
  return `scrypt$${logN}$${r}$${p}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

const HASH = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/

/** Takes the same time whether there is a hash or not; without one the answer is no. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const match = hash === null ? null : HASH.exec(hash)
  if (!match) {
    await derive(password, Buffer.alloc(SALT_BYTES), PARAMETERS)
    return false
  }
  const parameters = { logN: Number(match[1]), r: Number(match[2]), p: Number(match[3]) }
  const key = await derive(password, Buffer.from(match[4]!, 'base64url'), parameters)
  const kept = Buffer.from(match[5]!, 'base64url')
  return kept.length === key.length && timingSafeEqual(kept, key)
}
