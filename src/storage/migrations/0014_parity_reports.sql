-- How each closed paper or live deal compares with its simulation, and what of a journal the comparison looks up.

set local role evenkeel_owner;

create table parity_reports (
  trade_id uuid not null,
  bot_id text not null,
  run_id uuid not null,
  status text not null check (status in ('compared', 'unavailable')),
  reason text,
  matched boolean not null default false,
  cause text check (cause in ('data_gap', 'config', 'version', 'unknown')),
  net_pnl exact_num,
  simulated_pnl exact_num,
  difference exact_num,
  entry_value exact_num,
  parts jsonb not null default '{}',
  details jsonb not null default '{}',
  engine_version text not null,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  primary key (trade_id),
  foreign key (trade_id, user_id) references trades (id, user_id),
  foreign key (bot_id, user_id) references bots (bot_id, user_id),
  foreign key (run_id, user_id) references bot_runs (run_id, user_id)
);
create index on parity_reports (bot_id, created_at);
create index on parity_reports (run_id);
create index on parity_reports (user_id);
call ek.protect('parity_reports', 'A', 'select, insert');

-- Entries that say what a deal began with: one of some hundred.
create index on journal (run_id, seq) where payload ? 'starts';

set local role evenkeel_system;

-- Closed paper deals without a report, the oldest first; of one run or of all. A run that is fed as fast as it can be read is left alone
-- until it has ended.
create function ek.deals_without_parity(wanted_run uuid, at_most integer)
  returns table (trade_id uuid, run_id uuid, bot_id text, user_id uuid)
  language sql stable security definer set search_path from current
  begin atomic
    select t.id, t.run_id, t.bot_id, t.user_id
    from trades t join bot_runs r on r.run_id = t.run_id
    where (wanted_run is null or t.run_id = wanted_run)
      and t.trade_type = 'paper' and t.status = 'closed' and t.parent_trade_id is null and t.entry_time is not null
      and (r.status <> 'running' or coalesce(r.meta -> 'feed' ->> 'speed', '') <> 'max')
      and not exists (select from parity_reports p where p.trade_id = t.id)
    order by t.exit_time, t.id
    limit at_most;
  end;
revoke all on function ek.deals_without_parity from public;
grant execute on function ek.deals_without_parity to evenkeel_app;
