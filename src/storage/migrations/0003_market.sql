-- The market: instruments and closed candles. No tenant owns them.

set local role evenkeel_owner;

-- Tradable pairs with the grid and the fees of their venue.
create table instruments (
  id text primary key,
  exchange text not null,
  symbol text not null,
  base text not null,
  quote text not null,
  settle text,
  kind text not null check (kind in ('spot', 'swap')),
  tick exact_num not null,
  step exact_num not null,
  min_qty exact_num not null,
  min_notional exact_num not null,
  maker_bps exact_num not null,
  taker_bps exact_num not null,
  contract_size exact_num not null default 1,
  status text not null,
  aliases jsonb not null default '{}',
  filters jsonb not null default '{}',
  created_at timestamptz not null default now(),
  check (tick > 0),
  check (step > 0),
  unique nulls not distinct (exchange, symbol)
);
call ek.protect('instruments', 'G', 'select, insert, update');

-- Closed bars, stamped at their open. A closed bar that changes gets a higher revision.
create table candles (
  instrument_id text not null references instruments,
  timeframe text not null,
  open_time timestamptz not null,
  symbol text not null,
  open exact_num not null,
  high exact_num not null,
  low exact_num not null,
  close exact_num not null,
  volume exact_num not null,
  quote_volume exact_num,
  source text not null,
  revision integer not null default 0,
  synthetic boolean not null default false,
  created_at timestamptz not null default now(),
  primary key (instrument_id, timeframe, open_time),
  check (low <= open),
  check (low <= close),
  check (high >= open),
  check (high >= close),
  check (volume >= 0)
);
call ek.protect('candles', 'G', 'select, insert, update');
