/** Parity: how closed deals compare with their simulation. */

import { z } from 'zod'
import { botIdParam, idParam, instant, instantOrNull, listOf, listQuery, money, moneyOrNull, route, uuid } from './http.ts'

export const parityPartsSchema = z
  .object({
    decisions: money.meta({ description: 'Orders that only one side filled' }),
    quantity: money,
    entryLatency: money,
    entrySlippage: money,
    exitLatency: money,
    exitSlippage: money,
    fees: money,
    funding: money,
    path: money.meta({ description: 'Other trigger prices, and what is left' }),
  })
  .meta({ id: 'ParityParts', description: 'In quote; they add up to the difference to the last digit' })

export const parityReportSchema = z
  .object({
    tradeId: uuid,
    botId: z.string(),
    runId: uuid,
    tradeSeq: z.int(),
    symbol: z.string(),
    exitTime: instantOrNull,
    status: z.enum(['compared', 'unavailable']),
    reason: z.string().nullable().meta({ description: 'Why the deal could not be simulated' }),
    matched: z.boolean().meta({ description: 'Both sides filled the same orders' }),
    cause: z.enum(['data_gap', 'config', 'version', 'unknown']).nullable().meta({ description: 'Why decisions differ' }),
    netPnl: moneyOrNull,
    simulatedPnl: moneyOrNull,
    difference: moneyOrNull.meta({ description: 'netPnl - simulatedPnl, in quote' }),
    entryValue: moneyOrNull,
    parts: parityPartsSchema.nullable(),
    missed: z.array(z.string()).meta({ description: 'Orders that only the simulation filled' }),
    extra: z.array(z.string()).meta({ description: 'Orders that only the deal filled' }),
    headline: z.string().nullable().meta({ description: 'The difference in a sentence' }),
    engineVersion: z.string(),
    createdAt: instant,
  })
  .meta({ id: 'ParityReport' })
export type ParityReport = z.output<typeof parityReportSchema>

export const paritySummarySchema = z
  .object({
    matched: z.int().meta({ description: 'Deals that both sides traded by the same decisions' }),
    union: z.int().meta({ description: 'Deals that were compared' }),
    unavailable: z.int().meta({ description: 'Deals that could not be simulated' }),
    waiting: z.int().meta({ description: 'Closed deals whose comparison is still to come' }),
    deviation: money.meta({ description: 'Sum of |difference|, in quote' }),
    deviationBps: moneyOrNull.meta({ description: 'That sum in basis points of what entering cost' }),
  })
  .meta({ id: 'ParitySummary' })
export type ParitySummary = z.output<typeof paritySummarySchema>

export const parityRoutes = {
  botParity: route({
    method: 'GET',
    path: '/bots/{id}/parity',
    tag: 'Parity',
    summary: 'How the closed deals of a bot compare with their simulation, newest first',
    access: 'trades:read',
    params: botIdParam,
    query: z.strictObject({ ...listQuery, runId: uuid.optional() }),
    responses: { 200: listOf(parityReportSchema).extend({ summary: paritySummarySchema }).meta({ id: 'BotParity' }) },
  }),
  tradeParity: route({
    method: 'GET',
    path: '/trades/{id}/parity',
    aliases: ['/deals/{id}/parity'],
    tag: 'Parity',
    summary: 'How one deal compares with its simulation; null while that is still to come',
    access: 'trades:read',
    params: idParam,
    responses: { 200: parityReportSchema.nullable() },
  }),
} as const
