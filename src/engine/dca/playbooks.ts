// The playbooks and guards of a bot on one pair, compiled to the nodes they read.

import { type CompiledPlaybook, compilePlaybook, fastest } from '../../core/conditions/compile.ts'
import type { SeriesOperand } from '../../core/conditions/condition.ts'
import type { Reads } from '../../core/conditions/evaluate.ts'
import type { Playbook } from '../../core/conditions/playbook.ts'
import { nodeOf, type SeriesKey, type SeriesNode, seriesKey } from '../../core/conditions/series-node.ts'
import {
  FRESH_PLAYBOOK_STATE,
  instantOf,
  type PlaybookState,
  type PlaybookStep,
  stepPlaybook,
} from '../../core/conditions/step-playbook.ts'
import type { DcaConfig } from '../../core/dca/config.ts'
import { type Timeframe, timeframeMs } from '../../core/market/timeframe.ts'

export interface RegimeNodes {
  readonly series: SeriesKey
  readonly timeframe: Timeframe
  readonly close: SeriesNode
  readonly high: SeriesNode
  readonly low: SeriesNode
  readonly volume: SeriesNode
  readonly average: SeriesNode
  readonly rsi: SeriesNode
}

export interface BreakerNodes {
  readonly series: SeriesKey
  readonly timeframe: Timeframe
  readonly high: SeriesNode
  readonly low: SeriesNode
  readonly close: SeriesNode
  readonly recoverySeries: SeriesKey
  readonly recoveryTimeframe: Timeframe
  readonly recoveryHigh: SeriesNode
  readonly recoveryLow: SeriesNode
}

export interface TurnoverNodes {
  readonly series: SeriesKey
  readonly close: SeriesNode
  readonly volume: SeriesNode
  /** Bars of the decision clock in 24 hours. */
  readonly bars: number
}

export interface PairPlaybooks {
  readonly entry: CompiledPlaybook | null
  readonly requirement: CompiledPlaybook | null
  readonly averaging: CompiledPlaybook | null
  readonly closeBy: CompiledPlaybook | null
  readonly regime: RegimeNodes | null
  readonly breaker: BreakerNodes | null
  /** Close and volume of the last 24 hours' bars; null where nothing asks for them. */
  readonly turnover: TurnoverNodes | null
  /** Series the pair's decisions read, with how many closed bars of each. */
  readonly series: readonly {
    readonly key: SeriesKey
    readonly instrumentId: string
    readonly timeframe: Timeframe
    readonly depth: number
  }[]
  readonly nodes: readonly SeriesNode[]
}

/** Decision instants are the closes of the fastest timeframe that the bot's clock and its playbooks use. */
export function decisionTimeframe(config: DcaConfig): Timeframe {
  const timeframes: Timeframe[] = [config.timeframe]
  const playbooks: (Playbook | null | undefined)[] = [
    config.entry.playbook,
    config.averaging?.requirePlaybook,
    config.averaging?.rule.type === 'condition' ? config.averaging.rule.playbook : null,
    config.exits.closeBy?.playbook,
  ]
  for (const playbook of playbooks) {
    for (const item of playbook?.items ?? []) if (item.enabled) timeframes.push(item.condition.timeframe)
  }
  return fastest(timeframes)
}

const DAY_MS = 86_400_000

const priceOf = (field: 'high' | 'low' | 'close'): SeriesOperand => ({ kind: 'price', field, barsAgo: 0, timeframe: null })
const VOLUME: SeriesOperand = { kind: 'volume', barsAgo: 0, timeframe: null }
const indicator = (name: string, params: Record<string, number>): SeriesOperand => ({
  kind: 'indicator',
  name,
  component: 'value',
  params,
  source: 'close',
  barsAgo: 0,
  timeframe: null,
})

