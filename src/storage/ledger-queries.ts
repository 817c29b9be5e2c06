// Questions of `evenkeel ledger verify` that the database answers by itself, each listing what differs as (what, stored, recomputed).
// $1 is a bot's id, or null for all.

export interface LedgerQuery {
  readonly check: string
  readonly sql: string
}

const NO_ACCOUNT = `'00000000-0000-0000-0000-000000000000'::uuid`

export const LEDGER_QUERIES: readonly LedgerQuery[] = [
  {
    check: 'balance of an account',
    sql: `select format('account %s: %s %s of %s', a.id, a.kind, a.currency, coalesce('deal ' || a.trade_id, 'bot ' || a.bot_id, a.exchange || ' (' || a.mode || ')')) as what,
        a.balance as stored, coalesce(t.sum, 0) as recomputed
      from ledger_accounts a left join (
        select account, sum(amount) as sum from (
          select debit_account_id as account, amount from ledger_transfers
          union all select credit_account_id, -amount from ledger_transfers) side group by account) t on t.account = a.id
      where ($1::text is null or a.bot_id = $1) and a.balance <> coalesce(t.sum, 0) order by a.id`,
  },
  {
    check: 'sum of a currency over all accounts',
    sql: `select format('%s on %s (%s) of user %s%s', currency, exchange, mode, user_id, coalesce(', exchange account ' || connection_id, '')) as what,
        sum(balance) as stored, 0 as recomputed
      from ledger_accounts where $1::text is null
      group by user_id, mode, exchange, connection_id, currency having sum(balance) <> 0 order by 1`,
  },
  {
    check: 'funds of a bot',
    sql: `select format('%s %s of bot %s', part.name, currency, bot_id) as what, part.stored, part.recomputed
      from (select user_id, bot_id, mode, exchange, coalesce(connection_id, ${NO_ACCOUNT}) as connection, currency, free, locked from funds where bot_id is not null) f
      full join (
        select user_id, bot_id, mode, exchange, coalesce(connection_id, ${NO_ACCOUNT}) as connection, currency,
          sum(balance) filter (where kind = 'bot_free') as free, sum(balance) filter (where kind <> 'bot_free') as locked
        from ledger_accounts where kind in ('bot_free', 'bot_reserved', 'bot_margin') group by 1, 2, 3, 4, 5, 6) a
        using (user_id, bot_id, mode, exchange, connection, currency)
      cross join lateral (values ('free', coalesce(f.free, 0), coalesce(a.free, 0)), ('locked', coalesce(f.locked, 0), coalesce(a.locked, 0)))
        as part(name, stored, recomputed)
      where ($1::text is null or bot_id = $1) and part.stored <> part.recomputed order by 1`,
  },
  {
    check: 'funds of an exchange account',
    sql: `select format('free %s of %s account %s', currency, exchange, connection_id) as what, coalesce(f.free, 0) as stored, coalesce(a.balance, 0) as recomputed
      from (select user_id, exchange, connection_id, currency, free from funds where bot_id is null and connection_id is not null) f
      full join (select user_id, exchange, connection_id, currency, balance from ledger_accounts where kind = 'free' and connection_id is not null) a
        using (user_id, exchange, connection_id, currency)
      where $1::text is null and coalesce(f.free, 0) <> coalesce(a.balance, 0) order by 1`,
  },
  {
    check: 'holdings',
    sql: `select format('%s on %s (%s) of user %s', currency, exchange, mode, user_id) as what, coalesce(h.qty, 0) as stored, coalesce(a.qty, 0) as recomputed
      from (select user_id, mode, exchange, coalesce(connection_id, ${NO_ACCOUNT}) as connection, currency, sum(qty) as qty from holdings group by 1, 2, 3, 4, 5) h
      full join (select user_id, mode, exchange, coalesce(connection_id, ${NO_ACCOUNT}) as connection, currency, sum(balance) as qty
        from ledger_accounts where kind = 'bot_dust' group by 1, 2, 3, 4, 5) a using (user_id, mode, exchange, connection, currency)
      where $1::text is null and coalesce(h.qty, 0) <> coalesce(a.qty, 0) order by 1`,
  },
  {
    check: 'transfers of a fill',
    sql: `select format('fill %s', f.fill_id) as what, 'none' as stored, format('%s of %s at %s', f.side, f.qty, f.price) as recomputed
      from fills f left join trades t on t.id = f.trade_id
      where ($1::text is null or t.bot_id = $1) and not exists (select from ledger_transfers x where x.fill_id = f.fill_id) order by 1`,
  },
  {
    check: 'filled quantity of an order',
    sql: `select format('order %s', o.order_id) as what, o.filled_qty as stored, 0 as recomputed
      from order_logs o where ($1::text is null or o.bot_id = $1) and o.filled_qty <> 0
        and not exists (select from fills f where f.order_id = o.order_id) order by 1`,
  },
  {
    check: 'position of a deal',
    sql: `select format('quantity of deal %s', p.trade_id) as what, p.qty as stored, 0 as recomputed
      from positions p where ($1::text is null or p.bot_id = $1) and p.qty <> 0
        and not exists (select from ledger_transfers x where x.trade_id = p.trade_id) order by 1`,
  },
]

