// Random bots on random candles (execution.md 1.7, 16): sleeping and stepping give the same trades and the same ledger, a run that is
// cut off at any point goes on to the same end, and what must always hold holds after each step. `npm run soak:fuzz` runs more.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkCase, checkRestart, fuzzSeed, PATHS, runCase, shrink } from './fuzz-run.ts'
import { randomCase } from './random-bot.ts'

const BLOCK = 50
for (let first = 1; first <= 300; first += BLOCK) {
  test(`skipping equals stepping, seeds ${first} to ${first + BLOCK - 1}`, () => {
    for (let seed = first; seed < first + BLOCK; seed += 1) fuzzSeed(seed, PATHS[seed % PATHS.length]!)
  })
}

test('skipping equals stepping where a hole hides the end of a bar of the regime', () => {
  for (const path of PATHS) fuzzSeed(1049, path)
})

test('a run that is cut off after any wake-up continues to the same end', () => {
  for (let seed = 1; seed <= 60; seed += 1) fuzzSeed(seed, PATHS[seed % PATHS.length]!, checkRestart)
})

test('the random cases are worth their time: they trade, by every reason and through every purpose', () => {
  const reasons = new Set<string>()
  const purposes = new Set<string>()
  let trades = 0
  let delayedPairs = 0
  let stopsInParts = 0
  for (let seed = 1; seed <= 60; seed += 1) {
    const each = randomCase(seed)
    const { journal } = runCase(each, 'pessimistic', true)
    const { dealStart, exits, pairs } = each.config
    if (dealStart.delaySec > 0 && pairs.length > 1) delayedPairs += 1
    for (const trade of journal.closedTrades()) {
      trades += 1
      reasons.add(trade.exitReason!)
      for (const order of journal.ordersOf(trade.tradeSeq)) purposes.add(order.purpose)
      const stopFills = journal.fillsOf(trade.tradeSeq).filter(fill => fill.purpose === 'sl')
      if (exits.stopLoss?.placement === 'resting' && stopFills.length > 1) stopsInParts += 1
    }
  }
  assert.ok(trades > 500, `${trades} trades`)
  assert.ok(delayedPairs > 2, `${delayedPairs} bots with several pairs wait before a deal`)
  assert.ok(stopsInParts > 2, `${stopsInParts} resting stops filled in parts`)
  for (const reason of [
    'take_profit',
    'trailing',
    'stop_loss',
    'trailing_stop',
    'break_even',
    'restart',
    'time',
    'playbook',
    'brake',
  ]) {
    assert.ok(reasons.has(reason), `no deal ended by ${reason}: ${[...reasons]}`)
  }
  for (const purpose of ['base', 'avg', 'tp', 'sl', 'trail', 'exit']) assert.ok(purposes.has(purpose), `no order for ${purpose}`)
})

test('the checks see a fault, and shrinking keeps it', () => {
  const each = randomCase(2)
  const loses = (candidate: typeof each): boolean => runCase(candidate, 'ohlc', true).journal.closedTrades().length > 0
  assert.ok(loses(each))
  const small = shrink(each, loses)
  assert.ok(loses(small))
  assert.ok([...small.candles.values()][0]!.length < [...each.candles.values()][0]!.length)
  const broken = () => {
    throw new Error('found')
  }
  assert.throws(() => fuzzSeed(1, 'ohlc', broken), /seed 1, path ohlc fails .*--seed 1 --path ohlc[\s\S]*found/)
  checkCase(each, 'ohlc')
})
