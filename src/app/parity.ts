// Parity as the application runs it: rows in, one deal simulated, its report out.

import { parityLegs } from '../backtest/parity-legs.ts'
import { splitSymbol } from '../core/market/instrument.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { Purpose } from '../core/orders/order.ts'
import { attribute, type ParityLeg, type ParitySide } from '../core/parity/attribute.ts'
import { ENGINE_VERSION } from '../engine/version.ts'
import { marketAt } from '../market-data/demo-feed.ts'
import { OUTSIDE_EVENTS } from '../runs/batch-collector.ts'
import { isOutage } from '../runs/outage.ts'
import { type DealStart, type SimulatedDeal, type SimulationDeps, simulateDeal } from '../runs/parity-deal.ts'
import type { DueDeals } from '../runs/parity-reporter.ts'
import type { HistorySource, RunStore } from '../runs/ports.ts'
import type { RecordedRun } from '../runs/replay-run.ts'
import type { RecordedEntry } from '../runs/replay-run-journal.ts'
import type { Database } from '../storage/database.ts'
import { findRunHead, journalRowsOf } from '../storage/parity-queries.ts'
import { type DealRows, type DueDeal, dealRows, dealsWithoutParity, type ParityRow, saveParity } from '../storage/parity-store.ts'
import { createMarket } from './market.ts'
import { recordedRun, replayDeps } from './recorded-run.ts'

export interface ParityWorld {
  readonly database: Database
  /** Epoch ms. */
  now(): number
}

/** The reports that are missing, and how one is made. */
export function parityDeals({ database, now }: ParityWorld): DueDeals<DueDeal> {
  const { instruments, market } = replayDeps(database)
  const history = rememberingHistory(createMarket(database, { now, sleep: async () => {} }).history)
  const deps: SimulationDeps = {
    instruments,
    market,
    history,
    lookups: new Map(),
    demoNowMs: ({ feed }) => (feed.kind === 'demo' && feed.time ? marketAt(feed.time, now()) : Number.POSITIVE_INFINITY),
  }
  let lastRun: { runId: string; run: RecordedRun } | null = null
  return {
    async due(runId, atMost) {
      lastRun = null
      history.forget()
      deps.lookups.clear()
      return dealsWithoutParity(database, runId, atMost)
    },
    async report(deal, signal) {
      if (lastRun?.runId !== deal.runId) {
        const head = await findRunHead(database, deal.runId)
        if (!head) return
        lastRun = { runId: deal.runId, run: await recordedRun(database, head) }
      }
      const row = await reportOf(database, deal, lastRun.run, deps, signal)
      if (row) await saveParity(database, deal.userId, row)
    },
  }
}

/** A store that tells of each run in which a deal has closed, and of each that has ended: after that is committed, and never instead. */
export function noticingClosedDeals(store: RunStore, notice: (runId: string) => void): RunStore {
  return {
    ...store,
    async journal(assignment, ...more) {
      const journal = await store.journal(assignment, ...more)
      return {
        async commit(batch) {
          await journal.commit(batch)
          const closed = batch.trades.some(trade => trade.parentTradeSeq === null && trade.closedAtMs !== null)
          if (closed || batch.totals.status !== 'running') notice(assignment.runId)
        },
      }
    },
  }
}

/** Null for a deal that is gone. @throws what the database throws while it is away, and the signal's reason. */
async function reportOf(
  database: Database,
  due: DueDeal,
  run: RecordedRun,
  deps: SimulationDeps,
  signal: AbortSignal,
): Promise<ParityRow | null> {
  const rows = await dealRows(database, due)
  if (!rows) return null
  const unavailable = (reason: string): ParityRow => ({
    ...due,
    status: 'unavailable',
    reason,
    matched: false,
    cause: null,
    netPnl: rows.deal.netPnl,
    simulatedPnl: null,
    difference: null,
    entryValue: rows.deal.entryValue,
    parts: {},
    details: {},
    engineVersion: ENGINE_VERSION,
  })
  const { start } = rows
  if (!start) return unavailable('the deal began before what a simulation starts from was noted')
  const during = (await journalRowsOf(database, due.userId, due.runId, [...OUTSIDE_EVENTS, 'caught_up'], {
    afterSeq: start.seq,
    untilMs: rows.deal.closedAtMs,
  })) as RecordedEntry[]
  const outside = during.filter(entry => OUTSIDE_EVENTS.has(entry.kind))
  try {
    const simulated = await simulateDeal(
      {
        assignment: run.assignment,
        saved: run.saved,
        tradeSeq: rows.deal.tradeSeq,
        start: (start.payload as { starts: [DealStart] }).starts[0],
        decidedAtMs: start.atMs,
        outside,
      },
      deps,
      signal,
    )
    return compared(due, rows, simulated, causeOf(run, rows, during))
  } catch (error) {
    if (signal.aborted || isOutage(error)) throw error
    return unavailable(error instanceof Error ? error.message : String(error))
  }
}

