// Replay and parity on a real Postgres: recorded runs come out of their candles again, what was changed in the database is found, and every
// closed deal has its report: to the last digit equal where nothing came between, and otherwise split into its causes.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { createMarket } from '../app/market.ts'
import { parityDeals } from '../app/parity.ts'
import { recordedRun, replayDeps } from '../app/recorded-run.ts'
import { createRunStore } from '../app/run-store.ts'
import { runCli } from '../cli/testing.ts'
import { wavesConfig } from '../contract/dca-config.fixture.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import { type CandleColumns, sliceColumns } from '../core/market/candles.ts'
import { DEMO_INSTRUMENTS } from '../core/market/demo-market.ts'
import { defaultRules } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import { Decimal, ZERO } from '../core/money/decimal.ts'
import { PARITY_PARTS } from '../core/parity/attribute.ts'
import { readCandleFile } from '../market-data/import/read-candle-file.ts'
import { createBot, setDesiredState, updateBot } from '../storage/bots-store.ts'
import { importCandles } from '../storage/candle-store.ts'
import { appendCommand } from '../storage/command-inbox.ts'
import { upsertInstruments } from '../storage/instrument-store.ts'
import { findRunHead } from '../storage/parity-queries.ts'
import { dealsWithoutParity } from '../storage/parity-store.ts'
import { startRun } from '../storage/runs-store.ts'
import { createTestUser, openTestDatabase, type TestDatabase } from '../storage/testing.ts'
import { createFeedOpener } from './open-feed.ts'
import { PaperRun } from './paper-run.ts'
import { ParityReporter } from './parity-reporter.ts'
import type { Assignment, RunFeedSpec, VenueSpec } from './ports.ts'
import { type ReplayReport, replayRun } from './replay-run.ts'
import { candlesThrough, QUIET, waves } from './runs.fixture.ts'
import { Turns } from './turns.ts'

let database: TestDatabase
let userId: string
const WAVES = candlesThrough(waves(1200))
const T0 = Date.UTC(2026, 4, 5, 12)
const MINUTE = 60_000

before(async () => {
  database = await openTestDatabase()
  userId = await createTestUser(database.db)
  await database.db.withApp(tx => upsertInstruments(tx, [...DEMO_INSTRUMENTS]))
  await storeCandles('binance', WAVES)
})
after(() => database.close())

async function storeCandles(exchange: string, columns: CandleColumns, timeframe: Timeframe = '1h'): Promise<void> {
  const { db } = database
  await db.withApp(tx => upsertInstruments(tx, [defaultRules(exchange, 'BTC/USDT')]))
  const instrumentId = `${exchange}:BTC/USDT`
  await importCandles(db, { instrumentId, timeframe, symbol: 'BTC/USDT', source: 'test', columns })
}

const config = (changes: Record<string, unknown> = {}): DcaConfig => wavesConfig({ name: 'parity', ...changes })

interface Bot {
  readonly botId: string
  readonly runId: string
}

async function startBot(of: DcaConfig, feed: RunFeedSpec, venue: Partial<VenueSpec> = {}): Promise<Bot> {
  return database.db.withTenant(userId, async tx => {
    const { botId } = await createBot(tx, {
      name: 'x',
      botType: 'dca',
      symbol: 'BTC/USDT',
      interval: of.timeframe,
      config: of,
      schemaVersion: 1,
    })
    const run = {
      botId,
      mode: 'paper',
      initialBalance: '10000',
      currency: 'USDT',
      engineVersion: '1',
      meta: { feed, venue },
    } as const
    const { runId } = await startRun(tx, run)
    return { botId, runId }
  })
}

/** A worker on a clock that passes while somebody sleeps. */
class World {
  nowMs: number
  #n = 0

  constructor(nowMs = T0) {
    this.nowMs = nowMs
  }

