// Runs of a bot: what each was fed and what came out, its figures and its equity.

import { equityPoint, metricsSchema, runSchema } from '../../contract/runs.ts'
import type { Transaction } from '../../storage/database.ts'
import { isUuid } from '../../storage/sql-types.ts'
import { notFound } from '../api-error.ts'
import type { Handler } from '../http.ts'
import { findRow, type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

const RUNS = {
  name: 'runs',
  from: 'bot_runs t',
  item: runSchema,
  order: [
    { sql: 't.started_at', type: 'time' },
    { sql: 't.run_id', type: 'uuid' },
  ],
  descending: true,
} satisfies ListSpec<typeof runSchema>

export const botRuns: Handler<'botRuns'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, RUNS, query, new Where().add('t.bot_id = ?', params.id).optional('t.mode = ?', query.mode))
    },
    { readOnly: true },
  )

export const getRun: Handler<'getRun'> = async ({ context, principal, params }) => {
  if (!isUuid(params.id)) throw notFound(`run ${params.id}`)
  const run = await context.database.withTenant(
    principal.userId,
    tx => findRow(tx, RUNS, new Where().add('t.run_id = ?', params.id)),
    { readOnly: true },
  )
  if (!run) throw notFound(`run ${params.id}`)
  return run
}

/** The run a bot's figures are about: the one that is on, else the last. */
async function latestRun(tx: Transaction, botId: string): Promise<string | null> {
  const row = await tx.one<{ run_id: string }>(
    `select run_id from bot_runs where bot_id = $1 order by (status = 'running') desc, started_at desc limit 1`,
    [botId],
  )
  return row?.run_id ?? null
}

export const botMetrics: Handler<'botMetrics'> = async ({ context, principal, params }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      const where = new Where().add('t.bot_id = ?', params.id).add('t.run_id = ?', await latestRun(tx, params.id))
      const from = `(select * from performance_metrics m where m.bot_id = $1 order by m.calculated_at desc nulls last, m.created_at desc) t`
      return findRow(tx, { from, item: metricsSchema }, where.always('true limit 1'))
    },
    { readOnly: true },
  )

const EQUITY = {
  name: 'equity',
  from: 'account_state t',
  item: equityPoint,
  order: [
    { sql: 't.recorded_at', type: 'time' },
    { sql: 't.id', type: 'bigint' },
  ],
  descending: false,
} satisfies ListSpec<typeof equityPoint>

export const botEquity: Handler<'botEquity'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      const where = new Where().add('t.bot_id = ?', params.id)
      if (query.runId === undefined) where.add('t.run_id = ?', await latestRun(tx, params.id))
      else where.uuid('t.run_id = ?', 'runId', query.runId)
      return listRows(tx, EQUITY, query, where)
    },
    { readOnly: true },
  )
