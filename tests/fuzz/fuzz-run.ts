// Runs a random case in several ways and watches every step of it: what must always hold is stated here once.

import assert from 'node:assert/strict'
import { type BacktestOutcome, runBacktest } from '../../src/backtest/run-backtest.ts'
import { type CandleColumns, sliceColumns } from '../../src/core/market/candles.ts'
import { Decimal, ZERO } from '../../src/core/money/decimal.ts'
import { isLive, remainingQuantity } from '../../src/core/orders/order.ts'
import { tradesHash } from '../../src/core/positions/trades-hash.ts'
import type { DcaState, Deal } from '../../src/engine/dca/dca-state.ts'
import type { EngineEvent, StepResult } from '../../src/engine/machine.ts'
import type { FillPath } from '../../src/engine/simulated-venue/candle-path.ts'
import { type Case, randomCase } from './random-bot.ts'

export const PATHS = ['pessimistic', 'optimistic', 'ohlc'] as const

export function runCase(each: Case, fillPath: FillPath, skip: boolean, restartEvery = 0): BacktestOutcome {
  const [first] = each.candles.values()
  const fromMs = each.fromBar > 0 ? first!.openTimeMs[Math.min(each.fromBar, first!.length - 1)]! : undefined
  const invariants = new Invariants(each)
  const outcome = runBacktest({
    config: each.config,
    instruments: each.instruments,
    candles: each.candles,
    timeframe: each.timeframe,
    capital: Decimal.from(each.capital),
    ...(fromMs === undefined ? {} : { fromMs }),
    venue: {
      fillPath,
      slippageBps: Decimal.from(each.slippageBps),
      impactBpsPerPctVolume: ZERO,
      volumeCapPct: Decimal.from(each.volumeCapPct),
      ...each.trouble,
    },
    skip,
    restartEvery,
    onStep: (event, result) => {
      invariants.check(event, result)
      // a step that changed the state it was given would throw at the next event
      deepFreeze(result.state)
    },
  })
  assert.ok(outcome.state.ended, 'the data ended, but not the run')
  assert.deepEqual(outcome.state.deals, [], 'deals are left after the end')
  return outcome
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
}

/** A run that is cut off after every n-th wake-up and goes on from its saved JSON alone ends like one that was left alone. */
export function checkRestart(each: Case, fillPath: FillPath): void {
  const whole = runCase(each, fillPath, true)
  for (const [skip, restartEvery] of [
    [true, 1],
    [false, 3],
  ] as const) {
    const cut = runCase(each, fillPath, skip, restartEvery)
    assert.equal(cut.tradesHash, whole.tradesHash, firstDifference(cut, whole))
    assert.deepEqual(ledgerOf(cut), ledgerOf(whole), 'a restart left another ledger')
  }
}

/** @throws what went wrong, as an assertion. */
export function checkCase(each: Case, fillPath: FillPath): BacktestOutcome {
  const skipped = runCase(each, fillPath, true)
  const stepped = runCase(each, fillPath, false)
  assert.equal(skipped.tradesHash, stepped.tradesHash, firstDifference(skipped, stepped))
  assert.deepEqual(ledgerOf(skipped), ledgerOf(stepped), 'skipping and stepping left different ledgers')
  assert.equal(tradesHash(skipped.journal.hashedTrades()), skipped.tradesHash)
  return skipped
}

