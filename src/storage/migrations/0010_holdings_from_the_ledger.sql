-- Coins that bots kept outside of deals before they were shown as holdings. Their cost was not written down.

set local role evenkeel_system;

insert into holdings (mode, exchange, currency, qty, user_id)
select mode, exchange, currency, sum(balance), user_id from ledger_accounts
where kind = 'bot_dust' group by mode, exchange, currency, user_id having sum(balance) <> 0
on conflict do nothing;
