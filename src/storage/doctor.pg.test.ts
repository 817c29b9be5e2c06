// doctor finds a sound installation sound, and each trouble with its remedy.

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type DoctorReport, doctor, doctorWithoutDatabase } from './doctor.ts'
import { StorageError } from './errors.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { startTestRun } from './testing-batches.ts'
import { makeTestHome, removeTestHome } from './testing-server.ts'

let home: string
let database: TestDatabase

before(async () => {
  home = makeTestHome('evenkeel-doctor-')
  database = await openTestDatabase({ home })
})

after(async () => {
  await database.close()
  removeTestHome(home)
})

function find(report: DoctorReport, name: string) {
  return report.checks.find(check => check.name === name)
}

test('a sound installation', async () => {
  const report = await doctor(database.db)
  for (const name of ['database', 'role', 'schema', 'clock', 'secrets', 'leases', 'doubt']) {
    assert.equal(find(report, name)?.status, 'ok', `${name}: ${find(report, name)?.finding}`)
  }
  assert.equal(find(report, 'backup')?.status, 'warning')
})

test('a secret that others may read, a bot nobody runs, an order in doubt', async () => {
  mkdirSync(join(home, 'postgres'), { recursive: true })
  writeFileSync(join(home, 'postgres', 'password'), 'secret')
  chmodSync(join(home, 'postgres', 'password'), 0o644)
  const context = await startTestRun(database.db)
  await database.db.withTenant(context.userId, tx =>
    tx.query(
      `insert into order_logs (bot_id, run_id, mode, exchange, client_order_id, symbol, instrument_id, side, purpose, qty, order_type, status, user_id)
       values ($1, $2, 'paper', 'paper_trading', 'x', 'BTC/USDT', 'demo:BTC/USDT', 'buy', 'base', 1, 'market', 'unknown', $3)`,
      [context.botId, context.runId, context.userId],
    ),
  )
  const report = await doctor(database.db)
  assert.equal(report.ok, false)
  assert.match(find(report, 'secrets')?.remedy ?? '', /chmod 600 .*password/)
  assert.match(find(report, 'leases')?.finding ?? '', /1 bots want to run and no worker is alive/)
  assert.match(find(report, 'doubt')?.finding ?? '', /1 orders in doubt/)
})

test('without a database the rest is still looked at', () => {
  const report = doctorWithoutDatabase(
    home,
    new StorageError('DATA_VERSION', 'made by another version', { remedy: 'Install it' }),
  )
  assert.equal(report.ok, false)
  assert.equal(find(report, 'database')?.remedy, 'Install it')
  assert.ok(find(report, 'disk'))
})
