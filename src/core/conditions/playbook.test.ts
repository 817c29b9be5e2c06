import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CandleColumns, columnsFrom } from '../market/candles.ts'
import { compilePlaybook } from './compile.ts'
import {
  BTC,
  CONTEXT,
  closesAt,
  condition,
  flat,
  HOUR_MS,
  indicator,
  item,
  lookupOf,
  number,
  playbook,
  price,
} from './conditions.fixture.ts'
import type { Truth } from './evaluate.ts'
import type { Playbook, PlaybookItem } from './playbook.ts'
import { ColumnReads, SeriesLookup } from './series-lookup.ts'
import {
  consume,
  FRESH_PLAYBOOK_STATE,
  instantOf,
  joinGate,
  type PlaybookState,
  rearm,
  stepPlaybook,
  tracePlaybook,
} from './step-playbook.ts'
import { playbookTruthColumn, rearmedBetween } from './truth-columns.ts'

/** True on bars whose close is `value`. */
const at = (id: string, value: number, rest: Partial<PlaybookItem> = {}) =>
  item(id, condition(price(), 'eq', number(value)), rest)
const T = at('t', 1)
const F = at('f', 2)
const U = item('u', condition(indicator('rsi'), 'lt', number(30)))

/** Answers at each close, by stepping through JSON-copied states and by column: they must agree. */
function answers(from: Playbook, columns: CandleColumns): Truth[] {
  const compiled = compilePlaybook(from, CONTEXT)
  const lookup = lookupOf(columns)
  const reads = new ColumnReads(
    lookup,
    compiled.series.map(series => series.key),
  )
  let state: PlaybookState = FRESH_PLAYBOOK_STATE
  const met = Array.from(lookup.closes(compiled.clock), atMs => {
    reads.advanceTo(atMs)
    const instant = instantOf(compiled, reads, atMs)
    const step = stepPlaybook(compiled, state, reads, instant)
    const again = stepPlaybook(compiled, step.state, reads, instant)
    assert.deepEqual(again.state, step.state, 'a second look within the bar changes nothing')
    assert.equal(again.met, step.met)
    state = JSON.parse(JSON.stringify(step.state)) as PlaybookState
    return step.met
  })
  assert.deepEqual([...playbookTruthColumn(compiled, lookup)], met)
  return met
}

const one = closesAt([1])
const gate = (items: PlaybookItem[], rest: Partial<Playbook> = {}) => answers(playbook(items, rest), one)[0]

test('T, or F, and F: the chain folds to the left, any sees one, so does at least one', () => {
  const items = [T, at('f', 2, { connector: 'or' }), at('g', 3, { connector: 'and' })]
  assert.equal(gate(items, { gate: 'chain' }), 0)
  assert.equal(gate(items, { gate: 'any' }), 1)
  assert.equal(gate(items, { gate: 'atLeast', n: 1 }), 1)
  assert.equal(gate(items, { gate: 'atLeast', n: 2 }), 0)
  assert.equal(gate(items, { gate: 'all' }), 0)
})

test('every gate is true, false and not evaluable; the unknown decides only where nothing else does', () => {
  assert.equal(gate([T, at('t2', 1)]), 1)
  assert.equal(gate([T, U]), 2)
  assert.equal(gate([F, U]), 0)
  assert.equal(gate([F, T], { gate: 'any' }), 1)
  assert.equal(gate([U, T], { gate: 'any' }), 1)
  assert.equal(gate([U, F], { gate: 'any' }), 2)
  assert.equal(gate([F, at('f2', 3)], { gate: 'any' }), 0)
  assert.equal(gate([T, U, F], { gate: 'atLeast', n: 1 }), 1)
  assert.equal(gate([T, U, F], { gate: 'atLeast', n: 2 }), 2)
  assert.equal(gate([T, U, F], { gate: 'atLeast', n: 3 }), 0)
  const or = (from: PlaybookItem): PlaybookItem => ({ ...from, connector: 'or' })
  assert.equal(gate([U, or(T)], { gate: 'chain' }), 1)
  assert.equal(gate([U, F], { gate: 'chain' }), 0)
  assert.equal(gate([U, T], { gate: 'chain' }), 2)
  assert.equal(gate([F, or(U)], { gate: 'chain' }), 2)
  assert.equal(gate([F, or(at('t2', 1))], { gate: 'chain' }), 1)
})

