// The dashboard: counts, money by currency, what happened today and what needs a look.

import { Decimal } from '../../core/money/decimal.ts'
import type { Transaction } from '../../storage/database.ts'
import { KEPT_COINS } from '../../storage/kept-coins.ts'
import type { Handler } from '../http.ts'
import { listRows, Where } from '../list.ts'
import { DECISIONS, EVENTS } from './decisions.ts'

const SHOWN = 10

export const dashboardSummary: Handler<'dashboardSummary'> = async ({ context, principal, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      const { mode } = query
      const grave = new Where().always(
        `t.severity in ('warning', 'error', 'critical') and t.created_at > now() - interval '7 days'`,
      )
      const [bots, openDeals] = [await botCounts(tx), await countOpenDeals(tx, mode)]
      return {
        mode,
        bots,
        openDeals,
        funds: await money(tx, mode),
        today: await today(tx, mode),
        attention: (await listRows(tx, EVENTS, { limit: SHOWN }, grave)).items,
        lastDecisions: (await listRows(tx, DECISIONS, { limit: SHOWN }, inMode(mode))).items,
      }
    },
    { readOnly: true },
  )

function inMode(mode: string): Where {
  return new Where().add('t.run_id in (select run_id from bot_runs where mode = ?)', mode)
}

interface BotCounts {
  readonly total: number
  readonly running: number
  readonly paused: number
  readonly stopped: number
  readonly error: number
}

async function botCounts(tx: Transaction): Promise<BotCounts> {
  const row = await tx.one<BotCounts>(
    `select count(*)::integer as total, (count(*) filter (where status in ('starting', 'running', 'stopping')))::integer as running,
       (count(*) filter (where status = 'paused'))::integer as paused,
       (count(*) filter (where status in ('inactive', 'stopped')))::integer as stopped,
       (count(*) filter (where status = 'error'))::integer as error
     from bots where deleted_at is null and not hidden`,
  )
  return row!
}

async function countOpenDeals(tx: Transaction, mode: string): Promise<number> {
  const row = await tx.one<{ n: number }>(
    `select count(*)::integer as n from trades where status = 'open' and parent_trade_id is null and trade_type = $1`,
    [mode],
  )
  return row?.n ?? 0
}

interface MoneyRow {
  readonly currency: string
  readonly free: string
  readonly locked: string
  readonly total: string
  readonly positionValue: string
  readonly unrealizedPnl: string
}

/** Cash and the worth of open lots and kept coins in their quote; what has no known price counts at its cost. */
async function money(tx: Transaction, mode: string) {
  const { rows } = await tx.query<MoneyRow>(
    `with cash as (
       select currency, sum(free) as free, sum(locked) as locked, sum(total) as total from funds where mode = $1 group by currency
     ), held as (
       select i.quote as currency, p.side, p.basis_current as basis, p.qty * p.current_price as value
       from positions p join instruments i on i.id = p.instrument_id
       where p.mode = $1 and p.status not in ('closed', 'cancelled') and p.qty > 0
       union all
       select quote, 'long', basis, qty * price from (${KEPT_COINS}) coins where mode = $1
     ), lots as (
       select currency, trim_scale(sum(coalesce(value, basis))) as value,
         trim_scale(sum(case side when 'long' then 1 else -1 end * (coalesce(value, basis) - basis))) as unrealized
       from held group by currency
     )
     select currency, coalesce(c.free, 0) as free, coalesce(c.locked, 0) as locked, coalesce(c.total, 0) as total,
       coalesce(l.value, 0) as "positionValue", coalesce(l.unrealized, 0) as "unrealizedPnl"
     from cash c full join lots l using (currency) order by currency`,
    [mode],
  )
  return rows.map(row => ({ ...row, equity: Decimal.from(row.total).plus(Decimal.from(row.positionValue)).toString() }))
}

/** Since midnight where the person lives. */
async function today(tx: Transaction, mode: string) {
  const { rows } = await tx.query<{ currency: string; deals: number; amount: string }>(
    `select i.quote as currency, count(*)::integer as deals, coalesce(sum(t.net_pnl), 0) as amount
     from trades t join instruments i on i.id = t.instrument_id
     where t.status = 'closed' and t.parent_trade_id is null and t.trade_type = $1
       and t.exit_time >= (select date_trunc('day', now() at time zone timezone) at time zone timezone from users where id = (select auth.uid()))
     group by i.quote order by i.quote`,
    [mode],
  )
  return {
    closedDeals: rows.reduce((sum, row) => sum + row.deals, 0),
    netPnl: rows.map(({ currency, amount }) => ({ currency, amount })),
  }
}
