/**
 * Reads over a running feed: one closed candle at a time goes in, the last bars of every node are kept. Gives bit for bit what
 * SeriesLookup gives over the same candles from the same anchor.
 */

import type { Candle } from '../market/candles.ts'
import type { Reads } from './evaluate.ts'
import { componentOf, createNodeState, groupWidth, type NodeState, type SeriesKey, type SeriesNode } from './series-node.ts'

interface Group {
  readonly state: NodeState
  readonly out: Float64Array
  readonly nodes: { readonly node: SeriesNode; readonly ring: Float64Array }[]
}

interface LiveSeries {
  readonly depth: number
  readonly opens: Float64Array
  readonly groups: Map<string, Group>
  count: number
}

/** Rings of JSON numbers: NaN and the infinities travel as text. */
function encode(ring: Float64Array): (number | string)[] {
  return Array.from(ring, value =>
    Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value),
  )
}

export interface LiveSeriesSnapshot {
  readonly count: number
  readonly opens: readonly (number | string)[]
  readonly states: Readonly<Record<string, unknown>>
  readonly rings: Readonly<Record<string, readonly (number | string)[]>>
}
export type LiveReadsSnapshot = Readonly<Record<SeriesKey, LiveSeriesSnapshot>>

export class LiveReads implements Reads {
  readonly #series = new Map<SeriesKey, LiveSeries>()
  readonly #rings = new Map<string, Float64Array>()

  /** @param series how many closed bars of each series are kept (`CompiledPlaybook.series`; the same key may come more than once). */
  constructor(nodes: Iterable<SeriesNode>, series: Iterable<{ readonly key: SeriesKey; readonly depth: number }>) {
    const depths = new Map<SeriesKey, number>()
    for (const { key, depth } of series) depths.set(key, Math.max(depth, depths.get(key) ?? 1))
    for (const [key, depth] of depths) {
      this.#series.set(key, { depth, opens: new Float64Array(depth), groups: new Map(), count: 0 })
    }
    for (const node of nodes) this.#addNode(node)
  }

  #addNode(node: SeriesNode): void {
    if (this.#rings.has(node.id)) return
    const series = this.#of(node.series)
    let group = series.groups.get(node.groupId)
    if (!group) {
      group = { state: createNodeState(node), out: new Float64Array(groupWidth(node)), nodes: [] }
      series.groups.set(node.groupId, group)
    }
    const ring = new Float64Array(series.depth).fill(Number.NaN)
    group.nodes.push({ node, ring })
    this.#rings.set(node.id, ring)
  }

  #of(key: SeriesKey): LiveSeries {
    const series = this.#series.get(key)
    if (!series) throw new RangeError(`no series ${key} was announced`)
    return series
  }

  /**
   * Feeds the next closed candle of a series.
   * @throws RangeError when it is not later than the last one: a bar fed twice would be counted twice.
   */
  push(key: SeriesKey, candle: Candle): void {
    const series = this.#of(key)
    const last = series.count === 0 ? Number.NEGATIVE_INFINITY : series.opens[(series.count - 1) % series.depth]!
    if (!(candle.openTimeMs > last))
      throw new RangeError(`candle of ${key} opens at ${candle.openTimeMs}, not after the last one at ${last}`)
    const slot = series.count % series.depth
    series.opens[slot] = candle.openTimeMs
    for (const { state, out, nodes } of series.groups.values()) {
      state.next(candle, out)
      for (const { node, ring } of nodes) ring[slot] = out[componentOf(node)]!
    }
    series.count++
  }

  value(node: SeriesNode, barsAgo: number): number | undefined {
    const series = this.#series.get(node.series)
    const ring = this.#rings.get(node.id)
    if (!series || !ring || barsAgo >= series.depth || barsAgo >= series.count) return undefined
    return ring[(series.count - 1 - barsAgo) % series.depth]
  }

  barOpenMs(key: SeriesKey, barsAgo: number): number | undefined {
    const series = this.#series.get(key)
    if (!series || barsAgo >= series.depth || barsAgo >= series.count) return undefined
    return series.opens[(series.count - 1 - barsAgo) % series.depth]
  }

  barCount(key: SeriesKey): number {
    return this.#series.get(key)?.count ?? 0
  }

  /** Plain JSON, exact. */
  snapshot(): LiveReadsSnapshot {
    const out: Record<SeriesKey, LiveSeriesSnapshot> = {}
    for (const [key, series] of this.#series) {
      const states: Record<string, unknown> = {}
      const rings: Record<string, (number | string)[]> = {}
      for (const [groupId, group] of series.groups) {
        states[groupId] = group.state.snapshot()
        for (const { node, ring } of group.nodes) rings[node.id] = encode(ring)
      }
      out[key] = { count: series.count, opens: encode(series.opens), states, rings }
    }
    return out
  }

  /** @throws Error when the snapshot is of other nodes or other depths. */
  restore(snapshot: LiveReadsSnapshot): void {
    for (const [key, series] of this.#series) {
      const saved = snapshot[key]
      if (!saved) throw new Error(`snapshot of reads: series ${key} is missing`)
      fill(series.opens, saved.opens, key)
      series.count = saved.count
      for (const [groupId, group] of series.groups) {
        if (!Object.hasOwn(saved.states, groupId)) throw new Error(`snapshot of reads: a node of ${key} is missing`)
        group.state.restore(saved.states[groupId])
        for (const { node, ring } of group.nodes) fill(ring, saved.rings[node.id], key)
      }
    }
  }
}

function fill(ring: Float64Array, saved: readonly (number | string)[] | undefined, key: SeriesKey): void {
  if (saved?.length !== ring.length) throw new Error(`snapshot of reads: ${key} keeps another number of bars`)
  saved.forEach((value, i) => {
    ring[i] = Number(value)
  })
}
