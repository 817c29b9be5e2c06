// The statements of one commit of a run. Rows travel as one jsonb value per table; each statement is prepared once per
// connection. Images are upserts; facts (journal, fills, transfers, decisions, events, samples) are inserts that a repetition fails.

const ORDER_COLUMNS = `order_id, bot_id, run_id, trade_id, mode, exchange, connection_id, client_order_id, symbol, instrument_id, side,
      purpose, sequence, rung, qty, order_type, limit_price, stop_price, avg_price, is_virtual, status, cancel_state, filled_qty,
      fees, fee_currency, reason, submitted_at, closed_at`

const ORDER_VALUES = `r.order_id, $1, $2::uuid, r.trade_id, $3, $4, $6::uuid, r.client_order_id, r.symbol, r.instrument_id, r.side,
      r.purpose, r.sequence, r.rung, r.qty, r.order_type, r.limit_price, r.stop_price, r.avg_price, r.is_virtual, r.status,
      r.cancel_state, r.filled_qty, r.fees, r.fee_currency, r.reason, r.submitted_at, r.closed_at`

const ORDER_TYPES = `order_id uuid, trade_id uuid, client_order_id text, symbol text, instrument_id text,
      side text, purpose text, sequence integer, rung integer, qty numeric, order_type text, limit_price numeric,
      stop_price numeric, avg_price numeric, is_virtual boolean, status text, cancel_state text, filled_qty numeric,
      fees numeric, fee_currency text, reason text, submitted_at timestamptz, closed_at timestamptz`

const ORDER_IMAGE = `qty = excluded.qty, rung = excluded.rung, limit_price = excluded.limit_price,
      stop_price = excluded.stop_price, avg_price = excluded.avg_price, is_virtual = excluded.is_virtual,
      status = excluded.status, cancel_state = excluded.cancel_state, filled_qty = excluded.filled_qty, fees = excluded.fees,
      fee_currency = excluded.fee_currency, reason = excluded.reason, closed_at = excluded.closed_at`

