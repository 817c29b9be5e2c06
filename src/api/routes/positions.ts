// Positions: the open lot of each deal.

import type { z } from 'zod'
import { type positionRoutes, positionSchema } from '../../contract/positions.ts'
import type { Handler } from '../http.ts'
import { type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

const POSITIONS = {
  name: 'positions',
  from: 'positions t',
  item: positionSchema,
  order: [
    { sql: 't.opened_at', type: 'time' },
    { sql: 't.id', type: 'uuid' },
  ],
  descending: true,
} satisfies ListSpec<typeof positionSchema>

type Query = z.output<typeof positionRoutes.listPositions.query>

function filter(query: Query): Where {
  const where = new Where()
    .optional('t.symbol = ?', query.symbol)
    .optional('t.mode = ?', query.mode)
    .uuid('t.run_id = ?', 'runId', query.runId)
  if (query.status === 'all') return where
  return where.always(`t.status ${query.status === 'open' ? 'not in' : 'in'} ('closed', 'cancelled')`)
}

export const listPositions: Handler<'listPositions'> = async ({ context, principal, query }) =>
  context.database.withTenant(principal.userId, tx => listRows(tx, POSITIONS, query, filter(query)), { readOnly: true })

export const botPositions: Handler<'botPositions'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, POSITIONS, query, filter(query).add('t.bot_id = ?', params.id))
    },
    { readOnly: true },
  )
