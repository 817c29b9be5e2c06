/**
 * Findings: everything that is wrong with an input, all at once, each with the path, a code and a sentence that names the remedy.
 * A schema says what is allowed; here a zod issue becomes a finding, and an unknown key gets the key that was probably meant.
 */

import type { z } from 'zod'

/** Codes of findings inside a VALIDATION_ERROR. The list grows; no code is ever renamed. */
export type FindingCode =
  | 'UNKNOWN_KEY'
  | 'BAD_ENUM'
  | 'OUT_OF_RANGE'
  | 'NOT_DECIMAL'
  | 'REQUIRED'
  | 'WRONG_TYPE'
  | 'DUPLICATE'
  | 'UNKNOWN_SYMBOL'
  | 'MIXED_QUOTE'
  | 'SHORT_NEEDS_PERP'
  | 'LIMIT_PRICE_MISSING'
  | 'LIMIT_PAIRS'
  | 'PLAYBOOK_EMPTY'
  | 'PLAYBOOK_REQUIRED'
  | 'PLAYBOOK_FORBIDDEN'
  | 'RANGE_INVERTED'
  | 'OPERATOR_OPERAND'
  | 'COMPONENT_UNKNOWN'
  | 'TIMEFRAME_FINER'
  | 'EXIT_REQUIRED'
  | 'TARGETS_SUM'
  | 'PROTECTION_OVERLAP'
  | 'REGIME_NO_TEST'
  | 'LADDER_BELOW_ZERO'
  | 'LEVELS_ORDER'
  | 'E_NEVER_TRUE'
  | 'E_MIN_NOTIONAL'
  | 'NOT_AVAILABLE_YET'

export interface Finding {
  /** Such as `config.exits.takeProfit.targets[0].sellPct`. */
  readonly path: string
  readonly code: FindingCode
  readonly message: string
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly findings: readonly Finding[] }

export function childPath(path: string, key: PropertyKey): string {
  if (typeof key === 'number') return `${path}[${key}]`
  const text = String(key)
  if (!/^[A-Za-z_]\w*$/.test(text)) return `${path}[${JSON.stringify(text)}]`
  return path === '' ? text : `${path}.${text}`
}

/** Reads the input by the schema; unknown keys anywhere are findings. @param path put before every path. */
export function parseWith<T extends z.ZodType>(schema: T, input: unknown, path = ''): Parsed<z.output<T>> {
  const findings: Finding[] = []
  const known = withoutUnknownKeys(schema, input, path, findings)
  const result = schema.safeParse(known)
  if (!result.success) findings.push(...result.error.issues.flatMap(issue => findingsOf(issue, known, path)))
  if (findings.length > 0 || !result.success) return { ok: false, findings }
  return { ok: true, value: result.data }
}

/** The parts of a zod definition that are walked here. */
interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly discriminator?: string
  readonly in?: z.ZodType
  readonly out?: z.ZodType
  readonly catchall?: z.ZodType
  readonly values?: readonly unknown[]
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def as unknown as Definition
}

function unwrap(schema: z.ZodType): Definition {
  let definition = definitionOf(schema)
  for (;;) {
    const inner = definition.innerType ?? (definition.type === 'pipe' ? pipeInput(definition) : undefined)
    if (!inner) return definition
    definition = definitionOf(inner)
  }
}

/** What a pipe reads: its first schema, or the second where the first only prepares the value. */
function pipeInput(definition: Definition): z.ZodType | undefined {
  return definition.in && definitionOf(definition.in).type === 'transform' ? definition.out : definition.in
}

/** Keys of an object schema, through optional, nullable and default; undefined for any other schema. */
export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  return unwrap(schema).shape
}

