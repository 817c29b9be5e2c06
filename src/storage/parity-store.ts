// Reports on how closed deals compare with their simulation: which are missing, what one is made of, and the row itself. A report is
// written once; two who make the same one at once write it once.

import type { Database } from './database.ts'
import type { JournalRow } from './parity-queries.ts'

export interface DueDeal {
  readonly tradeId: string
  readonly runId: string
  readonly botId: string
  readonly userId: string
}

/** Closed paper deals without a report, of any tenant; of one run where it is named. */
export async function dealsWithoutParity(database: Database, runId: string | null, atMost: number): Promise<DueDeal[]> {
  const { rows } = await database.withApp(
    tx =>
      tx.query<DueDeal>(
        `select trade_id as "tradeId", run_id as "runId", bot_id as "botId", user_id as "userId" from ek.deals_without_parity($1, $2)`,
        [runId, atMost],
      ),
    { readOnly: true },
  )
  return rows
}

export interface DealRow {
  readonly tradeId: string
  /** Ordinal within the run. */
  readonly tradeSeq: number
  readonly symbol: string
  readonly exitReason: string | null
  readonly openedAtMs: number
  readonly closedAtMs: number
  readonly netPnl: string
  readonly commission: string
  readonly entryValue: string
}

export interface DealOrder {
  readonly purpose: string
  readonly sequence: number
  readonly side: 'buy' | 'sell'
  readonly rung: number | null
  readonly limitPrice: string | null
  readonly stopPrice: string | null
}

export interface DealFill {
  readonly purpose: string
  readonly sequence: number
  readonly atMs: number
  readonly price: string
  readonly quantity: string
  readonly fee: string
  readonly feeAsset: string
}

export interface DealRows {
  readonly deal: DealRow
  readonly orders: readonly DealOrder[]
  readonly fills: readonly DealFill[]
  /** The entry that says what the deal began with; null where its run did not note it yet. */
  readonly start: JournalRow | null
}

export async function dealRows(database: Database, { tradeId, runId, userId }: DueDeal): Promise<DealRows | null> {
  return database.withTenant(
    userId,
    async tx => {
      const deal = await tx.one<DealRow>(
        `select id as "tradeId", coalesce((extra_metadata ->> 'tradeSeq')::integer, trade_seq) as "tradeSeq", symbol,
           exit_reason as "exitReason", coalesce(net_pnl, 0) as "netPnl", coalesce(commission, 0) as commission,
           coalesce(entry_value, 0) as "entryValue", (extract(epoch from entry_time) * 1000)::double precision as "openedAtMs",
           (extract(epoch from exit_time) * 1000)::double precision as "closedAtMs"
         from trades where id = $1`,
        [tradeId],
      )
      if (!deal) return null
      const orders = await tx.query<DealOrder>(
        `select purpose, sequence, side, rung, limit_price as "limitPrice", stop_price as "stopPrice" from order_logs where trade_id = $1`,
        [tradeId],
      )
      const fills = await tx.query<DealFill>(
        `select o.purpose, o.sequence, f.price, f.qty as quantity, f.fee, coalesce(f.fee_currency, '') as "feeAsset",
           (extract(epoch from f.filled_at) * 1000)::double precision as "atMs"
         from fills f join order_logs o on o.order_id = f.order_id where f.trade_id = $1 order by f.filled_at, f.exchange_trade_id`,
        [tradeId],
      )
      const start = await tx.one<JournalRow>(
        `select seq, (extract(epoch from at) * 1000)::double precision as "atMs", kind, payload, state_hash as "stateHash",
           prev_hash as "prevHash", hash
         from journal where run_id = $1 and payload ? 'starts'
           and (payload -> 'starts' -> 0 -> 'state' -> 'deals' -> 0 ->> 'tradeSeq')::integer = $2`,
        [runId, deal.tradeSeq],
      )
      return {
        deal: { ...deal, openedAtMs: Math.round(deal.openedAtMs), closedAtMs: Math.round(deal.closedAtMs) },
        orders: orders.rows,
        fills: fills.rows.map(fill => ({ ...fill, atMs: Math.round(fill.atMs) })),
        start: start && { ...start, seq: Number(start.seq), atMs: Math.round(start.atMs) },
      }
    },
    { readOnly: true },
  )
}

export interface ParityRow {
  readonly tradeId: string
  readonly botId: string
  readonly runId: string
  readonly status: 'compared' | 'unavailable'
  readonly reason: string | null
  readonly matched: boolean
  readonly cause: 'data_gap' | 'config' | 'version' | 'unknown' | null
  readonly netPnl: string | null
  readonly simulatedPnl: string | null
  readonly difference: string | null
  readonly entryValue: string | null
  readonly parts: object
  readonly details: object
  readonly engineVersion: string
}

export async function saveParity(database: Database, userId: string, row: ParityRow): Promise<void> {
  await database.withTenant(userId, tx =>
    tx.query(
      `insert into parity_reports (trade_id, bot_id, run_id, status, reason, matched, cause, net_pnl, simulated_pnl, difference,
         entry_value, parts, details, engine_version, user_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing`,
      [
        row.tradeId,
        row.botId,
        row.runId,
        row.status,
        row.reason,
        row.matched,
        row.cause,
        row.netPnl,
        row.simulatedPnl,
        row.difference,
        row.entryValue,
        JSON.stringify(row.parts),
        JSON.stringify(row.details),
        row.engineVersion,
        userId,
      ],
    ),
  )
}

export interface ParityLine
  extends Pick<ParityRow, 'status' | 'reason' | 'matched' | 'cause' | 'netPnl' | 'simulatedPnl' | 'difference' | 'entryValue'> {
  readonly tradeId: string
  readonly runId: string
  readonly tradeSeq: number
  readonly symbol: string
  readonly exitTime: string | null
  readonly parts: Readonly<Record<string, string>>
}

/** Reports of some runs in the order in which their deals ended: for the command line. */
export async function parityLines(database: Database, runIds: readonly string[]): Promise<ParityLine[]> {
  const { rows } = await database.withSystem(tx =>
    tx.query<ParityLine>(
      `select p.trade_id as "tradeId", p.run_id as "runId", t.trade_seq as "tradeSeq", t.symbol, t.exit_time as "exitTime", p.status,
         p.reason, p.matched, p.cause, p.net_pnl as "netPnl", p.simulated_pnl as "simulatedPnl", p.difference,
         p.entry_value as "entryValue", p.parts
       from parity_reports p join trades t on t.id = p.trade_id where p.run_id = any($1) order by t.exit_time, t.trade_seq`,
      [runIds],
    ),
  )
  return rows
}

/** Closed deals of some runs that have no report yet: a run that is fed as fast as possible is compared when it has ended. */
export async function dealsWaiting(database: Database, runIds: readonly string[]): Promise<number> {
  const counted = await database.withSystem(tx =>
    tx.one<{ n: number }>(
      `select count(*)::integer as n from trades t
       where t.run_id = any($1) and t.trade_type = 'paper' and t.status = 'closed' and t.parent_trade_id is null and t.entry_time is not null
         and not exists (select from parity_reports p where p.trade_id = t.id)`,
      [runIds],
    ),
  )
  return counted?.n ?? 0
}
