// A database prepared the way Supabase prepares its own: web roles with default grants, a schema auth with users and uid().

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { openDatabase } from './database.ts'
import { SILENT_LOG } from './log.ts'
import { createTestDatabase } from './testing.ts'
import { startTestRun } from './testing-batches.ts'
import { verify } from './verify.ts'

const PREPARE = `
  do $$ begin
    if not exists (select from pg_roles where rolname = 'anon') then create role anon nologin; end if;
    if not exists (select from pg_roles where rolname = 'authenticated') then create role authenticated nologin; end if;
    if not exists (select from pg_roles where rolname = 'service_role') then create role service_role nologin bypassrls; end if;
  end $$;
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
  create schema auth;
  create table auth.users (id uuid primary key, email text);
  create function auth.uid() returns uuid language sql stable as
    $$ select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
         (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
  grant usage on schema auth to anon, authenticated, service_role`

test('a hosted database migrates, isolates and verifies; its own auth.uid() stays', async () => {
  const { url, drop } = await createTestDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(PREPARE)
    const db = await openDatabase({ home: '/tmp', databaseUrl: url, role: 'cli', log: SILENT_LOG, migrations: 'apply' })
    const report = await verify(db, 'full')
    assert.deepEqual(
      report.checks.filter(check => check.status === 'failed'),
      [],
    )
    const { rows } = await client.query(`select pg_get_functiondef('auth.uid'::regproc) ~ 'jwt.claim.sub' as own`)
    assert.deepEqual(rows, [{ own: true }])
    // A person must be one of auth.users.
    await assert.rejects(startTestRun(db), (error: { code?: string }) => error.code === '23503')
    await db.close()
  } finally {
    await client.end()
    await drop()
  }
})
