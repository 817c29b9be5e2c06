import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changed, playbookOf, RSI_BELOW_30, SMALL } from './dca-config.fixture.ts'
import { parseDcaConfig } from './dca-config.ts'
import { type ConflictFacts, findConflicts } from './dca-conflicts.ts'

function codes(input: unknown, facts?: ConflictFacts): string[] {
  const result = parseDcaConfig(input)
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.findings))
  return findConflicts(result.config, facts).map(conflict => conflict.code)
}

const entry = (...conditions: unknown[]) => changed(SMALL, 'entry', { mode: 'conditional', playbook: playbookOf(...conditions) })

test('a plain config has no conflicts', () => {
  assert.deepEqual(codes(SMALL, { feeBps: '10', requiredCapital: '113.8', balance: '1000' }), [])
})

test('W_REGIME_ENTRY: the entry waits for what makes the regime pause, and the override resolves it', () => {
  const withRegime = (config: unknown, regime: object = {}) => codes(changed(config, 'regime', regime))
  assert.deepEqual(withRegime(entry(RSI_BELOW_30)), ['W_REGIME_ENTRY'])
  assert.deepEqual(withRegime(entry(RSI_BELOW_30), { allowEntryOverride: true }), [])
  assert.deepEqual(withRegime(entry(RSI_BELOW_30), { rsiBelow: 25 }), [])
  assert.deepEqual(withRegime(entry(RSI_BELOW_30), { rsiBelow: null }), [])
  const below = (period: number) => ({
    timeframe: '1d',
    lhs: { kind: 'price' },
    op: 'lt',
    rhs: { kind: 'indicator', name: 'sma', params: { period } },
  })
  assert.deepEqual(withRegime(entry(below(180))), ['W_REGIME_ENTRY'])
  assert.deepEqual(withRegime(entry(below(179))), [])
  assert.deepEqual(withRegime(entry(below(180)), { belowMa: false }), [])
  const mirrored = { ...below(200), lhs: below(200).rhs, op: 'gt', rhs: { kind: 'price' } }
  assert.deepEqual(withRegime(entry(mirrored)), ['W_REGIME_ENTRY'])
})

test('W_STOP_INSIDE_LADDER: a rung beyond the stop, by every basis', () => {
  // Deviations 1.5, 3.3, 5.46.
  const stop = (value: number, rest: object = {}) => codes(changed(SMALL, 'exits.stopLoss', { value, ...rest }))
  assert.deepEqual(stop(5.46, { basis: 'base_order' }), ['W_STOP_INSIDE_LADDER'])
  assert.deepEqual(stop(5.47, { basis: 'base_order' }), [])
  assert.deepEqual(stop(2.2, { basis: 'last_entry' }), ['W_STOP_INSIDE_LADDER'])
  assert.deepEqual(stop(2.3, { basis: 'last_entry' }), [])
  // The average before the last rung is about 0.9814: the rung lies 3.67 % below it.
  assert.deepEqual(stop(3.6), ['W_STOP_INSIDE_LADDER'])
  assert.deepEqual(stop(3.8), [])
  assert.deepEqual(stop(2, { type: 'amount' }), ['W_STOP_INSIDE_LADDER'])
  assert.deepEqual(stop(50, { type: 'amount' }), [])
  const dynamic = (rule: object, exits: object) => codes(changed(changed(SMALL, 'averaging.rule', rule), 'exits.stopLoss', exits))
  assert.deepEqual(dynamic({ type: 'loss_pct', value: 10 }, { value: 10 }), ['W_STOP_INSIDE_LADDER'])
  assert.deepEqual(dynamic({ type: 'loss_pct', value: 9 }, { value: 10 }), [])
  assert.deepEqual(dynamic({ type: 'down_from_last', value: 5 }, { value: 4, basis: 'last_entry' }), ['W_STOP_INSIDE_LADDER'])
  const levels = {
    type: 'levels',
    levels: [
      { id: 'a', dropPct: 5, amount: 20 },
      { id: 'b', dropPct: 30, amount: 20 },
    ],
  }
  assert.deepEqual(dynamic(levels, { value: 20 }), ['W_STOP_INSIDE_LADDER'])
  assert.deepEqual(dynamic(levels, { value: 40 }), [])
})

test('W_TP_BELOW_FEES: a gross target that both fees eat', () => {
  const target = changed(SMALL, 'exits.takeProfit.targets.0.profitPct', '0.2')
  assert.deepEqual(codes(target, { feeBps: '10' }), ['W_TP_BELOW_FEES'])
  assert.deepEqual(codes(target, { feeBps: '9.9' }), [])
  assert.deepEqual(codes(changed(target, 'exits.profitBasis', 'net'), { feeBps: '10' }), [])
})

test('W_TRAIL_LOSS: armed too near for its distance', () => {
  const trailing = (activationPct: number, distancePct: number) =>
    codes(changed(SMALL, 'exits.trailing', { activationPct, distancePct }))
  assert.deepEqual(trailing(5, 5), ['W_TRAIL_LOSS'])
  assert.deepEqual(trailing(25, 20), [])
  assert.deepEqual(trailing(24.9, 20), ['W_TRAIL_LOSS'])
})

test('W_ENTRY_EXIT_SAME: what opens also closes', () => {
  const rising = { timeframe: '1h', lhs: { kind: 'price' }, op: 'rising' }
  const closeBy = (playbook: object, ...conditions: unknown[]) =>
    codes(changed(entry(...conditions), 'exits.closeBy', { playbook }))
  assert.deepEqual(closeBy(playbookOf(RSI_BELOW_30), RSI_BELOW_30, rising), ['W_ENTRY_EXIT_SAME'])
  assert.deepEqual(closeBy(playbookOf(RSI_BELOW_30, rising), RSI_BELOW_30), [])
  assert.deepEqual(closeBy({ ...playbookOf(RSI_BELOW_30, rising), gate: 'any' }, RSI_BELOW_30), ['W_ENTRY_EXIT_SAME'])
  assert.deepEqual(closeBy(playbookOf(rising), RSI_BELOW_30), [])
})

test('W_BALANCE: the capital of all deals is more than the balance', () => {
  const two = changed(SMALL, 'maxActiveDeals', 2)
  assert.deepEqual(codes(two, { requiredCapital: '500.1', balance: '1000' }), ['W_BALANCE'])
  assert.deepEqual(codes(two, { requiredCapital: '500', balance: '1000' }), [])
})
