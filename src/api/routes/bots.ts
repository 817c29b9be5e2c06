// Bots: made, read, edited as a new version, removed.

import type { FastifyReply } from 'fastify'
import { parseCreateBot, parseReplaceBot } from '../../contract/bot-body.ts'
import { botRoutes, botSchema } from '../../contract/bots.ts'
import { describePlaybook } from '../../core/conditions/sentence.ts'
import type { DcaConfig } from '../../core/dca/config.ts'
import { lockBot, newBotId, deleteBot as removeBot, createBot as storeBot, updateBot } from '../../storage/bots-store.ts'
import type { Transaction } from '../../storage/database.ts'
import { ApiError, notFound, validationError } from '../api-error.ts'
import { conflictsOf, marketOf, requiredCapitalOf } from '../bot-config.ts'
import type { ApiContext, Handler } from '../http.ts'
import { findRow, type ListSpec, listRows, Where } from '../list.ts'

export const BOTS = {
  name: 'bots',
  from: 'bots t',
  item: botSchema,
  order: [
    { sql: 't.created_at', type: 'time' },
    { sql: 't.bot_id', type: 'text' },
  ],
  descending: true,
} satisfies ListSpec<typeof botSchema>

/** @throws NOT_FOUND for another tenant's, an unknown or a removed bot. */
export async function requireBot(tx: Transaction, botId: string) {
  const bot = await findRow(tx, BOTS, new Where().add('t.bot_id = ?', botId).always('t.deleted_at is null and not t.hidden'))
  if (!bot) throw notFound(`bot ${botId}`)
  return bot
}

/** History outlives its bot. @throws NOT_FOUND for another tenant's or an unknown one. */
export async function requireBotOrHistory(tx: Transaction, botId: string): Promise<void> {
  if (!(await tx.one('select 1 from bots where bot_id = $1', [botId]))) throw notFound(`bot ${botId}`)
}

function configIn(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'config' in body ? body.config : undefined
}

function columnsOfConfig(config: DcaConfig) {
  return {
    name: config.name,
    symbol: config.pairs[0] ?? null,
    interval: config.timeframe,
    schemaVersion: config.schemaVersion,
    maxPositionSize: config.risk.maxPositionQuote,
  }
}

async function storeNew(context: ApiContext, userId: string, body: unknown, reply: FastifyReply) {
  const market = await marketOf(context, configIn(body))
  const parsed = parseCreateBot(body, market)
  if (!parsed.ok) throw validationError(parsed.findings)
  const { config, document } = parsed.value
  const required = await requiredCapitalOf(context, config, market)
  const requiredCapital = required?.toString() ?? null
  const { botId, version } = await context.database.withTenant(userId, tx =>
    storeBot(tx, {
      botId: newBotId('dca', context.clock.now()),
      botType: 'dca',
      ...columnsOfConfig(config),
      config: document,
      requiredCapital,
    }),
  )
  reply.header('location', `/api/bots/${botId}`).header('etag', `"${version}"`)
  return { botId, status: 'inactive' as const, version, requiredCapital, conflicts: conflictsOf(config, market, required) }
}

export const createBot: Handler<'createBot'> = async ({ context, principal, body, reply }) =>
  storeNew(context, principal.userId, body, reply)

export const validateBot: Handler<'validateBot'> = async ({ context, body }) => {
  const market = await marketOf(context, configIn(body))
  const parsed = parseCreateBot(body, market)
  if (!parsed.ok) return { ok: false, findings: [...parsed.findings], conflicts: [], requiredCapital: null }
  const { config, document } = parsed.value
  const required = await requiredCapitalOf(context, config, market)
  return {
    ok: true,
    findings: [],
    conflicts: conflictsOf(config, market, required),
    config: document,
    requiredCapital: required?.toString() ?? null,
    sentences: sentencesOf(config),
  }
}

function sentencesOf(config: DcaConfig): Record<string, string> {
  const { entry, averaging, exits } = config
  const playbooks = {
    'entry.playbook': entry.playbook,
    'averaging.rule.playbook': averaging?.rule.type === 'condition' ? averaging.rule.playbook : null,
    'averaging.requirePlaybook': averaging?.requirePlaybook ?? null,
    'exits.closeBy.playbook': exits.closeBy?.playbook ?? null,
  }
  return Object.fromEntries(
    Object.entries(playbooks).flatMap(([path, playbook]) => (playbook ? [[path, describePlaybook(playbook)]] : [])),
  )
}

