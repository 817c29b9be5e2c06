// Everything a run wrote, as rows that two runs of the same bot over the same candles must share to the last column: ids are replaced by
// what they stand for, and times of writing are left out.

import type pg from 'pg'
import { Decimal, sumDecimals, ZERO } from '../../src/core/money/decimal.ts'
import { canonicalEntry, GENESIS_HASH, journalHash } from '../../src/storage/run-commit-store.ts'

export const RUN_TABLES = [
  'bot_runs',
  'trades',
  'positions',
  'order_logs',
  'fills',
  'ledger_transfers',
  'funds',
  'decisions',
  'system_events',
  'account_state',
  'performance_metrics',
  'journal',
] as const

type Row = Record<string, unknown>
export type RunRows = Readonly<Record<(typeof RUN_TABLES)[number], readonly string[]>>

/** Ids of the row itself or of its run, and when it was written. */
const LEFT_OUT = new Set([
  'id',
  'fill_id',
  'decision_id',
  'event_id',
  'client_order_id',
  'exchange_order_id',
  'bot_id',
  'run_id',
  'user_id',
  'created_at',
  'updated_at',
  'recorded_by',
  'at_seq',
  'started_at',
  'ended_at',
  'entry_seq',
  // Counts over all runs of the instance.
  'booking',
])
/** bot_runs.meta names the feed and, by number, the commands given before: the same for both. */
const ROWS_OF_RUN: Readonly<Record<(typeof RUN_TABLES)[number], string>> = {
  bot_runs: 'select to_jsonb(t) as row from bot_runs t where run_id = $1',
  trades: 'select to_jsonb(t) as row from trades t where run_id = $1',
  positions: 'select to_jsonb(t) as row from positions t where run_id = $1',
  order_logs: 'select to_jsonb(t) as row from order_logs t where run_id = $1',
  fills: 'select to_jsonb(t) as row from fills t join order_logs o using (order_id) where o.run_id = $1',
  ledger_transfers: `select to_jsonb(t) as row from ledger_transfers t where trade_id in (select id from trades where run_id = $1)`,
  funds: 'select to_jsonb(t) as row from funds t where bot_id = (select bot_id from bot_runs where run_id = $1)',
  decisions: 'select to_jsonb(t) as row from decisions t where run_id = $1',
  system_events: 'select to_jsonb(t) as row from system_events t where run_id = $1',
  account_state: 'select to_jsonb(t) as row from account_state t where run_id = $1',
  performance_metrics: 'select to_jsonb(t) as row from performance_metrics t where run_id = $1',
  journal: 'select to_jsonb(t) as row from journal t where run_id = $1',
}

export async function readRun(client: pg.Client, runId: string): Promise<RunRows> {
  const names = new Map<string, string>()
  const label = async (text: string): Promise<void> => {
    const { rows } = await client.query<{ id: string; name: string }>(text, [runId])
    for (const row of rows) names.set(row.id, row.name)
  }
  await label(
    `select id, format('deal %s %s', trade_seq, coalesce(extra_metadata ->> 'partialExit', '')) as name from trades where run_id = $1`,
  )
  await label(
    `select o.order_id as id, format('order %s %s %s', t.trade_seq, o.purpose, o.sequence) as name
     from order_logs o join trades t on t.id = o.trade_id where o.run_id = $1`,
  )
  await label(
    `select f.fill_id as id, format('fill %s %s %s %s', t.trade_seq, o.purpose, o.sequence, f.exchange_trade_id) as name
     from fills f join order_logs o using (order_id) join trades t on t.id = o.trade_id where o.run_id = $1`,
  )
  await label(
    `select a.id, format('account %s %s %s', a.kind, a.currency, t.trade_seq) as name
     from ledger_accounts a left join trades t on t.id = a.trade_id
     where t.run_id = $1 or (a.trade_id is null and (a.bot_id is null or a.bot_id = (select bot_id from bot_runs where run_id = $1)))`,
  )
  const rows = {} as Record<(typeof RUN_TABLES)[number], string[]>
  for (const table of RUN_TABLES) {
    const found = await client.query<{ row: Row }>(ROWS_OF_RUN[table], [runId])
    rows[table] = found.rows.map(({ row }) => canonical(row, names)).toSorted()
  }
  return rows
}

