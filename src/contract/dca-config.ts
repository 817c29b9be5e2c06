/**
 * Reads a DCA bot's config: the loose JSON people write becomes the `DcaConfig` that trading reads, or the list of everything that is
 * wrong with it.
 */

import { z } from 'zod'
import type { Playbook } from '../core/conditions/playbook.ts'
import type { AveragingRule, DcaConfig } from '../core/dca/config.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { BY_FORM_ONLY, type PlaybookInput, resolvePlaybook, type SymbolCheck } from './condition-schema.ts'
import { type DcaDocument, dcaConfigSchema, dcaConfigShape } from './dca-config-schema.ts'
import { checkRules, type DcaDraft } from './dca-rules.ts'
import { childPath, type Finding, isNullable, isRecord, nearest, parseWith, shapeOf, withoutUnknownKeys } from './finding.ts'

export interface DcaParseOptions {
  /** Rules of a symbol on the bot's exchange; undefined = not listed there. Without it symbols are checked by their form only. */
  readonly instrument?: (symbol: string) => Instrument | undefined
  /** Known symbols, for suggestions. */
  readonly symbols?: readonly string[]
  /** Put before every path, such as `config`. */
  readonly path?: string
}

export type DcaParseResult =
  | {
      readonly ok: true
      readonly config: DcaConfig
      /** What is stored and answered: reads back to the same config; blocks that are switched off are kept. */
      readonly document: DcaDocument
    }
  | { readonly ok: false; readonly findings: readonly Finding[] }

/** Parsed key by key, so that rules can look at what could be read. */
const PARTED = ['exits', 'dynamicScaling', 'emergencyBrake'] as const

export function parseDcaConfig(input: unknown, options: DcaParseOptions = {}): DcaParseResult {
  const path = options.path ?? ''
  const findings: Finding[] = []
  if (!isRecord(input)) return { ok: false, findings: [{ path, code: 'WRONG_TYPE', message: 'must be an object' }] }
  const known = withoutUnknownKeys(dcaConfigSchema, input, path, findings)
  const kept: Kept[] = []
  const on = withoutDisabled(dcaConfigSchema, isRecord(known) ? known : {}, path, [], kept, findings)
  const failed = new Set<string>()
  const draft = readParts(dcaConfigShape, on, path, '', failed, findings)
  const symbols = symbolCheck(options)
  checkRules({
    draft: { exits: {}, ...draft } as unknown as DcaDraft,
    at: key => (path === '' ? key : `${path}.${key}`),
    symbols,
    instrument: symbol => options.instrument?.(symbol),
    failed: key => [...failed].some(part => part === key || part.startsWith(`${key}.`)),
    findings,
  })
  if (findings.length > 0) return { ok: false, findings }
  const document = draft as unknown as DcaDocument
  return { ok: true, config: resolveConfig(document, symbols), document: withKept(document, kept) }
}

function symbolCheck({ instrument, symbols }: DcaParseOptions): SymbolCheck {
  if (!instrument) return BY_FORM_ONLY
  return {
    problemOf(symbol) {
      const byForm = BY_FORM_ONLY.problemOf(symbol)
      if (byForm !== null || instrument(symbol)) return byForm
      const meant = nearest(symbol, symbols ?? [])
      return meant === null ? 'not listed on this exchange' : `not listed on this exchange, ${meant}?`
    },
  }
}

type Shape = Readonly<Record<string, z.ZodType>>

/** Reads every key by its own schema; what cannot be read is left out and remembered in `failed`. */
function readParts(
  shape: Shape,
  input: Record<string, unknown>,
  path: string,
  prefix: string,
  failed: Set<string>,
  findings: Finding[],
) {
  const out: Record<string, unknown> = {}
  for (const [key, schema] of Object.entries(shape)) {
    const name = prefix === '' ? key : `${prefix}.${key}`
    const at = childPath(path, key)
    // No exits at all is a bot without an exit, which has a code of its own.
    const value = name === 'exits' && (input[key] === undefined || input[key] === null) ? {} : input[key]
    const inner = shapeOf(schema)
    if (PARTED.some(parted => parted === name) && inner && isRecord(value)) {
      out[key] = readParts(inner, value, at, name, failed, findings)
      continue
    }
    const parsed = parseWith(schema, value, at)
    if (parsed.ok) out[key] = parsed.value
    else {
      failed.add(name)
      findings.push(...parsed.findings)
    }
  }
  return out
}

