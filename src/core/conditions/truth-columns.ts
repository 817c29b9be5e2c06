/**
 * Conditions and playbooks over whole histories: one byte per bar, 0 false, 1 true, 2 not evaluable, equal to what stepping gives at
 * each close. This is what lets a backtest sleep until the next bar that can matter.
 */

import { type CompiledCondition, type CompiledOperand, type CompiledPlaybook, MAX_JOIN_SHIFT } from './compile.ts'
import { FALSE, NOT_EVALUABLE, TRUE, type Truth } from './evaluate.ts'
import type { SeriesLookup } from './series-lookup.ts'
import {
  type ItemState,
  isLatched,
  joinGate,
  nextItemState,
  nextSequence,
  type SequenceState,
  wantedTrue,
} from './step-playbook.ts'

/** One side of a comparison at bar i: values[i * stride - shift]. A number is a column of length 1 with stride 0. */
interface Side {
  readonly values: Float64Array
  readonly stride: 0 | 1
  readonly shift: number
  /** First bar i that has a value. */
  readonly from: number
}

const EQUAL_WITHIN = 1e-10

/**
 * Truth of the condition at the close of every bar of its own series.
 * @returns one byte per bar of `lookup.columns(condition.series)`.
 */
export function truthColumn(condition: CompiledCondition, lookup: SeriesLookup): Uint8Array {
  const length = lookup.columns(condition.series).length
  const out = new Uint8Array(length)
  const { op, lhs, rhs, offsetFactor } = condition
  const x = sideOf(condition, lhs, 0, 0, lookup)
  if (op === 'rising' || op === 'falling') {
    compare(op === 'rising' ? 'gt' : 'lt', x, sideOf(condition, lhs, 0, 1, lookup), 1, out)
  } else if (op === 'is' || rhs === null) {
    compare('eq', x, constant(1), 1, out)
  } else if (rhs.kind === 'range') {
    within(x, rhs.low, rhs.high, op === 'between' ? 1 : 0, out)
  } else {
    const y = sideOf(condition, rhs, 0, 0, lookup)
    if (op === 'crosses_above' || op === 'crosses_below') {
      cross(op, x, y, sideOf(condition, lhs, 1, 0, lookup), sideOf(condition, rhs, 1, 0, lookup), offsetFactor, out)
    } else if (op !== 'between' && op !== 'not_between') {
      compare(op, x, y, offsetFactor, out)
    }
  }
  return out
}

function constant(value: number): Side {
  return { values: Float64Array.of(value), stride: 0, shift: 0, from: 0 }
}

/** A side `ownBarsAgo` bars of the condition earlier, `step` bars of its own series earlier. */
function sideOf(
  condition: CompiledCondition,
  operand: CompiledOperand,
  ownBarsAgo: number,
  step: number,
  lookup: SeriesLookup,
): Side {
  if (operand.kind === 'number') return constant(operand.value)
  if (operand.kind === 'range') throw new RangeError('a range is no single number')
  const column = lookup.node(operand.node)
  const back = operand.barsAgo + step
  if (!operand.joined) {
    const shift = back + ownBarsAgo
    return { values: column, stride: 1, shift, from: shift }
  }
  const joined = lookup.join(operand.node.series, condition.series)
  const values = new Float64Array(joined.length).fill(Number.NaN)
  for (let i = ownBarsAgo; i < joined.length; i++) {
    const now = joined[i]!
    const then = joined[i - ownBarsAgo]!
    if (then - back >= 0 && now - then <= MAX_JOIN_SHIFT) values[i] = column[then - back]!
  }
  return { values, stride: 1, shift: 0, from: 0 }
}

type Comparison = 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq'

