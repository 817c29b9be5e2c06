/**
 * A node: one number per closed bar of one series (instrument and timeframe). Whoever asks for RSI(14) of BTC/USDT 1h gets the same
 * node, found by its id, the hash of what it computes; how many bars ago it is read is not part of it. Columns for a whole history
 * and the running value come from the same code, bit for bit.
 */

import { canonicalJson } from '../hash/canonical-json.ts'
import { sha256Hex } from '../hash/sha256.ts'
import {
  computeColumns,
  findIndicator,
  historyNeed,
  type IndicatorDefinition,
  type IndicatorState,
  SOURCES,
  type Source,
} from '../indicators/index.ts'
import { CandleState } from '../indicators/indicator.ts'
import { WindowMean } from '../indicators/windows.ts'
import type { Candle, CandleColumns } from '../market/candles.ts'
import { type Timeframe, timeframeMs } from '../market/timeframe.ts'
import type { IndicatorParams, PatternName, PriceField, SeriesOperand } from './condition.ts'
import { PATTERN_TESTS, patternBars } from './patterns.ts'

/** Names a series: `<instrument id>|<timeframe>`. */
export type SeriesKey = string

export function seriesKey(instrumentId: string, timeframe: Timeframe): SeriesKey {
  return `${instrumentId}|${timeframe}`
}

interface NodeBase {
  /** 32 hex digits: instrument, timeframe, kind, parameters, source and component. */
  readonly id: string
  /** Nodes that one computation yields together (the components of one indicator) share this. */
  readonly groupId: string
  readonly instrumentId: string
  readonly timeframe: Timeframe
  readonly series: SeriesKey
  /** Closed bars until the first value. */
  readonly bars: number
  /** Bars since the anchor below which a value is traced as `short_history`; 0 = never. */
  readonly historyNeed: number
}

export interface IndicatorNode extends NodeBase {
  readonly kind: 'indicator'
  readonly definition: IndicatorDefinition
  readonly params: IndicatorParams
  readonly source: Source
  readonly component: string
  readonly componentIndex: number
}
export interface PriceNode extends NodeBase {
  readonly kind: 'price'
  readonly field: PriceField
}
export interface VolumeNode extends NodeBase {
  readonly kind: 'volume'
}
export interface VolumeAverageNode extends NodeBase {
  readonly kind: 'volume_avg'
  readonly period: number
}
export interface PatternNode extends NodeBase {
  readonly kind: 'pattern'
  readonly name: PatternName
}
export type SeriesNode = IndicatorNode | PriceNode | VolumeNode | VolumeAverageNode | PatternNode

function hash(value: unknown): string {
  return sha256Hex(canonicalJson(value)).slice(0, 32)
}

/**
 * The node an operand reads.
 * @throws RangeError for an indicator, component or source that is not in the catalogue: configs are checked before.
 */
export function nodeOf(operand: SeriesOperand, instrumentId: string, timeframe: Timeframe): SeriesNode {
  const place = { instrument: instrumentId, timeframe, kind: operand.kind }
  const base = { instrumentId, timeframe, series: seriesKey(instrumentId, timeframe), bars: 1, historyNeed: 0 }
  switch (operand.kind) {
    case 'price': {
      const id = hash({ ...place, field: operand.field })
      return { ...base, kind: 'price', id, groupId: id, field: operand.field }
    }
    case 'volume': {
      const id = hash(place)
      return { ...base, kind: 'volume', id, groupId: id }
    }
    case 'volume_avg': {
      const id = hash({ ...place, period: operand.period })
      return { ...base, kind: 'volume_avg', id, groupId: id, period: operand.period, bars: operand.period }
    }
    case 'pattern': {
      const id = hash({ ...place, name: operand.name })
      return { ...base, kind: 'pattern', id, groupId: id, name: operand.name, bars: patternBars(operand.name) }
    }
    case 'indicator': {
      const definition = findIndicator(operand.name)
      if (!definition) throw new RangeError(`no indicator is called ${operand.name}`)
      const componentIndex = definition.components.indexOf(operand.component)
      if (componentIndex < 0) throw new RangeError(`${definition.id} has no component ${operand.component}`)
      const source = SOURCES.find(known => known === operand.source)
      if (!source) throw new RangeError(`no price source is called ${operand.source}`)
      const computation = { ...place, name: definition.id, params: operand.params, source }
      return {
        ...base,
        kind: 'indicator',
        id: hash({ ...computation, component: operand.component }),
        groupId: hash(computation),
        definition,
        params: operand.params,
        source,
        component: operand.component,
        componentIndex,
        bars: definition.bars(operand.params, { timeframeMs: timeframeMs(timeframe) })[operand.component] ?? 1,
        historyNeed: historyNeed(definition, operand.params),
      }
    }
  }
}

/** A running computation: one closed candle in, the values of its nodes out (one per component, NaN while warming up). */
export interface NodeState {
  next(candle: Candle, out: Float64Array): void
  snapshot(): unknown
  /** @throws Error when the snapshot is of another node. */
  restore(snapshot: unknown): void
}

/** How many values one computation of this node's group yields per bar. */
export function groupWidth(node: SeriesNode): number {
  return node.kind === 'indicator' ? node.definition.components.length : 1
}

/** Where this node's value stands among its group's. */
export function componentOf(node: SeriesNode): number {
  return node.kind === 'indicator' ? node.componentIndex : 0
}

