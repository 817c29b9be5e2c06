// What must hold of the rows themselves: the ledger sums to zero, balances and projections follow from transfers and fills, journals
// have no gap, nothing hangs in the air. Each query lists offenders; an empty answer is a passed check.

import type { Transaction } from './database.ts'
import { KEPT_COINS } from './kept-coins.ts'
import { canonicalEntry, GENESIS_HASH, journalHash } from './run-commit-store.ts'

export interface FactCheck {
  readonly name: string
  /** First column: text that names one offender. */
  readonly offenders: string
}

/** At most this many offenders are named. */
export const NAMED_OFFENDERS = 20

export const FACT_CHECKS: readonly FactCheck[] = [
  {
    name: 'ledger: every currency of every account sums to zero',
    offenders: `select format('%s %s %s of user %s sums to %s', mode, exchange, currency, user_id, sum(balance))
      from ledger_accounts group by user_id, mode, exchange, connection_id, currency having sum(balance) <> 0`,
  },
  {
    name: 'ledger: balances are debits minus credits',
    offenders: `select format('account %s (%s %s) says %s, its transfers say %s', a.id, a.kind, a.currency, a.balance, coalesce(t.sum, 0))
      from ledger_accounts a left join (
        select account, sum(amount) as sum from (
          select debit_account_id as account, amount from ledger_transfers
          union all select credit_account_id, -amount from ledger_transfers) moved group by account) t on t.account = a.id
      where a.balance <> coalesce(t.sum, 0)`,
  },
  {
    name: 'funds follow from the ledger',
    offenders: `select format('funds of bot %s in %s say %s free and %s locked, the ledger %s and %s', f.bot_id, f.currency, f.free, f.locked, coalesce(a.free, 0), coalesce(a.locked, 0))
      from funds f left join (
        select user_id, bot_id, mode, exchange, currency, sum(balance) filter (where kind = 'bot_free') as free,
          sum(balance) filter (where kind in ('bot_reserved', 'bot_margin')) as locked
        from ledger_accounts where kind in ('bot_free', 'bot_reserved', 'bot_margin') group by 1, 2, 3, 4, 5) a
        on a.user_id = f.user_id and a.bot_id = f.bot_id and a.mode = f.mode and a.exchange = f.exchange and a.currency = f.currency
      where f.bot_id is not null and (f.free <> coalesce(a.free, 0) or f.locked <> coalesce(a.locked, 0))`,
  },
  {
    name: 'positions hold what the ledger holds for their deal',
    offenders: `select format('position of deal %s says %s, the ledger %s', p.trade_id, p.qty, coalesce(a.balance, 0))
      from positions p join instruments i on i.id = p.instrument_id
      left join ledger_accounts a on a.trade_id = p.trade_id and a.kind = 'position' and a.currency = i.base
      where i.kind = 'spot' and p.qty <> coalesce(a.balance, 0)`,
  },
  {
    name: 'holdings are the coins that bots keep outside of deals',
    offenders: `select format('holdings of %s on %s (%s) say %s, the ledger %s', currency, exchange, mode, coalesce(h.qty, 0), coalesce(a.qty, 0))
      from (select user_id, mode, exchange, coalesce(connection_id::text, '') as connection, currency, sum(qty) as qty from holdings group by 1, 2, 3, 4, 5) h
      full join (select user_id, mode, exchange, coalesce(connection_id::text, '') as connection, currency, sum(balance) as qty
        from ledger_accounts where kind = 'bot_dust' group by 1, 2, 3, 4, 5) a
        using (user_id, mode, exchange, connection, currency)
      where coalesce(h.qty, 0) <> coalesce(a.qty, 0)`,
  },
  {
    name: 'cash and the cost of what is held are the balance of the start and the realised result',
    offenders: `select format('bot %s: started with %s, realised %s, holds %s in cash and %s at cost', r.bot_id, r.initial_balance, p.realized, f.cash, p.basis + coalesce(k.basis, 0))
      from (select distinct on (bot_id) * from bot_runs where mode <> 'backtest' order by bot_id, (status = 'running') desc, started_at desc) r
      join (select run_id, sum(realized_pnl) as realized, sum(coalesce(basis_current, 0)) as basis from positions group by 1) p using (run_id)
      join (select bot_id, mode, currency, sum(total) as cash from funds group by 1, 2, 3) f
        on f.bot_id = r.bot_id and f.mode = r.mode and f.currency = r.meta ->> 'currency'
      left join (select bot_id, mode, sum(basis) as basis from (${KEPT_COINS}) coins group by 1, 2) k on k.bot_id = r.bot_id and k.mode = r.mode
      where f.cash + p.basis + coalesce(k.basis, 0) <> r.initial_balance + p.realized`,
  },
  {
    name: 'orders say what their fills say',
    offenders: `select format('order %s says %s filled, its fills %s', o.order_id, o.filled_qty, coalesce(f.qty, 0))
      from order_logs o left join (
        select order_id, sum(case when reverses is null then qty else -qty end) as qty from fills group by 1) f using (order_id)
      where o.filled_qty <> coalesce(f.qty, 0)`,
  },
  {
    name: 'net profit is gross minus commission plus funding',
    offenders: `select format('deal %s: net %s, gross %s, commission %s', id, net_pnl, gross_pnl, commission) from trades
      where parent_trade_id is null and status = 'closed' and net_pnl is not null and net_pnl <> gross_pnl - coalesce(commission, 0) + funding`,
  },
  {
    name: 'closed deals hold nothing',
    offenders: `select format('deal %s is %s and holds %s', t.id, t.deal_status, p.qty) from trades t join positions p on p.trade_id = t.id
      where t.status <> 'open' and p.qty <> 0 and t.deal_status not in ('released', 'merged')`,
  },
  {
    name: 'no order lives in a deal that has ended',
    offenders: `select format('order %s is %s in deal %s', o.order_id, o.status, t.id) from order_logs o join trades t on t.id = o.trade_id
      where t.status <> 'open' and o.status in ('intended', 'in_flight', 'open', 'part_filled', 'unknown')`,
  },
  {
    name: 'fills belong to a known deal of their order',
    offenders: `select format('fill %s is booked to deal %s, its order to %s', f.fill_id, f.trade_id, o.trade_id)
      from fills f join order_logs o using (order_id) where f.trade_id is distinct from o.trade_id`,
  },
  {
    name: 'journals have no gap and each entry names the one before',
    offenders: `select format('run %s at seq %s', run_id, seq) from (
        select run_id, seq, prev_hash, lag(seq, 1, 0::bigint) over w as before, lag(hash, 1, '${GENESIS_HASH}') over w as linked
        from journal window w as (partition by run_id order by seq)) j
      where seq <> before + 1 or prev_hash <> linked`,
  },
  {
    name: 'a running run belongs to a bot that is not at rest',
    offenders: `select format('bot %s is %s, its run %s is running', b.bot_id, b.status, r.run_id)
      from bot_runs r join bots b using (bot_id)
      where r.status = 'running' and r.mode <> 'backtest' and (b.status in ('inactive', 'stopped') or b.deleted_at is not null)`,
  },
]

/** Recomputes the hashes of the newest entries of every run. @returns offenders. */
export async function recomputeJournals(tx: Transaction, entriesPerRun = 200): Promise<string[]> {
  const { rows } = await tx.query<{
    run_id: string
    seq: number
    at_ms: number
    kind: string
    payload: unknown
    prev_hash: string
    hash: string
  }>(
    `select run_id, seq, (extract(epoch from at) * 1000)::double precision as at_ms, kind, payload, prev_hash, hash
     from (select *, row_number() over (partition by run_id order by seq desc) as n from journal) j where n <= $1`,
    [entriesPerRun],
  )
  return rows
    .filter(row => journalHash(row.prev_hash, canonicalEntry(row.seq, Math.round(row.at_ms), row.kind, row.payload)) !== row.hash)
    .map(row => `run ${row.run_id} at seq ${row.seq}`)
}
