/**
 * What a DCA config must obey beyond its single keys: one function per subject. Each looks only at parts that could be read, so that
 * one bad key does not hide the other findings.
 */

import type { Instrument } from '../core/market/instrument.ts'
import { splitSymbol } from '../core/market/instrument.ts'
import { Decimal, HUNDRED, ONE, sumDecimals } from '../core/money/decimal.ts'
import { type PlaybookInput, resolvePlaybook, type SymbolCheck } from './condition-schema.ts'
import type { DcaDocument } from './dca-config-schema.ts'
import type { Finding, FindingCode } from './finding.ts'

/** The config as far as it could be read; a block that is off is null. */
export type DcaDraft = {
  readonly [K in Exclude<keyof DcaDocument, 'exits' | 'dynamicScaling' | 'emergencyBrake'>]?: DcaDocument[K]
} & {
  readonly exits: Partial<DcaDocument['exits']>
  readonly dynamicScaling?: Partial<NonNullable<DcaDocument['dynamicScaling']>> | null
  readonly emergencyBrake?: Partial<NonNullable<DcaDocument['emergencyBrake']>> | null
}

export interface RuleContext {
  readonly draft: DcaDraft
  /** Path of a key of the config, such as `exits.takeProfit`. */
  at(key: string): string
  readonly symbols: SymbolCheck
  instrument(symbol: string): Instrument | undefined
  /** Whether any part at or below this key could not be read. */
  failed(key: string): boolean
  readonly findings: Finding[]
}

export function checkRules(context: RuleContext): void {
  checkPairs(context)
  checkMarket(context)
  checkBaseOrder(context)
  checkEntry(context)
  checkAveraging(context)
  checkTargets(context)
  checkStopLoss(context)
  checkRegime(context)
  checkNotYet(context)
  checkMinimums(context)
}

function add(context: RuleContext, key: string, code: FindingCode, message: string): void {
  context.findings.push({ path: context.at(key), code, message })
}

function checkPairs(context: RuleContext): void {
  const { pairs, market } = context.draft
  if (!pairs) return
  const quotes = new Set<string>()
  pairs.forEach((pair, i) => {
    const key = `pairs[${i}]`
    if (pairs.indexOf(pair) !== i) add(context, key, 'DUPLICATE', `${pair} stands twice`)
    const parts = splitSymbol(pair)
    const problem = context.symbols.problemOf(pair)
    if (problem !== null) add(context, key, 'UNKNOWN_SYMBOL', problem)
    else if (parts && (parts.settle === null) !== (market !== 'perp'))
      add(
        context,
        key,
        'UNKNOWN_SYMBOL',
        market === 'perp' ? `${pair} is no perpetual` : `${pair} is a perpetual; spot symbols have no :${parts.settle}`,
      )
    if (parts) quotes.add(parts.quote)
  })
  if (quotes.size > 1) add(context, 'pairs', 'MIXED_QUOTE', `one quote currency for all pairs; here ${[...quotes].join(' and ')}`)
  for (const pair of Object.keys(context.draft.dealStart?.priceBand ?? {})) checkIsPair(context, 'dealStart.priceBand', pair)
  for (const [pair, band] of Object.entries(context.draft.dealStart?.priceBand ?? {})) {
    if (band.min !== null && band.max !== null && Decimal.from(band.min).gte(Decimal.from(band.max)))
      add(
        context,
        `dealStart.priceBand[${JSON.stringify(pair)}]`,
        'RANGE_INVERTED',
        `min ${band.min} is not below max ${band.max}`,
      )
  }
}

function checkIsPair(context: RuleContext, key: string, pair: string, code: FindingCode = 'UNKNOWN_SYMBOL'): void {
  if (context.draft.pairs && !context.draft.pairs.includes(pair))
    add(context, `${key}[${JSON.stringify(pair)}]`, code, `${pair} is not among the bot's pairs`)
}

function checkMarket(context: RuleContext): void {
  const { market, direction, leverage, marginMode } = context.draft
  if (market !== 'spot') return
  if (direction === 'short') add(context, 'direction', 'SHORT_NEEDS_PERP', 'selling short needs market perp')
  if (leverage !== undefined && leverage !== 1)
    add(context, 'leverage', 'OUT_OF_RANGE', 'leverage needs market perp; on spot it is 1')
  if (marginMode === 'cross') add(context, 'marginMode', 'OUT_OF_RANGE', 'a margin mode needs market perp')
}

const MAX_PER_PAIR_PRICES = 5

