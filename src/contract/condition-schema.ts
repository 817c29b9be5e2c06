/**
 * Conditions and playbooks as people and programs write them: the shape as zod schemas, and `resolvePlaybook`, which checks what a
 * shape cannot say (does the operand suit the operator?) and fills in what was left out.
 */

import { z } from 'zod'
import {
  type Condition,
  LEVEL_NAMES,
  OPERATORS,
  type Operand,
  PATTERNS,
  PRICE_FIELDS,
  type SeriesOperand,
} from '../core/conditions/condition.ts'
import { customaryLevel, takesOffset } from '../core/conditions/levels.ts'
import { NO_PRIORITY, type Playbook, type PlaybookItem } from '../core/conditions/playbook.ts'
import { findIndicator, INDICATORS, normalizeParams, SOURCES } from '../core/indicators/index.ts'
import { splitSymbol } from '../core/market/instrument.ts'
import { TIMEFRAMES, type Timeframe, timeframeMs } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import { configDecimal } from './decimal-schema.ts'
import { childPath, type Finding, type FindingCode, nearest } from './finding.ts'

export const timeframeSchema = z
  .enum(TIMEFRAMES)
  .meta({ id: 'Timeframe', description: 'ccxt name; candles are stamped at their open, UTC' })

const MAX_BARS_AGO = 500
const read = {
  barsAgo: z
    .int()
    .min(0)
    .max(MAX_BARS_AGO)
    .default(0)
    .meta({ description: 'Bars of the operand’s own timeframe back; 0 = the latest closed' }),
  timeframe: timeframeSchema.nullable().default(null).meta({ description: 'Coarser than the condition’s; null = the same' }),
}

export const operandSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('indicator'),
      name: z.string().min(1).max(40).meta({ description: 'Catalogue id, any case' }),
      component: z.string().min(1).max(40).optional().meta({ description: 'Default: the first of the catalogue' }),
      params: z.record(z.string().max(40), z.union([z.number(), z.string().max(40)])).default({}),
      source: z.enum(SOURCES).default('close'),
      ...read,
    }),
    z.strictObject({ kind: z.literal('price'), field: z.enum(PRICE_FIELDS).default('close'), ...read }),
    z.strictObject({ kind: z.literal('volume'), ...read }),
    z.strictObject({ kind: z.literal('volume_avg'), period: z.int().min(1).max(5000).default(20), ...read }),
    z.strictObject({ kind: z.literal('pattern'), name: z.enum(PATTERNS), ...read }),
    z.strictObject({ kind: z.literal('const'), value: configDecimal() }),
    z.strictObject({ kind: z.literal('range'), low: configDecimal(), high: configDecimal() }),
    z.strictObject({
      kind: z.literal('level'),
      name: z.enum(LEVEL_NAMES),
      value: configDecimal().optional().meta({ description: 'Instead of the customary number' }),
    }),
  ])
  .meta({ id: 'Operand' })
type OperandInput = z.output<typeof operandSchema>

export const conditionSchema = z
  .strictObject({
    timeframe: timeframeSchema,
    symbol: z.string().max(50).nullable().default(null).meta({ description: 'Any tracked instrument; null = the pair' }),
    lhs: operandSchema,
    op: z.enum(OPERATORS),
    rhs: operandSchema.nullable().default(null),
    offsetPct: configDecimal({ above: '-100', max: '10000' })
      .prefault('0')
      .meta({ description: 'Moves the right side: threshold = rhs x (1 + offsetPct/100), for prices and volumes' }),
  })
  .meta({ id: 'Condition' })
type ConditionInput = z.output<typeof conditionSchema>

