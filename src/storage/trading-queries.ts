// Reads about trading: orders, fills, trades with their summary, positions, holdings and funds. Rows are the table's columns.

import { Decimal } from '../core/money/decimal.ts'
import type { Transaction } from './database.ts'
import { type Filter, listRows, type Page, type PageRequest, selectList, whereOf } from './list-rows.ts'

export type Row = Record<string, unknown>

export interface OrderFilter extends PageRequest {
  readonly botId?: string | undefined
  readonly runId?: string | undefined
  readonly tradeId?: string | undefined
  readonly status?: string | undefined
  readonly symbol?: string | undefined
  readonly mode?: string | undefined
}

/** Newest first. */
export function listOrders<R extends object = Row>(tx: Transaction, filter: OrderFilter = {}): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'order_logs',
    filters: [
      ['bot_id', '=', filter.botId],
      ['run_id', '=', filter.runId],
      ['trade_id', '=', filter.tradeId],
      ['status', '=', filter.status],
      ['symbol', '=', filter.symbol],
      ['mode', '=', filter.mode],
    ],
    orderBy: 'created_at',
    orderType: 'timestamptz',
    key: 'order_id',
    direction: 'desc',
  })
}

/** The order with its fills in order of time. */
export async function findOrder<R extends object = Row, F extends object = Row>(
  tx: Transaction,
  orderId: string,
): Promise<(R & { fills: F[] }) | null> {
  const order = await tx.one<R>(`select ${selectList('order_logs')} from order_logs where order_id = $1`, [orderId])
  if (!order) return null
  const { rows } = await tx.query<F>(
    `select ${selectList('fills')} from fills where order_id = $1 order by filled_at, created_at`,
    [orderId],
  )
  return { ...order, fills: rows }
}

/** Newest first. */
export function listFills<R extends object = Row>(
  tx: Transaction,
  filter: PageRequest & {
    orderId?: string | undefined
    tradeId?: string | undefined
    symbol?: string | undefined
    mode?: string | undefined
  } = {},
): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'fills',
    filters: [
      ['order_id', '=', filter.orderId],
      ['trade_id', '=', filter.tradeId],
      ['symbol', '=', filter.symbol],
      ['mode', '=', filter.mode],
    ],
    orderBy: 'filled_at',
    orderType: 'timestamptz',
    key: 'fill_id',
    direction: 'desc',
  })
}

export interface TradeFilter extends PageRequest {
  readonly botId?: string | undefined
  readonly runId?: string | undefined
  readonly status?: string | undefined
  readonly symbol?: string | undefined
  readonly tradeType?: string | undefined
  /** Entered at or after, and before: ISO-8601. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

function tradeFilters(filter: TradeFilter): Filter[] {
  return [
    ['parent_trade_id', 'is', null],
    ['bot_id', '=', filter.botId],
    ['run_id', '=', filter.runId],
    ['status', '=', filter.status],
    ['symbol', '=', filter.symbol],
    ['trade_type', '=', filter.tradeType],
    ['entry_time', '>=', filter.from],
    ['entry_time', '<', filter.to],
  ]
}

/** Deals newest first; partial exits belong to their deal and are not listed. */
export function listTrades<R extends object = Row>(tx: Transaction, filter: TradeFilter = {}): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'trades',
    filters: tradeFilters(filter),
    orderBy: 'created_at',
    orderType: 'timestamptz',
    key: 'id',
    direction: 'desc',
  })
}

/** The deal with its orders, fills and partial exits. */
export async function findTrade<R extends object = Row>(
  tx: Transaction,
  tradeId: string,
): Promise<(R & { orders: Row[]; fills: Row[]; partialExits: R[] }) | null> {
  const trade = await tx.one<R>(`select ${selectList('trades')} from trades where id = $1`, [tradeId])
  if (!trade) return null
  const orders = await tx.query<Row>(
    `select ${selectList('order_logs')} from order_logs where trade_id = $1 order by coalesce(submitted_at, created_at), sequence`,
    [tradeId],
  )
  const fills = await tx.query<Row>(
    `select ${selectList('fills')} from fills where trade_id = $1 order by filled_at, created_at`,
    [tradeId],
  )
  const partial = await tx.query<R>(
    `select ${selectList('trades')} from trades where parent_trade_id = $1 order by exit_time, created_at`,
    [tradeId],
  )
  return { ...trade, orders: orders.rows, fills: fills.rows, partialExits: partial.rows }
}

export interface TradeSummary {
  readonly trades: number
  readonly open: number
  readonly wins: number
  readonly losses: number
  readonly breakEven: number
  readonly netPnl: string
  readonly commission: string
  /** Percent of wins among closed deals; null without any. */
  readonly winRate: string | null
  /** Null without losses. */
  readonly profitFactor: string | null
}

