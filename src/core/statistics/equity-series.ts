// A run's equity over time: cash and what is held at each bar close, unrealised profit included. Float64, because statistics are
// no money. A close at midnight UTC belongs to the day it ends.

export interface EquitySeries {
  /** Ascending. */
  readonly atMs: Float64Array
  /** In quote; as long as atMs. */
  readonly value: Float64Array
}

export const DAY_MS = 86_400_000
export const DAYS_A_YEAR = 365

/** Number of the UTC day, counted from the epoch, that the sample at `atMs` belongs to. */
export function sampleDay(atMs: number): number {
  return Math.floor((atMs - 1) / DAY_MS)
}

export function lastEquity(equity: EquitySeries): number | null {
  return equity.value.length === 0 ? null : equity.value[equity.value.length - 1]!
}