export const playbookSchema = z
  .strictObject({
    gate: z.enum(['all', 'any', 'atLeast', 'chain']).default('all'),
    n: z.int().min(1).max(50).nullable().default(null).meta({ description: 'With gate atLeast' }),
    order: z.enum(['priority', 'listed']).default('priority'),
    fireMode: z.enum(['per_signal', 'per_bar']).default('per_signal'),
    sequence: z
      .strictObject({ windowBars: z.int().min(0).max(10_000) })
      .nullable()
      .default(null),
    items: z
      .array(
        z.strictObject({
          id: z.string().min(1).max(60),
          enabled: z.boolean().default(true),
          priority: z.int().min(1).max(NO_PRIORITY).default(NO_PRIORITY),
          connector: z.enum(['and', 'or']).default('and'),
          holdBars: z.int().min(0).max(1000).default(0),
          validFor: z
            .strictObject({ n: z.int().min(0).max(100_000), unit: z.enum(['bars', 'minutes']).default('bars') })
            .nullable()
            .default(null),
          condition: conditionSchema,
        }),
      )
      .refine(items => items.length > 0, {
        params: { finding: 'PLAYBOOK_EMPTY' },
        message: 'there is no item; add one, or take the playbook out',
      })
      .max(50),
  })
  .meta({ id: 'Playbook' })
export type PlaybookInput = z.output<typeof playbookSchema>

/** What a check may know of instruments: whether a symbol can be traded, and which ones there are, for suggestions. */
export interface SymbolCheck {
  /** null = fine; else what is wrong with it. */
  problemOf(symbol: string): string | null
}

export const BY_FORM_ONLY: SymbolCheck = {
  problemOf: symbol => (splitSymbol(symbol) ? null : 'not of the form BASE/QUOTE, such as BTC/USDT'),
}

/** The playbook with everything filled in; findings are added to the list, and null is returned when there are any. */
export function resolvePlaybook(input: PlaybookInput, path: string, symbols: SymbolCheck, findings: Finding[]): Playbook | null {
  const before = findings.length
  const add = (at: string, code: FindingCode, message: string) => findings.push({ path: at, code, message })
  const enabled = input.items.filter(item => item.enabled).length
  if (enabled === 0) add(childPath(path, 'items'), 'PLAYBOOK_EMPTY', 'no item is enabled; enable one, or take the playbook out')
  if (input.gate === 'atLeast') {
    if (input.n === null) add(childPath(path, 'n'), 'REQUIRED', 'the gate atLeast needs n')
    else if (enabled > 0 && input.n > enabled) add(childPath(path, 'n'), 'OUT_OF_RANGE', `only ${enabled} items are enabled`)
  } else if (input.n !== null) add(childPath(path, 'n'), 'OUT_OF_RANGE', 'n is used by the gate atLeast only')
  if (input.sequence !== null && input.gate !== 'all')
    add(childPath(path, 'gate'), 'BAD_ENUM', 'a sequence wants all its items; set the gate to all')
  const seen = new Set<string>()
  const items: PlaybookItem[] = []
  input.items.forEach((item, i) => {
    const at = childPath(childPath(path, 'items'), i)
    if (seen.has(item.id)) add(childPath(at, 'id'), 'DUPLICATE', `the id ${item.id} stands twice`)
    seen.add(item.id)
    const condition = resolveCondition(item.condition, childPath(at, 'condition'), symbols, findings)
    if (condition === null) return
    if (item.enabled) {
      const never = neverTrue(condition)
      if (never !== null) add(childPath(at, 'condition'), 'E_NEVER_TRUE', never)
    }
    items.push({ ...item, condition })
  })
  return findings.length > before ? null : { ...input, items }
}

