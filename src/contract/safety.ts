/**
 * How freely the platform may act: the safety record by scope, the kill switch, its reset, the limits that trip it by themselves, and
 * the disk. No level keeps an exit from leaving or a stop from resting.
 */

import { z } from 'zod'
import { instant, instantOrNull, listOf, moneyOrNull, route } from './http.ts'

export const safetyLevelSchema = z
  .enum(['normal', 'paused', 'reduce_only', 'halted'])
  .meta({ id: 'SafetyLevel', description: 'From free to strict; of all scopes that rule a bot the strictest counts' })
export const safetyScopeSchema = z.enum(['global', 'tenant', 'account', 'bot'])

const percentText = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,8})?$/, 'a percentage as text, such as "5" or "2.5"')
  .refine(text => Number(text) > 0 && Number(text) <= 100, 'must be above 0 and at most 100')
const count = z.int().min(1).max(10_000)

/** By whom a record was set. */
const actorSchema = z.object({
  kind: z.enum(['user', 'token', 'cli', 'trigger', 'unknown']),
  name: z.string().meta({ description: 'An e-mail address where it is your own, else in words; of a trigger its cause' }),
})

export const safetyRecordSchema = z
  .object({
    scope: safetyScopeSchema,
    scopeId: z.string().nullable(),
    name: z.string().meta({ description: 'Of the bot, or the scope in words' }),
    level: safetyLevelSchema.meta({ description: 'halted as well where the record is damaged or has disappeared' }),
    reason: z.string().meta({ description: 'Empty at normal' }),
    actor: actorSchema.nullable(),
    since: instantOrNull,
    problem: z.enum(['damaged', 'missing']).nullable().meta({ description: 'Why the record is not believed' }),
    version: z.int().meta({ description: '0 = was never set' }),
    endsAt: instantOrNull.meta({
      description: 'A daily loss ends at UTC midnight of its run; everything else is ended by a person',
    }),
    peakEquity: moneyOrNull,
    dayStartEquity: moneyOrNull,
    lossStreak: z.int(),
  })
  .meta({ id: 'SafetyRecord' })
export type SafetyRecordView = z.output<typeof safetyRecordSchema>

export const safetyLimitsSchema = z
  .strictObject({
    maxDailyLossPct: percentText
      .nullable()
      .optional()
      .meta({ description: 'Loss of a bot since 00:00 UTC that allows closing only until the next midnight' }),
    maxDrawdownPct: percentText.nullable().optional().meta({ description: 'Fall below the highest equity that halts the bot' }),
    maxRejectsPerMin: count.optional().meta({ description: 'More refused orders within a minute halt the bot; default 5' }),
    maxOrdersPerMin: count.optional().meta({ description: 'More orders within a minute halt the bot; default 60' }),
    maxOrdersPer10Sec: count.optional().meta({
      description:
        'More orders within ten seconds halt the bot; default 10. Where nothing is chosen, a bot may always do what its own ladder asks for',
    }),
  })
  .meta({
    id: 'SafetyLimits',
    description: "What is absent has its default; null = no such limit. Counted by the run's own time",
  })

export const diskSchema = z
  .object({
    state: z.enum(['ok', 'low', 'close_only', 'unknown']),
    freePct: z.number().nullable(),
    freeBytes: z.number().nullable(),
    reserve: z
      .enum(['held', 'freed', 'off'])
      .meta({ description: 'A file that is given up when the disk is full, so that exits can be written' }),
    checkedAt: instantOrNull,
  })
  .meta({
    id: 'Disk',
    description: 'Of EVENKEEL_HOME: below 15 % free warns, below 5 % only closing is allowed until 6 % are free again',
  })

const safetyResponse = z
  .object({
    level: safetyLevelSchema.meta({ description: 'What rules all your bots: the instance and you' }),
    reason: z.string(),
    records: z
      .array(safetyRecordSchema)
      .meta({ description: 'The instance and you first, then whatever else ever had a record' }),
    limits: z.object({
      chosen: safetyLimitsSchema.nullable().meta({ description: 'Null where what is stored cannot be read: then all is halted' }),
      version: z.int(),
    }),
    disk: diskSchema.nullable().meta({ description: 'Null where nobody watches it' }),
    mayReset: z.array(safetyScopeSchema).meta({ description: 'Scopes that you may reset' }),
  })
  .meta({ id: 'Safety' })
export type SafetyView = z.output<typeof safetyResponse>

