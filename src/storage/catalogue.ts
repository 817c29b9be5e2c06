// The table catalogue: what every table must be, in the notation of the specification's annex, area by area. `verify` compares
// it with the database, the isolation test is generated from it, and the readers take their columns from it. A table that is in
// the database and not here fails both.
//
// Notation: `name:type`, no type = text. u uuid, n exact_num, i integer, l bigint, b boolean, z timestamptz, j jsonb (default {}),
// {a/b} text with CHECK. `?` nullable. `=v` default; n0 i0 l0 b0 = 0 or false. `n?(x y)` groups. `->t` references t.
// @bot @run @trade @order @conn @inst @mode are the usual references. Keys: U unique (nulls not distinct), I index, idx_x named
// index, a bare expression is a CHECK. Implicit: created_at everywhere, updated_at outside classes A and G, user_id in T A X.

import { parseTable, type TableDefinition } from './catalogue-notation.ts'

export type { ColumnDefinition, ColumnType, RlsClass, TableDefinition } from './catalogue-notation.ts'

export type Area = 'identity' | 'bots' | 'trading' | 'evidence' | 'market' | 'system'

type Line = readonly [table: string, rls: string, retention: string, columns: string, keys?: string]

const IDENTITY: readonly Line[] = [
  [
    'users',
    'T',
    'K',
    "id:u email full_name? avatar_url? timezone='UTC' role{owner/admin/trader/viewer}='trader' status{active/locked/disabled}='active'",
    'U(lower(email))',
  ],
  [
    'user_credentials',
    'X',
    'K',
    'PK(user_id:u) password_hash? totp_secret_encrypted? totp_last_step:l? totp_enabled_at:z? recovery_codes:j data_key_wrapped kek_id',
  ],
  [
    'sessions',
    'X',
    'D',
    'id:u token_hash ip? user_agent? z(idle_expires_at expires_at) z?(step_up_at revoked_at)',
    'U(token_hash)',
  ],
  ['auth_attempts', 'Y', 'D', 'id:l email_hash ip success:b', 'I(email_hash,created_at) I(ip,created_at)'],
  [
    'api_tokens',
    'X',
    'P',
    'id:u name prefix token_hash j(scopes cidrs) expires_at:z z?(last_used_at revoked_at)',
    'U(token_hash)',
  ],
  [
    'exchange_keys',
    'X',
    'K',
    "id:u exchange nickname='default' api_key_encrypted api_secret_encrypted passphrase_encrypted? permissions:j is_active:b=true status{untested/connected/attention/error/paused/revoked}='untested' last_check:j z?(last_check_at deleted_at)",
    'U(user_id,exchange,nickname) where deleted_at is null',
  ],
  [
    'connection_audit',
    'A',
    'K',
    'id:l connection_id:u->exchange_keys action{connected/tested/rotated/updated/paused/resumed/revoked/used/error} details:j ip?',
    'I(connection_id,created_at)',
  ],
]

const BOTS: readonly Line[] = [
  [
    'bots',
    'T',
    'K',
    "bot_id name bot_type{dca/scanner/strategy} symbol? interval='1h' config:j schema_version:i=1 version:i=1 status{inactive/starting/running/paused/stopping/stopped/error}='inactive' desired_state{running/paused/stopped}='stopped' paused_by:j n?(required_capital max_position_size risk_per_trade) hidden:b=false last_error? deleted_at:z?",
    'I(user_id,status)',
  ],
  ['bot_versions', 'A', 'K', 'PK(@bot version:i) config:j config_hash note?'],
  [
    'bot_runs',
    'T',
    'F',
    "run_id:u @bot bot_version:i mode{backtest/paper/live}='paper' status{queued/running/completed/stopped/error/cancelled/interrupted}='running' started_at:z=now() ended_at:z? initial_balance:n total_trades:i=0 n0(total_pnl max_drawdown) sharpe_ratio:n? @conn seed:l=0 engine_version data_hash? trades_hash? code_hash? error? meta:j",
    "U(bot_id) where status = 'running' and mode <> 'backtest'; I(bot_id,started_at)",
  ],
  [
    'bot_instances',
    'T',
    'K',
    'id->bots type{paper/live/optimization/backtest} config_file? status{running/stopped/error} n?(current_balance total_pnl) z?(started_at last_heartbeat) restarts:i=0 extra_metadata:j',
  ],
  ['bot_state', 'T', 'F', 'PK(@bot mode scope) state:j version:l=1'],
  ['workers', 'Y', 'D', 'id host pid:i app_version status z(lease_until last_heartbeat) components:j'],
  ['leases', 'Y', 'K', 'scope holder->workers token:l taken_at:z', 'I(holder)'],
]

