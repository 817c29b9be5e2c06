// The long form of the test of two workers on one database: ten minutes of leases that run out at random.
//   npm run soak:workers -- [seed]

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const seed = process.argv[2] ?? String(Date.now() % 1_000_000)
console.log(`seed ${seed}: repeat with npm run soak:workers -- ${seed}`)
const child = spawn(
  process.execPath,
  ['--test', '--test-reporter=spec', '--test-timeout=1800000', resolve(ROOT, 'tests/kill/two-workers.test.ts')],
  {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, EVENKEEL_WORKERS_SEC: process.env['EVENKEEL_WORKERS_SEC'] ?? '600', EVENKEEL_WORKERS_SEED: seed },
  },
)
child.once('exit', code => {
  process.exitCode = code ?? 1
})
