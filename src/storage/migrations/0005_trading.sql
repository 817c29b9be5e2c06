-- Trading: deals, orders, fills, positions and the double-entry ledger. All sums follow from fills and transfers.

set local role evenkeel_owner;

-- One position life cycle, flat to flat: a deal. Rows with a parent are partial exits and enter no sum.
create table trades (
  id uuid default gen_random_uuid() primary key,
  bot_id text not null,
  run_id uuid not null,
  trade_seq integer not null,
  parent_trade_id uuid,
  bot_version integer not null,
  trade_type text not null check (trade_type in ('paper', 'live', 'optimization', 'backtest')),
  strategy_name text,
  entry_logic_name text not null,
  exit_logic_name text not null,
  symbol text not null,
  instrument_id text not null references instruments,
  interval text not null,
  direction text not null check (direction in ('long', 'short')),
  status text not null check (status in ('open', 'closed', 'cancelled')),
  deal_status text not null default 'pending' check (deal_status in ('pending', 'open', 'closing', 'closed', 'cancelled', 'failed', 'released', 'merged')),
  entry_time timestamptz,
  exit_time timestamptz,
  buy_order_created timestamptz,
  buy_order_closed timestamptz,
  sell_order_created timestamptz,
  sell_order_closed timestamptz,
  entry_price exact_num,
  exit_price exact_num,
  entry_value exact_num,
  exit_value exact_num,
  size exact_num,
  commission exact_num,
  gross_pnl exact_num,
  net_pnl exact_num,
  pnl_percentage exact_num,
  exit_reason text,
  funding exact_num not null default 0,
  leverage exact_num not null default 1,
  averaging_count integer not null default 0,
  exit_state jsonb not null default '{}',
  code_hash text,
  note text,
  extra_metadata jsonb not null default '{}',
  version bigint not null default 1,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id),
  foreign key (parent_trade_id, user_id) references trades (id, user_id)
) with (fillfactor = 85);
create unique index on trades (bot_id, trade_seq) nulls not distinct where trade_type in ('paper','live') and parent_trade_id is null;
create unique index on trades (run_id, trade_seq) nulls not distinct where parent_trade_id is null;
create index idx_symbol_status on trades (symbol, status);
create index idx_entry_time on trades (entry_time);
create index idx_strategy on trades (entry_logic_name, exit_logic_name);
create index idx_bot_trade_type on trades (bot_id, trade_type);
create index on trades (run_id);
create index on trades (parent_trade_id) where parent_trade_id is not null;
create index on trades (instrument_id);
call ek.protect('trades', 'T', 'select, insert, update');

-- Orders and where they stand. An order is committed as intended before anything is sent.
create table order_logs (
  order_id uuid default gen_random_uuid() primary key,
  bot_id text,
  run_id uuid,
  trade_id uuid,
  decision_id text,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  exchange text not null,
  connection_id uuid,
  client_order_id text not null,
  exchange_order_id text,
  symbol text not null,
  instrument_id text not null references instruments,
  side text not null check (side in ('buy', 'sell')),
  purpose text not null check (purpose in ('base', 'avg', 'tp', 'sl', 'trail', 'exit', 'close', 'panic', 'adopt', 'manual')),
  sequence integer not null default 1,
  rung integer,
  qty exact_num not null,
  order_type text not null check (order_type in ('market', 'limit', 'stop', 'stop_limit')),
  limit_price exact_num,
  stop_price exact_num,
  avg_price exact_num,
  time_in_force text not null default 'GTC',
  reduce_only boolean not null default false,
  is_virtual boolean not null default false,
  status text not null default 'intended' check (status in ('intended', 'in_flight', 'open', 'part_filled', 'filled', 'cancelled', 'rejected', 'expired', 'unknown')),
  cancel_state text not null default 'none' check (cancel_state in ('none', 'requested', 'in_flight', 'refused', 'unknown', 'done')),
  filled_qty exact_num not null default 0,
  fees exact_num not null default 0,
  fee_currency text,
  reason text,
  submitted_at timestamptz,
  closed_at timestamptz,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, order_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id),
  foreign key (trade_id, user_id) references trades (id, user_id),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  check (qty > 0),
  check (filled_qty >= 0)
) with (fillfactor = 85);
create unique index on order_logs (connection_id, client_order_id) nulls not distinct where mode <> 'backtest';
create unique index on order_logs (connection_id, instrument_id, exchange_order_id) nulls not distinct where connection_id is not null and exchange_order_id is not null;
create unique index on order_logs (trade_id, purpose, sequence) nulls not distinct where trade_id is not null;
create unique index on order_logs (trade_id, rung) nulls not distinct where rung is not null and (status not in ('cancelled','rejected','expired') or filled_qty > 0);
create index on order_logs (bot_id, created_at);
create index on order_logs (status);
create index on order_logs (run_id) where run_id is not null;
create index on order_logs (connection_id) where connection_id is not null;
create index on order_logs (instrument_id);
call ek.protect('order_logs', 'T', 'select, insert, update');