test('an unknown item as false gives the same "met" as the three-valued gate', () => {
  const all: Truth[] = [0, 1, 2]
  for (const name of ['all', 'any', 'atLeast', 'chain'] as const) {
    const from = playbook([T, at('b', 1, { connector: 'or' }), at('c', 1)], { gate: name, n: name === 'atLeast' ? 2 : null })
    const { items } = compilePlaybook(from, CONTEXT)
    for (const a of all)
      for (const b of all)
        for (const c of all) {
          const asFalse = [a, b, c].map((truth): Truth => (truth === 2 ? 0 : truth))
          assert.equal(joinGate(from, items, [a, b, c]) === 1, joinGate(from, items, asFalse) === 1)
        }
  }
})

test('priority orders the chain, ties and missing ones keep list order; listed ignores it; disabled items take no part', () => {
  const a = at('a', 1, { priority: 2 })
  const b = at('b', 2, { priority: 1, connector: 'or' })
  const c = at('c', 1, { connector: 'or' })
  const d = at('d', 2, { priority: 2 })
  const off = at('off', 1, { enabled: false, priority: 1 })
  const order = (from: Playbook) => compilePlaybook(from, CONTEXT).items.map(({ item }) => item.id)
  assert.deepEqual(order(playbook([c, a, off, b, d])), ['b', 'a', 'd', 'c'])
  assert.deepEqual(order(playbook([c, a, off, b, d], { order: 'listed' })), ['c', 'a', 'b', 'd'])
  // By priority: F, and T, and F, or T = T. As listed without c at the end: T, and T, or F, and F = F.
  assert.equal(gate([c, a, b, d], { gate: 'chain' }), 1)
  assert.equal(gate([c, a, b, d], { gate: 'chain', order: 'listed' }), 0)
  assert.throws(() => compilePlaybook(playbook([off]), CONTEXT), /enabled item/)
})

test('holdBars 3 on TTFTTT is true on the sixth bar', () => {
  assert.deepEqual(answers(playbook([at('t', 1, { holdBars: 3 })]), closesAt([1, 1, 2, 1, 1, 1])), [0, 0, 0, 0, 0, 1])
  assert.deepEqual(answers(playbook([at('t', 1, { holdBars: 1 })]), closesAt([1, 2])), [1, 0])
})

test('a latch in bars stays for n further bars, existing ones, and is renewed by a true', () => {
  const latch = playbook([at('t', 1, { validFor: { n: 2, unit: 'bars' } })])
  assert.deepEqual(answers(latch, closesAt([1, 2, 2, 2])), [1, 1, 1, 0])
  assert.deepEqual(answers(latch, closesAt([1, 2, 1, 2, 2, 2])), [1, 1, 1, 1, 1, 0])
  const withHole = columnsFrom([0, 1, 9, 10].map((hour, i) => flat(hour * HOUR_MS, i === 0 ? 1 : 2)))
  assert.deepEqual(answers(latch, withHole), [1, 1, 1, 0])
})

test('a latch in minutes counts from the close of the true bar', () => {
  const minutes = (n: number) => playbook([at('t', 1, { validFor: { n, unit: 'minutes' } })])
  assert.deepEqual(answers(minutes(60), closesAt([1, 2, 2])), [1, 1, 0])
  assert.deepEqual(answers(minutes(59), closesAt([1, 2, 2])), [1, 0, 0])
  const withHole = columnsFrom([0, 2, 3].map((hour, i) => flat(hour * HOUR_MS, i === 0 ? 1 : 2)))
  assert.deepEqual(answers(minutes(120), withHole), [1, 1, 0])
})

test('a latch stands while its condition cannot be evaluated', () => {
  const near = condition(price(), 'eq', number(1))
  const volumes = columnsFrom([1, Number.NaN, 1].map((volume, i) => ({ ...flat(i * HOUR_MS, 1), volume })))
  const onVolume = item(
    'v',
    { ...near, lhs: { kind: 'volume', barsAgo: 0, timeframe: null } },
    { validFor: { n: 1, unit: 'bars' } },
  )
  assert.deepEqual(answers(playbook([onVolume]), volumes), [1, 1, 1])
  assert.deepEqual(answers(playbook([{ ...onVolume, validFor: null }]), volumes), [1, 2, 1])
})

