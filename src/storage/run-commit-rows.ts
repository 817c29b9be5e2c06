// Turns one batch of the engine into the rows of its tables. Ids follow from the run and the engine's own names.

import { ACCOUNT_OWNER, type AccountKind, type Transfer } from '../core/ledger/transfer.ts'
import { Decimal } from '../core/money/decimal.ts'
import { clientOrderId } from '../core/orders/client-order-id.ts'
import { type Order, orderKeyText } from '../core/orders/order.ts'
import type { CommitBatch, TradeImage } from '../engine/commit-batch.ts'
import { accountIdOf, decisionIdOf, fillIdOf, orderIdOf, tradeIdOf, transferIdOf } from './ids.ts'
import { timeOf, timeOrNull } from './sql-types.ts'

export interface RunInstrument {
  readonly instrumentId: string
  readonly base: string
  readonly quote: string
}

export interface RunContext {
  readonly userId: string
  readonly botId: string
  readonly runId: string
  readonly mode: 'backtest' | 'paper' | 'live'
  /** `paper_trading` for paper. */
  readonly exchange: string
  /** Of the exchange account; null or absent on paper. */
  readonly connectionId?: string | null
  /** Raised when a backup is restored; part of the client order id. */
  readonly epoch: number
  /** Fencing token of the scope `bot:<botId>`; null only where no lease exists (stored backtests, tests). */
  readonly leaseToken: number | null
  readonly workerId: string | null
  /** By symbol. */
  readonly instruments: ReadonlyMap<string, RunInstrument>
  /** Name of the exit rules in the rows of trades; default dca_exits. */
  readonly exitLogicName?: string
}

export interface RowContext extends RunContext {
  readonly interval: string
  /** Ordinal within the run -> the bot's own counter, of every deal seen so far. */
  readonly botTradeSeqs: Map<number, number>
}

const HUNDRED = Decimal.from(100)
const PLACES = 18

function instrumentOf(context: RunContext, symbol: string): RunInstrument {
  const instrument = context.instruments.get(symbol)
  if (!instrument) throw new Error(`run ${context.runId}: symbol ${symbol} is not among its instruments`)
  return instrument
}

/** The last image of each key wins. */
function latest<T>(images: readonly T[], key: (image: T) => string): T[] {
  return images.length < 2 ? [...images] : [...new Map(images.map(image => [key(image), image])).values()]
}

function tradeStatus(trade: TradeImage): 'open' | 'closed' | 'cancelled' {
  switch (trade.dealStatus) {
    case 'pending':
    case 'open':
    case 'closing':
      return 'open'
    case 'cancelled':
    case 'failed':
      return 'cancelled'
    default:
      return 'closed'
  }
}

export function tradeRows(context: RowContext, batch: CommitBatch): object[] {
  const { runId } = context
  const images = latest(batch.trades, trade => `${trade.tradeSeq}|${trade.partialExit ?? ''}`)
  return images.map(trade => ({
    id: tradeIdOf(runId, trade.tradeSeq, trade.partialExit),
    trade_seq: context.mode === 'backtest' ? trade.tradeSeq : trade.botTradeSeq,
    parent_trade_id: trade.parentTradeSeq === null ? null : tradeIdOf(runId, trade.parentTradeSeq, null),
    bot_version: trade.configVersion,
    entry_logic_name: trade.entryLogicName,
    exit_logic_name: context.exitLogicName ?? 'dca_exits',
    symbol: trade.symbol,
    instrument_id: instrumentOf(context, trade.symbol).instrumentId,
    interval: context.interval,
    direction: trade.direction,
    status: tradeStatus(trade),
    deal_status: trade.dealStatus,
    entry_time: timeOrNull(trade.openedAtMs),
    exit_time: timeOrNull(trade.closedAtMs),
    buy_order_created: timeOrNull(trade.buyOrderCreatedAtMs),
    buy_order_closed: timeOrNull(trade.buyOrderClosedAtMs),
    sell_order_created: timeOrNull(trade.sellOrderCreatedAtMs),
    sell_order_closed: timeOrNull(trade.sellOrderClosedAtMs),
    entry_price: trade.entryPrice,
    exit_price: trade.exitPrice,
    entry_value: trade.entryValue,
    exit_value: trade.exitValue,
    size: trade.size,
    commission: trade.commission,
    gross_pnl: trade.grossPnl,
    net_pnl: trade.netPnl,
    pnl_percentage: trade.pnlPercentage,
    exit_reason: trade.exitReason,
    averaging_count: trade.averagingCount,
    exit_state: trade.exitState ?? {},
    extra_metadata: { tradeSeq: trade.tradeSeq, ...(trade.partialExit === null ? {} : { partialExit: trade.partialExit }) },
  }))
}

