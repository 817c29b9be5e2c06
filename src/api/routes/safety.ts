// The kill switch and what belongs to it: what is allowed now, who said so, making it stricter at once, and allowing it again with a
// reason and the password.

import { FLATTEN_CONFIRMATION, type SafetyHistoryView, type SafetyRecordView } from '../../contract/safety.ts'
import { SAFETY_LEVELS, type SafetyScope } from '../../core/risk/safety.ts'
import type { ChosenLimits } from '../../core/risk/safety-limits.ts'
import { endsAtMidnight, type ScopeSafety } from '../../core/risk/safety-record.ts'
import type { DiskStatus } from '../../runs/disk-watch.ts'
import type { Transaction } from '../../storage/database.ts'
import { botNames, listSafetyHistory } from '../../storage/safety-queries.ts'
import {
  changeSafety,
  closeOpenDeals,
  readSafetyLimits,
  readSafetyScopes,
  ruling,
  type SafetyTarget,
  tighten,
  writeSafetyLimits,
} from '../../storage/safety-store.ts'
import { ApiError, finding } from '../api-error.ts'
import { requirePassword } from '../auth/sign-in.ts'
import type { Handler, Principal } from '../http.ts'
import { decodeCursor, encodeCursor } from '../page.ts'

const DAY_MS = 86_400_000

interface Naming {
  readonly principal: Principal
  readonly bots: ReadonlyMap<string, string>
}

function nameOf(scope: SafetyScope, scopeId: string | null, { bots }: Naming): string {
  switch (scope) {
    case 'global':
      return 'The whole instance'
    case 'tenant':
      return 'All your bots'
    case 'account':
      return `Exchange account ${scopeId}`
    case 'bot':
      return bots.get(scopeId ?? '') ?? `Bot ${scopeId}`
  }
}

/** Addresses of other people are nobody's business: their role is enough. */
function actorView(actor: string, { principal }: Naming): SafetyHistoryView['actor'] {
  const [kind = '', name = ''] = actor.split(/[:\s]/)
  switch (kind) {
    case 'user':
      return { kind, name: name === principal.userId ? principal.email : 'An owner or admin of this instance' }
    case 'token':
      return { kind, name: 'An API token' }
    case 'cli':
      return { kind, name: `The command line (${name})` }
    case 'trigger':
      return { kind, name }
    default:
      return { kind: 'unknown', name: 'Unknown' }
  }
}

function recordView(safety: ScopeSafety, naming: Naming): SafetyRecordView {
  const { scope, scopeId, level, reason, actor, problem, record, changedAtMs, rowVersion } = safety
  const startMs = record?.dayStartAtMs ?? null
  return {
    scope,
    scopeId,
    name: nameOf(scope, scopeId, naming),
    level,
    reason,
    actor: actor === null ? null : actorView(actor, naming),
    since: changedAtMs === null ? null : new Date(changedAtMs).toISOString(),
    problem,
    version: rowVersion,
    endsAt: endsAtMidnight(safety) && startMs !== null ? new Date(startMs + DAY_MS).toISOString() : null,
    peakEquity: record?.peakEquity ?? null,
    dayStartEquity: record?.dayStartEquity ?? null,
    lossStreak: record?.lossStreak ?? 0,
  }
}

async function namingOf(tx: Transaction, principal: Principal): Promise<Naming> {
  return { principal, bots: await botNames(tx) }
}

function isInstanceAdmin({ role }: Principal): boolean {
  return role === 'owner' || role === 'admin'
}

function mayReset(principal: Principal): SafetyScope[] {
  if (principal.role === 'viewer' || principal.sessionId === null) return []
  return isInstanceAdmin(principal) ? ['global', 'tenant', 'account', 'bot'] : ['tenant', 'account', 'bot']
}

function diskView(status: DiskStatus | null) {
  if (status === null) return null
  const { checkedAtMs, ...rest } = status
  return { ...rest, checkedAt: checkedAtMs === null ? null : new Date(checkedAtMs).toISOString() }
}

export const getSafety: Handler<'getSafety'> = async ({ context, principal }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      const scopes = await readSafetyScopes(tx, { all: true })
      const limits = await readSafetyLimits(tx)
      const naming = await namingOf(tx, principal)
      const forAll = scopes.filter(each => each.scope === 'global' || each.scope === 'tenant')
      const unreadable = limits.chosen === null
      return {
        ...(unreadable
          ? { level: 'halted' as const, reason: 'the safety limits cannot be read: set them again' }
          : ruling(forAll)),
        records: scopes.map(each => recordView(each, naming)),
        limits,
        disk: diskView(context.disk()),
        mayReset: mayReset(principal),
      }
    },
    { readOnly: true },
  )

