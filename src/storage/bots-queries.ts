// Reads about bots and their runs: lists, one bot, its versions and runs, and the figures of its status.

import { Decimal, ZERO } from '../core/money/decimal.ts'
import type { BotStatus, BotType, DesiredState } from './bots-store.ts'
import type { Transaction } from './database.ts'
import { listRows, type Page, type PageRequest, selectList } from './list-rows.ts'

export interface BotRow {
  readonly botId: string
  readonly name: string
  readonly botType: BotType
  readonly symbol: string | null
  readonly interval: string
  readonly config: unknown
  readonly schemaVersion: number
  readonly version: number
  readonly status: BotStatus
  readonly desiredState: DesiredState
  readonly pausedBy: string[]
  readonly requiredCapital: string | null
  readonly maxPositionSize: string | null
  readonly riskPerTrade: string | null
  readonly hidden: boolean
  readonly lastError: string | null
  readonly deletedAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

/** Bots that are neither hidden nor deleted, newest first. */
export function listBots(
  tx: Transaction,
  query: PageRequest & { status?: BotStatus | undefined; botType?: BotType | undefined } = {},
): Promise<Page<BotRow>> {
  return listRows<BotRow>(tx, {
    ...query,
    table: 'bots',
    filters: [
      ['hidden', '=', false],
      ['deleted_at', 'is', null],
      ['status', '=', query.status],
      ['bot_type', '=', query.botType],
    ],
    orderBy: 'created_at',
    orderType: 'timestamptz',
    key: 'bot_id',
    direction: 'desc',
  })
}

/** Null for another tenant's, an unknown and a deleted one. */
export function findBot(tx: Transaction, botId: string): Promise<BotRow | null> {
  return tx.one<BotRow>(`select ${selectList('bots')} from bots where bot_id = $1 and deleted_at is null`, [botId])
}

export interface BotVersionRow {
  readonly botId: string
  readonly version: number
  readonly config: unknown
  readonly configHash: string
  readonly note: string | null
  readonly createdAt: string
}

export function listBotVersions(tx: Transaction, botId: string, page: PageRequest = {}): Promise<Page<BotVersionRow>> {
  return listRows<BotVersionRow>(tx, {
    ...page,
    table: 'bot_versions',
    filters: [['bot_id', '=', botId]],
    orderBy: 'version',
    orderType: 'bigint',
    key: 'version',
    direction: 'desc',
  })
}

export function findBotVersion(tx: Transaction, botId: string, version: number): Promise<BotVersionRow | null> {
  return tx.one<BotVersionRow>(`select ${selectList('bot_versions')} from bot_versions where bot_id = $1 and version = $2`, [
    botId,
    version,
  ])
}

export interface RunRow {
  readonly runId: string
  readonly botId: string
  readonly botVersion: number
  readonly mode: 'backtest' | 'paper' | 'live'
  readonly status: 'queued' | 'running' | 'completed' | 'stopped' | 'error' | 'cancelled' | 'interrupted'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly initialBalance: string
  readonly totalTrades: number
  readonly totalPnl: string
  readonly maxDrawdown: string
  readonly sharpeRatio: string | null
  readonly connectionId: string | null
  readonly seed: number | string
  readonly engineVersion: string
  readonly dataHash: string | null
  readonly tradesHash: string | null
  readonly codeHash: string | null
  readonly error: string | null
  readonly meta: Record<string, unknown>
  readonly createdAt: string
  readonly updatedAt: string
}

export function listRuns(
  tx: Transaction,
  query: PageRequest & { botId?: string | undefined; mode?: string | undefined; status?: string | undefined } = {},
): Promise<Page<RunRow>> {
  return listRows<RunRow>(tx, {
    ...query,
    table: 'bot_runs',
    filters: [
      ['bot_id', '=', query.botId],
      ['mode', '=', query.mode],
      ['status', '=', query.status],
    ],
    orderBy: 'started_at',
    orderType: 'timestamptz',
    key: 'run_id',
    direction: 'desc',
  })
}

export function findRun(tx: Transaction, runId: string): Promise<RunRow | null> {
  return tx.one<RunRow>(`select ${selectList('bot_runs')} from bot_runs where run_id = $1`, [runId])
}

/** The run that is on, else the last one; backtests left out. */
export function currentRun(tx: Transaction, botId: string): Promise<RunRow | null> {
  return tx.one<RunRow>(
    `select ${selectList('bot_runs')} from bot_runs where bot_id = $1 and mode <> 'backtest'
     order by (status = 'running') desc, started_at desc limit 1`,
    [botId],
  )
}

export interface BotStatusFigures {
  readonly bot: BotRow
  readonly run: RunRow | null
  /** platform.md 3; null before the first run. */
  readonly initialBalance: string | null
  readonly currentBalance: string | null
  readonly totalInvested: string | null
  readonly totalPositionValue: string | null
  readonly equity: string | null
  readonly realizedPnl: string | null
  readonly unrealizedPnl: string | null
  readonly totalPnl: string | null
  readonly totalReturnPct: string | null
  readonly openPositions: number
  readonly totalOrders: number
  /** By symbol: the last averaging fill. */
  readonly lastDcaTimes: Record<string, string>
  /** Open positions by symbol; the newest where there are several. */
  readonly positions: Record<string, unknown>
  readonly lastDecision: unknown
  readonly heartbeatAgeSec: number | null
}

interface OpenLot {
  readonly symbol: string
  readonly side: 'long' | 'short'
  readonly qty: string
  readonly avgPrice: string
  readonly currentPrice: string | null
  readonly basisCurrent: string | null
}

const HUNDRED = Decimal.from(100)

/** Null when there is no such bot. */
export async function botStatusFigures(tx: Transaction, botId: string): Promise<BotStatusFigures | null> {
  const bot = await findBot(tx, botId)
  if (!bot) return null
  const run = await currentRun(tx, botId)
  const instance = await tx.one<{ age: number | null }>(
    'select extract(epoch from now() - last_heartbeat)::double precision as age from bot_instances where id = $1',
    [botId],
  )
  const lastDecision = run
    ? await tx.one(`select ${selectList('decisions')} from decisions where run_id = $1 order by seq desc limit 1`, [run.runId])
    : null
  const heartbeatAgeSec =
    instance?.age === undefined || instance.age === null ? null : Math.max(0, Math.round(instance.age * 10) / 10)
  if (!run) {
    return {
      bot,
      run,
      initialBalance: null,
      currentBalance: null,
      totalInvested: null,
      totalPositionValue: null,
      equity: null,
      realizedPnl: null,
      unrealizedPnl: null,
      totalPnl: null,
      totalReturnPct: null,
      openPositions: 0,
      totalOrders: 0,
      lastDcaTimes: {},
      positions: {},
      lastDecision,
      heartbeatAgeSec,
    }
  }
  const currency = typeof run.meta.currency === 'string' ? run.meta.currency : null
  const funds = await tx.one<{ total: string | null }>(
    'select sum(total) as total from funds where bot_id = $1 and mode = $2 and currency = coalesce($3, currency)',
    [botId, run.mode, currency],
  )
  const { rows: lots } = await tx.query<OpenLot>(
    `select ${selectList('positions', ['meta', 'runner_config'])} from positions where run_id = $1 and qty > 0 order by opened_at`,
    [run.runId],
  )
  const sums = await tx.one<{ realized: string | null; orders: number }>(
    `select (select sum(realized_pnl) from positions where run_id = $1) as realized,
       (select count(*)::integer from order_logs where run_id = $1) as orders`,
    [run.runId],
  )
  const { rows: averaged } = await tx.query<{ symbol: string; at: string }>(
    `select o.symbol, max(f.filled_at) as at from order_logs o join fills f on f.order_id = o.order_id
     where o.run_id = $1 and o.purpose = 'avg' group by o.symbol`,
    [run.runId],
  )
  let invested = ZERO
  let value = ZERO
  for (const lot of lots) {
    const quantity = Decimal.from(lot.qty)
    invested = invested.plus(
      lot.basisCurrent === null ? quantity.times(Decimal.from(lot.avgPrice)) : Decimal.from(lot.basisCurrent),
    )
    value = value.plus(quantity.times(Decimal.from(lot.currentPrice ?? lot.avgPrice)))
  }
  const cash = Decimal.from(funds?.total ?? '0')
  const equity = cash.plus(value)
  const initial = Decimal.from(run.initialBalance)
  const total = equity.minus(initial)
  return {
    bot,
    run,
    initialBalance: run.initialBalance,
    currentBalance: cash.toString(),
    totalInvested: invested.toString(),
    totalPositionValue: value.toString(),
    equity: equity.toString(),
    realizedPnl: sums?.realized ?? '0',
    unrealizedPnl: value.minus(invested).toString(),
    totalPnl: total.toString(),
    totalReturnPct: initial.isZero() ? null : total.times(HUNDRED).dividedBy(initial, 8, 'half_even').toString(),
    openPositions: lots.length,
    totalOrders: sums?.orders ?? 0,
    lastDcaTimes: Object.fromEntries(averaged.map(row => [row.symbol, row.at])),
    positions: Object.fromEntries(lots.map(lot => [lot.symbol, lot])),
    lastDecision,
    heartbeatAgeSec,
  }
}
