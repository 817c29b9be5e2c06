// Coins that a bot's last run holds outside of its deals: released ones, profit kept in coins, and rests too small to sell. Quantity,
// cost and last price stand in the state that was committed with the run's ledger; a run that has not committed yet has none.

/** Rows (bot_id, mode, currency, quote, qty, basis, price); price is null where the pair was never quoted. */
export const KEPT_COINS = `
  select s.bot_id, s.mode, coin.key as currency, s.state -> 'engine' ->> 'quote' as quote, (coin.value ->> 'quantity')::numeric as qty,
    (coin.value ->> 'basis')::numeric as basis,
    (select (pair.value ->> 'lastPrice')::numeric from jsonb_each(s.state -> 'engine' -> 'pairs') as pair
      where split_part(pair.key, '/', 1) = coin.key and pair.value ->> 'lastPrice' is not null order by pair.key limit 1) as price
  from bot_state s cross join lateral jsonb_each(coalesce(s.state -> 'engine' -> 'dust', '{}'::jsonb)) as coin
  where s.scope = 'bot' and (coin.value ->> 'quantity')::numeric > 0 and not exists (
    select from bot_runs r where r.bot_id = s.bot_id and r.mode = s.mode and r.status = 'running'
      and not exists (select from journal j where j.run_id = r.run_id))`
