// People and how they prove to be one. Secrets arrive hashed or encrypted; what must be found before a tenant is known is asked
// of the functions of schema ek.

import { randomUUID } from 'node:crypto'
import type { Database, Transaction } from './database.ts'
import { tenantOf } from './database.ts'
import { isUniqueViolation, StorageError } from './errors.ts'

export type Role = 'owner' | 'admin' | 'trader' | 'viewer'
export type UserStatus = 'active' | 'locked' | 'disabled'

export interface NewUser {
  readonly id?: string
  readonly email: string
  readonly fullName?: string | null
  readonly timezone?: string
  /** owner: only while none exists. */
  readonly role: Role
  readonly passwordHash: string | null
  /** Data key of this person, wrapped by the master key. */
  readonly dataKeyWrapped: string
  readonly kekId: string
}

export interface User {
  readonly id: string
  readonly email: string
  readonly fullName: string | null
  readonly avatarUrl: string | null
  readonly timezone: string
  readonly role: Role
  readonly status: UserStatus
  readonly createdAt: string
}

export async function ownerExists(db: Database): Promise<boolean> {
  const row = await db.withApp(tx => tx.one<{ there: boolean }>('select ek.owner_exists() as there'), { readOnly: true })
  return row?.there ?? false
}

/** @throws CONFLICT when the owner exists already, or the address is taken. */
export async function createUser(db: Database, user: NewUser): Promise<{ id: string }> {
  const id = user.id ?? randomUUID()
  try {
    await db.withTenant(id, async tx => {
      if (user.role === 'owner') {
        // Two sign-ups at once: the second waits and then sees the first.
        await tx.query(`select pg_advisory_xact_lock(hashtextextended('evenkeel owner', 0))`)
        const row = await tx.one<{ there: boolean }>('select ek.owner_exists() as there')
        if (row?.there)
          throw new StorageError('CONFLICT', 'This instance has its owner already', {
            remedy: 'Sign in, or ask the owner for an account',
          })
      }
      await tx.query('insert into users (id, email, full_name, timezone, role) values ($1, $2, $3, $4, $5)', [
        id,
        user.email,
        user.fullName ?? null,
        user.timezone ?? 'UTC',
        user.role,
      ])
      await tx.query(
        `insert into user_credentials (user_id, password_hash, recovery_codes, data_key_wrapped, kek_id) values ($1, $2, '[]', $3, $4)`,
        [id, user.passwordHash, user.dataKeyWrapped, user.kekId],
      )
      await recordAuthEvent(tx, 'SIGNED_UP', `${user.email} signed up as ${user.role}`)
    })
  } catch (error) {
    if (isUniqueViolation(error))
      throw new StorageError('CONFLICT', 'This address has an account already', { remedy: 'Sign in instead', cause: error })
    throw error
  }
  return { id }
}

async function recordAuthEvent(tx: Transaction, type: string, message: string, details: object = {}): Promise<void> {
  await tx.query(
    `insert into system_events (event_type, event_category, message, details, user_id) values ($1, 'auth', $2, $3, $4)`,
    [type, message, JSON.stringify(details), tenantOf(tx)],
  )
}

export interface Login {
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly status: UserStatus
  readonly passwordHash: string | null
  readonly totpSecretEncrypted: string | null
  readonly totpLastStep: number | null
  readonly totpEnabledAt: string | null
}

/** Null for an unknown address: the caller answers as slowly and equally as for a known one. */
export async function findLogin(db: Database, email: string): Promise<Login | null> {
  return db.withApp(
    tx =>
      tx.one<Login>(
        `select user_id as "userId", email, role, status, password_hash as "passwordHash",
           totp_secret_encrypted as "totpSecretEncrypted", totp_last_step as "totpLastStep", totp_enabled_at as "totpEnabledAt"
         from ek.find_login($1)`,
        [email],
      ),
    { readOnly: true },
  )
}

export async function findUser(tx: Transaction): Promise<User | null> {
  return tx.one<User>(
    `select id, email, full_name as "fullName", avatar_url as "avatarUrl", timezone, role, status, created_at as "createdAt"
     from users where id = $1`,
    [tenantOf(tx)],
  )
}

