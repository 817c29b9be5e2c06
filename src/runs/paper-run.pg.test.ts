// Paper runs on a real Postgres: the rows of a bot's life, the same after a restart; one owner among two workers; the replay of seven
// years whose rows give the backtest's hash.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMarket } from '../app/market.ts'
import { createRunStore } from '../app/run-store.ts'
import { runBacktest } from '../backtest/run-backtest.ts'
import { wavesConfig } from '../contract/dca-config.fixture.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../core/market/instrument.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import { PURPOSES } from '../core/orders/order.ts'
import { systemClock } from '../market-data/clock.ts'
import { readCandleFile } from '../market-data/import/read-candle-file.ts'
import { createBot, setDesiredState } from '../storage/bots-store.ts'
import { importCandles } from '../storage/candle-store.ts'
import { appendCommand, type BotCommand } from '../storage/command-inbox.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import { verifyLedger } from '../storage/ledger-verify.ts'
import { startRun } from '../storage/runs-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { createFeedOpener } from './open-feed.ts'
import type { RunFeedSpec, RunStore } from './ports.ts'
import { candlesThrough, QUIET, waves } from './runs.fixture.ts'
import { Worker } from './worker.ts'

let database: TestDatabase
let userId: string
const WAVES = candlesThrough(waves(1500))

before(async () => {
  database = await openTestDatabase()
  userId = await createTestUser(database.db)
  await storeCandles('binance', WAVES)
})
after(() => database.close())

async function storeCandles(exchange: string, columns: CandleColumns): Promise<void> {
  const { db } = database
  await db.withApp(tx => upsertInstruments(tx, [defaultRules(exchange, 'BTC/USDT')]))
  const instrumentId = `${exchange}:BTC/USDT`
  await importCandles(db, { instrumentId, timeframe: '1h', symbol: 'BTC/USDT', source: 'test', columns })
}

const config = wavesConfig

interface Bot {
  readonly botId: string
  readonly runId: string
}

async function startBot(of: DcaConfig, feed: Partial<RunFeedSpec> = {}): Promise<Bot> {
  const { db } = database
  return db.withTenant(userId, async tx => {
    const { botId } = await createBot(tx, {
      name: 'x',
      botType: 'dca',
      symbol: 'BTC/USDT',
      interval: '1h',
      config: of,
      schemaVersion: 1,
    })
    const { runId } = await start(botId, feed, tx)
    return { botId, runId }
  })
}

function start(botId: string, feed: Partial<RunFeedSpec>, tx: Parameters<typeof startRun>[0]) {
  return startRun(tx, {
    botId,
    mode: 'paper',
    initialBalance: '10000',
    currency: 'USDT',
    engineVersion: '1',
    meta: { feed: { kind: 'replay', exchange: 'binance', speed: 'max', ...feed } },
  })
}

function newWorker(id: string, change: (store: RunStore) => void = () => {}): Worker {
  const { db } = database
  const store = createRunStore({ database: db, host: 'test', pid: process.pid, version: '0', leaseSec: 15 })
  change(store)
  const market = createMarket(db, systemClock)
  const now = (): number => Date.now()
  const feeds = createFeedOpener({ store, history: market.history, demo: market.demo, now, sleep: systemClock.sleep })
  return new Worker(
    { store, feeds, workerId: id, log: QUIET, now, monotonic: () => performance.now(), sleep: systemClock.sleep },
    { maxRuns: 10, renewMs: 1000, claimMs: 100 },
  )
}

async function one<Row extends object>(text: string, values: unknown[] = []): Promise<Row> {
  const { rows } = await database.db.withSystem(tx => tx.query<Row>(text, values))
  return rows[0]!
}

