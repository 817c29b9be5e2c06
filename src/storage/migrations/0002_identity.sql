-- Identity: people, how they prove to be one, and their connections to exchanges.

set local role evenkeel_owner;

-- People. A row is its own tenant: its id is what auth.uid() answers.
create table users (
  id uuid default gen_random_uuid() primary key,
  email text not null,
  full_name text,
  avatar_url text,
  timezone text not null default 'UTC',
  role text not null default 'trader' check (role in ('owner', 'admin', 'trader', 'viewer')),
  status text not null default 'active' check (status in ('active', 'locked', 'disabled')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index on users (lower(email));
call ek.protect('users', 'T', 'select, insert, update, delete', tenant_column => 'id');

-- How a person proves to be one, and the wrapped key that encrypts the secrets of that person.
create table user_credentials (
  user_id uuid primary key references users,
  password_hash text,
  totp_secret_encrypted text,
  totp_last_step bigint,
  totp_enabled_at timestamptz,
  recovery_codes jsonb not null default '{}',
  data_key_wrapped text not null,
  kek_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
call ek.protect('user_credentials', 'X', 'select, insert, update, delete');

-- Signed-in browsers. Only the hash of the session secret is kept.
create table sessions (
  id uuid default gen_random_uuid() primary key,
  token_hash text not null,
  ip text,
  user_agent text,
  idle_expires_at timestamptz not null,
  expires_at timestamptz not null,
  step_up_at timestamptz,
  revoked_at timestamptz,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (token_hash)
);
create index on sessions (user_id);
call ek.protect('sessions', 'X', 'select, insert, update, delete');

-- What the lockout counts. No tenant reads it.
create table auth_attempts (
  id bigint generated always as identity primary key,
  email_hash text not null,
  ip text not null,
  success boolean not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index on auth_attempts (email_hash, created_at);
create index on auth_attempts (ip, created_at);
call ek.protect('auth_attempts', 'Y', '');

-- Secrets for programs, with scopes; only their hash is kept.
create table api_tokens (
  id uuid default gen_random_uuid() primary key,
  name text not null,
  prefix text not null,
  token_hash text not null,
  scopes jsonb not null default '{}',
  cidrs jsonb not null default '{}',
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (token_hash)
);
create index on api_tokens (user_id);
call ek.protect('api_tokens', 'X', 'select, insert, update, delete');

-- Connections to exchanges. The keys are ciphertexts; deleting one destroys them and keeps the row.
create table exchange_keys (
  id uuid default gen_random_uuid() primary key,
  exchange text not null,
  nickname text not null default 'default',
  api_key_encrypted text not null,
  api_secret_encrypted text not null,
  passphrase_encrypted text,
  permissions jsonb not null default '{}',
  is_active boolean not null default true,
  status text not null default 'untested' check (status in ('untested', 'connected', 'attention', 'error', 'paused', 'revoked')),
  last_check jsonb not null default '{}',
  last_check_at timestamptz,
  deleted_at timestamptz,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, id)
);
create unique index on exchange_keys (user_id, exchange, nickname) nulls not distinct where deleted_at is null;
call ek.protect('exchange_keys', 'X', 'select, insert, update, delete');

-- What was done with a connection, for good.
create table connection_audit (
  id bigint generated always as identity primary key,
  connection_id uuid not null,
  action text not null check (action in ('connected', 'tested', 'rotated', 'updated', 'paused', 'resumed', 'revoked', 'used', 'error')),
  details jsonb not null default '{}',
  ip text,
  user_id uuid not null references users,
  created_at timestamptz not null default now(),
  foreign key (connection_id, user_id) references exchange_keys (id, user_id)
);
create index on connection_audit (connection_id, created_at);
create index on connection_audit (user_id);
call ek.protect('connection_audit', 'A', 'select, insert');

-- On Supabase a person is also a row of its own auth.users.
reset role;
do $$
begin
  if to_regclass('auth.users') is not null then
    alter table users add constraint users_id_auth_fkey foreign key (id) references auth.users (id);
  end if;
end
$$;