export const listBots: Handler<'listBots'> = async ({ context, principal, query }) => {
  const where = new Where().always('t.deleted_at is null and not t.hidden').optional('t.status = ?', query.status)
  return context.database.withTenant(principal.userId, tx => listRows(tx, BOTS, query, where), { readOnly: true })
}

export const getBot: Handler<'getBot'> = async ({ context, principal, params, reply }) => {
  const bot = await context.database.withTenant(principal.userId, tx => requireBot(tx, params.id), { readOnly: true })
  reply.header('etag', `"${bot.version}"`)
  return bot
}

/** Of `If-Match: "3"`. @throws BAD_REQUEST for another form, since ignoring it would overwrite. */
function versionOfIfMatch(header: string | undefined): number | null {
  if (header === undefined) return null
  const match = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(header)
  if (!match) throw new ApiError('BAD_REQUEST', `If-Match must be the version in quotes, such as "3"; it is ${header}`)
  return Number(match[1])
}

export const replaceBot: Handler<'replaceBot'> = async ({ context, principal, params, body, raw, reply }) => {
  const { database } = context
  const current = await database.withTenant(principal.userId, tx => requireBot(tx, params.id), { readOnly: true })
  const market = await marketOf(context, configIn(body))
  const parsed = parseReplaceBot(body, market)
  if (!parsed.ok) throw validationError(parsed.findings)
  const { config, document, note } = parsed.value
  const baseVersion = parsed.value.baseVersion ?? versionOfIfMatch(raw.headers['if-match'])
  if (baseVersion === null) {
    throw new ApiError(
      'PRECONDITION_REQUIRED',
      `Name the version this edit was made on, as If-Match or baseVersion; bot ${current.name} is at version ${current.version}`,
    )
  }
  const required = await requiredCapitalOf(context, config, market)
  const bot = await database.withTenant(principal.userId, async tx => {
    await requireEditable(tx, params.id, current.config, config)
    await updateBot(tx, params.id, {
      baseVersion,
      ...columnsOfConfig(config),
      config: document,
      requiredCapital: required?.toString() ?? null,
      note,
    })
    return requireBot(tx, params.id)
  })
  reply.header('etag', `"${bot.version}"`)
  return bot
}

/** What an open deal stands on and no edit may move (dca-bot.md 11). */
const FIXED_WITH_OPEN_DEALS = [
  'exchange',
  'exchangeKeyId',
  'market',
  'direction',
  'leverage',
  'marginMode',
  'profitCurrency',
] as const

async function requireEditable(tx: Transaction, botId: string, before: unknown, after: DcaConfig): Promise<void> {
  await lockBot(tx, botId)
  const former = before as Partial<DcaConfig>
  const moved = FIXED_WITH_OPEN_DEALS.filter(key => former[key] !== undefined && (former[key] ?? null) !== (after[key] ?? null))
  if (moved.length === 0) return
  const open = await tx.one<{ n: number }>(
    `select count(*)::integer as n from trades where bot_id = $1 and status = 'open' and parent_trade_id is null`,
    [botId],
  )
  if (!open?.n) return
  throw new ApiError('BOT_HAS_OPEN_DEALS', `${moved.join(', ')} cannot change while ${open.n} deals are open`, {
    details: moved.map(key => ({
      path: `config.${key}`,
      code: 'OUT_OF_RANGE' as const,
      message: `must stay ${String(former[key])} until the deals are closed`,
    })),
  })
}

export const deleteBot: Handler<'deleteBot'> = async ({ context, principal, params }) => {
  await context.database.withTenant(principal.userId, tx => removeBot(tx, params.id))
  return { botId: params.id, deleted: true }
}

const versionItem = botRoutes.botVersions.responses[200].shape.items.element
const VERSIONS = {
  name: 'versions',
  from: 'bot_versions t',
  item: versionItem,
  order: [{ sql: 't.version', type: 'bigint' }],
  descending: true,
} satisfies ListSpec<typeof versionItem>

export const botVersions: Handler<'botVersions'> = async ({ context, principal, params, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      await requireBotOrHistory(tx, params.id)
      return listRows(tx, VERSIONS, query, new Where().add('t.bot_id = ?', params.id))
    },
    { readOnly: true },
  )

/** A copy with its own id and version 1; nothing of the history comes along. */
export const duplicateBot: Handler<'duplicateBot'> = async ({ context, principal, params, body, reply }) => {
  const source = await context.database.withTenant(principal.userId, tx => requireBot(tx, params.id), { readOnly: true })
  const name = body?.name ?? `${source.name.slice(0, 73)} (copy)`
  return storeNew(context, principal.userId, { config: { ...(source.config as object), name } }, reply)
}