const TRADING: readonly Line[] = [
  [
    'trades',
    'T',
    'F',
    "id:u @bot @run trade_seq:i parent_trade_id:u?->trades bot_version:i trade_type{paper/live/optimization/backtest} strategy_name? entry_logic_name exit_logic_name @inst interval direction{long/short} status{open/closed/cancelled} deal_status{pending/open/closing/closed/cancelled/failed/released/merged}='pending' z?(entry_time exit_time buy_order_created buy_order_closed sell_order_created sell_order_closed) n?(entry_price exit_price entry_value exit_value size commission gross_pnl net_pnl pnl_percentage) exit_reason? funding:n=0 leverage:n=1 averaging_count:i=0 exit_state:j code_hash? note? extra_metadata:j version:l=1",
    "U(bot_id,trade_seq) where trade_type in ('paper','live') and parent_trade_id is null; U(run_id,trade_seq) where parent_trade_id is null; idx_symbol_status(symbol,status) idx_entry_time(entry_time) idx_strategy(entry_logic_name,exit_logic_name) idx_bot_trade_type(bot_id,trade_type)",
  ],
  [
    'order_logs',
    'T',
    'F',
    "order_id:u @bot? @run? @trade? decision_id? @mode exchange @conn client_order_id exchange_order_id? @inst side{buy/sell} purpose{base/avg/tp/sl/trail/exit/close/panic/adopt/manual} sequence:i=1 rung:i? qty:n order_type{market/limit/stop/stop_limit} n?(limit_price stop_price avg_price) time_in_force='GTC' reduce_only:b=false is_virtual:b=false status{intended/in_flight/open/part_filled/filled/cancelled/rejected/expired/unknown}='intended' cancel_state{none/requested/in_flight/refused/unknown/done}='none' n0(filled_qty fees) fee_currency? reason? z?(submitted_at closed_at) acknowledged:b=false evidence_at:z? detail:j",
    "U(connection_id,client_order_id) where mode <> 'backtest'; U(connection_id,instrument_id,exchange_order_id) where connection_id is not null and exchange_order_id is not null; U(trade_id,purpose,sequence) where trade_id is not null; U(trade_id,rung) where rung is not null and (status not in ('cancelled','rejected','expired') or filled_qty > 0); qty > 0; filled_qty >= 0; I(bot_id,created_at) I(status); I(connection_id,closed_at) where connection_id is not null",
  ],
  [
    'order_intents',
    'T',
    'F',
    "id:u @order kind{place/cancel/amend/query} priority:i payload:j token:l status{pending/sent/settled/in_doubt}='pending' attempts:i=0 z?(sent_at next_probe_at settled_at) last_error? name='' doubt:j?",
    'I(status,next_probe_at)',
  ],
  [
    'fills',
    'A',
    'F',
    'fill_id:u @order @trade? @mode @conn @inst exchange_trade_id side{buy/sell} n(qty price) fee:n=0 fee_currency? fee_value_quote:n? fee_estimated:b=false liquidity{maker/taker/unknown} reverses:u?->fills filled_at:z',
    "U(order_id,exchange_trade_id); U(connection_id,instrument_id,exchange_trade_id) where mode = 'live'; price > 0; I(connection_id,filled_at) where connection_id is not null",
  ],
  [
    'positions',
    'T',
    'F',
    'id:u @trade @bot @run @mode exchange @conn @inst signal_symbol? side{long/short} status{pending/open/protected/partial/exit_pending/cancel_pending/closed/cancelled/error/orphaned} n(qty avg_price) n0(unrealized_pnl unrealized_pnl_percent realized_pnl fees_paid cumulative_funding) n?(current_price original_size size_notional margin_used liquidation_price liq_distance_at_entry_pct initial_stop_price stop_price tp1_price tp2_price final_target_price invalidation_price partial_close_pct peak_price trail_atr_mult entry_score basis_at_entry basis_current funding_rate) leverage:n=1 margin_mode? decision_id? setup_type? regime? cluster? stop_loss_order_id:u?->order_logs take_profit_order_id:u?->order_logs j(take_profits tp_order_ids runner_config meta) b0(tp1_hit tp2_hit break_even_active trailing_active intent_confirmed premise_invalidated is_protected) protection_reason? structure_fingerprint? exit_reason? partial_lock_until:z? opened_at:z closed_at:z? version:l=1',
    'U(trade_id); qty >= 0; I(user_id,status,symbol)',
  ],
  [
    'holdings',
    'T',
    'K',
    'id:u @mode exchange @conn currency qty:n n?(avg_price current_price total_value unrealized_pnl)',
    'U(user_id,mode,exchange,connection_id,currency)',
  ],
  [
    'funds',
    'T',
    'K',
    'id:u @mode exchange @conn @bot? currency n0(free locked) total:n=generated',
    'U(user_id,exchange,currency,connection_id,bot_id); locked >= 0',
  ],
  [
    'ledger_accounts',
    'T',
    'F',
    'id:u @mode exchange @conn @bot? @trade? currency kind{external/free/fees/funding/transit/unexplained/bot_free/bot_reserved/bot_margin/bot_dust/position/market} balance:n=0 version:l=0',
    'U(trade_id,kind,currency,bot_id,user_id,mode,exchange,connection_id)',
  ],
  [
    'ledger_transfers',
    'A',
    'F',
    'id kind debit_account_id:u->ledger_accounts credit_account_id:u->ledger_accounts amount:n currency event_seq:l? @trade? order_id:u?->order_logs fill_id:u?->fills booking:l=identity',
    'amount > 0; debit_account_id <> credit_account_id',
  ],
  ['fill_cursors', 'T', 'K', 'PK(connection_id:u->exchange_keys instrument_id->instruments) cursor at:z'],
  [
    'account_state',
    'A',
    'F',
    'id:l @mode exchange currency @conn @bot? @run? recorded_at:z n(equity balance) n0(margin_used available_margin unrealized_pnl net_transfers drawdown_pct)',
    'I(run_id,recorded_at) I(connection_id,recorded_at)',
  ],
  [
    'foreign_orders',
    'T',
    'P',
    "id:u connection_id:u->exchange_keys exchange_order_id symbol side{buy/sell} qty:n price:n? resolution{open/adopted/ignored/cancelled}='open' raw:j",
    'U(connection_id,symbol,exchange_order_id)',
  ],
]