interface Kept {
  readonly keys: readonly string[]
  readonly value: unknown
}

/** A copy in which blocks with `enabled: false` are null. Their keys are still checked, but none of them is required. */
function withoutDisabled(
  schema: z.ZodType,
  input: Record<string, unknown>,
  path: string,
  keys: readonly string[],
  kept: Kept[],
  findings: Finding[],
): Record<string, unknown> {
  const shape = shapeOf(schema)
  if (!shape) return input
  const out: Record<string, unknown> = { ...input }
  for (const [key, value] of Object.entries(input)) {
    const child = shape[key]
    const inner = child ? shapeOf(child) : undefined
    if (!child || !inner || !isRecord(value)) continue
    const at = childPath(path, key)
    if (value.enabled === false && 'enabled' in inner && isNullable(child)) {
      const off = parseWith(z.strictObject(inner).partial(), value, at)
      if (off.ok) kept.push({ keys: [...keys, key], value: off.value })
      else findings.push(...off.findings)
      out[key] = null
    } else out[key] = withoutDisabled(child, value, at, [...keys, key], kept, findings)
  }
  return out
}

/** The document with its switched-off blocks back in their places. */
function withKept(document: DcaDocument, kept: readonly Kept[]): DcaDocument {
  const out = structuredCloneOf(document)
  for (const { keys, value } of kept) {
    let place: Record<string, unknown> = out
    for (const key of keys.slice(0, -1)) {
      const next = place[key]
      if (!isRecord(next)) break
      place = next
    }
    const last = keys.at(-1)
    if (last !== undefined) place[last] = value
  }
  return out as DcaDocument
}

function structuredCloneOf(document: DcaDocument): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>
}

/** From a document without findings; blocks that are off are null already. */
function resolveConfig(document: DcaDocument, symbols: SymbolCheck): DcaConfig {
  const playbook = (input: PlaybookInput | null): Playbook | null => {
    if (input === null) return null
    const resolved = resolvePlaybook(input, '', symbols, [])
    if (resolved === null) throw new Error('a playbook that was checked cannot be resolved')
    return resolved
  }
  const required = (input: PlaybookInput | null): Playbook => {
    const resolved = playbook(input)
    if (resolved === null) throw new Error('a playbook that was checked is missing')
    return resolved
  }
  const { risk, sizing, dealStart, entry, exits, dynamicScaling, emergencyBrake } = document
  return {
    ...document,
    risk: { maxPositionQuote: risk?.maxPositionQuote ?? null, maxDailyLossPct: risk?.maxDailyLossPct ?? null },
    sizing: { reinvestPct: sizing?.reinvestPct ?? '0', riskReductionPct: sizing?.riskReductionPct ?? '0' },
    dealStart: {
      delaySec: dealStart?.delaySec ?? 0,
      cooldownSec: dealStart?.cooldownSec ?? 0,
      priceBand: dealStart?.priceBand ?? {},
      minQuoteVolume24h: dealStart?.minQuoteVolume24h ?? null,
      maxSpreadPct: dealStart?.maxSpreadPct ?? null,
    },
    baseOrder: { ...document.baseOrder, limit: baseLimit(document.baseOrder) },
    entry: { ...entry, playbook: playbook(entry.playbook) },
    averaging: resolveAveraging(document.averaging, playbook, required),
    exits: {
      profitBasis: exits.profitBasis,
      takeProfit: exits.takeProfit && {
        from: exits.takeProfit.from,
        targets: [...exits.takeProfit.targets].sort((a, b) => Decimal.from(a.profitPct).compare(Decimal.from(b.profitPct))),
        placement: exits.takeProfit.placement,
      },
      trailing: exits.trailing && withoutEnabled(exits.trailing),
      takeProfitAndRestart: exits.takeProfitAndRestart && withoutEnabled(exits.takeProfitAndRestart),
      stopLoss: exits.stopLoss && { ...withoutEnabled(exits.stopLoss), placement: stopPlacement(document) },
      timeExit: exits.timeExit && withoutEnabled(exits.timeExit),
      closeBy: exits.closeBy && { playbook: required(exits.closeBy.playbook), minProfitPct: exits.closeBy.minProfitPct },
    },
    regime: document.regime && withoutEnabled(document.regime),
    dynamicScaling: dynamicScaling && {
      minFactor: dynamicScaling.minFactor,
      maxFactor: dynamicScaling.maxFactor,
      volatility: dynamicScaling.volatility && withoutEnabled(dynamicScaling.volatility),
      supportResistance: dynamicScaling.supportResistance && withoutEnabled(dynamicScaling.supportResistance),
      fearGreed: dynamicScaling.fearGreed && withoutEnabled(dynamicScaling.fearGreed),
      volumeProfile: dynamicScaling.volumeProfile && withoutEnabled(dynamicScaling.volumeProfile),
    },
    emergencyBrake: emergencyBrake && {
      circuitBreaker: emergencyBrake.circuitBreaker && withoutEnabled(emergencyBrake.circuitBreaker),
      marketCrash: emergencyBrake.marketCrash && withoutEnabled(emergencyBrake.marketCrash),
      action: emergencyBrake.action,
      recovery: emergencyBrake.recovery,
    },
  }
}

