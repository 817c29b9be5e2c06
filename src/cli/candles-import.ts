// evenkeel candles import: files become stored series, all of them in one transaction or none.

import { readFile } from 'node:fs/promises'
import { findGaps } from '../core/market/gaps.ts'
import { defaultRules, type InstrumentRules, instrumentFromRules, instrumentId } from '../core/market/instrument.ts'
import { TIMEFRAMES, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import { mergeSeries, type SeriesPart } from '../market-data/import/merge.ts'
import { type CandleFile, readCandleFile } from '../market-data/import/read-candle-file.ts'
import { namesOfFile, parseSymbol } from '../market-data/symbol.ts'
import type { ImportedSeries } from './candle-archive.ts'
import type { OpenArchive } from './candles.ts'
import { CliError, choiceOption, EXIT, flagOption, textOption, UsageError, type Verb, type VerbContext } from './verb.ts'

/** Rows left out by --skip-bad that are told of one file. */
const SKIPPED_SHOWN = 10

export function importVerb(openArchive: OpenArchive): Verb {
  return {
    name: 'import',
    summary: 'store candles of files',
    usage: 'FILE... --exchange X --symbol BTC/USDT [--timeframe 1h]',
    details:
      'Files: CSV or CSV.gz with the header time,open,high,low,close,volume (epoch s, ms, us or ISO; any order of columns), exchange\n' +
      'kline dumps without a header (also zipped), freqtrade JSON or JSON.gz. Exchange and symbol may stand in the file name, as in\n' +
      'binance-BTC_USDT-1h.csv.gz. A file with a bad row is refused with all its findings, and then none of the files is stored.',
    options: {
      exchange: { type: 'string', value: 'NAME', help: 'exchange, such as binance' },
      symbol: { type: 'string', value: 'SYMBOL', help: 'pair, such as BTC/USDT' },
      timeframe: { type: 'string', value: 'TF', help: `${TIMEFRAMES.join(', ')} (told from the rows where absent)` },
      stamp: { type: 'string', value: 'open|close', help: 'which end of a bar its time names (default open)' },
      instrument: {
        type: 'string',
        value: 'JSON|FILE',
        help: 'rules of a new instrument: tick, step, minNotional, makerBps ...',
      },
      'skip-bad': { type: 'boolean', help: 'leave bad rows out, at most one in a thousand' },
      'skip-bad-rows': { type: 'boolean', help: 'the same' },
    },
    async run(context) {
      if (context.args.length === 0) throw new UsageError('FILE', undefined, 'name one or more candle files')
      const series = await readSeries(context)
      const total = series.reduce((sum, one) => sum + one.columns.length, 0)
      const archive = await openArchive(context, 'write')
      try {
        context.signal.throwIfAborted()
        const counts = await archive.importSeries(series, context.out.progress('importing', total))
        const rows = counts.map((count, i) => {
          const { columns, timeframe } = series[i]!
          const gaps = findGaps(columns, timeframe)
          return { ...count, bars: columns.length, missing: gaps.reduce((sum, gap) => sum + gap.bars, 0), gaps: gaps.length }
        })
        context.out.result({ imported: rows }, () =>
          rows.map(
            row =>
              `${row.instrumentId} ${row.timeframe}: ${row.bars} bars, ${row.inserted} new, ${row.changed} changed, ${row.unchanged} known; ${row.missing} missing in ${row.gaps} holes`,
          ),
        )
        return EXIT.ok
      } finally {
        await archive.close()
      }
    },
  }
}

async function readSeries(context: VerbContext): Promise<ImportedSeries[]> {
  const timeframe = choiceOption(context, 'timeframe', TIMEFRAMES)
  const stamp = choiceOption(context, 'stamp', ['open', 'close'])
  const skipBadRows = flagOption(context, 'skip-bad') || flagOption(context, 'skip-bad-rows')
  const rules = await rulesOption(context)
  const groups = new Map<string, { rules: InstrumentRules; timeframe: Timeframe; parts: SeriesPart[]; priceDecimals: number }>()
  for (const path of context.args) {
    context.signal.throwIfAborted()
    const file = await readCandleFile(path, { ...(timeframe ? { timeframe } : {}), ...(stamp ? { stamp } : {}), skipBadRows })
    tell(context, file)
    const { exchange, symbol } = namesFor(context, file.file)
    // the table keeps no bar without its volume, and a made-up zero would be a lie that orders are filled by
    if (file.columns.volume.some(Number.isNaN)) {
      const remedy = "import needs every bar's volume; a backtest with --candles does without"
      throw new CliError(EXIT.failed, 'BAD_CANDLES', `${file.file}: bars without volume: ${remedy}`)
    }
    const key = `${instrumentId(exchange, symbol)} ${file.timeframe}`
    const group = groups.get(key) ?? {
      rules: defaultRules(exchange, symbol),
      timeframe: file.timeframe,
      parts: [],
      priceDecimals: 0,
    }
    group.parts.push({ file: file.file, columns: file.columns })
    group.priceDecimals = Math.max(group.priceDecimals, file.priceDecimals)
    groups.set(key, group)
  }
  return [...groups.values()].map(group => ({
    rules: checkedRules({ ...group.rules, tick: finerTick(group.rules.tick, group.priceDecimals), ...rules }),
    timeframe: group.timeframe,
    columns: mergeSeries(group.parts),
  }))
}

function tell(context: VerbContext, file: CandleFile): void {
  for (const notice of file.notices) context.out.note(`${file.file}: ${notice}`)
  for (const row of file.skipped.slice(0, SKIPPED_SHOWN))
    context.out.note(`${file.file}: left out line ${row.line}: ${row.reason}`)
}

function namesFor(context: VerbContext, file: string): { exchange: string; symbol: string } {
  const told = namesOfFile(file)
  const exchange = (textOption(context, 'exchange') ?? told.exchange)?.toLowerCase()
  if (!exchange) throw new UsageError('--exchange', undefined, 'name the exchange, such as --exchange binance')
  if (!/^[a-z][a-z0-9_-]{0,30}$/.test(exchange))
    throw new UsageError('--exchange', exchange, 'letters and digits, such as binance')
  if (exchange === 'demo')
    throw new UsageError('--exchange', exchange, 'the demo market makes its own candles; choose another name')
  const text = textOption(context, 'symbol')
  const symbol = text === undefined ? told.symbol : parseSymbol(text)
  if (!symbol) throw new UsageError('--symbol', text, 'write base and quote, such as --symbol BTC/USDT')
  return { exchange, symbol }
}

/** The default tick, or a finer one where the file's prices need it. */
function finerTick(tick: string, priceDecimals: number): string {
  const needed = Decimal.ofUnits(1, Math.min(priceDecimals, 12))
  return needed.lt(Decimal.from(tick)) ? needed.toString() : tick
}

const RULE_NAMES = [
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

async function rulesOption(context: VerbContext): Promise<Partial<InstrumentRules>> {
  const given = textOption(context, 'instrument')
  if (given === undefined) return {}
  const remedy = `write JSON or a FILE of it with some of ${RULE_NAMES.join(', ')}`
  let value: unknown
  try {
    value = JSON.parse(given.trimStart().startsWith('{') ? given : await readFile(given, 'utf8'))
  } catch {
    throw new UsageError('--instrument', given, remedy)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageError('--instrument', given, remedy)
  const rules: Record<string, string | number> = {}
  for (const [name, rule] of Object.entries(value)) {
    if (['exchange', 'symbol', 'base', 'quote', 'kind', 'id'].includes(name)) continue
    if (!RULE_NAMES.some(one => one === name)) throw new UsageError(`--instrument ${name}`, rule, remedy)
    if (typeof rule !== 'string' && typeof rule !== 'number')
      throw new UsageError(`--instrument ${name}`, rule, 'write a decimal')
    if (name === 'maxOpenOrders' && !/^\d+$/.test(String(rule)))
      throw new UsageError(`--instrument ${name}`, rule, 'write a whole number')
    rules[name] = name === 'maxOpenOrders' ? Number(rule) : String(rule)
  }
  return rules
}

function checkedRules(rules: InstrumentRules): InstrumentRules {
  try {
    instrumentFromRules(rules)
    return rules
  } catch (cause) {
    throw new CliError(EXIT.usage, 'VALIDATION_ERROR', cause instanceof Error ? cause.message : String(cause), [], cause)
  }
}
