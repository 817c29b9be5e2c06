// The report of a backtest: everything needed to repeat it and to read it, as plain JSON. Money, prices and quantities are text, as
// they are everywhere at an edge; ratios and percentages are numbers, null where they are not defined.

import type { Gap } from '../core/market/gaps.ts'
import { type Instrument, type InstrumentRules, instrumentRules } from '../core/market/instrument.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { Fill, Order } from '../core/orders/order.ts'
import { volumeWeightedPrice } from '../core/positions/lot.ts'
import { type PerformanceMetrics, performanceMetrics } from '../core/statistics/index.ts'
import type { TradeImage } from '../engine/commit-batch.ts'
import type { VenueParameters } from '../engine/simulated-venue/fill-price.ts'
import { type Latency, NO_LATENCY } from '../engine/simulated-venue/odds.ts'
import { ENGINE_VERSION } from '../engine/version.ts'
import type { BacktestOutcome } from './run-backtest.ts'

export const REPORT_VERSION = 1

export interface ReportedSeries {
  readonly symbol: string
  readonly timeframe: string
  /** SHA-256 of the columns. */
  readonly hash: string
  readonly bars: number
  readonly firstMs: number
  readonly lastMs: number
}

export interface ReportInput {
  readonly outcome: BacktestOutcome
  /** As it was parsed, every default filled: reads back to the same config. */
  readonly config: unknown
  readonly capital: Decimal
  readonly instruments: readonly Instrument[]
  readonly venue: VenueParameters
  readonly skip: boolean
  readonly series: readonly ReportedSeries[]
  /** One name for all candles of the run. */
  readonly dataHash: string
  readonly gaps: readonly (Gap & { readonly symbol: string })[]
}

export interface ReportedLatency {
  readonly min: number
  readonly max: number
}

export interface ReportedFill {
  readonly atMs: number
  readonly side: string
  readonly price: string
  readonly quantity: string
  readonly fee: string
  readonly feeAsset: string
  readonly feeValueQuote: string
  readonly liquidity: string
}

export interface ReportedOrder {
  readonly purpose: string
  readonly sequence: number
  readonly side: string
  readonly type: string
  /** Averaging order or target number, from 1. */
  readonly rung: number | null
  readonly status: string
  readonly isVirtual: boolean
  readonly quantity: string
  readonly limitPrice: string | null
  readonly stopPrice: string | null
  readonly filledQuantity: string
  readonly averagePrice: string | null
  readonly intendedAtMs: number
  readonly closedAtMs: number | null
  readonly reason: string | null
  readonly fills: readonly ReportedFill[]
}

export interface ReportedTrade {
  readonly tradeSeq: number
  readonly symbol: string
  readonly side: string
  readonly openedAtMs: number
  readonly closedAtMs: number
  readonly entryPrice: string | null
  readonly exitPrice: string | null
  readonly quantity: string | null
  readonly grossPnl: string | null
  readonly fees: string
  readonly netPnl: string
  readonly netPnlPct: string | null
  readonly averagingCount: number
  readonly exitReason: string
  readonly orders: readonly ReportedOrder[]
}

export interface BacktestReport {
  readonly schemaVersion: number
  readonly kind: 'backtest'
  readonly engineVersion: string
  readonly run: {
    readonly config: unknown
    readonly capital: string
    readonly instruments: readonly InstrumentRules[]
    readonly fillPath: string
    readonly slippageBps: string
    readonly impactBps: string
    readonly volumeCapPct: string
    readonly latencyMs: ReportedLatency
    readonly cancelLatencyMs: ReportedLatency
    readonly rejectProb: number
    readonly partialProb: number
    readonly seed: number
    readonly mode: 'skip' | 'step'
    readonly firstMs: number
    readonly lastMs: number
  }
  readonly data: {
    readonly hash: string
    readonly series: readonly ReportedSeries[]
    readonly gaps: readonly (Gap & { readonly symbol: string })[]
  }
  readonly metrics: PerformanceMetrics & { readonly finalEquity: string }
  /** Sum of all ledger accounts by currency: zero each. */
  readonly ledgerSums: Readonly<Record<string, string>>
  readonly tradesHash: string
  readonly trades: readonly ReportedTrade[]
  /** At each bar close of the bot's timeframe; the last one is exact. */
  readonly equity: readonly (readonly [number, string])[]
}

