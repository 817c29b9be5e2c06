// Trades (deals): one position life each. Rows of partial exits belong to their deal and enter no list, count or sum.

import type { z } from 'zod'
import { orderSchema } from '../../contract/orders.ts'
import { type tradeRoutes, tradeSchema } from '../../contract/trades.ts'
import { isUuid } from '../../storage/sql-types.ts'
import { notFound } from '../api-error.ts'
import type { Handler } from '../http.ts'
import { columnsOf, findRow, instantIso, type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'
import { fillsOf } from './orders.ts'

const TRADES = {
  name: 'trades',
  from: 'trades t',
  item: tradeSchema,
  order: [
    { sql: 'coalesce(t.entry_time, t.created_at)', type: 'time' },
    { sql: 't.id', type: 'uuid' },
  ],
  descending: true,
} satisfies ListSpec<typeof tradeSchema>

type Filter = Omit<z.output<typeof tradeRoutes.listTrades.query>, 'limit' | 'cursor'>

/** from and to bound the entry. */
function filter(query: Filter): Where {
  return new Where()
    .always('t.parent_trade_id is null')
    .optional('t.status = ?', query.status)
    .optional('t.symbol = ?', query.symbol)
    .optional('t.trade_type = ?', query.tradeType)
    .optional('t.bot_id = ?', query.botId)
    .uuid('t.run_id = ?', 'runId', query.runId)
    .optional('coalesce(t.entry_time, t.created_at) >= ?', instantIso('from', query.from))
    .optional('coalesce(t.entry_time, t.created_at) < ?', instantIso('to', query.to))
}

export const listTrades: Handler<'listTrades'> = async ({ context, principal, query }) =>
  context.database.withTenant(principal.userId, tx => listRows(tx, TRADES, query, filter(query)), { readOnly: true })

export const botTrades: Handler<'botTrades'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, TRADES, query, filter({ ...query, botId: params.id }))
    },
    { readOnly: true },
  )

interface SummaryRow {
  readonly trades: number
  readonly open: number
  readonly wins: number
  readonly losses: number
  readonly breakEven: number
  readonly netPnl: string
  readonly commission: string
  readonly winRate: string | null
  readonly profitFactor: string | null
}

/** Wins and losses are of closed deals after the fees of both legs; break-even counts apart; no losses, no profit factor. */
export const tradeSummary: Handler<'tradeSummary'> = async ({ context, principal, query }) => {
  const where = filter(query)
  const row = await context.database.withTenant(
    principal.userId,
    tx =>
      tx.one<SummaryRow>(
        `select count(*)::integer as trades, (count(*) filter (where status = 'open'))::integer as open,
           (count(*) filter (where closed and net_pnl > 0))::integer as wins,
           (count(*) filter (where closed and net_pnl < 0))::integer as losses,
           (count(*) filter (where closed and net_pnl = 0))::integer as "breakEven",
           coalesce(sum(net_pnl) filter (where closed), 0) as "netPnl", coalesce(sum(commission), 0) as commission,
           round(100.0 * count(*) filter (where closed and net_pnl > 0) / nullif(count(*) filter (where closed and net_pnl <> 0), 0), 6) as "winRate",
           round(sum(net_pnl) filter (where closed and net_pnl > 0) / nullif(-sum(net_pnl) filter (where closed and net_pnl < 0), 0), 6)
             as "profitFactor"
         from (select *, status = 'closed' as closed from trades t where ${where}) each`,
        where.values,
      ),
    { readOnly: true },
  )
  return row!
}

export const getTrade: Handler<'getTrade'> = async ({ context, principal, params }) => {
  const { id } = params
  if (!isUuid(id)) throw notFound(`trade ${id}`)
  return context.database.withTenant(
    principal.userId,
    async tx => {
      const trade = await findRow(tx, TRADES, new Where().add('t.id = ?', id))
      if (!trade) throw notFound(`trade ${id}`)
      const orders = await tx.query<z.output<typeof orderSchema>>(
        `select ${columnsOf(orderSchema)} from order_logs t where t.trade_id = $1
         order by t.submitted_at nulls last, t.created_at, t.purpose, t.sequence`,
        [id],
      )
      const exits = await tx.query<z.output<typeof tradeSchema>>(
        `select ${columnsOf(tradeSchema)} from trades t where t.parent_trade_id = $1 order by t.exit_time, t.created_at, t.id`,
        [id],
      )
      return { ...trade, orders: orders.rows, fills: await fillsOf(tx, 'trade_id', id), partialExits: exits.rows }
    },
    { readOnly: true },
  )
}