  /** One process for one bot, until it has ended or `isDone` says so while it sleeps or commits. */
  async live(bot: Bot, isDone: () => boolean = () => false, onCommit: () => Promise<void> = async () => {}): Promise<void> {
    const { db } = database
    this.#n += 1
    const workerId = `w-${bot.runId}-${this.#n}`
    const store = createRunStore({ database: db, host: 'test', pid: process.pid, version: '0', leaseSec: 600 })
    const stop = new AbortController()
    const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      if (isDone()) stop.abort()
      if (signal?.aborted) throw signal.reason
      this.nowMs += ms
      await turn()
      if (signal?.aborted) throw signal.reason
    }
    const market = createMarket(db, { now: () => this.nowMs, sleep })
    await store.renew(workerId)
    const claimed = await store.claim(workerId, 1000)
    const assignment = claimed.find(each => each.runId === bot.runId) as Assignment
    assert.ok(assignment, 'the run is claimed')
    const { journal } = store
    const run = new PaperRun(assignment, {
      store: {
        ...store,
        journal: async (...args) => {
          const writer = await journal(...args)
          return {
            commit: async batch => {
              await writer.commit(batch)
              await onCommit()
              run.wake()
              if (isDone()) stop.abort()
            },
          }
        },
      },
      feeds: createFeedOpener({ store, history: market.history, demo: market.demo, now: () => this.nowMs, sleep }),
      workerId,
      log: QUIET,
      turns: new Turns(),
      now: () => this.nowMs,
      monotonic: () => this.nowMs,
      sleep,
      mayAct: () => true,
    })
    await run.run(stop.signal)
    await store.retire(workerId)
  }
}

async function rows<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  return (await database.db.withSystem(tx => tx.query<Row>(text, values))).rows
}

async function replayOf({ runId }: Bot): Promise<ReplayReport> {
  const head = await findRunHead(database.db, runId)
  return replayRun(await recordedRun(database.db, head!), replayDeps(database.db))
}

function assertEqual(report: ReplayReport): void {
  assert.equal(report.first, null, JSON.stringify(report.first, null, 1))
  assert.deepEqual([report.verdict, report.reason, report.chain.brokenAtSeq], ['equal', null, null])
  assert.equal(report.compared, report.entries)
}

interface Report {
  readonly status: string
  readonly reason: string | null
  readonly matched: boolean
  readonly cause: string | null
  readonly net_pnl: string
  readonly simulated_pnl: string | null
  readonly difference: string | null
  readonly parts: Record<string, string>
  readonly details: { missed: string[]; extra: string[] }
}

/** Lets the reporter work until nothing is due. */
async function report(nowMs: number = Date.now()): Promise<void> {
  const deals = parityDeals({ database: database.db, now: () => nowMs })
  const reporter = new ParityReporter({ deals, log: QUIET, monotonic: () => 0, sleep: ms => wait(Math.min(ms, 1)) })
  reporter.start()
  const deadline = performance.now() + 60_000
  while ((await dealsWithoutParity(database.db, null, 1)).length > 0) {
    assert.ok(performance.now() < deadline, 'every deal has its report')
    await wait(50)
  }
  await reporter.stop()
}

const reportsOf = ({ runId }: Bot): Promise<Report[]> =>
  rows<Report>('select p.* from parity_reports p join trades t on t.id = p.trade_id where p.run_id = $1 order by t.trade_seq', [
    runId,
  ])

function assertSums(reports: readonly Report[]): void {
  for (const each of reports) {
    assert.equal(each.status, 'compared', each.reason ?? '')
    const sum = PARITY_PARTS.reduce((total, part) => total.plus(Decimal.from(each.parts[part]!)), ZERO)
    assert.ok(sum.equals(Decimal.from(each.difference!)), `${sum} is ${each.difference}`)
    assert.ok(Decimal.from(each.net_pnl).minus(Decimal.from(each.simulated_pnl!)).equals(sum))
  }
}

function assertNoDifference(reports: readonly Report[]): void {
  assertSums(reports)
  for (const each of reports) {
    assert.equal(Decimal.from(each.difference!).toString(), '0', JSON.stringify(each))
    assert.ok(each.matched)
  }
}

