-- The limit of a claim is what one worker can hold in all: the bots it holds already come first and are always listed, others follow
-- until the limit is reached. Before, new bots in front of the held ones took it beyond its limit.

set local role evenkeel_system;

create or replace function ek.claim_bots(worker_id text, at_most integer)
  returns table (bot_id text, user_id uuid, run_id uuid, scope text, token bigint)
  language plpgsql security definer set search_path from current as $$
declare
  candidate record;
  granted bigint;
  given integer := 0;
begin
  for candidate in
    select b.bot_id, b.user_id, r.run_id, 'bot:' || b.bot_id as scope, coalesce(l.holder = worker_id, false) as held
    from bots b join bot_runs r on r.bot_id = b.bot_id and r.status = 'running' and r.mode = 'paper'
    left join leases l on l.scope = 'bot:' || b.bot_id
    where b.deleted_at is null
      and (b.desired_state in ('running', 'paused') or b.status in ('starting', 'running', 'paused', 'stopping'))
    order by held desc, b.bot_id
  loop
    exit when not candidate.held and given >= at_most;
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