test('a sequence wants its items in order within the window, at the same bar or later', () => {
  const sequence = (windowBars: number, ...values: number[]) =>
    playbook(
      values.map((value, i) => at(`i${i}`, value)),
      { sequence: { windowBars } },
    )
  assert.deepEqual(answers(sequence(3, 1, 2), closesAt([1, 9, 9, 2, 2])), [0, 0, 0, 1, 0])
  assert.deepEqual(answers(sequence(3, 1, 2), closesAt([1, 9, 9, 9, 2])), [0, 0, 0, 0, 0])
  assert.deepEqual(answers(sequence(3, 1, 2), closesAt([2, 1, 9])), [0, 0, 0])
  assert.deepEqual(answers(sequence(0, 1, 1), closesAt([9, 1, 9])), [0, 1, 0])
  // Met when the last one turns true, not while it stays so.
  assert.deepEqual(answers(sequence(5, 1, 2), closesAt([1, 2, 2])), [0, 1, 0])
  // A later start within the window counts even where the first one is too old.
  assert.deepEqual(answers(sequence(2, 1, 2, 3), closesAt([1, 9, 1, 2, 3])), [0, 0, 0, 0, 1])
  assert.deepEqual(answers(sequence(4, 1, 2, 3), closesAt([1, 3, 2, 9, 3])), [0, 0, 0, 0, 1])
})

test('a slow condition stays as its last bar left it until its next close', () => {
  const hours = closesAt(new Array(12).fill(5))
  const fours = closesAt([1, 2, 1], 4 * HOUR_MS)
  const lookup = new SeriesLookup([
    { instrumentId: BTC, timeframe: '1h', columns: hours },
    { instrumentId: BTC, timeframe: '4h', columns: fours },
  ])
  const slow = item('slow', condition(price(), 'eq', number(1), { timeframe: '4h' }))
  const fast = item('fast', condition(price(), 'eq', number(5)))
  const compiled = compilePlaybook(playbook([slow, fast]), CONTEXT)
  assert.equal(compiled.fastestTimeframe, '1h')
  assert.deepEqual([...playbookTruthColumn(compiled, lookup)], [2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1])
  // A bot that decides hourly asks a four-hourly playbook each hour.
  const onHours = compilePlaybook(playbook([slow]), { ...CONTEXT, clockTimeframe: '1h' })
  assert.deepEqual([...playbookTruthColumn(onHours, lookup)], [2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 1])
})

const ETH = 'binance:ETH/USDT'

/** BTC/USDT hourly is the clock; the condition looks at another pair. Both ways must agree. */
function onClockOfBtc(from: Playbook, lookup: SeriesLookup): Truth[] {
  const compiled = compilePlaybook(from, { ...CONTEXT, clockTimeframe: '1h' })
  const reads = new ColumnReads(
    lookup,
    compiled.series.map(series => series.key),
  )
  let state = FRESH_PLAYBOOK_STATE
  const met = Array.from(lookup.closes(compiled.clock), atMs => {
    reads.advanceTo(atMs)
    const step = stepPlaybook(compiled, state, reads, instantOf(compiled, reads, atMs))
    state = step.state
    return step.met
  })
  assert.deepEqual([...playbookTruthColumn(compiled, lookup)], met)
  return met
}

test('a bar that no decision saw breaks the row of a hold', () => {
  const lookup = new SeriesLookup([
    { instrumentId: BTC, timeframe: '1h', columns: columnsFrom([0, 1, 3, 4, 5].map(hour => flat(hour * HOUR_MS, 5))) },
    { instrumentId: ETH, timeframe: '1h', columns: closesAt([1, 1, 1, 1, 1, 1]) },
  ])
  const held = item('held', condition(price(), 'eq', number(1), { symbol: 'ETH/USDT' }), { holdBars: 3 })
  assert.deepEqual(onClockOfBtc(playbook([held]), lookup), [0, 0, 0, 0, 1])
})

