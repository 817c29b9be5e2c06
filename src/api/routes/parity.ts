// How closed deals compare with their simulation.

import { type ParityReport, type ParitySummary, parityPartsSchema, parityReportSchema } from '../../contract/parity.ts'
import { splitSymbol } from '../../core/market/instrument.ts'
import { Decimal } from '../../core/money/decimal.ts'
import { PARITY_PARTS, type ParityPart, parityTotals } from '../../core/parity/attribute.ts'
import { parityHeadline } from '../../core/parity/headline.ts'
import type { Transaction } from '../../storage/database.ts'
import { isUuid } from '../../storage/sql-types.ts'
import { notFound } from '../api-error.ts'
import type { Handler } from '../http.ts'
import { findRow, type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

const REPORTS = {
  name: 'parity',
  from: `(select p.*, d.trade_seq, d.symbol, d.exit_time, coalesce(p.details -> 'missed', '[]') as missed,
      coalesce(p.details -> 'extra', '[]') as extra, null::text as headline
    from parity_reports p join trades d on d.id = p.trade_id) t`,
  item: parityReportSchema,
  order: [
    { sql: 't.exit_time', type: 'time' },
    { sql: 't.trade_id', type: 'uuid' },
  ],
  descending: true,
} satisfies ListSpec<typeof parityReportSchema>

function inWords(row: ParityReport): ParityReport {
  const parts = parityPartsSchema.safeParse(row.parts)
  if (row.status !== 'compared' || row.difference === null || !parts.success) return { ...row, parts: null, headline: null }
  const amounts = Object.fromEntries(PARITY_PARTS.map(part => [part, Decimal.from(parts.data[part])])) as Record<
    ParityPart,
    Decimal
  >
  const quote = splitSymbol(row.symbol)?.quote ?? ''
  return { ...row, parts: parts.data, headline: parityHeadline(Decimal.from(row.difference), amounts, quote) }
}

export const botParity: Handler<'botParity'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      const where = new Where().add('t.bot_id = ?', params.id).uuid('t.run_id = ?', 'runId', query.runId)
      const { items, nextCursor } = await listRows(tx, REPORTS, query, where)
      return { items: items.map(inWords), nextCursor, summary: await summaryOf(tx, params.id, query.runId) }
    },
    { readOnly: true },
  )

async function summaryOf(tx: Transaction, botId: string, runId: string | undefined): Promise<ParitySummary> {
  const values = [botId, runId ?? null]
  const { rows } = await tx.query<{ matched: boolean; difference: string; entry: string }>(
    `select matched, difference, coalesce(entry_value, 0) as entry from parity_reports
     where bot_id = $1 and ($2::uuid is null or run_id = $2) and status = 'compared'`,
    values,
  )
  const counts = await tx.one<{ unavailable: number; waiting: number }>(
    `select count(*) filter (where p.status = 'unavailable')::integer as unavailable,
       count(*) filter (where p.trade_id is null)::integer as waiting
     from trades d left join parity_reports p on p.trade_id = d.id
     where d.bot_id = $1 and ($2::uuid is null or d.run_id = $2) and d.trade_type = 'paper' and d.status = 'closed'
       and d.parent_trade_id is null and d.entry_time is not null`,
    values,
  )
  const { matched, union, deviation, deviationBps } = parityTotals(
    rows.map(row => ({
      isMatched: row.matched,
      difference: Decimal.from(row.difference),
      entryValue: Decimal.from(row.entry),
    })),
  )
  return {
    matched,
    union,
    unavailable: counts?.unavailable ?? 0,
    waiting: counts?.waiting ?? 0,
    deviation: deviation.toString(),
    deviationBps: deviationBps?.toString() ?? null,
  }
}

export const tradeParity: Handler<'tradeParity'> = async ({ context, principal, params: { id } }) => {
  if (!isUuid(id)) throw notFound(`trade ${id}`)
  return context.database.withTenant(
    principal.userId,
    async tx => {
      const trade = await tx.one('select 1 from trades where id = $1', [id])
      if (!trade) throw notFound(`trade ${id}`)
      const row = await findRow(tx, REPORTS, new Where().add('t.trade_id = ?', id))
      return row && inWords(row)
    },
    { readOnly: true },
  )
}
