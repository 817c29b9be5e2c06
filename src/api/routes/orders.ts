// Orders with their fills.

import type { z } from 'zod'
import { fillSchema, type orderRoutes, orderSchema } from '../../contract/orders.ts'
import type { Transaction } from '../../storage/database.ts'
import { isUuid } from '../../storage/sql-types.ts'
import { notFound } from '../api-error.ts'
import type { Handler } from '../http.ts'
import { columnsOf, findRow, type ListSpec, listRows, Where } from '../list.ts'
import { requireBotOrHistory } from './bots.ts'

export const ORDERS = {
  name: 'orders',
  from: 'order_logs t',
  item: orderSchema,
  order: [
    { sql: 't.created_at', type: 'time' },
    { sql: 't.order_id', type: 'uuid' },
  ],
  descending: true,
} satisfies ListSpec<typeof orderSchema>

/** Fills of an order or of a deal, in the order they happened. */
export async function fillsOf(
  tx: Transaction,
  column: 'order_id' | 'trade_id',
  id: string,
): Promise<z.output<typeof fillSchema>[]> {
  const { rows } = await tx.query<z.output<typeof fillSchema>>(
    `select ${columnsOf(fillSchema)} from fills t where t.${column} = $1 order by t.filled_at, t.created_at, t.fill_id`,
    [id],
  )
  return rows
}

type Query = z.output<typeof orderRoutes.listOrders.query>

function filter(query: Query): Where {
  return new Where()
    .optional('t.status = ?', query.status)
    .optional('t.symbol = ?', query.symbol)
    .optional('t.mode = ?', query.mode)
    .uuid('t.run_id = ?', 'runId', query.runId)
    .uuid('t.trade_id = ?', 'tradeId', query.tradeId)
}

export const listOrders: Handler<'listOrders'> = async ({ context, principal, query }) =>
  context.database.withTenant(principal.userId, tx => listRows(tx, ORDERS, query, filter(query)), { readOnly: true })

export const botOrders: Handler<'botOrders'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, ORDERS, query, filter(query).add('t.bot_id = ?', params.id))
    },
    { readOnly: true },
  )

export const getOrder: Handler<'getOrder'> = async ({ context, principal, params }) => {
  if (!isUuid(params.id)) throw notFound(`order ${params.id}`)
  return context.database.withTenant(
    principal.userId,
    async tx => {
      const order = await findRow(tx, ORDERS, new Where().add('t.order_id = ?', params.id))
      if (!order) throw notFound(`order ${params.id}`)
      return { ...order, fills: await fillsOf(tx, 'order_id', params.id) }
    },
    { readOnly: true },
  )
}
