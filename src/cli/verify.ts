// evenkeel verify: compares the database with what it must be, and the facts in it with one another. Looks and never writes.

import { homeOf } from '../app/config.ts'
import { openDatabase, resolveDatabaseUrl } from '../storage/database.ts'
import { VERIFY_PARTS, type VerifyCheck, type VerifyPart, type VerifyReport, verify } from '../storage/verify.ts'
import { requireData } from './database.ts'
import { EXIT, suggestion, textOption, UsageError, type Verb } from './verb.ts'

const MARK: Record<VerifyCheck['status'], string> = { ok: 'ok', failed: 'FAILED', skipped: 'skipped', info: 'info' }

/** One line per check, and one per failure below it. */
export function verifyLines(report: VerifyReport): string[] {
  const lines = report.checks.flatMap(check => {
    const short = check.status === 'ok' ? [] : check.details.map(detail => `    ${detail}`)
    return [`${MARK[check.status].padEnd(8)}${check.name}`, ...short]
  })
  const failed = report.checks.filter(check => check.status === 'failed').length
  return [...lines, report.ok ? `verify ${report.part}: passed` : `verify ${report.part}: ${failed} checks failed`]
}

function partOf(args: readonly string[]): VerifyPart {
  const [name = 'full', ...rest] = args
  if (rest.length > 0) throw new UsageError('part', rest[0], 'give one part')
  const part = VERIFY_PARTS.find(candidate => candidate === name)
  if (!part) throw new UsageError('part', name, `${suggestion(name, VERIFY_PARTS)}one of ${VERIFY_PARTS.join(', ')}`)
  return part
}

export const verb: Verb = {
  name: 'verify',
  summary: 'prove schema, tenant isolation and ledger of the database',
  usage: '[tables|schema|columns|users|full] [--schema NAME]',
  details: 'Everything runs in one transaction that is rolled back. Exit code 5 names each failure.',
  options: { schema: { type: 'string', value: 'NAME', help: 'schema of the tables (public)' } },
  async run(context) {
    const part = partOf(context.args)
    const env = { ...context.env }
    const tell = (_fields: object, message: string): void => context.out.note(message)
    const databaseUrl = env.DATABASE_DIRECT_URL ?? (await resolveDatabaseUrl(() => env))
    requireData(homeOf(env), databaseUrl)
    const database = await openDatabase({
      home: homeOf(env),
      databaseUrl,
      role: 'cli',
      log: { debug: () => {}, info: () => {}, warn: tell, error: tell },
      // A verification does not migrate: what is pending is a finding.
      migrations: 'ignore',
      poolSize: 2,
      schema: textOption(context, 'schema'),
    })
    try {
      const report = await verify(database, part)
      context.out.result(report, () => verifyLines(report))
      return report.ok ? EXIT.ok : EXIT.verification
    } finally {
      await database.close()
    }
  },
}
