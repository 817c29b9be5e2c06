/** Funds: what is free and what is locked, by account or by bot. */

import { z } from 'zod'
import { botIdParam, listOf, listQuery, modeSchema, money, route } from './http.ts'

/** A row of `funds`. */
export const fundsSchema = z
  .object({
    mode: modeSchema,
    exchange: z.string(),
    botId: z.string().nullable(),
    currency: z.string(),
    free: money,
    locked: money,
    total: money,
  })
  .meta({ id: 'Funds', description: 'The exchange of paper money is paper_trading' })
export type FundsRow = z.output<typeof fundsSchema>

export const fundsRoutes = {
  listFunds: route({
    method: 'GET',
    path: '/funds',
    tag: 'Funds',
    summary: 'Funds: one row per exchange and currency, or per bot',
    access: 'trades:read',
    query: z.strictObject({ ...listQuery, by: z.enum(['account', 'bot']).default('account'), mode: modeSchema.optional() }),
    responses: { 200: listOf(fundsSchema) },
  }),
  botFunds: route({
    method: 'GET',
    path: '/bots/{id}/funds',
    tag: 'Funds',
    summary: 'Funds of a bot',
    access: 'trades:read',
    params: botIdParam,
    query: z.strictObject(listQuery),
    responses: { 200: listOf(fundsSchema) },
  }),
} as const
