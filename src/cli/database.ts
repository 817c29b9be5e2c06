// The database of a verb: joins the private server of EVENKEEL_HOME or starts it for the verb's own time, or takes DATABASE_URL.

import { resolve } from 'node:path'
import { type Database, openDatabase, resolveDatabaseUrl } from '../storage/database.ts'
import type { Log } from '../storage/log.ts'
import type { VerbContext } from './verb.ts'

/** EVENKEEL_HOME, by default .evenkeel of the working directory. */
export function homeOf(env: Readonly<Record<string, string | undefined>>): string {
  return resolve(env.EVENKEEL_HOME?.trim() || '.evenkeel')
}

/** Close it at the end of the verb. @throws StorageError with code, remedy and exit code. */
export async function openVerbDatabase(context: VerbContext): Promise<Database> {
  const env = { ...context.env }
  const databaseUrl = await resolveDatabaseUrl(() => env)
  return openDatabase({ home: homeOf(env), databaseUrl, role: 'cli', log: logOf(context), poolSize: 2 })
}

/** Warnings and errors go to stderr, the rest nowhere. */
function logOf(context: VerbContext): Log {
  const tell = (_fields: object, message: string) => context.out.note(message)
  return { debug: () => {}, info: () => {}, warn: tell, error: tell }
}
