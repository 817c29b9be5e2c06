// Mean and sample deviation in one pass (Welford 1962), so that a long series of tiny returns loses no digits.

export interface Moments {
  readonly count: number
  readonly mean: number
  /** Of the sample, n - 1; 0 with fewer than two values. */
  readonly deviation: number
}

/** A deviation this small beside the mean is rounding, not risk: equal steps in float64 differ by some 1e-16. */
const ROUNDING = 1e-12

export function moments(values: ArrayLike<number>): Moments {
  let mean = 0
  let squares = 0
  for (let i = 0; i < values.length; i += 1) {
    const delta = values[i]! - mean
    mean += delta / (i + 1)
    squares += delta * (values[i]! - mean)
  }
  const deviation = values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1))
  return { count: values.length, mean, deviation: deviation <= ROUNDING * Math.abs(mean) ? 0 : deviation }
}