export const safetyHistory: Handler<'safetyHistory'> = async ({ context, principal, query }) =>
  context.database.withTenant(
    principal.userId,
    async tx => {
      const before = query.cursor === undefined ? null : Number(decodeCursor('safety', query.cursor, 1)[0])
      const rows = await listSafetyHistory(tx, query.limit + 1, before)
      const naming = await namingOf(tx, principal)
      const items = rows.slice(0, query.limit).map(
        (row): SafetyHistoryView => ({
          id: row.id,
          at: row.at,
          scope: row.scope,
          scopeId: row.scopeId,
          name: nameOf(row.scope, row.scopeId, naming),
          before: SAFETY_LEVELS.find(level => level === row.before) ?? null,
          level: SAFETY_LEVELS.find(level => level === row.state) ?? 'halted',
          reason: row.reason ?? '',
          actor: actorView(row.actor, naming),
        }),
      )
      const last = items.at(-1)
      return { items, nextCursor: rows.length > query.limit && last ? encodeCursor('safety', [Number(last.id)]) : null }
    },
    { readOnly: true },
  )

interface Asked {
  readonly scope: SafetyScope
  readonly scopeId?: string | undefined
}

/** @throws VALIDATION_ERROR for a scope that needs an id and has none, or the reverse; FORBIDDEN, SCOPE_MISSING for the instance. */
function targetOf(principal: Principal, { scope, scopeId }: Asked): SafetyTarget {
  if (scope === 'global' || scope === 'tenant') {
    if (scopeId !== undefined) throw finding('scopeId', 'UNKNOWN_KEY', `the scope ${scope} has no id; leave it out`)
    if (scope === 'tenant') return { scope, scopeId: principal.userId }
    if (!isInstanceAdmin(principal)) {
      throw new ApiError('FORBIDDEN', `The role ${principal.role} may not act for the whole instance; use the scope tenant`)
    }
    if (principal.scopes !== null && !principal.scopes.has('admin')) {
      throw new ApiError('SCOPE_MISSING', 'The API token lacks the scope admin, which the whole instance needs')
    }
    return { scope, scopeId: null }
  }
  if (scopeId === undefined) throw finding('scopeId', 'REQUIRED', `say which ${scope}`)
  return { scope, scopeId }
}

function actorOf({ userId, tokenId }: Principal): string {
  return tokenId === null ? `user:${userId}` : `token:${tokenId}`
}

export const killSwitch: Handler<'killSwitch'> = async ({ context, principal, body }) => {
  const target = targetOf(principal, body)
  if (body.flatten && target.scope === 'global') {
    throw finding('flatten', 'OUT_OF_RANGE', 'deals of other people are not sold by the whole instance; use the scope tenant')
  }
  if (body.flatten && body.confirm !== FLATTEN_CONFIRMATION) {
    throw new ApiError('CONFIRMATION_REQUIRED', `Selling every open deal needs "confirm" with exactly "${FLATTEN_CONFIRMATION}"`)
  }
  return context.database.withTenant(principal.userId, async tx => {
    const change = { state: body.level, reason: body.reason, actor: actorOf(principal) }
    const { now, changed } = await changeSafety(tx, target, current => {
      // A command that would loosen is no kill switch: it is refused instead of being done halfway.
      if (current.problem === null && SAFETY_LEVELS.indexOf(current.level) > SAFETY_LEVELS.indexOf(body.level)) {
        throw new ApiError(
          'SAFETY_STATE',
          `It is ${current.level} already (${current.reason}): ${body.level} would be laxer. Reset it first`,
        )
      }
      return tighten(change)(current)
    })
    const closing = body.flatten ? await closeOpenDeals(tx, target) : 0
    return { changed, record: recordView(now, await namingOf(tx, principal)), closing }
  })
}

export const resetSafety: Handler<'resetSafety'> = async ({ context, principal, raw, body }) => {
  if (principal.role === 'viewer') throw new ApiError('FORBIDDEN', 'The role viewer may not do this')
  const target = targetOf(principal, body)
  await requirePassword(context, raw, principal, body.password)
  return context.database.withTenant(principal.userId, async tx => {
    const { now, changed } = await changeSafety(tx, target, current =>
      current.level === 'normal'
        ? null
        : { state: 'normal', reason: body.reason, actor: actorOf(principal), baseVersion: body.baseVersion },
    )
    return { changed, record: recordView(now, await namingOf(tx, principal)), closing: 0 }
  })
}

export const setSafetyLimits: Handler<'setSafetyLimits'> = async ({ context, principal, body }) => {
  const limits: ChosenLimits = Object.fromEntries(Object.entries(body.limits).filter(([, value]) => value !== undefined))
  const version = await context.database.withTenant(principal.userId, tx => writeSafetyLimits(tx, limits, body.baseVersion))
  return { limits: body.limits, version }
}

export const systemStatus: Handler<'systemStatus'> = async ({ context, principal }) => ({
  version: context.version,
  uptimeSec: Math.round((context.clock.now() - context.startedAtMs) / 100) / 10,
  database: context.database.state() === 'up' ? 'ready' : 'away',
  disk: diskView(context.disk()),
  safety: ruling(await context.database.withTenant(principal.userId, tx => readSafetyScopes(tx), { readOnly: true })),
})