function ledgerOf(outcome: BacktestOutcome): [string, string][] {
  return outcome.journal.books
    .entries()
    .map(([account, balance]): [string, string] => [account, balance.toString()])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** What must hold after each step (dca-bot.md 17). */
class Invariants {
  readonly #case: Case
  /** Stop, average and number of entries of each deal after the former step. */
  readonly #stops = new Map<number, { stop: Decimal | null; average: number; bought: Decimal }>()
  #free = ZERO
  #reserved = ZERO

  constructor(each: Case) {
    this.#case = each
  }

  check(event: EngineEvent, { state, changes }: StepResult<DcaState>): void {
    for (const { debit, credit, amount } of changes.transfers) {
      if (debit === 'bot_free') this.#free = this.#free.plus(amount)
      if (credit === 'bot_free') this.#free = this.#free.minus(amount)
      if (debit === 'bot_reserved') this.#reserved = this.#reserved.plus(amount)
      if (credit === 'bot_reserved') this.#reserved = this.#reserved.minus(amount)
    }
    const at = `after ${event.kind} at ${event.atMs}`
    assert.ok(state.free.equals(this.#free), `free is ${state.free}, booked are ${this.#free} ${at}`)
    assert.ok(state.reserved.equals(this.#reserved), `reserved is ${state.reserved}, booked are ${this.#reserved} ${at}`)
    let locked = ZERO
    for (const deal of state.deals) {
      locked = locked.plus(deal.lock)
      this.#checkDeal(deal, at)
    }
    assert.ok(locked.equals(state.reserved), `deals lock ${locked}, reserved are ${state.reserved} ${at}`)
    for (const dust of Object.values(state.dust))
      assert.ok(!dust.quantity.isNegative() && !dust.basis.isNegative(), `dust below zero ${at}`)
    const { averaging, maxActiveDeals } = this.#case.config
    assert.ok(state.deals.length <= maxActiveDeals, `${state.deals.length} deals ${at}`)
    if (averaging) {
      const all = state.deals.reduce((sum, deal) => sum + averagingOf(deal), 0)
      assert.ok(all <= averaging.maxOrdersAllDeals, `${all} averaging orders in all deals ${at}`)
    }
  }

  #checkDeal(deal: Deal, at: string): void {
    const { averaging, exits } = this.#case.config
    const { lot } = deal
    const name = `deal ${deal.tradeSeq} ${at}`
    assert.ok(!lot.quantity.isNegative(), `position ${lot.quantity}, ${name}`)
    assert.ok(!lot.basis.isNegative(), `basis ${lot.basis}, ${name}`)
    assert.ok(!deal.lock.isNegative(), `lock ${deal.lock}, ${name}`)
    let selling = ZERO
    for (const order of deal.orders) if (order.side === 'sell' && isLive(order)) selling = selling.plus(remainingQuantity(order))
    assert.ok(selling.lte(lot.quantity), `sells ${selling} of ${lot.quantity}, ${name}`)
    assert.ok(averagingOf(deal) <= (averaging?.maxOrders ?? 0), `${averagingOf(deal)} averaging orders, ${name}`)
    const limit = averaging?.maxInvestmentPerDeal
    // While orders travel the price may go anywhere.
    const travels = (this.#case.trouble.latency?.maxMs ?? 0) > 0
    if (limit && deal.averagingCount > 0 && !travels && !deal.orders.some(order => order.isVirtual)) {
      // a market order's slippage may go a little beyond what was decided
      const invested = lot.boughtValue.times(Decimal.from('0.99'))
      assert.ok(invested.lte(Decimal.from(limit)), `${lot.boughtValue} invested, ${name}`)
    }
    const average = lot.quantity.isPositive() ? lot.basis.toNumber() / lot.quantity.toNumber() : Number.NaN
    const former = this.#stops.get(deal.tradeSeq)
    if (former?.stop && deal.stop?.lt(former.stop)) {
      const averaged = lot.boughtQuantity.gt(former.bought)
      assert.ok(averaged && !exits.stopLoss?.trailing, `stop fell from ${former.stop} to ${deal.stop}, ${name}`)
    }
    if (former?.stop && lot.quantity.isPositive() && deal.status === 'open') assert.ok(deal.stop, `stop was lost, ${name}`)
    this.#stops.set(deal.tradeSeq, { stop: deal.stop, average, bought: lot.boughtQuantity })
  }
}

function averagingOf(deal: Deal): number {
  const working = deal.orders.filter(order => order.purpose === 'avg' && isLive(order) && !order.filledQuantity.isPositive())
  return deal.averagingCount + working.length
}

/** The first trade that differs, in words. */
export function firstDifference(a: BacktestOutcome, b: BacktestOutcome): string {
  const shown = (outcome: BacktestOutcome): Shown[] =>
    outcome.journal.closedTrades().map(trade => ({
      seq: trade.tradeSeq,
      line: `${trade.symbol} opened ${trade.openedAtMs} closed ${trade.closedAtMs} ${trade.exitReason} net ${trade.netPnl}`,
      fills: outcome.journal
        .fillsOf(trade.tradeSeq)
        .map(fill => `${fill.purpose}${fill.sequence}@${fill.atMs} ${fill.side} ${fill.quantity} at ${fill.price}`),
    }))
  const left = shown(a)
  const right = shown(b)
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    if (JSON.stringify(left[i]) !== JSON.stringify(right[i])) {
      return `trade ${i + 1} differs:\n${JSON.stringify(left[i], null, 1)}\n${JSON.stringify(right[i], null, 1)}`
    }
  }
  return 'the trades are alike'
}

interface Shown {
  readonly seq: number
  readonly line: string
  readonly fills: readonly string[]
}

/** The smallest variant of a failing case that still fails: fewer candles, fewer blocks of the config. */
export function shrink(failing: Case, fails: (each: Case) => boolean): Case {
  let best = failing
  const attempt = (next: Case | null): boolean => {
    if (!next) return false
    let broken = false
    try {
      broken = fails(next)
    } catch {
      broken = false
    }
    if (broken) best = next
    return broken
  }
  for (let share = 0.5; share < 0.999; share = 1 - (1 - share) / 2) while (attempt(cut(best, share)));
  const dropped: (readonly [string, ...string[]])[] = [
    ['regime'],
    ['emergencyBrake'],
    ['averaging'],
    ['exits', 'takeProfit'],
    ['exits', 'trailing'],
    ['exits', 'takeProfitAndRestart'],
    ['exits', 'stopLoss'],
    ['exits', 'timeExit'],
    ['exits', 'closeBy'],
    ['averaging', 'requirePlaybook'],
    ['averaging', 'stopOnLoss'],
    ['averaging', 'maxInvestmentPerDeal'],
    ['stopAfterDeals'],
  ]
  for (const path of dropped) {
    const config = structuredClone(best.config) as unknown as Record<string, unknown>
    const place = path
      .slice(0, -1)
      .reduce((at, key) => (at?.[key] ?? null) as Record<string, unknown> | null, config as Record<string, unknown> | null)
    if (!place || place[path.at(-1)!] === null) continue
    place[path.at(-1)!] = null
    attempt({ ...best, config: config as unknown as Case['config'] })
  }
  for (let share = 0.5; share < 0.999; share = 1 - (1 - share) / 2) while (attempt(cut(best, share)));
  return best
}

/** The first part of the candles; null where that is no less. */
function cut(each: Case, share: number): Case | null {
  const candles = new Map<string, CandleColumns>()
  for (const [symbol, columns] of each.candles)
    candles.set(symbol, sliceColumns(columns, 0, Math.max(2, Math.floor(columns.length * share))))
  if ([...candles].every(([symbol, columns]) => columns.length === each.candles.get(symbol)!.length)) return null
  return { ...each, candles }
}

/** Runs one seed under one path; a failure names the seed, how to repeat it, and the shrunk case. */
export function fuzzSeed(seed: number, fillPath: FillPath, check: (each: Case, fillPath: FillPath) => unknown = checkCase): void {
  const each = randomCase(seed)
  try {
    check(each, fillPath)
  } catch (cause) {
    const small = shrink(each, next => {
      try {
        check(next, fillPath)
        return false
      } catch {
        return true
      }
    })
    let why: unknown = cause
    try {
      check(small, fillPath)
    } catch (error) {
      why = error
    }
    const bars = [...small.candles.values()].map(columns => columns.length).join(' and ')
    throw new Error(
      `seed ${seed}, path ${fillPath} fails (repeat: npm run soak:fuzz -- --seed ${seed} --path ${fillPath}${check === checkRestart ? ' --restart' : ''}); shrunk to ${bars} bars:\n` +
        `${why instanceof Error ? why.stack : String(why)}\n${JSON.stringify(small.config)}`,
      { cause },
    )
  }
}
