/**
 * Sliding windows in O(1) amortised per value and without subtraction, so that nothing drifts.
 *
 * All of them use one device: values are kept in blocks of the window's length. When a block is complete it is folded
 * from its end (`slots[i]` = fold of i..n-1). The window at any moment is the rest of the old block, which is one of
 * these folds, joined with the fold of the new block's values so far (`head`). Each value is folded twice in its life,
 * large values leave no residue behind, and a window of zeros sums to exactly zero.
 */
import { MAX_PERIOD } from './indicator.ts'

/** 1/k, so that means cost no division. */
const RECIPROCALS = Float64Array.from({ length: MAX_PERIOD + 2 }, (_, k) => 1 / k)

/** Sum of the last `size` values; NaN until there are that many. */
export class WindowSum {
  private readonly slots: Float64Array
  private at = 0
  private head = 0
  private full = false

  constructor(size: number) {
    this.slots = new Float64Array(size)
  }

  push(x: number): number {
    const slots = this.slots
    const at = this.at
    const head = this.head + x
    slots[at] = x
    if (at + 1 < slots.length) {
      this.at = at + 1
      this.head = head
      return this.full ? head + slots[at + 1]! : Number.NaN
    }
    let tail = 0
    for (let i = at; i >= 0; i--) {
      tail += slots[i]!
      slots[i] = tail
    }
    this.at = 0
    this.head = 0
    this.full = true
    return head
  }
}

/** Tells whether the last `size` values are all equal, where the rounding of sums would make them look stirred. */
export class EqualRun {
  private readonly size: number
  private previous = Number.NaN
  private count = 0

  constructor(size: number) {
    this.size = size
  }

  push(x: number): boolean {
    if (x !== this.previous) {
      this.previous = x
      this.count = 1
    } else if (this.count < this.size) this.count++
    return this.count === this.size
  }
}

/** Mean of the last `size` values; of equal values exactly that value. NaN until there are that many. */
export class WindowMean {
  private readonly size: number
  private readonly sum: WindowSum
  private readonly run: EqualRun

  constructor(size: number) {
    this.size = size
    this.sum = new WindowSum(size)
    this.run = new EqualRun(size)
  }

  push(x: number): number {
    if (this.size === 1) return x
    const sum = this.sum.push(x)
    return this.run.push(x) ? x : sum / this.size
  }
}

/** Greatest of the last `size` values; NaN until there are that many. */
export class WindowMax {
  private readonly slots: Float64Array
  private at = 0
  private head = Number.NEGATIVE_INFINITY
  private full = false

  constructor(size: number) {
    this.slots = new Float64Array(size)
  }

  push(x: number): number {
    const slots = this.slots
    const at = this.at
    const head = x > this.head ? x : this.head
    slots[at] = x
    if (at + 1 < slots.length) {
      this.at = at + 1
      this.head = head
      if (!this.full) return Number.NaN
      const tail = slots[at + 1]!
      return tail > head ? tail : head
    }
    let tail = Number.NEGATIVE_INFINITY
    for (let i = at; i >= 0; i--) {
      if (slots[i]! > tail) tail = slots[i]!
      slots[i] = tail
    }
    this.at = 0
    this.head = Number.NEGATIVE_INFINITY
    this.full = true
    return head
  }
}

/** Least of the last `size` values; NaN until there are that many. */
export class WindowMin {
  private readonly slots: Float64Array
  private at = 0
  private head = Number.POSITIVE_INFINITY
  private full = false

  constructor(size: number) {
    this.slots = new Float64Array(size)
  }

  push(x: number): number {
    const slots = this.slots
    const at = this.at
    const head = x < this.head ? x : this.head
    slots[at] = x
    if (at + 1 < slots.length) {
      this.at = at + 1
      this.head = head
      if (!this.full) return Number.NaN
      const tail = slots[at + 1]!
      return tail < head ? tail : head
    }
    let tail = Number.POSITIVE_INFINITY
    for (let i = at; i >= 0; i--) {
      if (slots[i]! < tail) tail = slots[i]!
      slots[i] = tail
    }
    this.at = 0
    this.head = Number.POSITIVE_INFINITY
    this.full = true
    return head
  }
}

/** Linearly weighted sum of the last `size` values, weights 1 (oldest) to `size` (newest); NaN until there are that many. */
export class WindowWeightedSum {
  /** Plain sum of the same window, valid after `push`. */
  sum = Number.NaN
  private readonly sums: Float64Array
  private readonly weighted: Float64Array
  private at = 0
  private head = 0
  private headWeighted = 0
  private full = false

  constructor(size: number) {
    this.sums = new Float64Array(size)
    this.weighted = new Float64Array(size)
  }

  push(x: number): number {
    const { sums, weighted, at } = this
    const size = sums.length
    const count = at + 1
    const head = this.head + x
    const headWeighted = this.headWeighted + count * x
    sums[at] = x
    if (count < size) {
      this.at = count
      this.head = head
      this.headWeighted = headWeighted
      if (!this.full) return Number.NaN
      this.sum = head + sums[count]!
      // the new block's weights are its own 1..count, each raised by what is left of the old block
      return weighted[count]! + (size - count) * head + headWeighted
    }
    let tail = 0
    let tailWeighted = 0
    for (let i = at; i >= 0; i--) {
      tail += sums[i]!
      tailWeighted += tail
      sums[i] = tail
      weighted[i] = tailWeighted
    }
    this.at = 0
    this.head = 0
    this.headWeighted = 0
    this.full = true
    this.sum = head
    return headWeighted
  }
}

/**
 * Sum of squared distances from the mean of the last `size` values; NaN until there are that many.
 * Welford within a block, Chan's formula across the two: no cancellation at any price level, and exactly 0 if all are equal.
 */
export class WindowSquares {
  private readonly means: Float64Array
  private readonly squares: Float64Array
  private at = 0
  private mean = 0
  private square = 0
  private full = false

  constructor(size: number) {
    this.means = new Float64Array(size)
    this.squares = new Float64Array(size)
  }

  push(x: number): number {
    const { means, squares, at } = this
    const size = means.length
    const count = at + 1
    const away = x - this.mean
    const mean = this.mean + away * RECIPROCALS[count]!
    const square = this.square + away * (x - mean)
    means[at] = x
    if (count < size) {
      this.at = count
      this.mean = mean
      this.square = square
      if (!this.full) return Number.NaN
      const apart = mean - means[count]!
      return square + squares[count]! + apart * apart * (count * (size - count) * RECIPROCALS[size]!)
    }
    let tail = 0
    let tailSquare = 0
    for (let i = at; i >= 0; i--) {
      const value = means[i]!
      const off = value - tail
      tail += off * RECIPROCALS[size - i]!
      tailSquare += off * (value - tail)
      means[i] = tail
      squares[i] = tailSquare
    }
    this.at = 0
    this.mean = 0
    this.square = 0
    this.full = true
    return square
  }
}

/** The value `bars` pushes ago; NaN until there is one. `bars` 0 gives the value itself. */
export class Delay {
  private readonly slots: Float64Array
  private at = 0

  constructor(bars: number) {
    this.slots = new Float64Array(bars).fill(Number.NaN)
  }

  push(x: number): number {
    const { slots, at } = this
    if (slots.length === 0) return x
    const old = slots[at]!
    slots[at] = x
    this.at = at + 1 < slots.length ? at + 1 : 0
    return old
  }
}
