// Instruments: the rules of tradable pairs as a venue stated them last.

import {
  type Instrument,
  type InstrumentRules,
  instrumentFromRules,
  type OptionalRules,
  optionalRules,
} from '../core/market/instrument.ts'
import type { Transaction } from './database.ts'

export interface InstrumentRecord extends InstrumentRules {
  readonly settle?: string | null
  readonly status?: string
  readonly aliases?: readonly string[]
}

/** Inserts or refreshes; the id is `<exchange>:<symbol>`. @returns ids, in order. */
export async function upsertInstruments(tx: Transaction, instruments: readonly InstrumentRecord[]): Promise<string[]> {
  const rows = instruments.map(rules => {
    const checked = instrumentFromRules(rules)
    return {
      id: checked.id,
      exchange: rules.exchange,
      symbol: rules.symbol,
      base: rules.base,
      quote: rules.quote,
      settle: rules.settle ?? null,
      kind: rules.kind,
      tick: rules.tick,
      step: rules.step,
      min_qty: rules.minQty,
      min_notional: rules.minNotional,
      maker_bps: rules.makerBps,
      taker_bps: rules.takerBps,
      status: rules.status ?? 'active',
      aliases: rules.aliases ?? [],
      filters: { feeAsset: rules.feeAsset, ...optionalRules(rules) },
    }
  })
  await tx.query(
    `insert into instruments (id, exchange, symbol, base, quote, settle, kind, tick, step, min_qty, min_notional, maker_bps,
       taker_bps, status, aliases, filters)
     select id, exchange, symbol, base, quote, settle, kind, tick, step, min_qty, min_notional, maker_bps, taker_bps, status,
       aliases, filters
     from jsonb_to_recordset($1) as r(id text, exchange text, symbol text, base text, quote text, settle text, kind text,
       tick numeric, step numeric, min_qty numeric, min_notional numeric, maker_bps numeric, taker_bps numeric, status text,
       aliases jsonb, filters jsonb)
     order by id
     on conflict (id) do update set base = excluded.base, quote = excluded.quote, settle = excluded.settle, kind = excluded.kind,
       tick = excluded.tick, step = excluded.step, min_qty = excluded.min_qty, min_notional = excluded.min_notional,
       maker_bps = excluded.maker_bps, taker_bps = excluded.taker_bps, status = excluded.status, aliases = excluded.aliases,
       filters = excluded.filters`,
    [JSON.stringify(rows)],
  )
  return rows.map(row => row.id)
}

interface InstrumentRow {
  readonly exchange: string
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly kind: 'spot' | 'swap'
  readonly tick: string
  readonly step: string
  readonly min_qty: string
  readonly min_notional: string
  readonly maker_bps: string
  readonly taker_bps: string
  readonly filters: OptionalRules & { readonly feeAsset?: string }
}

const COLUMNS = `exchange, symbol, base, quote, kind, tick, step, min_qty, min_notional, maker_bps, taker_bps, filters`

function instrumentOf(row: InstrumentRow): Instrument {
  return instrumentFromRules({
    exchange: row.exchange,
    symbol: row.symbol,
    base: row.base,
    quote: row.quote,
    kind: row.kind,
    tick: row.tick,
    step: row.step,
    minQty: row.min_qty,
    minNotional: row.min_notional,
    makerBps: row.maker_bps,
    takerBps: row.taker_bps,
    feeAsset: row.filters.feeAsset ?? row.quote,
    ...optionalRules(row.filters),
  })
}

/** All, or those of one exchange, by id. */
export async function listInstruments(tx: Transaction, exchange?: string): Promise<Instrument[]> {
  const { rows } = await tx.query<InstrumentRow>(
    `select ${COLUMNS} from instruments where exchange = coalesce($1, exchange) order by id`,
    [exchange ?? null],
  )
  return rows.map(instrumentOf)
}

export async function findInstrument(tx: Transaction, id: string): Promise<Instrument | null> {
  const row = await tx.one<InstrumentRow>(`select ${COLUMNS} from instruments where id = $1`, [id])
  return row ? instrumentOf(row) : null
}
