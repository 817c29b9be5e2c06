// Bots: made, edited as a new version, wanted to run or not, and deleted softly. Callers bring the tenant's transaction.

import { createHash, randomBytes } from 'node:crypto'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import { type Transaction, tenantOf } from './database.ts'
import { StorageError } from './errors.ts'

export type BotType = 'dca' | 'scanner' | 'strategy'
export type BotStatus = 'inactive' | 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'error'
export type DesiredState = 'running' | 'paused' | 'stopped'

export interface NewBot {
  /** Made by `newBotId` where absent. */
  readonly botId?: string
  readonly name: string
  readonly botType: BotType
  readonly symbol: string | null
  readonly interval: string
  /** Validated; stored whole. */
  readonly config: unknown
  readonly schemaVersion: number
  readonly requiredCapital?: string | null
  readonly maxPositionSize?: string | null
  readonly riskPerTrade?: string | null
  /** The bot behind an ad-hoc backtest or a study. */
  readonly hidden?: boolean
}

/** `dca_bot_<unix ms>_<random>`. */
export function newBotId(botType: BotType, nowMs: number = Date.now()): string {
  return `${botType}_bot_${nowMs}_${randomBytes(3).toString('hex')}`
}

export function configHash(config: unknown): string {
  return createHash('sha256').update(canonicalJson(config)).digest('hex')
}

/** The bot with version 1. */
export async function createBot(tx: Transaction, bot: NewBot): Promise<{ botId: string; version: number }> {
  const userId = tenantOf(tx)
  const botId = bot.botId ?? newBotId(bot.botType)
  const config = JSON.stringify(bot.config)
  await tx.query(
    `insert into bots (bot_id, name, bot_type, symbol, interval, config, schema_version, paused_by, required_capital,
       max_position_size, risk_per_trade, hidden, user_id)
     values ($1, $2, $3, $4, $5, $6, $7, '[]', $8, $9, $10, $11, $12)`,
    [
      botId,
      bot.name,
      bot.botType,
      bot.symbol,
      bot.interval,
      config,
      bot.schemaVersion,
      bot.requiredCapital ?? null,
      bot.maxPositionSize ?? null,
      bot.riskPerTrade ?? null,
      bot.hidden ?? false,
      userId,
    ],
  )
  await addVersion(tx, botId, 1, bot.config, null)
  await recordBotEvent(tx, botId, 'BOT_CREATED', `Bot ${bot.name} was created`, { version: 1 })
  return { botId, version: 1 }
}

async function addVersion(tx: Transaction, botId: string, version: number, config: unknown, note: string | null): Promise<void> {
  await tx.query(
    'insert into bot_versions (bot_id, version, config, config_hash, note, user_id) values ($1, $2, $3, $4, $5, $6)',
    [botId, version, JSON.stringify(config), configHash(config), note, tenantOf(tx)],
  )
}

/** An audit event of a bot. */
export async function recordBotEvent(
  tx: Transaction,
  botId: string,
  eventType: string,
  message: string,
  details: object = {},
  severity: 'debug' | 'info' | 'warning' | 'error' | 'critical' = 'info',
): Promise<void> {
  await tx.query(
    `insert into system_events (event_type, event_category, severity, bot_id, message, details, user_id)
     values ($1, 'audit', $2, $3, $4, $5, $6)`,
    [eventType, severity, botId, message, JSON.stringify(details), tenantOf(tx)],
  )
}

export interface LockedBot {
  readonly botId: string
  readonly name: string
  readonly botType: BotType
  readonly symbol: string | null
  readonly interval: string
  readonly config: unknown
  readonly version: number
  readonly status: BotStatus
  readonly desiredState: DesiredState
  readonly requiredCapital: string | null
}

/** The bot, locked until the transaction ends. @throws NOT_FOUND for another tenant's, an unknown and a deleted one. */
export async function lockBot(tx: Transaction, botId: string): Promise<LockedBot> {
  const row = await tx.one<LockedBot>(
    `select bot_id as "botId", name, bot_type as "botType", symbol, interval, config, version, status,
       desired_state as "desiredState", required_capital as "requiredCapital"
     from bots where bot_id = $1 and deleted_at is null for update`,
    [botId],
  )
  if (!row) throw new StorageError('NOT_FOUND', `There is no bot ${botId}`)
  return row
}

export interface BotEdit {
  /** The version the edit was made on. */
  readonly baseVersion: number
  readonly config: unknown
  readonly schemaVersion: number
  readonly name?: string
  readonly symbol?: string | null
  readonly interval?: string
  readonly requiredCapital?: string | null
  readonly maxPositionSize?: string | null
  readonly riskPerTrade?: string | null
  readonly note?: string | null
}

