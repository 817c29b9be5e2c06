// The state of the service: whether it answers, whether it can work, and what it offers.

import { buildOpenApi } from '../../contract/openapi.ts'
import { ApiError } from '../api-error.ts'
import type { ApiContext, Handler } from '../http.ts'

export const health: Handler<'health'> = async ({ context }) => ({
  status: 'ok',
  version: context.version,
  uptimeSec: Math.round((context.clock.now() - context.startedAtMs) / 100) / 10,
})

type Check = { ok: boolean; message: string }

async function databaseCheck({ database }: ApiContext): Promise<Check> {
  try {
    await database.withApp(tx => tx.query('select 1'), { readOnly: true })
    return { ok: true, message: 'answers' }
  } catch {
    return { ok: false, message: 'does not answer; it is tried again by itself' }
  }
}

async function schemaCheck({ database }: ApiContext): Promise<Check> {
  try {
    const row = await database.withApp(
      tx => tx.one<{ version: number | null }>('select max(version) as version from ek.applied_migrations()'),
      { readOnly: true },
    )
    return row?.version
      ? { ok: true, message: `version ${row.version}` }
      : { ok: false, message: 'no migration has been applied' }
  } catch {
    return { ok: false, message: 'unknown' }
  }
}

export const ready: Handler<'ready'> = async ({ context }) => {
  const database = await databaseCheck(context)
  const schema = database.ok ? await schemaCheck(context) : { ok: false, message: 'unknown' }
  const { reconciled } = context.readiness()
  const runs = {
    ok: reconciled,
    message: reconciled ? 'running bots have been taken up' : 'running bots are still being taken up',
  }
  const checks = { database, schema, runs }
  const failed = Object.entries(checks).filter(([, check]) => !check.ok)
  if (failed.length > 0) {
    throw new ApiError('NOT_READY', failed.map(([name, check]) => `${name}: ${check.message}`).join('; '), { retryAfterSec: 2 })
  }
  return { ready: true, checks }
}

let kept: { readonly version: string; readonly document: Record<string, unknown> } | null = null

export const openApi: Handler<'openApi'> = async ({ context }) => {
  if (kept?.version !== context.version) kept = { version: context.version, document: buildOpenApi(context.version) }
  return kept.document
}
