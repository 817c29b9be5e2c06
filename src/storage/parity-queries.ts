// Reads what a replay and the simulation of single deals need of a run: its head, its journal in pages, its late candles.

import type { Database } from './database.ts'
import { isUuid } from './sql-types.ts'

export interface RunHead {
  readonly runId: string
  readonly botId: string
  readonly userId: string
  readonly mode: string
  readonly botVersion: number
  readonly engineVersion: string
  readonly initialBalance: string
  readonly startedAt: string
  readonly meta: object
}

/** Of any tenant: for the command line. */
export async function findRunHead(database: Database, runId: string): Promise<RunHead | null> {
  if (!isUuid(runId)) return null
  return database.withSystem(tx =>
    tx.one<RunHead>(
      `select run_id as "runId", bot_id as "botId", user_id as "userId", mode, bot_version as "botVersion",
         engine_version as "engineVersion", initial_balance as "initialBalance", started_at as "startedAt", meta
       from bot_runs where run_id = $1`,
      [runId],
    ),
  )
}

/** Runs of a bot that were recorded, newest first. */
export async function recordedRunsOf(database: Database, botId: string): Promise<{ runId: string; status: string }[]> {
  const { rows } = await database.withSystem(tx =>
    tx.query<{ runId: string; status: string }>(
      `select run_id as "runId", status from bot_runs where bot_id = $1 and mode <> 'backtest' order by started_at desc`,
      [botId],
    ),
  )
  return rows
}

export async function botVersions(database: Database, userId: string, botId: string): Promise<Map<number, unknown>> {
  const { rows } = await database.withTenant(
    userId,
    tx =>
      tx.query<{ version: number; config: unknown }>(
        'select version, config from bot_versions where bot_id = $1 order by version',
        [botId],
      ),
    { readOnly: true },
  )
  return new Map(rows.map(row => [row.version, row.config]))
}

export interface JournalRow {
  readonly seq: number
  readonly atMs: number
  readonly kind: string
  readonly payload: unknown
  readonly stateHash: string | null
  readonly prevHash: string
  readonly hash: string
}

const COLUMNS = `seq, (extract(epoch from at) * 1000)::double precision as "atMs", kind, payload, state_hash as "stateHash",
  prev_hash as "prevHash", hash`
const PAGE = 2000
/** Later than any instant. */
const LAST_MS = 8.64e15 / 1000

function rowOf(row: JournalRow): JournalRow {
  return { ...row, seq: Number(row.seq), atMs: Math.round(row.atMs) }
}

/** The journal of a run in its order, read in pages. */
export async function* journalRows(database: Database, userId: string, runId: string, afterSeq = 0): AsyncGenerator<JournalRow> {
  for (let after = afterSeq; ; ) {
    const { rows } = await database.withTenant(
      userId,
      tx =>
        tx.query<JournalRow>(`select ${COLUMNS} from journal where run_id = $1 and seq > $2 order by seq limit ${PAGE}`, [
          runId,
          after,
        ]),
      { readOnly: true },
    )
    for (const row of rows) yield rowOf(row)
    if (rows.length < PAGE) return
    after = Number(rows[rows.length - 1]!.seq)
  }
}

/** Entries of some kinds only, behind one of them and up to an instant. */
export async function journalRowsOf(
  database: Database,
  userId: string,
  runId: string,
  kinds: readonly string[],
  range: { afterSeq?: number; untilMs?: number } = {},
): Promise<JournalRow[]> {
  const { rows } = await database.withTenant(
    userId,
    tx =>
      tx.query<JournalRow>(
        `select ${COLUMNS} from journal
         where run_id = $1 and kind = any($2) and seq > $3 and at <= to_timestamp($4::double precision / 1000) order by seq`,
        [runId, kinds, range.afterSeq ?? 0, range.untilMs ?? LAST_MS],
      ),
    { readOnly: true },
  )
  return rows.map(rowOf)
}

export async function journalLength(database: Database, userId: string, runId: string): Promise<number> {
  const row = await database.withTenant(
    userId,
    tx => tx.one<{ last: number | null }>('select max(seq) as last from journal where run_id = $1', [runId]),
    { readOnly: true },
  )
  return Number(row?.last ?? 0)
}