function withoutEnabled<T extends { enabled: boolean }>(block: T): Omit<T, 'enabled'> {
  const { enabled: _, ...rest } = block
  return rest
}

function baseLimit({ orderType, limit }: DcaDocument['baseOrder']): DcaConfig['baseOrder']['limit'] {
  if (orderType !== 'limit' || limit === null) return null
  return limit.mode === 'offset'
    ? { mode: 'offset', offsetPct: limit.offsetPct }
    : { mode: 'per_pair', prices: limit.prices ?? {} }
}

/** On spot a stop cannot rest beside resting targets, and a stop that waits or moves with the price is watched by the bot itself. */
function stopPlacement({ market, exits }: DcaDocument): 'resting' | 'virtual' {
  const stop = exits.stopLoss
  if (stop?.placement) return stop.placement
  if ((stop?.timeoutSec ?? 0) > 0) return 'virtual'
  return market === 'spot' && exits.takeProfit?.placement === 'resting' ? 'virtual' : 'resting'
}

function resolveAveraging(
  averaging: DcaDocument['averaging'],
  playbook: (input: PlaybookInput | null) => Playbook | null,
  required: (input: PlaybookInput | null) => Playbook,
): DcaConfig['averaging'] {
  if (averaging === null) return null
  const rule: AveragingRule =
    averaging.rule.type === 'condition' ? { type: 'condition', playbook: required(averaging.rule.playbook) } : averaging.rule
  const levels = rule.type === 'levels' ? rule.levels.filter(level => level.enabled).length : null
  const maxOrders = levels === null ? (averaging.maxOrders ?? 5) : Math.min(averaging.maxOrders ?? levels, levels)
  const cooldown = { n: averaging.cooldown?.n ?? 0, unit: averaging.cooldown?.unit ?? ('minutes' as const) }
  const cannotRest =
    rule.type === 'condition' || averaging.requirePlaybook !== null || cooldown.n > 0 || averaging.orderType === 'market'
  return {
    rule,
    requirePlaybook: playbook(averaging.requirePlaybook),
    amount: averaging.amount,
    volumeScale: averaging.volumeScale,
    maxOrders,
    maxOrdersAllDeals: averaging.maxOrdersAllDeals,
    maxInvestmentPerDeal: averaging.maxInvestmentPerDeal,
    placement: cannotRest ? 'virtual' : averaging.placement,
    orderType: averaging.orderType,
    activeOrdersCount: averaging.activeOrdersCount,
    cooldown,
    waitForPrevious: averaging.waitForPrevious,
    stopOnLoss: averaging.stopOnLoss && { type: averaging.stopOnLoss.type, value: averaging.stopOnLoss.value },
  }
}