export async function updateProfile(
  tx: Transaction,
  profile: { fullName?: string | null; avatarUrl?: string | null; timezone?: string },
): Promise<User | null> {
  await tx.query(
    `update users set full_name = case when $2 then $3 else full_name end, avatar_url = case when $4 then $5 else avatar_url end,
       timezone = coalesce($6, timezone) where id = $1`,
    [
      tenantOf(tx),
      profile.fullName !== undefined,
      profile.fullName ?? null,
      profile.avatarUrl !== undefined,
      profile.avatarUrl ?? null,
      profile.timezone ?? null,
    ],
  )
  return findUser(tx)
}

/** New password; every other session ends with the old one. */
export async function changePassword(tx: Transaction, passwordHash: string, keepSessionId: string | null): Promise<void> {
  await tx.query('update user_credentials set password_hash = $2 where user_id = $1', [tenantOf(tx), passwordHash])
  await tx.query('update sessions set revoked_at = now() where revoked_at is null and id is distinct from $1::uuid', [
    keepSessionId,
  ])
  await recordAuthEvent(tx, 'PASSWORD_CHANGED', 'The password was changed; other sessions were ended')
}

export interface NewSession {
  /** SHA-256 of the secret, hex. */
  readonly tokenHash: string
  readonly ip: string | null
  readonly userAgent: string | null
  readonly idleExpiresAt: string
  readonly expiresAt: string
}

export async function createSession(tx: Transaction, session: NewSession): Promise<{ sessionId: string }> {
  const row = await tx.one<{ id: string }>(
    `insert into sessions (token_hash, ip, user_agent, idle_expires_at, expires_at, user_id) values ($1, $2, $3, $4, $5, $6)
     returning id`,
    [session.tokenHash, session.ip, session.userAgent, session.idleExpiresAt, session.expiresAt, tenantOf(tx)],
  )
  await recordAuthEvent(tx, 'SIGNED_IN', 'A session was opened', { ip: session.ip })
  return { sessionId: row!.id }
}

export interface SessionPrincipal {
  readonly sessionId: string
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly status: UserStatus
  readonly stepUpAt: string | null
  readonly idleExpiresAt: string
  readonly expiresAt: string
}

/** The session of a secret's hash while it is neither revoked nor expired. */
export async function findSession(db: Database, tokenHash: string): Promise<SessionPrincipal | null> {
  return db.withApp(
    async tx => {
      const rows = await tx.named<SessionPrincipal>(
        'ek_find_session',
        `select session_id as "sessionId", user_id as "userId", email, role, status, step_up_at as "stepUpAt",
           idle_expires_at as "idleExpiresAt", expires_at as "expiresAt" from ek.find_session($1)`,
        [tokenHash],
      )
      return rows[0] ?? null
    },
    { readOnly: true },
  )
}

export async function touchSession(tx: Transaction, sessionId: string, idleExpiresAt: string): Promise<void> {
  await tx.query('update sessions set idle_expires_at = $2 where id = $1 and revoked_at is null', [sessionId, idleExpiresAt])
}

/** Marks the step-up and changes the secret with it. */
export async function stepUpSession(tx: Transaction, sessionId: string, newTokenHash: string): Promise<void> {
  await tx.query('update sessions set step_up_at = now(), token_hash = $2 where id = $1 and revoked_at is null', [
    sessionId,
    newTokenHash,
  ])
}

export interface SessionRow {
  readonly id: string
  readonly ip: string | null
  readonly userAgent: string | null
  readonly createdAt: string
  readonly idleExpiresAt: string
  readonly expiresAt: string
}

export async function listSessions(tx: Transaction): Promise<SessionRow[]> {
  const { rows } = await tx.query<SessionRow>(
    `select id, ip, user_agent as "userAgent", created_at as "createdAt", idle_expires_at as "idleExpiresAt",
       expires_at as "expiresAt"
     from sessions where revoked_at is null and expires_at > now() and idle_expires_at > now() order by created_at desc`,
  )
  return rows
}

/** One session, or all of the person. @returns how many were open. */
export async function revokeSessions(tx: Transaction, sessionId?: string): Promise<number> {
  const { rowCount } = await tx.query(
    'update sessions set revoked_at = now() where revoked_at is null and id = coalesce($1::uuid, id)',
    [sessionId ?? null],
  )
  return rowCount
}

