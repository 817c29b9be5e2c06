-- What the runs of an exchange account must find again after a restart: what the venue said of an order, what of an order has no column
-- of its own, the name of an intent and what is known while it is in doubt.

set local role evenkeel_owner;

alter table order_logs
  add column acknowledged boolean not null default false,
  add column evidence_at timestamptz,
  add column detail jsonb not null default '{}';
drop index order_logs_connection_id_idx;
create index on order_logs (connection_id, closed_at) where connection_id is not null;

alter table order_intents
  add column name text not null default '',
  add column doubt jsonb;

-- A start asks for what ended and what was filled lately, of one account.
drop index fills_connection_id_idx;
create index on fills (connection_id, filled_at) where connection_id is not null;

set local role evenkeel_system;

-- Ends the transaction where a statement touched another number of rows than it must.
create function ek.expect(touched bigint, wanted bigint, what text) returns void
  language plpgsql as $$
begin
  if touched is distinct from wanted then
    raise exception '%: % of % rows', what, touched, wanted using errcode = 'EK003';
  end if;
end
$$;
revoke all on function ek.expect from public;
grant execute on function ek.expect to evenkeel_app;