export function backtestReport(input: ReportInput): BacktestReport {
  const { outcome, capital, venue } = input
  const closed = outcome.journal.closedTrades()
  const metrics = performanceMetrics({
    trades: closed.map(trade => ({
      netPnl: trade.netPnl!,
      openedAtMs: trade.openedAtMs!,
      closedAtMs: trade.closedAtMs!,
      fees: trade.commission,
    })),
    equity: outcome.equity,
    initialBalance: capital.toNumber(),
    startedAtMs: outcome.firstMs,
  })
  return {
    schemaVersion: REPORT_VERSION,
    kind: 'backtest',
    engineVersion: ENGINE_VERSION,
    run: {
      config: input.config,
      capital: capital.toString(),
      instruments: input.instruments.map(instrumentRules),
      fillPath: venue.fillPath,
      slippageBps: venue.slippageBps.toString(),
      impactBps: venue.impactBpsPerPctVolume.toString(),
      volumeCapPct: venue.volumeCapPct.toString(),
      latencyMs: reportedLatency(venue.latency),
      cancelLatencyMs: reportedLatency(venue.cancelLatency),
      rejectProb: venue.rejectProb ?? 0,
      partialProb: venue.partialProb ?? 0,
      seed: venue.seed ?? 0,
      mode: input.skip ? 'skip' : 'step',
      firstMs: outcome.firstMs,
      lastMs: outcome.lastMs,
    },
    data: { hash: input.dataHash, series: input.series, gaps: input.gaps },
    metrics: { ...metrics, finalEquity: outcome.finalEquity.toString() },
    ledgerSums: outcome.books.sums,
    tradesHash: outcome.tradesHash,
    trades: closed.map(trade => reportedTrade(outcome, trade)),
    equity: reportedEquity(outcome),
  }
}

function reportedLatency({ minMs, maxMs }: Latency = NO_LATENCY): ReportedLatency {
  return { min: minMs, max: maxMs }
}

function reportedTrade({ journal }: BacktestOutcome, trade: TradeImage): ReportedTrade {
  const fills = journal.fillsOf(trade.tradeSeq)
  return {
    tradeSeq: trade.tradeSeq,
    symbol: trade.symbol,
    side: trade.direction,
    openedAtMs: trade.openedAtMs!,
    closedAtMs: trade.closedAtMs!,
    entryPrice: text(trade.entryPrice),
    exitPrice: text(trade.exitPrice),
    quantity: text(trade.size),
    grossPnl: text(trade.grossPnl),
    fees: trade.commission.toString(),
    netPnl: trade.netPnl!.toString(),
    netPnlPct: text(trade.pnlPercentage),
    averagingCount: trade.averagingCount,
    exitReason: trade.exitReason!,
    orders: journal.ordersOf(trade.tradeSeq).map(order => reportedOrder(order, fills)),
  }
}

function reportedOrder(order: Order, fills: readonly Fill[]): ReportedOrder {
  return {
    purpose: order.purpose,
    sequence: order.sequence,
    side: order.side,
    type: order.type,
    rung: order.rung,
    status: order.status,
    isVirtual: order.isVirtual,
    quantity: order.quantity.toString(),
    limitPrice: text(order.limitPrice),
    stopPrice: text(order.stopPrice),
    filledQuantity: order.filledQuantity.toString(),
    averagePrice: text(volumeWeightedPrice(order.filledValue, order.filledQuantity)),
    intendedAtMs: order.intendedAtMs,
    closedAtMs: order.closedAtMs,
    reason: order.reason,
    fills: fills
      .filter(fill => fill.purpose === order.purpose && fill.sequence === order.sequence)
      .map(fill => ({
        atMs: fill.atMs,
        side: fill.side,
        price: fill.price.toString(),
        quantity: fill.quantity.toString(),
        fee: fill.fee.toString(),
        feeAsset: fill.feeAsset,
        feeValueQuote: fill.feeValueQuote.toString(),
        liquidity: fill.liquidity,
      })),
  }
}

/** Samples are float64 and shown to ten places; what the run ends with is known to the last digit. */
function reportedEquity({ equity, finalEquity }: BacktestOutcome): [number, string][] {
  const points: [number, string][] = []
  const last = equity.atMs.length - 1
  for (let i = 0; i < last; i += 1) points.push([equity.atMs[i]!, shortNumber(equity.value[i]!)])
  if (last >= 0) points.push([equity.atMs[last]!, finalEquity.toString()])
  return points
}

function shortNumber(value: number): string {
  const shortest = String(value)
  const point = shortest.indexOf('.')
  if (point < 0 || shortest.length - point <= 11) return shortest
  return String(Math.round(value * 1e10) / 1e10)
}

function text(value: Decimal | null): string | null {
  return value === null ? null : value.toString()
}

/** The report as JSON in pieces of moderate size, so that a long one never has to be one string. */
export function* reportJson(report: BacktestReport): Generator<string> {
  const { trades, equity, ...head } = report
  yield `${JSON.stringify(head).slice(0, -1)},"trades":[`
  for (const [i, trade] of trades.entries()) yield (i === 0 ? '' : ',') + JSON.stringify(trade)
  yield '],"equity":['
  const block = 4096
  for (let i = 0; i < equity.length; i += block) {
    yield (i === 0 ? '' : ',') + JSON.stringify(equity.slice(i, i + block)).slice(1, -1)
  }
  yield ']}\n'
}
