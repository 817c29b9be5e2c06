// evenkeel kill-switch against a database: whoever reads its lines knows what was changed, and what still stands.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { RunContext } from '../storage/run-commit-store.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { startTestRun } from '../storage/testing-batches.ts'
import { runCli } from './testing.ts'

let database: TestDatabase
let context: RunContext
before(async () => {
  database = await openTestDatabase()
  context = await startTestRun(database.db)
})
after(() => database.close())

async function say(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['kill-switch', ...args, '--reason', 'because'], { DATABASE_URL: database.url })
  assert.equal(code, 0, stderr)
  return stdout
}

test('on and off name whose trading they change; off in another scope says what is still restricted', async () => {
  const { userId, botId } = context
  const person = ['--scope', 'tenant', '--id', userId]
  const bot = ['--scope', 'bot', '--id', botId]
  assert.match(await say('on', ...person), new RegExp(`^person \\S+@\\S+ \\(${userId}\\): halted from now on;`))
  assert.match(await say('on', ...person), new RegExp(`^person \\S+ \\(${userId}\\): was halted already\n`))
  const both = await say('on', ...bot, '--level', 'paused')
  assert.match(
    both,
    new RegExp(`^bot Test \\(${botId}\\): paused from now on;[^]*\nRestricted besides:\n[^]*\n *tenant +${userId} +halted`),
  )

  const wrong = await say('off')
  assert.match(wrong, /^the whole instance: nothing was set there, nothing was changed\n\nStill restricted:\n/)
  assert.match(wrong, new RegExp(`\n *tenant +${userId} +halted .*because[^]*\n *bot +${botId} +paused `))
  assert.ok(!wrong.includes('Nothing is restricted'))

  const json = JSON.parse(await say('off', ...person, '--json')) as {
    changed: boolean
    record: { scope: string; level: string }
    others: { scope: string; scopeId: string; level: string }[]
  }
  assert.deepEqual([json.changed, json.record.scope, json.record.level], [true, 'tenant', 'normal'])
  assert.deepEqual(
    json.others.map(each => [each.scope, each.scopeId, each.level]),
    [['bot', botId, 'paused']],
  )
  assert.match(
    await say('off', ...bot),
    new RegExp(`^bot Test \\(${botId}\\): normal again;.*\nNothing is restricted any more\\.\n`),
  )
})
