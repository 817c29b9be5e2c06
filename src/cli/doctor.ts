// evenkeel doctor: what is wrong with this installation, each trouble with its remedy.

import { homeOf } from '../app/config.ts'
import { openDatabase, resolveDatabaseUrl } from '../storage/database.ts'
import { type DoctorReport, doctor, doctorWithoutDatabase } from '../storage/doctor.ts'
import { requireData } from './database.ts'
import { EXIT, type Verb } from './verb.ts'

export function doctorLines(report: DoctorReport): string[] {
  return [
    ...report.checks.flatMap(check => [
      `${check.status.padEnd(9)}${check.name.padEnd(10)}${check.finding}`,
      ...(check.remedy ? [`         ${' '.repeat(10)}-> ${check.remedy}`] : []),
    ]),
    report.ok ? 'doctor: no trouble' : `doctor: ${report.checks.filter(check => check.status === 'failed').length} troubles`,
  ]
}

export const verb: Verb = {
  name: 'doctor',
  summary: 'look for trouble with database, schema, disk, clock, secrets and workers',
  usage: '',
  options: {},
  async run(context) {
    const env = { ...context.env }
    const home = homeOf(env)
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    let report: DoctorReport
    try {
      const databaseUrl = await resolveDatabaseUrl(() => env)
      requireData(home, databaseUrl)
      const database = await openDatabase({ home, databaseUrl, role: 'cli', log, migrations: 'ignore', poolSize: 2 })
      try {
        report = await doctor(database)
      } finally {
        await database.close()
      }
    } catch (error) {
      report = doctorWithoutDatabase(home, error)
    }
    context.out.result(report, () => doctorLines(report))
    return report.ok ? EXIT.ok : EXIT.failed
  },
}
