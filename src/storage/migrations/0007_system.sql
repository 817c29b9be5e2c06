-- The system itself: settings, safety, repeated requests, data files.

set local role evenkeel_owner;

-- Settings of a person, or of the instance where user_id is null.
create table settings (
  id uuid default gen_random_uuid() primary key,
  key text not null,
  value jsonb not null default '{}',
  version integer not null default 1,
  user_id uuid references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (user_id, key)
);
call ek.protect('settings', 'T', 'select, insert, update, delete', global_rows_visible => true);

-- The kill switch and its kin: one row per scope. A row that cannot be read means halted.
create table safety_record (
  id uuid default gen_random_uuid() primary key,
  scope text not null check (scope in ('global', 'tenant', 'account', 'bot')),
  scope_id text,
  state text not null default 'normal' check (state in ('normal', 'paused', 'reduce_only', 'halted')),
  reason text,
  actor text,
  peak_equity exact_num,
  day_start_equity exact_num,
  day_start_at timestamptz,
  loss_streak integer not null default 0,
  version bigint not null default 1,
  checksum text not null,
  user_id uuid references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, id),
  unique nulls not distinct (scope, scope_id)
);
call ek.protect('safety_record', 'T', 'select, insert, update, delete', global_rows_visible => true);

-- Every change of a safety record.
create table safety_history (
  id bigint generated always as identity primary key,
  safety_id uuid not null,
  state text not null,
  reason text,
  actor text not null,
  details jsonb not null default '{}',
  user_id uuid references users,
  created_at timestamptz not null default now(),
  foreign key (safety_id, user_id) references safety_record (id, user_id)
);
create index on safety_history (safety_id);
create index on safety_history (user_id) where user_id is not null;
call ek.protect('safety_history', 'A', 'select, insert');

-- Replies to requests that must not act twice.
create table idempotency_keys (
  user_id uuid not null references users,
  key text not null,
  route text not null,
  request_hash text not null,
  status_code integer,
  response jsonb not null default '{}',
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, key)
);
create index on idempotency_keys (expires_at);
call ek.protect('idempotency_keys', 'T', 'select, insert, update, delete');

-- Archives and backups that were written, with their hashes.
create table data_files (
  id uuid default gen_random_uuid() primary key,
  kind text not null check (kind in ('archive', 'backup')),
  table_name text,
  from_at timestamptz,
  to_at timestamptz,
  verified_at timestamptz,
  drilled_at timestamptz,
  path text not null,
  sha256 text not null,
  rows bigint,
  bytes bigint not null,
  schema_version integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
call ek.protect('data_files', 'Y', '');
