// The long form of the kill test: 100 kills of the platform and 40 of its Postgres within one run each, at other moments every time.
//   npm run soak:kill -- [seed]

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const seed = process.argv[2] ?? String(Date.now() % 1_000_000)
console.log(`seed ${seed}: repeat with npm run soak:kill -- ${seed}`)
const child = spawn(
  process.execPath,
  ['--test', '--test-reporter=spec', '--test-timeout=1800000', resolve(ROOT, 'tests/kill/kill-nine.test.ts')],
  {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, EVENKEEL_KILLS: process.env['EVENKEEL_KILLS'] ?? '100', EVENKEEL_KILL_SEED: seed },
  },
)
child.once('exit', code => {
  process.exitCode = code ?? 1
})