/** The condition with everything filled in, or null and findings. */
export function resolveCondition(
  input: ConditionInput,
  path: string,
  symbols: SymbolCheck,
  findings: Finding[],
): Condition | null {
  const before = findings.length
  const add = (key: string, code: FindingCode, message: string) => findings.push({ path: childPath(path, key), code, message })
  if (input.symbol !== null) {
    const problem = symbols.problemOf(input.symbol)
    if (problem !== null) add('symbol', 'UNKNOWN_SYMBOL', problem)
  }
  const lhs = resolveOperand(input.lhs, input.lhs, input.timeframe, childPath(path, 'lhs'), findings)
  const rhs = input.rhs === null ? null : resolveOperand(input.rhs, input.lhs, input.timeframe, childPath(path, 'rhs'), findings)
  const misfit = operatorMisfit(input)
  if (misfit !== null) add(misfit.key, 'OPERATOR_OPERAND', misfit.message)
  if (lhs === null || (input.rhs !== null && rhs === null)) return null
  if (!Decimal.from(input.offsetPct).isZero() && (rhs === null || !takesOffset(rhs)))
    add('offsetPct', 'OPERATOR_OPERAND', 'an offset moves a price or a volume on the right side; here there is none')
  if (findings.length > before || !isSeries(lhs)) return null
  return { ...input, lhs, rhs }
}

function isSeries(operand: Operand): operand is SeriesOperand {
  return operand.kind !== 'const' && operand.kind !== 'range' && operand.kind !== 'level'
}

/** Where operator and operands do not suit each other. */
function operatorMisfit({ lhs, op, rhs }: ConditionInput): { key: string; message: string } | null {
  if (lhs.kind === 'const' || lhs.kind === 'range' || lhs.kind === 'level')
    return { key: 'lhs', message: 'the left side is read from candles: an indicator, a price, a volume or a pattern' }
  if ((lhs.kind === 'pattern') !== (op === 'is'))
    return { key: 'op', message: 'a pattern goes with the operator is, and only a pattern does' }
  if (op === 'is' || op === 'rising' || op === 'falling')
    return rhs === null ? null : { key: 'rhs', message: `${op} takes no right side` }
  if (rhs === null) return { key: 'rhs', message: `${op} needs a right side` }
  if (rhs.kind === 'pattern') return { key: 'rhs', message: 'a pattern stands on the left side, with the operator is' }
  const wantsRange = op === 'between' || op === 'not_between'
  if ((rhs.kind === 'range') !== wantsRange)
    return {
      key: 'rhs',
      message: wantsRange ? `${op} needs a range` : `${op} compares with one value; a range goes with between and not_between`,
    }
  return null
}

function resolveOperand(
  input: OperandInput,
  lhs: OperandInput,
  timeframe: Timeframe,
  path: string,
  findings: Finding[],
): Operand | null {
  const before = findings.length
  const add = (key: string, code: FindingCode, message: string) => findings.push({ path: childPath(path, key), code, message })
  if (input.kind === 'const') return input
  if (input.kind === 'range') {
    if (Decimal.from(input.low).gte(Decimal.from(input.high)))
      add('low', 'RANGE_INVERTED', `low ${input.low} is not below high ${input.high}`)
    return findings.length > before ? null : input
  }
  if (input.kind === 'level') return resolveLevel(input, lhs, path, findings)
  if (input.timeframe !== null && timeframeMs(input.timeframe) < timeframeMs(timeframe))
    add(
      'timeframe',
      'TIMEFRAME_FINER',
      `${input.timeframe} is finer than the condition's ${timeframe}; set the condition to ${input.timeframe}`,
    )
  if (input.kind === 'indicator') return resolveIndicator(input, timeframe, path, findings)
  return findings.length > before ? null : input
}

function resolveLevel(
  input: Extract<OperandInput, { kind: 'level' }>,
  lhs: OperandInput,
  path: string,
  findings: Finding[],
): Operand | null {
  const customary = lhs.kind === 'indicator' ? customaryLevel(lhs.name, input.name) : null
  const value = input.value ?? customary
  if (value === null || lhs.kind !== 'indicator') {
    const subject = lhs.kind === 'indicator' ? lhs.name : `a ${lhs.kind}`
    findings.push({
      path: childPath(path, 'name'),
      code: 'OPERATOR_OPERAND',
      message: `${subject} has no level ${input.name}; write a number`,
    })
    return null
  }
  return { kind: 'level', name: input.name, value }
}

