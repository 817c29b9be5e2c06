-- The safety record as runs and people ask for it: what is written down of the scopes that rule a bot, whether a scope ever had a
-- row (one that has disappeared means halted), and changes of the record of the whole instance, which belongs to no tenant.

set local role evenkeel_owner;

-- By which a row that was there and is gone is missed.
create index safety_history_scope on safety_history ((details ->> 'scope'), (details ->> 'scopeId'));

set local role evenkeel_system;

-- The whole instance and the tenant of the transaction; with them one bot and one exchange account, or everything the tenant has.
create function ek.safety_scopes(wanted_bot text, wanted_connection text, all_of_tenant boolean)
  returns table (scope text, scope_id text, had_row boolean, user_id uuid, state text, reason text, actor text,
    peak_equity numeric, day_start_equity numeric, day_start_at timestamptz, loss_streak integer, version bigint, checksum text,
    updated_at timestamptz)
  language sql stable security definer set search_path from current
  begin atomic
    with wanted (scope, scope_id, tenant) as (
      select 'global', null::text, null::uuid
      union
      select 'tenant', auth.uid()::text, auth.uid() where auth.uid() is not null
      union
      select 'bot', wanted_bot, auth.uid() where wanted_bot is not null and auth.uid() is not null
      union
      select 'account', wanted_connection, auth.uid() where wanted_connection is not null and auth.uid() is not null
      union
      select r.scope, r.scope_id, r.user_id from safety_record r where all_of_tenant and r.user_id = auth.uid()
      union
      select h.details ->> 'scope', h.details ->> 'scopeId', h.user_id from safety_history h
        where all_of_tenant and h.user_id = auth.uid() and h.details ->> 'scope' is not null
    )
    select w.scope, w.scope_id,
      case when r.id is not null then true else exists (
        select from safety_history h
        where h.details ->> 'scope' = w.scope and h.details ->> 'scopeId' is not distinct from w.scope_id
          and h.user_id is not distinct from w.tenant) end,
      r.user_id, r.state, r.reason, r.actor, r.peak_equity, r.day_start_equity, r.day_start_at, r.loss_streak, r.version, r.checksum,
      r.updated_at
    from wanted w left join safety_record r
      on r.scope = w.scope and r.scope_id is not distinct from w.scope_id and r.user_id is not distinct from w.tenant;
  end;

-- Writes the record of the whole instance with its history. Null when another change came first.
create function ek.put_global_safety(expected_version bigint, new_state text, new_reason text, new_actor text,
    new_version bigint, new_checksum text, facts jsonb)
  returns bigint
  language plpgsql security definer set search_path from current as $$
declare
  written uuid;
begin
  if expected_version is null then
    insert into safety_record (scope, scope_id, state, reason, actor, version, checksum, user_id)
    values ('global', null, new_state, new_reason, new_actor, new_version, new_checksum, null)
    on conflict do nothing returning id into written;
  else
    update safety_record set state = new_state, reason = new_reason, actor = new_actor, peak_equity = null, day_start_equity = null,
      day_start_at = null, loss_streak = 0, version = new_version, checksum = new_checksum
    where scope = 'global' and scope_id is null and user_id is null and version = expected_version returning id into written;
  end if;
  if written is null then
    return null;
  end if;
  insert into safety_history (safety_id, state, reason, actor, details, user_id)
  values (written, new_state, new_reason, new_actor, facts, null);
  return new_version;
end
$$;

-- What happened to the record of the whole instance, newest first: everybody on it is concerned.
create function ek.global_safety_history(at_most integer)
  returns table (id bigint, state text, reason text, actor text, details jsonb, created_at timestamptz)
  language sql stable security definer set search_path from current
  begin atomic
    select h.id, h.state, h.reason, h.actor, h.details, h.created_at from safety_history h
    where h.user_id is null order by h.id desc limit at_most;
  end;

do $$
declare
  f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.pronamespace = 'ek'::regnamespace and r.rolname = 'evenkeel_system'
      and p.proname in ('safety_scopes', 'put_global_safety', 'global_safety_history')
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to evenkeel_app', f);
  end loop;
end
$$;