/** Counts and sums of what a filter leaves; a win is net profit above 0 after the fees of both legs. */
export async function tradeSummary(tx: Transaction, filter: Omit<TradeFilter, 'limit' | 'cursor'> = {}): Promise<TradeSummary> {
  const values: unknown[] = []
  const where = whereOf(tradeFilters(filter), values)
  const row = await tx.one<{
    trades: number
    open: number
    wins: number
    losses: number
    even: number
    net: string | null
    commission: string | null
    won: string | null
    lost: string | null
  }>(
    `select count(*)::integer as trades, count(*) filter (where status = 'open')::integer as open,
       count(*) filter (where status = 'closed' and net_pnl > 0)::integer as wins,
       count(*) filter (where status = 'closed' and net_pnl < 0)::integer as losses,
       count(*) filter (where status = 'closed' and net_pnl = 0)::integer as even,
       sum(net_pnl) filter (where status = 'closed') as net, sum(commission) as commission,
       sum(net_pnl) filter (where status = 'closed' and net_pnl > 0) as won,
       sum(net_pnl) filter (where status = 'closed' and net_pnl < 0) as lost
     from trades where ${where}`,
    values,
  )
  const { trades, open, wins, losses, even, net, commission, won, lost } = row!
  const decided = wins + losses
  return {
    trades,
    open,
    wins,
    losses,
    breakEven: even,
    netPnl: net ?? '0',
    commission: commission ?? '0',
    winRate:
      decided === 0
        ? null
        : Decimal.from(wins * 100)
            .dividedBy(Decimal.from(decided), 6, 'half_even')
            .toString(),
    profitFactor:
      lost === null
        ? null
        : Decimal.from(won ?? '0')
            .dividedBy(Decimal.from(lost).negated(), 6, 'half_even')
            .toString(),
  }
}

/** `open` (default) are those with a quantity or on their way; newest first. */
export function listPositions<R extends object = Row>(
  tx: Transaction,
  filter: PageRequest & {
    botId?: string | undefined
    runId?: string | undefined
    status?: 'open' | 'closed' | 'all' | undefined
    symbol?: string | undefined
    mode?: string | undefined
  } = {},
): Promise<Page<R>> {
  const ended = ['closed', 'cancelled']
  const alive = ['pending', 'open', 'protected', 'partial', 'exit_pending', 'cancel_pending', 'error', 'orphaned']
  const status = filter.status ?? 'open'
  return listRows<R>(tx, {
    ...filter,
    table: 'positions',
    filters: [
      ['bot_id', '=', filter.botId],
      ['run_id', '=', filter.runId],
      ['symbol', '=', filter.symbol],
      ['mode', '=', filter.mode],
      ['status', 'in', status === 'all' ? undefined : status === 'closed' ? ended : alive],
    ],
    orderBy: 'opened_at',
    orderType: 'timestamptz',
    key: 'id',
    direction: 'desc',
  })
}

export function listHoldings<R extends object = Row>(tx: Transaction, page: PageRequest = {}): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...page,
    table: 'holdings',
    filters: [],
    orderBy: 'currency',
    orderType: 'text',
    key: 'id',
    direction: 'asc',
  })
}

export interface FundsRow {
  readonly mode: string
  readonly exchange: string
  readonly botId: string | null
  readonly currency: string
  readonly free: string
  readonly locked: string
  readonly total: string
}

/** By account: one row per mode, exchange and currency, the sum of its rows; by bot: the bots' own rows. */
export async function listFunds(
  tx: Transaction,
  filter: { by?: 'account' | 'bot' | undefined; botId?: string | undefined; mode?: string | undefined } = {},
): Promise<Page<FundsRow>> {
  const byBot = filter.by === 'bot' || filter.botId !== undefined
  const values: unknown[] = []
  const where = whereOf(
    [['bot_id', '=', filter.botId], ['mode', '=', filter.mode], ...(byBot ? [['bot_id', 'is', 'present'] as const] : [])],
    values,
  )
  const { rows } = await tx.query<FundsRow>(
    byBot
      ? `select mode, exchange, bot_id as "botId", currency, free, locked, total from funds where ${where}
         order by bot_id, exchange, currency limit 1000`
      : `select mode, exchange, null as "botId", currency, sum(free) as free, sum(locked) as locked, sum(total) as total
         from funds where ${where} group by mode, exchange, currency order by mode, exchange, currency limit 1000`,
    values,
  )
  return { items: rows, nextCursor: null }
}
