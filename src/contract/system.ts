/** The state of the service itself, its document, and the stream of what happens. */

import { z } from 'zod'
import { anyJson, route } from './http.ts'

export const STREAM_TOPICS = ['bots', 'orders', 'trades', 'positions', 'funds', 'decisions', 'events'] as const

/** One message of the stream. `id` orders them; Last-Event-ID resumes behind it. */
export const streamMessageSchema = z
  .object({
    id: z.string(),
    topic: z.enum(STREAM_TOPICS),
    botId: z.string().nullable(),
    data: anyJson,
  })
  .meta({ id: 'StreamMessage' })
export type StreamMessage = z.output<typeof streamMessageSchema>

export const systemRoutes = {
  health: route({
    method: 'GET',
    path: '/health',
    tag: 'System',
    summary: 'Whether the process answers',
    access: 'public',
    responses: { 200: z.object({ status: z.literal('ok'), version: z.string(), uptimeSec: z.number() }).meta({ id: 'Health' }) },
  }),
  ready: route({
    method: 'GET',
    path: '/ready',
    tag: 'System',
    summary: 'Whether it can work: database, schema, workers; 503 NOT_READY otherwise',
    access: 'public',
    responses: {
      200: z
        .object({ ready: z.literal(true), checks: z.record(z.string(), z.object({ ok: z.boolean(), message: z.string() })) })
        .meta({ id: 'Ready' }),
    },
  }),
  openApi: route({
    method: 'GET',
    path: '/openapi.json',
    tag: 'System',
    summary: 'This document',
    access: 'public',
    responses: { 200: z.record(z.string(), anyJson) },
  }),
  stream: route({
    method: 'GET',
    path: '/stream',
    tag: 'System',
    summary: 'What happens, as server-sent events; Last-Event-ID resumes, `reset` says that is too long ago',
    access: 'signed_in',
    query: z.strictObject({
      topics: z
        .string()
        .max(200)
        .optional()
        .meta({ description: `Comma-separated: ${STREAM_TOPICS.join(', ')}; default all` }),
      botId: z.string().max(100).optional(),
    }),
    responses: { 200: streamMessageSchema },
    stream: true,
  }),
} as const