function compared(due: DueDeal, rows: DealRows, simulated: SimulatedDeal, cause: NonNullable<ParityRow['cause']>): ParityRow {
  const { deal } = rows
  const live = sideOf(rows)
  const { difference, parts, missed, extra } = attribute(live, simulated.side)
  const matched = missed.length + extra.length === 0
  const entryValue = Decimal.from(deal.entryValue)
  return {
    ...due,
    status: 'compared',
    reason: null,
    matched,
    cause: matched ? null : cause,
    netPnl: deal.netPnl,
    simulatedPnl: simulated.side.netPnl.toString(),
    difference: difference.toString(),
    entryValue: (entryValue.isPositive() ? entryValue : simulated.entryValue).toString(),
    parts: Object.fromEntries(Object.entries(parts).map(([part, amount]) => [part, amount.toString()])),
    details: {
      missed,
      extra,
      deal: {
        openedAtMs: deal.openedAtMs,
        closedAtMs: deal.closedAtMs,
        exitReason: deal.exitReason,
        legs: live.legs.map(legJson),
      },
      simulation: {
        openedAtMs: simulated.openedAtMs,
        closedAtMs: simulated.closedAtMs,
        exitReason: simulated.exitReason,
        legs: simulated.side.legs.map(legJson),
      },
    },
    engineVersion: ENGINE_VERSION,
  }
}

function legJson(leg: ParityLeg): object {
  const { key, side, quantity, value, decidedPrice } = leg
  return { key, side, quantity: quantity.toString(), value: value.toString(), decidedPrice: decidedPrice?.toString() ?? null }
}

function sideOf({ deal, orders, fills }: DealRows): ParitySide {
  const price = (text: string | null): Decimal | null => (text === null ? null : Decimal.from(text))
  return {
    legs: parityLegs(
      orders.map(order => ({
        ...order,
        purpose: order.purpose as Purpose,
        limitPrice: price(order.limitPrice),
        stopPrice: price(order.stopPrice),
      })),
      fills.map(fill => ({
        ...fill,
        purpose: fill.purpose as Purpose,
        price: Decimal.from(fill.price),
        quantity: Decimal.from(fill.quantity),
        fee: Decimal.from(fill.fee),
      })),
      splitSymbol(deal.symbol)?.base ?? '',
    ),
    netPnl: Decimal.from(deal.netPnl),
    fees: Decimal.from(deal.commission),
    funding: ZERO,
  }
}

/** Why decisions may differ: candles that came too late for them, another engine, an edit. */
function causeOf(run: RecordedRun, { start, deal }: DealRows, during: readonly RecordedEntry[]): NonNullable<ParityRow['cause']> {
  const wasAway = run.late.some(({ fromMs, toMs }) => toMs >= start!.atMs && fromMs <= deal.closedAtMs)
  if (wasAway) return 'data_gap'
  if (during.some(entry => entry.kind === 'config_applied')) return 'config'
  return run.engineVersion === ENGINE_VERSION ? 'unknown' : 'version'
}

/** Deals of one run lie on the same candles: they are read once for a chunk of deals. */
function rememberingHistory(source: HistorySource): HistorySource & { forget(): void } {
  const known = new Map<string, ReturnType<HistorySource['columns']>>()
  return {
    venueTimeframe: (instrumentId, coarsest) => source.venueTimeframe(instrumentId, coarsest),
    columns(instrumentId, timeframe, fromMs, toMs) {
      const key = `${instrumentId} ${timeframe} ${fromMs ?? ''} ${toMs ?? ''}`
      const found = known.get(key) ?? source.columns(instrumentId, timeframe, fromMs, toMs)
      known.set(key, found)
      return found
    },
    forget: () => known.clear(),
  }
}
