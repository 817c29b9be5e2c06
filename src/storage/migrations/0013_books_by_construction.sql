-- Balances follow from transfers by construction: transfers are written by one function, which books each of them on both of its
-- accounts in the same statement. The app role can insert into neither table itself. A trigger on the transfers would do the same for
-- a quarter more time per commit; this stays within a few percent of writing both tables apart.

set local role evenkeel_owner;

-- The order in which transfers were booked, across all runs: what a fold of them follows. Rows that exist are numbered as they lie.
alter table ledger_transfers add column booking bigint generated always as identity;

revoke insert on ledger_accounts from evenkeel_app;
revoke insert on ledger_transfers from evenkeel_app;

-- What the foreign keys do not hold against: a slip of somebody who works as another role. evenkeel_system is the function below, and
-- whoever removes a deal whose time has come.
create function ek.refuse_ledger_change() returns trigger language plpgsql as $$
begin
  raise exception 'ledger: %', tg_argv[0] using errcode = 'EK004';
end
$$;

create trigger one_door before insert on ledger_transfers for each statement when (current_user <> 'evenkeel_system')
  execute function ek.refuse_ledger_change('transfers are written by ek.book alone, which books them on their accounts');
create trigger stay before update on ledger_transfers for each statement
  execute function ek.refuse_ledger_change('a transfer is never changed: book the opposite one and another');
create trigger stay_all before truncate on ledger_transfers for each statement
  execute function ek.refuse_ledger_change('transfers are not emptied: balances would stay without them');
create trigger one_door before insert on ledger_accounts for each row when (current_user <> 'evenkeel_system')
  execute function ek.refuse_ledger_change('accounts are opened by ek.book alone, with their first transfer');
create trigger one_door_for_balance before update of balance, version on ledger_accounts for each row
  when (current_user <> 'evenkeel_system' and (old.balance <> new.balance or old.version <> new.version))
  execute function ek.refuse_ledger_change('a balance changes by transfers alone, which ek.book writes');
create trigger keep_name
  before update of id, kind, currency, mode, exchange, user_id, connection_id, bot_id, trade_id on ledger_accounts for each row
  when (old.id <> new.id or old.kind <> new.kind or old.currency <> new.currency or old.mode <> new.mode
    or old.exchange <> new.exchange or old.user_id <> new.user_id or old.connection_id is distinct from new.connection_id
    or old.bot_id is distinct from new.bot_id or old.trade_id is distinct from new.trade_id)
  execute function ek.refuse_ledger_change('an account stays what it is: open another one');

set local role evenkeel_system;

-- Writes transfers of the tenant of the transaction and books them. Accounts that do not exist are opened. In the order of their ids,
-- so that two bots of one tenant never wait for each other in a circle.
-- given_accounts: [{id, bot_id, trade_id, currency, kind}], every account that a transfer names;
-- given_transfers: [{id, kind, debit, credit, amount, currency, trade_id, order_id, fill_id}].
create function ek.book(given_mode text, given_exchange text, given_connection uuid, given_seq bigint, given_accounts jsonb,
    given_transfers jsonb)
  returns void language plpgsql security definer set search_path from current as $$
declare
  tenant constant uuid := auth.uid();
  is_complete boolean;
begin
  if tenant is null then
    raise exception 'ledger: transfers belong to a tenant, and this transaction has none' using errcode = 'EK004';
  end if;
  with given as (
    select * from jsonb_to_recordset(given_transfers) as r(id text, kind text, debit uuid, credit uuid, amount numeric, currency text,
      trade_id uuid, order_id uuid, fill_id uuid)
  ), moved as (
    select side.account, sum(side.amount) as change
    from (select debit as account, amount from given union all select credit, -amount from given) side group by side.account
  ), booked as (
    insert into ledger_accounts as a (id, mode, exchange, connection_id, bot_id, trade_id, currency, kind, balance, version, user_id)
    select r.id, given_mode, given_exchange, given_connection, r.bot_id, r.trade_id, r.currency, r.kind, moved.change, 1, tenant
    from jsonb_to_recordset(given_accounts) as r(id uuid, bot_id text, trade_id uuid, currency text, kind text)
    join moved on moved.account = r.id
    order by r.id
    on conflict (id) do update set balance = a.balance + excluded.balance, version = a.version + 1 where a.user_id = tenant
    returning 1
  ), written as (
    insert into ledger_transfers (id, kind, debit_account_id, credit_account_id, amount, currency, event_seq, trade_id, order_id,
      fill_id, user_id)
    select g.id, g.kind, g.debit, g.credit, g.amount, g.currency, given_seq, g.trade_id, g.order_id, g.fill_id, tenant from given g
  )
  select (select count(*) from booked) = (select count(*) from moved) into is_complete;
  if not is_complete then
    raise exception 'ledger: transfers name accounts that are not given, or are another tenant''s' using errcode = 'EK004';
  end if;
end
$$;
revoke all on function ek.book from public;
grant execute on function ek.book to evenkeel_app;

-- A whole deal goes when its time has come: its transfers are booked back as they are deleted.
create function ek.book_back() returns trigger language plpgsql security definer set search_path from current as $$
begin
  update ledger_accounts a set balance = a.balance - moved.change, version = a.version + 1
  from (
    select side.account, sum(side.amount) as change
    from (select debit_account_id as account, amount from gone union all select credit_account_id, -amount from gone) side
    group by side.account
  ) moved
  where a.id = moved.account;
  return null;
end
$$;

set local role evenkeel_owner;

create trigger book_back after delete on ledger_transfers referencing old table as gone
  for each statement execute function ek.book_back();
revoke all on function ek.refuse_ledger_change from public;

set local role evenkeel_system;

revoke all on function ek.book_back from public;
