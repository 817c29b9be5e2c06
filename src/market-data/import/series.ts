// From rows to a series: the timeframe is told from the distances or checked against the one that was asked for, rows are put in order,
// equal duplicates dropped, and everything that does not lie on the grid or contradicts another row is refused with its line.

import type { CandleColumns } from '../../core/market/candles.ts'
import { allocateColumns, sliceColumns } from '../../core/market/candles.ts'
import { bucketStart, nextBucketStart, TIMEFRAMES, type Timeframe, timeframeMs } from '../../core/market/timeframe.ts'
import { CandleFileError, type CandleFinding } from './candle-file-error.ts'
import type { RawRows } from './raw-rows.ts'

export interface SeriesOptions {
  /** Checked where given, else detected. */
  readonly timeframe?: Timeframe
  /** What the file's times are: bars' opens (default) or their closes. */
  readonly stamp?: 'open' | 'close'
  /** The bar that holds this instant is not finished, and dropped. */
  readonly nowMs?: number
  /** Leave bad rows out, as long as they are at most a thousandth of all; default: refuse the file. */
  readonly skipBadRows?: boolean
}

export interface Series {
  readonly columns: CandleColumns
  readonly timeframe: Timeframe
  readonly notices: readonly string[]
  /** Rows left out by `skipBadRows`: the first ones, and how many. */
  readonly skipped: readonly CandleFinding[]
  readonly skippedCount: number
}

/** Of all rows, so many may be left out by `skipBadRows`. */
export const SKIPPABLE_SHARE = 0.001
const DETECTABLE_SHARE = 0.01

/** @throws CandleFileError */
export function seriesFromRows(file: string, rows: RawRows, options: SeriesOptions): Series {
  const notices = [...rows.notices]
  const { findings } = rows
  const total = rows.length + findings.count
  if (total === 0) throw new CandleFileError(file, [{ line: 0, reason: 'the file holds no candles' }], 1)
  // with so many rows missing their distances tell nothing, and every good row would seem to lie off the grid
  if (!options.timeframe && findings.count > total * DETECTABLE_SHARE) {
    throw new CandleFileError(file, refusal(findings.first(), findings.count, total, options), findings.count)
  }
  const order = timeOrder(rows)
  if (order) notices.push('rows were not in the order of time: sorted')
  const detected = detectTimeframe(rows, order)
  const timeframe = options.timeframe ?? detected
  if (rows.length > 0) checkTimeframe(file, rows, timeframe, detected, options)

  const { timeMs, open, high, low, close, volume, line } = rows
  const columns = allocateColumns(rows.length)
  let n = 0
  let duplicates = 0
  let lastLine = 0
  for (let k = 0; k < rows.length && timeframe; k += 1) {
    const i = order ? order[k]! : k
    const openMs = options.stamp === 'close' ? openOfClose(timeframe, timeMs[i]!) : timeMs[i]!
    if (!isOnGrid(timeframe, openMs)) {
      findings.add(line[i]!, `time ${isoText(timeMs[i]!)} does not lie on the ${timeframe} grid`)
      continue
    }
    if (n > 0 && columns.openTimeMs[n - 1] === openMs) {
      const last = n - 1
      const equal =
        columns.open[last] === open[i] &&
        columns.high[last] === high[i] &&
        columns.low[last] === low[i] &&
        columns.close[last] === close[i] &&
        Object.is(columns.volume[last], volume[i])
      if (equal) duplicates += 1
      else findings.add(line[i]!, `time ${isoText(openMs)} stands on line ${lastLine} already, with other figures`)
      continue
    }
    columns.openTimeMs[n] = openMs
    columns.open[n] = open[i]!
    columns.high[n] = high[i]!
    columns.low[n] = low[i]!
    columns.close[n] = close[i]!
    columns.volume[n] = volume[i]!
    lastLine = line[i]!
    n += 1
  }

  if (findings.count > 0) {
    const skippable = options.skipBadRows === true && findings.count <= total * SKIPPABLE_SHARE && timeframe
    if (!skippable) throw new CandleFileError(file, refusal(findings.first(), findings.count, total, options), findings.count)
    notices.push(`${findings.count} bad rows left out`)
  }
  if (duplicates > 0) notices.push(`${duplicates} repeated rows dropped`)
  const nowMs = options.nowMs ?? Number.POSITIVE_INFINITY
  const unfinished =
    n > 0 && columns.openTimeMs[n - 1]! <= nowMs && nextBucketStart(timeframe!, columns.openTimeMs[n - 1]!) > nowMs
  if (unfinished) {
    notices.push(`the last bar, ${isoText(columns.openTimeMs[n - 1]!)}, is not finished: dropped`)
    n -= 1
  }
  if (n === 0) throw new CandleFileError(file, [{ line: 0, reason: 'the file holds no finished candle' }], 1)
  return {
    columns: sliceColumns(columns, 0, n),
    timeframe: timeframe!,
    notices,
    skipped: findings.first(),
    skippedCount: findings.count,
  }
}