test('a pair whose own candles stand still is not compared with its later coarse ones', () => {
  const lookup = new SeriesLookup([
    { instrumentId: BTC, timeframe: '1h', columns: closesAt(new Array(60).fill(5)) },
    { instrumentId: ETH, timeframe: '1h', columns: closesAt([1, 1]) },
    { instrumentId: ETH, timeframe: '2h', columns: closesAt(new Array(30).fill(2), 2 * HOUR_MS) },
  ])
  const below = item('below', condition(price(), 'lt', price('close', 0, '2h'), { symbol: 'ETH/USDT' }))
  const met = onClockOfBtc(playbook([below]), lookup)
  assert.deepEqual(met.slice(0, 2), [2, 1])
  assert.equal(met.lastIndexOf(1), 34, 'sixteen two-hour bars after the last hour')
  assert.equal(met[35], 2)
})

test('per_signal: used once, it fires again only after it was false; a blocked signal stays', () => {
  let state = FRESH_PLAYBOOK_STATE
  const fires = (met: Truth, bar: number): boolean => {
    const result = rearm(state, 'per_signal', met, bar)
    state = result.state
    return result.signal
  }
  assert.equal(fires(0, 0), false)
  assert.equal(fires(1, 1), true) // blocked: nothing consumes it
  assert.equal(fires(1, 2), true)
  state = consume(state, 2)
  assert.equal(fires(1, 2), false)
  assert.equal(fires(1, 3), false)
  assert.equal(fires(2, 4), false)
  assert.equal(fires(1, 5), false, 'not evaluable does not re-arm')
  assert.equal(fires(0, 6), false)
  assert.equal(fires(1, 7), true)
  assert.equal(fires(2, 8), false, 'not evaluable never fires')
})

test('per_signal opens at most one deal per bar, even where the answer flickers within it', () => {
  let state = consume(FRESH_PLAYBOOK_STATE, 5)
  state = rearm(state, 'per_signal', 0, 5).state
  assert.equal(rearm(state, 'per_signal', 1, 5).signal, false)
  assert.equal(rearm(state, 'per_signal', 1, 6).signal, true)
})

test('per_bar fires once in every bar while true', () => {
  const state = consume(FRESH_PLAYBOOK_STATE, 5)
  assert.equal(rearm(state, 'per_bar', 1, 5).signal, false)
  assert.equal(rearm(state, 'per_bar', 1, 6).signal, true)
  assert.equal(rearm(state, 'per_bar', 0, 7).signal, false)
  assert.equal(rearm(state, 'per_bar', 2, 7).signal, false)
})

test('a sleeper learns from the column whether a used signal was false in between', () => {
  const column = Uint8Array.of(1, 1, 2, 1, 0, 1)
  assert.equal(rearmedBetween(column, 0, 3), false)
  assert.equal(rearmedBetween(column, 0, 5), true)
  assert.equal(rearmedBetween(column, 4, 5), false)
})

test('the trace explains every enabled item, unknown and latched ones too', () => {
  const from = playbook([at('now', 2), at('latched', 1, { validFor: { n: 3, unit: 'bars' } }), U, at('held', 2, { holdBars: 2 })])
  const compiled = compilePlaybook(from, CONTEXT)
  const lookup = lookupOf(closesAt([1, 2]))
  const reads = new ColumnReads(
    lookup,
    compiled.series.map(series => series.key),
  )
  let state = FRESH_PLAYBOOK_STATE
  let trace: ReturnType<typeof tracePlaybook> = []
  for (const atMs of lookup.closes(compiled.clock)) {
    reads.advanceTo(atMs)
    const step = stepPlaybook(compiled, state, reads, instantOf(compiled, reads, atMs))
    state = step.state
    trace = tracePlaybook(compiled, step, reads)
  }
  assert.deepEqual(
    trace.map(({ id, truth, latched, held, sentence }) => ({ id, truth, latched, held, sentence })),
    [
      { id: 'now', truth: 1, latched: false, held: null, sentence: 'close price 1h is 2, equals 2' },
      { id: 'latched', truth: 1, latched: true, held: null, sentence: 'close price 1h is 2, needs equals 1' },
      { id: 'u', truth: 2, latched: false, held: null, sentence: 'RSI(14) 1h has too few closed bars yet' },
      { id: 'held', truth: 0, latched: false, held: 1, sentence: 'close price 1h is 2, equals 2' },
    ],
  )
})
