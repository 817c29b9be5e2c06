/**
 * Bodies that carry a bot's config. The config is read with all its rules, not by its shape alone, so that one answer names everything
 * that is wrong: in the body around it as well.
 */

import { z } from 'zod'
import type { DcaConfig } from '../core/dca/config.ts'
import { createBotBody, replaceBotBody } from './bots.ts'
import { type DcaParseOptions, parseDcaConfig } from './dca-config.ts'
import type { DcaDocument } from './dca-config-schema.ts'
import { type Finding, isRecord, type Parsed, parseWith } from './finding.ts'
import { ladderPreviewBody } from './ladder.ts'

export interface BotConfigBody {
  readonly config: DcaConfig
  readonly document: DcaDocument
}

type Options = Omit<DcaParseOptions, 'path'>

/** `POST /bots`, `/bots/validate`: outer name, symbol and interval fill what the config leaves out, and must agree where both speak. */
export function parseCreateBot(input: unknown, options: Options = {}): Parsed<BotConfigBody & { readonly note: string | null }> {
  const outer = parseWith(createBotBody.extend({ config: z.unknown().optional() }), input)
  const body = isRecord(input) ? input : {}
  const config = isRecord(body.config) ? withOuter(body.config, body) : body.config
  const read = parseDcaConfig(config, { ...options, path: 'config' })
  const findings = [...(outer.ok ? [] : outer.findings), ...(read.ok ? disagreements(read.config, body) : read.findings)]
  if (findings.length > 0 || !outer.ok || !read.ok) return { ok: false, findings }
  return { ok: true, value: { config: read.config, document: read.document, note: outer.value.note ?? null } }
}

function withOuter(
  config: Record<string, unknown>,
  { name, symbol, interval }: Record<string, unknown>,
): Record<string, unknown> {
  return {
    ...(name === undefined ? {} : { name }),
    ...(symbol === undefined ? {} : { pairs: [symbol] }),
    ...(interval === undefined ? {} : { timeframe: interval }),
    ...config,
  }
}

function disagreements(config: DcaConfig, { name, symbol, interval }: Record<string, unknown>): Finding[] {
  const findings: Finding[] = []
  const compare = (path: string, outer: unknown, inner: string, key: string): void => {
    if (outer !== undefined && outer !== inner)
      findings.push({
        path,
        code: 'OUT_OF_RANGE',
        message: `the config says ${inner} as ${key}; leave this out, or let them agree`,
      })
  }
  compare('name', typeof name === 'string' ? name.trim() : name, config.name, 'name')
  compare('symbol', symbol, config.pairs[0] ?? '', 'its first pair')
  compare('interval', interval, config.timeframe, 'timeframe')
  return findings
}

/** `PUT /bots/{id}`: the whole config. */
export function parseReplaceBot(
  input: unknown,
  options: Options = {},
): Parsed<BotConfigBody & { readonly baseVersion: number | null; readonly note: string | null }> {
  const outer = parseWith(replaceBotBody.extend({ config: z.unknown().optional() }), input)
  const read = parseDcaConfig(isRecord(input) ? input.config : undefined, { ...options, path: 'config' })
  if (!outer.ok || !read.ok)
    return { ok: false, findings: [...(outer.ok ? [] : outer.findings), ...(read.ok ? [] : read.findings)] }
  const { baseVersion, note } = outer.value
  return {
    ok: true,
    value: { config: read.config, document: read.document, baseVersion: baseVersion ?? null, note: note ?? null },
  }
}

/** `POST /ladder/preview`. The name of the bot does not matter here and may be missing. */
export function parseLadderPreview(
  input: unknown,
  options: Options = {},
): Parsed<{ readonly config: DcaConfig; readonly symbol: string; readonly price: string; readonly balance: string | null }> {
  const outer = parseWith(ladderPreviewBody.extend({ config: z.unknown().optional() }), input)
  const body = isRecord(input) ? input : {}
  const config = isRecord(body.config)
    ? { ...withOuter({}, { symbol: body.symbol }), name: 'preview', ...body.config }
    : body.config
  const read = parseDcaConfig(config, { ...options, path: 'config' })
  const findings = [...(outer.ok ? [] : outer.findings), ...(read.ok ? [] : read.findings)]
  if (findings.length > 0 || !outer.ok || !read.ok) return { ok: false, findings }
  const symbol = outer.value.symbol ?? read.config.pairs[0] ?? ''
  if (!read.config.pairs.includes(symbol))
    return {
      ok: false,
      findings: [{ path: 'symbol', code: 'UNKNOWN_SYMBOL', message: `not among the pairs ${read.config.pairs.join(', ')}` }],
    }
  return { ok: true, value: { config: read.config, symbol, price: outer.value.price, balance: outer.value.balance ?? null } }
}