/** Whether null is a value of the schema. */
export function isNullable(schema: z.ZodType): boolean {
  let definition = definitionOf(schema)
  for (;;) {
    if (definition.type === 'nullable') return true
    if (!definition.innerType) return false
    definition = definitionOf(definition.innerType)
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy of the input without the keys no schema knows, so that one typing error does not hide the next. */
export function withoutUnknownKeys(schema: z.ZodType, input: unknown, path: string, findings: Finding[]): unknown {
  const definition = unwrap(schema)
  if (definition.type === 'array' && definition.element && Array.isArray(input)) {
    const { element } = definition
    return input.map((item, i) => withoutUnknownKeys(element, item, childPath(path, i), findings))
  }
  if (!isRecord(input)) return input
  if (definition.type === 'record' && definition.valueType) {
    const { valueType } = definition
    return Object.fromEntries(
      Object.entries(input).map(([key, value]) => [key, withoutUnknownKeys(valueType, value, childPath(path, key), findings)]),
    )
  }
  if (definition.type === 'union' && definition.options) {
    const option = definition.options.find(candidate => fits(candidate, input, definition.discriminator))
    return option ? withoutUnknownKeys(option, input, path, findings) : input
  }
  if (definition.type !== 'object' || !definition.shape) return input
  const { shape } = definition
  const open = definition.catchall !== undefined && definitionOf(definition.catchall).type !== 'never'
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(input)) {
    const child = Object.hasOwn(shape, key) ? shape[key] : undefined
    // Written to a plain object, this key would change the object itself.
    if (key === '__proto__') findings.push({ path: childPath(path, key), code: 'UNKNOWN_KEY', message: 'not a possible key' })
    else if (child) out[key] = withoutUnknownKeys(child, value, childPath(path, key), findings)
    else if (open) out[key] = value
    else findings.push({ path: childPath(path, key), code: 'UNKNOWN_KEY', message: unknownKeyMessage(key, Object.keys(shape)) })
  }
  return out
}

/** Whether a union's option is the one the input names by its discriminator. */
function fits(option: z.ZodType, input: Record<string, unknown>, discriminator: string | undefined): boolean {
  const definition = unwrap(option)
  if (definition.type !== 'object' || !definition.shape) return false
  if (discriminator === undefined) return true
  const named = definition.shape[discriminator]
  if (!named) return false
  const parsed = named.safeParse(input[discriminator])
  return parsed.success
}

/** "unknown key, baseOrder?" */
function unknownKeyMessage(key: string, known: readonly string[]): string {
  if (known.length === 0) return 'unknown key: none is known here'
  const meant = nearest(key, known)
  return meant === null ? `unknown key; known here: ${known.join(', ')}` : `unknown key, ${meant}?`
}

/** The known word that was probably meant, null where none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein; long words are cut, since nobody means a key of a hundred letters. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 40)
  const b = right.slice(0, 40)
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}

/** A zod issue as findings, one per unknown key. */
function findingsOf(issue: z.core.$ZodIssue, input: unknown, prefix: string): Finding[] {
  if (issue.code !== 'unrecognized_keys') return [findingOf(issue, input, prefix)]
  const at = issue.path.reduce<string>(childPath, prefix)
  return issue.keys.map(key => ({ path: childPath(at, key), code: 'UNKNOWN_KEY', message: 'unknown key' }))
}

/** Issues raised by our own schemas carry their code in `params.finding`. */
function findingOf(issue: z.core.$ZodIssue, input: unknown, prefix: string): Finding {
  const path = issue.path.reduce<string>(childPath, prefix)
  const missing = valueAt(input, issue.path) === undefined
  const finding = (code: FindingCode, message: string): Finding => ({ path, code, message })
  switch (issue.code) {
    case 'custom': {
      const code = issue.params?.finding
      return finding(typeof code === 'string' ? (code as FindingCode) : 'OUT_OF_RANGE', issue.message)
    }
    case 'invalid_value':
      return missing
        ? finding('REQUIRED', `missing; one of ${issue.values.join(', ')}`)
        : finding('BAD_ENUM', badEnumMessage(valueAt(input, issue.path), issue.values))
    case 'too_small':
      return finding('OUT_OF_RANGE', sizeMessage('at least', issue.origin, issue.minimum, issue.inclusive ?? true, 'more than'))
    case 'too_big':
      return finding('OUT_OF_RANGE', sizeMessage('at most', issue.origin, issue.maximum, issue.inclusive ?? true, 'less than'))
    case 'invalid_type':
      if (missing) return finding('REQUIRED', 'missing')
      return issue.expected === 'int'
        ? finding('OUT_OF_RANGE', 'must be a whole number')
        : finding('WRONG_TYPE', `must be ${article(issue.expected)}`)
    case 'invalid_union': {
      if (missing && issue.discriminator === undefined) return finding('REQUIRED', 'missing')
      return finding(missing ? 'REQUIRED' : 'BAD_ENUM', missing ? 'missing' : 'not one of the known kinds')
    }
    case 'invalid_key':
      return finding('OUT_OF_RANGE', 'not a possible key')
    default:
      return finding('OUT_OF_RANGE', issue.message)
  }
}

function badEnumMessage(given: unknown, values: readonly unknown[]): string {
  const known = values.map(String)
  const meant = typeof given === 'string' ? nearest(given, known) : null
  return meant === null ? `must be one of ${known.join(', ')}` : `must be one of ${known.join(', ')}; ${meant}?`
}

function sizeMessage(bound: string, origin: string, limit: number | bigint, inclusive: boolean, exclusiveBound: string): string {
  const words = inclusive ? bound : exclusiveBound
  if (origin === 'string') return `must be ${words} ${limit} characters long`
  if (origin === 'array' || origin === 'set' || origin === 'map') return `must hold ${words} ${limit}`
  return `must be ${words} ${limit}`
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

/** Raises a finding of a code of our own inside a schema. */
export function raise(ctx: z.core.$RefinementCtx, code: FindingCode, message: string): void {
  ctx.issues.push({ code: 'custom', input: ctx.value, params: { finding: code }, message, continue: false })
}
