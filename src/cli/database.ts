// The database of a verb: joins the private server of EVENKEEL_HOME or starts it for the verb's own time, or takes DATABASE_URL.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { homeOf } from '../app/config.ts'
import { type Database, openDatabase, resolveDatabaseUrl } from '../storage/database.ts'
import type { Log } from '../storage/log.ts'
import { CliError, EXIT, type VerbContext } from './verb.ts'

/** A verb that only looks must not make a database: a mistyped home would seem to be an empty one. @throws NOT_FOUND */
export function requireData(home: string, databaseUrl: string | undefined): void {
  if (databaseUrl !== undefined || existsSync(join(home, 'postgres'))) return
  throw new CliError(
    EXIT.failed,
    'NOT_FOUND',
    `There is no Evenkeel data in ${home}: set EVENKEEL_HOME to the directory that holds it, or begin with evenkeel start`,
  )
}

/**
 * Close it at the end of the verb.
 * @param purpose `write` makes the database where there is none.
 * @throws StorageError with code, remedy and exit code; NOT_FOUND.
 */
export async function openVerbDatabase(context: VerbContext, purpose: 'read' | 'write' = 'read'): Promise<Database> {
  const env = { ...context.env }
  const databaseUrl = await resolveDatabaseUrl(() => env)
  if (purpose === 'read') requireData(homeOf(env), databaseUrl)
  return openDatabase({ home: homeOf(env), databaseUrl, role: 'cli', log: logOf(context), poolSize: 2 })
}

/** Warnings and errors go to stderr, the rest nowhere. */
function logOf(context: VerbContext): Log {
  const tell = (_fields: object, message: string) => context.out.note(message)
  return { debug: () => {}, info: () => {}, warn: tell, error: tell }
}
