// Killed at any moment, a run loses nothing and doubles nothing: the real process, its real private PostgreSQL, kill -9 of either at
// random moments of a replay, on a venue that is slow, refuses and cuts executions in two, and then every row compared with those of a
// run that nobody disturbed.
//   EVENKEEL_KILLS=100 for the long form (npm run soak:kill); EVENKEEL_KILL_SEED=n repeats the moments of a run.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { seeded } from '../../src/crash-lab/seeded.ts'
import { CSV_HEADER, csvRows } from '../../src/market-data/import/write-csv.ts'
import { makeTestHome, removeTestHome } from '../../src/storage/testing-server.ts'
import { PlatformProcess } from './platform-process.ts'
import { brokenPromises, differences, RUN_TABLES, type RunRows, readRun, resultOf } from './run-rows.ts'
import { CAPITAL, CONFIG, expectedResult, TROUBLED_VENUE, tradedCandles } from './traded-bot.ts'

const KILLS = Number(process.env['EVENKEEL_KILLS'] ?? 20)
const SERVER_KILLS = Math.max(4, Math.round(KILLS * 0.4))
const SEED = Number(process.env['EVENKEEL_KILL_SEED'] ?? 1)
const BARS = 20_000
/** From the start of a process to its ready line, on a machine that has other things to do too. */
const READY_LIMIT_MS = 10_000
interface Started {
  readonly botId: string
  readonly runId: string
}

const home = makeTestHome('evenkeel-kill-')
const platform = new PlatformProcess(home)
let expectedHash = ''
let undisturbed: RunRows
let undisturbedMs = 0
let totalSeq = 0

async function startBot(name: string): Promise<Started> {
  const bot = await platform.expect(201, 'POST', '/bots', { name, botType: 'dca', config: { ...CONFIG, name } })
  const botId = String(bot['botId'])
  const started = await platform.expect(202, 'POST', `/bots/${botId}/start-paper`, {
    initialBalance: CAPITAL,
    feed: { kind: 'replay', speed: 'max' },
    venue: TROUBLED_VENUE,
  })
  return { botId, runId: String(started['runId']) }
}

async function seqOf(client: pg.Client, runId: string): Promise<number> {
  const { rows } = await client.query<{ seq: string | null }>('select max(seq) as seq from journal where run_id = $1', [runId])
  return Number(rows[0]?.seq ?? 0)
}

async function statusOf(client: pg.Client, runId: string): Promise<string> {
  const { rows } = await client.query<{ status: string; error: string | null }>(
    'select status, error from bot_runs where run_id = $1',
    [runId],
  )
  return rows[0]!.status
}

async function untilEnded(runId: string): Promise<void> {
  const client = await platform.connect()
  const deadline = performance.now() + 120_000
  while ((await statusOf(client, runId)) === 'running') {
    if (performance.now() > deadline) throw new Error(`run ${runId} did not end:\n${platform.output}`)
    await sleep(50)
  }
  await client.end()
}

/** Follows the run's commits as they are announced. */
async function followed(
  client: pg.Client,
  runId: string,
): Promise<{ seq(): number; until(wanted: number, ms: number): Promise<boolean> }> {
  let seq = 0
  let wake = (): void => {}
  client.on('notification', message => {
    const payload = JSON.parse(message.payload ?? '{}') as { runId?: string; seq?: number }
    if (payload.runId !== runId || payload.seq === undefined) return
    seq = Math.max(seq, payload.seq)
    wake()
  })
  await client.query('listen ek_run')
  seq = Math.max(seq, await seqOf(client, runId))
  return {
    seq: () => seq,
    until: async (wanted, ms) => {
      const deadline = performance.now() + ms
      while (seq < wanted && performance.now() < deadline) {
        await Promise.race([
          new Promise<void>(done => {
            wake = done
          }),
          sleep(25),
        ])
      }
      return seq >= wanted
    },
  }
}

async function proveSame(runId: string, kills: string): Promise<void> {
  const client = await platform.connect()
  try {
    const { rows } = await client.query<{ status: string; trades_hash: string | null; error: string | null }>(
      'select status, trades_hash, error from bot_runs where run_id = $1',
      [runId],
    )
    assert.deepEqual(rows[0], { status: 'completed', trades_hash: expectedHash, error: null }, kills)
    assert.deepEqual(await brokenPromises(client, runId), [], kills)
    assert.deepEqual(differences(undisturbed, await readRun(client, runId)), [], kills)
    const { netPnl, equityChange } = await resultOf(client, runId)
    assert.equal(netPnl, equityChange)
  } finally {
    await client.end()
  }
}

before(async () => {
  const columns = await tradedCandles(BARS)
  const file = join(home, 'candles.csv')
  writeFileSync(file, CSV_HEADER + csvRows(columns))
  const expected = expectedResult(columns, true)
  expectedHash = expected.tradesHash
  assert.ok(expected.closedTrades > 100, 'a run that hardly trades proves nothing')

  console.log(`first start ${(await platform.start()).toFixed(0)} ms, ${columns.length} bars, seed ${SEED}`)
  const imported = await platform.verb(
    'candles',
    'import',
    file,
    '--exchange',
    'binance',
    '--symbol',
    'BTC/USDT',
    '--timeframe',
    '1h',
  )
  assert.equal(imported.code, 0, imported.stderr)
  await platform.expect(201, 'POST', '/auth/sign-up', { email: 'owner@example.org', password: 'correct horse battery staple' })

  const began = performance.now()
  const { runId } = await startBot('undisturbed')
  await untilEnded(runId)
  undisturbedMs = performance.now() - began
  const client = await platform.connect()
  undisturbed = await readRun(client, runId)
  totalSeq = await seqOf(client, runId)
  const { rows } = await client.query<{ trades_hash: string }>('select trades_hash from bot_runs where run_id = $1', [runId])
  assert.equal(rows[0]!.trades_hash, expectedHash, 'the undisturbed run has the backtest hash')
  assert.deepEqual(await brokenPromises(client, runId), [])
  const { netPnl, equityChange } = await resultOf(client, runId)
  assert.equal(netPnl, equityChange)
  await client.end()
  const counts = RUN_TABLES.map(table => `${table} ${undisturbed[table].length}`).join(', ')
  console.log(`undisturbed: ${undisturbedMs.toFixed(0)} ms, ${totalSeq} journal entries; ${counts}`)
})

