/**
 * SHA-256 (FIPS 180-4), synchronous and without a platform: the core hashes trades, configs and condition ids in Node and in the
 * browser alike, where the built-in digest would be another one or a promise.
 */

// First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
const K = Int32Array.of(
  0x428a2f98,
  0x71374491,
  0xb5c0fbcf,
  0xe9b5dba5,
  0x3956c25b,
  0x59f111f1,
  0x923f82a4,
  0xab1c5ed5,
  0xd807aa98,
  0x12835b01,
  0x243185be,
  0x550c7dc3,
  0x72be5d74,
  0x80deb1fe,
  0x9bdc06a7,
  0xc19bf174,
  0xe49b69c1,
  0xefbe4786,
  0x0fc19dc6,
  0x240ca1cc,
  0x2de92c6f,
  0x4a7484aa,
  0x5cb0a9dc,
  0x76f988da,
  0x983e5152,
  0xa831c66d,
  0xb00327c8,
  0xbf597fc7,
  0xc6e00bf3,
  0xd5a79147,
  0x06ca6351,
  0x14292967,
  0x27b70a85,
  0x2e1b2138,
  0x4d2c6dfc,
  0x53380d13,
  0x650a7354,
  0x766a0abb,
  0x81c2c92e,
  0x92722c85,
  0xa2bfe8a1,
  0xa81a664b,
  0xc24b8b70,
  0xc76c51a3,
  0xd192e819,
  0xd6990624,
  0xf40e3585,
  0x106aa070,
  0x19a4c116,
  0x1e376c08,
  0x2748774c,
  0x34b0bcb5,
  0x391c0cb3,
  0x4ed8aa4a,
  0x5b9cca4f,
  0x682e6ff3,
  0x748f82ee,
  0x78a5636f,
  0x84c87814,
  0x8cc70208,
  0x90befffa,
  0xa4506ceb,
  0xbef9a3f7,
  0xc67178f2,
)

const BLOCK = 64
/** A whole number of blocks; text is encoded and hashed in pieces of this size, so a large one needs no large copy. */
const BUFFER = 1024 * BLOCK

/** A running hash: feed it pieces, then ask once for the digest. */
export class Sha256 {
  readonly #state = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19)
  readonly #words = new Int32Array(64)
  readonly #buffer: Uint8Array
  #filled = 0
  #total = 0

  /** @param expectedBytes sizes the buffer; a short text then costs no 64 KB. */
  constructor(expectedBytes = BUFFER) {
    this.#buffer = new Uint8Array(Math.min(BUFFER, (Math.ceil(expectedBytes / BLOCK) + 2) * BLOCK))
  }

  /** Feeds text as UTF-8; a lone surrogate counts as U+FFFD, as everywhere on the web platform. */
  text(text: string): this {
    const buffer = this.#buffer
    const limit = buffer.length - 4
    let filled = this.#filled
    const length = text.length
    for (let i = 0; i < length; i++) {
      if (filled > limit) {
        this.#filled = filled
        this.#drain()
        filled = this.#filled
      }
      let code = text.charCodeAt(i)
      if (code < 0x80) {
        buffer[filled++] = code
        continue
      }
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = code < 0xdc00 && i + 1 < length ? text.charCodeAt(i + 1) : 0
        if (low >= 0xdc00 && low <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
          i++
        } else code = 0xfffd
      }
      if (code < 0x800) {
        buffer[filled++] = 0xc0 | (code >> 6)
      } else if (code < 0x10000) {
        buffer[filled++] = 0xe0 | (code >> 12)
        buffer[filled++] = 0x80 | ((code >> 6) & 0x3f)
      } else {
        buffer[filled++] = 0xf0 | (code >> 18)
        buffer[filled++] = 0x80 | ((code >> 12) & 0x3f)
        buffer[filled++] = 0x80 | ((code >> 6) & 0x3f)
      }
      buffer[filled++] = 0x80 | (code & 0x3f)
    }
    this.#filled = filled
    return this
  }

  bytes(bytes: Uint8Array): this {
    let at = 0
    while (at < bytes.length) {
      if (this.#filled === this.#buffer.length) this.#drain()
      const part = bytes.subarray(at, at + this.#buffer.length - this.#filled)
      this.#buffer.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
    }
    return this
  }

  /** The 32 bytes of the hash. Ends it: a second call, or more input, would hash the padding too. */
  digest(): Uint8Array {
    this.#drain()
    const bits = (this.#total + this.#filled) * 8
    const end = this.#filled + 9 <= BLOCK ? BLOCK : 2 * BLOCK
    const buffer = this.#buffer
    buffer.fill(0, this.#filled, end)
    buffer[this.#filled] = 0x80
    const view = new DataView(buffer.buffer)
    view.setUint32(end - 8, Math.floor(bits / 2 ** 32))
    view.setUint32(end - 4, bits >>> 0)
    for (let at = 0; at < end; at += BLOCK) this.#compress(at)
    const out = new Uint8Array(32)
    const outView = new DataView(out.buffer)
    this.#state.forEach((word, i) => {
      outView.setInt32(i * 4, word)
    })
    return out
  }

  hex(): string {
    let text = ''
    for (const byte of this.digest()) text += byte.toString(16).padStart(2, '0')
    return text
  }

  /** Hashes every whole block in the buffer and keeps the rest. */
  #drain(): void {
    const whole = this.#filled - (this.#filled % BLOCK)
    for (let at = 0; at < whole; at += BLOCK) this.#compress(at)
    this.#buffer.copyWithin(0, whole, this.#filled)
    this.#filled -= whole
    this.#total += whole
  }

  #compress(at: number): void {
    const words = this.#words
    const buffer = this.#buffer
    for (let i = 0, p = at; i < 16; i++, p += 4) {
      words[i] = (buffer[p]! << 24) | (buffer[p + 1]! << 16) | (buffer[p + 2]! << 8) | buffer[p + 3]!
    }
    for (let i = 16; i < 64; i++) {
      const x = words[i - 15]!
      const y = words[i - 2]!
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      words[i] = (words[i - 16]! + s0 + words[i - 7]! + s1) | 0
    }
    const state = this.#state
    let a = state[0]!
    let b = state[1]!
    let c = state[2]!
    let d = state[3]!
    let e = state[4]!
    let f = state[5]!
    let g = state[6]!
    let h = state[7]!
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + words[i]!) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    state[0] = state[0]! + a
    state[1] = state[1]! + b
    state[2] = state[2]! + c
    state[3] = state[3]! + d
    state[4] = state[4]! + e
    state[5] = state[5]! + f
    state[6] = state[6]! + g
    state[7] = state[7]! + h
  }
}

/** SHA-256 of the text's UTF-8 bytes: 64 lower-case hex digits. */
export function sha256Hex(text: string): string {
  return new Sha256(text.length * 3).text(text).hex()
}

/** SHA-256 of the text's UTF-8 bytes: 32 bytes. */
export function sha256Bytes(text: string): Uint8Array {
  return new Sha256(text.length * 3).text(text).digest()
}
