/** Decisions: why a bot did, or did not do, something at an instant; and the events of the system. */

import { z } from 'zod'
import { anyJson, botIdParam, instant, instantQuery, listOf, listQuery, route, symbolQuery, uuid, uuidOrNull } from './http.ts'

const outcomeSchema = z.enum(['no_signal', 'not_evaluable', 'blocked', 'entered', 'averaged', 'exited', 'held', 'error'])

/** A row of `decisions`. */
export const decisionSchema = z
  .object({
    decisionId: z.string(),
    botId: z.string(),
    runId: uuid,
    seq: z.union([z.int(), z.string()]),
    symbol: z.string(),
    timeframe: z.string(),
    barOpen: instant,
    decidedAt: instant,
    outcome: outcomeSchema,
    reason: z.string(),
    trace: anyJson.meta({
      description: 'Conditions with their values, thresholds and distances; or the range that was slept through',
    }),
    gates: anyJson.meta({ description: 'Gates in their order, passed or refused' }),
  })
  .meta({ id: 'Decision' })
export type DecisionRow = z.output<typeof decisionSchema>

/** A row of `system_events`. */
export const eventSchema = z
  .object({
    id: z.union([z.int(), z.string()]),
    eventType: z.string(),
    eventCategory: z.string(),
    severity: z.enum(['debug', 'info', 'warning', 'error', 'critical']),
    botId: z.string().nullable(),
    runId: uuidOrNull,
    tradeId: uuidOrNull,
    symbol: z.string().nullable(),
    decisionId: z.string().nullable(),
    message: z.string(),
    details: anyJson,
    createdAt: instant,
  })
  .meta({ id: 'Event' })
export type EventRow = z.output<typeof eventSchema>

/** One thing that happened to a bot. */
export const timelineSchema = z
  .object({
    at: instant,
    kind: z.enum(['order', 'fill', 'decision', 'event']),
    id: z.string(),
    tradeId: uuidOrNull,
    symbol: z.string().nullable(),
    title: z.string().meta({ description: 'In words' }),
    data: anyJson.meta({ description: 'The main figures of the row' }),
  })
  .meta({ id: 'TimelineItem' })

const eventQuery = z.strictObject({
  ...listQuery,
  severity: z
    .enum(['debug', 'info', 'warning', 'error', 'critical'])
    .optional()
    .meta({ description: 'This one and the graver ones' }),
  eventType: z.string().max(60).optional(),
  symbol: symbolQuery.optional(),
})

export const decisionRoutes = {
  botDecisions: route({
    method: 'GET',
    path: '/bots/{id}/decisions',
    tag: 'Decisions',
    summary: 'Decisions of a bot, newest first',
    access: 'bots:read',
    params: botIdParam,
    query: z.strictObject({
      ...listQuery,
      outcome: outcomeSchema.optional(),
      symbol: symbolQuery.optional(),
      runId: uuid.optional(),
      from: instantQuery.optional(),
      to: instantQuery.optional(),
    }),
    responses: { 200: listOf(decisionSchema) },
  }),
  botTimeline: route({
    method: 'GET',
    path: '/bots/{id}/timeline',
    tag: 'Decisions',
    summary: 'Orders, fills, decisions that did something, and events in one order, newest first',
    access: 'bots:read',
    params: botIdParam,
    query: z.strictObject({ ...listQuery, runId: uuid.optional(), tradeId: uuid.optional() }),
    responses: { 200: listOf(timelineSchema) },
  }),
  botLogs: route({
    method: 'GET',
    path: '/bots/{id}/logs',
    tag: 'Decisions',
    summary: 'Events of a bot, newest first',
    access: 'bots:read',
    params: botIdParam,
    query: eventQuery,
    responses: { 200: listOf(eventSchema) },
  }),
  listEvents: route({
    method: 'GET',
    path: '/events',
    tag: 'System',
    summary: 'Events, newest first',
    access: 'signed_in',
    query: eventQuery,
    responses: { 200: listOf(eventSchema) },
  }),
} as const
