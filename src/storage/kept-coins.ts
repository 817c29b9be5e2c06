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

/**
 * Holdings as they are shown: the price is the last one that a deal of the coin saw. The stored average is rounded at its eighteenth
 * place each time coins join, so the cost is put back on ten places before it is taken from the value.
 */
export const PRICED_HOLDINGS = `
  select h.id, h.mode, h.exchange, h.currency, h.qty, h.avg_price, p.current_price, trim_scale(h.qty * p.current_price) as total_value,
    trim_scale(h.qty * p.current_price - round(h.qty * h.avg_price, 10)) as unrealized_pnl
  from holdings h left join lateral (
    select p.current_price from positions p join instruments i on i.id = p.instrument_id
    where i.base = h.currency and p.mode = h.mode and p.current_price is not null order by p.updated_at desc limit 1
  ) p on true where h.qty <> 0`
