// The crash lab on a real PostgreSQL: few stories, each with the store that the product uses.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openDeepStory } from '../../src/crash-lab/deep-backend.ts'
import { runStory, storyOf } from '../../src/crash-lab/run-story.ts'
import { verifyLedger } from '../../src/storage/ledger-verify.ts'
import { openTestDatabase, type TestDatabase } from '../../src/storage/testing.ts'

let database: TestDatabase

before(async () => {
  database = await openTestDatabase()
})

after(async () => {
  await database?.close()
})

for (const [seed, scenario] of [
  [1, 'mixed'],
  [2, 'restart_storm'],
  [3, 'two_workers'],
  [4, 'fault:db_false_error'],
] as const) {
  test(`seed ${seed}, ${scenario}`, async () => {
    const deep = await openDeepStory(database.db, storyOf({ seed, scenario }))
    const { broken, fills } = await runStory(deep.story, null, deep.backend)
    assert.equal(broken, null, `invariant ${broken?.invariant}: ${broken?.message}`)
    assert.ok(fills > 0)
  })
}

test('fills and transfers that the stories left give every row that follows from them', async () => {
  const { differences } = await verifyLedger(database.db)
  assert.deepEqual(differences, [])
})
