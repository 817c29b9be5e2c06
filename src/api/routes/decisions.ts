// Why a bot did something or did not, and what happened around it.

import type { z } from 'zod'
import { type decisionRoutes, decisionSchema, eventSchema } from '../../contract/decisions.ts'
import type { Handler } from '../http.ts'
import { instantIso, type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

export const DECISIONS = {
  name: 'decisions',
  from: 'decisions t',
  item: decisionSchema,
  order: [
    { sql: 't.decided_at', type: 'time' },
    { sql: 't.seq', type: 'bigint' },
    { sql: 't.decision_id', type: 'text' },
  ],
  descending: true,
} satisfies ListSpec<typeof decisionSchema>

export const EVENTS = {
  name: 'events',
  from: 'system_events t',
  item: eventSchema,
  order: [{ sql: 't.id', type: 'bigint' }],
  descending: true,
} satisfies ListSpec<typeof eventSchema>

export const botDecisions: Handler<'botDecisions'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      const where = new Where()
        .add('t.bot_id = ?', params.id)
        .optional('t.outcome = ?', query.outcome)
        .optional('t.symbol = ?', query.symbol)
        .uuid('t.run_id = ?', 'runId', query.runId)
        .optional('t.decided_at >= ?', instantIso('from', query.from))
        .optional('t.decided_at < ?', instantIso('to', query.to))
      return listRows(tx, DECISIONS, query, where)
    },
    { readOnly: true },
  )

const SEVERITIES = ['debug', 'info', 'warning', 'error', 'critical']

type EventQuery = z.output<typeof decisionRoutes.listEvents.query>

/** A severity asks for it and the graver ones. */
function eventFilter(query: EventQuery): Where {
  const where = new Where().optional('t.event_type = ?', query.eventType).optional('t.symbol = ?', query.symbol)
  return query.severity === undefined
    ? where
    : where.add('t.severity = any(?)', SEVERITIES.slice(SEVERITIES.indexOf(query.severity)))
}

export const botLogs: Handler<'botLogs'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, EVENTS, query, eventFilter(query).add('t.bot_id = ?', params.id))
    },
    { readOnly: true },
  )

export const listEvents: Handler<'listEvents'> = async ({ context, principal, query }) =>
  context.database.withTenant(principal.userId, tx => listRows(tx, EVENTS, query, eventFilter(query)), { readOnly: true })