/** One row per deal that has been entered. */
export function positionRows(context: RowContext, batch: CommitBatch): object[] {
  const deals = latest(
    batch.trades.filter(trade => trade.partialExit === null && trade.openedAtMs !== null),
    trade => String(trade.tradeSeq),
  )
  return deals.map(trade => {
    const lot = trade.position
    const flat = !lot.quantity.isPositive()
    const ended = tradeStatus(trade) !== 'open'
    return {
      id: tradeIdOf(context.runId, trade.tradeSeq, null),
      trade_id: tradeIdOf(context.runId, trade.tradeSeq, null),
      symbol: trade.symbol,
      instrument_id: instrumentOf(context, trade.symbol).instrumentId,
      side: trade.direction,
      status: ended ? (tradeStatus(trade) === 'cancelled' ? 'cancelled' : 'closed') : flat ? 'pending' : 'open',
      qty: lot.quantity,
      avg_price: lot.averagePrice ?? trade.entryPrice ?? '0',
      unrealized_pnl: lot.unrealizedPnl,
      unrealized_pnl_percent: lot.basis.isZero() ? '0' : lot.unrealizedPnl.times(HUNDRED).dividedBy(lot.basis, 8, 'half_even'),
      realized_pnl: lot.realizedPnl,
      fees_paid: lot.feesPaid,
      current_price: lot.currentPrice,
      size_notional: lot.currentPrice === null ? null : lot.quantity.times(lot.currentPrice),
      stop_price: lot.stopPrice,
      peak_price: lot.peakPrice,
      basis_current: lot.basis,
      take_profits: lot.takeProfits ?? [],
      break_even_active: lot.breakEvenActive,
      trailing_active: lot.trailingActive,
      is_protected: lot.isProtected,
      protection_reason: lot.protectionReason,
      exit_reason: trade.exitReason,
      opened_at: timeOf(trade.openedAtMs!),
      closed_at: timeOrNull(trade.closedAtMs),
    }
  })
}

/** The name under which a venue would know the order (execution.md 2.2). */
function venueName(context: RowContext, order: Order): string {
  const tradeSeq = context.botTradeSeqs.get(order.tradeSeq)
  if (tradeSeq === undefined) throw new Error(`run ${context.runId}: order ${orderKeyText(order)} has no deal`)
  const { epoch, botId } = context
  return clientOrderId({ epoch, botId, tradeSeq, purpose: order.purpose, sequence: order.sequence }).id
}

const ENDED_UNFILLED = new Set(['cancelled', 'rejected', 'expired'])

export function orderRows(context: RowContext, batch: CommitBatch): object[] {
  const orders = latest(batch.orders, orderKeyText)
  // An order that ended gives its rung free before the next one takes it: rows are written in their order.
  const first = orders.filter(order => ENDED_UNFILLED.has(order.status))
  const rest = orders.filter(order => !ENDED_UNFILLED.has(order.status))
  return [...first, ...rest].map(order => {
    const instrument = instrumentOf(context, order.symbol)
    return {
      order_id: orderIdOf(context.runId, orderKeyText(order)),
      trade_id: tradeIdOf(context.runId, order.tradeSeq, null),
      client_order_id: venueName(context, order),
      symbol: order.symbol,
      instrument_id: instrument.instrumentId,
      side: order.side,
      purpose: order.purpose,
      sequence: order.sequence,
      // The column numbers the ladder; a target's number would meet the ladder's in the same deal.
      rung: order.purpose === 'avg' ? order.rung : null,
      qty: order.quantity,
      order_type: order.type,
      limit_price: order.limitPrice,
      stop_price: order.stopPrice,
      avg_price: order.filledQuantity.isZero() ? null : order.filledValue.dividedBy(order.filledQuantity, PLACES, 'half_even'),
      is_virtual: order.isVirtual,
      status: order.status,
      cancel_state: order.cancelState,
      filled_qty: order.filledQuantity,
      fees: order.feeValueQuote,
      fee_currency: instrument.quote,
      reason: order.reason,
      submitted_at: timeOf(order.intendedAtMs),
      closed_at: timeOrNull(order.closedAtMs),
    }
  })
}

export function fillRows(context: RowContext, batch: CommitBatch): object[] {
  return batch.fills.map(fill => ({
    fill_id: fillIdOf(context.runId, orderKeyText(fill), fill.fillId),
    order_id: orderIdOf(context.runId, orderKeyText(fill)),
    trade_id: tradeIdOf(context.runId, fill.tradeSeq, null),
    symbol: fill.symbol,
    instrument_id: instrumentOf(context, fill.symbol).instrumentId,
    exchange_trade_id: fill.fillId,
    side: fill.side,
    qty: fill.quantity,
    price: fill.price,
    fee: fill.fee,
    fee_currency: fill.feeAsset,
    fee_value_quote: fill.feeValueQuote,
    fee_estimated: fill.feeEstimated ?? false,
    liquidity: fill.liquidity,
    filled_at: timeOf(fill.atMs),
  }))
}

