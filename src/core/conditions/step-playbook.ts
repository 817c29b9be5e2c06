/**
 * A playbook at one decision instant. What it remembers - holds, latches, the sequence, whether its signal was used - is plain JSON per
 * bot and pair, keyed by bars: stepping twice within one bar gives the same answer and the same state.
 *
 *   condition --holdBars--> --validFor latch--> item --gate or sequence--> met --re-arm--> signal --a committed intent--> consumed
 *
 * Unknown is carried as a third value: an item that cannot be evaluated never counts as true, and the playbook says "not evaluable"
 * only where that item would have decided.
 */

import { nextBucketStart } from '../market/timeframe.ts'
import type { CompiledItem, CompiledPlaybook } from './compile.ts'
import {
  type ConditionEvaluation,
  evaluateCondition,
  FALSE,
  NOT_EVALUABLE,
  type Reads,
  TRUE,
  type Truth,
  truthOf,
} from './evaluate.ts'
import type { FireMode, Playbook } from './playbook.ts'
import { explain } from './sentence.ts'

/** What one item remembers; bars are counted from the anchor of the condition's series. */
export interface ItemState {
  /** Number of the bar that was last evaluated; the first evaluation of a bar is final. */
  readonly bar: number
  /** Truth of that bar, holdBars respected, without the latch. */
  readonly truth: Truth
  /** Bars in a row, that one included, on which the condition was true. */
  readonly held: number
  /** The latest bar that was true: what a latch counts from. */
  readonly trueBar: number | null
  readonly trueOpenMs: number | null
}

export interface SequenceState {
  /** By item: the bar of the first item of the latest run that has come this far, null if none has. Counted on the clock. */
  readonly starts: readonly (number | null)[]
  readonly bar: number
  /** The sequence was completed on this bar. */
  readonly metBar: number | null
}

export interface RearmState {
  /** The playbook has been false since its signal was used. */
  readonly armed: boolean
  readonly consumedBarOpenMs: number | null
}

export interface PlaybookState {
  /** By item id; only items that remember. */
  readonly items: Readonly<Record<string, ItemState>>
  readonly sequence: SequenceState | null
  readonly rearm: RearmState
}

/** A decision instant, and the bar of `compiled.bars` that was the latest to close by then. */
export interface Instant {
  /** Close of the clock's bar: the decision instant. */
  readonly atMs: number
  /** Which bar of `compiled.bars` it is, counted in existing bars from the anchor; -1 before the first. */
  readonly bar: number
  /** Its open; NaN before the first. */
  readonly barOpenMs: number
}

/** The instant at which the playbook is asked, as the reads stand. */
export function instantOf(compiled: CompiledPlaybook, reads: Reads, atMs: number): Instant {
  const barOpenMs = reads.barOpenMs(compiled.bars, 0) ?? Number.NaN
  return { atMs, bar: reads.barCount(compiled.bars) - 1, barOpenMs }
}

export interface ItemTrace {
  readonly id: string
  readonly sentence: string
  /** With hold and latch. */
  readonly truth: Truth
  /** Set where the item is true only because an earlier bar's truth still holds. */
  readonly latched: boolean
  /** Bars in a row it has been true, where the item asks for some. */
  readonly held: number | null
  readonly evaluation: ConditionEvaluation
}

export interface PlaybookStep {
  readonly state: PlaybookState
  /** 1 met, 0 not, 2 not evaluable. */
  readonly met: Truth
  /** By enabled item, in the playbook's order. */
  readonly truths: readonly Truth[]
}

export const FRESH_PLAYBOOK_STATE: PlaybookState = {
  items: {},
  sequence: null,
  rearm: { armed: true, consumedBarOpenMs: null },
}

/**
 * Moves the playbook to a decision instant. Call it at every close of the clock, whether or not its answer is wanted: hold, latch and
 * sequence live from it. A playbook without memory may be asked at any instant.
 */
export function stepPlaybook(compiled: CompiledPlaybook, state: PlaybookState, reads: Reads, instant: Instant): PlaybookStep {
  const truths: Truth[] = []
  let items = state.items
  for (const compiledItem of compiled.items) {
    if (!compiledItem.hasMemory) {
      truths.push(truthOf(compiledItem.condition, reads))
      continue
    }
    const { id } = compiledItem.item
    const before = items[id]
    const bar = reads.barCount(compiledItem.condition.series) - 1
    const after =
      before?.bar === bar
        ? before
        : nextItemState(compiledItem, before, bar, reads.barOpenMs(compiledItem.condition.series, 0), () =>
            truthOf(compiledItem.condition, reads),
          )
    if (after !== before) items = { ...items, [id]: after }
    truths.push(isLatched(compiledItem, after, instant.atMs) ? TRUE : after.truth)
  }
  if (compiled.playbook.sequence === null) {
    const met = joinGate(compiled.playbook, compiled.items, truths)
    return { state: items === state.items ? state : { ...state, items }, met, truths }
  }
  const sequence = nextSequence(state.sequence, truths, instant.bar, compiled.playbook.sequence.windowBars)
  const unknown = truths.includes(NOT_EVALUABLE)
  const met = sequence.metBar === instant.bar ? TRUE : unknown ? NOT_EVALUABLE : FALSE
  return { state: { ...state, items, sequence }, met, truths }
}