function canonical(row: Row, names: ReadonlyMap<string, string>): string {
  const entries = Object.entries(row)
    .filter(([column]) => !LEFT_OUT.has(column))
    .map(([column, value]) => [column, typeof value === 'string' ? (names.get(value) ?? value) : value] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(Object.fromEntries(entries))
}

/** The first row of each table that only one of both has; empty when the runs wrote the same. */
export function differences(expected: RunRows, actual: RunRows): string[] {
  return RUN_TABLES.flatMap(table => {
    const lost = onlyIn(expected[table], actual[table])
    const added = onlyIn(actual[table], expected[table])
    if (lost.length + added.length === 0) return []
    return [
      `${table}: ${expected[table].length} rows became ${actual[table].length}; ${lost.length} missing, first ${lost[0]}; ${added.length} extra, first ${added[0]}`,
    ]
  })
}

function onlyIn(rows: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) + 1)
  return rows.filter(row => {
    const left = counts.get(row) ?? 0
    counts.set(row, left - 1)
    return left <= 0
  })
}

/** What must hold of any run's rows, whatever happened to it. @returns what does not. */
export async function brokenPromises(client: pg.Client, runId: string): Promise<string[]> {
  const broken: string[] = []
  const { rows: journal } = await client.query<{
    seq: string
    at_ms: string
    kind: string
    payload: unknown
    prev_hash: string
    hash: string
  }>(
    `select seq, (extract(epoch from at) * 1000)::bigint as at_ms, kind, payload, prev_hash, hash from journal
     where run_id = $1 order by seq`,
    [runId],
  )
  let previous = GENESIS_HASH
  for (const [i, row] of journal.entries()) {
    if (Number(row.seq) !== i + 1) broken.push(`journal: seq ${row.seq} stands at place ${i + 1}`)
    const hash = journalHash(previous, canonicalEntry(Number(row.seq), Number(row.at_ms), row.kind, row.payload))
    if (row.prev_hash !== previous || row.hash !== hash) {
      broken.push(`journal: the chain breaks at seq ${row.seq}`)
      break
    }
    previous = row.hash
  }
  const none = async (what: string, text: string, values: unknown[] = []): Promise<void> => {
    const { rows } = await client.query(text, values)
    if (rows.length > 0) broken.push(`${what}: ${rows.length}, first ${JSON.stringify(rows[0])}`)
  }
  await none('ledger sums', 'select currency, sum(balance) from ledger_accounts group by currency having sum(balance) <> 0')
  await none(
    'accounts that are not their transfers',
    `select a.id, a.balance from ledger_accounts a where a.balance <>
       coalesce((select sum(amount) from ledger_transfers where debit_account_id = a.id), 0) -
       coalesce((select sum(amount) from ledger_transfers where credit_account_id = a.id), 0)`,
  )
  await none('client order ids used twice', 'select client_order_id from order_logs group by 1 having count(*) > 1')
  await none(
    'orders filled otherwise than their fills',
    `select o.order_id, o.filled_qty from order_logs o
     where o.run_id = $1 and o.filled_qty <> coalesce((select sum(qty) from fills where order_id = o.order_id), 0)`,
    [runId],
  )
  await none(
    'funds that are not their accounts',
    `select f.* from funds f where f.bot_id = (select bot_id from bot_runs where run_id = $1) and (
       f.free <> (select sum(balance) from ledger_accounts a where a.bot_id = f.bot_id and a.kind = 'bot_free' and a.currency = f.currency)
       or f.locked <> coalesce((select sum(balance) from ledger_accounts a
         where a.bot_id = f.bot_id and a.kind = 'bot_reserved' and a.currency = f.currency), 0))`,
    [runId],
  )
  return broken
}

/** Net PnL of the closed deals, and the change of cash and of dust at its basis: the same where nothing is held. */
export async function resultOf(client: pg.Client, runId: string): Promise<{ netPnl: string; equityChange: string }> {
  const { rows: deals } = await client.query<{ net_pnl: string }>(
    'select net_pnl from trades where run_id = $1 and parent_trade_id is null and net_pnl is not null',
    [runId],
  )
  const { rows } = await client.query<{ initial_balance: string; free: string; locked: string; state: SavedDust }>(
    `select r.initial_balance, f.free, f.locked, s.state from bot_runs r join funds f on f.bot_id = r.bot_id
     join bot_state s on s.bot_id = r.bot_id and s.scope = 'bot' where r.run_id = $1`,
    [runId],
  )
  const row = rows[0]!
  const dust = Object.values(row.state.engine.dust).reduce((sum, each) => sum.plus(Decimal.from(each.basis)), ZERO)
  const equity = Decimal.from(row.free).plus(Decimal.from(row.locked)).plus(dust)
  return {
    netPnl: sumDecimals(deals.map(deal => Decimal.from(deal.net_pnl))).toString(),
    equityChange: equity.minus(Decimal.from(row.initial_balance)).toString(),
  }
}

interface SavedDust {
  readonly engine: { readonly dust: Readonly<Record<string, { basis: string }>> }
}
