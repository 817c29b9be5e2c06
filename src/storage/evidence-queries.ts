// Reads of the evidence: decisions, events, statistics, equity, the ledger, and who works.

import type { Database, Transaction } from './database.ts'
import { listRows, type Page, type PageRequest, selectList } from './list-rows.ts'
import type { Row } from './trading-queries.ts'

export interface DecisionFilter extends PageRequest {
  readonly botId?: string | undefined
  readonly runId?: string | undefined
  readonly symbol?: string | undefined
  readonly outcome?: string | undefined
  /** Bars that open at or after, and before: ISO-8601. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** Newest bar first. */
export function listDecisions<R extends object = Row>(tx: Transaction, filter: DecisionFilter): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'decisions',
    filters: [
      ['bot_id', '=', filter.botId],
      ['run_id', '=', filter.runId],
      ['symbol', '=', filter.symbol],
      ['outcome', '=', filter.outcome],
      ['bar_open', '>=', filter.from],
      ['bar_open', '<', filter.to],
    ],
    orderBy: 'bar_open',
    orderType: 'timestamptz',
    key: 'decision_id',
    direction: 'desc',
  })
}

const GRAVER: Record<string, readonly string[]> = {
  debug: ['debug', 'info', 'warning', 'error', 'critical'],
  info: ['info', 'warning', 'error', 'critical'],
  warning: ['warning', 'error', 'critical'],
  error: ['error', 'critical'],
  critical: ['critical'],
}

export interface EventFilter extends PageRequest {
  readonly botId?: string | undefined
  readonly runId?: string | undefined
  /** This severity and the graver ones. */
  readonly severity?: string | undefined
  readonly eventType?: string | undefined
  readonly symbol?: string | undefined
  /** Only events behind this id. */
  readonly afterId?: number | undefined
  readonly direction?: 'asc' | 'desc' | undefined
}

/** Newest first, unless asked otherwise. */
export function listEvents<R extends object = Row>(tx: Transaction, filter: EventFilter = {}): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'system_events',
    filters: [
      ['bot_id', '=', filter.botId],
      ['run_id', '=', filter.runId],
      ['event_type', '=', filter.eventType],
      ['symbol', '=', filter.symbol],
      ['severity', 'in', filter.severity === undefined ? undefined : (GRAVER[filter.severity] ?? [filter.severity])],
      ['id', '>=', filter.afterId === undefined ? undefined : filter.afterId + 1],
    ],
    orderBy: 'id',
    orderType: 'bigint',
    key: 'id',
    direction: filter.direction ?? 'desc',
  })
}

/** The latest statistics of a bot, of one run or of all. */
export function latestMetrics<R extends object = Row>(tx: Transaction, botId: string, runId?: string): Promise<R | null> {
  return tx.one<R>(
    `select ${selectList('performance_metrics')} from performance_metrics
     where bot_id = $1 and run_id is not distinct from coalesce($2::uuid, run_id) order by calculated_at desc nulls last, created_at desc limit 1`,
    [botId, runId ?? null],
  )
}

/** Equity samples of a run, oldest first. */
export function listEquity<R extends object = Row>(tx: Transaction, runId: string, page: PageRequest = {}): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...page,
    table: 'account_state',
    filters: [['run_id', '=', runId]],
    orderBy: 'recorded_at',
    orderType: 'timestamptz',
    key: 'id',
    direction: 'asc',
  })
}

/** Journal of a run in order, from a seq. */
export function listJournal<R extends object = Row>(
  tx: Transaction,
  runId: string,
  page: PageRequest & { fromSeq?: number | undefined } = {},
): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...page,
    table: 'journal',
    filters: [
      ['run_id', '=', runId],
      ['seq', '>=', page.fromSeq],
    ],
    orderBy: 'seq',
    orderType: 'bigint',
    key: 'seq',
    direction: 'asc',
  })
}

export function listLedgerAccounts<R extends object = Row>(
  tx: Transaction,
  filter: PageRequest & {
    botId?: string | undefined
    tradeId?: string | undefined
    mode?: string | undefined
    currency?: string | undefined
  } = {},
): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'ledger_accounts',
    filters: [
      ['bot_id', '=', filter.botId],
      ['trade_id', '=', filter.tradeId],
      ['mode', '=', filter.mode],
      ['currency', '=', filter.currency],
    ],
    orderBy: 'kind',
    orderType: 'text',
    key: 'id',
    direction: 'asc',
  })
}

/** Newest first. */
export function listLedgerTransfers<R extends object = Row>(
  tx: Transaction,
  filter: PageRequest & { tradeId?: string | undefined; orderId?: string | undefined; currency?: string | undefined } = {},
): Promise<Page<R>> {
  return listRows<R>(tx, {
    ...filter,
    table: 'ledger_transfers',
    filters: [
      ['trade_id', '=', filter.tradeId],
      ['order_id', '=', filter.orderId],
      ['currency', '=', filter.currency],
    ],
    orderBy: 'created_at',
    orderType: 'timestamptz',
    key: 'id',
    direction: 'desc',
  })
}

export interface WorkerRow {
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly appVersion: string
  readonly status: string
  readonly leaseUntil: string
  readonly lastHeartbeat: string
  readonly heartbeatAgeSec: number
  readonly leases: number
}

export async function listWorkers(db: Database): Promise<WorkerRow[]> {
  const { rows } = await db.withApp(tx =>
    tx.query<WorkerRow>(
      `select id, host, pid, app_version as "appVersion", status, lease_until as "leaseUntil", last_heartbeat as "lastHeartbeat",
         heartbeat_age_sec as "heartbeatAgeSec", leases from ek.workers() order by last_heartbeat desc`,
    ),
  )
  return rows
}

export interface AdminCounts {
  readonly users: number
  readonly bots: number
  readonly runningBots: number
  readonly openDeals: number
  readonly orders: number
  readonly fills: number
  /** Estimated from statistics. */
  readonly candles: number
}

export async function adminCounts(db: Database): Promise<AdminCounts> {
  const row = await db.withApp(tx =>
    tx.one<AdminCounts>(
      `select users, bots, running_bots as "runningBots", open_deals as "openDeals", orders, fills, candles from ek.admin_counts()`,
    ),
  )
  return row!
}
