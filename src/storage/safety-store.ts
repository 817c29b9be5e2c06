// The safety record in storage. It is read through one function that also knows of rows that have disappeared, and changed through
// one function: the row, its history and an event of it in the caller's transaction, with a message that wakes the workers.

import { Decimal } from '../core/money/decimal.ts'
import { SAFETY_LEVELS, type SafetyLevel, type SafetyScope } from '../core/risk/safety.ts'
import { type ChosenLimits, readChosenLimits } from '../core/risk/safety-limits.ts'
import {
  judgeSafety,
  placeOf,
  rulingSafety,
  type SafetyContent,
  type ScopeSafety,
  safetyChecksum,
} from '../core/risk/safety-record.ts'
import { appendCommand } from './command-inbox.ts'
import { type Transaction, tenantOf } from './database.ts'
import { isUniqueViolation, StorageError } from './errors.ts'
import { timeOrNull } from './sql-types.ts'

interface ScopeRow {
  readonly scope: SafetyScope
  readonly scope_id: string | null
  readonly had_row: boolean
  readonly user_id: string | null
  /** Null where there is no row. */
  readonly state: string | null
  readonly reason: string | null
  readonly actor: string | null
  readonly peak_equity: string | null
  readonly day_start_equity: string | null
  readonly day_start_at: string | null
  readonly loss_streak: number
  readonly version: number
  readonly checksum: string
  readonly updated_at: string
}

function judged(row: ScopeRow): ScopeSafety {
  const { scope, scope_id: scopeId, had_row: hadRow } = row
  if (row.state === null) return judgeSafety({ scope, scopeId, hadRow, row: null })
  return judgeSafety({
    scope,
    scopeId,
    hadRow,
    row: {
      scope,
      scopeId,
      userId: row.user_id,
      state: row.state,
      reason: row.reason,
      actor: row.actor,
      peakEquity: row.peak_equity,
      dayStartEquity: row.day_start_equity,
      dayStartAtMs: row.day_start_at === null ? null : Date.parse(row.day_start_at),
      lossStreak: row.loss_streak,
      version: Number(row.version),
      checksum: row.checksum,
      changedAtMs: Date.parse(row.updated_at),
    },
  })
}

export interface WantedScopes {
  readonly botId?: string | null
  readonly connectionId?: string | null
  /** Everything the tenant ever had a record of, too. */
  readonly all?: boolean
}

/** The whole instance and the tenant of the transaction, with the bot and the account that are asked for; sound or not. */
export async function readSafetyScopes(tx: Transaction, wanted: WantedScopes = {}): Promise<ScopeSafety[]> {
  const { rows } = await tx.query<ScopeRow>('select * from ek.safety_scopes($1, $2, $3)', [
    wanted.botId ?? null,
    wanted.connectionId ?? null,
    wanted.all === true,
  ])
  // The row of the whole instance is always answered: without it something stands between us and the record.
  if (!rows.some(row => row.scope === 'global')) {
    throw new StorageError('STATE_DAMAGED', 'The safety record of the whole instance could not be read')
  }
  return rows.map(judged).sort((a, b) => ORDER.indexOf(a.scope) - ORDER.indexOf(b.scope))
}

const ORDER: readonly SafetyScope[] = ['global', 'tenant', 'account', 'bot']

export interface RulingSafety {
  readonly level: SafetyLevel
  /** Empty at normal. */
  readonly reason: string
}

/** What rules an exchange account, by the instance, its person and itself. */
export async function accountSafety(tx: Transaction, connectionId: string): Promise<RulingSafety> {
  return ruling(await readSafetyScopes(tx, { connectionId }))
}

/** The strictest of what was read, with whose record it is. */
export function ruling(scopes: readonly ScopeSafety[]): RulingSafety {
  const found = rulingSafety(scopes)
  return found === null
    ? { level: 'normal', reason: '' }
    : { level: found.level, reason: `${found.reason} (${placeOf(found.scope)})` }
}

export interface SafetyTarget {
  readonly scope: SafetyScope
  /** Null for the whole instance. */
  readonly scopeId: string | null
}

export interface SafetyFigures {
  readonly peakEquity: string
  readonly dayStartEquity: string
  readonly dayStartAtMs: number | null
  readonly lossStreak: number
}

export interface SafetyChange {
  readonly state: SafetyLevel
  readonly reason: string
  readonly actor: string
  /** What it knew of the losses that led to it; absent: as they were. */
  readonly figures?: SafetyFigures
  /** Refused when the record has moved on since. */
  readonly baseVersion?: number | undefined
}

/**
 * The one way in which a safety record changes. `decide` is given what is there and answers what shall be, or null to leave it.
 * @returns the scope as it is now, and whether this changed it.
 * @throws VERSION_CONFLICT when another change came first, NOT_FOUND for a bot or account that is not the tenant's.
 */
