import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryJournal } from '../../src/backtest/memory-journal.ts'
import { condition, item, number, playbook, price } from '../../src/core/conditions/conditions.fixture.ts'
import { seriesKey } from '../../src/core/conditions/series-node.ts'
import { averaging, type ConfigChanges, dcaConfig, PAIR, stopLoss, takeProfit } from '../../src/core/dca/config.fixture.ts'
import type { EmergencyBrake } from '../../src/core/dca/config.ts'
import { columnsFrom } from '../../src/core/market/candles.ts'
import { defaultRules, instrumentFromRules } from '../../src/core/market/instrument.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { seriesLookup } from '../../src/engine/candle-series.ts'
import { ColumnRun } from '../../src/engine/column-run.ts'
import { createDcaMachine } from '../../src/engine/dca/dca-machine.ts'
import type { DcaState } from '../../src/engine/dca/dca-state.ts'
import { prepareDca } from '../../src/engine/dca/prepare.ts'
import type { EngineEvent } from '../../src/engine/machine.ts'
import { SimulatedRun } from '../../src/engine/simulated-run.ts'
import { linesFrom, parseCandles, START_MS } from './story.ts'

const HOUR_MS = 3_600_000
const flat = (...closes: number[]): string => closes.map(close => `${close} ${close} ${close} ${close}`).join('\n')
const FAR = { takeProfit: takeProfit('500') }

type Ordered = EngineEvent extends infer Event ? (Event extends EngineEvent ? Omit<Event, 'atMs'> : never) : never

interface Played {
  readonly lines: readonly string[]
  readonly state: DcaState
  readonly journal: MemoryJournal<DcaState>
}

/** A run of hourly candles in which people give orders: each right after the decision at the end of that hour. */
function play(config: ConfigChanges, candles: string, orders: Readonly<Record<number, Ordered>>): Played {
  const instrument = instrumentFromRules({
    ...defaultRules('binance', PAIR),
    step: '0.001',
    minNotional: '0',
    makerBps: '0',
    takerBps: '0',
  })
  const rows = parseCandles(candles).flatMap((row, i) => (row ? [{ ...row, openTimeMs: START_MS + i * HOUR_MS }] : []))
  const instruments = new Map([[PAIR, instrument]])
  const prepared = prepareDca(new Map([[1, dcaConfig(config)]]), 1, instruments, '1h')
  const clock = { instrumentId: instrument.id, timeframe: '1h' } as const
  const lookup = seriesLookup([{ instrumentId: instrument.id, columns: columnsFrom(rows) }], '1h', [clock, ...prepared.needs])
  const journal = new MemoryJournal<DcaState>(true)
  const run = new SimulatedRun<DcaState>({
    machine: createDcaMachine(prepared.setting, 1, false),
    instruments,
    venue: { fillPath: 'pessimistic', slippageBps: ZERO, impactBpsPerPctVolume: ZERO, volumeCapPct: ZERO },
    venueTimeframe: '1h',
    direction: 'long',
    sink: journal,
  })
  const pump = new ColumnRun<DcaState>({
    run,
    pairs: prepared.pairs,
    lookup,
    venueTimeframe: '1h',
    decisionTimeframe: prepared.decisionTimeframe,
    series: [...prepared.needs.map(need => need.key), seriesKey(instrument.id, '1h')],
    fromMs: START_MS,
    toMs: START_MS + rows.length * HOUR_MS,
    skip: false,
  })
  run.raise({
    kind: 'run_started',
    atMs: START_MS,
    currency: 'USDT',
    initialBalance: Decimal.from('10000'),
    nextBotTradeSeq: 1,
    opensBooks: true,
  })
  for (let advance = pump.next(); advance.kind !== 'end'; advance = pump.next()) {
    if (advance.kind !== 'decision') continue
    const order = orders[(advance.atMs - START_MS) / HOUR_MS]
    if (order) run.raise({ ...order, atMs: advance.atMs } as EngineEvent)
  }
  pump.finish()
  for (const [currency, sum] of journal.books.sums()) assert.equal(sum.toString(), '0', `${currency} sums to zero`)
  return { lines: linesFrom(journal, run.state), state: run.state, journal }
}

function expectPlayed(
  config: ConfigChanges,
  candles: string,
  orders: Readonly<Record<number, Ordered>>,
  expected: string,
): Played {
  const played = play(config, candles, orders)
  assert.deepEqual(
    played.lines,
    expected
      .trim()
      .split('\n')
      .map(line => line.trim()),
  )
  return played
}

