/**
 * Conflicts inside a config that is valid: settings that work against each other. Each names the fields it links, so that the builder
 * can point at them; the user acknowledges them at save.
 */

import type { Condition, Operand } from '../core/conditions/condition.ts'
import { orderedItems, type Playbook } from '../core/conditions/playbook.ts'
import type { Averaging, DcaConfig } from '../core/dca/config.ts'
import { canonicalJson } from '../core/hash/canonical-json.ts'
import { Decimal } from '../core/money/decimal.ts'

export type ConflictCode =
  | 'W_REGIME_ENTRY'
  | 'W_STOP_INSIDE_LADDER'
  | 'W_TP_BELOW_FEES'
  | 'W_TRAIL_LOSS'
  | 'W_ENTRY_EXIT_SAME'
  | 'W_BALANCE'

export interface Conflict {
  readonly code: ConflictCode
  /** Keys of the config that work against each other. */
  readonly paths: readonly string[]
  readonly message: string
}

export interface ConflictFacts {
  /** Fee of one leg in basis points, the higher of the pairs. */
  readonly feeBps?: string
  /** Capital of one deal, quote, as the ladder preview says. */
  readonly requiredCapital?: string
  /** Balance of the bot, quote. */
  readonly balance?: string
}

export function findConflicts(config: DcaConfig, facts: ConflictFacts = {}): Conflict[] {
  return [
    regimeAgainstEntry(config),
    stopInsideLadder(config),
    targetsBelowFees(config, facts),
    trailingInLoss(config),
    entryIsExit(config),
    balanceTooSmall(config, facts),
  ].filter(conflict => conflict !== null)
}

const MOVING_AVERAGES = ['sma', 'ema', 'wma', 'vwma', 'dema', 'tema', 'hull', 'kama']

/** The regime pauses on just what the entry waits for; resolved by the override. */
function regimeAgainstEntry({ regime, entry }: DcaConfig): Conflict | null {
  if (!regime || regime.allowEntryOverride || !entry.playbook) return null
  const near = Math.max(10, regime.maPeriod / 10)
  for (const { id, condition } of orderedItems(entry.playbook)) {
    const { lower, upper } = sidesOfBelow(condition) ?? {}
    if (!lower || !upper) continue
    const threshold = upper.kind === 'const' || upper.kind === 'level' ? Number(upper.value) : null
    const wantsLowRsi =
      regime.rsiBelow !== null &&
      lower.kind === 'indicator' &&
      lower.name === 'rsi' &&
      threshold !== null &&
      threshold <= Number(regime.rsiBelow)
    const period = upper.kind === 'indicator' && MOVING_AVERAGES.includes(upper.name) ? Number(upper.params.period) : null
    const wantsBelowMa = regime.belowMa && lower.kind === 'price' && period !== null && Math.abs(period - regime.maPeriod) <= near
    if (wantsLowRsi || wantsBelowMa) {
      return {
        code: 'W_REGIME_ENTRY',
        paths: ['regime', 'entry.playbook'],
        message: `the entry item ${id} waits for what makes the regime pause; allow the entry to override the regime, or change one of them`,
      }
    }
  }
  return null
}

/** Which side a condition wants below which. */
function sidesOfBelow({ lhs, op, rhs }: Condition): { lower: Operand; upper: Operand } | null {
  if (rhs === null) return null
  if (op === 'lt' || op === 'lte' || op === 'crosses_below') return { lower: lhs, upper: rhs }
  return op === 'gt' || op === 'gte' || op === 'crosses_above' ? { lower: rhs, upper: lhs } : null
}

/** A rung that lies beyond the stop never fills: the deal is closed before. */
function stopInsideLadder(config: DcaConfig): Conflict | null {
  const { averaging } = config
  const stop = config.exits.stopLoss
  if (!averaging || !stop || stop.value === null || stop.trailing) return null
  const conflict = (message: string): Conflict => ({
    code: 'W_STOP_INSIDE_LADDER',
    paths: ['averaging.rule', 'exits.stopLoss'],
    message,
  })
  const { rule } = averaging
  const percent = Number(stop.value)
  if (rule.type === 'loss_pct' || rule.type === 'down_from_average') {
    const same = stop.type === 'pct' && stop.basis === 'average' && Number(rule.value) >= percent
    return same ? conflict(`averaging waits for ${rule.value} % below the average, the stop closes at ${stop.value} %`) : null
  }
  if (rule.type === 'down_from_last') {
    const same = stop.type === 'pct' && stop.basis === 'last_entry' && Number(rule.value) >= percent
    return same ? conflict(`averaging waits for ${rule.value} % below the last entry, the stop closes at ${stop.value} %`) : null
  }
  if (stop.type === 'price') return null
  const beyond = firstRungBeyondStop(config, averaging, stop.type, percent, stop.basis)
  return beyond === null ? null : conflict(`averaging order ${beyond} lies beyond the stop and never fills`)
}