export interface NewToken {
  readonly name: string
  /** Shown in lists: `ek_<prefix>`. */
  readonly prefix: string
  readonly tokenHash: string
  readonly scopes: readonly string[]
  readonly cidrs: readonly string[]
  readonly expiresAt: string
}

export async function createToken(tx: Transaction, token: NewToken): Promise<{ tokenId: string }> {
  const row = await tx.one<{ id: string }>(
    `insert into api_tokens (name, prefix, token_hash, scopes, cidrs, expires_at, user_id) values ($1, $2, $3, $4, $5, $6, $7)
     returning id`,
    [
      token.name,
      token.prefix,
      token.tokenHash,
      JSON.stringify(token.scopes),
      JSON.stringify(token.cidrs),
      token.expiresAt,
      tenantOf(tx),
    ],
  )
  await recordAuthEvent(tx, 'TOKEN_CREATED', `Token ${token.name} was created`, { prefix: token.prefix, scopes: token.scopes })
  return { tokenId: row!.id }
}

export interface TokenPrincipal {
  readonly tokenId: string
  readonly userId: string
  readonly email: string
  readonly role: Role
  readonly status: UserStatus
  readonly scopes: readonly string[]
  readonly cidrs: readonly string[]
  readonly expiresAt: string
}

export async function findToken(db: Database, tokenHash: string): Promise<TokenPrincipal | null> {
  return db.withApp(
    async tx => {
      const rows = await tx.named<TokenPrincipal>(
        'ek_find_token',
        `select token_id as "tokenId", user_id as "userId", email, role, status, scopes, cidrs, expires_at as "expiresAt"
         from ek.find_token($1)`,
        [tokenHash],
      )
      return rows[0] ?? null
    },
    { readOnly: true },
  )
}

export interface TokenRow {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly string[]
  readonly cidrs: readonly string[]
  readonly createdAt: string
  readonly expiresAt: string
  readonly lastUsedAt: string | null
}

export async function listTokens(tx: Transaction): Promise<TokenRow[]> {
  const { rows } = await tx.query<TokenRow>(
    `select id, name, prefix, scopes, cidrs, created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt"
     from api_tokens where revoked_at is null order by created_at desc`,
  )
  return rows
}

/** At most once a minute is enough for `lastUsedAt`. */
export async function touchToken(tx: Transaction, tokenId: string): Promise<void> {
  await tx.query(
    `update api_tokens set last_used_at = now()
     where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
    [tokenId],
  )
}

/** @returns false when there is no such token of this person. */
export async function revokeToken(tx: Transaction, tokenId: string): Promise<boolean> {
  const row = await tx.one<{ name: string; prefix: string }>(
    'update api_tokens set revoked_at = now() where id = $1 and revoked_at is null returning name, prefix',
    [tokenId],
  )
  if (row) await recordAuthEvent(tx, 'TOKEN_REVOKED', `Token ${row.name} was revoked`, { prefix: row.prefix })
  return row !== null
}

export async function recordAuthAttempt(db: Database, emailHash: string, ip: string, success: boolean): Promise<void> {
  await db.withApp(tx => tx.query('select ek.record_auth_attempt($1, $2, $3)', [emailHash, ip, success]))
}

export interface AuthFailures {
  readonly byEmail: number
  readonly byIp: number
  readonly lastByEmail: string | null
}

/** Failures since a moment (ISO); those of an address only since its last success. */
export async function authFailures(db: Database, emailHash: string, ip: string, since: string): Promise<AuthFailures> {
  const row = await db.withApp(
    tx =>
      tx.one<AuthFailures>(
        `select by_email as "byEmail", by_ip as "byIp", last_by_email as "lastByEmail" from ek.auth_failures($1, $2, $3)`,
        [emailHash, ip, since],
      ),
    { readOnly: true },
  )
  return row ?? { byEmail: 0, byIp: 0, lastByEmail: null }
}

/** Wrapped data key of the person, for encrypting their secrets. */
export async function findDataKey(tx: Transaction): Promise<{ dataKeyWrapped: string; kekId: string } | null> {
  return tx.one(`select data_key_wrapped as "dataKeyWrapped", kek_id as "kekId" from user_credentials where user_id = $1`, [
    tenantOf(tx),
  ])
}