const PAUSE: Ordered = { kind: 'run_paused', reason: 'user', untilMs: null }
const RESUME: Ordered = { kind: 'run_resumed', reason: 'user' }
const ladder = averaging({
  rule: { type: 'ladder', stepPct: '10', stepScale: '1' },
  maxOrders: 1,
  amount: { type: 'fixed', value: '90' },
})

describe('a brake that waits for its user', () => {
  const emergencyBrake: EmergencyBrake = {
    circuitBreaker: { dropPct: '10', windowMin: 60 },
    marketCrash: null,
    action: 'pause',
    recovery: { timeframe: '1h', stabilizationBars: 2, maxRangePct: '2', auto: false },
  }
  const candles = `${flat(100, 100)}\n100 100 85 85\n${flat(85, 85, 85, 85)}`

  test('stays until the user resumes, and ends then', () => {
    const config = {
      emergencyBrake,
      exits: { takeProfit: takeProfit('500'), timeExit: { maxHoldSec: 7200, minProfitPct: null } },
    }
    const tripped = (played: Played): boolean => Object.values(played.state.pairs).some(pair => pair.breaker.trippedAtMs !== null)
    assert.equal(tripped(play(config, candles, {})), true)
    assert.equal(tripped(play(config, candles, { 5: RESUME })), false)
  })
})

describe('pause', () => {
  test('takes resting averaging orders back; resume rebuilds them', () => {
    const candles = `${flat(100, 100)}
      100 100 89 95
      95  95  89 95
      95  95  95 95`
    expectPlayed(
      { stopAfterDeals: 1, averaging: ladder, exits: FAR },
      candles,
      { 2: PAUSE, 3: RESUME },
      `01:00 base buy 1 @ 100
       03:59 avg1 buy 1 @ 90
       05:00 exit sell 2 @ 95
       deal 1 end_of_data 0`,
    )
  })

  test('opens nothing, but every exit goes on', () => {
    const candles = `${flat(100, 100)}
      100 100 94 95
      ${flat(95, 95, 95)}`
    const orders = { 2: PAUSE }
    expectPlayed(
      { exits: { takeProfit: null, stopLoss: stopLoss({ value: '5' }) } },
      candles,
      orders,
      `01:00 base buy 1 @ 100
       02:59 sl sell 1 @ 95
       deal 1 stop_loss -5`,
    )
    expectPlayed(
      { exits: { takeProfit: takeProfit('2') } },
      `${flat(100, 100)}
       100 103 100 103
       ${flat(103, 103)}`,
      orders,
      `01:00 base buy 1 @ 100
       02:59 tp1 sell 1 @ 102
       deal 1 take_profit 2`,
    )
  })

  test('takes a base order back that still waits for its price', () => {
    const limit = { orderType: 'limit', limit: { mode: 'offset', offsetPct: '-2' }, timeoutSec: 86_400 } as const
    const played = play({ baseOrder: limit, exits: FAR }, `${flat(100, 100)}\n100 100 90 95\n${flat(95)}`, { 2: PAUSE })
    assert.deepEqual(played.lines, ['deal 1 ended unfilled'])
    assert.equal(played.state.free.toString(), '10000', 'its lock is free again')
  })

  test('for a time ends by itself', () => {
    const until: Ordered = { kind: 'run_paused', reason: 'user', untilMs: START_MS + 4 * HOUR_MS }
    const candles = `${flat(100, 100)}
      100 100 89 95
      95  95  89 95
      95  95  89 95`
    expectPlayed(
      { stopAfterDeals: 1, averaging: ladder, exits: FAR },
      candles,
      { 2: until },
      `01:00 base buy 1 @ 100
       04:59 avg1 buy 1 @ 90
       05:00 exit sell 2 @ 95
       deal 1 end_of_data 0`,
    )
  })

  test('for a time ends at its time, whoever else pauses meanwhile; nobody else ends it', () => {
    const kill = (untilMs: number | null): Ordered => ({ kind: 'run_paused', reason: 'kill_switch', untilMs })
    const atFour = START_MS + 4 * HOUR_MS
    const left = (orders: Readonly<Record<number, Ordered>>) =>
      play({ exits: FAR }, flat(100, 100, 100, 100, 100, 100), orders).state.pausedBy
    assert.deepEqual(left({ 2: { ...PAUSE, untilMs: atFour } as Ordered, 3: kill(null) }), ['kill_switch'])
    assert.deepEqual(left({ 2: PAUSE, 3: kill(atFour) }), ['user', 'kill_switch'])
  })
})