/** Walks down the rungs with a base price of 1; amounts that only a balance tells end the walk. */
function firstRungBeyondStop(
  { baseOrder }: DcaConfig,
  averaging: Averaging,
  type: 'pct' | 'amount',
  value: number,
  basis: 'average' | 'base_order' | 'last_entry',
): number | null {
  const inQuote = baseOrder.sizeType === 'quote'
  const base = inQuote ? Number(baseOrder.size) : 1
  if (type === 'amount' && !inQuote) return null
  let cost = base
  let quantity = base
  let last = 1
  for (const rung of rungsOf(averaging)) {
    const basePrice = basis === 'base_order' ? 1 : basis === 'last_entry' ? last : cost / quantity
    const stopped = type === 'pct' ? rung.price <= basePrice * (1 - value / 100) : cost - quantity * rung.price >= value
    if (stopped) return rung.k
    const amount =
      averaging.amount.type === 'base_pct'
        ? (base * rung.amount) / 100
        : inQuote && averaging.amount.type === 'fixed'
          ? rung.amount
          : null
    if (amount === null) return null
    cost += amount
    quantity += amount / rung.price
    last = rung.price
  }
  return null
}

function rungsOf({ rule, amount, volumeScale, maxOrders }: Averaging): { k: number; price: number; amount: number }[] {
  if (rule.type === 'levels') {
    return rule.levels
      .filter(level => level.enabled)
      .slice(0, maxOrders)
      .map((level, i) => ({ k: i + 1, price: 1 - Number(level.dropPct) / 100, amount: Number(level.amount) }))
  }
  if (rule.type !== 'ladder') return []
  const rungs = []
  let deviation = 0
  let step = Number(rule.stepPct)
  let size = Number(amount.value)
  for (let k = 1; k <= maxOrders; k++) {
    deviation += step
    rungs.push({ k, price: 1 - deviation / 100, amount: size })
    step *= Number(rule.stepScale)
    size *= Number(volumeScale)
  }
  return rungs
}

/** A gross target that both fees eat. */
function targetsBelowFees({ exits }: DcaConfig, { feeBps }: ConflictFacts): Conflict | null {
  if (feeBps === undefined || exits.profitBasis === 'net' || !exits.takeProfit) return null
  const both = Decimal.from(feeBps).times(Decimal.from(2)).percent()
  const index = exits.takeProfit.targets.findIndex(target => Decimal.from(target.profitPct).lte(both))
  if (index < 0) return null
  return {
    code: 'W_TP_BELOW_FEES',
    paths: [`exits.takeProfit.targets[${index}].profitPct`],
    message: `a target of ${exits.takeProfit.targets[index]?.profitPct} % does not cover the fees of both legs, ${both} %`,
  }
}

/** (1 + activation)(1 - distance) < 1: the trailing stop may sell below the average. */
function trailingInLoss({ exits: { trailing } }: DcaConfig): Conflict | null {
  if (!trailing) return null
  const kept = Decimal.from(100)
    .plus(Decimal.from(trailing.activationPct))
    .times(Decimal.from(100).minus(Decimal.from(trailing.distancePct)))
  if (kept.gte(Decimal.from(10_000))) return null
  return {
    code: 'W_TRAIL_LOSS',
    paths: ['exits.trailing.activationPct', 'exits.trailing.distancePct'],
    message: `armed at ${trailing.activationPct} %, a stop ${trailing.distancePct} % below the peak can sell at a loss`,
  }
}

/** Whether the exit playbook is true whenever the entry one is: the deal would be closed as it opens. */
function entryIsExit({ entry, exits }: DcaConfig): Conflict | null {
  if (!entry.playbook || !exits.closeBy || !implies(entry.playbook, exits.closeBy.playbook)) return null
  return {
    code: 'W_ENTRY_EXIT_SAME',
    paths: ['entry.playbook', 'exits.closeBy.playbook'],
    message: 'what opens a deal also closes it',
  }
}

function implies(entry: Playbook, exit: Playbook): boolean {
  const wanted = keysOf(exit)
  const given = keysOf(entry)
  const allGiven = entry.gate === 'all' || given.length === 1
  if (!allGiven) return exit.gate === entry.gate && exit.n === entry.n && canonicalJson(wanted) === canonicalJson(given)
  const shared = wanted.filter(key => given.includes(key)).length
  if (exit.gate === 'any') return shared > 0
  if (exit.gate === 'atLeast') return shared >= (exit.n ?? 1)
  return shared === wanted.length
}

function keysOf(playbook: Playbook): string[] {
  return orderedItems(playbook).map(item => canonicalJson(item.condition))
}

function balanceTooSmall({ maxActiveDeals }: DcaConfig, { requiredCapital, balance }: ConflictFacts): Conflict | null {
  if (requiredCapital === undefined || balance === undefined) return null
  const needed = Decimal.from(requiredCapital).times(Decimal.from(maxActiveDeals))
  if (needed.lte(Decimal.from(balance))) return null
  return {
    code: 'W_BALANCE',
    paths: ['maxActiveDeals', 'baseOrder.size', 'averaging'],
    message: `${maxActiveDeals} deals need ${needed}, the balance is ${balance}: not all of them can open`,
  }
}