/** @param venueTimeframe the finest timeframe there is: a recovery clock cannot be finer. */
export function compilePair(
  config: DcaConfig,
  symbol: string,
  instrumentIdOf: (symbol: string) => string,
  venueTimeframe: Timeframe,
): PairPlaybooks {
  const compile = (playbook: Playbook | null | undefined): CompiledPlaybook | null =>
    playbook ? compilePlaybook(playbook, { symbol, instrumentIdOf, clockTimeframe: decisionTimeframe(config) }) : null
  const entry = compile(config.entry.playbook)
  const requirement = compile(config.averaging?.requirePlaybook)
  const averaging = compile(config.averaging?.rule.type === 'condition' ? config.averaging.rule.playbook : null)
  const closeBy = compile(config.exits.closeBy?.playbook)
  const regime = config.regime ? regimeNodes(config, instrumentIdOf(config.regime.symbol ?? symbol)) : null
  const breaker = breakerNodes(config, instrumentIdOf(symbol), venueTimeframe)

  const series = new Map<SeriesKey, { key: SeriesKey; instrumentId: string; timeframe: Timeframe; depth: number }>()
  const nodes = new Map<string, SeriesNode>()
  const need = (key: SeriesKey, instrumentId: string, timeframe: Timeframe, depth: number): void => {
    series.set(key, { key, instrumentId, timeframe, depth: Math.max(depth, series.get(key)?.depth ?? 0) })
  }
  for (const playbook of [entry, requirement, averaging, closeBy]) {
    if (!playbook) continue
    for (const ref of playbook.series) need(ref.key, ref.instrumentId, ref.timeframe, ref.depth)
    for (const node of playbook.nodes) nodes.set(node.id, node)
  }
  const add = (own: object, key: SeriesKey, instrumentId: string, timeframe: Timeframe, depth: number): void => {
    need(key, instrumentId, timeframe, depth)
    for (const node of Object.values(own)) {
      if (typeof node === 'object' && node !== null && 'groupId' in node && (node as SeriesNode).series === key) {
        nodes.set((node as SeriesNode).id, node as SeriesNode)
      }
    }
  }
  if (regime && config.regime) {
    const depth = Math.max(config.regime.consecutiveBars, 2 * config.regime.consolidationBars + 21) + 1
    add(regime, regime.series, regime.close.instrumentId, regime.timeframe, depth)
  }
  if (breaker && config.emergencyBrake?.circuitBreaker) {
    add(
      breaker,
      breaker.series,
      breaker.close.instrumentId,
      breaker.timeframe,
      config.emergencyBrake.circuitBreaker.windowMin + 2,
    )
    add(
      breaker,
      breaker.recoverySeries,
      breaker.close.instrumentId,
      breaker.recoveryTimeframe,
      config.emergencyBrake.recovery.stabilizationBars + 2,
    )
  }
  const turnover = turnoverNodes(config, instrumentIdOf(symbol))
  if (turnover) add(turnover, turnover.series, turnover.close.instrumentId, decisionTimeframe(config), turnover.bars + 1)
  return {
    entry,
    requirement,
    averaging,
    closeBy,
    regime,
    breaker,
    turnover,
    series: [...series.values()],
    nodes: [...nodes.values()],
  }
}

function regimeNodes(config: DcaConfig, instrumentId: string): RegimeNodes {
  const regime = config.regime!
  const node = (operand: SeriesOperand): SeriesNode => nodeOf(operand, instrumentId, regime.timeframe)
  return {
    series: seriesKey(instrumentId, regime.timeframe),
    timeframe: regime.timeframe,
    close: node(priceOf('close')),
    high: node(priceOf('high')),
    low: node(priceOf('low')),
    volume: node(VOLUME),
    average: node(indicator('sma', { period: regime.maPeriod })),
    rsi: node(indicator('rsi', { period: regime.rsiPeriod })),
  }
}

function turnoverNodes(config: DcaConfig, instrumentId: string): TurnoverNodes | null {
  if (config.dealStart.minQuoteVolume24h === null) return null
  const clock = decisionTimeframe(config)
  return {
    series: seriesKey(instrumentId, clock),
    close: nodeOf(priceOf('close'), instrumentId, clock),
    volume: nodeOf(VOLUME, instrumentId, clock),
    bars: Math.max(1, Math.floor(DAY_MS / timeframeMs(clock))),
  }
}

function breakerNodes(config: DcaConfig, instrumentId: string, venueTimeframe: Timeframe): BreakerNodes | null {
  const brake = config.emergencyBrake
  if (!brake?.circuitBreaker) return null
  const clock = decisionTimeframe(config)
  const recovery =
    fastest([brake.recovery.timeframe, venueTimeframe]) === venueTimeframe ? brake.recovery.timeframe : venueTimeframe
  const node = (operand: SeriesOperand, timeframe: Timeframe): SeriesNode => nodeOf(operand, instrumentId, timeframe)
  return {
    series: seriesKey(instrumentId, clock),
    timeframe: clock,
    high: node(priceOf('high'), clock),
    low: node(priceOf('low'), clock),
    close: node(priceOf('close'), clock),
    recoverySeries: seriesKey(instrumentId, recovery),
    recoveryTimeframe: recovery,
    recoveryHigh: node(priceOf('high'), recovery),
    recoveryLow: node(priceOf('low'), recovery),
  }
}

/** Steps a playbook to this instant; null where its clock has no bar yet. */
export function stepAt(
  playbook: CompiledPlaybook,
  saved: unknown,
  reads: Reads,
  atMs: number,
): (PlaybookStep & { barOpenMs: number }) | null {
  const instant = instantOf(playbook, reads, atMs)
  if (instant.bar < 0) return null
  return { ...stepPlaybook(playbook, playbookState(saved), reads, instant), barOpenMs: instant.barOpenMs }
}

export function playbookState(saved: unknown): PlaybookState {
  return (saved as PlaybookState | null) ?? FRESH_PLAYBOOK_STATE
}
