// npm run soak:fuzz -- [--seeds N] [--first N] [--seed N --path P] [--restart]: the fuzz test for as long as wanted.

import { parseArgs } from 'node:util'
import { checkCase, checkRestart, fuzzSeed, PATHS } from './fuzz-run.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    path: { type: 'string' },
    restart: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
})
const first = Number(values.seed ?? values.first)
const last = values.seed ? first : first + Number(values.seeds) - 1
const paths = PATHS.filter(path => values.path === undefined || values.path === path)
const startedAtMs = performance.now()
let failed = 0
for (let seed = first; seed <= last; seed += 1) {
  for (const path of paths) {
    try {
      fuzzSeed(seed, path, values.restart ? checkRestart : checkCase)
    } catch (error) {
      failed += 1
      console.error(error instanceof Error ? error.message : error)
      if (!values['keep-going']) process.exit(1)
    }
  }
  if (seed % 500 === 0)
    console.log(`${seed - first + 1} seeds, ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s, ${failed} failed`)
}
console.log(
  `${last - first + 1} seeds x ${paths.length} paths, ${failed} failed, ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`,
)
process.exitCode = failed > 0 ? 1 : 0
