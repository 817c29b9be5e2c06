-- Roles, the schema of privileged functions, exact numbers, auth.uid() where the host has none, and the one procedure that puts
-- a table under row level security. Runs as whoever connects: a superuser, or a role that may create roles and schemas.

do $$
declare
  wanted text;
begin
  -- evenkeel_owner owns and migrates, evenkeel_app serves, evenkeel_system owns the functions of schema ek. Where the
  -- application has a login of its own: alter role evenkeel_app login password '...'.
  foreach wanted in array array['evenkeel_owner', 'evenkeel_app', 'evenkeel_system', 'authenticated'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin', wanted);
      exception when duplicate_object or unique_violation then
        null; -- another database of this server is being migrated at the same moment
      end;
    end if;
    if wanted <> 'authenticated' and not pg_has_role(current_user, wanted, 'member') then
      execute format('grant %I to %I', wanted, current_user);
    end if;
  end loop;
  execute format('grant usage, create on schema %I to evenkeel_owner', current_schema());
  execute format('grant usage on schema %I to evenkeel_app, evenkeel_system, authenticated', current_schema());
end
$$;

create schema if not exists ek;
grant usage, create on schema ek to evenkeel_owner, evenkeel_system;
grant usage on schema ek to evenkeel_app;

-- The tenant of the transaction: `sub` of the claims set by the server for this transaction alone; null without claims.
-- Supabase brings its own auth.uid(), which answers the same; it is never replaced.
do $$
begin
  if to_regprocedure('auth.uid()') is null then
    create schema if not exists auth;
    create function auth.uid() returns uuid language sql stable
      return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
  end if;
  begin
    grant usage on schema auth to evenkeel_owner, evenkeel_app, evenkeel_system, authenticated;
  exception when insufficient_privilege then
    grant authenticated to evenkeel_owner; -- on a managed host this role may use the schema and can pass it on
  end;
end
$$;

set local role evenkeel_owner;

-- Prices, quantities and money: any scale, never NaN nor infinite. Not called dec, which is a built-in name of numeric.
create domain exact_num as numeric check (value > '-Infinity' and value < 'Infinity');

create function ek.touch_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- Puts a table into a class of row level security: T tenant, A append-only, X secret, G market, C conditions, Y system.
-- Everything is revoked first, because hosts such as Supabase grant new tables to their web roles by default.
create procedure ek.protect(
  target regclass,
  class text,
  app_commands text,
  tenant_column text default 'user_id',
  global_rows_visible boolean default false
) language plpgsql as $$
declare
  readers text := case when class in ('X') then 'evenkeel_app' else 'evenkeel_app, authenticated' end;
  own_rows text := format('%I = (select auth.uid())', tenant_column);
  web_role text;
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('revoke all on %s from public', target);
  foreach web_role in array array['anon', 'authenticated', 'service_role'] loop
    if exists (select from pg_roles where rolname = web_role) then
      execute format('revoke all on %s from %I', target, web_role);
    end if;
  end loop;

  execute format('create policy system on %s to evenkeel_system using (true) with check (true)', target);
  execute format('grant select, insert, update, delete on %s to evenkeel_system', target);
  if class in ('T', 'A', 'X') then
    execute format('create policy tenant on %s to %s using (%s) with check (%s)', target, readers, own_rows, own_rows);
    if global_rows_visible then
      execute format('create policy global_rows on %s for select to %s using (%I is null)', target, readers, tenant_column);
    end if;
  elsif class = 'G' then
    execute format('create policy market on %s to %s using (true) with check (true)', target, readers);
  end if;

  if app_commands <> '' then
    execute format('grant %s on %s to evenkeel_app', app_commands, target);
  end if;
  if class in ('T', 'A', 'G', 'C') then
    execute format('grant select on %s to authenticated', target);
  end if;
  if class not in ('A', 'G') then
    execute format(
      'create trigger touch_updated_at before update on %s for each row execute function ek.touch_updated_at()', target);
  end if;
end
$$;
revoke all on procedure ek.protect from public;
revoke all on function ek.touch_updated_at from public;

-- Which files of this folder were applied, and what they contained.
create table schema_migrations (
  version integer primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now(),
  duration_ms integer not null,
  app_version text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
call ek.protect('schema_migrations', 'Y', '');