async function command(bot: Bot, desired: 'running' | 'paused', given: Parameters<typeof appendCommand>[3]): Promise<void> {
  await database.db.withTenant(userId, async tx => {
    await setDesiredState(tx, bot.botId, desired)
    await appendCommand(tx, bot.botId, 'paper', given)
  })
}

/** Paused, edited, closed by hand and restarted. */
async function eventfulReplay(): Promise<Bot> {
  const bot = await startBot(config(), { kind: 'replay', exchange: 'binance', speed: 'max' })
  const world = new World()
  const acts: Record<number, () => Promise<unknown>> = {
    20: () => command(bot, 'paused', { kind: 'pause', untilMs: WAVES.openTimeMs[80]! }),
    30: () => command(bot, 'running', { kind: 'resume' }),
    40: () =>
      database.db.withTenant(userId, tx =>
        updateBot(tx, bot.botId, {
          baseVersion: 1,
          config: config({ exits: { takeProfit: { targets: [{ profitPct: '2', sellPct: '100' }] } } }),
          schemaVersion: 1,
        }),
      ),
  }
  let isClosed = false
  const closeOne = async (): Promise<void> => {
    const [deal] = await rows<{ seq: number }>(
      `select (extra_metadata ->> 'tradeSeq')::integer as seq from trades
       where run_id = $1 and status = 'open' and entry_time is not null and parent_trade_id is null`,
      [bot.runId],
    )
    if (!deal) return
    isClosed = true
    await command(bot, 'running', { kind: 'close_deal', tradeSeq: deal.seq })
  }
  let commits = 0
  for (const until of [15, 41, 42, 75, Number.POSITIVE_INFINITY]) {
    const [run] = await rows<{ status: string }>('select status from bot_runs where run_id = $1', [bot.runId])
    if (run!.status !== 'running') break
    await world.live(
      bot,
      () => commits >= until,
      async () => {
        commits += 1
        await acts[commits]?.()
        if (commits > 60 && !isClosed) await closeOne()
      },
    )
  }
  return bot
}

test('a replayed run with a pause, an edit, a deal closed by hand and restarts: equal, and every deal agrees to the last digit', async () => {
  const bot = await eventfulReplay()
  const kinds = await rows<{ kind: string }>('select distinct kind from journal where run_id = $1', [bot.runId])
  for (const kind of ['run_paused', 'run_resumed', 'config_applied', 'user_command'])
    assert.ok(
      kinds.some(row => row.kind === kind),
      kind,
    )
  assertEqual(await replayOf(bot))
  await report()
  const reports = await reportsOf(bot)
  const [closed] = await rows<{ n: number }>(
    `select count(*)::integer as n from trades where run_id = $1 and status = 'closed' and parent_trade_id is null`,
    [bot.runId],
  )
  assert.ok(closed!.n > 20, `${closed!.n} deals`)
  assert.equal(reports.length, closed!.n)
  assertNoDifference(reports)

  // What is changed afterwards is found, and each change is taken back.
  const change = async (text: string, values: unknown[]): Promise<ReplayReport> => {
    await database.db.withSystem(tx => tx.query(text, values))
    return replayOf(bot)
  }
  const [entry] = await rows<{ seq: string; payload: { event: { fill: { price: string } } } }>(
    `select seq, payload from journal where run_id = $1 and kind = 'fill_reported' and seq > 60 order by seq limit 1`,
    [bot.runId],
  )
  const forged = structuredClone(entry!.payload)
  forged.event.fill.price = '1'
  const set = 'update journal set payload = $3 where run_id = $1 and seq = $2'
  const tampered = await change(set, [bot.runId, entry!.seq, JSON.stringify(forged)])
  assert.deepEqual(
    [tampered.verdict, tampered.first?.seq, tampered.chain.brokenAtSeq],
    ['unequal', Number(entry!.seq), Number(entry!.seq)],
  )
  assertEqual(await change(set, [bot.runId, entry!.seq, JSON.stringify(entry!.payload)]))

  const [version] = await rows<{ config: object }>('select config from bot_versions where bot_id = $1 and version = 2', [
    bot.botId,
  ])
  const edit = `update bot_versions set config = $2 where bot_id = $1 and version = 2`
  const other = { ...version!.config, baseOrder: config({ baseOrder: { size: '150' } }).baseOrder }
  const edited = await change(edit, [bot.botId, JSON.stringify(other)])
  const [applied] = await rows<{ seq: string }>(`select seq from journal where run_id = $1 and kind = 'config_applied'`, [
    bot.runId,
  ])
  assert.equal(edited.verdict, 'unequal')
  assert.ok(edited.first!.seq > Number(applied!.seq))
  assertEqual(await change(edit, [bot.botId, JSON.stringify(version!.config)]))

  const [low] = await rows<{ open_time: string; low: string }>(
    `select c.open_time, c.low from fills f join order_logs o using (order_id)
       join candles c on c.instrument_id = f.instrument_id and c.open_time = date_trunc('hour', f.filled_at)
     where o.run_id = $1 and o.purpose = 'base' order by c.open_time offset 3 limit 1`,
    [bot.runId],
  )
  const price = `update candles set low = $2 where instrument_id = 'binance:BTC/USDT' and open_time = $1`
  const changed = await change(price, [low!.open_time, String(Number(low!.low) / 2)])
  assert.equal(changed.verdict, 'unequal')
  assert.ok(changed.first!.seq > 1)
  assertEqual(await change(price, [low!.open_time, low!.low]))
})