const EVIDENCE: readonly Line[] = [
  [
    'decisions',
    'A',
    'D',
    'decision_id @bot @run seq:l @inst timeframe z(bar_open decided_at) outcome{no_signal/not_evaluable/blocked/entered/averaged/exited/held/error} reason j(trace gates)',
    'U(run_id,seq); I(bot_id,bar_open) I(user_id,run_id,seq)',
  ],
  ['scan_cycles', 'A', 'E', 'id @bot @run started_at:z ended_at:z? status funnel:j choke? near_misses:j', 'I(bot_id,started_at)'],
  [
    'system_events',
    'A',
    'E',
    "id:l user? event_type event_category{system/execution/condition/profit/risk/data/auth/audit} severity{debug/info/warning/error/critical}='info' @bot? @run? @trade? cycle_id? symbol? decision_id? message details:j",
    'I(event_type,created_at) I(symbol,created_at) I(decision_id)',
  ],
  [
    'journal',
    'A',
    'F',
    'PK(@run seq:l) at:z kind payload:j state_hash? prev_hash hash',
    "I(user_id,run_id,seq); I(run_id,seq) where payload ? 'starts'",
  ],
  [
    'parity_reports',
    'A',
    'F',
    'PK(@trade) @bot @run status{compared/unavailable} reason? matched:b=false cause?{data_gap/config/version/unknown} n?(net_pnl simulated_pnl difference entry_value) parts:j details:j engine_version',
    'I(bot_id,created_at)',
  ],
  [
    'performance_metrics',
    'A',
    'P',
    'id:u @bot @run? n?(sharpe_ratio win_rate profit_factor max_drawdown total_return avg_win avg_loss largest_win largest_loss) i?(total_trades winning_trades losing_trades) calculated_at:z? extra_metadata:j',
    'I(bot_id,calculated_at)',
  ],
]

