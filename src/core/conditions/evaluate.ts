/**
 * One condition at one decision instant. Three outcomes: true, false, or not evaluable with a reason - which never counts as true, so
 * nothing is bought because something was missing.
 *
 * The condition looks at the latest closed bar of its own series. An operand on a coarser timeframe is joined to that bar: its latest
 * bar that had closed when the condition's bar closed. For a cross the same holds one bar of the condition earlier, so a slow line is
 * compared at the value it had then. rising and falling compare neighbouring bars of the operand's own series.
 */

import { nextBucketStart } from '../market/timeframe.ts'
import { type CompiledCondition, type CompiledSeriesOperand, MAX_JOIN_SHIFT } from './compile.ts'
import { describeOperand } from './sentence.ts'
import type { SeriesKey, SeriesNode } from './series-node.ts'

/** 0 false, 1 true, 2 not evaluable. */
export type Truth = 0 | 1 | 2
export const FALSE = 0
export const TRUE = 1
export const NOT_EVALUABLE = 2

/** What a pump hands to an evaluation: the latest closed bars of every series at the decision instant. barsAgo 0 = the latest. */
export interface Reads {
  /** Value of a node; NaN while it warms up, undefined where no such bar is known. */
  value(node: SeriesNode, barsAgo: number): number | undefined
  /** Open time of a bar of the series; undefined where no such bar is known. */
  barOpenMs(series: SeriesKey, barsAgo: number): number | undefined
  /** Closed bars of the series since its anchor, the latest included; 0 = none yet. */
  barCount(series: SeriesKey): number
}

export type NotEvaluableReason = 'warming_up' | 'no_data' | 'data_gap'

export interface OperandReading {
  readonly label: string
  /** null where there is none. */
  readonly value: number | null
}

export interface ConditionEvaluation {
  readonly id: string
  readonly truth: Truth
  readonly reason: NotEvaluableReason | null
  /** Left side, then the right side where it is read from candles; the values before them for a cross or a slope. */
  readonly operands: readonly OperandReading[]
  /** What the left side is compared with, offset included; null for ranges, slopes and patterns. */
  readonly threshold: number | null
  /** Threshold (or next end of the range) minus left side: how far the left side is from where the answer changes; null if unknown. */
  readonly distance: number | null
  /** `short_history`: too few bars since the anchor for the indicator to have forgotten its start. */
  readonly notes: readonly string[]
  /** Open time of the condition's bar. */
  readonly barOpenMs: number | null
}

const EQUAL_WITHIN = 1e-10

/** Signal of a missing bar inside the reads, so that the value path stays a plain number. */
interface Sides {
  readonly lhs: number
  readonly lhsBefore: number
  readonly rhs: number
  readonly rhsBefore: number
}

function isReason(value: number | NotEvaluableReason): value is NotEvaluableReason {
  return typeof value === 'string'
}

/** Bars of the joined series that closed after the condition's bar `ownBarsAgo` closed, or why that cannot be told. */
function joinShift(
  condition: CompiledCondition,
  side: CompiledSeriesOperand,
  ownBarsAgo: number,
  reads: Reads,
): number | NotEvaluableReason {
  const ownOpenMs = reads.barOpenMs(condition.series, ownBarsAgo)
  if (ownOpenMs === undefined) return 'warming_up'
  const ownCloseMs = nextBucketStart(condition.timeframe, ownOpenMs)
  for (let shift = 0; shift <= MAX_JOIN_SHIFT; shift++) {
    const openMs = reads.barOpenMs(side.node.series, shift)
    if (openMs === undefined) return 'warming_up'
    if (nextBucketStart(side.node.timeframe, openMs) <= ownCloseMs) return shift
  }
  return 'data_gap'
}

function read(
  condition: CompiledCondition,
  side: CompiledSeriesOperand,
  ownBarsAgo: number,
  ownSeriesStep: number,
  reads: Reads,
): number | NotEvaluableReason {
  const shift = side.joined ? joinShift(condition, side, ownBarsAgo, reads) : ownBarsAgo
  if (isReason(shift)) return shift
  const value = reads.value(side.node, side.barsAgo + shift + ownSeriesStep)
  return value === undefined || Number.isNaN(value) ? 'warming_up' : value
}