export async function changeSafety(
  tx: Transaction,
  target: SafetyTarget,
  decide: (current: ScopeSafety) => SafetyChange | null,
): Promise<{ readonly now: ScopeSafety; readonly changed: boolean }> {
  await requireTarget(tx, target)
  const current = await readScope(tx, target)
  const change = decide(current)
  if (change === null) return { now: current, changed: false }
  if (change.baseVersion !== undefined && change.baseVersion !== current.rowVersion) throw conflict(change.baseVersion)
  const content = contentOf(tx, target, current, change)
  const facts = {
    scope: target.scope,
    scopeId: target.scopeId,
    before: current.level,
    version: content.version,
    ...(current.problem === null ? {} : { problem: current.problem }),
  }
  const written =
    target.scope === 'global' ? await writeGlobal(tx, current, content, facts) : await writeOwn(tx, current, content, facts)
  if (!written) throw conflict(current.rowVersion)
  await tellOf(tx, target, content, facts)
  return { now: await readScope(tx, target), changed: true }
}

function conflict(version: number): StorageError {
  return new StorageError('VERSION_CONFLICT', `The safety record has changed since version ${version}`, {
    remedy: 'Look at it again and repeat the change',
  })
}

function contentOf(tx: Transaction, { scope, scopeId }: SafetyTarget, current: ScopeSafety, change: SafetyChange): SafetyContent {
  const { state, reason, actor, figures } = change
  const kept = figures ?? current.record
  const plain = (money: string | null | undefined): string | null => (money == null ? null : Decimal.from(money).toString())
  return {
    scope,
    scopeId,
    userId: scope === 'global' ? null : tenantOf(tx),
    state,
    reason,
    actor,
    peakEquity: scope === 'global' ? null : plain(kept?.peakEquity),
    dayStartEquity: scope === 'global' ? null : plain(kept?.dayStartEquity),
    dayStartAtMs: scope === 'global' ? null : (kept?.dayStartAtMs ?? null),
    lossStreak: scope === 'global' ? 0 : (kept?.lossStreak ?? 0),
    version: current.rowVersion + 1,
  }
}

async function readScope(tx: Transaction, { scope, scopeId }: SafetyTarget): Promise<ScopeSafety> {
  const scopes = await readSafetyScopes(tx, {
    botId: scope === 'bot' ? scopeId : null,
    connectionId: scope === 'account' ? scopeId : null,
  })
  const found = scopes.find(each => each.scope === scope && each.scopeId === scopeId)
  if (!found) throw new StorageError('NOT_FOUND', `There is no ${scope} ${scopeId ?? ''}`)
  return found
}

/** @throws NOT_FOUND */
async function requireTarget(tx: Transaction, { scope, scopeId }: SafetyTarget): Promise<void> {
  if (scope === 'global') return
  const missing = new StorageError('NOT_FOUND', `There is no ${scope} ${scopeId ?? ''}`)
  if (scopeId === null) throw missing
  if (scope === 'tenant') {
    if (scopeId !== tenantOf(tx)) throw missing
    return
  }
  const found = await tx.one(
    scope === 'bot'
      ? 'select 1 from bots where bot_id = $1 and not hidden'
      : 'select 1 from exchange_keys where id::text = $1 and deleted_at is null',
    [scopeId],
  )
  if (!found) throw missing
}

async function writeGlobal(tx: Transaction, current: ScopeSafety, content: SafetyContent, facts: object): Promise<boolean> {
  const row = await tx.one<{ version: number | null }>('select ek.put_global_safety($1, $2, $3, $4, $5, $6, $7) as version', [
    current.rowVersion === 0 ? null : current.rowVersion,
    content.state,
    content.reason,
    content.actor,
    content.version,
    safetyChecksum(content),
    JSON.stringify(facts),
  ])
  return row?.version != null
}

async function writeOwn(tx: Transaction, current: ScopeSafety, content: SafetyContent, facts: object): Promise<boolean> {
  const values = [
    content.scope,
    content.scopeId,
    content.state,
    content.reason,
    content.actor,
    content.peakEquity,
    content.dayStartEquity,
    timeOrNull(content.dayStartAtMs),
    content.lossStreak,
    content.version,
    safetyChecksum(content),
    content.userId,
  ]
  const row = await tx.one<{ id: string }>(
    current.rowVersion === 0
      ? `insert into safety_record (scope, scope_id, state, reason, actor, peak_equity, day_start_equity, day_start_at, loss_streak,
           version, checksum, user_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing returning id`
      : `update safety_record set state = $3, reason = $4, actor = $5, peak_equity = $6, day_start_equity = $7, day_start_at = $8,
           loss_streak = $9, version = $10, checksum = $11
         where scope = $1 and scope_id = $2 and user_id = $12 and version = $10::bigint - 1 returning id`,
    values,
  )
  if (!row) return false
  await tx.query(
    'insert into safety_history (safety_id, state, reason, actor, details, user_id) values ($1, $2, $3, $4, $5, $6)',
    [row.id, content.state, content.reason, content.actor, JSON.stringify(facts), content.userId],
  )
  return true
}

