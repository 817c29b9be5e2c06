// A laboratory that finds nothing must be able to find something: each planted bug is caught, in the scenario where it shows soonest,
// within a few seeds, while the code without it tells the same stories to their end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MUTATIONS } from '../../src/crash-lab/mutations.ts'
import { runStory, shrink, storyOf } from '../../src/crash-lab/run-story.ts'

/** The acceptance is a thousand; each of them needs far fewer. */
const MOST_SEEDS = 25

for (const mutation of MUTATIONS) {
  test(`found: ${mutation.about}`, async t => {
    for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
      const story = storyOf({ seed, scenario: mutation.scenario })
      const { broken } = await runStory(story, mutation)
      if (!broken) continue
      t.diagnostic(`seed ${seed}, invariant ${broken.invariant}: ${broken.message.slice(0, 160)}`)
      const sound = await runStory(story)
      assert.equal(sound.broken, null, `seed ${seed} breaks without the bug too: ${sound.broken?.message}`)
      return
    }
    assert.fail(`${mutation.name} was not found in ${MOST_SEEDS} seeds of ${mutation.scenario}`)
  })
}

test('a failing story shrinks: what is not needed for the failure is taken away', async () => {
  const mutation = MUTATIONS.find(each => each.name === 'fills-not-unique')!
  for (let seed = 1; ; seed += 1) {
    const story = storyOf({ seed, scenario: 'mixed' })
    const outcome = await runStory(story, mutation)
    if (!outcome.broken || story.faults.length < 3) continue
    const small = await shrink(story, outcome, mutation)
    assert.equal(small.outcome.broken?.invariant, outcome.broken.invariant)
    assert.ok(small.story.faults.length < story.faults.length)
    assert.deepEqual((await runStory(small.story, mutation)).hash, small.outcome.hash)
    return
  }
})