/** Stores an edit as the next version. @throws VERSION_CONFLICT when somebody was faster, NOT_FOUND. */
export async function updateBot(tx: Transaction, botId: string, edit: BotEdit): Promise<{ version: number }> {
  const bot = await lockBot(tx, botId)
  if (bot.version !== edit.baseVersion) {
    throw new StorageError(
      'VERSION_CONFLICT',
      `Bot ${botId} is at version ${bot.version}, the edit was made on version ${edit.baseVersion}`,
      {
        remedy: 'Load the bot again and repeat the edit',
      },
    )
  }
  const version = bot.version + 1
  await tx.query(
    `update bots set name = coalesce($2, name), symbol = case when $3 then $4 else symbol end, interval = coalesce($5, interval),
       config = $6, schema_version = $7, version = $8,
       required_capital = case when $9 then $10::numeric else required_capital end,
       max_position_size = case when $11 then $12::numeric else max_position_size end,
       risk_per_trade = case when $13 then $14::numeric else risk_per_trade end
     where bot_id = $1`,
    [
      botId,
      edit.name ?? null,
      edit.symbol !== undefined,
      edit.symbol ?? null,
      edit.interval ?? null,
      JSON.stringify(edit.config),
      edit.schemaVersion,
      version,
      edit.requiredCapital !== undefined,
      edit.requiredCapital ?? null,
      edit.maxPositionSize !== undefined,
      edit.maxPositionSize ?? null,
      edit.riskPerTrade !== undefined,
      edit.riskPerTrade ?? null,
    ],
  )
  await addVersion(tx, botId, version, edit.config, edit.note ?? null)
  await recordBotEvent(tx, botId, 'BOT_EDITED', `Bot ${bot.name} was edited: version ${version}`, { version })
  // Its worker takes the new version up at once instead of at its next look.
  await tx.query(`select pg_notify('ek_command', $1)`, [JSON.stringify({ userId: tenantOf(tx), botId, version })])
  return { version }
}

const ACTIVE: ReadonlySet<BotStatus> = new Set(['starting', 'running', 'paused', 'stopping'])

/** Soft delete: orders, trades, fills, ledger and events stay. @throws BOT_ACTIVE, BOT_HAS_OPEN_DEALS, NOT_FOUND. */
export async function deleteBot(tx: Transaction, botId: string): Promise<void> {
  const bot = await lockBot(tx, botId)
  if (ACTIVE.has(bot.status)) {
    throw new StorageError('BOT_ACTIVE', `Bot ${bot.name} is ${bot.status}`, { remedy: 'Stop it first' })
  }
  const open = await countOpenDeals(tx, botId)
  if (open > 0) {
    throw new StorageError('BOT_HAS_OPEN_DEALS', `Bot ${bot.name} has ${open} open deals`, {
      remedy: 'Close or release them first',
    })
  }
  await tx.query(`update bots set deleted_at = now(), desired_state = 'stopped' where bot_id = $1`, [botId])
  await recordBotEvent(tx, botId, 'BOT_DELETED', `Bot ${bot.name} was deleted; its history is kept`)
}

/** Open deals, of one mode or of all. */
export async function countOpenDeals(tx: Transaction, botId: string, mode?: string): Promise<number> {
  const row = await tx.one<{ n: number }>(
    `select count(*)::integer as n from trades
     where bot_id = $1 and status = 'open' and parent_trade_id is null and trade_type = coalesce($2, trade_type)`,
    [botId, mode ?? null],
  )
  return row?.n ?? 0
}

/** What the API wants of a bot; its worker is woken. */
export async function setDesiredState(tx: Transaction, botId: string, desired: DesiredState): Promise<void> {
  await tx.query('update bots set desired_state = $2 where bot_id = $1', [botId, desired])
  await tx.query(`select pg_notify('ek_command', $1)`, [JSON.stringify({ userId: tenantOf(tx), botId, desired })])
}

/** What the holder of the lease observes. */
export async function setBotStatus(
  tx: Transaction,
  botId: string,
  observed: { status: BotStatus; pausedBy?: readonly string[]; lastError?: string | null },
): Promise<void> {
  await tx.query(
    `update bots set status = $2, paused_by = coalesce($3, paused_by), last_error = case when $4 then $5 else last_error end
     where bot_id = $1`,
    [
      botId,
      observed.status,
      observed.pausedBy ? JSON.stringify(observed.pausedBy) : null,
      observed.lastError !== undefined,
      observed.lastError ?? null,
    ],
  )
}

export async function touchInstance(tx: Transaction, botId: string, restarts?: number): Promise<void> {
  await tx.query('update bot_instances set last_heartbeat = now(), restarts = coalesce($2, restarts) where id = $1', [
    botId,
    restarts ?? null,
  ])
}