function checkBaseOrder(context: RuleContext): void {
  const { baseOrder, pairs } = context.draft
  if (!baseOrder) return
  if (baseOrder.sizeType === 'balance_pct' && Decimal.from(baseOrder.size).gt(HUNDRED))
    add(context, 'baseOrder.size', 'OUT_OF_RANGE', 'percent of the balance: at most 100')
  if (baseOrder.orderType !== 'limit') return
  const limit = baseOrder.limit
  if (limit?.mode === 'offset') return
  if (!pairs) return
  if (pairs.length > MAX_PER_PAIR_PRICES) {
    const message = `prices per pair are for at most ${MAX_PER_PAIR_PRICES} pairs; use mode offset`
    add(context, 'baseOrder.limit.mode', 'LIMIT_PAIRS', message)
    return
  }
  const prices = limit?.prices ?? {}
  const without = pairs.filter(pair => !Object.hasOwn(prices, pair))
  if (without.length > 0)
    add(context, 'baseOrder.limit.prices', 'LIMIT_PRICE_MISSING', `no limit price for ${without.join(', ')}`)
  for (const pair of Object.keys(prices)) checkIsPair(context, 'baseOrder.limit.prices', pair, 'LIMIT_PAIRS')
}

/** Checks a playbook of the config where there is one. */
function checkPlaybook(context: RuleContext, key: string, playbook: PlaybookInput | null | undefined): void {
  if (playbook) resolvePlaybook(playbook, context.at(key), context.symbols, context.findings)
}

function checkEntry(context: RuleContext): void {
  const { entry } = context.draft
  if (!entry) return
  checkPlaybook(context, 'entry.playbook', entry.playbook)
  if (entry.mode === 'immediate' && entry.playbook !== null)
    add(
      context,
      'entry.playbook',
      'PLAYBOOK_FORBIDDEN',
      'an immediate entry waits for nothing; set mode conditional, or take the playbook out',
    )
  if (entry.mode === 'conditional' && entry.playbook === null)
    add(context, 'entry.playbook', 'PLAYBOOK_REQUIRED', 'a conditional entry needs its playbook')
}

function checkAveraging(context: RuleContext): void {
  const { averaging } = context.draft
  if (!averaging) return
  const { rule } = averaging
  checkPlaybook(context, 'averaging.requirePlaybook', averaging.requirePlaybook)
  if (averaging.amount.type === 'balance_pct' && Decimal.from(averaging.amount.value).gt(HUNDRED))
    add(context, 'averaging.amount.value', 'OUT_OF_RANGE', 'percent of the balance: at most 100')
  if (rule.type === 'condition') {
    if (rule.playbook === null)
      add(context, 'averaging.rule.playbook', 'PLAYBOOK_REQUIRED', 'the rule condition needs its playbook')
    checkPlaybook(context, 'averaging.rule.playbook', rule.playbook)
  }
  if (rule.type === 'levels') checkLevels(context, rule.levels)
  if (rule.type === 'ladder') {
    const rung = firstRungBelowZero(rule.stepPct, rule.stepScale, averaging.maxOrders ?? 5)
    if (rung !== null)
      add(
        context,
        'averaging.rule',
        'LADDER_BELOW_ZERO',
        `order ${rung.k} would lie ${rung.deviation} % below the base price; fewer orders or smaller steps`,
      )
  }
  const dropsByPercent = rule.type === 'down_from_last' || rule.type === 'down_from_average' || rule.type === 'loss_pct'
  if (dropsByPercent && Decimal.from(rule.value).gte(HUNDRED))
    add(context, 'averaging.rule.value', 'LADDER_BELOW_ZERO', 'a price cannot fall by 100 %')
  if (averaging.activeOrdersCount > Math.max(1, averaging.maxOrders ?? 200))
    add(context, 'averaging.activeOrdersCount', 'OUT_OF_RANGE', `at most maxOrders, ${averaging.maxOrders}`)
}

function checkLevels(context: RuleContext, levels: readonly { id: string; dropPct: string }[]): void {
  levels.forEach((level, i) => {
    const key = `averaging.rule.levels[${i}]`
    const before = levels[i - 1]
    if (Decimal.from(level.dropPct).gte(HUNDRED))
      add(context, `${key}.dropPct`, 'LADDER_BELOW_ZERO', 'a price cannot fall by 100 %')
    if (before && Decimal.from(level.dropPct).lte(Decimal.from(before.dropPct)))
      add(context, `${key}.dropPct`, 'LEVELS_ORDER', `${level.dropPct} must be more than ${before.dropPct} of the level before`)
    if (levels.findIndex(other => other.id === level.id) !== i)
      add(context, `${key}.id`, 'DUPLICATE', `the id ${level.id} stands twice`)
  })
}