async function until(what: string, isSo: () => Promise<boolean>, ms = 60_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${ms} ms`)
    await sleep(20)
  }
}

const statusOf = async (runId: string): Promise<string> =>
  (await one<{ status: string }>('select status from bot_runs where run_id = $1', [runId])).status
const untilEnded = (runId: string): Promise<void> =>
  until(`the end of run ${runId}`, async () => (await statusOf(runId)) !== 'running')

async function tell(
  botId: string,
  desired: 'running' | 'paused' | 'stopped',
  command: BotCommand,
  worker: Worker,
): Promise<void> {
  await database.db.withTenant(userId, async tx => {
    await setDesiredState(tx, botId, desired)
    await appendCommand(tx, botId, 'paper', command)
  })
  worker.notify(botId)
}

function backtestHash(of: DcaConfig, columns: CandleColumns): string {
  return runBacktest({
    config: of,
    instruments: new Map([['BTC/USDT', instrumentFromRules(defaultRules('binance', 'BTC/USDT'))]]),
    candles: new Map([['BTC/USDT', columns]]),
    timeframe: '1h',
    capital: Decimal.from('10000'),
    venue: {
      fillPath: 'pessimistic',
      slippageBps: Decimal.from('5'),
      impactBpsPerPctVolume: ZERO,
      volumeCapPct: Decimal.from('10'),
    },
    skip: true,
  }).tradesHash
}

/** execution.md 1.8, from the rows alone. */
const HASH_BY_SQL = `
  with deals as (
    select id, symbol, direction, exit_reason, net_pnl, (extra_metadata ->> 'tradeSeq')::integer as seq,
      (extract(epoch from entry_time) * 1000)::bigint as opened, (extract(epoch from exit_time) * 1000)::bigint as closed
    from trades where run_id = $1 and parent_trade_id is null and status = 'closed' and entry_time is not null),
  lines as (
    select closed, seq, 0::bigint as at, 0 as purpose, 0 as sequence, '' as fill,
      format('T|%s|%s|%s|%s|%s|%s|%s', seq, symbol, direction, opened, closed, exit_reason, trim_scale(net_pnl)) as line
    from deals
    union all
    select d.closed, d.seq, (extract(epoch from f.filled_at) * 1000)::bigint, array_position($2::text[], o.purpose), o.sequence,
      f.exchange_trade_id,
      format('F|%s|%s|%s|%s|%s|%s|%s|%s', o.purpose, o.sequence, (extract(epoch from f.filled_at) * 1000)::bigint, f.side,
        trim_scale(f.price), trim_scale(f.qty), trim_scale(f.fee), f.fee_currency)
    from deals d join order_logs o on o.trade_id = d.id join fills f on f.order_id = o.order_id)
  select line from lines order by closed, seq, at, purpose, sequence, fill`

const ROW_COUNTS = `select
  (select count(*)::int from bots where bot_id = $1) as bots,
  (select count(*)::int from bot_runs where bot_id = $1) as bot_runs,
  (select count(*)::int from order_logs where bot_id = $1) as order_logs,
  (select count(*)::int from fills join order_logs using (order_id) where bot_id = $1) as fills,
  (select count(*)::int from positions where bot_id = $1) as positions,
  (select count(*)::int from funds where bot_id = $1) as funds,
  (select count(*)::int from trades where bot_id = $1) as trades,
  (select count(*)::int from decisions where bot_id = $1) as decisions,
  (select count(*)::int from system_events where bot_id = $1) as system_events`

test('create, start, buy, sell, stop, restart: the rows are there, and the same afterwards', async () => {
  const { botId, runId } = await startBot(config(), { speed: 400 })
  const first = newWorker('w-rows-1')
  await first.start()
  await until(
    'a sale',
    async () =>
      (
        await one<{ n: number }>(
          `select count(*)::int as n from order_logs where bot_id = $1 and side = 'sell' and status = 'filled'`,
          [botId],
        )
      ).n > 0,
  )
  await tell(botId, 'stopped', { kind: 'stop', openDeals: 'close' }, first)
  await untilEnded(runId)
  const counts = await one<Record<string, number>>(ROW_COUNTS, [botId])
  for (const [table, n] of Object.entries(counts)) assert.ok(n > 0, `${table} has rows`)
  assert.equal(await statusOf(runId), 'stopped')
  const bot = await one<{ status: string; desired_state: string }>('select status, desired_state from bots where bot_id = $1', [
    botId,
  ])
  assert.deepEqual(bot, { status: 'stopped', desired_state: 'stopped' })
  await first.stop()

  const second = newWorker('w-rows-2')
  await second.start()
  await sleep(400)
  assert.equal(second.running(), 0, 'a stopped bot is never started by a restart')
  assert.deepEqual(await one(ROW_COUNTS, [botId]), counts)
  await second.stop()
})

test('a paused bot stays paused over a restart, and says so at once', async () => {
  const { botId, runId } = await startBot(config(), { speed: 20 })
  const first = newWorker('w-pause')
  await first.start()
  await tell(botId, 'paused', { kind: 'pause', untilMs: null }, first)
  const observed = () =>
    one<{ status: string; paused_by: string[] }>('select status, paused_by from bots where bot_id = $1', [botId])
  await until('the pause', async () => (await observed()).status === 'paused')
  await first.stop()
  await database.db.withSystem(tx => tx.query(`update bots set status = 'starting' where bot_id = $1`, [botId]))
  const second = newWorker('w-pause')
  await second.start()
  await until('the status', async () => (await observed()).status === 'paused')
  assert.deepEqual((await observed()).paused_by, ['user'])
  assert.equal(await statusOf(runId), 'running')
  await tell(botId, 'stopped', { kind: 'stop', openDeals: 'close' }, second)
  await untilEnded(runId)
  await second.stop()
})

test('two workers, one bot: one owner; after a takeover the stale token is refused and the run goes on', async () => {
  const { botId, runId } = await startBot(config(), { speed: 300 })
  const errors: string[] = []
  const first = newWorker('w-first', store => {
    const journal = store.journal
    store.journal = async (...args) => {
      const writer = await journal(...args)
      return {
        commit: async batch => {
          try {
            await writer.commit(batch)
          } catch (error) {
            errors.push(String((error as { code?: string }).code))
            throw error
          }
        },
      }
    }
  })
  const second = newWorker('w-second')
  await first.start()
  await second.start()
  await until(
    'some commits',
    async () => (await one<{ n: number }>('select count(*)::int as n from journal where run_id = $1', [runId])).n > 20,
  )
  assert.equal(first.running(), 1)
  assert.equal(second.running(), 0, 'the other one waits')
  // The first stops renewing as far as the database can see, long enough for a takeover.
  const owner = () =>
    one<{ holder: string; token: string }>('select holder, token from leases where scope = $1', [`bot:${botId}`])
  assert.equal((await owner()).holder, 'w-first')
  await until('the takeover', async () => {
    await database.db.withSystem(tx =>
      tx.query(`update workers set lease_until = now() - interval '1 minute' where id = 'w-first'`),
    )
    return (await owner()).holder === 'w-second'
  })
  await until('the refusal', async () => errors.length > 0)
  assert.equal(errors[0], 'LEASE_LOST')
  await untilEnded(runId)
  const run = await one<{ status: string; trades_hash: string }>('select status, trades_hash from bot_runs where run_id = $1', [
    runId,
  ])
  assert.deepEqual(run, { status: 'completed', trades_hash: backtestHash(config(), WAVES) })
  await first.stop()
  await second.stop()
})

test('a bot that failed with an open deal goes on with it when it is started again', async () => {
  let isBroken = false
  const { botId, runId } = await startBot(config(), { speed: 300 })
  const worker = newWorker('w-adopt', store => {
    const load = store.load
    store.load = async assignment => {
      if (isBroken) throw Object.assign(new Error('candles are gone'), { code: 'INSUFFICIENT_DATA' })
      return load(assignment)
    }
    const journal = store.journal
    store.journal = async (...args) => {
      const writer = await journal(...args)
      return {
        commit: async batch => {
          // With a name: a failure that nobody named is our own mistake, and halts the bot.
          if (isBroken) throw Object.assign(new Error('broken'), { code: 'BROKEN' })
          await writer.commit(batch)
          if (batch.fills.some(fill => fill.side === 'buy') && !hasFailed) {
            hasFailed = true
            isBroken = true
          }
        },
      }
    }
  })
  let hasFailed = false
  await worker.start()
  const bot = () =>
    one<{ status: string; desired_state: string; last_error: string | null }>(
      'select status, desired_state, last_error from bots where bot_id = $1',
      [botId],
    )
  await until('the error', async () => (await bot()).status === 'error')
  assert.equal((await bot()).last_error, 'candles are gone')
  assert.equal(await statusOf(runId), 'error')
  isBroken = false
  const again = await database.db.withTenant(userId, tx => start(botId, {}, tx))
  assert.deepEqual([again.runId, again.adopted], [runId, true])
  worker.notify(null)
  await untilEnded(runId)
  const run = await one<{ status: string; trades_hash: string; error: string | null }>(
    'select status, trades_hash, error from bot_runs where run_id = $1',
    [runId],
  )
  assert.deepEqual(run, { status: 'completed', trades_hash: backtestHash(config(), WAVES), error: null })
  const open = await one<{ n: number }>(`select count(*)::int as n from trades where bot_id = $1 and status = 'open'`, [botId])
  assert.equal(open.n, 0)
  await worker.stop()
})

const DATA = process.env['EVENKEEL_TEST_DATA']

test('seven years replayed: the hash of the backtest, and the rows say the same', {
  skip: DATA ? false : 'EVENKEEL_TEST_DATA names no folder of real candles',
}, async () => {
  const { columns } = await readCandleFile(join(DATA!, 'binance-BTC_USDT-1h-2017-2024.csv.gz'))
  const instrumentId = 'binance:BTC/USDT'
  await importCandles(database.db, { instrumentId, timeframe: '1h', symbol: 'BTC/USDT', source: 'file', columns })
  const of = config({
    entry: {
      mode: 'conditional',
      playbook: {
        items: [
          {
            id: 'dip',
            condition: {
              timeframe: '1h',
              lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } },
              op: 'lt',
              rhs: { kind: 'const', value: '30' },
            },
          },
        ],
      },
    },
  })
  const toMs = columns.openTimeMs[columns.length - 1]! + 3_600_000
  const { runId } = await startBot(of, { fromMs: columns.openTimeMs[0]!, toMs })
  const began = performance.now()
  const worker = newWorker('w-years')
  await worker.start()
  await untilEnded(runId)
  const ms = performance.now() - began
  await worker.stop()
  const run = await one<{ trades_hash: string; total_trades: number; seq: string }>(
    'select trades_hash, total_trades, (select max(seq) from journal j where j.run_id = r.run_id) as seq from bot_runs r where run_id = $1',
    [runId],
  )
  assert.equal(run.trades_hash, backtestHash(of, columns))
  assert.ok(run.total_trades > 100)
  const { rows } = await database.db.withSystem(tx => tx.query<{ line: string }>(HASH_BY_SQL, [runId, PURPOSES]))
  assert.equal(rows.filter(row => row.line.startsWith('T|')).length, run.total_trades)
  const bySql = createHash('sha256')
    .update(rows.map(row => `${row.line}\n`).join(''))
    .digest('hex')
  assert.equal(bySql, run.trades_hash)
  console.log(`${columns.length} bars in ${ms.toFixed(0)} ms: ${run.total_trades} deals, ${run.seq} journal entries`)
})

test('the books of all these runs are what their fills and transfers make them', async () => {
  const report = await verifyLedger(database.db)
  assert.deepEqual(report.differences, [])
  assert.ok(report.checked.fills > 100 && report.checked.states > 3, JSON.stringify(report.checked))
})