-- The outbox: what is to be sent to a venue, frozen as it will be sent.
create table order_intents (
  id uuid default gen_random_uuid() primary key,
  order_id uuid not null,
  kind text not null check (kind in ('place', 'cancel', 'amend', 'query')),
  priority integer not null,
  payload jsonb not null default '{}',
  token bigint not null,
  status text not null default 'pending' check (status in ('pending', 'sent', 'settled', 'in_doubt')),
  attempts integer not null default 0,
  sent_at timestamptz,
  next_probe_at timestamptz,
  settled_at timestamptz,
  last_error text,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (order_id, user_id) references order_logs (order_id, user_id)
);
create index on order_intents (status, next_probe_at);
create index on order_intents (order_id);
create index on order_intents (user_id);
call ek.protect('order_intents', 'T', 'select, insert, update');

-- Executions, written once.
create table fills (
  fill_id uuid default gen_random_uuid() primary key,
  order_id uuid not null,
  trade_id uuid,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  connection_id uuid,
  symbol text not null,
  instrument_id text not null references instruments,
  exchange_trade_id text not null,
  side text not null check (side in ('buy', 'sell')),
  qty exact_num not null,
  price exact_num not null,
  fee exact_num not null default 0,
  fee_currency text,
  fee_value_quote exact_num,
  fee_estimated boolean not null default false,
  liquidity text not null check (liquidity in ('maker', 'taker', 'unknown')),
  reverses uuid,
  filled_at timestamptz not null,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  unique (user_id, fill_id),
  foreign key (order_id, user_id) references order_logs (order_id, user_id),
  foreign key (trade_id, user_id) references trades (id, user_id),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  foreign key (reverses, user_id) references fills (fill_id, user_id),
  check (price > 0),
  unique nulls not distinct (order_id, exchange_trade_id)
);
create unique index on fills (connection_id, instrument_id, exchange_trade_id) nulls not distinct where mode = 'live';
create index on fills (trade_id) where trade_id is not null;
create index on fills (connection_id) where connection_id is not null;
create index on fills (instrument_id);
create index on fills (reverses) where reverses is not null;
call ek.protect('fills', 'A', 'select, insert');