/** The first averaging order whose deviation, step x (1 + scale + ... + scale^(k-1)), reaches 100 %; null where none does. */
export function firstRungBelowZero(stepPct: string, stepScale: string, orders: number): { k: number; deviation: string } | null {
  const scale = Decimal.from(stepScale)
  let step = Decimal.from(stepPct)
  let deviation = Decimal.from(0)
  for (let k = 1; k <= orders; k++) {
    deviation = deviation.plus(step)
    if (deviation.gte(HUNDRED)) return { k, deviation: deviation.round(4, 'half_even').toString() }
    step = step.times(scale)
    // Steps that shrink below any tick add nothing more; exact digits would only grow.
    if (step.lt(Decimal.from('0.000000000001'))) return null
  }
  return null
}

const FULL_EXITS = ['trailing', 'takeProfitAndRestart', 'timeExit', 'closeBy'] as const

function checkTargets(context: RuleContext): void {
  const { exits } = context.draft
  checkPlaybook(context, 'exits.closeBy.playbook', exits.closeBy?.playbook)
  if (exits.closeBy && exits.closeBy.playbook === null)
    add(context, 'exits.closeBy.playbook', 'PLAYBOOK_REQUIRED', 'closeBy needs its playbook')
  const others = FULL_EXITS.some(key => exits[key])
  if (!exits.takeProfit && !others && !context.failed('exits'))
    add(
      context,
      'exits',
      'EXIT_REQUIRED',
      `a deal must be able to end in profit: set ${['takeProfit', ...FULL_EXITS].join(', ')}`,
    )
  if (!exits.takeProfit) return
  const sum = sumDecimals(exits.takeProfit.targets.map(target => Decimal.from(target.sellPct)))
  const restIsSold = others || (exits.stopLoss?.trailing ?? false) || FULL_EXITS.some(key => context.failed(`exits.${key}`))
  if (sum.gt(HUNDRED)) add(context, 'exits.takeProfit.targets', 'TARGETS_SUM', `the targets sell ${sum} %, at most 100`)
  else if (sum.lt(HUNDRED) && !restIsSold)
    add(context, 'exits.takeProfit.targets', 'TARGETS_SUM', `the targets sell ${sum} %; make it 100, or add an exit for the rest`)
  const profits = exits.takeProfit.targets.map(target => Decimal.from(target.profitPct).toString())
  profits.forEach((profit, i) => {
    if (profits.indexOf(profit) !== i)
      add(context, `exits.takeProfit.targets[${i}].profitPct`, 'DUPLICATE', `two targets at ${profit} %; join them`)
  })
}

function checkStopLoss(context: RuleContext): void {
  const { exits, pairs, market } = context.draft
  const stop = exits.stopLoss
  if (!stop) return
  if (stop.type === 'price') {
    if (stop.value !== null && stop.prices !== null)
      add(context, 'exits.stopLoss.value', 'OUT_OF_RANGE', 'one price as value, or prices by pair, not both')
    if (stop.value === null && stop.prices === null)
      add(context, 'exits.stopLoss.value', 'REQUIRED', 'a stop at a price needs that price')
    if (stop.value !== null && (pairs?.length ?? 1) > 1)
      add(
        context,
        'exits.stopLoss.prices',
        'LIMIT_PRICE_MISSING',
        'with several pairs each needs a stop price of its own, in prices',
      )
    if (stop.prices !== null && pairs) {
      const without = pairs.filter(pair => !Object.hasOwn(stop.prices ?? {}, pair))
      if (without.length > 0)
        add(context, 'exits.stopLoss.prices', 'LIMIT_PRICE_MISSING', `no stop price for ${without.join(', ')}`)
      for (const pair of Object.keys(stop.prices)) checkIsPair(context, 'exits.stopLoss.prices', pair)
    }
  } else {
    if (stop.value === null)
      add(context, 'exits.stopLoss.value', 'REQUIRED', stop.type === 'pct' ? 'percent below the basis' : 'loss in quote currency')
    if (stop.prices !== null) add(context, 'exits.stopLoss.prices', 'OUT_OF_RANGE', 'prices go with type price')
    if (stop.type === 'pct' && stop.value !== null && Decimal.from(stop.value).gte(HUNDRED))
      add(context, 'exits.stopLoss.value', 'OUT_OF_RANGE', 'a price cannot fall by 100 %')
  }
  if (stop.breakEvenAfterTarget !== null && !context.failed('exits.takeProfit')) {
    const targets = exits.takeProfit?.targets.length ?? 0
    if (stop.breakEvenAfterTarget > targets)
      add(
        context,
        'exits.stopLoss.breakEvenAfterTarget',
        'OUT_OF_RANGE',
        `there ${targets === 1 ? 'is 1 target' : `are ${targets} targets`}`,
      )
  }
  if (stop.placement !== 'resting') return
  if (stop.timeoutSec > 0)
    add(context, 'exits.stopLoss.timeoutSec', 'OUT_OF_RANGE', 'a resting stop cannot wait; set 0, or placement virtual')
  if (market === 'spot' && exits.takeProfit?.placement === 'resting')
    add(
      context,
      'exits.stopLoss.placement',
      'PROTECTION_OVERLAP',
      'on spot the same coins cannot rest in targets and in a stop; make one of them virtual',
    )
}

