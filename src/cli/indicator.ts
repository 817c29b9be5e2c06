// evenkeel indicator: one indicator over a file of candles, by the very classes that decide in runs.

import {
  computeColumns,
  findIndicator,
  INDICATORS,
  type IndicatorDefinition,
  normalizeParams,
  SOURCES,
} from '../core/indicators/index.ts'
import { candleAt } from '../core/market/candles.ts'
import { timeframeMs } from '../core/market/timeframe.ts'
import { readCandleFile } from '../market-data/import/read-candle-file.ts'
import {
  CliError,
  choiceOption,
  EXIT,
  flagOption,
  requiredOption,
  suggestion,
  textOption,
  twoColumns,
  UsageError,
  type Verb,
  type VerbContext,
} from './verb.ts'

/** Rows shown to people who asked for neither CSV nor JSON. */
const ROWS_SHOWN = 10

export const verb: Verb = {
  name: 'indicator',
  summary: 'compute an indicator over a candle file',
  usage: 'NAME --candles FILE [--params JSON] [--source close] [--csv]',
  details: `Indicators:\n${twoColumns(INDICATORS.map(def => [def.id, parameters(def)]))}`,
  options: {
    params: { type: 'string', value: 'JSON', help: 'parameters, such as \'{"period":14}\'; defaults where absent' },
    candles: { type: 'string', value: 'FILE', help: 'CSV, CSV.gz, exchange klines or freqtrade JSON' },
    source: { type: 'string', value: 'PRICE', help: `${SOURCES.join(', ')} (default close)` },
    csv: { type: 'boolean', help: 'all rows as time,<component>..., empty while warming up' },
  },
  blocking: true,
  run,
}

async function run(context: VerbContext): Promise<number> {
  const name = context.args[0]
  if (name === undefined) throw new UsageError('NAME', name, 'name an indicator; evenkeel indicator --help lists them')
  if (context.args.length > 1) throw new UsageError('argument', context.args[1], 'one indicator at a time')
  const def = findIndicator(name)
  if (!def) {
    const ids = INDICATORS.map(one => one.id)
    throw new UsageError('NAME', name, `${suggestion(name, ids)}the indicators are ${ids.join(', ')}`)
  }
  const normalized = normalizeParams(def, parseParams(textOption(context, 'params')))
  if (normalized.findings) {
    throw new CliError(
      EXIT.usage,
      'VALIDATION_ERROR',
      normalized.findings.map(one => one.message).join('\n'),
      normalized.findings,
    )
  }
  const source = choiceOption(context, 'source', SOURCES) ?? 'close'
  const file = await readCandleFile(requiredOption(context, 'candles', 'name a candle file: --candles FILE'))
  for (const notice of file.notices) context.out.note(`${file.file}: ${notice}`)
  if (def.needsVolume && file.columns.volume.every(Number.isNaN)) {
    throw new CliError(EXIT.failed, 'INSUFFICIENT_DATA', `${def.id} needs volume, and ${file.file} has none`)
  }
  let values: Float64Array[]
  try {
    values = computeColumns(def, normalized.params, source, file.columns, timeframeMs(file.timeframe))
  } catch (error) {
    // an indicator says so where the timeframe does not suit it
    if (error instanceof RangeError) throw new CliError(EXIT.usage, 'OUT_OF_RANGE', error.message, [], error)
    throw error
  }

  const { openTimeMs, length } = file.columns
  if (context.json) {
    context.out.document({
      indicator: def.id,
      params: normalized.params,
      source,
      timeframe: file.timeframe,
      dataHash: file.hash,
      components: def.components,
      rows: Array.from({ length }, (_, i) => [openTimeMs[i], ...values.map(column => finite(column[i]!))]),
    })
  } else if (flagOption(context, 'csv')) {
    context.out.write(`time,${def.components.join(',')}\n`)
    for (let start = 0; start < length; start += 4096) {
      let text = ''
      for (let i = start; i < Math.min(length, start + 4096); i += 1) {
        text += openTimeMs[i]
        for (const column of values) text += `,${finite(column[i]!) ?? ''}`
        text += '\n'
      }
      context.out.write(text)
    }
  } else {
    const first = values[0]!.findIndex(Number.isFinite)
    context.out.line(`${def.id} ${JSON.stringify(normalized.params)} of ${source}, ${file.timeframe}, ${length} bars`)
    context.out.line(first < 0 ? 'no value: too few bars' : `first value at ${new Date(openTimeMs[first]!).toISOString()}`)
    context.out.line(['time', 'close', ...def.components].join('  '))
    for (let i = Math.max(0, length - ROWS_SHOWN); i < length; i += 1) {
      const row = [
        new Date(openTimeMs[i]!).toISOString(),
        candleAt(file.columns, i).close,
        ...values.map(column => finite(column[i]!) ?? '-'),
      ]
      context.out.line(row.join('  '))
    }
  }
  return EXIT.ok
}

function parseParams(text: string | undefined): unknown {
  if (text === undefined) return {}
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError('--params', text, 'write JSON, such as \'{"period":14}\'')
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

function parameters(def: IndicatorDefinition): string {
  const params = def.params.map(spec => `${spec.name} ${spec.default}`).join(', ')
  return `${params || 'no parameters'}; gives ${def.components.join(', ')}`
}
