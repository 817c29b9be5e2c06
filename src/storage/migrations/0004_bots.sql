-- Bots: intent, versions, runs, what is observed, and who may run them.

set local role evenkeel_owner;

-- What a person wants to run. The API writes desired_state, the holder of the lease writes status.
create table bots (
  bot_id text primary key,
  name text not null,
  bot_type text not null check (bot_type in ('dca', 'scanner', 'strategy')),
  symbol text,
  interval text not null default '1h',
  config jsonb not null default '{}',
  schema_version integer not null default 1,
  version integer not null default 1,
  status text not null default 'inactive' check (status in ('inactive', 'starting', 'running', 'paused', 'stopping', 'stopped', 'error')),
  desired_state text not null default 'stopped' check (desired_state in ('running', 'paused', 'stopped')),
  paused_by jsonb not null default '{}',
  required_capital exact_num,
  max_position_size exact_num,
  risk_per_trade exact_num,
  hidden boolean not null default false,
  last_error text,
  deleted_at timestamptz,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, bot_id)
);
create index on bots (user_id, status);
call ek.protect('bots', 'T', 'select, insert, update, delete');

-- Each edit of a config, whole.
create table bot_versions (
  bot_id text not null,
  version integer not null,
  config jsonb not null default '{}',
  config_hash text not null,
  note text,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  primary key (bot_id, version),
  foreign key (bot_id, user_id) references bots (bot_id, user_id)
);
create index on bot_versions (user_id);
call ek.protect('bot_versions', 'A', 'select, insert');

-- One life of a bot in one mode. At most one paper or live run of a bot is running.
create table bot_runs (
  run_id uuid default gen_random_uuid() primary key,
  bot_id text not null,
  bot_version integer not null,
  mode text not null default 'paper' check (mode in ('backtest', 'paper', 'live')),
  status text not null default 'running' check (status in ('queued', 'running', 'completed', 'stopped', 'error', 'cancelled', 'interrupted')),
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  initial_balance exact_num not null,
  total_trades integer not null default 0,
  total_pnl exact_num not null default 0,
  max_drawdown exact_num not null default 0,
  sharpe_ratio exact_num,
  connection_id uuid,
  seed bigint not null default 0,
  engine_version text not null,
  data_hash text,
  trades_hash text,
  code_hash text,
  error text,
  meta jsonb not null default '{}',
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, run_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id)
);
create unique index on bot_runs (bot_id) nulls not distinct where status = 'running' and mode <> 'backtest';
create index on bot_runs (bot_id, started_at);
create index on bot_runs (connection_id) where connection_id is not null;
call ek.protect('bot_runs', 'T', 'select, insert, update');

-- What is observed of a bot: heartbeat, balance, restarts.
create table bot_instances (
  id text primary key,
  type text not null check (type in ('paper', 'live', 'optimization', 'backtest')),
  config_file text,
  status text not null check (status in ('running', 'stopped', 'error')),
  current_balance exact_num,
  total_pnl exact_num,
  started_at timestamptz,
  last_heartbeat timestamptz,
  restarts integer not null default 0,
  extra_metadata jsonb not null default '{}',
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (id, user_id) references bots (bot_id, user_id)
) with (fillfactor = 70);
create index on bot_instances (user_id);
call ek.protect('bot_instances', 'T', 'select, insert, update, delete');

-- What a restart continues from, as the engine serialised it. Updated with each commit, so pages keep room for it.
create table bot_state (
  bot_id text not null,
  mode text not null,
  scope text not null,
  state jsonb not null default '{}',
  version bigint not null default 1,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (bot_id, mode, scope),
  foreign key (bot_id, user_id) references bots (bot_id, user_id)
) with (fillfactor = 70);
create index on bot_state (user_id);
call ek.protect('bot_state', 'T', 'select, insert, update');

-- Processes that run bots. One renewed row per worker instead of one per lease.
create table workers (
  id text primary key,
  host text not null,
  pid integer not null,
  app_version text not null,
  status text not null,
  lease_until timestamptz not null,
  last_heartbeat timestamptz not null,
  components jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 70);
call ek.protect('workers', 'Y', '');

-- Who may run a scope. The token rises with each taker and is checked by every write.
create table leases (
  scope text primary key,
  holder text not null references workers,
  token bigint not null,
  taken_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on leases (holder);
call ek.protect('leases', 'Y', '');
