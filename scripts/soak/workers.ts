// The long form of the test of two workers on one database: ten minutes of leases that run out at random.
//   npm run soak:workers -- [seed]

import { runLongForm } from './long-form.ts'

runLongForm('workers', 'tests/kill/two-workers.test.ts', seed => ({
  EVENKEEL_WORKERS_SEC: process.env['EVENKEEL_WORKERS_SEC'] ?? '600',
  EVENKEEL_WORKERS_SEED: seed,
}))
