// Closed bars in Postgres: imported in bulk, repeated imports change nothing, a bar that changed gets a higher revision.

import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { CandleColumns } from '../core/market/candles.ts'
import { candleRowReader } from './candle-columns.ts'
import { readCopy } from './copy-reader.ts'
import type { Database, Transaction } from './database.ts'
import { timeOf } from './sql-types.ts'

export interface CandleImport {
  readonly instrumentId: string
  readonly timeframe: string
  readonly symbol: string
  /** Where they come from: file, demo, stream, rest. */
  readonly source: string
  /** Volume NaN is stored as 0. */
  readonly columns: CandleColumns
}

export interface CandleImportReport {
  readonly inserted: number
  /** Bars that existed with other figures: replaced, revision + 1. */
  readonly revised: number
  readonly unchanged: number
}

const CHUNK_BARS = 5_000
/** First size of the columns where the range does not say; they grow by doubling. */
const EXPECTED_BARS = 65_536

function* copyText(columns: CandleColumns): Generator<string> {
  const { openTimeMs, open, high, low, close, volume, length } = columns
  for (let start = 0; start < length; start += CHUNK_BARS) {
    const end = Math.min(length, start + CHUNK_BARS)
    let text = ''
    for (let i = start; i < end; i += 1) {
      const bought = volume[i]!
      text += `${timeOf(openTimeMs[i]!)}\t${open[i]}\t${high[i]}\t${low[i]}\t${close[i]}\t${Number.isNaN(bought) ? 0 : bought}\n`
    }
    yield text
  }
}

/**
 * One transaction: all bars or none. The instrument must exist.
 * @throws the server's check violation when a bar is impossible (high below low, negative volume).
 */
export async function importCandles(db: Database, candles: CandleImport): Promise<CandleImportReport> {
  return db.withApp(async tx => {
    // Money needs the sync at commit, candles can be imported again.
    await tx.query('set local synchronous_commit = off')
    await tx.query(
      `create temp table incoming (open_time timestamptz, open numeric, high numeric, low numeric, close numeric, volume numeric)
       on commit drop`,
    )
    const stream = tx.client.query(copyFrom('copy incoming from stdin'))
    for (const text of copyText(candles.columns)) if (!stream.write(text)) await once(stream, 'drain')
    stream.end()
    await finished(stream)
    const { rows } = await tx.query<{ inserted: number; revised: number }>(
      `with written as (
         insert into candles as c (instrument_id, timeframe, open_time, symbol, open, high, low, close, volume, source)
         select $1, $2, i.open_time, $3, i.open, i.high, i.low, i.close, i.volume, $4 from incoming i order by i.open_time
         on conflict (instrument_id, timeframe, open_time) do update set open = excluded.open, high = excluded.high,
           low = excluded.low, close = excluded.close, volume = excluded.volume, source = excluded.source, synthetic = false,
           revision = c.revision + 1
         where (c.open, c.high, c.low, c.close, c.volume)
           is distinct from (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
         returning revision)
       select count(*) filter (where revision = 0)::integer as inserted, count(*) filter (where revision > 0)::integer as revised
       from written`,
      [candles.instrumentId, candles.timeframe, candles.symbol, candles.source],
    )
    const { inserted, revised } = rows[0]!
    return { inserted, revised, unchanged: candles.columns.length - inserted - revised }
  })
}

export interface CandleCoverage {
  readonly instrumentId: string
  readonly symbol: string
  readonly timeframe: string
  readonly bars: number
  readonly firstOpenTimeMs: number
  readonly lastOpenTimeMs: number
}

/** What is stored, per instrument and timeframe. */
export async function candleCoverage(tx: Transaction, instrumentId?: string): Promise<CandleCoverage[]> {
  const { rows } = await tx.query<{ id: string; symbol: string; timeframe: string; bars: number; first: number; last: number }>(
    `select instrument_id as id, min(symbol) as symbol, timeframe, count(*)::integer as bars,
       (extract(epoch from min(open_time)) * 1000)::double precision as first,
       (extract(epoch from max(open_time)) * 1000)::double precision as last
     from candles where instrument_id = coalesce($1, instrument_id) group by instrument_id, timeframe order by 1, 3`,
    [instrumentId ?? null],
  )
  return rows.map(row => ({
    instrumentId: row.id,
    symbol: row.symbol,
    timeframe: row.timeframe,
    bars: row.bars,
    firstOpenTimeMs: row.first,
    lastOpenTimeMs: row.last,
  }))
}

export interface CandleRange {
  readonly instrumentId: string
  readonly timeframe: string
  /** Inclusive. */
  readonly fromMs?: number
  /** Exclusive. */
  readonly untilMs?: number
  /** The newest bars of the range only. */
  readonly last?: number
}

function bounds(range: CandleRange): string {
  const literal = pg.escapeLiteral
  return [
    `instrument_id = ${literal(range.instrumentId)}`,
    `timeframe = ${literal(range.timeframe)}`,
    range.fromMs === undefined ? null : `open_time >= ${literal(timeOf(range.fromMs))}::timestamptz`,
    range.untilMs === undefined ? null : `open_time < ${literal(timeOf(range.untilMs))}::timestamptz`,
  ]
    .filter(part => part !== null)
    .join(' and ')
}

/** Bars of a range, ascending. Empty columns where there are none. */
export async function readCandles(tx: Transaction, range: CandleRange): Promise<CandleColumns> {
  const fields = 'open_time, open, high, low, close, volume'
  const where = bounds(range)
  // The key is already in order of time: without statistics the planner would rather sort half a million rows on disk.
  await tx.query('set local enable_sort = off; set local enable_bitmapscan = off; set local enable_seqscan = off')
  let select = `select ${fields} from candles where ${where} order by instrument_id, timeframe, open_time`
  if (range.last !== undefined) {
    const last = Math.max(0, Math.floor(range.last))
    const newest = `select ${fields} from candles where ${where} order by instrument_id desc, timeframe desc, open_time desc limit ${last}`
    select = `select * from (${newest}) newest order by open_time`
  }
  const rows = candleRowReader(range.last ?? EXPECTED_BARS)
  await readCopy(tx.client, `copy (${select}) to stdout (format binary)`, rows.read)
  return rows.columns()
}

/** @returns how many bars were deleted. */
export async function deleteCandles(tx: Transaction, range: CandleRange): Promise<number> {
  const row = await tx.one<{ n: number }>('select ek.delete_candles($1, $2, $3, $4) as n', [
    range.instrumentId,
    range.timeframe,
    range.fromMs === undefined ? null : timeOf(range.fromMs),
    range.untilMs === undefined ? null : timeOf(range.untilMs),
  ])
  return Number(row?.n ?? 0)
}