describe('panic', () => {
  test('during a pause for a time is not over when that time is', () => {
    const played = play({ exits: FAR }, flat(100, 100, 100, 100, 100, 100, 100), {
      2: { ...PAUSE, untilMs: START_MS + 5 * HOUR_MS } as Ordered,
      3: { kind: 'user_command', command: { type: 'panic' } },
    })
    assert.deepEqual(played.state.pausedBy, ['user'])
    assert.equal(played.journal.closedTrades().length, 1)
  })

  test('pauses and sells all at once', () => {
    const played = expectPlayed(
      { averaging: ladder, exits: FAR },
      flat(100, 100, 97, 96, 96),
      { 3: { kind: 'user_command', command: { type: 'panic' } } },
      `01:00 base buy 1 @ 100
       03:00 panic sell 1 @ 96
       deal 1 panic -4`,
    )
    assert.deepEqual(played.state.pausedBy, ['user'])
    assert.deepEqual(
      played.journal
        .ordersOf(1)
        .filter(order => order.purpose === 'avg')
        .map(order => order.status),
      ['cancelled'],
    )
  })
})

describe('one deal', () => {
  test('is closed by hand; the bot goes on', () => {
    expectPlayed(
      { exits: FAR, maxActiveDeals: 1 },
      flat(100, 100, 97, 96, 96, 96),
      { 3: { kind: 'user_command', command: { type: 'close_deal', tradeSeq: 1 } } },
      `01:00 base buy 1 @ 100
       03:00 close sell 1 @ 96
       deal 1 manual -4
       04:00 base buy 1.041 @ 96
       06:00 exit sell 1.041 @ 96
       deal 2 end_of_data 0`,
    )
  })

  test('is started by hand: only the entry playbook is not asked', () => {
    const never = playbook([item('a', condition(price('close'), 'gt', number(1_000_000)))])
    const entry = { ...dcaConfig().entry, mode: 'conditional', playbook: never } as const
    const begin: Ordered = { kind: 'user_command', command: { type: 'start_deal', symbol: PAIR } }
    expectPlayed(
      { exits: FAR, entry },
      flat(100, 100, 100, 100),
      { 1: begin },
      `02:00 base buy 1 @ 100
       04:00 exit sell 1 @ 100
       deal 1 end_of_data 0`,
    )
    const band = { ...dcaConfig().dealStart, priceBand: { [PAIR]: { min: '200', max: null } } }
    assert.deepEqual(play({ exits: FAR, entry, dealStart: band }, flat(100, 100, 100, 100), { 1: begin }).lines, [])
  })
})

describe('stop', () => {
  const stop = (openDeals: 'manage' | 'close' | 'release'): Ordered => ({ kind: 'stop_requested', openDeals })
  const candles = `${flat(100, 100, 100)}
    100 100 99 99
    99 103 99 103
    ${flat(103, 103)}`

  test('manage: open deals go on to their exit, nothing new begins, then the run ends', () => {
    const played = expectPlayed(
      { exits: { takeProfit: takeProfit('2') } },
      candles,
      { 2: stop('manage') },
      `01:00 base buy 1 @ 100
       04:59 tp1 sell 1 @ 102
       deal 1 take_profit 2`,
    )
    assert.equal(played.state.ended, 'stopped')
  })

  test('close: they are sold at once', () => {
    const played = expectPlayed(
      { exits: FAR },
      candles,
      { 3: stop('close') },
      `01:00 base buy 1 @ 100
       03:00 close sell 1 @ 100
       deal 1 manual 0`,
    )
    assert.equal(played.state.ended, 'stopped')
  })

  test('release: the coins are handed over at cost', () => {
    const played = play({ exits: FAR }, candles, { 3: stop('release') })
    assert.equal(played.state.ended, 'stopped')
    assert.equal(played.lines[0], '01:00 base buy 1 @ 100')
    const [released] = played.journal.closedTrades()
    assert.equal(released!.dealStatus, 'released')
    assert.equal(released!.netPnl!.toString(), '0')
    assert.equal(played.journal.books.balance('bot_reserved', 'USDT').toString(), '0')
  })

  test('a flat bot stops at once', () => {
    const never = playbook([item('a', condition(price('close'), 'gt', number(1_000_000)))])
    const played = play(
      { exits: FAR, entry: { ...dcaConfig().entry, mode: 'conditional', playbook: never } },
      flat(100, 100, 100),
      { 1: stop('manage') },
    )
    assert.deepEqual(played.lines, [])
    assert.equal(played.state.ended, 'stopped')
  })
})
