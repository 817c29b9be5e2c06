/** Bots: what is wanted (config, desired state) and what is observed (status). */

import { z } from 'zod'
import { Decimal } from '../core/money/decimal.ts'
import { dcaConfigSchema } from './dca-config-schema.ts'
import { moneyText, positiveMoneyText } from './decimal-schema.ts'
import { findingSchema } from './errors.ts'
import {
  anyJson,
  botIdParam,
  instant,
  instantOrNull,
  instantQuery,
  listOf,
  listQuery,
  modeSchema,
  moneyOrNull,
  route,
  uuidOrNull,
} from './http.ts'

export const botStatusSchema = z
  .enum(['inactive', 'starting', 'running', 'paused', 'stopping', 'stopped', 'error'])
  .meta({ id: 'BotStatus' })
export const desiredStateSchema = z.enum(['running', 'paused', 'stopped'])
export const pausedBySchema = z
  .array(z.string())
  .meta({ description: 'user, regime, brake, protection, stale_data, kill_switch', examples: [['regime']] })

/** A row of `bots`. */
export const botSchema = z
  .object({
    botId: z.string(),
    name: z.string(),
    botType: z.enum(['dca', 'scanner', 'strategy']),
    symbol: z.string().nullable(),
    interval: z.string(),
    config: anyJson,
    schemaVersion: z.int(),
    version: z.int(),
    status: botStatusSchema,
    desiredState: desiredStateSchema,
    pausedBy: pausedBySchema,
    requiredCapital: moneyOrNull,
    lastError: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Bot' })
export type Bot = z.output<typeof botSchema>

export const conflictSchema = z
  .object({ code: z.string(), paths: z.array(z.string()), message: z.string() })
  .meta({ id: 'Conflict', description: 'Settings that work against each other; a warning' })

export const createBotBody = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(80)
      .optional()
      .meta({ description: 'Must agree with config.name; fills it where that is missing' }),
    symbol: z
      .string()
      .max(50)
      .optional()
      .meta({ description: 'Must be the first of config.pairs; fills them where they are missing' }),
    interval: z
      .string()
      .max(5)
      .optional()
      .meta({ description: 'Must agree with config.timeframe; fills it where that is missing' }),
    botType: z.literal('dca').optional(),
    config: dcaConfigSchema,
    note: z.string().max(500).optional(),
  })
  .meta({ id: 'CreateBot', description: 'The config is the truth; the outer fields are optional and must agree' })

/** What a paper run is fed with. */
export const feedSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('demo'),
      speed: z.int().min(1).max(60).default(1).meta({ description: 'Minutes of the demo market per minute' }),
    }),
    z.strictObject({
      kind: z.literal('replay'),
      exchange: z.string().max(40).optional().meta({ description: 'Whose imported candles; default: the exchange of the bot' }),
      from: instantQuery.optional().meta({ description: 'First candle; default: the first one stored' }),
      to: instantQuery.optional().meta({ description: 'Candles that open before; default: the last one stored' }),
      speed: z
        .union([z.number().min(1).max(100_000), z.literal('max')])
        .default('max')
        .meta({ description: 'Times real time, or max: as fast as it is written down' }),
    }),
  ])
  .meta({ id: 'Feed', description: 'demo: the built-in market, for bots on the exchange demo. replay: imported candles.' })
export type Feed = z.output<typeof feedSchema>

const latencySchema = z
  .strictObject({ min: z.int().min(0).max(3_600_000), max: z.int().min(0).max(3_600_000) })
  .refine(({ min, max }) => min <= max, { message: 'min must not be above max' })

const shareSchema = z.number().min(0).max(1)

const upTo = (most: number) =>
  moneyText.refine(text => !Decimal.isDecimalText(text) || (Number(text) >= 0 && Number(text) <= most), {
    params: { finding: 'OUT_OF_RANGE' },
    message: `must be from 0 to ${most}`,
  })

/** What a paper run assumes of its venue. */
export const venueSchema = z
  .strictObject({
    fillPath: z
      .enum(['pessimistic', 'optimistic', 'ohlc'])
      .optional()
      .meta({ description: 'The way a price takes inside a candle' }),
    slippageBps: upTo(10_000).optional().meta({ description: 'Against market orders and triggered stops; default 5' }),
    impactBpsPerPctVolume: upTo(10_000)
      .optional()
      .meta({ description: "Slippage added for each percent of the candle's volume that an order takes; default 0" }),
    volumeCapPct: upTo(100).optional().meta({ description: "Most of a candle's volume that fills, 0 no cap; default 10" }),
    latencyMs: latencySchema.optional().meta({ description: 'How long orders travel; default 0' }),
    cancelLatencyMs: latencySchema.optional().meta({ description: 'How long cancels travel; default 0' }),
    rejectProb: shareSchema.optional().meta({ description: 'Share of orders that the venue refuses; default 0' }),
    partialProb: shareSchema.optional().meta({ description: 'Share of orders whose first execution is cut in two; default 0' }),
  })
  .meta({ id: 'SimulatedVenue' })
