// `npm run soak:crash-lab`: thousands of stories of the crash lab, going on after a failure; what broke is listed at the end, alike ones
// together. Exit code 1 where any did.

import { parseArgs } from 'node:util'
import { spreadSeeds } from '../../src/crash-lab/spread-seeds.ts'
import { isScenario, type StoryRequest } from '../../src/crash-lab/story.ts'

const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '10000' },
    scenario: { type: 'string' },
    threads: { type: 'string' },
  },
})
const { scenario } = values
if (scenario !== undefined && !isScenario(scenario))
  throw new Error(`--scenario ${scenario} is none: see evenkeel crash-lab --help`)
const first = Number(values.first)
const seeds = Number(values.seeds)
const startedMs = performance.now()
const seconds = (): string => ((performance.now() - startedMs) / 1000).toFixed(0)

const requests: StoryRequest[] = Array.from({ length: seeds }, (_, i) => ({ seed: first + i, ...(scenario ? { scenario } : {}) }))
const { tally } = await spreadSeeds(
  requests.map(request => ({ request, killPoint: null })),
  {
    ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
    signal: new AbortController().signal,
    monotonicMs: () => performance.now(),
    stopsAtBreak: false,
    onProgress: done => {
      if (done % 500 === 0) console.log(`${done} of ${seeds} stories, ${seconds()} s`)
    },
  },
)
const alike = new Map<string, string[]>()
for (const { invariant, message, seed, scenario: kind } of tally.broken.toSorted((a, b) => a.seed - b.seed)) {
  const key = `${invariant} ${message
    .split('\n')[0]!
    .replace(/\d[\d.]*/g, '#')
    .slice(0, 160)}`
  alike.set(key, [...(alike.get(key) ?? []), `${seed} (${kind})`])
}
for (const [key, found] of [...alike].sort(([, a], [, b]) => b.length - a.length))
  console.log(`${found.length} x ${key}\n    seeds ${found.slice(0, 12).join(', ')}`)
console.log(
  `${tally.stories} stories, ${tally.broken.length} broken, ${tally.fills} executions, ${tally.kills} killed workers, ${seconds()} s`,
)
process.exitCode = tally.broken.length > 0 ? 1 : 0