function checkRegime(context: RuleContext): void {
  const { regime } = context.draft
  if (!regime) return
  if (!regime.belowMa && regime.rsiBelow === null)
    add(
      context,
      'regime',
      'REGIME_NO_TEST',
      'belowMa and rsiBelow are both off, so nothing would ever pause; set one, or switch the block off',
    )
  if (regime.symbol !== null) {
    const problem = context.symbols.problemOf(regime.symbol)
    if (problem !== null) add(context, 'regime.symbol', 'UNKNOWN_SYMBOL', problem)
  }
}

/** Behaviour that later versions bring: refused rather than stored and not obeyed. */
function checkNotYet(context: RuleContext): void {
  const { market, dynamicScaling, emergencyBrake, dealStart } = context.draft
  if (dealStart?.maxSpreadPct) {
    add(
      context,
      'dealStart.maxSpreadPct',
      'NOT_AVAILABLE_YET',
      'candles carry no bid and ask: the spread filter comes with live order books; leave it out',
    )
  }
  if (market === 'perp') add(context, 'market', 'NOT_AVAILABLE_YET', 'perpetuals come with a later version; this one trades spot')
  const scales =
    dynamicScaling &&
    (dynamicScaling.volatility || dynamicScaling.supportResistance || dynamicScaling.fearGreed || dynamicScaling.volumeProfile)
  if (scales)
    add(context, 'dynamicScaling', 'NOT_AVAILABLE_YET', 'dynamic scaling comes with a later version; switch the block off')
  if (emergencyBrake?.marketCrash)
    add(
      context,
      'emergencyBrake.marketCrash',
      'NOT_AVAILABLE_YET',
      'the market crash brake comes with a later version; switch it off',
    )
}

/** Orders whose size in quote is known before any price: no venue would take them. The others are checked when they are placed. */
function checkMinimums(context: RuleContext): void {
  const { baseOrder, averaging, pairs } = context.draft
  if (!baseOrder || !pairs) return
  const base = baseOrder.sizeType === 'quote' ? Decimal.from(baseOrder.size) : null
  for (const pair of pairs) {
    const instrument = context.instrument(pair)
    if (!instrument) continue
    const { minNotional, quote } = instrument
    if (base?.lt(minNotional))
      add(context, 'baseOrder.size', 'E_MIN_NOTIONAL', `${pair}: ${base} ${quote} is below the venue's minimum of ${minNotional}`)
    if (!averaging) continue
    const small = averagingQuotes(averaging, base).find(rung => rung.quote.lt(minNotional))
    if (small)
      add(
        context,
        small.key,
        'E_MIN_NOTIONAL',
        `${pair}: averaging order ${small.k} of ${small.quote.round(8, 'half_even')} ${quote} is below the venue's minimum of ${minNotional}`,
      )
  }
}

interface RungQuote {
  readonly k: number
  readonly quote: Decimal
  readonly key: string
}

/** Quote amounts of the averaging orders as far as the config alone tells them: amount x volumeScale^(k-1), or the levels' own. */
export function averagingQuotes(averaging: NonNullable<DcaDocument['averaging']>, base: Decimal | null): RungQuote[] {
  const { amount, rule } = averaging
  const inQuote = (value: string): Decimal | null => {
    if (amount.type === 'fixed') return Decimal.from(value)
    return amount.type === 'base_pct' && base !== null ? base.times(Decimal.from(value)).percent() : null
  }
  if (rule.type === 'levels') {
    return rule.levels.flatMap((level, i) => {
      const quote = level.enabled ? inQuote(level.amount) : null
      return quote === null ? [] : [{ k: i + 1, quote, key: `averaging.rule.levels[${i}].amount` }]
    })
  }
  const first = inQuote(amount.value)
  if (first === null) return []
  const growth = Decimal.from(averaging.volumeScale)
  const rungs: RungQuote[] = []
  let factor = ONE
  for (let k = 1; k <= (averaging.maxOrders ?? 5); k++) {
    rungs.push({ k, quote: first.times(factor), key: 'averaging.amount' })
    factor = factor.times(growth).round(30, 'half_even')
  }
  return rungs
}
