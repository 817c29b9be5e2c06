/**
 * The two recursive means that most indicators stand on, and the true range. Both are written as steps towards the new
 * value, so that the mean of equal values is exactly that value: a flat line never looks rising.
 */

/** Smaller than any price difference that means something; below it a decaying mean counts as zero. */
export const NOTHING = 1e-200

/** EMA: seed = mean of the first n values, then e += 2/(n+1)*(x-e). NaN until the seed is there. */
export class EmaMean {
  private readonly period: number
  private readonly weight: number
  private seen = 0
  private value = 0

  constructor(period: number) {
    this.period = period
    this.weight = 2 / (period + 1)
  }

  push(x: number): number {
    if (this.seen === this.period) {
      this.value += this.weight * (x - this.value)
      return this.value
    }
    this.seen++
    this.value += (x - this.value) / this.seen
    return this.seen < this.period ? Number.NaN : this.value
  }
}

/** Wilder's mean: seed = mean of the first n values, then r = (r*(n-1)+x)/n, written r += (x-r)/n. NaN until the seed is there. */
export class WilderMean {
  private readonly period: number
  private seen = 0
  private value = 0

  constructor(period: number) {
    this.period = period
  }

  push(x: number): number {
    if (this.seen === this.period) {
      this.value += (x - this.value) / this.period
      return this.value
    }
    this.seen++
    this.value += (x - this.value) / this.seen
    return this.seen < this.period ? Number.NaN : this.value
  }
}

/** True range: the candle's span, widened to the previous close. */
export function trueRange(high: number, low: number, previousClose: number): number {
  const top = high > previousClose ? high : previousClose
  const bottom = low < previousClose ? low : previousClose
  return top - bottom
}
