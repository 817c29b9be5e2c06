// Instruments and candles: the market, which belongs to nobody.

import type { z } from 'zod'
import { nearest } from '../../contract/finding.ts'
import { instrumentSchema, type marketRoutes } from '../../contract/market.ts'
import type { CandleColumns } from '../../core/market/candles.ts'
import { findGaps } from '../../core/market/gaps.ts'
import { bucketStart, nextBucketStart, type Timeframe, timeframeMs } from '../../core/market/timeframe.ts'
import { Decimal } from '../../core/money/decimal.ts'
import { finding, notFound } from '../api-error.ts'
import type { ApiContext, Handler } from '../http.ts'
import { findRow, instantMs, type ListSpec, listRows, Where } from '../list.ts'
import { decodeCursor, encodeCursor } from '../page.ts'

const INSTRUMENTS = {
  name: 'instruments',
  from: 'instruments t',
  item: instrumentSchema,
  order: [{ sql: 't.id', type: 'text' }],
  descending: false,
} satisfies ListSpec<typeof instrumentSchema>

export const listInstruments: Handler<'listInstruments'> = async ({ context, query }) => {
  const where = new Where().optional('t.exchange = ?', query.exchange).optional(`position(upper(?) in t.symbol) > 0`, query.q)
  return context.database.withApp(tx => listRows(tx, INSTRUMENTS, query, where), { readOnly: true })
}

export const getInstrument: Handler<'getInstrument'> = async ({ context, params }) => {
  const row = await context.database.withApp(tx => findRow(tx, INSTRUMENTS, new Where().add('t.id = ?', params.id)), {
    readOnly: true,
  })
  if (!row) throw notFound(`instrument ${params.id}`)
  return row
}

/** @throws VALIDATION_ERROR that suggests the symbol probably meant. */
async function requireInstrument(context: ApiContext, exchange: string, symbol: string): Promise<string> {
  const { rows } = await context.database.withApp(
    tx => tx.query<{ id: string; symbol: string }>('select id, symbol from instruments where exchange = $1', [exchange]),
    { readOnly: true },
  )
  const found = rows.find(row => row.symbol === symbol)
  if (found) return found.id
  const meant = nearest(
    symbol,
    rows.map(row => row.symbol),
  )
  const known = rows.length === 0 ? `no instruments of ${exchange} are known` : `not known on ${exchange}`
  throw finding('symbol', 'UNKNOWN_SYMBOL', meant === null ? known : `${known}, ${meant}?`)
}

const CANDLES = 'candles'
/** Candles looked back over for the latest ones where some are missing. */
const SPARSE = 4

type Query = z.output<typeof marketRoutes.listCandles.query>

export const listCandles: Handler<'listCandles'> = async ({ context, query }) => {
  const { exchange, symbol, limit } = query
  const timeframe = query.timeframe as Timeframe
  const id = await requireInstrument(context, exchange, symbol)
  const columns =
    query.from === undefined && query.cursor === undefined
      ? await latest(context, id, timeframe, query)
      : await following(context, id, timeframe, query)
  const items = Array.from({ length: Math.min(limit, columns.length) }, (_, i) => candleOf(columns, i))
  const last = columns.openTimeMs[limit - 1]
  const more = columns.length > limit && last !== undefined
  return { items, nextCursor: more ? encodeCursor(CANDLES, [last]) : null }
}

/** The last `limit` bars before `to`, by default before now. */
async function latest(context: ApiContext, id: string, timeframe: Timeframe, query: Query): Promise<CandleColumns> {
  const series = (await context.candles.coverage(id)).filter(one => timeframeMs(one.timeframe) <= timeframeMs(timeframe))
  const endMs = Math.max(0, ...series.map(one => nextBucketStart(one.timeframe, one.lastMs)))
  const toMs = query.to === undefined ? endMs : Math.min(instantMs(query.to), endMs)
  const lengthMs = timeframeMs(timeframe)
  const fromMs = Math.max(
    0,
    bucketStart(timeframe, Math.max(0, toMs - query.limit * lengthMs * (query.limit < 100 ? SPARSE : 1.5))),
  )
  const columns = await context.candles.columns(id, timeframe, fromMs, Math.max(fromMs, toMs))
  return tail(columns, query.limit)
}

