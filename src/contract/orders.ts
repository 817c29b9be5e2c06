/** Orders with their fills. */

import { z } from 'zod'
import {
  botIdParam,
  idParam,
  instant,
  instantOrNull,
  listOf,
  listQuery,
  modeSchema,
  money,
  moneyOrNull,
  route,
  symbolQuery,
  uuid,
  uuidOrNull,
} from './http.ts'

export const orderStatusSchema = z.enum([
  'intended',
  'in_flight',
  'open',
  'part_filled',
  'filled',
  'cancelled',
  'rejected',
  'expired',
  'unknown',
])

/** A row of `order_logs`. */
export const orderSchema = z
  .object({
    orderId: uuid,
    botId: z.string().nullable(),
    runId: uuidOrNull,
    tradeId: uuidOrNull,
    decisionId: z.string().nullable(),
    mode: modeSchema,
    exchange: z.string(),
    clientOrderId: z.string(),
    exchangeOrderId: z.string().nullable(),
    symbol: z.string(),
    side: z.enum(['buy', 'sell']),
    purpose: z.enum(['base', 'avg', 'tp', 'sl', 'trail', 'exit', 'close', 'panic', 'adopt', 'manual']),
    sequence: z.int(),
    rung: z.int().nullable(),
    qty: money,
    orderType: z.enum(['market', 'limit', 'stop', 'stop_limit']),
    limitPrice: moneyOrNull,
    stopPrice: moneyOrNull,
    avgPrice: moneyOrNull,
    timeInForce: z.string(),
    isVirtual: z.boolean(),
    status: orderStatusSchema,
    cancelState: z.string(),
    filledQty: money,
    fees: money,
    feeCurrency: z.string().nullable(),
    reason: z.string().nullable(),
    submittedAt: instantOrNull,
    closedAt: instantOrNull,
    createdAt: instant,
  })
  .meta({ id: 'Order' })
export type OrderRow = z.output<typeof orderSchema>

/** A row of `fills`. */
export const fillSchema = z
  .object({
    fillId: uuid,
    orderId: uuid,
    tradeId: uuidOrNull,
    symbol: z.string(),
    side: z.enum(['buy', 'sell']),
    qty: money,
    price: money,
    fee: money,
    feeCurrency: z.string().nullable(),
    feeValueQuote: moneyOrNull,
    liquidity: z.enum(['maker', 'taker', 'unknown']),
    filledAt: instant,
  })
  .meta({ id: 'Fill' })
export type FillRow = z.output<typeof fillSchema>

const query = z.strictObject({
  ...listQuery,
  status: orderStatusSchema.optional(),
  symbol: symbolQuery.optional(),
  mode: modeSchema.optional(),
  runId: uuid.optional(),
  tradeId: uuid.optional(),
})

export const orderRoutes = {
  listOrders: route({
    method: 'GET',
    path: '/orders',
    tag: 'Orders',
    summary: 'Orders, newest first',
    access: 'trades:read',
    query,
    responses: { 200: listOf(orderSchema) },
  }),
  getOrder: route({
    method: 'GET',
    path: '/orders/{id}',
    tag: 'Orders',
    summary: 'One order with its fills',
    access: 'trades:read',
    params: idParam,
    responses: { 200: orderSchema.extend({ fills: z.array(fillSchema) }).meta({ id: 'OrderWithFills' }) },
  }),
  botOrders: route({
    method: 'GET',
    path: '/bots/{id}/orders',
    tag: 'Orders',
    summary: 'Orders of a bot, newest first',
    access: 'trades:read',
    params: botIdParam,
    query,
    responses: { 200: listOf(orderSchema) },
  }),
} as const
