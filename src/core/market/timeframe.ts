// Timeframes by their ccxt names. Buckets lie on the UTC grid: 3d counts from the epoch, 1w from Monday, 1M by calendar.

export const TIMEFRAMES = ['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1M'] as const
export type Timeframe = (typeof TIMEFRAMES)[number]

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** 1970-01-05 was the first Monday of the epoch. */
const FIRST_MONDAY = 4 * DAY

const LENGTHS: Record<Timeframe, number> = {
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1h': HOUR,
  '2h': 2 * HOUR,
  '4h': 4 * HOUR,
  '6h': 6 * HOUR,
  '8h': 8 * HOUR,
  '12h': 12 * HOUR,
  '1d': DAY,
  '3d': 3 * DAY,
  '1w': 7 * DAY,
  '1M': 30 * DAY,
}

export function isTimeframe(text: string): text is Timeframe {
  return Object.hasOwn(LENGTHS, text)
}

/** Length in ms; a month counts as 30 days where only an order of magnitude is asked. */
export function timeframeMs(timeframe: Timeframe): number {
  return LENGTHS[timeframe]
}

/** Open time of the bar that holds the instant `atMs`. */
export function bucketStart(timeframe: Timeframe, atMs: number): number {
  if (timeframe === '1M') {
    const date = new Date(atMs)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  }
  const length = LENGTHS[timeframe]
  if (timeframe === '1w') return Math.floor((atMs - FIRST_MONDAY) / length) * length + FIRST_MONDAY
  return Math.floor(atMs / length) * length
}

/** Open time of the bar after the one that holds `atMs`, which is that bar's close. */
export function nextBucketStart(timeframe: Timeframe, atMs: number): number {
  if (timeframe === '1M') {
    const date = new Date(atMs)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
  }
  return bucketStart(timeframe, atMs) + LENGTHS[timeframe]
}

/** Whether bars of `fine` fill bars of `coarse` without a rest (1w and 3d do not nest; a month holds days only). */
export function nestsIn(fine: Timeframe, coarse: Timeframe): boolean {
  if (fine === coarse) return true
  if (LENGTHS[fine] >= LENGTHS[coarse]) return false
  if (coarse === '1M') return LENGTHS[fine] <= DAY
  return LENGTHS[coarse] % LENGTHS[fine] === 0
}
