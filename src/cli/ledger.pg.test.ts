// evenkeel ledger against a database: sound books, a difference, and what the other verbs show.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openRunWriter, type RunContext } from '../storage/run-commit-store.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { startTestRun, testBatch } from '../storage/testing-batches.ts'
import { runCli } from './testing.ts'

let database: TestDatabase
let context: RunContext
before(async () => {
  database = await openTestDatabase()
  context = await startTestRun(database.db)
  const writer = await openRunWriter(database.db, context)
  for (let n = 1; n <= 3; n += 1) await writer.commit(testBatch(n))
})
after(() => database.close())

const ledger = (...args: string[]) => runCli(['ledger', ...args], { DATABASE_URL: database.url })

test('sound books end with 0 and the counts; an unknown bot is named', async () => {
  const sound = await ledger('verify')
  assert.equal(sound.code, 0, sound.stderr)
  assert.match(sound.stdout, /^ledger verify: 0 differences in 11 transfers, .* 3 fills, 3 orders/)
  const alone = JSON.parse((await ledger('verify', '--bot', context.botId, '--json')).stdout)
  assert.deepEqual([alone.ok, alone.bot, alone.checked.fills], [true, context.botId, 3])
  const unknown = await ledger('verify', '--bot', 'dca_bot_0_x')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /There is no bot dca_bot_0_x/)
})

test('balances and the latest transfers', async () => {
  const balances = await ledger('balances')
  assert.match(balances.stdout, /bot_free +USDT +9990\.07/)
  const { items } = JSON.parse((await ledger('transfers', '--limit', '2', '--json')).stdout)
  assert.deepEqual(
    items.map(({ kind, debit, credit }: Record<string, string>) => `${kind}: ${debit} <- ${credit}`),
    ['fee: fees <- bot_free', 'quantity: position <- market'],
  )
  assert.equal((await ledger('transfers', '--limit', '0')).code, 2)
})

test('a difference ends with 5 and a line that says what is stored and what it must be', async () => {
  await database.db.withSystem(tx => tx.query('update funds set free = free + 1'))
  const { code, stdout } = await ledger('verify')
  assert.equal(code, 5)
  assert.match(stdout, /^funds of a bot: free USDT of bot \S+ is 9991\.07, it must be 9990\.07\nledger verify: 1 difference in /)
})