export type SimulatedVenue = z.output<typeof venueSchema>

export const startPaperBody = z
  .strictObject({
    initialBalance: positiveMoneyText.optional().meta({
      description: 'In the quote of the pairs; default 10000, or more where maxActiveDeals deals with their reserve need it',
    }),
    feed: feedSchema
      .optional()
      .meta({ description: 'Default: demo on the exchange demo, else a replay of all its stored candles' }),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(0)
      .meta({ description: 'Of everything random in the simulated venue' }),
    venue: venueSchema.optional().meta({ description: 'Default: answers at once, refuses nothing, fills whole' }),
  })
  .meta({ id: 'StartPaper' })

export const startLiveBody = z
  .strictObject({ confirm: z.string().max(80).meta({ description: 'The name of the bot' }) })
  .meta({ id: 'StartLive' })

export const stopBody = z
  .strictObject({
    openDeals: z
      .enum(['manage', 'close', 'release'])
      .default('manage')
      .meta({ description: 'manage: works exits until flat. close: exits at market. release: the coins go to holdings.' }),
  })
  .meta({ id: 'StopBot' })

export const pauseBody = z
  .strictObject({ reason: z.string().max(200).optional(), until: instantQuery.optional() })
  .meta({ id: 'PauseBot' })

export const commandResponse = z
  .object({
    botId: z.string(),
    runId: uuidOrNull,
    mode: modeSchema.nullable(),
    status: botStatusSchema,
    desiredState: desiredStateSchema,
  })
  .meta({ id: 'BotCommand' })

export const botStatusResponse = z
  .object({
    botId: z.string(),
    runId: uuidOrNull,
    status: botStatusSchema,
    mode: modeSchema.nullable(),
    pausedBy: pausedBySchema,
    initialBalance: moneyOrNull,
    currentBalance: moneyOrNull.meta({ description: 'Free and locked cash' }),
    totalInvested: moneyOrNull.meta({ description: 'Cost of open lots and of coins kept outside of deals, fees excluded' }),
    totalPositionValue: moneyOrNull.meta({ description: 'The same at their last price' }),
    equity: moneyOrNull,
    realizedPnl: moneyOrNull,
    unrealizedPnl: moneyOrNull,
    totalPnl: moneyOrNull,
    totalReturnPct: moneyOrNull,
    openPositions: z.int(),
    totalOrders: z.int(),
    lastDcaTimes: z.record(z.string(), instant).meta({ description: 'By symbol: the last averaging fill' }),
    positions: z.record(z.string(), anyJson).meta({ description: 'By symbol: the open positions' }),
    lastDecision: anyJson.nullable(),
    lastError: z.string().nullable().meta({ description: 'Why the bot is in error, or what it is trying again' }),
    heartbeatAgeSec: z.number().nullable(),
    simulatedAt: instantOrNull.optional().meta({ description: 'The instant a replay or demo run has reached' }),
  })
  .meta({ id: 'BotLiveStatus', description: 'Figures are null before the first run' })
export type BotLiveStatus = z.output<typeof botStatusResponse>

export const replaceBotBody = z
  .strictObject({ config: dcaConfigSchema, baseVersion: z.int().min(1).optional(), note: z.string().max(500).optional() })
  .meta({ id: 'ReplaceBot' })

const createdBot = z
  .object({
    botId: z.string(),
    status: botStatusSchema,
    version: z.int(),
    requiredCapital: moneyOrNull,
    conflicts: z.array(conflictSchema),
  })
  .meta({ id: 'CreatedBot' })

const version = z
  .object({
    botId: z.string(),
    version: z.int(),
    config: anyJson,
    configHash: z.string(),
    note: z.string().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'BotVersion' })

const also = (path: string): string[] => [path.replace('/bots/', '/bots/dca-bots/')]

