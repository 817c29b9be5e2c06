/**
 * From the JSON form to something that runs: a condition or playbook bound to its instruments, with the nodes it reads. Compiling
 * happens once per bot and pair; evaluating happens at every decision instant.
 */

import { TIMEFRAMES, type Timeframe, timeframeMs } from '../market/timeframe.ts'
import { conditionId } from './canonical.ts'
import type { Condition, Operand, Operator } from './condition.ts'
import { orderedItems, type Playbook, type PlaybookItem } from './playbook.ts'
import { nodeOf, type SeriesKey, type SeriesNode, seriesKey } from './series-node.ts'

export type CompiledOperand =
  | {
      readonly kind: 'series'
      readonly node: SeriesNode
      readonly barsAgo: number
      /** The operand lives on a coarser timeframe than its condition and is joined to it. */
      readonly joined: boolean
      readonly operand: Operand
    }
  | { readonly kind: 'number'; readonly value: number; readonly operand: Operand }
  | { readonly kind: 'range'; readonly low: number; readonly high: number; readonly operand: Operand }

export type CompiledSeriesOperand = Extract<CompiledOperand, { kind: 'series' }>

export interface CompiledCondition {
  /** SHA-256 of the canonical form: 64 hex digits. */
  readonly id: string
  readonly condition: Condition
  readonly instrumentId: string
  readonly symbol: string
  readonly timeframe: Timeframe
  /** The series whose closes evaluate the condition. */
  readonly series: SeriesKey
  readonly op: Operator
  readonly lhs: CompiledSeriesOperand
  readonly rhs: CompiledOperand | null
  /** The right side is multiplied by this: 1 + offsetPct/100. */
  readonly offsetFactor: number
  /** Nodes of both sides, each once. */
  readonly nodes: readonly SeriesNode[]
}

export interface CompiledItem {
  readonly item: PlaybookItem
  readonly condition: CompiledCondition
  /** holdBars or validFor: the item's truth depends on more than this bar. */
  readonly hasMemory: boolean
}

export interface SeriesRef {
  readonly key: SeriesKey
  readonly instrumentId: string
  readonly timeframe: Timeframe
  /** Closed bars that a pump must keep for an evaluation. */
  readonly depth: number
}

export interface CompiledPlaybook {
  readonly playbook: Playbook
  readonly symbol: string
  readonly instrumentId: string
  /** Enabled items in the order in which they are joined and traced. */
  readonly items: readonly CompiledItem[]
  /** Each node once. */
  readonly nodes: readonly SeriesNode[]
  readonly series: readonly SeriesRef[]
  /** The fastest timeframe of its conditions. */
  readonly fastestTimeframe: Timeframe
  /** The pair at the fastest timeframe: sequences and signals count the bars of this series. */
  readonly bars: SeriesKey
  /** The pair at the bot's decision timeframe: its closes are the decision instants. The same as `bars` unless the bot decides faster. */
  readonly clock: SeriesKey
  /** Whether any item, or the sequence, remembers earlier bars. A playbook without memory is a function of the latest bars. */
  readonly hasMemory: boolean
}

export interface CompileContext {
  /** The pair the bot is looking at. */
  readonly symbol: string
  /** The bot decides at this timeframe's closes where it is faster than every condition. */
  readonly clockTimeframe?: Timeframe
  /** @throws when no instrument has this symbol. */
  instrumentIdOf(symbol: string): string
}

/**
 * How many bars of a coarser operand may have closed since the bar it is joined to. Beyond that the condition's own series has a hole
 * and the comparison would join bars that never stood side by side: not evaluable, `data_gap`.
 */
export const MAX_JOIN_SHIFT = 16

const NEEDS_PREVIOUS: readonly Operator[] = ['crosses_above', 'crosses_below', 'rising', 'falling']