/** Both sides now and, where the operator asks, one bar before; or the reason why there is no answer. */
function readSides(condition: CompiledCondition, reads: Reads): Sides | NotEvaluableReason {
  if (reads.barCount(condition.series) === 0) return 'no_data'
  const { op, lhs, rhs, offsetFactor } = condition
  const x = read(condition, lhs, 0, 0, reads)
  if (isReason(x)) return x
  const crosses = op === 'crosses_above' || op === 'crosses_below'
  const slopes = op === 'rising' || op === 'falling'
  let xBefore: number | NotEvaluableReason = Number.NaN
  if (crosses) xBefore = read(condition, lhs, 1, 0, reads)
  else if (slopes) xBefore = read(condition, lhs, 0, 1, reads)
  if (isReason(xBefore)) return xBefore
  if (rhs === null || rhs.kind === 'range') return { lhs: x, lhsBefore: xBefore, rhs: Number.NaN, rhsBefore: Number.NaN }
  if (rhs.kind === 'number') {
    const value = rhs.value * offsetFactor
    return { lhs: x, lhsBefore: xBefore, rhs: value, rhsBefore: value }
  }
  const y = read(condition, rhs, 0, 0, reads)
  if (isReason(y)) return y
  const yBefore = crosses ? read(condition, rhs, 1, 0, reads) : Number.NaN
  if (isReason(yBefore)) return yBefore
  return { lhs: x, lhsBefore: xBefore, rhs: y * offsetFactor, rhsBefore: yBefore * offsetFactor }
}

function holds(condition: CompiledCondition, sides: Sides): boolean {
  const { lhs: x, lhsBefore, rhs: y, rhsBefore } = sides
  const { rhs } = condition
  switch (condition.op) {
    case 'gt':
      return x > y
    case 'gte':
      return x >= y
    case 'lt':
      return x < y
    case 'lte':
      return x <= y
    case 'eq':
      return Math.abs(x - y) <= EQUAL_WITHIN
    case 'neq':
      return Math.abs(x - y) > EQUAL_WITHIN
    case 'between':
      return rhs?.kind === 'range' && x >= rhs.low && x <= rhs.high
    case 'not_between':
      return rhs?.kind === 'range' && (x < rhs.low || x > rhs.high)
    case 'crosses_above':
      return lhsBefore <= rhsBefore && x > y
    case 'crosses_below':
      return lhsBefore >= rhsBefore && x < y
    case 'rising':
      return x > lhsBefore
    case 'falling':
      return x < lhsBefore
    case 'is':
      return x === 1
  }
}

/** The bare answer, without what a trace needs. */
export function truthOf(condition: CompiledCondition, reads: Reads): Truth {
  const sides = readSides(condition, reads)
  if (typeof sides === 'string') return NOT_EVALUABLE
  return holds(condition, sides) ? TRUE : FALSE
}

/** The answer with everything that explains it. */
export function evaluateCondition(condition: CompiledCondition, reads: Reads): ConditionEvaluation {
  const { op, lhs, rhs } = condition
  const sides = readSides(condition, reads)
  const reason = typeof sides === 'string' ? sides : null
  const known = typeof sides === 'string' ? null : sides
  const threshold = known === null || Number.isNaN(known.rhs) ? null : known.rhs
  const operands: OperandReading[] = [{ label: describeOperand(lhs.operand, condition.timeframe), value: known?.lhs ?? null }]
  if (rhs?.kind === 'series') {
    operands.push({
      label: describeOperand(rhs.operand, condition.timeframe),
      value: known ? known.rhs / condition.offsetFactor : null,
    })
  }
  if (known && !Number.isNaN(known.lhsBefore)) operands.push({ label: 'left side one bar before', value: known.lhsBefore })
  if (known && rhs?.kind === 'series' && !Number.isNaN(known.rhsBefore))
    operands.push({ label: 'right side one bar before', value: known.rhsBefore })
  let distance: number | null = null
  if (known && threshold !== null) distance = threshold - known.lhs
  else if (known && rhs?.kind === 'range') distance = nearestEnd(known.lhs, rhs.low, rhs.high) - known.lhs
  else if (known && (op === 'rising' || op === 'falling')) distance = known.lhsBefore - known.lhs
  const short = condition.nodes.some(node => node.historyNeed > 0 && reads.barCount(node.series) < node.historyNeed)
  return {
    id: condition.id,
    truth: known === null ? NOT_EVALUABLE : holds(condition, known) ? TRUE : FALSE,
    reason,
    operands,
    threshold,
    distance,
    notes: short ? ['short_history'] : [],
    barOpenMs: reads.barOpenMs(condition.series, 0) ?? null,
  }
}

function nearestEnd(x: number, low: number, high: number): number {
  return Math.abs(x - low) <= Math.abs(x - high) ? low : high
}
