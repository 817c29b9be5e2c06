// The live figures of a bot. Cash comes from the ledger's projection, lots from its positions; nothing is guessed: before the first
// run the figures are null.

import { positionSchema } from '../../contract/positions.ts'
import { splitSymbol } from '../../core/market/instrument.ts'
import { Decimal, HUNDRED, ZERO } from '../../core/money/decimal.ts'
import type { Transaction } from '../../storage/database.ts'
import { KEPT_COINS } from '../../storage/kept-coins.ts'
import type { Handler } from '../http.ts'
import { columnsOf } from '../list.ts'
import { requireBot } from './bots.ts'

export interface LotFigures {
  readonly direction: 'long' | 'short'
  readonly qty: Decimal
  /** What the quantity cost, fees excluded: exact, where quantity x average price is not. */
  readonly basis: Decimal
  /** Null where no price is known: the lot then counts at its cost. */
  readonly price: Decimal | null
}

export interface BalanceFigures {
  readonly initialBalance: Decimal
  /** Free and locked cash. */
  readonly cash: Decimal
  /** Of open deals, and coins the run holds outside of them. */
  readonly lots: readonly LotFigures[]
}

/** Formulas of the status payload (platform.md 3). Percent points, at most 8 places. */
export function balanceOf({ initialBalance, cash, lots }: BalanceFigures) {
  const sum = (of: (lot: LotFigures) => Decimal) => lots.reduce((total, lot) => total.plus(of(lot)), ZERO)
  const worthOf = (lot: LotFigures) => (lot.price === null ? lot.basis : lot.qty.times(lot.price))
  const totalInvested = sum(lot => lot.basis)
  const totalPositionValue = sum(worthOf)
  const unrealizedPnl = sum(lot => {
    const rise = worthOf(lot).minus(lot.basis)
    return lot.direction === 'long' ? rise : rise.negated()
  })
  const equity = cash.plus(totalPositionValue)
  const totalPnl = equity.minus(initialBalance)
  return {
    currentBalance: cash,
    totalInvested,
    totalPositionValue,
    equity,
    unrealizedPnl,
    realizedPnl: totalPnl.minus(unrealizedPnl),
    totalPnl,
    totalReturnPct: initialBalance.isPositive() ? totalPnl.times(HUNDRED).dividedBy(initialBalance, 8, 'half_even') : null,
  }
}

interface RunRow {
  readonly run_id: string
  readonly mode: 'backtest' | 'paper' | 'live'
  readonly initial_balance: string
  readonly currency: string | null
  readonly orders: number
  readonly heartbeat_age_sec: number | null
  readonly simulated_at: string | null
}

async function lastRun(tx: Transaction, botId: string): Promise<RunRow | null> {
  return tx.one<RunRow>(
    `select r.run_id, r.mode, r.initial_balance, r.meta ->> 'currency' as currency,
       (select count(*)::integer from order_logs o where o.run_id = r.run_id) as orders,
       (select extract(epoch from now() - i.last_heartbeat)::double precision from bot_instances i where i.id = r.bot_id) as heartbeat_age_sec,
       (select j.at from journal j where j.run_id = r.run_id order by j.seq desc limit 1) as simulated_at
     from bot_runs r where r.bot_id = $1 and r.mode <> 'backtest' order by (r.status = 'running') desc, r.started_at desc limit 1`,
    [botId],
  )
}

interface OpenLot {
  readonly symbol: string
  readonly side: 'long' | 'short'
  readonly qty: string
  readonly avgPrice: string
  readonly currentPrice: string | null
  readonly basis: string | null
}