-- The open lot of a deal. At flat it is closed, not deleted.
create table positions (
  id uuid default gen_random_uuid() primary key,
  trade_id uuid not null,
  bot_id text not null,
  run_id uuid not null,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  exchange text not null,
  connection_id uuid,
  symbol text not null,
  instrument_id text not null references instruments,
  signal_symbol text,
  side text not null check (side in ('long', 'short')),
  status text not null check (status in ('pending', 'open', 'protected', 'partial', 'exit_pending', 'cancel_pending', 'closed', 'cancelled', 'error', 'orphaned')),
  qty exact_num not null,
  avg_price exact_num not null,
  unrealized_pnl exact_num not null default 0,
  unrealized_pnl_percent exact_num not null default 0,
  realized_pnl exact_num not null default 0,
  fees_paid exact_num not null default 0,
  cumulative_funding exact_num not null default 0,
  current_price exact_num,
  original_size exact_num,
  size_notional exact_num,
  margin_used exact_num,
  liquidation_price exact_num,
  liq_distance_at_entry_pct exact_num,
  initial_stop_price exact_num,
  stop_price exact_num,
  tp1_price exact_num,
  tp2_price exact_num,
  final_target_price exact_num,
  invalidation_price exact_num,
  partial_close_pct exact_num,
  peak_price exact_num,
  trail_atr_mult exact_num,
  entry_score exact_num,
  basis_at_entry exact_num,
  basis_current exact_num,
  funding_rate exact_num,
  leverage exact_num not null default 1,
  margin_mode text,
  decision_id text,
  setup_type text,
  regime text,
  cluster text,
  stop_loss_order_id uuid,
  take_profit_order_id uuid,
  take_profits jsonb not null default '{}',
  tp_order_ids jsonb not null default '{}',
  runner_config jsonb not null default '{}',
  meta jsonb not null default '{}',
  tp1_hit boolean not null default false,
  tp2_hit boolean not null default false,
  break_even_active boolean not null default false,
  trailing_active boolean not null default false,
  intent_confirmed boolean not null default false,
  premise_invalidated boolean not null default false,
  is_protected boolean not null default false,
  protection_reason text,
  structure_fingerprint text,
  exit_reason text,
  partial_lock_until timestamptz,
  opened_at timestamptz not null,
  closed_at timestamptz,
  version bigint not null default 1,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (trade_id, user_id) references trades (id, user_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  foreign key (stop_loss_order_id, user_id) references order_logs (order_id, user_id),
  foreign key (take_profit_order_id, user_id) references order_logs (order_id, user_id),
  check (qty >= 0),
  unique nulls not distinct (trade_id)
) with (fillfactor = 80);
create index on positions (user_id, status, symbol);
create index on positions (bot_id);
create index on positions (run_id);
create index on positions (connection_id) where connection_id is not null;
create index on positions (instrument_id);
create index on positions (stop_loss_order_id) where stop_loss_order_id is not null;
create index on positions (take_profit_order_id) where take_profit_order_id is not null;
call ek.protect('positions', 'T', 'select, insert, update');

-- Coins held outside of deals, per exchange account.
create table holdings (
  id uuid default gen_random_uuid() primary key,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  exchange text not null,
  connection_id uuid,
  currency text not null,
  qty exact_num not null,
  avg_price exact_num,
  current_price exact_num,
  total_value exact_num,
  unrealized_pnl exact_num,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  unique nulls not distinct (user_id, mode, exchange, connection_id, currency)
);
create index on holdings (connection_id) where connection_id is not null;
call ek.protect('holdings', 'T', 'select, insert, update, delete');

-- Cash per exchange account, or per bot on paper: a projection of the ledger. Free may be negative, because fills always book.
create table funds (
  id uuid default gen_random_uuid() primary key,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  exchange text not null,
  connection_id uuid,
  bot_id text,
  currency text not null,
  free exact_num not null default 0,
  locked exact_num not null default 0,
  total exact_num generated always as (free + locked) stored,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  check (locked >= 0),
  unique nulls not distinct (user_id, exchange, currency, connection_id, bot_id)
) with (fillfactor = 70);
create index on funds (connection_id) where connection_id is not null;
create index on funds (bot_id) where bot_id is not null;
call ek.protect('funds', 'T', 'select, insert, update, delete');

-- Double entry: balance = debits - credits, and a currency sums to zero over all accounts.
create table ledger_accounts (
  id uuid default gen_random_uuid() primary key,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  exchange text not null,
  connection_id uuid,
  bot_id text,
  trade_id uuid,
  currency text not null,
  kind text not null check (kind in ('external', 'free', 'fees', 'funding', 'transit', 'unexplained', 'bot_free', 'bot_reserved', 'bot_margin', 'bot_dust', 'position', 'market')),
  balance exact_num not null default 0,
  version bigint not null default 0,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, id, currency),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (trade_id, user_id) references trades (id, user_id),
  unique nulls not distinct (trade_id, kind, currency, bot_id, user_id, mode, exchange, connection_id)
) with (fillfactor = 70);
create index on ledger_accounts (connection_id) where connection_id is not null;
create index on ledger_accounts (bot_id) where bot_id is not null;
call ek.protect('ledger_accounts', 'T', 'select, insert, update');

