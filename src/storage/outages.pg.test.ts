// What keeps the database from being written has a name of its own, and what was tried meanwhile goes through afterwards, once.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { commitOf, moveOf, StoryBot } from '../crash-lab/store-story.ts'
import { isOutage } from '../runs/outage.ts'
import { createAccountStore } from './account-store.ts'
import { openRunWriter } from './run-commit-store.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestAccount } from './testing-accounts.ts'
import { startTestRun, testBatch } from './testing-batches.ts'

let database: TestDatabase
let admin: pg.Client

before(async () => {
  database = await openTestDatabase()
  admin = new pg.Client({ connectionString: database.url })
  await admin.connect()
})

after(async () => {
  await admin.end()
  await database.close()
})

/** Until it is called: every row of the journal meets a full disk. */
async function fillDisk(): Promise<() => Promise<void>> {
  await admin.query(`create function test_disk_full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '53100'; end $$`)
  await admin.query('create trigger test_disk_full before insert on journal for each row execute function test_disk_full()')
  return async () => {
    await admin.query('drop trigger test_disk_full on journal')
    await admin.query('drop function test_disk_full')
  }
}

/** Until it is called: new connections may only read, and there are only new ones. */
async function forbidWrites(): Promise<() => Promise<void>> {
  const name = new URL(database.url).pathname.slice(1)
  const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`
  await admin.query(`alter database ${name} set default_transaction_read_only = on`)
  await admin.query(others)
  return async () => {
    await admin.query(`set default_transaction_read_only = off`)
    await admin.query(`alter database ${name} reset default_transaction_read_only`)
    await admin.query(others)
  }
}

for (const [code, begin] of [
  ['DISK_FULL', fillDisk],
  ['DATABASE_READ_ONLY', forbidWrites],
] as const) {
  test(`${code}: nothing is written, and the same commit goes through once it is over`, async () => {
    const { db } = database
    const account = await startTestAccount(db, 1)
    const store = createAccountStore({ database: db, epoch: 1 })
    const bot = new StoryBot(account.botIds[0]!)
    const saved = await store.load(account.assignment, 0)
    assert.equal(saved.bots[0]?.lastSeq, 0)
    const writer = await openRunWriter(db, await startTestRun(db))
    await writer.commit(testBatch(1))
    const commit = commitOf({ bots: [bot.batch()], transfers: [moveOf('deposit', 'free', 'external', '5')] })
    const end = await begin()
    try {
      const named = (error: unknown): boolean => {
        assert.equal((error as { code?: string }).code, code)
        assert.ok(isOutage(error), 'runs wait for its end')
        return true
      }
      for (let attempt = 0; attempt < 3; attempt += 1) {
        // A terminated connection is the first thing that is noticed.
        const waiting = (error: unknown): boolean =>
          attempt === 0 && (error as { code?: string }).code === 'DATABASE_UNAVAILABLE' ? true : named(error)
        await assert.rejects(store.commit(account.assignment, commit), waiting)
        await assert.rejects(writer.commit(testBatch(2)), waiting)
        await untilUp()
      }
    } finally {
      await end()
    }
    const tried = async (work: () => Promise<unknown>): Promise<void> => {
      for (let attempt = 0; ; attempt += 1) {
        try {
          await work()
          return
        } catch (error) {
          if (attempt >= 5 || !isOutage(error)) throw error
          await untilUp()
        }
      }
    }
    await tried(() => store.commit(account.assignment, commit))
    await tried(() => writer.commit(testBatch(2)))
    const after = await store.load(account.assignment, 0)
    assert.equal(after.bots[0]?.lastSeq, 1)
    assert.equal(after.balances.get('USDT')?.toString(), '5')
    assert.equal(writer.tail().seq, 2)
  })
}

async function untilUp(): Promise<void> {
  for (let waited = 0; waited < 5_000; waited += 20) {
    await new Promise(resolve => setTimeout(resolve, 20))
    if (database.db.state() === 'up') return
  }
}