const dip = {
  mode: 'conditional',
  playbook: {
    items: [
      {
        id: 'dip',
        condition: {
          timeframe: '1m',
          lhs: { kind: 'indicator', name: 'rsi', params: { period: 14 } },
          op: 'lt',
          rhs: { kind: 'const', value: '45' },
        },
      },
    ],
  },
}

test('a run on the demo market with an outage: equal; its deals agree, but for those that missed a decision', async () => {
  const of = config({
    exchange: 'demo',
    timeframe: '5m',
    entry: dip,
    averaging: {
      rule: { type: 'ladder', stepPct: '0.3', stepScale: '1' },
      amount: { type: 'fixed', value: '100' },
      volumeScale: '1',
      maxOrders: 2,
    },
    exits: {
      takeProfit: { targets: [{ profitPct: '0.4', sellPct: '100' }], placement: 'virtual' },
      stopLoss: { type: 'pct', value: '1', placement: 'virtual' },
    },
  })
  const bot = await startBot(of, { kind: 'demo', speed: 60 })
  const world = new World()
  const opened = async (): Promise<number> =>
    (
      await rows<{ n: number }>(`select count(*)::integer as n from trades where run_id = $1 and status = 'open'`, [bot.runId])
    )[0]!.n
  let hasOpen = 0
  await world.live(
    bot,
    () => world.nowMs > T0 + 1_200_000 && hasOpen > 0,
    async () => {
      hasOpen = await opened()
    },
  )
  assert.ok(hasOpen > 0, 'a deal is open when the outage begins')
  world.nowMs += 600_000
  const goneUntil = world.nowMs
  await world.live(bot, () => world.nowMs > goneUntil + 1_500_000)
  assertEqual(await replayOf(bot))
  await report(world.nowMs)
  const reports = await reportsOf(bot)
  assert.ok(reports.length > 3, `${reports.length} deals`)
  assertSums(reports)
  const off = reports.filter(each => Decimal.from(each.difference!).toString() !== '0')
  assert.equal(off.length, 1, JSON.stringify(off))
  const [missed] = off
  assert.deepEqual([missed!.matched, missed!.cause], [false, 'data_gap'])
  assert.ok(missed!.details.missed.length + missed!.details.extra.length > 0)
  assert.notEqual(missed!.parts['decisions'], '0')
  assertNoDifference(reports.filter(each => each !== missed))
  assert.ok(goneUntil - T0 > MINUTE)
})

