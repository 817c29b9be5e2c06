/** Positions: the open lot of each deal. */

import { z } from 'zod'
import {
  anyJson,
  botIdParam,
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
} from './http.ts'

/** A row of `positions`, as far as DCA bots fill it. */
export const positionSchema = z
  .object({
    id: uuid,
    tradeId: uuid,
    botId: z.string(),
    runId: uuid,
    mode: modeSchema,
    exchange: z.string(),
    symbol: z.string(),
    side: z.enum(['long', 'short']),
    status: z.string(),
    qty: money,
    avgPrice: money,
    currentPrice: moneyOrNull,
    unrealizedPnl: money,
    unrealizedPnlPercent: money,
    realizedPnl: money,
    feesPaid: money,
    stopPrice: moneyOrNull,
    peakPrice: moneyOrNull,
    breakEvenActive: z.boolean(),
    trailingActive: z.boolean(),
    isProtected: z.boolean(),
    protectionReason: z.string().nullable(),
    takeProfits: anyJson,
    openedAt: instant,
    closedAt: instantOrNull,
  })
  .meta({ id: 'Position' })
export type PositionRow = z.output<typeof positionSchema>

const query = z.strictObject({
  ...listQuery,
  status: z.enum(['open', 'closed', 'all']).default('open'),
  symbol: symbolQuery.optional(),
  mode: modeSchema.optional(),
  runId: uuid.optional(),
})

export const positionRoutes = {
  listPositions: route({
    method: 'GET',
    path: '/positions',
    tag: 'Positions',
    summary: 'Positions; the open ones unless asked otherwise',
    access: 'trades:read',
    query,
    responses: { 200: listOf(positionSchema) },
  }),
  botPositions: route({
    method: 'GET',
    path: '/bots/{id}/positions',
    tag: 'Positions',
    summary: 'Positions of a bot',
    access: 'trades:read',
    params: botIdParam,
    query,
    responses: { 200: listOf(positionSchema) },
  }),
} as const