function resolveIndicator(
  input: Extract<OperandInput, { kind: 'indicator' }>,
  timeframe: Timeframe,
  path: string,
  findings: Finding[],
): Operand | null {
  const before = findings.length
  const add = (key: string, code: FindingCode, message: string) => findings.push({ path: childPath(path, key), code, message })
  const definition = findIndicator(input.name)
  if (!definition) {
    const meant = nearest(
      input.name,
      INDICATORS.map(known => known.id),
    )
    add('name', 'BAD_ENUM', meant === null ? 'no such indicator' : `no such indicator, ${meant}?`)
    return null
  }
  const component = input.component ?? definition.components[0] ?? 'value'
  if (!definition.components.includes(component))
    add('component', 'COMPONENT_UNKNOWN', `${definition.id} has ${definition.components.join(', ')}`)
  const normalized = normalizeParams(definition, input.params, childPath(path, 'params'))
  if (normalized.findings) findings.push(...normalized.findings)
  if (!definition.usesSource && input.source !== 'close')
    add('source', 'BAD_ENUM', `${definition.id} names its own prices; leave the source out`)
  if (definition.intradayOnly && timeframeMs(input.timeframe ?? timeframe) >= timeframeMs('1d'))
    add('name', 'OUT_OF_RANGE', `${definition.id} starts anew each day and needs a timeframe below 1d`)
  if (findings.length > before || !normalized.params) return null
  return { ...input, name: definition.id, component, params: normalized.params }
}

/** Bounds that an indicator's component never leaves. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  rsi: [0, 100],
  stochastic: [0, 100],
  stochRsi: [0, 100],
  mfi: [0, 100],
  ultimate: [0, 100],
  adx: [0, 100],
  williamsR: [-100, 0],
}

/** In words why the condition can never be true; null where it can. */
export function neverTrue({ lhs, op, rhs, offsetPct }: Condition): string | null {
  if (rhs === null) return null
  if (rhs.kind === 'const' || rhs.kind === 'level') return neverBeyond(lhs, op, Number(rhs.value), Number(rhs.value))
  if (rhs.kind === 'range') return op === 'between' ? neverBeyond(lhs, op, Number(rhs.low), Number(rhs.high)) : null
  const offset = Number(offsetPct)
  const above = op === 'gt' || op === 'crosses_above'
  const below = op === 'lt' || op === 'crosses_below'
  if (offset === 0 && (above || below || op === 'neq') && JSON.stringify(lhs) === JSON.stringify(rhs))
    return 'both sides are the same value'
  if (lhs.kind !== 'price' || rhs.kind !== 'indicator' || rhs.name !== 'donchian') return null
  if (rhs.barsAgo !== lhs.barsAgo || rhs.timeframe !== lhs.timeframe) return null
  const over = rhs.component === 'upper' && ((above && offset >= 0) || (op === 'gte' && offset > 0))
  const under = rhs.component === 'lower' && ((below && offset <= 0) || (op === 'lte' && offset < 0))
  return over || under ? 'the channel holds this very bar, which cannot lie outside it; set barsAgo of the channel to 1' : null
}

function neverBeyond(lhs: SeriesOperand, op: Condition['op'], low: number, high: number): string | null {
  const bounds =
    lhs.kind === 'indicator'
      ? BOUNDS[lhs.name]
      : lhs.kind === 'price' || lhs.kind === 'volume'
        ? ([0, Number.POSITIVE_INFINITY] as const)
        : undefined
  if (!bounds) return null
  const [min, max] = bounds
  const never =
    ((op === 'gt' || op === 'crosses_above') && low >= max) ||
    (op === 'gte' && low > max) ||
    ((op === 'lt' || op === 'crosses_below') && low <= min) ||
    (op === 'lte' && low < min) ||
    (op === 'eq' && (low > max || low < min)) ||
    (op === 'between' && (low > max || high < min))
  return never ? `it stays within ${min} and ${max === Number.POSITIVE_INFINITY ? 'infinity' : max}` : null
}
