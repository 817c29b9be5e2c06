// From what happened since the last commit to the batch of one transaction: running figures, totals, and at the end the hash of all
// deals.

import { Decimal, ZERO } from '../core/money/decimal.ts'
import { type HashedTrade, tradesHash } from '../core/positions/trades-hash.ts'
import type { CommitBatch, RunTotals } from '../engine/commit-batch.ts'
import type { StoredTrade } from './ports.ts'
import type { SavedState, Session } from './session.ts'

export interface BatchDeps {
  now(): number
  /** Committed deals of the run. */
  trades(): Promise<StoredTrade[]>
}

export async function makeBatch(session: Session, deps: BatchDeps, dataEnded: boolean): Promise<CommitBatch> {
  const { run, collector, statistics, feed } = session
  feed.pump.flushEquity(point => {
    const drawdownPct = statistics.sample(point.atMs, point.equity)
    collector.addEquity({
      atMs: point.atMs,
      currency: session.saved.currency,
      equity: moneyText(point.equity),
      balance: moneyText(point.balance),
      unrealizedPnl: moneyText(point.unrealized),
      drawdownPct,
    })
  })
  const closed = collector.closedTrades()
  for (const trade of closed) {
    statistics.closed(trade.netPnl ?? ZERO)
    session.guard.closed(trade.netPnl ?? ZERO)
  }
  const summary = run.machine.summary(run.state)
  const ended = summary.ended !== null
  const status: RunTotals['status'] = !ended ? 'running' : dataEnded || summary.ended === 'completed' ? 'completed' : 'stopped'
  const underWay = run.savedVenue()
  const state: SavedState = {
    schema: 1,
    engine: run.state,
    cursor: session.cursor,
    commandN: session.commandN,
    statistics: statistics.state,
    equityUptoMs: feed.pump.equityUptoMs(),
    startMs: feed.pump.startMs,
    venueTimeframe: session.venueTimeframe,
    reasons: collector.reasons(),
    safety: session.safety,
    triggers: session.guard.memory,
    ...(underWay ? { venue: underWay } : {}),
  }
  const { cash, equity } = money(session)
  return collector.take(
    {
      funds: summary.funds,
      metrics: closed.length > 0 || ended ? statistics.metrics() : null,
      totals: {
        status,
        endedAtMs: ended ? deps.now() : null,
        totalTrades: summary.closedTrades,
        totalPnl: equity.minus(session.initialBalance).toString(),
        currentBalance: cash.toString(),
        maxDrawdown: statistics.maxDrawdownPct,
        sharpeRatio: statistics.sharpe(),
        tradesHash: ended ? await hashOf(session, deps) : null,
      },
      botStatus: summary.status,
      pausedBy: summary.pausedBy,
      state,
    },
    Math.max(session.cursor.atMs, feed.pump.startMs),
  )
}

/** Cash, and equity with what is held at its last price; in quote. */
export function money(session: Session): { cash: Decimal; equity: Decimal } {
  const summary = session.run.machine.summary(session.run.state)
  const prices = session.feed.pump.prices()
  let cash = ZERO
  for (const fund of summary.funds) cash = cash.plus(fund.free).plus(fund.locked)
  let equity = cash
  for (const lot of summary.lots) {
    const price = prices.get(lot.symbol)
    equity = equity.plus(price ? lot.quantity.times(price) : lot.basis)
  }
  return { cash, equity }
}

/** Of all closed deals of the run: those that are committed, and those of the batch at hand. */
async function hashOf(session: Session, deps: BatchDeps): Promise<string> {
  const trades = new Map<number, HashedTrade>()
  const fills = new Map<number, HashedTrade['fills'][number][]>()
  for (const stored of await deps.trades()) {
    fills.set(stored.tradeSeq, [...stored.fills])
    if (stored.closedAtMs === null || stored.openedAtMs === null || stored.netPnl === null) continue
    const { openedAtMs, closedAtMs, netPnl } = stored
    trades.set(stored.tradeSeq, { ...stored, openedAtMs, closedAtMs, netPnl, exitReason: stored.exitReason ?? '' })
  }
  for (const fill of session.collector.fills()) {
    const known = fills.get(fill.tradeSeq)
    if (known) known.push(fill)
    else fills.set(fill.tradeSeq, [fill])
  }
  for (const trade of session.collector.closedTrades()) {
    trades.set(trade.tradeSeq, {
      tradeSeq: trade.tradeSeq,
      symbol: trade.symbol,
      side: trade.direction,
      openedAtMs: trade.openedAtMs ?? 0,
      closedAtMs: trade.closedAtMs ?? 0,
      exitReason: trade.exitReason ?? '',
      netPnl: trade.netPnl ?? ZERO,
      fills: [],
    })
  }
  return tradesHash([...trades.values()].map(trade => ({ ...trade, fills: fills.get(trade.tradeSeq) ?? [] })))
}

/** Sampled figures are float64: eight decimals are what they carry. */
function moneyText(value: number): string {
  return Decimal.from(value.toFixed(8)).toString()
}