export const botRoutes = {
  createBot: route({
    method: 'POST',
    path: '/bots',
    aliases: ['/bots/dca-bots'],
    tag: 'Bots',
    summary: 'Create a bot',
    access: 'bots:write',
    body: createBotBody,
    responses: { 201: createdBot },
    idempotencyKey: 'optional',
  }),
  validateBot: route({
    method: 'POST',
    path: '/bots/validate',
    tag: 'Bots',
    summary: 'All findings and conflicts of a config, without storing it',
    access: 'bots:read',
    body: createBotBody,
    responses: {
      200: z.object({
        ok: z.boolean(),
        findings: z.array(findingSchema),
        conflicts: z.array(conflictSchema),
        config: anyJson.optional().meta({ description: 'With every default filled' }),
        requiredCapital: moneyOrNull,
        sentences: z.record(z.string(), z.string()).optional().meta({ description: 'Playbooks in plain words, by their path' }),
      }),
    },
  }),
  listBots: route({
    method: 'GET',
    path: '/bots',
    tag: 'Bots',
    summary: 'Bots, newest first',
    access: 'bots:read',
    query: z.strictObject({ ...listQuery, status: botStatusSchema.optional() }),
    responses: { 200: listOf(botSchema) },
  }),
  getBot: route({
    method: 'GET',
    path: '/bots/{id}',
    aliases: also('/bots/{id}'),
    tag: 'Bots',
    summary: 'One bot',
    access: 'bots:read',
    params: botIdParam,
    responses: { 200: botSchema },
  }),
  replaceBot: route({
    method: 'PUT',
    path: '/bots/{id}',
    aliases: also('/bots/{id}'),
    tag: 'Bots',
    summary: 'Replace the whole config: a new version, for new deals. Needs If-Match or baseVersion.',
    access: 'bots:write',
    params: botIdParam,
    body: replaceBotBody,
    responses: { 200: botSchema },
  }),
  deleteBot: route({
    method: 'DELETE',
    path: '/bots/{id}',
    aliases: also('/bots/{id}'),
    tag: 'Bots',
    summary: 'Remove a bot; its orders, trades and ledger stay',
    access: 'bots:write',
    params: botIdParam,
    responses: { 200: z.object({ botId: z.string(), deleted: z.literal(true) }) },
  }),
  startPaper: route({
    method: 'POST',
    path: '/bots/{id}/start-paper',
    aliases: also('/bots/{id}/start-paper'),
    tag: 'Bots',
    summary: 'Start a paper run',
    access: 'run:paper',
    params: botIdParam,
    body: startPaperBody.optional(),
    responses: { 200: commandResponse, 202: commandResponse },
    idempotencyKey: 'optional',
  }),
  startLive: route({
    method: 'POST',
    path: '/bots/{id}/start',
    aliases: also('/bots/{id}/start'),
    tag: 'Bots',
    summary: 'Start a live run; says what is missing',
    access: 'run:live',
    params: botIdParam,
    body: startLiveBody,
    responses: { 202: commandResponse },
    idempotencyKey: 'required',
  }),
  stopBot: route({
    method: 'POST',
    path: '/bots/{id}/stop',
    aliases: also('/bots/{id}/stop'),
    tag: 'Bots',
    summary: 'Stop a run; open deals are managed to their end, closed, or released',
    access: 'run:paper',
    params: botIdParam,
    body: stopBody.optional(),
    responses: { 200: commandResponse, 202: commandResponse },
  }),
  pauseBot: route({
    method: 'POST',
    path: '/bots/{id}/pause',
    aliases: also('/bots/{id}/pause'),
    tag: 'Bots',
    summary: 'Nothing new is bought; exits go on',
    access: 'run:paper',
    params: botIdParam,
    body: pauseBody.optional(),
    responses: { 200: commandResponse, 202: commandResponse },
  }),
  resumeBot: route({
    method: 'POST',
    path: '/bots/{id}/resume',
    aliases: also('/bots/{id}/resume'),
    tag: 'Bots',
    summary: 'End the pause of a run',
    access: 'run:paper',
    params: botIdParam,
    responses: { 200: commandResponse, 202: commandResponse },
  }),
  startDeal: route({
    method: 'POST',
    path: '/bots/{id}/start-deal',
    aliases: also('/bots/{id}/start-deal'),
    tag: 'Bots',
    summary: 'Ask a running bot for a deal; only the entry playbook is skipped',
    access: 'trades:write',
    params: botIdParam,
    body: z
      .strictObject({ symbol: z.string().max(50).optional().meta({ description: 'Default: the only pair' }) })
      .meta({ id: 'StartDeal' })
      .optional(),
    responses: { 202: z.object({ commandId: z.string(), botId: z.string(), symbol: z.string() }) },
    idempotencyKey: 'optional',
  }),
  panicBot: route({
    method: 'POST',
    path: '/bots/{id}/panic',
    aliases: also('/bots/{id}/panic'),
    tag: 'Bots',
    summary: 'Cancel every entry and close every deal of the bot at market',
    access: 'trades:write',
    params: botIdParam,
    responses: { 202: commandResponse },
    idempotencyKey: 'optional',
  }),
  duplicateBot: route({
    method: 'POST',
    path: '/bots/{id}/duplicate',
    aliases: also('/bots/{id}/duplicate'),
    tag: 'Bots',
    summary: 'A new bot with the same config, stopped',
    access: 'bots:write',
    params: botIdParam,
    body: z
      .strictObject({ name: z.string().trim().min(1).max(80).optional() })
      .meta({ id: 'DuplicateBot' })
      .optional(),
    responses: { 201: createdBot },
    idempotencyKey: 'optional',
  }),
  botStatus: route({
    method: 'GET',
    path: '/bots/{id}/status',
    aliases: ['/bots/dca-bots/status/{id}'],
    tag: 'Bots',
    summary: 'Balance, positions and the last decision',
    access: 'bots:read',
    params: botIdParam,
    responses: { 200: botStatusResponse },
  }),
  botVersions: route({
    method: 'GET',
    path: '/bots/{id}/versions',
    tag: 'Bots',
    summary: 'Versions of the config, newest first',
    access: 'bots:read',
    params: botIdParam,
    query: z.strictObject(listQuery),
    responses: { 200: listOf(version) },
  }),
} as const
