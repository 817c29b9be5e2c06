-- What must be known before a tenant is known, or across tenants: looking up a login, a session or a token; counting failures;
-- claiming bots to run. Each function answers one narrow question, is owned by evenkeel_system and may be called by the app role.

set local role evenkeel_system;

create function ek.owner_exists() returns boolean
  language sql stable security definer set search_path from current
  begin atomic
    select exists (select from users where role = 'owner');
  end;

create function ek.find_login(wanted_email text)
  returns table (user_id uuid, email text, role text, status text, password_hash text, totp_secret_encrypted text,
    totp_last_step bigint, totp_enabled_at timestamptz)
  language sql stable security definer set search_path from current
  begin atomic
    select u.id, u.email, u.role, u.status, c.password_hash, c.totp_secret_encrypted, c.totp_last_step, c.totp_enabled_at
    from users u left join user_credentials c on c.user_id = u.id
    where lower(u.email) = lower(wanted_email);
  end;

create function ek.find_session(wanted_hash text)
  returns table (session_id uuid, user_id uuid, email text, role text, status text, step_up_at timestamptz,
    idle_expires_at timestamptz, expires_at timestamptz)
  language sql stable security definer set search_path from current
  begin atomic
    select s.id, s.user_id, u.email, u.role, u.status, s.step_up_at, s.idle_expires_at, s.expires_at
    from sessions s join users u on u.id = s.user_id
    where s.token_hash = wanted_hash and s.revoked_at is null and s.expires_at > now() and s.idle_expires_at > now();
  end;

create function ek.find_token(wanted_hash text)
  returns table (token_id uuid, user_id uuid, email text, role text, status text, scopes jsonb, cidrs jsonb,
    expires_at timestamptz)
  language sql stable security definer set search_path from current
  begin atomic
    select t.id, t.user_id, u.email, u.role, u.status, t.scopes, t.cidrs, t.expires_at
    from api_tokens t join users u on u.id = t.user_id
    where t.token_hash = wanted_hash and t.revoked_at is null and t.expires_at > now();
  end;

create function ek.record_auth_attempt(attempt_email_hash text, attempt_ip text, succeeded boolean) returns void
  language sql security definer set search_path from current
  begin atomic
    insert into auth_attempts (email_hash, ip, success) values (attempt_email_hash, attempt_ip, succeeded);
  end;

-- Failures since a moment, and since the last success where that is later.
create function ek.auth_failures(attempt_email_hash text, attempt_ip text, since timestamptz)
  returns table (by_email integer, by_ip integer, last_by_email timestamptz)
  language sql stable security definer set search_path from current
  begin atomic
    select
      (select count(*)::integer from auth_attempts a
        where a.email_hash = attempt_email_hash and not a.success and a.created_at > greatest(since,
          coalesce((select max(s.created_at) from auth_attempts s where s.email_hash = attempt_email_hash and s.success), since))),
      (select count(*)::integer from auth_attempts a where a.ip = attempt_ip and not a.success and a.created_at > since),
      (select max(a.created_at) from auth_attempts a where a.email_hash = attempt_email_hash and not a.success);
  end;

create function ek.admin_counts()
  returns table (users bigint, bots bigint, running_bots bigint, open_deals bigint, orders bigint, fills bigint, candles bigint)
  language sql stable security definer set search_path from current
  begin atomic
    select
      (select count(*) from users),
      (select count(*) from bots where deleted_at is null and not hidden),
      (select count(*) from bots where status in ('starting', 'running', 'paused', 'stopping')),
      (select count(*) from trades where status = 'open' and parent_trade_id is null),
      (select count(*) from order_logs),
      (select count(*) from fills),
      (select greatest(reltuples, 0)::bigint from pg_class where oid = 'candles'::regclass);
  end;

-- A worker renews one row; its leases live as long as that row (database time).
create function ek.renew_worker(worker_id text, worker_host text, worker_pid integer, version text, ttl_sec integer,
    worker_components jsonb default '{}')
  returns timestamptz
  language sql security definer set search_path from current
  begin atomic
    insert into workers as w (id, host, pid, app_version, status, lease_until, last_heartbeat, components)
    values (worker_id, worker_host, worker_pid, version, 'running', now() + make_interval(secs => ttl_sec), now(), worker_components)
    on conflict (id) do update set lease_until = excluded.lease_until, last_heartbeat = excluded.last_heartbeat,
      status = excluded.status, components = excluded.components
    returning w.lease_until;
  end;

-- A worker that goes lets others take its scopes at once.
create function ek.retire_worker(worker_id text) returns void
  language sql security definer set search_path from current
  begin atomic
    update workers set status = 'stopped', lease_until = now() - interval '1 hour' where id = worker_id;
  end;

create function ek.workers()
  returns table (id text, host text, pid integer, app_version text, status text, lease_until timestamptz,
    last_heartbeat timestamptz, heartbeat_age_sec double precision, leases bigint)
  language sql stable security definer set search_path from current
  begin atomic
    select w.id, w.host, w.pid, w.app_version, w.status, w.lease_until, w.last_heartbeat,
      extract(epoch from now() - w.last_heartbeat)::double precision,
      (select count(*) from leases l where l.holder = w.id)
    from workers w;
  end;

-- Takes a scope, or answers null when another living worker holds it. A takeover waits five seconds beyond the expiry and for
-- every write under the old token (they hold the lock shared until they commit); then the token rises.
create function ek.claim_scope(wanted_scope text, worker_id text) returns bigint
  language plpgsql security definer set search_path from current as $$
declare
  current_lease leases%rowtype;
  taken bigint;