test('a deal that began before starts were noted is told so, and is not asked for again', async () => {
  const bot = await startBot(config(), { kind: 'replay', exchange: 'binance', speed: 'max' })
  const world = new World()
  let commits = 0
  await world.live(
    bot,
    () => commits > 60,
    async () => {
      commits += 1
    },
  )
  await database.db.withSystem(tx => tx.query(`update journal set payload = payload - 'starts' where run_id = $1`, [bot.runId]))
  assert.equal(
    (await parityDeals({ database: database.db, now: Date.now }).due(bot.runId, 10)).length,
    0,
    'as fast as possible: not before its end',
  )
  const told = await runCli(['parity', bot.botId], { DATABASE_URL: database.url })
  assert.equal(told.code, 0, told.stderr)
  assert.match(told.stdout, /^\d+ closed deals wait for their comparison: it is made when their run, .* has ended\.\n$/)
  await database.db.withSystem(tx => tx.query(`update bot_runs set status = 'stopped' where run_id = $1`, [bot.runId]))
  await report()
  const reports = await reportsOf(bot)
  assert.ok(reports.length > 0)
  for (const each of reports) assert.deepEqual([each.status, each.difference], ['unavailable', null])
  assert.match(reports[0]!.reason!, /began before/)
})

test('a reporter that is stopped in the middle goes on where it was, and writes each report once', async () => {
  const bot = await startBot(config(), { kind: 'replay', exchange: 'binance', speed: 'max' })
  await new World().live(bot)
  const deals = parityDeals({ database: database.db, now: Date.now })
  const first = new ParityReporter({ deals, log: QUIET, monotonic: () => 0, sleep: () => wait(1) })
  first.start()
  while ((await reportsOf(bot)).length < 5) await wait(1)
  await first.stop()
  const before = (await reportsOf(bot)).length
  const [all] = await rows<{ n: number }>(
    `select count(*)::integer as n from trades where run_id = $1 and status = 'closed' and parent_trade_id is null`,
    [bot.runId],
  )
  assert.ok(before < all!.n, `${before} of ${all!.n}`)
  await Promise.all([report(), report()])
  const reports = await reportsOf(bot)
  assert.equal(reports.length, all!.n)
  assertNoDifference(reports)
})

test('the command line: replay and parity of a run, and what cannot be found', async () => {
  const bot = await startBot(config(), { kind: 'replay', exchange: 'binance', speed: 'max' })
  await new World().live(bot)
  const env = { DATABASE_URL: database.url }
  const replayed = await runCli(['replay', bot.runId, '--json'], env)
  assert.equal(replayed.code, 0, replayed.stderr)
  const { verdict, kind } = JSON.parse(replayed.stdout) as { verdict: string; kind: string }
  assert.deepEqual([kind, verdict], ['replay', 'equal'])
  const [journal] = await rows<{ last: string }>('select max(seq)::text as last from journal where run_id = $1', [bot.runId])
  assert.equal((await runCli(['replay', bot.runId, '--from-seq', journal!.last], env)).code, 0)
  const beyond = await runCli(['replay', bot.runId, '--from-seq', String(Number(journal!.last) + 1)], env)
  assert.equal(beyond.code, 2)
  assert.match(beyond.stderr, new RegExp(`--from-seq is \\d+: the journal of this run ends at ${journal!.last}`))
  const table = await runCli(['parity', bot.botId], env)
  assert.equal(table.code, 0, table.stderr)
  assert.match(table.stdout, /(\d+) of \1 deals were traded by the same decisions\nsum of the differences without sign 0, 0 bps/)
  const json = JSON.parse((await runCli(['parity', bot.runId, '--json'], env)).stdout) as {
    matched: number
    union: number
    deals: unknown[]
  }
  assert.ok(json.union > 20 && json.matched === json.union && json.deals.length === json.union)
  await database.db.withSystem(tx => tx.query(`update journal set state_hash = 'x' where run_id = $1 and seq = 1`, [bot.runId]))
  const changed = await runCli(['replay', bot.runId], env)
  assert.equal(changed.code, 5, changed.stderr)
  assert.match(changed.stdout, /NOT EQUAL at entry 1: /)
  const [fill] = await rows<{ seq: string; price: string }>(
    `select seq, payload -> 'event' -> 'fill' ->> 'price' as price from journal where run_id = $1 and kind = 'fill_reported' order by seq limit 1`,
    [bot.runId],
  )
  const setPrice = (price: string) =>
    rows(
      `update journal set payload = jsonb_set(payload, '{event,fill,price}', to_jsonb($3::text)) where run_id = $1 and seq = $2`,
      [bot.runId, fill!.seq, price],
    )
  await setPrice('1')
  const forged = await runCli(['replay', bot.runId, '--from-seq', '2'], env)
  assert.equal(forged.code, 5, forged.stderr)
  const sides = `\n  payload.event.fill.price\n    recorded  "1"\n    replayed  "${fill!.price}"\n`
  assert.ok(forged.stdout.includes(sides), forged.stdout)
  await setPrice(fill!.price)
  await database.db.withSystem(tx => tx.query(`update bot_runs set engine_version = '0' where run_id = $1`, [bot.runId]))
  const old = await runCli(['replay', bot.runId], env)
  assert.equal(old.code, 1)
  assert.match(old.stdout, /cannot be replayed: the run was recorded by engine 0/)
  assert.match(
    (await runCli(['replay', bot.botId], env)).stderr,
    new RegExp(`is a bot: name one of its runs, the latest is ${bot.runId}`),
  )
  assert.equal((await runCli(['parity', 'none'], env)).code, 1)
  assert.equal((await runCli(['replay'], env)).code, 2)
})

