import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ParityReporter } from './parity-reporter.ts'
import { QUIET } from './runs.fixture.ts'

/** Deals by run, a clock that passes while somebody sleeps or computes, and what was done at which time. */
function world(deals: Record<string, string[]>) {
  let nowMs = 0
  const done: string[] = []
  const asked: (string | null)[] = []
  const trouble = new Set<string>()
  const sleeps: number[] = []
  const reporter = new ParityReporter<string>({
    deals: {
      async due(runId, atMost) {
        asked.push(runId)
        const all = runId === null ? Object.values(deals).flat() : (deals[runId] ?? [])
        return all.filter(deal => !done.includes(deal)).slice(0, atMost)
      },
      async report(deal) {
        nowMs += 40
        if (trouble.delete(deal)) throw new Error('the database is away')
        done.push(deal)
      },
    },
    log: QUIET,
    monotonic: () => nowMs,
    async sleep(ms, signal) {
      sleeps.push(ms)
      nowMs += ms
      await turn()
      if (signal.aborted) throw signal.reason
    },
  })
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let i = 0; !isSo(); i += 1) {
      assert.ok(i < 10_000, 'it happens')
      await turn()
    }
  }
  return { reporter, done, asked, trouble, sleeps, until, deals }
}

test('what is due at the start is done, one after another, with three times the rest', async () => {
  const names = Array.from({ length: 120 }, (_, i) => `deal ${i}`)
  const { reporter, done, sleeps, until } = world({ a: names })
  reporter.start()
  await until(() => done.length === 120)
  await reporter.stop()
  assert.deepEqual(done, names)
  assert.equal(sleeps.filter(ms => ms === 120).length, 120)
})

test('a run that is noticed is looked at, and what fails is tried again later, without losing the others', async () => {
  const { reporter, done, asked, trouble, sleeps, until, deals } = world({ a: ['a1'] })
  reporter.start()
  await until(() => done.length === 1)
  deals['b'] = ['b1', 'b2']
  trouble.add('b1')
  reporter.notice('b')
  await until(() => done.length === 3)
  await reporter.stop()
  assert.deepEqual(done, ['a1', 'b1', 'b2'])
  assert.ok(asked.includes('b'))
  assert.ok(sleeps.includes(30_000), 'it waits after trouble')
})

test('it stops in the middle of its work', async () => {
  const { reporter, done, until } = world({ a: Array.from({ length: 40 }, (_, i) => `deal ${i}`) })
  reporter.start()
  await until(() => done.length === 3)
  await reporter.stop()
  assert.ok(done.length < 10)
})
