// `evenkeel verify`: looks and never writes. Every part runs in one transaction that is rolled back, and names each failure.

import type { Database, Transaction } from './database.ts'
import { StorageError, sqlState } from './errors.ts'
import { probeIsolation } from './isolation-probe.ts'
import { rolledBack } from './rolled-back.ts'
import { FACT_CHECKS, NAMED_OFFENDERS, recomputeJournals } from './verify-facts.ts'
import { compareColumns, compareSchema, compareTables } from './verify-schema.ts'

export const VERIFY_PARTS = ['tables', 'schema', 'columns', 'users', 'full'] as const
export type VerifyPart = (typeof VERIFY_PARTS)[number]

export interface VerifyCheck {
  readonly name: string
  readonly status: 'ok' | 'failed' | 'skipped' | 'info'
  /** Failures one by one, or what an `info` has to say. */
  readonly details: readonly string[]
}

export interface VerifyReport {
  readonly part: VerifyPart
  readonly ok: boolean
  readonly checks: readonly VerifyCheck[]
}

function check(name: string, failures: readonly string[]): VerifyCheck {
  return { name, status: failures.length === 0 ? 'ok' : 'failed', details: failures }
}

async function tables(tx: Transaction, schema: string): Promise<VerifyCheck[]> {
  const connected = await tx.one<{ version: string }>('select version() as version')
  return [
    { name: 'connection', status: 'ok', details: [connected?.version ?? ''] },
    check('every table', await compareTables(tx, schema)),
  ]
}

async function schemaChecks(tx: Transaction, schema: string): Promise<VerifyCheck[]> {
  const keys = await tx.one<{ type: string }>(
    `select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = to_regclass('bots') and attname = 'bot_id'`,
  )
  const compared = await compareSchema(tx, schema)
  return [
    check('bot_id is text', keys?.type === 'text' ? [] : [`bots.bot_id is ${keys?.type ?? 'missing'}`]),
    ...compared.map(part => check(part.name, part.differences)),
  ]
}

async function users(tx: Transaction): Promise<VerifyCheck[]> {
  const { rows } = await tx.query<{ role: string; n: number }>(
    'select role, count(*)::integer as n from users group by role order by role',
  )
  const total = rows.reduce((sum, row) => sum + row.n, 0)
  return [{ name: 'users', status: 'info', details: [`${total} users`, ...rows.map(row => `${row.n} ${row.role}`)] }]
}

async function facts(tx: Transaction): Promise<VerifyCheck[]> {
  const checks: VerifyCheck[] = []
  for (const fact of FACT_CHECKS) {
    const { rows } = await tx.query<{ offender: string }>(
      `select o.* from (${fact.offenders}) as o(offender) limit ${NAMED_OFFENDERS}`,
    )
    checks.push(
      check(
        fact.name,
        rows.map(row => row.offender),
      ),
    )
  }
  checks.push(check('journal hashes, computed anew for the newest entries', await recomputeJournals(tx)))
  return checks
}

/** Bars and decisions of every coin that a running bot trades on a live feed; replay and demo runs bring their own candles. */
async function trackedCoins(tx: Transaction): Promise<VerifyCheck> {
  const row = await tx.one<{ workers: number; live: number }>(
    `select (select count(*)::integer from workers where lease_until > now()) as workers,
       (select count(*)::integer from bot_runs where status = 'running' and mode <> 'backtest'
         and coalesce(meta -> 'feed' ->> 'kind', 'live') not in ('demo', 'replay')) as live`,
  )
  const name = 'each tracked coin has fresh candles and decisions'
  if (!row?.workers) return { name, status: 'skipped', details: ['no worker is running'] }
  if (row.live === 0) return { name, status: 'skipped', details: ['no run is on a live feed'] }
  const { rows } = await tx.query<{ offender: string }>(
    `select format('bot %s: the last decision is of %s', r.bot_id, coalesce(max(d.decided_at)::text, 'never')) as offender
     from bot_runs r left join decisions d on d.run_id = r.run_id
     where r.status = 'running' and r.mode <> 'backtest' and coalesce(r.meta -> 'feed' ->> 'kind', 'live') not in ('demo', 'replay')
     group by r.bot_id having coalesce(max(d.decided_at), '-infinity') < now() - interval '15 minutes'`,
  )
  return check(
    name,
    rows.map(found => found.offender),
  )
}

async function isolation(tx: Transaction): Promise<VerifyCheck> {
  const name = 'save and read of every table; tenants cannot reach each other'
  try {
    const failures = await probeIsolation(tx)
    return check(
      name,
      failures.map(failure => `${failure.table}: ${failure.assertion} (${failure.detail})`),
    )
  } catch (error) {
    return check(name, [(error as Error).message])
  }
}

/**
 * One part of the verification.
 * @throws NOT_PRIVILEGED where the login may not look at all rows.
 */
export async function verify(db: Database, part: VerifyPart): Promise<VerifyReport> {
  const { schema } = db
  let checks: VerifyCheck[]
  try {
    checks = await checksOf(db, part, schema)
  } catch (error) {
    // 22023, 42704: the role does not exist; 3F000, 42P01: schema or table is missing.
    const state = sqlState(error)
    if (state === '42501') {
      throw new StorageError('NOT_PRIVILEGED', 'This login may not act as evenkeel_system, which sees every row', {
        remedy: 'Set DATABASE_DIRECT_URL to the login that owns the schema',
        cause: error,
      })
    }
    if (state !== '22023' && state !== '42704' && state !== '42P01' && state !== '3F000') throw error
    checks = [{ name: 'schema', status: 'failed', details: [`${(error as Error).message}: run evenkeel migrate`] }]
  }
  return { part, ok: checks.every(one => one.status !== 'failed'), checks }
}

async function checksOf(db: Database, part: VerifyPart, schema: string): Promise<VerifyCheck[]> {
  return rolledBack<VerifyCheck[]>(db, async tx => {
    switch (part) {
      case 'tables':
        return tables(tx, schema)
      case 'schema':
        return schemaChecks(tx, schema)
      case 'columns':
        return [check('columns: name, type, null, default', await compareColumns(tx, schema))]
      case 'users':
        return users(tx)
      case 'full': {
        const structure = [
          ...(await tables(tx, schema)),
          ...(await schemaChecks(tx, schema)),
          check('columns: name, type, null, default', await compareColumns(tx, schema)),
        ]
        // Facts and isolation need the tables; on a wrong schema their errors would only hide the cause.
        if (structure.some(one => one.status === 'failed')) {
          return [
            ...structure,
            { name: 'rows and isolation', status: 'skipped' as const, details: ['the schema is wrong: repair it first'] },
          ]
        }
        return [...structure, ...(await users(tx)), ...(await facts(tx)), await trackedCoins(tx), await isolation(tx)]
      }
      default:
        throw new StorageError('NOT_FOUND', `There is no part ${String(part)}`, {
          remedy: `Parts: ${VERIFY_PARTS.join(', ')}`,
          exitCode: 2,
        })
    }
  })
}