const DATA = process.env['EVENKEEL_TEST_DATA']

test('seven years of real candles, a conditional entry: more than fifty deals, no difference at all', {
  skip: DATA ? false : 'EVENKEEL_TEST_DATA names no folder of real candles',
}, async () => {
  const { columns } = await readCandleFile(join(DATA!, 'binance-BTC_USDT-1h-2017-2024.csv.gz'))
  await storeCandles('kraken', columns)
  const of = config({
    exchange: 'kraken',
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
    sizing: { reinvestPct: '50' },
    emergencyBrake: null,
  })
  const bot = await startBot(of, { kind: 'replay', exchange: 'kraken', speed: 'max' })
  await new World().live(bot)
  const replayBegan = performance.now()
  assertEqual(await replayOf(bot))
  const began = performance.now()
  await report()
  const ms = performance.now() - began
  const reports = await reportsOf(bot)
  assert.ok(reports.length > 50, `${reports.length} deals`)
  assertNoDifference(reports)
  console.log(
    `${reports.length} deals: replay ${(began - replayBegan).toFixed(0)} ms, reports ${(ms / reports.length).toFixed(1)} ms a deal, no difference`,
  )
})

const SLOW_VENUES = {
  slow: { latencyMs: { min: 0, max: 1_800_000 }, cancelLatencyMs: { min: 0, max: 1_800_000 } },
  cutting: { partialProb: 0.3 },
  'slow, refusing and cutting': {
    latencyMs: { min: 100, max: 3_600_000 },
    rejectProb: 0.05,
    partialProb: 0.5,
    volumeCapPct: '0.01',
    slippageBps: '2',
    seed: 7,
  },
} satisfies Record<string, Partial<VenueSpec>>

test('two months of real candles on venues that are slow, refuse and cut: no difference at all', {
  skip: DATA ? false : 'EVENKEEL_TEST_DATA names no folder of real candles',
}, async () => {
  const { columns } = await readCandleFile(join(DATA!, 'binance-BTC_USDT-15m-2024-2025.csv.gz'))
  await storeCandles('okx', sliceColumns(columns, 0, 60 * 96), '15m')
  const of = config({ exchange: 'okx', timeframe: '15m' })
  for (const [name, venue] of Object.entries(SLOW_VENUES)) {
    const bot = await startBot(of, { kind: 'replay', exchange: 'okx', speed: 'max' }, venue)
    await new World().live(bot)
    assertEqual(await replayOf(bot))
    await report()
    const reports = await reportsOf(bot)
    assert.ok(reports.length > 10, `${name}: ${reports.length} deals`)
    assertNoDifference(reports)
  }
})
