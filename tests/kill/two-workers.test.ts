// Two workers on one database, each stopped or killed at random for longer than its lease: the other takes its bots over, the late one
// wakes up with a token that is no good any more. Every run must end with the trades of a backtest, each bot stepped by one at a time.
//   EVENKEEL_WORKERS_SEC=600 for the long form (npm run soak:workers); EVENKEEL_WORKERS_SEED=n repeats the moments.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { seeded } from '../../src/crash-lab/seeded.ts'
import { CSV_HEADER, csvRows } from '../../src/market-data/import/write-csv.ts'
import { openTestDatabase, type TestDatabase } from '../../src/storage/testing.ts'
import { makeTestHome, removeTestHome } from '../../src/storage/testing-server.ts'
import { PlatformProcess } from './platform-process.ts'
import { brokenPromises, resultOf } from './run-rows.ts'
import { CAPITAL, CONFIG, expectedResult, tradedCandles } from './traded-bot.ts'

const SECONDS = Number(process.env['EVENKEEL_WORKERS_SEC'] ?? 30)
const SEED = Number(process.env['EVENKEEL_WORKERS_SEED'] ?? 1)
const BOTS = 4
const BARS = 12_000
/** The shortest that is allowed: a takeover waits five seconds beyond it. */
const LEASE_SEC = 6
const TAKEOVER_MS = (LEASE_SEC + 5) * 1000

const homes = [makeTestHome('evenkeel-api-'), makeTestHome('evenkeel-worker-'), makeTestHome('evenkeel-worker-')]
let database: TestDatabase
let api: PlatformProcess
let workers: PlatformProcess[]
let expectedHash = ''

before(async () => {
  database = await openTestDatabase()
  const env = { DATABASE_URL: database.url, LEASE_SEC: String(LEASE_SEC) }
  api = new PlatformProcess(homes[0]!, { ...env, ROLE: 'api' })
  workers = homes.slice(1).map(home => new PlatformProcess(home, { ...env, ROLE: 'worker' }))
  const columns = await tradedCandles(BARS)
  expectedHash = expectedResult(columns).tradesHash
  const file = join(homes[0]!, 'candles.csv')
  writeFileSync(file, CSV_HEADER + csvRows(columns))
  await api.start()
  const imported = await api.verb('candles', 'import', file, '--exchange', 'binance', '--symbol', 'BTC/USDT', '--timeframe', '1h')
  assert.equal(imported.code, 0, imported.stderr)
  await api.expect(201, 'POST', '/auth/sign-up', { email: 'owner@example.org', password: 'correct horse battery staple' })
})

after(async () => {
  for (const worker of workers ?? []) {
    worker.resume()
    await worker.kill9()
  }
  await api?.stop()
  await database?.close()
  for (const home of homes) removeTestHome(home)
})

async function startBots(speed: number): Promise<Map<string, string>> {
  const runs = new Map<string, string>()
  for (let i = 0; i < BOTS; i += 1) {
    const name = `shared ${i + 1}`
    const bot = await api.expect(201, 'POST', '/bots', { name, botType: 'dca', config: { ...CONFIG, name } })
    const started = await api.expect(202, 'POST', `/bots/${bot['botId']}/start-paper`, {
      initialBalance: CAPITAL,
      feed: { kind: 'replay', speed },
    })
    runs.set(String(bot['botId']), String(started['runId']))
  }
  return runs
}

async function untilAllEnded(client: pg.Client, runIds: readonly string[]): Promise<void> {
  const deadline = performance.now() + 240_000
  for (;;) {
    const { rows } = await client.query<{ n: string }>(
      `select count(*) as n from bot_runs where run_id = any($1) and status = 'running'`,
      [runIds],
    )
    if (Number(rows[0]!.n) === 0) return
    if (performance.now() > deadline) throw new Error(`runs did not end:\n${workers.map(each => each.output).join('\n---\n')}`)
    await sleep(250)
  }
}

test(`two workers share ${BOTS} bots for ${SECONDS} s while leases run out at random`, async () => {
  const random = seeded(SEED)
  // Slow enough that the runs last as long as the trouble does.
  const runs = await startBots(Math.ceil(BARS / SECONDS))
  await Promise.all(workers.map(worker => worker.start()))
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const until = performance.now() + SECONDS * 1000
  const trouble: string[] = []
  while (performance.now() < until) {
    await sleep(500 + random() * 2500)
    const which = Math.floor(random() * workers.length)
    const worker = workers[which]!
    if (random() < 0.25) {
      await worker.kill9()
      trouble.push(`kill ${which + 1}`)
      await sleep(random() * 3000)
      await worker.start()
    } else {
      // Some pauses are shorter than a lease and must change nothing; most are longer than a takeover waits.
      const ms = random() < 0.25 ? random() * 4000 : TAKEOVER_MS + 1000 + random() * 4000
      worker.pause()
      trouble.push(`pause ${which + 1} for ${(ms / 1000).toFixed(1)} s`)
      await sleep(ms)
      worker.resume()
    }
  }
  await untilAllEnded(client, [...runs.values()])
  const { rows: leases } = await client.query<{ scope: string; token: string }>('select scope, token from leases order by scope')
  const takeovers = leases.reduce((sum, lease) => sum + Number(lease.token) - 1, 0)
  const late = workers.reduce((sum, worker) => sum + (worker.output.match(/taken this bot over/g)?.length ?? 0), 0)
  console.log(`${trouble.join(', ')}: ${takeovers} takeovers, ${late} late writers refused`)
  assert.ok(takeovers > 0, 'a lease was taken over')
  for (const [botId, runId] of runs) {
    const { rows } = await client.query<{ status: string; trades_hash: string | null; error: string | null }>(
      'select status, trades_hash, error from bot_runs where run_id = $1',
      [runId],
    )
    assert.deepEqual(rows[0], { status: 'completed', trades_hash: expectedHash, error: null }, `${botId}, seed ${SEED}`)
    assert.deepEqual(await brokenPromises(client, runId), [], `${botId}, seed ${SEED}`)
    const { netPnl, equityChange } = await resultOf(client, runId)
    assert.equal(netPnl, equityChange)
  }
  await client.end()
})