/** What was looked at, for the last line. */
export const COUNTS = `select
    (select count(*) from ledger_transfers x left join trades t on t.id = x.trade_id where $1::text is null or t.bot_id = $1)::integer as transfers,
    (select count(*) from ledger_accounts where $1::text is null or bot_id = $1)::integer as accounts,
    (select count(*) from fills f left join trades t on t.id = f.trade_id where $1::text is null or t.bot_id = $1)::integer as fills,
    (select count(*) from order_logs where $1::text is null or bot_id = $1)::integer as orders,
    (select count(*) from positions where $1::text is null or bot_id = $1)::integer as positions,
    (select count(*) from funds where $1::text is null or bot_id = $1)::integer as funds,
    (select count(*) from holdings where $1::text is null)::integer as holdings`

/**
 * Every transfer of a deal with its fill, run by run, each in the order of its booking: a run has one writer, so that the transfers of a
 * fill follow each other, whatever other runs booked meanwhile. Perpetuals are counted in contracts and are not folded here.
 */
export const BOOKED = `
  select x.trade_id, t.run_id, i.base, i.quote, d.kind as debit, c.kind as credit, x.currency, x.amount, x.fill_id, x.order_id,
    f.side, f.qty, f.price, f.fee, f.fee_currency, f.fee_value_quote, f.reverses, f.order_id as fill_order_id, f.trade_id as fill_trade_id,
    x.booking = x.last as is_last
  from (select *, max(booking) over (partition by trade_id) as last from ledger_transfers where trade_id is not null) x
  join trades t on t.id = x.trade_id
  join instruments i on i.id = t.instrument_id and i.kind = 'spot'
  join ledger_accounts d on d.id = x.debit_account_id
  join ledger_accounts c on c.id = x.credit_account_id
  left join fills f on f.fill_id = x.fill_id
  where $1::text is null or t.bot_id = $1
  order by t.run_id, x.booking`

/** Stored images of deals, by their ids. */
export const STORED_DEALS = `
  select t.id, t.deal_status, t.size, t.entry_value, t.entry_price, t.exit_value, t.exit_price, t.commission, t.gross_pnl, t.net_pnl, t.funding,
    p.qty, p.avg_price, p.basis_current, p.realized_pnl, p.fees_paid, p.id is not null as has_position
  from trades t left join positions p on p.trade_id = t.id where t.id = any($1::uuid[])`

export const STORED_ORDERS = `
  select order_id, trade_id, filled_qty, avg_price, fees from order_logs where trade_id = any($1::uuid[])`

/** State of the run that each bot's state is of: the latest one that has written. */
export const STORED_STATES = `
  select s.bot_id, r.run_id, s.state -> 'engine' ->> 'quote' as quote, s.state -> 'engine' ->> 'free' as free,
    s.state -> 'engine' ->> 'reserved' as reserved, coalesce(s.state -> 'engine' -> 'dust', '{}') as dust,
    coalesce(sum(a.balance) filter (where a.kind = 'bot_free'), 0) as ledger_free,
    coalesce(sum(a.balance) filter (where a.kind = 'bot_reserved'), 0) as ledger_reserved
  from bot_state s
  join lateral (select run_id, meta from bot_runs where bot_id = s.bot_id and mode = s.mode order by started_at desc limit 1) r on true
  left join ledger_accounts a on a.bot_id = s.bot_id and a.mode = s.mode and a.currency = s.state -> 'engine' ->> 'quote'
  where s.scope = 'bot' and s.state -> 'engine' ->> 'free' is not null and ($1::text is null or s.bot_id = $1)
    and exists (select from journal j where j.run_id = r.run_id)
  group by s.bot_id, r.run_id, s.state order by s.bot_id`
