// Chance without a state: noise as a pure function of a key and an index. Only + - * / and sqrt are used, which IEEE 754 rounds alike
// everywhere: Math.exp and its kin may differ in the last digit between a browser and a server, and prices must not.

/** Murmur3's finalizer: every bit of the input moves half the bits of the output. */
function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The key of a stream of noise: one per seed and name. */
export function noiseKey(seed: number, name: string): number {
  let h = mix(seed % 0x1_0000_0000) ^ mix(Math.floor(seed / 0x1_0000_0000) + 0x9e3779b9)
  for (let i = 0; i < name.length; i += 1) h = mix(h + Math.imul(name.charCodeAt(i) + 1, 0x9e3779b1))
  return mix(h)
}

/** 32 random bits for an index of a stream. */
export function bits(key: number, index: number): number {
  return mix(mix(Math.imul(index, 0x9e3779b1) + key) ^ key)
}

/**
 * Mean 0, variance 1, tails fatter than the normal's: the sum of four bytes, bent outwards by a cubic term.
 * @param random 32 random bits.
 */
export function shock(random: number): number {
  const sum = (random & 255) + ((random >>> 8) & 255) + ((random >>> 16) & 255) + (random >>> 24)
  const s = (sum - 510) / 147.8
  return s * (0.707 + 0.1 * s * s)
}

/** Smooth noise of about variance 1: shocks at whole numbers, straight lines between. */
export function drift(key: number, position: number): number {
  const at = Math.floor(position)
  const left = shock(bits(key, at))
  const right = shock(bits(key, at + 1))
  // halfway between two knots the variance of the mean of both is a half: 1.22 makes it 1 on average
  return 1.22 * (left + (right - left) * (position - at))
}

const INVERSE_LN2 = 1.4426950408889634
/** ln 2 in two parts, the first with room for 21 more bits: k times it is exact. */
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
const POWERS_OF_TWO = powersOfTwo()

/** e^x for |x| < 44, within two units of the last place (Cody and Waite's reduction, Taylor's series to x^13). */
export function exp(x: number): number {
  const k = Math.floor(x * INVERSE_LN2 + 0.5)
  const r = x - k * LN2_HIGH - k * LN2_LOW
  let sum = 1 + r / 13
  for (let n = 12; n >= 1; n -= 1) sum = 1 + (r / n) * sum
  return sum * POWERS_OF_TWO[k + 64]!
}

/** 2^-64 at 0 to 2^64 at 128, by doubling: Math.pow promises no digit. */
function powersOfTwo(): Float64Array {
  const powers = new Float64Array(129)
  powers[64] = 1
  for (let i = 1; i <= 64; i += 1) {
    powers[64 + i] = powers[63 + i]! * 2
    powers[64 - i] = powers[65 - i]! / 2
  }
  return powers
}
