// Secrets we give out and keep only the hash of: session secrets, API tokens, the code of the first sign-up. They carry enough chance
// themselves, so that a plain SHA-256 is enough to keep.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** What a page sends back beside the cookie; follows from the session's secret, so that nothing more is stored. */
export function csrfTokenOf(sessionSecret: string): string {
  return createHmac('sha256', sessionSecret).update('csrf').digest('base64url')
}

export function equalText(left: string, right: string): boolean {
  const a = createHash('sha256').update(left).digest()
  const b = createHash('sha256').update(right).digest()
  return timingSafeEqual(a, b)
}

export interface NewApiToken {
  /** Shown once. */
  readonly token: string
  readonly prefix: string
  readonly hash: string
}

/** `ek_<prefix>_<secret>`: the prefix names it in lists, the secret has 256 bits. */
export function newApiToken(random: (bytes: number) => Buffer): NewApiToken {
  const prefix = random(4).toString('hex')
  const token = `ek_${prefix}_${random(32).toString('base64url')}`
  return { token, prefix, hash: hashSecret(token) }
}

const TOKEN = /^ek_[0-9a-f]{8}_[\w-]{43}$/

export function isApiToken(text: string): boolean {
  return TOKEN.test(text)
}

// Without letters that look like digits.
const CODE_LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ23456789'

/** `XXXX-XXXX`: 39 bits, good for one process and at most ten guesses. */
export function newSignUpCode(random: (bytes: number) => Buffer): string {
  let code = ''
  while (code.length < 8) {
    for (const byte of random(16)) {
      // Bytes beyond the last whole round would favour the first letters.
      if (byte < 240 && code.length < 8) code += CODE_LETTERS[byte % CODE_LETTERS.length]
    }
  }
  return `${code.slice(0, 4)}-${code.slice(4)}`
}
