// Exact decimal numbers: an integer coefficient and a count of decimal places. Sums and products are never rounded; a division
// and a rounding always name their places and direction. Small coefficients stay JavaScript integers, large ones become BigInt: the
// numbers of orders are nearly all small, and cost a third less than with BigInt alone (docs/decisions/0002-exact-money.md).

type Coefficient = number | bigint

export type RoundingMode = 'down' | 'up' | 'floor' | 'ceil' | 'half_even'

const MAX_SAFE = Number.MAX_SAFE_INTEGER
/** Coefficients up to here leave room for the next product. */
const SHORT = 2 ** 40
const MAX_SAFE_BIG = BigInt(MAX_SAFE)
const POWERS: readonly number[] = Array.from({ length: 16 }, (_, i) => 10 ** i)
const BIG_POWERS: bigint[] = Array.from({ length: 64 }, (_, i) => 10n ** BigInt(i))
const TEXT = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
/** Longest text that is taken for a number: far beyond any venue's figures, short enough that no input can stall the engine. */
const MAX_TEXT_LENGTH = 80
const MAX_PLACES = 60

export class NotDecimalError extends Error {
  readonly text: string
  constructor(text: string) {
    super(`not a decimal number: ${JSON.stringify(text.slice(0, 60))} (write digits with an optional point, such as 0.001)`)
    this.name = 'NotDecimalError'
    this.text = text
  }
}

function bigPower(n: number): bigint {
  while (BIG_POWERS.length <= n) BIG_POWERS.push(BIG_POWERS[BIG_POWERS.length - 1]! * 10n)
  return BIG_POWERS[n]!
}

/** A coefficient in its smaller form. */
function shrink(value: bigint): Coefficient {
  return value <= MAX_SAFE_BIG && value >= -MAX_SAFE_BIG ? Number(value) : value
}

function scaleUp(value: Coefficient, places: number): Coefficient {
  if (places === 0) return value
  if (typeof value === 'number' && places < 16) {
    const scaled = value * POWERS[places]!
    if (scaled <= MAX_SAFE && scaled >= -MAX_SAFE) return scaled
  }
  return shrink(BigInt(value) * bigPower(places))
}

function multiply(a: Coefficient, b: Coefficient): Coefficient {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    if (product <= MAX_SAFE && product >= -MAX_SAFE) return product === 0 ? 0 : product
  }
  return shrink(BigInt(a) * BigInt(b))
}

function addCoefficients(a: Coefficient, b: Coefficient): Coefficient {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (sum <= MAX_SAFE && sum >= -MAX_SAFE) return sum
  }
  return shrink(BigInt(a) + BigInt(b))
}

/** value % size for safe integers, size > 0, sign of value: a division and a product are some ten times faster than % of doubles. */
function remainder(value: number, size: number): number {
  const rest = value - Math.trunc(value / size) * size
  if (rest === 0) return 0
  if (value > 0) return rest < 0 ? rest + size : rest >= size ? rest - size : rest
  return rest > 0 ? rest - size : rest <= -size ? rest + size : rest
}

/** Integer quotient of a by b > 0 or < 0, rounded by mode. */
function divideRounded(a: bigint, b: bigint, mode: RoundingMode): bigint {
  const quotient = a / b
  const rest = a % b
  if (rest === 0n) return quotient
  const away = a < 0n === b < 0n ? 1n : -1n
  if (mode === 'down') return quotient
  if (mode === 'up') return quotient + away
  if (mode === 'floor') return away < 0n ? quotient - 1n : quotient
  if (mode === 'ceil') return away > 0n ? quotient + 1n : quotient
  const twice = (rest < 0n ? -rest : rest) * 2n
  const size = b < 0n ? -b : b
  if (twice > size || (twice === size && (quotient & 1n) === 1n)) return quotient + away
  return quotient
}

/** Texts of configurations are read again and again; the first few thousand different ones are remembered. */
const PARSED = new Map<string, Decimal>()
const PARSED_MAX = 4096

export class Decimal {
  /** value = coefficient / 10^places; the coefficient never ends in a zero while places > 0 only after `normalized`. */
  readonly #coefficient: Coefficient
  readonly #places: number

  private constructor(coefficient: Coefficient, places: number) {
    this.#coefficient = coefficient
    this.#places = places
  }

  /**
   * @param value decimal text (an exponent is allowed), an integer or float (taken at its shortest decimal text), or a Decimal.
   * @throws NotDecimalError for NaN, infinity, empty or malformed text.
   */
  static from(value: string | number | Decimal): Decimal {
    if (typeof value === 'number') {
      if (Number.isSafeInteger(value)) return new Decimal(value === 0 ? 0 : value, 0)
      return Decimal.#fromFloat(value)
    }
    if (typeof value === 'string') {
      const known = PARSED.get(value)
      if (known) return known
      const parsed = Decimal.#parse(value)
      if (PARSED.size < PARSED_MAX) PARSED.set(value, parsed)
      return parsed
    }
    return value
  }

