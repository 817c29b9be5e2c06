// evenkeel migrate: brings the schema of the database up to this version. The private server migrates by itself at start; a database
// reached by DATABASE_URL is migrated only here.

import { homeOf } from '../app/config.ts'
import { openDatabase, resolveDatabaseUrl } from '../storage/database.ts'
import { EXIT, textOption, type Verb } from './verb.ts'

export const verb: Verb = {
  name: 'migrate',
  summary: 'bring the database schema up to this version',
  usage: '[--schema NAME]',
  details: 'A database that holds data is backed up before, and the backup is read back. Any error leaves the schema as it was.',
  options: { schema: { type: 'string', value: 'NAME', help: 'schema of the tables (public)' } },
  async run(context) {
    const env = { ...context.env }
    const databaseUrl = await resolveDatabaseUrl(() => env)
    const note = (_fields: object, message: string): void => context.out.note(message)
    const database = await openDatabase({
      home: homeOf(env),
      databaseUrl,
      directUrl: env['DATABASE_DIRECT_URL'],
      role: 'cli',
      log: { debug: () => {}, info: note, warn: note, error: note },
      migrations: 'apply',
      poolSize: 2,
      schema: textOption(context, 'schema'),
    })
    try {
      const report = database.migrationReport
      context.out.result(report, () => [JSON.stringify(report)])
      return EXIT.ok
    } finally {
      await database.close()
    }
  },
}