// One loop per operator: a switch inside the loop costs more than the comparison. A comparison with NaN is false, so the test for
// "not evaluable" stands on the path of false only.
function compare(op: Comparison, x: Side, y: Side, factor: number, out: Uint8Array): void {
  const from = Math.min(Math.max(x.from, y.from), out.length)
  out.fill(NOT_EVALUABLE, 0, from)
  const xs = x.values
  const ys = y.values
  const { stride } = y
  const n = out.length
  let i = from
  let p = from - x.shift
  let q = stride * from - y.shift
  switch (op) {
    case 'gt':
      for (; i < n; i++, p++, q += stride) {
        const a = xs[p]!
        const b = ys[q]! * factor
        out[i] = a > b ? 1 : a <= b ? 0 : 2
      }
      return
    case 'gte':
      for (; i < n; i++, p++, q += stride) {
        const a = xs[p]!
        const b = ys[q]! * factor
        out[i] = a >= b ? 1 : a < b ? 0 : 2
      }
      return
    case 'lt':
      for (; i < n; i++, p++, q += stride) {
        const a = xs[p]!
        const b = ys[q]! * factor
        out[i] = a < b ? 1 : a >= b ? 0 : 2
      }
      return
    case 'lte':
      for (; i < n; i++, p++, q += stride) {
        const a = xs[p]!
        const b = ys[q]! * factor
        out[i] = a <= b ? 1 : a > b ? 0 : 2
      }
      return
    case 'eq':
      for (; i < n; i++, p++, q += stride) {
        const gap = Math.abs(xs[p]! - ys[q]! * factor)
        out[i] = gap <= EQUAL_WITHIN ? 1 : gap > EQUAL_WITHIN ? 0 : 2
      }
      return
    case 'neq':
      for (; i < n; i++, p++, q += stride) {
        const gap = Math.abs(xs[p]! - ys[q]! * factor)
        out[i] = gap > EQUAL_WITHIN ? 1 : gap <= EQUAL_WITHIN ? 0 : 2
      }
  }
}

function within(x: Side, low: number, high: number, inside: 0 | 1, out: Uint8Array): void {
  const from = Math.min(x.from, out.length)
  out.fill(NOT_EVALUABLE, 0, from)
  for (let i = from, p = from - x.shift; i < out.length; i++, p++) {
    const a = x.values[p]!
    out[i] = a >= low && a <= high ? inside : Number.isNaN(a) ? 2 : 1 - inside
  }
}

function cross(
  op: 'crosses_above' | 'crosses_below',
  x: Side,
  y: Side,
  xBefore: Side,
  yBefore: Side,
  factor: number,
  out: Uint8Array,
): void {
  // One earlier bar of the condition must exist even where both sides are numbers or joined.
  const from = Math.min(Math.max(1, x.from, y.from, xBefore.from, yBefore.from), out.length)
  out.fill(NOT_EVALUABLE, 0, from)
  const sign = op === 'crosses_above' ? 1 : -1
  const [xs, ys, us, vs] = [x.values, y.values, xBefore.values, yBefore.values]
  for (let i = from; i < out.length; i++) {
    const now = sign * (xs[i * x.stride - x.shift]! - ys[i * y.stride - y.shift]! * factor)
    const before = sign * (us[i * xBefore.stride - xBefore.shift]! - vs[i * yBefore.stride - yBefore.shift]! * factor)
    out[i] = Number.isNaN(now) || Number.isNaN(before) ? 2 : before <= 0 && now > 0 ? 1 : 0
  }
}

/**
 * Truth of the playbook at the close of every bar of its clock (`compiled.clock`), memory included:
 * what stepPlaybook answers when it is called at each of these closes from a fresh state. Re-arming is not in it.
 */
export function playbookTruthColumn(compiled: CompiledPlaybook, lookup: SeriesLookup): Uint8Array {
  const columns = compiled.items.map((item, i) => itemColumn(compiled, i, item.condition, lookup))
  const length = lookup.columns(compiled.clock).length
  if (compiled.playbook.sequence !== null) return sequenceColumn(compiled, columns, lookup)
  if (columns.length === 1) return columns[0]!
  if (compiled.playbook.gate === 'chain') return chainColumn(compiled, columns, length)
  return countColumn(columns, wantedTrue(compiled.playbook, columns.length), length)
}