interface AccountChange {
  readonly id: string
  readonly bot_id: string | null
  readonly trade_id: string | null
  readonly currency: string
  readonly kind: string
  change: Decimal
}

/** Transfers with the change each of their accounts takes. */
export function ledgerRows(
  context: RunContext,
  transfers: readonly Transfer[],
): { accounts: AccountChange[]; transfers: object[] } {
  const changes = new Map<string, AccountChange>()
  const book = (kind: AccountKind, transfer: Transfer, amount: Decimal): string => {
    const owner = ACCOUNT_OWNER[kind]
    if (owner === 'trade' && transfer.tradeSeq === null) throw new Error(`transfer ${transfer.cause}: ${kind} needs a deal`)
    const botId = owner === 'account' ? null : context.botId
    const tradeId = owner === 'trade' ? tradeIdOf(context.runId, transfer.tradeSeq!, null) : null
    const { userId, mode, exchange, connectionId = null } = context
    const { currency } = transfer
    const key = `${kind}|${tradeId ?? ''}|${currency}`
    const known = changes.get(key)
    if (known) {
      known.change = known.change.plus(amount)
      return known.id
    }
    const id = accountIdOf({ userId, mode, exchange, connectionId, botId, tradeId, currency, kind })
    changes.set(key, { id, bot_id: botId, trade_id: tradeId, currency, kind, change: amount })
    return id
  }
  const rows = transfers.map(transfer => {
    const debit = book(transfer.debit, transfer, transfer.amount)
    const credit = book(transfer.credit, transfer, transfer.amount.negated())
    return {
      id: transferIdOf(context.runId, transfer.cause),
      kind: transfer.kind,
      debit,
      credit,
      amount: transfer.amount,
      currency: transfer.currency,
      trade_id: transfer.tradeSeq === null ? null : tradeIdOf(context.runId, transfer.tradeSeq, null),
      order_id: transfer.orderKey === null ? null : orderIdOf(context.runId, transfer.orderKey),
      fill_id:
        transfer.fillId === null || transfer.orderKey === null
          ? null
          : fillIdOf(context.runId, transfer.orderKey, transfer.fillId),
    }
  })
  return { accounts: [...changes.values()], transfers: rows }
}

export function decisionRows(context: RowContext, batch: CommitBatch): object[] {
  return batch.decisions.map(decision => ({
    decision_id: decisionIdOf(context.runId, decision.seq),
    seq: decision.seq,
    symbol: decision.symbol,
    instrument_id: instrumentOf(context, decision.symbol).instrumentId,
    timeframe: decision.timeframe,
    bar_open: timeOf(decision.barOpenMs),
    decided_at: timeOf(decision.decidedAtMs),
    outcome: decision.outcome,
    reason: decision.reason,
    trace: decision.trace ?? {},
    gates: decision.gates ?? {},
  }))
}

export function eventRows(context: RowContext, batch: CommitBatch): object[] {
  return batch.events.map(event => ({
    type: event.type,
    category: event.category,
    severity: event.severity,
    trade_id: event.tradeSeq === null ? null : tradeIdOf(context.runId, event.tradeSeq, null),
    symbol: event.symbol,
    message: event.message,
    // created_at is when the row was written; a replayed run lives at another time.
    details: { atMs: batch.atMs, ...(typeof event.details === 'object' && event.details !== null ? event.details : {}) },
  }))
}

export function equityRows(batch: CommitBatch): object[] {
  return batch.equity.map(sample => ({
    at: timeOf(sample.atMs),
    currency: sample.currency,
    equity: sample.equity,
    balance: sample.balance,
    unrealized_pnl: sample.unrealizedPnl,
    drawdown_pct: sample.drawdownPct,
  }))
}

export function metricsRows(batch: CommitBatch): object[] {
  const metrics = batch.metrics
  if (!metrics) return []
  return [
    {
      sharpe_ratio: metrics.sharpeRatio,
      win_rate: metrics.winRate,
      profit_factor: metrics.profitFactor,
      max_drawdown: metrics.maxDrawdown,
      total_return: metrics.totalReturn,
      avg_win: metrics.avgWin,
      avg_loss: metrics.avgLoss,
      largest_win: metrics.largestWin,
      largest_loss: metrics.largestLoss,
      total_trades: metrics.totalTrades,
      winning_trades: metrics.winningTrades,
      losing_trades: metrics.losingTrades,
      calculated_at: timeOf(batch.atMs),
      extra: metrics.extra ?? {},
    },
  ]
}
