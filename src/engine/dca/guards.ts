// What pauses new exposure by itself: the market regime and the circuit breaker of a pair (dca-bot.md 7). Both derive from candles
// alone, so a restart finds the same answer; a hole in the candles holds the state they were in.

import type { Reads } from '../../core/conditions/evaluate.ts'
import type { SeriesKey, SeriesNode } from '../../core/conditions/series-node.ts'
import type { EmergencyBrake, Regime } from '../../core/dca/config.ts'
import { nextBucketStart, type Timeframe, timeframeMs } from '../../core/market/timeframe.ts'
import type { PauseReason } from '../machine.ts'
import type { DcaState, PairState } from './dca-state.ts'
import type { BreakerNodes, RegimeNodes } from './playbooks.ts'

/** Everything that keeps this pair from new exposure. */
export function pausesOf(state: DcaState, symbol: string): PauseReason[] {
  const pair = state.pairs[symbol]
  const pauses: PauseReason[] = [...state.pausedBy]
  if (state.safety !== 'normal' && !pauses.includes('kill_switch')) pauses.push('kill_switch')
  if (pair?.regime.pausedAtMs != null) pauses.push('regime')
  if (pair?.breaker.trippedAtMs != null) pauses.push('brake')
  return pauses
}

/** What the bot as a whole shows as paused by. */
export function allPauses(state: DcaState): PauseReason[] {
  const pauses = new Set<PauseReason>(state.pausedBy)
  if (state.safety !== 'normal') pauses.add('kill_switch')
  for (const pair of Object.values(state.pairs)) {
    if (pair.regime.pausedAtMs !== null) pauses.add('regime')
    if (pair.breaker.trippedAtMs !== null) pauses.add('brake')
  }
  return [...pauses]
}

/** What must be found out before this pair takes new exposure: unlike a pause it takes nothing back that rests. */
export function uncertaintyOf(state: DcaState, symbol: string): string | null {
  if (state.openDifferences > 0) return `${state.openDifferences} differences from the venue are not explained`
  return state.inDoubt.length > 0 && state.inDoubt.includes(symbol) ? 'an order of this pair is in doubt' : null
}

/** Whether the last `count` bars follow each other without a hole. */
function isWhole(reads: Reads, series: SeriesKey, timeframe: Timeframe, count: number): boolean {
  for (let i = 0; i + 1 < count; i += 1) {
    const newer = reads.barOpenMs(series, i)
    const older = reads.barOpenMs(series, i + 1)
    if (newer === undefined || older === undefined || nextBucketStart(timeframe, older) !== newer) return false
  }
  return true
}

function meanOf(reads: Reads, node: SeriesNode, from: number, count: number): number {
  let sum = 0
  for (let i = from; i < from + count; i += 1) sum += reads.value(node, i) ?? Number.NaN
  return sum / count
}

function extremes(reads: Reads, high: SeriesNode, low: SeriesNode, from: number, count: number): { max: number; min: number } {
  let max = Number.NEGATIVE_INFINITY
  let min = Number.POSITIVE_INFINITY
  for (let i = from; i < from + count; i += 1) {
    max = Math.max(max, reads.value(high, i) ?? Number.NaN)
    min = Math.min(min, reads.value(low, i) ?? Number.NaN)
  }
  return { max, min }
}

/** The pair's regime after the latest bar of the regime's timeframe; the same object when nothing changed. */
export function nextRegime(regime: Regime, nodes: RegimeNodes, reads: Reads, before: PairState['regime']): PairState['regime'] {
  const barMs = reads.barOpenMs(nodes.series, 0)
  if (barMs === undefined || barMs === before.barMs) return before
  if (before.pausedAtMs === null) {
    return { barMs, pausedAtMs: isBearish(regime, nodes, reads) ? barMs : null }
  }
  return { barMs, pausedAtMs: hasConsolidated(regime, nodes, reads, before.pausedAtMs) ? null : before.pausedAtMs }
}

function isBearish(regime: Regime, nodes: RegimeNodes, reads: Reads): boolean {
  const bars = regime.consecutiveBars
  if (!isWhole(reads, nodes.series, nodes.timeframe, bars)) return false
  for (let i = 0; i < bars; i += 1) {
    if (regime.belowMa) {
      const close = reads.value(nodes.close, i)
      const average = reads.value(nodes.average, i)
      if (close === undefined || average === undefined || !(close < average)) return false
    }
    if (regime.rsiBelow !== null) {
      const rsi = reads.value(nodes.rsi, i)
      if (rsi === undefined || !(rsi < Number(regime.rsiBelow))) return false
    }
  }
  return true
}

function hasConsolidated(regime: Regime, nodes: RegimeNodes, reads: Reads, pausedAtMs: number): boolean {
  const bars = regime.consolidationBars
  if (!isWhole(reads, nodes.series, nodes.timeframe, bars)) return false
  const volumeFactor = 1 - Number(regime.volumeDecreasePct) / 100
  for (let i = 0; i < bars; i += 1) {
    const openMs = reads.barOpenMs(nodes.series, i)
    if (openMs === undefined || openMs <= pausedAtMs) return false
    const recent = meanOf(reads, nodes.volume, i, 10)
    // A source without volume cannot be asked whether it has calmed: range alone decides, or the pause could never end.
    if (!Number.isNaN(recent) && !(recent <= volumeFactor * meanOf(reads, nodes.volume, i + 10, 10))) return false
    const { max, min } = extremes(reads, nodes.high, nodes.low, i, bars)
    if (!((200 * (max - min)) / (max + min) <= Number(regime.priceRangePct))) return false
  }
  return true
}

/** (earlier high of the window - last close) / that high, in percent: a rise can never trip it. */
export function windowDropPct(highs: readonly number[], close: number): number {
  const max = Math.max(...highs)
  return ((max - close) / max) * 100
}

export function nextBreaker(
  brake: EmergencyBrake,
  nodes: BreakerNodes,
  reads: Reads,
  before: PairState['breaker'],
  atMs: number,
): PairState['breaker'] {
  if (!brake.circuitBreaker) return before
  if (before.trippedAtMs === null) {
    const bars = Math.max(1, Math.floor((brake.circuitBreaker.windowMin * 60_000) / timeframeMs(nodes.timeframe)))
    const highs: number[] = []
    for (let i = 0; i < bars; i += 1) {
      const openMs = reads.barOpenMs(nodes.series, i)
      // What it fell from before it was released has been answered already.
      if (openMs === undefined || (before.releasedAtMs !== null && openMs < before.releasedAtMs)) break
      const high = reads.value(nodes.high, i)
      if (high !== undefined) highs.push(high)
    }
    const close = reads.value(nodes.close, 0)
    if (close === undefined || highs.length === 0) return before
    return windowDropPct(highs, close) >= Number(brake.circuitBreaker.dropPct)
      ? { trippedAtMs: atMs, releasedAtMs: before.releasedAtMs }
      : before
  }
  return brake.recovery.auto && hasCalmed(brake, nodes, reads, before.trippedAtMs)
    ? { trippedAtMs: null, releasedAtMs: atMs }
    : before
}

function hasCalmed(brake: EmergencyBrake, nodes: BreakerNodes, reads: Reads, trippedAtMs: number): boolean {
  const bars = brake.recovery.stabilizationBars
  const oldest = reads.barOpenMs(nodes.recoverySeries, bars - 1)
  if (oldest === undefined || oldest < trippedAtMs) return false
  const { max, min } = extremes(reads, nodes.recoveryHigh, nodes.recoveryLow, 0, bars)
  return ((max - min) / min) * 100 < Number(brake.recovery.maxRangePct)
}
