/** Trades (deals): one position life, flat to flat. */

import { z } from 'zod'
import { commandResponse } from './bots.ts'
import {
  anyJson,
  botIdParam,
  idParam,
  instant,
  instantOrNull,
  instantQuery,
  listOf,
  listQuery,
  money,
  moneyOrNull,
  route,
  symbolQuery,
  uuid,
  uuidOrNull,
} from './http.ts'
import { fillSchema, orderSchema } from './orders.ts'

export const dealStatusSchema = z.enum(['pending', 'open', 'closing', 'closed', 'cancelled', 'failed', 'released', 'merged'])
const tradeTypeSchema = z.enum(['paper', 'live', 'optimization', 'backtest'])

/** A row of `trades`. */
export const tradeSchema = z
  .object({
    id: uuid,
    botId: z.string(),
    runId: uuid,
    tradeSeq: z.int(),
    parentTradeId: uuidOrNull.meta({ description: 'Set on a partial exit, which enters no count or sum' }),
    botVersion: z.int(),
    tradeType: tradeTypeSchema,
    entryLogicName: z.string(),
    exitLogicName: z.string(),
    symbol: z.string(),
    interval: z.string(),
    direction: z.enum(['long', 'short']),
    status: z.enum(['open', 'closed', 'cancelled']),
    dealStatus: dealStatusSchema,
    entryTime: instantOrNull,
    exitTime: instantOrNull,
    buyOrderCreated: instantOrNull,
    buyOrderClosed: instantOrNull,
    sellOrderCreated: instantOrNull,
    sellOrderClosed: instantOrNull,
    entryPrice: moneyOrNull,
    exitPrice: moneyOrNull,
    entryValue: moneyOrNull,
    exitValue: moneyOrNull,
    size: moneyOrNull,
    commission: moneyOrNull,
    grossPnl: moneyOrNull,
    netPnl: moneyOrNull,
    pnlPercentage: moneyOrNull,
    exitReason: z.string().nullable(),
    averagingCount: z.int(),
    exitState: anyJson,
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Trade' })
export type TradeRow = z.output<typeof tradeSchema>

const query = z.strictObject({
  ...listQuery,
  status: z.enum(['open', 'closed', 'cancelled']).optional(),
  symbol: symbolQuery.optional(),
  tradeType: tradeTypeSchema.optional(),
  botId: z.string().max(100).optional(),
  runId: uuid.optional(),
  from: instantQuery.optional(),
  to: instantQuery.optional(),
})

export const tradeSummarySchema = z
  .object({
    trades: z.int(),
    open: z.int(),
    wins: z.int(),
    losses: z.int(),
    breakEven: z.int(),
    netPnl: money,
    commission: money,
    winRate: moneyOrNull,
    profitFactor: moneyOrNull,
  })
  .meta({ id: 'TradeSummary' })

export const tradeRoutes = {
  listTrades: route({
    method: 'GET',
    path: '/trades',
    aliases: ['/deals'],
    tag: 'Trades',
    summary: 'Trades, newest first',
    access: 'trades:read',
    query,
    responses: { 200: listOf(tradeSchema) },
  }),
  tradeSummary: route({
    method: 'GET',
    path: '/trades/summary',
    aliases: ['/deals/summary'],
    tag: 'Trades',
    summary: 'Counts and sums of the trades a filter leaves',
    access: 'trades:read',
    query: query.omit({ limit: true, cursor: true }),
    responses: { 200: tradeSummarySchema },
  }),
  getTrade: route({
    method: 'GET',
    path: '/trades/{id}',
    aliases: ['/deals/{id}'],
    tag: 'Trades',
    summary: 'One trade with its orders, fills and partial exits',
    access: 'trades:read',
    params: idParam,
    responses: {
      200: tradeSchema
        .extend({ orders: z.array(orderSchema), fills: z.array(fillSchema), partialExits: z.array(tradeSchema) })
        .meta({ id: 'TradeWithOrders' }),
    },
  }),
  closeTrade: route({
    method: 'POST',
    path: '/trades/{id}/close',
    aliases: ['/deals/{id}/close'],
    tag: 'Trades',
    summary: 'Close an open deal at market',
    access: 'trades:write',
    params: idParam,
    body: z
      .strictObject({ type: z.literal('market').default('market') })
      .meta({ id: 'CloseTrade' })
      .optional(),
    responses: { 202: commandResponse },
    idempotencyKey: 'optional',
  }),
  botTrades: route({
    method: 'GET',
    path: '/bots/{id}/trades',
    tag: 'Trades',
    summary: 'Trades of a bot, newest first',
    access: 'trades:read',
    params: botIdParam,
    query: query.omit({ botId: true }),
    responses: { 200: listOf(tradeSchema) },
  }),
} as const