/** @throws RangeError for what a checked config cannot hold: an unknown indicator, a right side that is missing or too much. */
export function compileCondition(condition: Condition, context: CompileContext): CompiledCondition {
  const symbol = condition.symbol ?? context.symbol
  const instrumentId = context.instrumentIdOf(symbol)
  const compile = (operand: Operand): CompiledOperand => {
    if (operand.kind === 'const' || operand.kind === 'level') return { kind: 'number', value: Number(operand.value), operand }
    if (operand.kind === 'range') return { kind: 'range', low: Number(operand.low), high: Number(operand.high), operand }
    const timeframe = operand.timeframe ?? condition.timeframe
    const joined = timeframe !== condition.timeframe
    if (joined && timeframeMs(timeframe) < timeframeMs(condition.timeframe))
      throw new RangeError(`operand timeframe ${timeframe} is finer than its condition's ${condition.timeframe}`)
    return { kind: 'series', node: nodeOf(operand, instrumentId, timeframe), barsAgo: operand.barsAgo, joined, operand }
  }
  const lhs = compile(condition.lhs)
  const rhs = condition.rhs === null ? null : compile(condition.rhs)
  if (lhs.kind !== 'series') throw new RangeError('the left side of a condition must be read from candles')
  const wantsRange = condition.op === 'between' || condition.op === 'not_between'
  const wantsNone = condition.op === 'rising' || condition.op === 'falling' || condition.op === 'is'
  const fits = wantsNone ? rhs === null : rhs !== null && (rhs.kind === 'range') === wantsRange
  if (!fits) throw new RangeError(`the operator ${condition.op} does not fit its right side`)
  const nodes = rhs?.kind === 'series' && rhs.node.id !== lhs.node.id ? [lhs.node, rhs.node] : [lhs.node]
  return {
    id: conditionId(condition, instrumentId),
    condition,
    instrumentId,
    symbol,
    timeframe: condition.timeframe,
    series: seriesKey(instrumentId, condition.timeframe),
    op: condition.op,
    lhs,
    rhs,
    offsetFactor: 1 + Number(condition.offsetPct) / 100,
    nodes,
  }
}

/** @throws RangeError as compileCondition, and for a playbook without an enabled item. */
export function compilePlaybook(playbook: Playbook, context: CompileContext): CompiledPlaybook {
  const items = orderedItems(playbook).map(
    (item): CompiledItem => ({
      item,
      condition: compileCondition(item.condition, context),
      hasMemory: item.holdBars > 1 || item.validFor !== null,
    }),
  )
  if (items.length === 0) throw new RangeError('a playbook needs an enabled item')
  const nodes = new Map<string, SeriesNode>()
  const depths = new Map<SeriesKey, SeriesRef>()
  const need = (instrumentId: string, timeframe: Timeframe, depth: number): void => {
    const key = seriesKey(instrumentId, timeframe)
    const known = depths.get(key)
    depths.set(key, { key, instrumentId, timeframe, depth: Math.max(depth, known?.depth ?? 0) })
  }
  for (const { condition } of items) {
    // The own series is always needed, two bars of it: the bar before is what coarser operands are joined to.
    need(condition.instrumentId, condition.timeframe, 2)
    for (const side of [condition.lhs, condition.rhs]) {
      if (side?.kind !== 'series') continue
      nodes.set(side.node.id, side.node)
      const previous = NEEDS_PREVIOUS.includes(condition.op) ? 1 : 0
      need(side.node.instrumentId, side.node.timeframe, side.barsAgo + 1 + previous + (side.joined ? MAX_JOIN_SHIFT : 0))
    }
  }
  const fastestTimeframe = fastest(items.map(({ condition }) => condition.timeframe))
  const instrumentId = context.instrumentIdOf(context.symbol)
  const clockTimeframe = fastest([fastestTimeframe, context.clockTimeframe ?? fastestTimeframe])
  need(instrumentId, fastestTimeframe, 1)
  need(instrumentId, clockTimeframe, 1)
  return {
    playbook,
    symbol: context.symbol,
    instrumentId,
    items,
    nodes: [...nodes.values()],
    series: [...depths.values()],
    fastestTimeframe,
    bars: seriesKey(instrumentId, fastestTimeframe),
    clock: seriesKey(instrumentId, clockTimeframe),
    hasMemory: playbook.sequence !== null || items.some(item => item.hasMemory),
  }
}

/** The shortest of some timeframes. @throws RangeError for none. */
export function fastest(timeframes: Iterable<Timeframe>): Timeframe {
  let best: Timeframe | undefined
  for (const timeframe of timeframes) {
    if (best === undefined || TIMEFRAMES.indexOf(timeframe) < TIMEFRAMES.indexOf(best)) best = timeframe
  }
  if (best === undefined) throw new RangeError('no timeframe given')
  return best
}