export const botStatus: Handler<'botStatus'> = async ({ context, principal, params }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      const bot = await requireBot(tx, params.id)
      const { botId, status, pausedBy } = bot
      const run = await lastRun(tx, botId)
      const head = { botId, runId: run?.run_id ?? null, status, mode: run?.mode ?? null, pausedBy }
      const rest = {
        lastDcaTimes: await lastAveraging(tx, botId, run?.run_id ?? null),
        lastDecision: await lastDecision(tx, run?.run_id ?? null),
        lastError: bot.lastError,
        heartbeatAgeSec:
          run?.heartbeat_age_sec === null || run === null ? null : Math.max(0, Math.round(run.heartbeat_age_sec * 10) / 10),
        simulatedAt: run?.simulated_at ?? null,
      }
      if (!run) {
        return {
          ...head,
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
          positions: {},
          ...rest,
        }
      }
      const open = await tx.query<OpenLot & Record<string, unknown>>(
        `select ${columnsOf(positionSchema)}, t.basis_current as basis from positions t
         where t.bot_id = $1 and t.mode = $2 and t.status not in ('closed', 'cancelled') and t.qty > 0 order by t.opened_at`,
        [botId, run.mode],
      )
      const figures = balanceOf({
        initialBalance: Decimal.from(run.initial_balance),
        cash: await cashOf(tx, botId, run, bot.symbol),
        lots: [
          ...open.rows.map(lot => ({
            direction: lot.side,
            qty: Decimal.from(lot.qty),
            basis: lot.basis === null ? Decimal.from(lot.qty).times(Decimal.from(lot.avgPrice)) : Decimal.from(lot.basis),
            price: lot.currentPrice === null ? null : Decimal.from(lot.currentPrice),
          })),
          ...(await keptCoins(tx, botId, run.mode)),
        ],
      })
      const texts = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, value?.toString() ?? null])) as Record<
        keyof typeof figures,
        string | null
      >
      return {
        ...head,
        initialBalance: run.initial_balance,
        ...texts,
        openPositions: open.rows.length,
        totalOrders: run.orders,
        positions: bySymbol(open.rows.map(({ basis: _, ...position }) => position as unknown as Position)),
        ...rest,
      }
    },
    { readOnly: true },
  )

async function cashOf(tx: Transaction, botId: string, run: RunRow, symbol: string | null): Promise<Decimal> {
  const currency = run.currency ?? (symbol === null ? null : (splitSymbol(symbol)?.quote ?? null))
  const row = await tx.one<{ total: string | null }>(
    'select sum(total) as total from funds where bot_id = $1 and mode = $2 and currency = coalesce($3, currency)',
    [botId, run.mode, currency],
  )
  return Decimal.from(row?.total ?? '0')
}

/** Coins of the run that belong to no deal: they count at their price, as in the run's totals. */
async function keptCoins(tx: Transaction, botId: string, mode: string): Promise<LotFigures[]> {
  const { rows } = await tx.query<{ qty: string; basis: string; price: string | null }>(
    `select qty, basis, price from (${KEPT_COINS}) coins where bot_id = $1 and mode = $2`,
    [botId, mode],
  )
  return rows.map(coin => ({
    direction: 'long',
    qty: Decimal.from(coin.qty),
    basis: Decimal.from(coin.basis),
    price: coin.price === null ? null : Decimal.from(coin.price),
  }))
}

type Position = { readonly symbol: string } & Record<string, unknown>

/** One position per pair; a pair with several deals gives a list. */
function bySymbol(rows: readonly Position[]): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const row of rows) {
    const there = out[row.symbol]
    out[row.symbol] = there === undefined ? row : Array.isArray(there) ? [...there, row] : [there, row]
  }
  return out
}

async function lastAveraging(tx: Transaction, botId: string, runId: string | null): Promise<Record<string, string>> {
  if (runId === null) return {}
  const { rows } = await tx.query<{ symbol: string; at: string }>(
    `select symbol, max(closed_at) as at from order_logs
     where bot_id = $1 and run_id = $2 and purpose = 'avg' and filled_qty > 0 and closed_at is not null group by symbol order by symbol`,
    [botId, runId],
  )
  return Object.fromEntries(rows.map(row => [row.symbol, row.at]))
}

async function lastDecision(tx: Transaction, runId: string | null) {
  if (runId === null) return null
  return tx.one(
    `select decision_id as "decisionId", symbol, timeframe, bar_open as "barOpen", decided_at as "decidedAt", outcome, reason, trace, gates
     from decisions where run_id = $1 order by seq desc limit 1`,
    [runId],
  )
}