function refusal(first: CandleFinding[], count: number, total: number, options: SeriesOptions): CandleFinding[] {
  if (!options.skipBadRows) return first
  const allowed = Math.floor(total * SKIPPABLE_SHARE)
  return [{ line: 0, reason: `${count} of ${total} rows are bad, at most ${allowed} may be left out` }, ...first].slice(
    0,
    first.length + 1,
  )
}

/** Row numbers in the order of time, or null where the file is in order already. */
function timeOrder(rows: RawRows): Uint32Array | null {
  const { timeMs, length } = rows
  let sorted = true
  for (let i = 1; i < length; i += 1) {
    if (timeMs[i]! < timeMs[i - 1]!) {
      sorted = false
      break
    }
  }
  if (sorted) return null
  const order = Uint32Array.from({ length }, (_, i) => i)
  // equal times keep the order of the file
  return order.sort((a, b) => timeMs[a]! - timeMs[b]! || a - b)
}

/** The timeframe whose length is the most frequent distance of neighbours; undefined where there is none. */
function detectTimeframe(rows: RawRows, order: Uint32Array | null): Timeframe | undefined {
  const counts = new Map<number, number>()
  for (let k = 1; k < rows.length; k += 1) {
    const distance = order ? rows.timeMs[order[k]!]! - rows.timeMs[order[k - 1]!]! : rows.timeMs[k]! - rows.timeMs[k - 1]!
    if (distance > 0) counts.set(distance, (counts.get(distance) ?? 0) + 1)
  }
  let best = 0
  let bestCount = 0
  let months = 0
  for (const [distance, count] of counts) {
    if (count > bestCount || (count === bestCount && distance < best)) {
      best = distance
      bestCount = count
    }
    const days = distance / 86_400_000
    if (days >= 28 && days <= 31) months += count
  }
  if (months > bestCount || (months > 0 && months === rows.length - 1)) return '1M'
  return TIMEFRAMES.find(timeframe => timeframe !== '1M' && timeframeMs(timeframe) === best)
}

function checkTimeframe(
  file: string,
  rows: RawRows,
  timeframe: Timeframe | undefined,
  detected: Timeframe | undefined,
  options: SeriesOptions,
): asserts timeframe is Timeframe {
  const refuse = (reason: string): never => {
    throw new CandleFileError(file, [{ line: 0, reason }], 1)
  }
  if (!timeframe) return refuse('the timeframe cannot be told from the distances of the rows: name it')
  // every 1h bar lies on the 1m grid too: read as 1m they would be bars with 59 holes after each
  if (options.timeframe && detected && detected !== timeframe && rows.length > 2) {
    return refuse(`the rows are ${detected} apart, not ${timeframe}`)
  }
}

function isOnGrid(timeframe: Timeframe, openMs: number): boolean {
  return bucketStart(timeframe, openMs) === openMs
}

/** Closes are written as the instant itself, or as its last second or millisecond. NaN where it is none of them. */
function openOfClose(timeframe: Timeframe, closeMs: number): number {
  const openMs = bucketStart(timeframe, closeMs - 1)
  const rest = nextBucketStart(timeframe, openMs) - closeMs
  return rest === 0 || rest === 1 || rest === 1000 ? openMs : Number.NaN
}

export function isoText(atMs: number): string {
  return Number.isFinite(atMs) && Math.abs(atMs) < 8.64e15 ? new Date(atMs).toISOString() : String(atMs)
}
