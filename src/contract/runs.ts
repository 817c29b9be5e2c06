/** Runs: each start of a bot, with what it was fed and what came out. */

import { z } from 'zod'
import {
  anyJson,
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
  uuid,
  uuidOrNull,
} from './http.ts'

/** A row of `bot_runs`. */
export const runSchema = z
  .object({
    runId: uuid,
    botId: z.string(),
    botVersion: z.int(),
    mode: modeSchema,
    status: z.enum(['queued', 'running', 'completed', 'stopped', 'error', 'cancelled', 'interrupted']),
    startedAt: instant,
    endedAt: instantOrNull,
    initialBalance: money,
    totalTrades: z.int(),
    totalPnl: money,
    maxDrawdown: money.meta({ description: 'Positive percent' }),
    sharpeRatio: moneyOrNull,
    connectionId: uuidOrNull,
    seed: z.union([z.int(), z.string()]),
    engineVersion: z.string(),
    dataHash: z.string().nullable(),
    tradesHash: z.string().nullable(),
    error: z.string().nullable(),
    meta: anyJson,
  })
  .meta({ id: 'Run' })
export type Run = z.output<typeof runSchema>

export const metricsSchema = z
  .object({
    botId: z.string(),
    runId: uuidOrNull,
    calculatedAt: instantOrNull,
    sharpeRatio: moneyOrNull,
    winRate: moneyOrNull,
    profitFactor: moneyOrNull,
    maxDrawdown: moneyOrNull,
    totalReturn: moneyOrNull,
    avgWin: moneyOrNull,
    avgLoss: moneyOrNull,
    largestWin: moneyOrNull,
    largestLoss: moneyOrNull,
    totalTrades: z.int().nullable(),
    winningTrades: z.int().nullable(),
    losingTrades: z.int().nullable(),
  })
  .meta({ id: 'Metrics', description: 'Percent points; null where undefined' })

export const equityPoint = z
  .object({ recordedAt: instant, currency: z.string(), equity: money, balance: money, unrealizedPnl: money, drawdownPct: money })
  .meta({ id: 'EquityPoint' })

export const runRoutes = {
  botRuns: route({
    method: 'GET',
    path: '/bots/{id}/runs',
    tag: 'Runs',
    summary: 'Runs of a bot, newest first',
    access: 'bots:read',
    params: botIdParam,
    query: z.strictObject({ ...listQuery, mode: modeSchema.optional() }),
    responses: { 200: listOf(runSchema) },
  }),
  getRun: route({
    method: 'GET',
    path: '/runs/{id}',
    tag: 'Runs',
    summary: 'One run',
    access: 'bots:read',
    params: idParam,
    responses: { 200: runSchema },
  }),
  botMetrics: route({
    method: 'GET',
    path: '/bots/{id}/metrics',
    tag: 'Runs',
    summary: 'The latest figures of the bot’s last run',
    access: 'bots:read',
    params: botIdParam,
    responses: { 200: metricsSchema.nullable() },
  }),
  botEquity: route({
    method: 'GET',
    path: '/bots/{id}/equity',
    tag: 'Runs',
    summary: 'Equity of a run over time, oldest first',
    access: 'bots:read',
    params: botIdParam,
    query: z.strictObject({ ...listQuery, runId: uuid.optional() }),
    responses: { 200: listOf(equityPoint) },
  }),
} as const