/** The event in the log, and the message that wakes the workers. */
async function tellOf(tx: Transaction, target: SafetyTarget, content: SafetyContent, facts: object): Promise<void> {
  const isReset = content.state === 'normal'
  const message = isReset
    ? `Trading is allowed again for ${placeOf(target.scope)}: ${content.reason}`
    : `${IN_WORDS[content.state]} for ${placeOf(target.scope)}: ${content.reason}`
  const kind = isReset ? 'SAFETY_RESET' : 'SAFETY_CHANGED'
  const severity = isReset ? 'info' : content.state === 'halted' ? 'critical' : 'warning'
  const details = JSON.stringify({ ...facts, state: content.state, actor: content.actor })
  if (target.scope === 'global') {
    await tx.query('select ek.record_event($1, $2, $3, $4, $5::jsonb)', [kind, 'audit', severity, message, details])
  } else {
    await tx.query(
      `insert into system_events (event_type, event_category, severity, bot_id, message, details, user_id)
       values ($1, 'audit', $2, $3, $4, $5, $6)`,
      [kind, severity, target.scope === 'bot' ? target.scopeId : null, message, details, content.userId],
    )
  }
  // Without a bot's id every run looks.
  await tx.query(`select pg_notify('ek_command', $1)`, [
    JSON.stringify({ safety: target.scope, ...(target.scope === 'bot' ? { botId: target.scopeId } : {}) }),
  ])
}

const IN_WORDS: Readonly<Record<SafetyLevel, string>> = {
  normal: 'Normal trading',
  paused: 'Paused',
  reduce_only: 'Close-only',
  halted: 'Halted',
}

/** A change that only makes stricter; what is as strict or stricter stays. A record that cannot be believed is written anew. */
export function tighten(change: SafetyChange): (current: ScopeSafety) => SafetyChange | null {
  return current =>
    current.problem === null && SAFETY_LEVELS.indexOf(current.level) >= SAFETY_LEVELS.indexOf(change.state) ? null : change
}

/** Tells every open deal of the target's runs to close at the market. @returns how many were told. */
export async function closeOpenDeals(tx: Transaction, target: SafetyTarget): Promise<number> {
  const { rows } = await tx.query<{ bot_id: string; mode: 'paper' | 'live'; trade_seq: number }>(
    `select t.bot_id, r.mode, (t.extra_metadata ->> 'tradeSeq')::integer as trade_seq
     from trades t join bot_runs r on r.run_id = t.run_id and r.status = 'running' and r.mode <> 'backtest'
     where t.status = 'open' and t.parent_trade_id is null and t.extra_metadata ? 'tradeSeq'
       and case $1::text when 'bot' then t.bot_id = $2::text when 'account' then r.connection_id::text = $2::text else true end
     order by t.bot_id, trade_seq`,
    [target.scope, target.scopeId],
  )
  for (const row of rows) await appendCommand(tx, row.bot_id, row.mode, { kind: 'close_deal', tradeSeq: row.trade_seq })
  return rows.length
}

const LIMITS_KEY = 'safety_limits'

export interface StoredLimits {
  /** Null when what is stored cannot be read. */
  readonly chosen: ChosenLimits | null
  /** Of the tenant's own setting; 0 before the first. */
  readonly version: number
}

/** The tenant's safety limits over those of the instance. */
export async function readSafetyLimits(tx: Transaction): Promise<StoredLimits> {
  const { rows } = await tx.query<{ value: unknown; version: number; own: boolean }>(
    'select value, version, user_id is not null as own from settings where key = $1 order by user_id nulls first',
    [LIMITS_KEY],
  )
  let chosen: ChosenLimits | null = {}
  for (const row of rows) {
    const read = readChosenLimits(row.value)
    chosen = chosen === null || read === null ? null : { ...chosen, ...read }
  }
  return { chosen, version: rows.find(row => row.own)?.version ?? 0 }
}

/** @throws VERSION_CONFLICT. @returns the new version. */
export async function writeSafetyLimits(tx: Transaction, limits: ChosenLimits, baseVersion: number | undefined): Promise<number> {
  const before = await readSafetyLimits(tx)
  if (baseVersion !== undefined && baseVersion !== before.version) throw limitsConflict(baseVersion)
  try {
    const row = await tx.one<{ version: number }>(
      before.version === 0
        ? 'insert into settings (key, value, user_id) values ($1, $2, $3) returning version'
        : 'update settings set value = $2, version = version + 1 where key = $1 and user_id = $3 and version = $4 returning version',
      [LIMITS_KEY, JSON.stringify(limits), tenantOf(tx), ...(before.version === 0 ? [] : [before.version])],
    )
    if (!row) throw limitsConflict(before.version)
    await tx.query(
      `insert into system_events (event_type, event_category, severity, message, details, user_id)
       values ('SAFETY_LIMITS_CHANGED', 'audit', 'info', 'The safety limits were changed', $1, $2)`,
      [JSON.stringify({ before: before.chosen, after: limits }), tenantOf(tx)],
    )
    await tx.query(`select pg_notify('ek_command', '{"safety":"limits"}')`)
    return row.version
  } catch (error) {
    if (isUniqueViolation(error)) throw limitsConflict(before.version)
    throw error
  }
}

function limitsConflict(version: number): StorageError {
  return new StorageError('VERSION_CONFLICT', `The safety limits have changed since version ${version}`, {
    remedy: 'Look at them again and repeat the change',
  })
}