  /** coefficient / 10^places, for values that are integers already (ticks, steps). */
  static ofUnits(coefficient: number | bigint, places: number): Decimal {
    return new Decimal(typeof coefficient === 'number' ? (coefficient === 0 ? 0 : coefficient) : shrink(coefficient), places)
  }

  static isDecimalText(text: string): boolean {
    return text.length <= MAX_TEXT_LENGTH && TEXT.test(text) && Math.abs(Number(TEXT.exec(text)?.[4] ?? 0)) <= MAX_PLACES
  }

  /** Candle prices come as floats: most have few places, and then no text is needed to find their shortest decimal form. */
  static #fromFloat(value: number): Decimal {
    for (let places = 1; places <= 8; places += 1) {
      const power = POWERS[places]!
      const scaled = Math.round(value * power)
      if (scaled / power === value && scaled <= MAX_SAFE && scaled >= -MAX_SAFE) return new Decimal(scaled, places)
    }
    return Decimal.#parse(String(value))
  }

  static #parse(text: string): Decimal {
    const match = text.length <= MAX_TEXT_LENGTH ? TEXT.exec(text) : null
    if (!match) throw new NotDecimalError(text)
    const fraction = match[3] ?? ''
    const exponent = Number(match[4] ?? 0)
    if (Math.abs(exponent) > MAX_PLACES) throw new NotDecimalError(text)
    const digits = match[2]! + fraction
    let coefficient: Coefficient = digits.length <= 15 ? Number(digits) : shrink(BigInt(digits))
    if (match[1] === '-' && coefficient !== 0) coefficient = -coefficient
    const places = fraction.length - exponent
    return places < 0 ? new Decimal(scaleUp(coefficient, -places), 0) : new Decimal(coefficient, places)
  }

  plus(other: Decimal): Decimal {
    const a = this.#places
    const b = other.#places
    if (a === b) return new Decimal(addCoefficients(this.#coefficient, other.#coefficient), a)
    if (a > b) return new Decimal(addCoefficients(this.#coefficient, scaleUp(other.#coefficient, a - b)), a)
    return new Decimal(addCoefficients(scaleUp(this.#coefficient, b - a), other.#coefficient), b)
  }

  minus(other: Decimal): Decimal {
    const a = this.#places
    if (a === other.#places) {
      const b = other.#coefficient
      return new Decimal(addCoefficients(this.#coefficient, b === 0 ? 0 : -b), a)
    }
    return this.plus(other.negated())
  }

  negated(): Decimal {
    return this.#coefficient === 0 ? this : new Decimal(-this.#coefficient, this.#places)
  }

  abs(): Decimal {
    return this.#coefficient < 0 ? this.negated() : this
  }

  times(other: Decimal): Decimal {
    const places = this.#places + other.#places
    const a = this.#coefficient
    const b = other.#coefficient
    if (typeof a === 'number' && typeof b === 'number') {
      const product = a * b
      // Zeros at the end are cut only where the coefficient grows long: a remainder of doubles costs more than the product.
      if (product <= SHORT && product >= -SHORT && places <= 15) return new Decimal(product === 0 ? 0 : product, places)
      if (product <= MAX_SAFE && product >= -MAX_SAFE) return new Decimal(product === 0 ? 0 : product, places).#trimmed()
    }
    return new Decimal(shrink(BigInt(a) * BigInt(b)), places).#trimmed()
  }

  /** Exact: this x 10^exponent. */
  shifted(exponent: number): Decimal {
    const places = this.#places - exponent
    return places >= 0 ? new Decimal(this.#coefficient, places) : new Decimal(scaleUp(this.#coefficient, -places), 0)
  }

  /** Exact: this / 100. */
  percent(): Decimal {
    return this.shifted(-2)
  }

  /**
   * @param places decimals kept.
   * @throws RangeError on division by zero.
   */
  dividedBy(other: Decimal, places: number, mode: RoundingMode): Decimal {
    if (other.#coefficient === 0) throw new RangeError(`division by zero: ${this.toString()} / 0`)
    const shift = places + other.#places - this.#places
    let numerator = BigInt(this.#coefficient)
    let denominator = BigInt(other.#coefficient)
    if (shift >= 0) numerator *= bigPower(shift)
    else denominator *= bigPower(-shift)
    return new Decimal(shrink(divideRounded(numerator, denominator, mode)), places).#trimmed()
  }

  round(places: number, mode: RoundingMode): Decimal {
    if (this.#places <= places) return this
    const divided = divideRounded(BigInt(this.#coefficient), bigPower(this.#places - places), mode)
    return new Decimal(shrink(divided), places)
  }

  /** The multiple of `grid` (> 0) next to this value in the direction of mode: ticks and steps. */
  toGrid(grid: Decimal, mode: RoundingMode): Decimal {
    const places = Math.max(this.#places, grid.#places)
    const value = scaleUp(this.#coefficient, places - this.#places)
    const size = scaleUp(grid.#coefficient, places - grid.#places)
    if (typeof value === 'number' && typeof size === 'number') {
      const rest = remainder(value, size)
      if (rest === 0) return this
      if (mode !== 'half_even' && mode !== 'up' && value > 0) {
        const steps = (value - rest) / size + (mode === 'ceil' ? 1 : 0)
        return new Decimal(grid.#coefficient === 1 ? steps : multiply(steps, grid.#coefficient), grid.#places)
      }
    }
    // A multiple of the grid needs no more places than the grid itself: prices and quantities stay short.
    const steps = divideRounded(BigInt(value), BigInt(size), mode)
    return new Decimal(multiply(shrink(steps), grid.#coefficient), grid.#places)
  }

  isOnGrid(grid: Decimal): boolean {
    return this.toGrid(grid, 'down').equals(this)
  }

  compare(other: Decimal): -1 | 0 | 1 {
    let a = this.#coefficient
    let b = other.#coefficient
    if (this.#places < other.#places) a = scaleUp(a, other.#places - this.#places)
    else if (this.#places > other.#places) b = scaleUp(b, this.#places - other.#places)
    return a < b ? -1 : a > b ? 1 : 0
  }

  equals(other: Decimal): boolean {
    return this.compare(other) === 0
  }
  lt(other: Decimal): boolean {
    return this.compare(other) < 0
  }
  lte(other: Decimal): boolean {
    return this.compare(other) <= 0
  }
  gt(other: Decimal): boolean {
    return this.compare(other) > 0
  }
  gte(other: Decimal): boolean {
    return this.compare(other) >= 0
  }

  isZero(): boolean {
    return this.#coefficient === 0
  }
  isPositive(): boolean {
    return this.#coefficient > 0
  }
  isNegative(): boolean {
    return this.#coefficient < 0
  }
  sign(): -1 | 0 | 1 {
    return this.#coefficient < 0 ? -1 : this.#coefficient > 0 ? 1 : 0
  }

  /** Decimals needed to write the value. */
  places(): number {
    return this.#trimmed().#places
  }

  /** Nearest float64: for indicators, statistics and comparisons of grid prices, never for money. */
  toNumber(): number {
    if (typeof this.#coefficient === 'number' && this.#places < 16) return this.#coefficient / POWERS[this.#places]!
    return Number(this.toString())
  }

  /** Plain digits without exponent and without trailing zeros. */
  toString(): string {
    const value = this.#trimmed()
    if (value.#places === 0) return value.#coefficient.toString()
    const negative = value.#coefficient < 0
    const digits = (negative ? -value.#coefficient : value.#coefficient).toString().padStart(value.#places + 1, '0')
    const cut = digits.length - value.#places
    return `${negative ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`
  }

  toJSON(): string {
    return this.toString()
  }

  #trimmed(): Decimal {
    let places = this.#places
    if (places === 0) return this
    if (this.#coefficient === 0) return ZERO
    if (typeof this.#coefficient === 'number') {
      let value = this.#coefficient
      let tenth = Math.round(value / 10)
      if (tenth * 10 !== value) return this
      while (places > 0 && tenth * 10 === value) {
        value = tenth
        places -= 1
        tenth = Math.round(value / 10)
      }
      return new Decimal(value, places)
    }
    let value = this.#coefficient
    // A multiple of 10^k is one of 2^k: the low bits tell most numbers apart without a division.
    if (BigInt.asUintN(1, value) !== 0n || value % 10n !== 0n) return this
    while (places >= 8 && BigInt.asUintN(8, value) === 0n && value % 100000000n === 0n) {
      value /= 100000000n
      places -= 8
    }
    while (places > 0 && BigInt.asUintN(1, value) === 0n && value % 10n === 0n) {
      value /= 10n
      places -= 1
    }
    const small = shrink(value)
    return typeof small === 'number' ? new Decimal(small, places).#trimmed() : new Decimal(small, places)
  }
}

export const ZERO = Decimal.from(0)
export const ONE = Decimal.from(1)
export const HUNDRED = Decimal.from(100)

export function minDecimal(a: Decimal, b: Decimal): Decimal {
  return a.lte(b) ? a : b
}

export function maxDecimal(a: Decimal, b: Decimal): Decimal {
  return a.gte(b) ? a : b
}

export function sumDecimals(values: Iterable<Decimal>): Decimal {
  let sum = ZERO
  for (const value of values) sum = sum.plus(value)
  return sum
}
