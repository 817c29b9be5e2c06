// What backtest and ladder share: the bot's config from a file, and the venue's rules from options.

import { readFile } from 'node:fs/promises'
import { parseDcaConfig } from '../contract/dca-config.ts'
import type { DcaDocument } from '../contract/dca-config-schema.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import {
  defaultRules,
  type Instrument,
  type InstrumentRules,
  instrumentFromRules,
  instrumentRules,
  splitSymbol,
} from '../core/market/instrument.ts'
import { Decimal } from '../core/money/decimal.ts'
import { CliError, EXIT, requiredOption, suggestion, textOption, UsageError, type VerbContext, type VerbOption } from './verb.ts'

export const RULE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  instrument: {
    type: 'string',
    value: 'JSON|FILE',
    help: 'venue rules {tick, step, minQty, maxQty, minNotional, makerBps, takerBps, feeAsset, priceUpMultiplier, priceDownMultiplier, maxOpenOrders}; a list with symbols for several pairs',
  },
  'maker-bps': { type: 'string', value: 'BPS', help: 'fee of resting orders, basis points (default 10)' },
  'taker-bps': { type: 'string', value: 'BPS', help: 'fee of market orders, basis points (default 10)' },
}

/** The JSON of a file. @throws CliError with exit code 2. */
export async function readJsonFile(option: string, path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const why =
      code === 'ENOENT'
        ? 'no such file'
        : code === 'EISDIR'
          ? 'it is a directory'
          : code === 'EACCES'
            ? 'no right to read it'
            : String(cause)
    throw new UsageError(option, path, `it cannot be read: ${why}`)
  }
  return parseJson(option, path, text)
}

function parseJson(option: string, path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(EXIT.usage, 'VALIDATION_ERROR', `${option} ${path} is not JSON: ${why}`, [], cause)
  }
}

export interface BotFile {
  readonly config: DcaConfig
  readonly document: DcaDocument
}

/** @param instrument the venue's rules by symbol, where the venue's list is known. @throws CliError naming every finding. */
export function parseBot(
  input: unknown,
  instrument?: (symbol: string) => Instrument | undefined,
  symbols?: readonly string[],
): BotFile {
  const parsed = parseDcaConfig(input, { ...(instrument ? { instrument } : {}), ...(symbols ? { symbols } : {}) })
  if (parsed.ok) return parsed
  const { findings } = parsed
  const lines = findings.map(({ path, code, message }) => `  ${path || '(root)'}: ${message} [${code}]`)
  const count = findings.length === 1 ? '1 problem' : `${findings.length} problems`
  throw new CliError(EXIT.usage, 'VALIDATION_ERROR', `the config has ${count}:\n${lines.join('\n')}`, findings)
}

export async function readBotInput(context: VerbContext): Promise<unknown> {
  return readJsonFile('--config', requiredOption(context, 'config', 'name a bot file: --config bot.json'))
}

const RULE_KEYS = [
  'symbol',
  'tick',
  'step',
  'minQty',
  'minNotional',
  'makerBps',
  'takerBps',
  'feeAsset',
  'maxQty',
  'priceUpMultiplier',
  'priceDownMultiplier',
  'maxOpenOrders',
] as const
type RuleKey = (typeof RULE_KEYS)[number]
type PartialRules = Partial<Record<RuleKey, string>>

/** Rules as options give them: known or default ones, then --instrument, then the fee options. */
export class RuleBook {
  readonly #general: PartialRules
  readonly #bySymbol: ReadonlyMap<string, PartialRules>
  readonly #fees: PartialRules

  private constructor(general: PartialRules, bySymbol: ReadonlyMap<string, PartialRules>, fees: PartialRules) {
    this.#general = general
    this.#bySymbol = bySymbol
    this.#fees = fees
  }

  static async fromOptions(context: VerbContext): Promise<RuleBook> {
    const fees: PartialRules = {}
    for (const [option, key] of [
      ['maker-bps', 'makerBps'],
      ['taker-bps', 'takerBps'],
    ] as const) {
      const value = decimalOption(context, option)
      if (value) fees[key] = value.toString()
    }
    const given = textOption(context, 'instrument')
    if (given === undefined) return new RuleBook({}, new Map(), fees)
    const input = /^\s*[[{]/.test(given) ? parseJson('--instrument', 'text', given) : await readJsonFile('--instrument', given)
    const list = (Array.isArray(input) ? input : [input]).map(partialRules)
    const bySymbol = new Map<string, PartialRules>()
    let general: PartialRules = {}
    for (const rules of list) {
      if (rules.symbol !== undefined) bySymbol.set(rules.symbol, rules)
      else if (list.length === 1) general = rules
      else throw new UsageError('--instrument', given, 'in a list each entry needs its symbol')
    }
    return new RuleBook(general, bySymbol, fees)
  }

  /** @param known the venue's own rules, where they are at hand. */
  instrument(exchange: string, symbol: string, known?: Instrument): Instrument {
    const parts = splitSymbol(symbol)
    const base: InstrumentRules = known ? instrumentRules(known) : defaultRules(exchange, symbol)
    const { maxOpenOrders, ...given } = { ...this.#general, ...this.#bySymbol.get(symbol), ...this.#fees }
    const most = maxOpenOrders === undefined ? {} : { maxOpenOrders: Number(maxOpenOrders) }
    const feeAsset = given.feeAsset === 'base' ? parts?.base : given.feeAsset === 'quote' ? parts?.quote : given.feeAsset
    try {
      return instrumentFromRules({ ...base, ...given, ...most, symbol, ...(feeAsset ? { feeAsset } : {}) })
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new CliError(EXIT.usage, 'VALIDATION_ERROR', message, [], cause)
    }
  }
}

function partialRules(input: unknown): PartialRules {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new UsageError('--instrument', input, `write an object with ${RULE_KEYS.join(', ')}`)
  }
  const rules: PartialRules = {}
  for (const [key, value] of Object.entries(input)) {
    // the rest of an instrument's row is accepted, so that an exported one can be given
    if (['id', 'exchange', 'base', 'quote', 'kind'].includes(key)) continue
    const known = RULE_KEYS.find(each => each === key)
    if (!known)
      throw new UsageError(`--instrument ${key}`, value, `${suggestion(key, RULE_KEYS)}the keys are ${RULE_KEYS.join(', ')}`)
    const isText = known === 'symbol' || known === 'feeAsset'
    const text = typeof value === 'number' ? Decimal.from(value).toString() : value
    if (typeof text !== 'string' || text === '' || (!isText && !Decimal.isDecimalText(text))) {
      throw new UsageError(`--instrument ${key}`, value, isText ? 'write text' : 'write a decimal number, such as "0.01"')
    }
    rules[known] = text
  }
  return rules
}

/** A decimal number that is not negative. @param above exclusive lower bound where 0 makes no sense. */
export function decimalOption(context: VerbContext, name: string, above?: 0): Decimal | undefined {
  const text = textOption(context, name)
  if (text === undefined) return undefined
  const value = Decimal.isDecimalText(text) ? Decimal.from(text) : null
  if (!value || value.isNegative() || (above === 0 && value.isZero())) {
    throw new UsageError(`--${name}`, text, above === 0 ? 'write a number above 0' : 'write a number, 0 or more')
  }
  return value
}