export function priceOf(field: PriceField, open: number, high: number, low: number, close: number): number {
  switch (field) {
    case 'open':
      return open
    case 'high':
      return high
    case 'low':
      return low
    case 'close':
      return close
    case 'hl2':
      return (high + low) / 2
    case 'hlc3':
      return (high + low + close) / 3
    case 'ohlc4':
      return (open + high + low + close) / 4
  }
}

/** Mean volume; not computable while a bar without volume is in the window, where counting it as nothing would invent calm. */
class VolumeAverage extends CandleState {
  private readonly mean: WindowMean
  private readonly period: number
  private barsSinceGap = 0

  constructor(period: number) {
    super()
    this.period = period
    this.mean = new WindowMean(period)
  }

  push(volume: number): number {
    const missing = Number.isNaN(volume)
    const mean = this.mean.push(missing ? 0 : volume)
    this.barsSinceGap = missing ? 0 : Math.min(this.barsSinceGap + 1, this.period)
    return this.barsSinceGap < this.period ? Number.NaN : mean
  }

  next(candle: Candle, out: Float64Array): void {
    out[0] = this.push(candle.volume)
  }
}

class Pattern extends CandleState {
  private readonly name: PatternName
  private readonly oneBar: boolean
  private previousOpen = Number.NaN
  private previousHigh = Number.NaN
  private previousLow = Number.NaN
  private previousClose = Number.NaN

  constructor(name: PatternName) {
    super()
    this.name = name
    this.oneBar = patternBars(name) === 1
  }

  push(open: number, high: number, low: number, close: number): number {
    const known = this.oneBar || !Number.isNaN(this.previousOpen)
    const { previousOpen, previousHigh, previousLow, previousClose } = this
    this.previousOpen = open
    this.previousHigh = high
    this.previousLow = low
    this.previousClose = close
    if (!known) return Number.NaN
    return PATTERN_TESTS[this.name](previousOpen, previousHigh, previousLow, previousClose, open, high, low, close) ? 1 : 0
  }

  next(candle: Candle, out: Float64Array): void {
    out[0] = this.push(candle.open, candle.high, candle.low, candle.close)
  }
}

/** An indicator of the catalogue. One that stands on volume has no value on a bar whose volume nobody knows. */
class Indicator implements NodeState {
  readonly #state: IndicatorState
  readonly #needsVolume: boolean

  constructor(node: IndicatorNode) {
    this.#state = node.definition.create(node.params, node.source, { timeframeMs: timeframeMs(node.timeframe) })
    this.#needsVolume = standsOnVolume(node)
  }

  next(candle: Candle, out: Float64Array): void {
    const { openTimeMs, open, high, low, close, volume } = candle
    this.#state.next(openTimeMs, open, high, low, close, volume, out)
    if (this.#needsVolume && Number.isNaN(volume)) out.fill(Number.NaN)
  }

  snapshot(): unknown {
    return this.#state.snapshot()
  }

  restore(snapshot: unknown): void {
    this.#state.restore(snapshot)
  }
}

function standsOnVolume(node: IndicatorNode): boolean {
  return node.definition.needsVolume === true || (node.definition.usesSource && node.source === 'volume')
}

/** A fresh computation for this node's group. */
export function createNodeState(node: SeriesNode): NodeState {
  switch (node.kind) {
    case 'indicator':
      return new Indicator(node)
    case 'volume_avg':
      return new VolumeAverage(node.period)
    case 'pattern':
      return new Pattern(node.name)
    case 'price':
      return stateless((candle, out) => {
        out[0] = priceOf(node.field, candle.open, candle.high, candle.low, candle.close)
      })
    case 'volume':
      return stateless((candle, out) => {
        out[0] = candle.volume
      })
  }
}

function stateless(next: NodeState['next']): NodeState {
  return {
    next,
    snapshot: () => null,
    restore(snapshot) {
      if (snapshot !== null) throw new Error('node snapshot: a price has no state')
    },
  }
}

/** The columns of all components of the node's group: [component][bar]. Prices and volumes are the candles' own columns, not copies. */
export function computeGroup(node: SeriesNode, columns: CandleColumns): Float64Array[] {
  const { length, open, high, low, close, volume } = columns
  switch (node.kind) {
    case 'indicator': {
      const outs = computeColumns(node.definition, node.params, node.source, columns, timeframeMs(node.timeframe))
      if (standsOnVolume(node)) {
        for (let i = 0; i < length; i++) {
          if (Number.isNaN(volume[i]!)) for (const out of outs) out[i] = Number.NaN
        }
      }
      return outs
    }
    case 'price': {
      const { field } = node
      if (field === 'open' || field === 'high' || field === 'low' || field === 'close') return [columns[field]]
      const out = new Float64Array(length)
      for (let i = 0; i < length; i++) out[i] = priceOf(field, open[i]!, high[i]!, low[i]!, close[i]!)
      return [out]
    }
    case 'volume':
      return [volume]
    case 'volume_avg': {
      const state = new VolumeAverage(node.period)
      return [volume.map(value => state.push(value))]
    }
    case 'pattern': {
      const state = new Pattern(node.name)
      return [close.map((value, i) => state.push(open[i]!, high[i]!, low[i]!, value))]
    }
  }
}

/** The node's value at each bar, NaN while warming up. Treat as read-only: it may be the candles' own column. */
export function computeNode(node: SeriesNode, columns: CandleColumns): Float64Array {
  return computeGroup(node, columns)[componentOf(node)]!
}