-- One currency from one account to another, once per cause. The foreign keys carry the currency, so that both accounts hold it.
create table ledger_transfers (
  id text primary key,
  kind text not null,
  debit_account_id uuid not null,
  credit_account_id uuid not null,
  amount exact_num not null,
  currency text not null,
  event_seq bigint,
  trade_id uuid,
  order_id uuid,
  fill_id uuid,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  foreign key (debit_account_id, user_id, currency) references ledger_accounts (id, user_id, currency),
  foreign key (credit_account_id, user_id, currency) references ledger_accounts (id, user_id, currency),
  foreign key (trade_id, user_id) references trades (id, user_id),
  foreign key (order_id, user_id) references order_logs (order_id, user_id),
  foreign key (fill_id, user_id) references fills (fill_id, user_id),
  check (amount > 0),
  check (debit_account_id <> credit_account_id)
);
create index on ledger_transfers (debit_account_id);
create index on ledger_transfers (credit_account_id);
create index on ledger_transfers (trade_id) where trade_id is not null;
create index on ledger_transfers (order_id) where order_id is not null;
create index on ledger_transfers (fill_id) where fill_id is not null;
create index on ledger_transfers (user_id);
call ek.protect('ledger_transfers', 'A', 'select, insert');

-- How far the fills of a venue have been fetched.
create table fill_cursors (
  connection_id uuid not null,
  instrument_id text not null references instruments,
  cursor text not null,
  at timestamptz not null,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (connection_id, instrument_id),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id)
);
create index on fill_cursors (instrument_id);
create index on fill_cursors (user_id);
call ek.protect('fill_cursors', 'T', 'select, insert, update, delete');

-- Equity samples.
create table account_state (
  id bigint generated always as identity primary key,
  mode text not null check (mode in ('backtest', 'paper', 'live')),
  exchange text not null,
  currency text not null,
  connection_id uuid,
  bot_id text,
  run_id uuid,
  recorded_at timestamptz not null,
  equity exact_num not null,
  balance exact_num not null,
  margin_used exact_num not null default 0,
  available_margin exact_num not null default 0,
  unrealized_pnl exact_num not null default 0,
  net_transfers exact_num not null default 0,
  drawdown_pct exact_num not null default 0,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id)
);
create index on account_state (run_id, recorded_at);
create index on account_state (connection_id, recorded_at);
create index on account_state (bot_id) where bot_id is not null;
create index on account_state (user_id);
call ek.protect('account_state', 'A', 'select, insert');

-- Orders at the venue that are not ours, until a person decides.
create table foreign_orders (
  id uuid default gen_random_uuid() primary key,
  connection_id uuid not null,
  exchange_order_id text not null,
  symbol text not null,
  side text not null check (side in ('buy', 'sell')),
  qty exact_num not null,
  price exact_num,
  resolution text not null default 'open' check (resolution in ('open', 'adopted', 'ignored', 'cancelled')),
  raw jsonb not null default '{}',
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id),
  unique nulls not distinct (connection_id, symbol, exchange_order_id)
);
create index on foreign_orders (user_id);
call ek.protect('foreign_orders', 'T', 'select, insert, update, delete');
