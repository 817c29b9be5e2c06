// Measures commits of a run, one after the other and with several runs at once: `node src/storage/run-commit-bench.ts [seconds]`.

import { openRunWriter } from './run-commit-store.ts'
import { openTestDatabase } from './testing.ts'
import { startTestRun, testBatch } from './testing-batches.ts'

const seconds = Number(process.argv[2] ?? 5)
const { db, close } = await openTestDatabase()
try {
  const durable = await db.withApp(tx =>
    tx.one<{ s: string; f: string }>(`select current_setting('synchronous_commit') s, current_setting('fsync') f`),
  )
  process.stdout.write(`synchronous_commit ${durable?.s}, fsync ${durable?.f}\n`)
  for (const runs of [1, 8]) {
    const writers = await Promise.all(Array.from({ length: runs }, async () => openRunWriter(db, await startTestRun(db))))
    let commits = 0
    const began = performance.now()
    await Promise.all(
      writers.map(async writer => {
        for (let n = 1; performance.now() - began < seconds * 1000; n += 1) {
          await writer.commit(testBatch(n))
          commits += 1
        }
      }),
    )
    const elapsed = (performance.now() - began) / 1000
    process.stdout.write(
      `${runs} run(s): ${Math.round(commits / elapsed)} commits/s, ${((elapsed / commits) * runs * 1000).toFixed(2)} ms each\n`,
    )
  }
} finally {
  await close()
}