/** An item's memory after one more bar of its series. `bar` -1 = the series has none yet. */
export function nextItemState(
  { item }: CompiledItem,
  before: ItemState | undefined,
  bar: number,
  openMs: number | undefined,
  truthOfBar: () => Truth,
): ItemState {
  const now = truthOfBar()
  // A bar that was never evaluated breaks the row: nobody knows whether it was true.
  const heldBefore = before !== undefined && before.bar === bar - 1 ? before.held : 0
  const held = now === TRUE ? heldBefore + 1 : 0
  const truth = now === TRUE && held < item.holdBars ? FALSE : now
  const isTrue = truth === TRUE && openMs !== undefined
  return {
    bar,
    truth,
    held,
    trueBar: isTrue ? bar : (before?.trueBar ?? null),
    trueOpenMs: isTrue ? openMs : (before?.trueOpenMs ?? null),
  }
}

/** Whether an earlier true of the item still holds: for n further bars of its series, or n minutes from the close of the true bar. */
export function isLatched({ item, condition }: CompiledItem, state: ItemState, atMs: number): boolean {
  if (item.validFor === null || state.trueBar === null || state.trueOpenMs === null) return false
  if (item.validFor.unit === 'bars') return state.bar - state.trueBar <= item.validFor.n
  return atMs <= nextBucketStart(condition.timeframe, state.trueOpenMs) + item.validFor.n * 60_000
}

/**
 * Passes one token per item along: the first item's truth mints one that carries its bar, a later item's truth takes over the token of
 * the item before it, at the same bar or later. Met on the bar on which the last item takes a token no older than the window.
 */
export function nextSequence(
  before: SequenceState | null,
  truths: readonly Truth[],
  bar: number,
  windowBars: number,
): SequenceState {
  if (before !== null && before.bar === bar) return before
  const starts: (number | null)[] = before === null ? truths.map(() => null) : [...before.starts]
  let metBar: number | null = null
  for (let i = 0; i < truths.length; i++) {
    if (truths[i] !== TRUE) continue
    if (i === 0) {
      starts[0] = bar
    } else if (starts[i - 1] !== null) {
      starts[i] = starts[i - 1] ?? null
      starts[i - 1] = null
    } else continue
    if (i === truths.length - 1) {
      const start = starts[i]
      if (start !== null && start !== undefined && bar - start <= windowBars) metBar = bar
      starts[i] = null
    }
  }
  return { starts: starts.map(start => (start !== null && bar - start > windowBars ? null : start)), bar, metBar }
}

/** all, any, atLeast(n), or the left fold of a chain; unknown where the unknown items would decide. */
export function joinGate(playbook: Playbook, items: readonly CompiledItem[], truths: readonly Truth[]): Truth {
  if (playbook.gate === 'chain') {
    let sum: Truth = truths[0] ?? FALSE
    for (let i = 1; i < truths.length; i++) {
      const truth = truths[i] ?? FALSE
      sum = items[i]?.item.connector === 'or' ? either(sum, truth) : both(sum, truth)
    }
    return sum
  }
  let known = 0
  let unknown = 0
  for (const truth of truths) {
    if (truth === TRUE) known++
    else if (truth === NOT_EVALUABLE) unknown++
  }
  const wanted = wantedTrue(playbook, truths.length)
  return known >= wanted ? TRUE : known + unknown < wanted ? FALSE : NOT_EVALUABLE
}

/** How many items must be true for a gate that counts. */
export function wantedTrue(playbook: Playbook, enabled: number): number {
  return playbook.gate === 'all' ? enabled : playbook.gate === 'any' ? 1 : (playbook.n ?? 1)
}

function both(a: Truth, b: Truth): Truth {
  return a === FALSE || b === FALSE ? FALSE : a === NOT_EVALUABLE || b === NOT_EVALUABLE ? NOT_EVALUABLE : TRUE
}

function either(a: Truth, b: Truth): Truth {
  return a === TRUE || b === TRUE ? TRUE : a === NOT_EVALUABLE || b === NOT_EVALUABLE ? NOT_EVALUABLE : FALSE
}

/** Why each item is as it is, at the instant that `step` was made for. */
export function tracePlaybook(compiled: CompiledPlaybook, step: PlaybookStep, reads: Reads): ItemTrace[] {
  return compiled.items.map((compiledItem, i) => {
    const { item, condition } = compiledItem
    const evaluation = evaluateCondition(condition, reads)
    const memory = step.state.items[item.id]
    const truth = step.truths[i] ?? FALSE
    return {
      id: item.id,
      sentence: explain(item.condition, evaluation),
      truth,
      latched: truth === TRUE && memory !== undefined && memory.truth !== TRUE,
      held: item.holdBars > 1 ? (memory?.held ?? 0) : null,
      evaluation,
    }
  })
}

/**
 * Whether the playbook may fire on this bar. A signal stays available while the playbook is true until `consume` is called for it; so a
 * blocked one may still open later. Not evaluable neither fires nor re-arms: nothing is bought because something was missing.
 * @param barOpenMs `Instant.barOpenMs`.
 */
export function rearm(
  state: PlaybookState,
  fireMode: FireMode,
  met: Truth,
  barOpenMs: number,
): { readonly state: PlaybookState; readonly signal: boolean } {
  const { rearm } = state
  const usedThisBar = rearm.consumedBarOpenMs === barOpenMs
  if (fireMode === 'per_bar') return { state, signal: met === TRUE && !usedThisBar }
  if (met === FALSE && !rearm.armed) return { state: { ...state, rearm: { ...rearm, armed: true } }, signal: false }
  return { state, signal: met === TRUE && rearm.armed && !usedThisBar }
}

/** A committed intent used the signal: it must turn false before it fires again (per_signal), and not on this bar (both). */
export function consume(state: PlaybookState, barOpenMs: number): PlaybookState {
  return { ...state, rearm: { armed: false, consumedBarOpenMs: barOpenMs } }
}
