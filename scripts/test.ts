// `npm test`: everything CI runs, in groups, one line each; the last line is `<n> passed, <m> failed`.
//   npm test                                  everything
//   npm test -- --group unit --group postgres only these groups
//   npm test -- src/core/money                only the test files there

import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { TestCase } from './test/cases.ts'
import { checkLint, checkTypes } from './test/checks.ts'
import { findChromium } from './test/chromium.ts'
import { startDatabase, type TestServer } from './test/database.ts'
import { selectFiles, testFiles, UsageError } from './test/files.ts'
import { type FileGroup, fileGroups, type GroupName, groupNames, groupOf } from './test/groups.ts'
import { Stopped, stopEverything } from './test/processes.ts'
import { runFile } from './test/run-file.ts'

/** A developer's own database, data directory or port must never be touched by a test. */
const neverInherited = ['DATABASE_URL', 'SUPABASE_URL', 'EVENKEEL_HOME', 'PORT', 'HOST', 'NODE_TEST_CONTEXT']

const root = resolve(import.meta.dirname, '..')
const results: TestCase[] = []
let database: Promise<TestServer | undefined> | undefined

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<void> {
  const selection = readArguments()
  for (const name of neverInherited) delete process.env[name]
  // Nobody needs 256 MB for each home of a test.
  process.env['EVENKEEL_DISK_RESERVE_MB'] ??= '0'
  process.env['NODE_COMPILE_CACHE'] ??= join(root, '.build', 'compile-cache')
  if (selection.groups.has('types')) await runGroup('types', () => checkTypes(root))
  if (selection.groups.has('lint')) await runGroup('lint', () => checkLint(root))
  for (const group of fileGroups(availableParallelism())) {
    const files = selection.files.filter(file => groupOf(file) === group.name)
    if (!selection.groups.has(group.name) || files.length === 0) continue
    if (group.name === 'unit' && !process.env['EVENKEEL_TEST_DATA']) {
      say('EVENKEEL_TEST_DATA names no folder: tests on real candles are skipped')
    }
    await runGroup(group.name, () => runFiles(group, files))
  }
}

function readArguments(): { groups: Set<GroupName>; files: string[] } {
  const { values, positionals } = parseArgs({ options: { group: { type: 'string', multiple: true } }, allowPositionals: true })
  const named = (values.group ?? []).flatMap(each => each.split(','))
  const unknown = named.filter(each => !(groupNames as readonly string[]).includes(each))
  if (unknown.length > 0) throw new UsageError(`unknown group ${unknown.join(', ')}; there are ${groupNames.join(', ')}`)
  const all = testFiles(root)
  const files = positionals.length > 0 ? selectFiles(all, root, positionals) : all
  const asked = named as GroupName[]
  const groups = asked.length > 0 ? asked : positionals.length > 0 ? files.map(groupOf) : groupNames
  return { groups: new Set<GroupName>(groups), files }
}

async function runGroup(name: GroupName, run: () => Promise<readonly TestCase[]>): Promise<void> {
  const started = performance.now()
  const cases = await run()
  results.push(...cases)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const skipped = count(cases, 'skipped')
  const tally = `${count(cases, 'passed')} passed, ${count(cases, 'failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  say(`${name.padEnd(11)} ${tally.padEnd(40)} ${seconds.padStart(7)} s`)
  for (const each of cases) if (each.outcome.status === 'failed') sayFailure(each, each.outcome.error)
}

function sayFailure(failed: TestCase, error: string): void {
  const place = failed.name === failed.file ? failed.file : `${failed.name} (${failed.file})`
  say(`\nfailed: ${place}`)
  say(error.replace(/^/gm, '  '))
  say('')
}

async function runFiles(group: FileGroup, files: readonly string[]): Promise<TestCase[]> {
  const env: NodeJS.ProcessEnv = { ...process.env }
  if (group.needsDatabase) {
    try {
      database ??= startDatabase(root)
      const server = await database
      if (server) env['EVENKEEL_TEST_PG'] = server.url
    } catch (error) {
      const text = `the test database did not start: ${error instanceof Error ? error.stack : String(error)}`
      return [
        { name: `database of ${group.name}`, file: 'src/storage/testing-server.ts', outcome: { status: 'failed', error: text } },
      ]
    }
  }
  if (group.name === 'browser') {
    const browser = await findChromium(say)
    if ('reason' in browser) {
      return files.map(file => ({ name: file, file, outcome: { status: 'skipped', reason: browser.reason } }))
    }
    env['EVENKEEL_CHROMIUM'] = browser.path
  }
  const perFile: (readonly TestCase[])[] = files.map(() => [])
  let next = 0
  const lane = async () => {
    for (let index = next++; index < files.length; index = next++) {
      const file = files[index]!
      const { cases, leftBehind } = await runFile(file, { root, env, timeoutSec: group.fileTimeoutSec })
      perFile[index] = cases
      for (const command of leftBehind) say(`ended a process that ${file} left behind: ${command.slice(0, 120)}`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(group.parallel, files.length) }, lane))
  return perFile.flat()
}

function count(cases: readonly TestCase[], status: TestCase['outcome']['status']): number {
  return cases.filter(each => each.outcome.status === status).length
}

function sayTrouble(error: unknown): void {
  results.push({ name: 'npm test', file: 'scripts/test.ts', outcome: { status: 'failed', error: String(error) } })
  const isUsage =
    error instanceof UsageError || (error instanceof TypeError && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS'))
  if (isUsage) say(error.message)
  else say(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

/** Everything that was started ends here, however the run ends. */
async function cleanUp(): Promise<void> {
  await stopEverything()
  const server = database
  database = undefined
  // It may still be starting, or have failed to: the failure is reported where it was asked for.
  await (await server?.catch(() => undefined))?.stop()
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    cleanUp().finally(() => process.exit(code))
  })
}

try {
  await main()
} catch (error) {
  // Stopped by a signal: its handler is about to leave.
  if (!(error instanceof Stopped)) sayTrouble(error)
} finally {
  await cleanUp()
}
for (const { name, outcome } of results) if (outcome.status === 'skipped') say(`skipped: ${name}: ${outcome.reason}`)
const failed = count(results, 'failed')
const passed = count(results, 'passed')
if (passed + failed === 0) say('no test was run')
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
say(`${passed} passed, ${failed} failed`)
