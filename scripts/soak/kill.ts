// The long form of the kill test: 100 kills of the platform and 40 of its Postgres within one run each, at other moments every time.
//   npm run soak:kill -- [seed]

import { runLongForm } from './long-form.ts'

runLongForm('kill', 'tests/kill/kill-nine.test.ts', seed => ({
  EVENKEEL_KILLS: process.env['EVENKEEL_KILLS'] ?? '100',
  EVENKEEL_KILL_SEED: seed,
}))