const MARKET: readonly Line[] = [
  [
    'instruments',
    'G',
    'K',
    'id exchange symbol base quote settle? kind{spot/swap} n(tick step min_qty min_notional maker_bps taker_bps) contract_size:n=1 status j(aliases filters)',
    'U(exchange,symbol); tick > 0; step > 0',
  ],
  [
    'candles',
    'G',
    'H',
    'PK(instrument_id->instruments timeframe open_time:z) symbol n(open high low close volume) quote_volume:n? source revision:i=0 synthetic:b=false',
    'low <= open; low <= close; high >= open; high >= close; volume >= 0',
  ],
]

const SYSTEM: readonly Line[] = [
  ['settings', 'T', 'K', 'id:u user? key value:j version:i=1', 'U(user_id,key)'],
  [
    'safety_record',
    'T',
    'K',
    "id:u user? scope{global/tenant/account/bot} scope_id? state{normal/paused/reduce_only/halted}='normal' reason? actor? n?(peak_equity day_start_equity) day_start_at:z? loss_streak:i=0 version:l=1 checksum",
    'U(scope,scope_id)',
  ],
  ['safety_history', 'A', 'K', 'id:l user? safety_id:u->safety_record state reason? actor details:j'],
  [
    'idempotency_keys',
    'T',
    '24 h',
    'PK(user_id:u key) route request_hash status_code:i? response:j expires_at:z',
    'I(expires_at)',
  ],
  [
    'data_files',
    'Y',
    'K',
    'id:u kind{archive/backup} table_name? z?(from_at to_at verified_at drilled_at) path sha256 rows:l? bytes:l schema_version:i',
  ],
  ['schema_migrations', 'Y', 'K', 'PK(version:i) name checksum applied_at:z=now() duration_ms:i app_version'],
]

function area(name: Area, lines: readonly Line[]): TableDefinition[] {
  return lines.map(([table, rls, retention, columns, keys]) => parseTable(name, table, rls, retention, columns, keys ?? ''))
}

/** Every table of the product's schema, parents before children. */
export const CATALOGUE: readonly TableDefinition[] = [
  ...area('identity', IDENTITY),
  ...area('market', MARKET),
  ...area('bots', BOTS),
  ...area('trading', TRADING),
  ...area('evidence', EVIDENCE),
  ...area('system', SYSTEM),
]

export const TABLES: ReadonlyMap<string, TableDefinition> = new Map(CATALOGUE.map(table => [table.name, table]))

/** @throws Error when the catalogue has no such table: our own mistake. */
export function tableDefinition(name: string): TableDefinition {
  const table = TABLES.get(name)
  if (!table) throw new Error(`table ${name} is not in the catalogue`)
  return table
}