async function following(context: ApiContext, id: string, timeframe: Timeframe, query: Query): Promise<CandleColumns> {
  const startMs =
    query.cursor === undefined ? instantMs(query.from ?? '0') : Number(decodeCursor(CANDLES, query.cursor, 1)[0]) + 1
  const toMs = query.to === undefined ? Number.MAX_SAFE_INTEGER : instantMs(query.to)
  if (toMs <= startMs) return context.candles.columns(id, timeframe, startMs, startMs)
  const lengthMs = timeframeMs(timeframe)
  // Enough for a page without holes; where there are holes the window grows until the page is full or the range ends.
  const series = await context.candles.coverage(id)
  const endMs = Math.min(toMs, Math.max(0, ...series.map(one => nextBucketStart(one.timeframe, one.lastMs))))
  const firstMs = Math.min(...series.map(one => one.firstMs))
  const fromMs = Math.max(startMs, Number.isFinite(firstMs) ? firstMs : startMs)
  for (let span = query.limit + 2; ; span *= 4) {
    const until = Math.min(endMs, fromMs + span * lengthMs)
    const columns = await context.candles.columns(id, timeframe, fromMs, Math.max(fromMs, until))
    if (columns.length > query.limit || until >= endMs) return columns
  }
}

function tail(columns: CandleColumns, count: number): CandleColumns {
  const from = Math.max(0, columns.length - count)
  const { openTimeMs, open, high, low, close, volume } = columns
  return {
    length: columns.length - from,
    openTimeMs: openTimeMs.subarray(from, columns.length),
    open: open.subarray(from, columns.length),
    high: high.subarray(from, columns.length),
    low: low.subarray(from, columns.length),
    close: close.subarray(from, columns.length),
    volume: volume.subarray(from, columns.length),
  }
}

function candleOf(columns: CandleColumns, i: number) {
  const number = (value: number | undefined): string => Decimal.from(value ?? 0).toString()
  return {
    openTime: new Date(columns.openTimeMs[i]!).toISOString(),
    open: number(columns.open[i]),
    high: number(columns.high[i]),
    low: number(columns.low[i]),
    close: number(columns.close[i]),
    volume: number(columns.volume[i]),
  }
}

/** Bars read at most to count the holes of one series; a longer one is counted by its length alone. */
const COUNTED_BARS = 200_000

export const candleCoverage: Handler<'candleCoverage'> = async ({ context, query }) => {
  const { rows } = await context.database.withApp(
    tx =>
      tx.query<{ id: string; symbol: string }>(
        'select id, symbol from instruments where exchange = coalesce($1, exchange) and symbol = coalesce($2, symbol) order by id',
        [query.exchange ?? null, query.symbol ?? null],
      ),
    { readOnly: true },
  )
  const symbols = new Map(rows.map(row => [row.id, row.symbol]))
  const items = []
  const series = rows.length === 1 ? await context.candles.coverage(rows[0]!.id) : await context.candles.coverage()
  for (const one of series) {
    const symbol = symbols.get(one.instrumentId)
    if (symbol === undefined) continue
    items.push({
      instrumentId: one.instrumentId,
      symbol,
      timeframe: one.timeframe,
      bars: one.bars,
      from: new Date(one.firstMs).toISOString(),
      to: new Date(one.lastMs).toISOString(),
      gaps: await gapsOf(context, one),
    })
  }
  return { items, nextCursor: null }
}

async function gapsOf(context: ApiContext, one: Awaited<ReturnType<ApiContext['candles']['coverage']>>[number]): Promise<number> {
  const expected = Math.round((one.lastMs - one.firstMs) / timeframeMs(one.timeframe)) + 1
  if (one.bars === expected && one.timeframe !== '1M') return 0
  if (one.bars > COUNTED_BARS) return Math.max(1, expected - one.bars)
  const columns = await context.candles.columns(one.instrumentId, one.timeframe, one.firstMs, one.lastMs + 1)
  return findGaps(columns, one.timeframe).length
}