const STATEMENTS = {
  assert: `select ek.assert_writer($1::text, $2::bigint, $3::uuid, $4::bigint, $5::text)`,

  journal: `
    insert into journal (run_id, seq, at, kind, payload, state_hash, prev_hash, hash, user_id)
    select $1::uuid, r.seq, r.at, r.kind, r.payload, r.state_hash, r.prev_hash, r.hash, $2::uuid
    from jsonb_to_recordset($3::jsonb)
      as r(seq bigint, at timestamptz, kind text, payload jsonb, state_hash text, prev_hash text, hash text)`,

  trades: `
    insert into trades as t (id, bot_id, run_id, trade_seq, parent_trade_id, bot_version, trade_type, entry_logic_name,
      exit_logic_name, symbol, instrument_id, interval, direction, status, deal_status, entry_time, exit_time, buy_order_created,
      buy_order_closed, sell_order_created, sell_order_closed, entry_price, exit_price, entry_value, exit_value, size, commission,
      gross_pnl, net_pnl, pnl_percentage, exit_reason, averaging_count, exit_state, extra_metadata, user_id)
    select r.id, $1, $2::uuid, r.trade_seq, r.parent_trade_id, r.bot_version, $3, r.entry_logic_name, r.exit_logic_name, r.symbol,
      r.instrument_id, r.interval, r.direction, r.status, r.deal_status, r.entry_time, r.exit_time, r.buy_order_created,
      r.buy_order_closed, r.sell_order_created, r.sell_order_closed, r.entry_price, r.exit_price, r.entry_value, r.exit_value,
      r.size, r.commission, r.gross_pnl, r.net_pnl, r.pnl_percentage, r.exit_reason, r.averaging_count, r.exit_state,
      r.extra_metadata, $4::uuid
    from jsonb_to_recordset($5::jsonb) as r(id uuid, trade_seq integer, parent_trade_id uuid, bot_version integer,
      entry_logic_name text, exit_logic_name text, symbol text, instrument_id text, interval text, direction text, status text,
      deal_status text, entry_time timestamptz, exit_time timestamptz, buy_order_created timestamptz, buy_order_closed timestamptz,
      sell_order_created timestamptz, sell_order_closed timestamptz, entry_price numeric, exit_price numeric, entry_value numeric,
      exit_value numeric, size numeric, commission numeric, gross_pnl numeric, net_pnl numeric, pnl_percentage numeric,
      exit_reason text, averaging_count integer, exit_state jsonb, extra_metadata jsonb)
    on conflict (id) do update set status = excluded.status, deal_status = excluded.deal_status,
      bot_version = excluded.bot_version, entry_time = excluded.entry_time, exit_time = excluded.exit_time,
      buy_order_created = excluded.buy_order_created, buy_order_closed = excluded.buy_order_closed,
      sell_order_created = excluded.sell_order_created, sell_order_closed = excluded.sell_order_closed,
      entry_price = excluded.entry_price, exit_price = excluded.exit_price, entry_value = excluded.entry_value,
      exit_value = excluded.exit_value, size = excluded.size, commission = excluded.commission, gross_pnl = excluded.gross_pnl,
      net_pnl = excluded.net_pnl, pnl_percentage = excluded.pnl_percentage, exit_reason = excluded.exit_reason,
      averaging_count = excluded.averaging_count, exit_state = excluded.exit_state, version = t.version + 1`,

  positions: `
    insert into positions as p (id, trade_id, bot_id, run_id, mode, exchange, connection_id, symbol, instrument_id, side, status, qty, avg_price,
      unrealized_pnl, unrealized_pnl_percent, realized_pnl, fees_paid, current_price, original_size, size_notional, stop_price,
      peak_price, basis_at_entry, basis_current, take_profits, break_even_active, trailing_active, is_protected,
      protection_reason, exit_reason, opened_at, closed_at, user_id)
    select r.id, r.trade_id, $1, $2::uuid, $3, $4, $6::uuid, r.symbol, r.instrument_id, r.side, r.status, r.qty, r.avg_price,
      r.unrealized_pnl, r.unrealized_pnl_percent, r.realized_pnl, r.fees_paid, r.current_price, r.qty, r.size_notional,
      r.stop_price, r.peak_price, r.basis_current, r.basis_current, r.take_profits, r.break_even_active, r.trailing_active,
      r.is_protected, r.protection_reason, r.exit_reason, r.opened_at, r.closed_at, $5::uuid
    from jsonb_to_recordset($7::jsonb) as r(id uuid, trade_id uuid, symbol text, instrument_id text, side text, status text,
      qty numeric, avg_price numeric, unrealized_pnl numeric, unrealized_pnl_percent numeric, realized_pnl numeric,
      fees_paid numeric, current_price numeric, size_notional numeric, stop_price numeric, peak_price numeric,
      basis_current numeric, take_profits jsonb, break_even_active boolean, trailing_active boolean, is_protected boolean,
      protection_reason text, exit_reason text, opened_at timestamptz, closed_at timestamptz)
    on conflict (trade_id) do update set status = excluded.status, qty = excluded.qty,
      avg_price = case when excluded.qty > 0 then excluded.avg_price else p.avg_price end,
      unrealized_pnl = excluded.unrealized_pnl, unrealized_pnl_percent = excluded.unrealized_pnl_percent,
      realized_pnl = excluded.realized_pnl, fees_paid = excluded.fees_paid, current_price = excluded.current_price,
      size_notional = excluded.size_notional, stop_price = excluded.stop_price, peak_price = excluded.peak_price,
      basis_current = excluded.basis_current, take_profits = excluded.take_profits,
      break_even_active = excluded.break_even_active, trailing_active = excluded.trailing_active,
      is_protected = excluded.is_protected, protection_reason = excluded.protection_reason, exit_reason = excluded.exit_reason,
      closed_at = excluded.closed_at, version = p.version + 1`,

  orders: `
    insert into order_logs as o (${ORDER_COLUMNS}, user_id)
    select ${ORDER_VALUES}, $5::uuid
    from jsonb_to_recordset($7::jsonb) as r(${ORDER_TYPES})
    on conflict (order_id) do update set ${ORDER_IMAGE}`,

  fills: `
    insert into fills (fill_id, order_id, trade_id, mode, connection_id, symbol, instrument_id, exchange_trade_id, side, qty, price,
      fee, fee_currency, fee_value_quote, fee_estimated, liquidity, filled_at, user_id)
    select r.fill_id, r.order_id, r.trade_id, $1, $3::uuid, r.symbol, r.instrument_id, r.exchange_trade_id, r.side, r.qty, r.price, r.fee,
      r.fee_currency, r.fee_value_quote, r.fee_estimated, r.liquidity, r.filled_at, $2::uuid
    from jsonb_to_recordset($4::jsonb) as r(fill_id uuid, order_id uuid, trade_id uuid, symbol text, instrument_id text,
      exchange_trade_id text, side text, qty numeric, price numeric, fee numeric, fee_currency text, fee_value_quote numeric,
      fee_estimated boolean, liquidity text, filled_at timestamptz)`,

  // The one way to the ledger: the database books the transfers on their accounts.
  book: `select ek.book($1::text, $2::text, $3::uuid, $4::bigint, $5::jsonb, $6::jsonb)`,

  funds: `
    insert into funds (mode, exchange, bot_id, connection_id, currency, free, locked, user_id)
    select $1, $2, $3, $5::uuid, r.currency, r.free, r.locked, $4::uuid
    from jsonb_to_recordset($6::jsonb) as r(currency text, free numeric, locked numeric)
    order by r.currency
    on conflict (user_id, exchange, currency, connection_id, bot_id)
    do update set free = excluded.free, locked = excluded.locked, mode = excluded.mode`,

  decisions: `
    insert into decisions (decision_id, bot_id, run_id, seq, symbol, instrument_id, timeframe, bar_open, decided_at, outcome,
      reason, trace, gates, user_id)
    select r.decision_id, $1, $2::uuid, r.seq, r.symbol, r.instrument_id, r.timeframe, r.bar_open, r.decided_at, r.outcome,
      r.reason, r.trace, r.gates, $3::uuid
    from jsonb_to_recordset($4::jsonb) as r(decision_id text, seq bigint, symbol text, instrument_id text, timeframe text,
      bar_open timestamptz, decided_at timestamptz, outcome text, reason text, trace jsonb, gates jsonb)`,

  events: `
    insert into system_events (event_type, event_category, severity, bot_id, run_id, trade_id, symbol, message, details, user_id)
    select r.type, r.category, r.severity, $1, $2::uuid, r.trade_id, r.symbol, r.message, r.details, $3::uuid
    from jsonb_to_recordset($4::jsonb) as r(type text, category text, severity text, trade_id uuid, symbol text, message text,
      details jsonb)`,

  equity: `
    insert into account_state (mode, exchange, currency, connection_id, bot_id, run_id, recorded_at, equity, balance, unrealized_pnl,
      drawdown_pct, user_id)
    select $1, $2, r.currency, $6::uuid, $3, $4::uuid, r.at, r.equity, r.balance, r.unrealized_pnl, r.drawdown_pct, $5::uuid
    from jsonb_to_recordset($7::jsonb) as r(at timestamptz, currency text, equity numeric, balance numeric,
      unrealized_pnl numeric, drawdown_pct numeric)`,

  metrics: `
    insert into performance_metrics (bot_id, run_id, sharpe_ratio, win_rate, profit_factor, max_drawdown, total_return, avg_win,
      avg_loss, largest_win, largest_loss, total_trades, winning_trades, losing_trades, calculated_at, extra_metadata, user_id)
    select $1, $2::uuid, r.sharpe_ratio, r.win_rate, r.profit_factor, r.max_drawdown, r.total_return, r.avg_win, r.avg_loss,
      r.largest_win, r.largest_loss, r.total_trades, r.winning_trades, r.losing_trades, r.calculated_at, r.extra, $3::uuid
    from jsonb_to_recordset($4::jsonb) as r(sharpe_ratio numeric, win_rate numeric, profit_factor numeric, max_drawdown numeric,
      total_return numeric, avg_win numeric, avg_loss numeric, largest_win numeric, largest_loss numeric, total_trades integer,
      winning_trades integer, losing_trades integer, calculated_at timestamptz, extra jsonb)`,

  // Coins that left a deal unsold, or went into one: what the state says now less what it said before. Stands before the new state.
  holdings: `
    insert into holdings as h (mode, exchange, connection_id, currency, qty, avg_price, user_id)
    select $2, $3, $7::uuid, changed.currency, changed.qty, round(changed.basis / nullif(changed.qty, 0), 18), $4::uuid
    from (
      select coin.key as currency, sum(coin.sign * (coin.value ->> 'quantity')::numeric) as qty,
        sum(coin.sign * (coin.value ->> 'basis')::numeric) as basis
      from (
        select 1 as sign, now_held.* from jsonb_each($6::jsonb) as now_held
        union all
        select -1, held.* from bot_state s cross join lateral jsonb_each(coalesce(s.state -> 'engine' -> 'dust', '{}'::jsonb)) as held
        where s.bot_id = $1 and s.mode = $2 and s.scope = 'bot' and $5::boolean
      ) coin group by coin.key
    ) changed where changed.qty <> 0
    order by changed.currency
    on conflict (user_id, mode, exchange, connection_id, currency) do update set qty = h.qty + excluded.qty,
      avg_price = case when h.qty + excluded.qty = 0 then null
        else round((h.qty * coalesce(h.avg_price, 0) + excluded.qty * coalesce(excluded.avg_price, 0)) / (h.qty + excluded.qty), 18) end`,

  state: `
    insert into bot_state as s (bot_id, mode, scope, state, user_id) values ($1, $2, 'bot', $3::jsonb, $4::uuid)
    on conflict (bot_id, mode, scope) do update set state = excluded.state, version = s.version + 1`,

  run: `
    update bot_runs set status = $2, ended_at = $3::timestamptz, total_trades = $4::integer, total_pnl = $5::numeric,
      max_drawdown = $6::numeric, sharpe_ratio = $7::numeric, trades_hash = $8
    where run_id = $1::uuid`,

  instance: `
    update bot_instances set status = $2, current_balance = $3::numeric, total_pnl = $4::numeric, last_heartbeat = now()
    where id = $1`,

  // A run that has ended leaves nothing to be wanted, and nothing holds it any more.
  bot: `
    update bots set status = $2, paused_by = case when $4::boolean then '[]' else $3::jsonb end,
      desired_state = case when $4::boolean then 'stopped' else desired_state end
    where bot_id = $1`,

  // ---- of exchange accounts ----

  lease: `select ek.assert_lease($1::text, $2::bigint)`,

  // With what the venue said of the order. A key that is used for another order is refused.
  account_orders: `
    with written as (
      insert into order_logs as o (${ORDER_COLUMNS}, detail, exchange_order_id, acknowledged, evidence_at, user_id)
      select ${ORDER_VALUES}, r.detail, r.exchange_order_id, r.acknowledged, r.evidence_at, $5::uuid
      from jsonb_to_recordset($7::jsonb) as r(${ORDER_TYPES}, detail jsonb, exchange_order_id text, acknowledged boolean,
        evidence_at timestamptz)
      on conflict (order_id) do update set ${ORDER_IMAGE}, detail = excluded.detail,
        exchange_order_id = coalesce(excluded.exchange_order_id, o.exchange_order_id),
        acknowledged = o.acknowledged or excluded.acknowledged, evidence_at = greatest(o.evidence_at, excluded.evidence_at)
      where o.symbol = excluded.symbol and o.side = excluded.side and o.submitted_at = excluded.submitted_at
      returning 1)
    select ek.expect(count(*), $8::bigint, 'CONFLICT: the key of an order is used for another one') from written`,

  words: `
    with said as (
      update order_logs o set exchange_order_id = coalesce(r.exchange_order_id, o.exchange_order_id),
        acknowledged = o.acknowledged or r.acknowledged, evidence_at = greatest(o.evidence_at, r.evidence_at)
      from jsonb_to_recordset($1::jsonb) as r(order_id uuid, client_order_id text, exchange_order_id text, acknowledged boolean,
        evidence_at timestamptz)
      where o.order_id = r.order_id and o.client_order_id = r.client_order_id
      returning 1)
    select ek.expect(count(*), $2::bigint, 'NOT_FOUND: words of the venue about orders that are not there') from said`,

  intents: `
    with written as (
      insert into order_intents (id, order_id, name, kind, priority, payload, token, created_at, user_id)
      select r.id, o.order_id, r.name, r.kind, r.priority, r.payload, $1::bigint, r.created_at, $2::uuid
      from jsonb_to_recordset($3::jsonb) as r(id uuid, order_id uuid, client_order_id text, name text, kind text, priority integer,
        payload jsonb, created_at timestamptz)
      join order_logs o on o.order_id = r.order_id and o.client_order_id = r.client_order_id
      returning 1)
    select ek.expect(count(*), $4::bigint, 'NOT_FOUND: intents of orders that are not there') from written`,

  // Only from where the rules let it go: a pending intent is claimed once.
  intent_changes: `
    with changed as (
      update order_intents i set status = r.status, attempts = r.attempts, sent_at = r.sent_at, next_probe_at = r.next_probe_at,
        settled_at = case when r.status = 'settled' then now() end, last_error = r.last_error, doubt = r.doubt, token = $1::bigint
      from jsonb_to_recordset($2::jsonb) as r(id uuid, status text, attempts integer, sent_at timestamptz,
        next_probe_at timestamptz, last_error text, doubt jsonb, before jsonb)
      where i.id = r.id and r.before ? i.status
      returning 1)
    select ek.expect(count(*), $3::bigint, 'INVALID_STATUS_TRANSITION: intents are not where this change begins') from changed`,

  cursors: `
    insert into fill_cursors (connection_id, instrument_id, cursor, at, user_id)
    select $1::uuid, r.instrument_id, r.cursor, r.at, $2::uuid
    from jsonb_to_recordset($3::jsonb) as r(instrument_id text, cursor text, at timestamptz)
    on conflict (connection_id, instrument_id) do update set cursor = excluded.cursor, at = excluded.at`,

  foreign_orders: `
    insert into foreign_orders (connection_id, exchange_order_id, symbol, side, qty, price, resolution, raw, user_id)
    select $1::uuid, r.exchange_order_id, r.symbol, r.side, r.qty, r.price, r.resolution, r.raw, $2::uuid
    from jsonb_to_recordset($3::jsonb) as r(exchange_order_id text, symbol text, side text, qty numeric, price numeric,
      resolution text, raw jsonb)
    on conflict (connection_id, symbol, exchange_order_id) do update set qty = excluded.qty, price = excluded.price,
      resolution = excluded.resolution, raw = excluded.raw`,

  // Money of the account that no bot has: by how much it changed.
  own_funds: `
    insert into funds as f (mode, exchange, connection_id, currency, free, user_id)
    select $1, $2, $3::uuid, r.currency, r.change, $4::uuid
    from jsonb_to_recordset($5::jsonb) as r(currency text, change numeric)
    on conflict (user_id, exchange, currency, connection_id, bot_id) do update set free = f.free + excluded.free`,
} as const

export type StatementName = keyof typeof STATEMENTS

export function statement(name: StatementName, values: readonly (string | number | null)[]) {
  return { name: `ek_run_${name}`, text: STATEMENTS[name], values }
}
