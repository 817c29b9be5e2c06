-- Evidence: decisions, events, the journal of each run, and statistics.

set local role evenkeel_owner;

-- Each evaluated instant of a bot with its reasons; slept instants as one range.
create table decisions (
  decision_id text primary key,
  bot_id text not null,
  run_id uuid not null,
  seq bigint not null,
  symbol text not null,
  instrument_id text not null references instruments,
  timeframe text not null,
  bar_open timestamptz not null,
  decided_at timestamptz not null,
  outcome text not null check (outcome in ('no_signal', 'not_evaluable', 'blocked', 'entered', 'averaged', 'exited', 'held', 'error')),
  reason text not null,
  trace jsonb not null default '{}',
  gates jsonb not null default '{}',
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id),
  unique nulls not distinct (run_id, seq)
);
create index on decisions (bot_id, bar_open);
create index on decisions (user_id, run_id, seq);
create index on decisions (instrument_id);
call ek.protect('decisions', 'A', 'select, insert');

-- Each pass of a scanner over its universe.
create table scan_cycles (
  id text primary key,
  bot_id text not null,
  run_id uuid not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  status text not null,
  funnel jsonb not null default '{}',
  choke text,
  near_misses jsonb not null default '{}',
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id)
);
create index on scan_cycles (bot_id, started_at);
create index on scan_cycles (run_id);
create index on scan_cycles (user_id);
call ek.protect('scan_cycles', 'A', 'select, insert');

-- What happened, in words. Rows without a user belong to the system.
create table system_events (
  id bigint generated always as identity primary key,
  event_type text not null,
  event_category text not null check (event_category in ('system', 'execution', 'condition', 'profit', 'risk', 'data', 'auth', 'audit')),
  severity text not null default 'info' check (severity in ('debug', 'info', 'warning', 'error', 'critical')),
  bot_id text,
  run_id uuid,
  trade_id uuid,
  cycle_id text,
  symbol text,
  decision_id text,
  message text not null,
  details jsonb not null default '{}',
  user_id uuid references users,
  created_at timestamptz not null default now(),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id),
  foreign key (trade_id, user_id) references trades (id, user_id),
  check (user_id is not null or (bot_id is null and run_id is null and trade_id is null))
);
create index on system_events (event_type, created_at);
create index on system_events (symbol, created_at);
create index on system_events (decision_id);
create index on system_events (bot_id) where bot_id is not null;
create index on system_events (run_id) where run_id is not null;
create index on system_events (trade_id) where trade_id is not null;
create index on system_events (user_id) where user_id is not null;
call ek.protect('system_events', 'A', 'select, insert');

-- The hash chain of a run: what went in and what came out, in order.
create table journal (
  run_id uuid not null,
  seq bigint not null,
  at timestamptz not null,
  kind text not null,
  payload jsonb not null default '{}',
  state_hash text,
  prev_hash text not null,
  hash text not null,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  primary key (run_id, seq),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id)
);
create index on journal (user_id, run_id, seq);
call ek.protect('journal', 'A', 'select, insert');

-- Statistics of a bot at a moment, appended and never changed.
create table performance_metrics (
  id uuid default gen_random_uuid() primary key,
  bot_id text not null,
  run_id uuid,
  sharpe_ratio exact_num,
  win_rate exact_num,
  profit_factor exact_num,
  max_drawdown exact_num,
  total_return exact_num,
  avg_win exact_num,
  avg_loss exact_num,
  largest_win exact_num,
  largest_loss exact_num,
  total_trades integer,
  winning_trades integer,
  losing_trades integer,
  calculated_at timestamptz,
  extra_metadata jsonb not null default '{}',
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id)
);
create index on performance_metrics (bot_id, calculated_at);
create index on performance_metrics (run_id) where run_id is not null;
create index on performance_metrics (user_id);
call ek.protect('performance_metrics', 'A', 'select, insert');
