// A test file of `npm test` in its long form: at other moments every time, told by a seed that repeats them.

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Runs one test file with a seed from the command line, or a new one; the process ends as the test does.
 * @param verb as in `npm run soak:<verb>`.
 * @param env sets how long it runs, and under which name it finds its seed.
 */
export function runLongForm(verb: string, file: string, env: (seed: string) => Readonly<Record<string, string>>): void {
  const seed = process.argv[2] ?? String(Date.now() % 1_000_000)
  console.log(`seed ${seed}: repeat with npm run soak:${verb} -- ${seed}`)
  const child = spawn(process.execPath, ['--test', '--test-reporter=spec', '--test-timeout=1800000', resolve(ROOT, file)], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env(seed) },
  })
  child.once('exit', code => {
    process.exitCode = code ?? 1
  })
}