begin
  if not exists (select from workers where id = worker_id and lease_until > clock_timestamp()) then
    raise exception 'worker % has no living lease', worker_id using errcode = 'EK001';
  end if;
  select * into current_lease from leases where scope = wanted_scope;
  if found then
    if current_lease.holder = worker_id then
      return current_lease.token;
    end if;
    if exists (select from workers
        where id = current_lease.holder and lease_until + interval '5 seconds' > clock_timestamp()) then
      return null;
    end if;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('lease ' || wanted_scope, 0));
  insert into leases as l (scope, holder, token, taken_at) values (wanted_scope, worker_id, 1, now())
  on conflict (scope) do update set holder = excluded.holder, token = l.token + 1, taken_at = now()
    where l.holder <> excluded.holder
      and not exists (select from workers w where w.id = l.holder and w.lease_until + interval '5 seconds' > clock_timestamp())
  returning token into taken;
  return taken;
end
$$;

-- Refuses a write under a token that is no longer the scope's, and keeps a takeover waiting until the caller's transaction ends.
create function ek.assert_lease(held_scope text, held_token bigint) returns void
  language plpgsql security definer set search_path from current as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('lease ' || held_scope, 0));
  if not exists (select from leases where scope = held_scope and token = held_token) then
    raise exception 'LEASE_LOST: token % of % is stale', held_token, held_scope using errcode = 'EK001';
  end if;
end
$$;

-- What every commit of a run begins with: the lease is still ours, and the journal of our own run ends where the writer believes
-- it ends. It reads beyond row level security on purpose: under a policy on user_id the planner, before it has statistics, may walk
-- all rows of the tenant instead of the end of one journal.
create function ek.assert_writer(held_scope text, held_token bigint, run uuid, last_seq bigint, last_hash text) returns void
  language plpgsql security definer set search_path from current as $$
declare
  tail record;
begin
  if held_scope is not null then
    perform ek.assert_lease(held_scope, held_token);
  end if;
  select j.seq, j.hash, j.user_id into tail from journal j where j.run_id = run order by j.seq desc limit 1;
  if coalesce(tail.seq, 0) <> last_seq or (last_seq > 0 and (tail.hash <> last_hash or tail.user_id <> auth.uid())) then
    raise exception 'JOURNAL_GAP: run % does not end at %', run, last_seq using errcode = 'EK002';
  end if;
end
$$;

-- Paper bots that want to run or still have work, claimed for one worker; those it holds already are listed with their token.
create function ek.claim_bots(worker_id text, at_most integer)
  returns table (bot_id text, user_id uuid, run_id uuid, scope text, token bigint)
  language plpgsql security definer set search_path from current as $$
declare
  candidate record;
  granted bigint;
  given integer := 0;
begin
  for candidate in
    select b.bot_id, b.user_id, r.run_id, 'bot:' || b.bot_id as scope
    from bots b join bot_runs r on r.bot_id = b.bot_id and r.status = 'running' and r.mode = 'paper'
    where b.deleted_at is null
      and (b.desired_state in ('running', 'paused') or b.status in ('starting', 'running', 'paused', 'stopping'))
    order by b.bot_id
  loop
    exit when given >= at_most;
    granted := ek.claim_scope(candidate.scope, worker_id);
    if granted is not null then
      given := given + 1;
      bot_id := candidate.bot_id;
      user_id := candidate.user_id;
      run_id := candidate.run_id;
      scope := candidate.scope;
      token := granted;
      return next;
    end if;
  end loop;
end
$$;

-- Candles belong to nobody, so that deleting them is a command of the instance and not of a tenant.
create function ek.delete_candles(wanted_instrument text, wanted_timeframe text, from_time timestamptz, until_time timestamptz)
  returns bigint
  language plpgsql security definer set search_path from current as $$
declare
  deleted bigint;
begin
  delete from candles
  where instrument_id = wanted_instrument and timeframe = wanted_timeframe
    and (from_time is null or open_time >= from_time) and (until_time is null or open_time < until_time);
  get diagnostics deleted = row_count;
  return deleted;
end
$$;

-- An event of the instance itself, without a tenant.
create function ek.record_event(kind text, category text, level text, text_of_event text, facts jsonb) returns void
  language sql security definer set search_path from current
  begin atomic
    insert into system_events (event_type, event_category, severity, message, details)
    values (kind, category, level, text_of_event, facts);
  end;

create function ek.put_global_setting(wanted_key text, new_value jsonb) returns integer
  language sql security definer set search_path from current
  begin atomic
    insert into settings as s (user_id, key, value) values (null, wanted_key, new_value)
    on conflict (user_id, key) do update set value = excluded.value, version = s.version + 1
    returning s.version;
  end;

-- What the readers of this schema may know of its own history.
create function ek.applied_migrations()
  returns table (version integer, name text, checksum text, applied_at timestamptz, app_version text)
  language sql stable security definer set search_path from current
  begin atomic
    select m.version, m.name, m.checksum, m.applied_at, m.app_version from schema_migrations m;
  end;

create function ek.purge_expired() returns bigint
  language plpgsql security definer set search_path from current as $$
declare
  removed bigint;
  part bigint;
begin
  delete from idempotency_keys where expires_at < now();
  get diagnostics removed = row_count;
  delete from sessions where expires_at < now() - interval '30 days';
  get diagnostics part = row_count;
  removed := removed + part;
  delete from auth_attempts where created_at < now() - interval '30 days';
  get diagnostics part = row_count;
  return removed + part;
end
$$;

do $$
declare
  f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.pronamespace = 'ek'::regnamespace and r.rolname = 'evenkeel_system'
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to evenkeel_app', f);
  end loop;
end
$$;