after(async () => {
  await platform.stop()
  removeTestHome(home)
})

test(`kill -9 of the platform at ${KILLS} random moments of a run`, async () => {
  const random = seeded(SEED)
  const { runId } = await startBot('platform killed')
  const moments: string[] = []
  const readyMs: number[] = []
  const cycleMs: number[] = []
  let ready: Promise<number> | null = null
  for (let kill = 0; kill < KILLS; kill += 1) {
    const alive = platform.pid
    assert.ok(alive, `the platform is up before kill ${kill + 1}:\n${platform.output}`)
    if (kill % 4 === 3) {
      // Anywhere in a start: boot, Postgres' recovery, leases, the first instants.
      await sleep(random() * 1500)
      moments.push('start')
    } else {
      const client = await platform.connect(() => platform.pid === alive)
      const run = await followed(client, runId)
      const left = totalSeq - run.seq()
      const wanted = run.seq() + 1 + Math.floor((random() * 1.6 * left) / (KILLS - kill + 2))
      assert.ok(
        await run.until(wanted, 60_000),
        `the run goes on after ${kill} kills (at ${run.seq()} of ${totalSeq}):\n${platform.output}`,
      )
      // Into the next instant: before, while or after it is committed.
      const untilMs = performance.now() + random() * 6
      while (performance.now() < untilMs) if (random() < 0.3) await new Promise(done => setImmediate(done))
      moments.push(String(run.seq()))
      void client.end().catch(() => undefined)
    }
    const killed = performance.now()
    await platform.kill9()
    if (ready) await ready.then(ms => readyMs.push(ms)).catch(() => undefined)
    ready = platform.launch()
    void ready.then(() => cycleMs.push(performance.now() - killed)).catch(() => undefined)
  }
  readyMs.push(await ready!)
  const worst = Math.max(...readyMs)
  console.log(`killed at seq ${moments.join(' ')} of ${totalSeq}`)
  console.log(`ready after ${median(readyMs).toFixed(0)} ms (median of ${readyMs.length}), worst ${worst.toFixed(0)} ms`)
  assert.ok(worst < READY_LIMIT_MS, `ready within ${READY_LIMIT_MS} ms of each restart: ${worst}`)
  await untilEnded(runId)
  await proveSame(runId, `seed ${SEED}, killed at ${moments.join(' ')}`)
})

test(`kill -9 of PostgreSQL, the postmaster and backends, at ${SERVER_KILLS} random moments while the platform lives`, async () => {
  const random = seeded(SEED + 1)
  const pid = platform.pid
  const { runId } = await startBot('database killed')
  const moments: string[] = []
  const backMs: number[] = []
  const statuses = new Map<number, number>()
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const { status } = await platform.call('GET', '/bots').catch((cause: unknown) => {
        throw new Error(`the API does not answer; the platform says\n${platform.output}`, { cause })
      })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await sleep(20)
    }
  })()
  asking.catch(() => undefined)
  for (let kill = 0; kill < SERVER_KILLS; kill += 1) {
    const client = await platform.connect()
    const run = await followed(client, runId)
    const left = totalSeq - run.seq()
    const wanted = run.seq() + 1 + Math.floor((random() * 1.6 * left) / (SERVER_KILLS - kill + 2))
    assert.ok(
      await run.until(wanted, 60_000),
      `the run goes on after ${kill} kills (at ${run.seq()} of ${totalSeq}):\n${platform.output}`,
    )
    const { rows: backends } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'evenkeel server' order by query like '%ek_run%' desc, state`,
    )
    const postmaster = platform.postmasterPid()
    const isWhole = kill % 2 === 0 || backends.length === 0
    await sleep(random() * 4)
    process.kill(isWhole ? postmaster : backends[Math.floor(random() * backends.length)]!.pid, 'SIGKILL')
    const killed = performance.now()
    moments.push(`${isWhole ? 'postmaster' : 'backend'}@${run.seq()}`)
    void client.end().catch(() => undefined)
    await sleep(20)
    const again = await platform.connect()
    await again.query('select 1')
    backMs.push(performance.now() - killed)
    await again.end()
  }
  await untilEnded(runId)
  isOver = true
  await asking
  console.log(`killed ${moments.join(' ')} of ${totalSeq}`)
  console.log(`Postgres answers again after ${median(backMs).toFixed(0)} ms (median), worst ${Math.max(...backMs).toFixed(0)} ms`)
  console.log(`API meanwhile: ${[...statuses].map(([status, n]) => `${n} x ${status}`).join(', ')}`)
  assert.equal(platform.pid, pid, 'the platform has lived through it')
  assert.deepEqual(
    [...statuses.keys()].filter(status => status !== 200 && status !== 503),
    [],
    'the API answers, or says 503',
  )
  assert.ok(statuses.has(503), 'an outage was seen by the API')
  await proveSame(runId, `seed ${SEED}, killed ${moments.join(' ')}`)
})

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
