// The safety record: one row per scope that says how freely the platform may act there. Its content carries a checksum; whatever
// cannot be trusted - an altered row, an unknown word, a row that was there and is gone - rules as halted.

import { canonicalJson } from '../hash/canonical-json.ts'
import { sha256Hex } from '../hash/sha256.ts'
import { SAFETY_LEVELS, type SafetyLevel, type SafetyScope } from './safety.ts'

/** What the checksum covers. Money is minimal decimal text. */
export interface SafetyContent {
  readonly scope: SafetyScope
  /** User, connection or bot; null for the whole instance. */
  readonly scopeId: string | null
  /** Null for the whole instance. */
  readonly userId: string | null
  readonly state: SafetyLevel
  readonly reason: string | null
  /** Who set it: `user:<id>`, `token:<id>`, `cli:<name>`, `trigger:<cause>`. */
  readonly actor: string | null
  readonly peakEquity: string | null
  readonly dayStartEquity: string | null
  readonly dayStartAtMs: number | null
  readonly lossStreak: number
  /** Rises with each change. */
  readonly version: number
}

/** As it lies in storage: the words are what was read, not yet what is believed. */
export interface StoredSafety extends Omit<SafetyContent, 'state'> {
  readonly state: string
  readonly checksum: string
  readonly changedAtMs: number
}

/** What a look at one scope found. */
export interface SafetyReading {
  readonly scope: SafetyScope
  readonly scopeId: string | null
  /** The scope has had a row at some time. */
  readonly hadRow: boolean
  readonly row: StoredSafety | null
}

/** What one scope says, judged. */
export interface ScopeSafety {
  readonly scope: SafetyScope
  readonly scopeId: string | null
  readonly level: SafetyLevel
  /** Why, in words; empty where nothing is restricted. */
  readonly reason: string
  readonly actor: string | null
  /** Why the record is not believed; null for a sound one. */
  readonly problem: 'damaged' | 'missing' | null
  /** The sound record; null where there is none. */
  readonly record: SafetyContent | null
  readonly changedAtMs: number | null
  /** Of the row that lies there, sound or not; 0 where there is none. */
  readonly rowVersion: number
}

/** Hex SHA-256 of the canonical content. */
export function safetyChecksum(content: SafetyContent): string {
  const { scope, scopeId, userId, state, reason, actor, peakEquity, dayStartEquity, dayStartAtMs, lossStreak, version } = content
  return sha256Hex(
    canonicalJson({
      scope,
      scopeId,
      userId,
      state,
      reason,
      actor,
      peakEquity,
      dayStartEquity,
      dayStartAtMs,
      lossStreak,
      version,
    }),
  )
}

function isLevel(text: string): text is SafetyLevel {
  return (SAFETY_LEVELS as readonly string[]).includes(text)
}

/** The content of a row whose checksum holds; null for any other. */
function soundContent(row: StoredSafety): SafetyContent | null {
  const { state, checksum, changedAtMs: _, ...rest } = row
  if (!isLevel(state)) return null
  const content = { ...rest, state }
  try {
    return safetyChecksum(content) === checksum ? content : null
  } catch {
    return null
  }
}

/** What a reading is worth: sound, never written (normal), or not to be believed (halted). */
export function judgeSafety({ scope, scopeId, hadRow, row }: SafetyReading): ScopeSafety {
  const nothing = {
    scope,
    scopeId,
    actor: null,
    record: null,
    changedAtMs: row?.changedAtMs ?? null,
    rowVersion: row?.version ?? 0,
  }
  if (row === null) {
    return hadRow
      ? { ...nothing, level: 'halted', problem: 'missing', reason: `the safety record of ${placeOf(scope)} has disappeared` }
      : { ...nothing, level: 'normal', problem: null, reason: '' }
  }
  const record = soundContent(row)
  if (record === null) {
    return {
      ...nothing,
      level: 'halted',
      problem: 'damaged',
      reason: `the safety record of ${placeOf(scope)} is damaged: its checksum does not fit`,
    }
  }
  const reason = record.state === 'normal' ? '' : (record.reason ?? 'no reason was given')
  return { ...nothing, level: record.state, reason, actor: record.actor, problem: null, record }
}

/** The scope that rules: the strictest; among equals the widest. */
export function rulingSafety(scopes: readonly ScopeSafety[]): ScopeSafety | null {
  let ruling: ScopeSafety | null = null
  for (const each of scopes) {
    if (each.level === 'normal') continue
    if (ruling === null || SAFETY_LEVELS.indexOf(each.level) > SAFETY_LEVELS.indexOf(ruling.level)) ruling = each
  }
  return ruling
}

/** A scope in words. */
export function placeOf(scope: SafetyScope): string {
  switch (scope) {
    case 'global':
      return 'the whole instance'
    case 'tenant':
      return 'all bots of this person'
    case 'account':
      return 'this exchange account'
    case 'bot':
      return 'this bot'
  }
}

export const DAILY_LOSS_ACTOR = 'trigger:daily_loss'
const DAY_MS = 86_400_000

/** The only restriction that ends by itself at UTC midnight: a daily loss that nobody has made stricter since. */
export function endsAtMidnight({ record }: Pick<ScopeSafety, 'record'>): boolean {
  return record?.state === 'reduce_only' && record.actor === DAILY_LOSS_ACTOR
}

/** Whether a daily loss is of another UTC day than `atMs`: what limited that day is over. */
export function isOfAnotherDay(record: Pick<SafetyContent, 'dayStartAtMs'>, atMs: number): boolean {
  return record.dayStartAtMs === null || Math.floor(record.dayStartAtMs / DAY_MS) !== Math.floor(atMs / DAY_MS)
}
