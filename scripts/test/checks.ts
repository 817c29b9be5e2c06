// The two groups that are not test files: the type check of every project, and lint with format.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestCase } from './cases.ts'
import { runProgram } from './processes.ts'

/** One case per project of the root tsconfig. Projects of one build share a run of the compiler. */
export async function checkTypes(root: string): Promise<TestCase[]> {
  const config = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as { references: { path: string }[] }
  const projects = config.references.map(each => each.path)
  const end = await runTool(root, 'typescript/bin/tsc', ['-b', '--pretty', 'false'], 300)
  const errors = errorsByProject(end.output, projects)
  const cases = projects.map((project): TestCase => {
    const found = errors.get(project)
    const name = `types of ${project}`
    return { name, file: project, outcome: found ? { status: 'failed', error: found.join('\n') } : { status: 'passed' } }
  })
  if (end.code !== 0 && errors.size === 0) {
    const error = end.timedOut
      ? 'the compiler did not end within 300 s'
      : `the compiler ended with code ${end.code}\n${end.output}`
    cases.push({ name: 'types', file: 'tsconfig.json', outcome: { status: 'failed', error } })
  }
  return cases
}

/**
 * Errors of a `tsc -b --pretty false` by the project that holds the file. Test files of the floors belong to `tests`.
 * An error without a known place goes to the first project named in its text, else to all of them.
 */
export function errorsByProject(output: string, projects: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let owners: readonly string[] = []
  for (const line of output.split('\n')) {
    if (line.trim() === '') continue
    const error = /^(?:(.+?)\(\d+,\d+\): )?error TS\d+: /.exec(line)
    if (error) owners = ownersOf(error[1], line, projects)
    // Lines that follow an error explain it.
    for (const owner of owners) found.set(owner, [...(found.get(owner) ?? []), line])
  }
  return found
}

function ownersOf(file: string | undefined, line: string, projects: readonly string[]): readonly string[] {
  if (file !== undefined) {
    const path = file.replaceAll('\\', '/').replace(/^\.\//, '')
    const project = /^(src|web)\/.*\.test\.tsx?$/.test(path) ? 'tests' : projects.find(each => path.startsWith(`${each}/`))
    return project !== undefined && projects.includes(project) ? [project] : projects
  }
  const named = projects.find(each => line.includes(`/${each}/`))
  return named === undefined ? projects : [named]
}

/** Lint, import order and format together are one case. */
export async function checkLint(root: string): Promise<TestCase[]> {
  const end = await runTool(root, '@biomejs/biome/bin/biome', ['check', '--colors=off', '--max-diagnostics=40', '.'], 120)
  const ok = end.code === 0
  return [{ name: 'lint', file: 'biome.json', outcome: ok ? { status: 'passed' } : { status: 'failed', error: end.output } }]
}

function runTool(root: string, script: string, args: readonly string[], timeoutSec: number) {
  const path = join(root, 'node_modules', script)
  return runProgram(process.execPath, [path, ...args], { cwd: root, env: process.env, timeoutSec })
}