/** Truth of one item, hold and latch included, at every close of the clock. */
function itemColumn(compiled: CompiledPlaybook, index: number, condition: CompiledCondition, lookup: SeriesLookup): Uint8Array {
  const item = compiled.items[index]!
  const own = truthColumn(condition, lookup)
  if (condition.series === compiled.clock && !item.hasMemory) return own
  const joined = lookup.join(condition.series, compiled.clock)
  const truth = onClock(own, joined, condition, compiled, lookup)
  if (!item.hasMemory) return truth
  const opens = lookup.columns(condition.series).openTimeMs
  const closes = lookup.closes(compiled.clock)
  let state: ItemState | undefined
  for (let i = 0; i < truth.length; i++) {
    const bar = joined[i]!
    if (state === undefined || state.bar !== bar) state = nextItemState(item, state, bar, opens[bar], () => truth[i] as Truth)
    truth[i] = isLatched(item, state, closes[i]!) ? TRUE : state.truth
  }
  return truth
}

/** The condition's truth as it stands at each close of the clock. */
function onClock(
  own: Uint8Array,
  joined: Int32Array,
  condition: CompiledCondition,
  compiled: CompiledPlaybook,
  lookup: SeriesLookup,
): Uint8Array {
  const truth = new Uint8Array(joined.length)
  for (let i = 0; i < joined.length; i++) {
    const bar = joined[i]!
    truth[i] = bar < 0 ? NOT_EVALUABLE : own[bar]!
  }
  // Where the condition's own series stands still while a coarser operand's goes on, the two drift apart (a hole in the candles).
  for (const side of [condition.lhs, condition.rhs]) {
    if (side?.kind !== 'series' || !side.joined) continue
    const latest = lookup.join(side.node.series, compiled.clock)
    const atOwnBar = lookup.join(side.node.series, condition.series)
    const crosses = condition.op === 'crosses_above' || condition.op === 'crosses_below'
    for (let i = 0; i < joined.length; i++) {
      const bar = joined[i]! - (crosses ? 1 : 0)
      if (bar >= 0 && latest[i]! - atOwnBar[bar]! > MAX_JOIN_SHIFT) truth[i] = NOT_EVALUABLE
    }
  }
  return truth
}

function countColumn(columns: readonly Uint8Array[], wanted: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  const unknown = new Uint8Array(length)
  for (const column of columns) {
    for (let i = 0; i < length; i++) {
      const truth = column[i]!
      out[i] = out[i]! + (truth & 1)
      unknown[i] = unknown[i]! + (truth >> 1)
    }
  }
  for (let i = 0; i < length; i++) {
    const known = out[i]!
    out[i] = known >= wanted ? TRUE : known + unknown[i]! < wanted ? FALSE : NOT_EVALUABLE
  }
  return out
}

function chainColumn(compiled: CompiledPlaybook, columns: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length)
  const truths: Truth[] = columns.map(() => FALSE)
  for (let i = 0; i < length; i++) {
    for (let k = 0; k < columns.length; k++) truths[k] = columns[k]![i] as Truth
    out[i] = joinGate(compiled.playbook, compiled.items, truths)
  }
  return out
}

function sequenceColumn(compiled: CompiledPlaybook, columns: readonly Uint8Array[], lookup: SeriesLookup): Uint8Array {
  const bars = lookup.join(compiled.bars, compiled.clock)
  const out = new Uint8Array(bars.length)
  const truths: Truth[] = columns.map(() => FALSE)
  const windowBars = compiled.playbook.sequence?.windowBars ?? 0
  let state: SequenceState | null = null
  for (let i = 0; i < out.length; i++) {
    const bar = bars[i]!
    for (let k = 0; k < columns.length; k++) truths[k] = columns[k]![i] as Truth
    state = nextSequence(state, truths, bar, windowBars)
    out[i] = state.metBar === bar ? TRUE : truths.includes(NOT_EVALUABLE) ? NOT_EVALUABLE : FALSE
  }
  return out
}

/** First index >= from with this truth, -1 if none: where a sleeping backtest wakes. */
export function nextIndexWith(column: Uint8Array, truth: Truth, from: number): number {
  return column.indexOf(truth, from)
}

/** Whether a signal used at bar `consumedAt` may fire again at bar `at`: the column was false (not merely unknown) in between. */
export function rearmedBetween(column: Uint8Array, consumedAt: number, at: number): boolean {
  const index = column.indexOf(FALSE, consumedAt + 1)
  return index >= 0 && index < at
}