const reason = z.string().trim().min(3).max(500).meta({ description: 'Kept in the history, for whoever asks later' })
const target = {
  scope: safetyScopeSchema
    .default('tenant')
    .meta({ description: "tenant: all your bots. global: everybody's, for owner and admin" }),
  scopeId: z.string().min(1).max(100).optional().meta({ description: 'Bot or connection; not with tenant and global' }),
}

/** Typed by whoever wants every open deal sold with the kill switch. */
export const FLATTEN_CONFIRMATION = 'close all deals'

export const killSwitchBody = z
  .strictObject({
    ...target,
    level: safetyLevelSchema.exclude(['normal']).default('halted'),
    reason,
    flatten: z
      .boolean()
      .default(false)
      .meta({ description: 'Sell every open deal of the scope at the market as well; not with global' }),
    confirm: z
      .string()
      .max(100)
      .optional()
      .meta({ description: `With flatten exactly "${FLATTEN_CONFIRMATION}"` }),
  })
  .meta({ id: 'KillSwitch' })

export const resetBody = z
  .strictObject({
    ...target,
    reason,
    password: z.string().min(1).max(256).meta({ description: 'Your own, once more' }),
    baseVersion: z.int().min(0).optional().meta({ description: 'Refused when the record has changed since' }),
  })
  .meta({ id: 'SafetyReset' })

const changed = z
  .object({
    changed: z.boolean().meta({ description: 'false: it was as strict already' }),
    record: safetyRecordSchema,
    closing: z.int().meta({ description: 'Open deals that were told to close' }),
  })
  .meta({ id: 'SafetyChanged' })

export const safetyHistorySchema = z
  .object({
    id: z.string(),
    at: instant,
    scope: safetyScopeSchema,
    scopeId: z.string().nullable(),
    name: z.string(),
    before: safetyLevelSchema.nullable(),
    level: safetyLevelSchema,
    reason: z.string(),
    actor: actorSchema,
  })
  .meta({ id: 'SafetyHistory' })
export type SafetyHistoryView = z.output<typeof safetyHistorySchema>

export const safetyRoutes = {
  getSafety: route({
    method: 'GET',
    path: '/safety',
    tag: 'Safety',
    summary: 'What is allowed now, by scope and with its reason; limits and disk',
    access: 'bots:read',
    responses: { 200: safetyResponse },
  }),
  safetyHistory: route({
    method: 'GET',
    path: '/safety/history',
    tag: 'Safety',
    summary: 'Every change of the safety record, newest first',
    access: 'bots:read',
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      cursor: z.string().max(500).optional().meta({ description: 'nextCursor of the page before' }),
    }),
    responses: { 200: listOf(safetyHistorySchema) },
  }),
  killSwitch: route({
    method: 'POST',
    path: '/safety/kill-switch',
    aliases: ['/safety/panic'],
    tag: 'Safety',
    summary:
      'Stop new exposure at once: entries are refused and entry orders taken back; stops, targets and exits go on. Only makes stricter. A token needs trades:write, for global also admin.',
    access: 'trades:write',
    body: killSwitchBody,
    responses: { 200: changed },
    idempotencyKey: 'optional',
  }),
  resetSafety: route({
    method: 'POST',
    path: '/safety/reset',
    tag: 'Safety',
    summary:
      'Allow trading again, with a reason and the password once more: from a signed-in browser, never by token. There is no second factor (TOTP) in this version yet; the password is the whole step-up.',
    access: 'session',
    body: resetBody,
    responses: { 200: changed },
  }),
  setSafetyLimits: route({
    method: 'PUT',
    path: '/safety',
    tag: 'Safety',
    summary:
      "Replace the limits that trip the safety record by themselves. A limit inside of a bot's own refuses that bot's next start (SAFETY_LIMIT_TIGHTER).",
    access: 'bots:write',
    body: z.strictObject({ limits: safetyLimitsSchema, baseVersion: z.int().min(0).optional() }).meta({ id: 'SetSafetyLimits' }),
    responses: { 200: z.object({ limits: safetyLimitsSchema, version: z.int() }).meta({ id: 'SafetyLimitsStored' }) },
  }),
  systemStatus: route({
    method: 'GET',
    path: '/system/status',
    tag: 'System',
    summary: 'Version, database, disk, and what the safety record allows',
    access: 'signed_in',
    responses: {
      200: z
        .object({
          version: z.string(),
          uptimeSec: z.number(),
          database: z.enum(['ready', 'away']),
          disk: diskSchema.nullable(),
          safety: z.object({ level: safetyLevelSchema, reason: z.string() }),
        })
        .meta({ id: 'SystemStatus' }),
    },
  }),
} as const
