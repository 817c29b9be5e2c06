// Proves before anything else that transactions run as a role bound by row level security, whatever login the address carries.

import pg from 'pg'
import { StorageError } from './errors.ts'

export interface RoleProof {
  /** The login may act as other roles, so every transaction sets its role; false for the app's own login. */
  readonly privileged: boolean
  readonly login: string
}

interface RoleRow {
  readonly login: string
  readonly acting: string
  readonly superuser: boolean
  readonly bypasses: boolean
  readonly owns: boolean
  readonly forced: boolean
}

const ASK = `
  select session_user::text as login, current_user::text as acting, r.rolsuper as superuser, r.rolbypassrls as bypasses,
    pg_has_role(current_user, 'evenkeel_owner', 'member') or pg_has_role(current_user, 'evenkeel_system', 'member') as owns,
    coalesce(row_security_active(to_regclass('bots')), false) as forced
  from pg_roles r where r.rolname = current_user`

/** @throws UNSAFE_DB_ROLE (exit code 3) when the acting role could see other tenants' rows. */
export async function proveRole(options: { connection: pg.ClientConfig; schema: string }): Promise<RoleProof> {
  const client = new pg.Client({ ...options.connection, connectionTimeoutMillis: 30_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query('begin')
    await client.query(`select set_config('search_path', $1, true)`, [`"${options.schema}"`])
    const own = (await client.query<RoleRow>(ASK)).rows[0]!
    if (!own.superuser && !own.bypasses && !own.owns && own.forced) return { privileged: false, login: own.login }
    try {
      await client.query('set local role evenkeel_app')
    } catch (cause) {
      throw new StorageError(
        'UNSAFE_DB_ROLE',
        `The login ${own.login} is not bound by row level security and may not act as evenkeel_app`,
        {
          remedy: `Run: grant evenkeel_app to ${pg.escapeIdentifier(own.login)}, or use the login evenkeel_app in DATABASE_URL`,
          exitCode: 3,
          cause,
        },
      )
    }
    const acting = (await client.query<RoleRow>(ASK)).rows[0]!
    const reasons = [
      acting.superuser && 'it is a superuser',
      acting.bypasses && 'it has BYPASSRLS',
      acting.owns && 'it is a member of evenkeel_owner or evenkeel_system',
      !acting.forced && 'row level security does not act on table bots',
    ].filter(reason => reason !== false)
    if (reasons.length > 0) {
      throw new StorageError('UNSAFE_DB_ROLE', `Role evenkeel_app is not safe: ${reasons.join(', ')}`, {
        remedy:
          'Take these rights from evenkeel_app (alter role evenkeel_app nosuperuser nobypassrls), then: evenkeel verify schema',
        exitCode: 3,
      })
    }
    return { privileged: true, login: own.login }
  } finally {
    await client.query('rollback').catch(() => undefined)
    await client.end().catch(() => undefined)
  }
}
