// What the history of the safety record answers: own changes with those of the whole instance, newest first.

import type { SafetyScope } from '../core/risk/safety.ts'
import { type Transaction, tenantOf } from './database.ts'

export interface SafetyHistoryRow {
  readonly id: string
  readonly scope: SafetyScope
  readonly scopeId: string | null
  readonly state: string
  readonly before: string | null
  readonly reason: string | null
  readonly actor: string
  readonly at: string
}

/** @param before only rows with a lower id, for the next page. */
export async function listSafetyHistory(tx: Transaction, limit: number, before: number | null): Promise<SafetyHistoryRow[]> {
  const { rows } = await tx.query<SafetyHistoryRow>(
    `select id::text as id, coalesce(details ->> 'scope', 'tenant') as scope, details ->> 'scopeId' as "scopeId", state,
       details ->> 'before' as before, reason, actor, created_at as at
     from (
       select id, state, reason, actor, details, created_at from safety_history where user_id = $1
       union all
       select id, state, reason, actor, details, created_at from ek.global_safety_history(10000)
     ) h
     where $2::bigint is null or id < $2 order by h.id desc limit $3`,
    [tenantOf(tx), before, limit],
  )
  return rows
}

/** Names of the tenant's bots, for records of them. */
export async function botNames(tx: Transaction): Promise<ReadonlyMap<string, string>> {
  const { rows } = await tx.query<{ bot_id: string; name: string }>('select bot_id, name from bots')
  return new Map(rows.map(row => [row.bot_id, row.name]))
}
