// evenkeel candles: the history of prices - bring it in, look at it, take it out, prove it, remove it.

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { createGzip } from 'node:zlib'
import { createDemoMarket, DEMO_EXCHANGE, DEMO_SEED } from '../core/market/demo-market.ts'
import { findGaps } from '../core/market/gaps.ts'
import { type InstrumentId, instrumentId } from '../core/market/instrument.ts'
import { nextBucketStart, TIMEFRAMES, type Timeframe, timeframeMs } from '../core/market/timeframe.ts'
import { type CandleCoverage, type CandleSource, demoCandleSource, loadCandles } from '../market-data/candle-source.ts'
import { checkColumns } from '../market-data/check-columns.ts'
import { dataHash } from '../market-data/import/data-hash.ts'
import { readCandleFile } from '../market-data/import/read-candle-file.ts'
import { CSV_HEADER, csvRows } from '../market-data/import/write-csv.ts'
import { parseSymbol } from '../market-data/symbol.ts'
import type { CandleArchive } from './candle-archive.ts'
import { importVerb } from './candles-import.ts'
import {
  CliError,
  choiceOption,
  EXIT,
  flagOption,
  instantOption,
  integerOption,
  requiredOption,
  textOption,
  UsageError,
  type Verb,
  type VerbContext,
  type VerbGroup,
  type VerbOption,
} from './verb.ts'

const DAY = 86_400_000
/** Bars of a chunk of CSV. */
const CHUNK = 4096
/** Faults that are told of one series. */
const FAULTS_SHOWN = 10

/** `write` makes the place where there is none. */
export type OpenArchive = (context: VerbContext, purpose?: 'read' | 'write') => Promise<CandleArchive>

export function candleVerbs(openArchive: OpenArchive): VerbGroup {
  return {
    name: 'candles',
    summary: 'import, export, list, verify and delete price history',
    verbs: [
      importVerb(openArchive),
      exportVerb(openArchive),
      listVerb(openArchive),
      verifyVerb(openArchive),
      downloadVerb(),
      deleteVerb(openArchive),
    ],
  }
}

const EXCHANGE: VerbOption = { type: 'string', value: 'NAME', help: 'exchange, such as binance' }
const SYMBOL: VerbOption = { type: 'string', value: 'SYMBOL', help: 'pair, such as BTC/USDT' }
const TIMEFRAME: VerbOption = { type: 'string', value: 'TF', help: TIMEFRAMES.join(', ') }
const FROM: VerbOption = { type: 'string', value: 'TIME', help: 'first bar: a date, an ISO time (UTC) or epoch ms' }
const TO: VerbOption = { type: 'string', value: 'TIME', help: 'bars that open before it' }

async function withArchive<T>(
  openArchive: OpenArchive,
  context: VerbContext,
  work: (archive: CandleArchive) => Promise<T>,
): Promise<T> {
  const archive = await openArchive(context)
  try {
    return await work(archive)
  } finally {
    await archive.close()
  }
}

function instrumentOption(context: VerbContext): InstrumentId {
  const exchange = requiredOption(context, 'exchange', 'name the exchange, such as --exchange binance')
  const text = requiredOption(context, 'symbol', 'name the pair, such as --symbol BTC/USDT')
  const symbol = parseSymbol(text)
  if (!symbol) throw new UsageError('--symbol', text, 'write base and quote, such as BTC/USDT')
  return instrumentId(exchange.toLowerCase(), symbol)
}

function exportVerb(openArchive: OpenArchive): Verb {
  return {
    name: 'export',
    summary: 'write candles as CSV',
    usage: '--exchange X --symbol BTC/USDT --timeframe 1h [--from TIME] [--to TIME] [--out FILE]',
    details:
      'A timeframe that is not stored is aggregated from one that is. The demo market (--exchange demo) needs no database;\n' +
      'its default range is the last 30 days. Without --out the CSV goes to stdout; a FILE ending in .gz is compressed.',
    options: {
      exchange: EXCHANGE,
      symbol: SYMBOL,
      timeframe: TIMEFRAME,
      from: FROM,
      to: TO,
      out: { type: 'string', value: 'FILE', help: 'write here instead of stdout' },
      seed: { type: 'string', value: 'N', help: 'seed of the demo market (default: the one everybody sees)' },
    },
    async run(context) {
      const id = instrumentOption(context)
      const timeframe = choiceOption(context, 'timeframe', TIMEFRAMES)
      if (!timeframe) throw new UsageError('--timeframe', undefined, `one of ${TIMEFRAMES.join(', ')}`)
      const toMs = instantOption(context, 'to')
      let fromMs = instantOption(context, 'from')
      const out = textOption(context, 'out')
      if (context.json && out === undefined)
        throw new UsageError('--out', undefined, 'with --json the CSV needs a FILE of its own')
      const write = async (source: CandleSource): Promise<number> => {
        const columns = await loadCandles(source, id, timeframe, fromMs, toMs)
        const gaps = findGaps(columns, timeframe)
        if (columns.length === 0) throw new CliError(EXIT.failed, 'NOT_FOUND', `no ${timeframe} candles of ${id} in that range`)
        const report = context.out.progress('writing', columns.length)
        const chunks = function* (): Generator<string> {
          yield CSV_HEADER
          for (let start = 0; start < columns.length; start += CHUNK) {
            context.signal.throwIfAborted()
            report(start)
            yield csvRows(columns, start, Math.min(columns.length, start + CHUNK))
          }
          report(columns.length)
        }
        if (out === undefined) for (const chunk of chunks()) context.out.write(chunk)
        else await writeFileWhole(out, chunks())
        const missing = gaps.reduce((sum, gap) => sum + gap.bars, 0)
        const summary = {
          instrument: id,
          timeframe,
          bars: columns.length,
          missing,
          dataHash: dataHash(columns),
          file: out ?? null,
        }
        if (context.json) context.out.document(summary)
        else
          context.out.note(
            `${id} ${timeframe}: ${columns.length} bars, ${missing} missing, data ${summary.dataHash.slice(0, 16)}`,
          )
        return EXIT.ok
      }
      if (!id.startsWith(`${DEMO_EXCHANGE}:`)) return withArchive(openArchive, context, write)
      fromMs ??= Math.floor(Date.now() / DAY) * DAY - 30 * DAY
      const market = createDemoMarket(integerOption(context, 'seed', 0, Number.MAX_SAFE_INTEGER) ?? DEMO_SEED)
      return write(demoCandleSource(market, () => Date.now()))
    },
  }
}

/** Under another name first: what bears the name is whole. */
async function writeFileWhole(path: string, chunks: Iterable<string>): Promise<void> {
  const partial = `${path}.partial-${process.pid}`
  try {
    const file = createWriteStream(partial)
    const top = path.endsWith('.gz') ? createGzip() : file
    const closed = once(file, 'close')
    closed.catch(() => {})
    if (top !== file) top.pipe(file)
    for (const chunk of chunks) if (!top.write(chunk)) await Promise.race([once(top, 'drain'), closed])
    top.end()
    await closed
    const written = await open(partial, 'r+')
    await written.sync()
    await written.close()
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true })
    if (cause instanceof DOMException) throw cause
    throw new CliError(
      EXIT.failed,
      'WRITE_FAILED',
      `${path} cannot be written: ${cause instanceof Error ? cause.message : cause}`,
      [],
      cause,
    )
  }
}

function listVerb(openArchive: OpenArchive): Verb {
  return {
    name: 'list',
    summary: 'stored candles by instrument and timeframe',
    usage: '[--exchange X] [--symbol BTC/USDT]',
    options: { exchange: EXCHANGE, symbol: SYMBOL },
    run: context =>
      withArchive(openArchive, context, async archive => {
        const all = filtered(context, await archive.list())
        const rows = all.map(one => ({
          instrument: one.instrumentId,
          timeframe: one.timeframe,
          bars: one.bars,
          missing: slots(one) - one.bars,
          first: new Date(one.firstMs).toISOString(),
          last: new Date(one.lastMs).toISOString(),
        }))
        context.out.result({ candles: rows }, () => {
          if (rows.length === 0)
            return ['no candles are stored; import a file: evenkeel candles import FILE --exchange X --symbol BTC/USDT']
          return table([
            ['instrument', 'tf', 'bars', 'missing', 'first', 'last'],
            ...rows.map(row => [
              row.instrument,
              row.timeframe,
              row.bars,
              row.missing,
              row.first.slice(0, 16),
              row.last.slice(0, 16),
            ]),
          ])
        })
        return EXIT.ok
      }),
  }
}

function filtered(context: VerbContext, all: readonly CandleCoverage[]): readonly CandleCoverage[] {
  const exchange = textOption(context, 'exchange')?.toLowerCase()
  const text = textOption(context, 'symbol')
  const symbol = text === undefined ? undefined : parseSymbol(text)
  if (symbol === null) throw new UsageError('--symbol', text, 'write base and quote, such as BTC/USDT')
  const timeframe = choiceOption(context, 'timeframe', TIMEFRAMES)
  return all.filter(
    one =>
      (exchange === undefined || one.instrumentId.startsWith(`${exchange}:`)) &&
      (symbol === undefined || one.instrumentId.endsWith(`:${symbol}`)) &&
      (timeframe === undefined || one.timeframe === timeframe),
  )
}

/** Bars that a series without holes would have. */
function slots(one: CandleCoverage): number {
  if (one.timeframe !== '1M') return Math.round((one.lastMs - one.firstMs) / timeframeMs(one.timeframe)) + 1
  let count = 1
  for (let at = one.firstMs; at < one.lastMs; at = nextBucketStart('1M', at)) count += 1
  return count
}

function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => String(row[column]).length)))
  return rows.map(row =>
    row
      .map((cell, i) => (typeof cell === 'number' ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

interface Verified {
  readonly series: string
  readonly timeframe: Timeframe
  readonly bars: number
  readonly first: string
  readonly last: string
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly bars: number }[]
  readonly missing: number
  readonly faults: readonly string[]
  readonly dataHash: string
}

function verifyVerb(openArchive: OpenArchive): Verb {
  return {
    name: 'verify',
    summary: 'check order, grid, prices and holes of stored candles or of files',
    usage: '[FILE...] [--exchange X] [--symbol BTC/USDT] [--timeframe 1h] [--strict]',
    details:
      'Holes are outages of the exchange more often than faults: they are listed, and fail only with --strict.\nExit code 5 where something is wrong.',
    options: {
      exchange: EXCHANGE,
      symbol: SYMBOL,
      timeframe: TIMEFRAME,
      strict: { type: 'boolean', help: 'holes fail too' },
    },
    async run(context) {
      const results: Verified[] = []
      if (context.args.length > 0) {
        const timeframe = choiceOption(context, 'timeframe', TIMEFRAMES)
        for (const path of context.args) {
          const file = await readCandleFile(path, timeframe ? { timeframe } : {})
          for (const notice of file.notices) context.out.note(`${file.file}: ${notice}`)
          results.push(verified(file.file, file.timeframe, file.columns))
        }
      } else {
        await withArchive(openArchive, context, async archive => {
          const all = filtered(context, await archive.list())
          const report = context.out.progress('verifying', all.length)
          for (const [done, one] of all.entries()) {
            context.signal.throwIfAborted()
            report(done)
            results.push(verified(one.instrumentId, one.timeframe, await archive.readColumns(one.instrumentId, one.timeframe)))
          }
          report(all.length)
        })
      }
      const strict = flagOption(context, 'strict')
      const failed = results.filter(one => one.faults.length > 0 || (strict && one.missing > 0))
      context.out.result({ ok: failed.length === 0, series: results }, () => [
        ...results.flatMap(one => [
          `${one.series} ${one.timeframe}: ${one.bars} bars ${one.first} - ${one.last}, ${one.missing} missing in ${one.gaps.length} holes, ${
            one.faults.length
          } faults, data ${one.dataHash}`,
          ...one.faults.slice(0, FAULTS_SHOWN).map(fault => `  ${fault}`),
          ...(strict ? one.gaps.map(gap => `  hole ${gap.from} - ${gap.to}: ${gap.bars} bars`) : []),
        ]),
        failed.length > 0 ? `${failed.length} of ${results.length} series are not sound` : `${results.length} series are sound`,
      ])
      return failed.length > 0 ? EXIT.verification : EXIT.ok
    },
  }
}

function verified(series: string, timeframe: Timeframe, columns: Parameters<typeof dataHash>[0]): Verified {
  const gaps = findGaps(columns, timeframe)
  const iso = (ms: number | undefined) => (ms === undefined ? '' : new Date(ms).toISOString())
  return {
    series,
    timeframe,
    bars: columns.length,
    first: iso(columns.openTimeMs[0]),
    last: iso(columns.openTimeMs[columns.length - 1]),
    gaps: gaps.map(gap => ({ from: iso(gap.fromMs), to: iso(gap.toMs), bars: gap.bars })),
    missing: gaps.reduce((sum, gap) => sum + gap.bars, 0),
    faults: checkColumns(columns, timeframe).map(fault => fault.reason),
    dataHash: dataHash(columns),
  }
}

function downloadVerb(): Verb {
  return {
    name: 'download',
    summary: 'fetch candles from an exchange (not available yet)',
    usage: '--exchange X --symbol BTC/USDT --timeframe 1h',
    options: { exchange: EXCHANGE, symbol: SYMBOL, timeframe: TIMEFRAME, from: FROM, to: TO },
    run: async () => {
      throw new CliError(
        EXIT.failed,
        'NOT_IMPLEMENTED',
        'not available yet: live venues come with a later version; import a file instead: evenkeel candles import FILE',
      )
    },
  }
}

function deleteVerb(openArchive: OpenArchive): Verb {
  return {
    name: 'delete',
    summary: 'delete stored candles of one instrument',
    usage: '--exchange X --symbol BTC/USDT [--timeframe 1h] [--from TIME] [--to TIME]',
    options: { exchange: EXCHANGE, symbol: SYMBOL, timeframe: TIMEFRAME, from: FROM, to: TO },
    async run(context) {
      const id = instrumentOption(context)
      const timeframe = choiceOption(context, 'timeframe', TIMEFRAMES)
      const [fromMs, toMs] = [instantOption(context, 'from'), instantOption(context, 'to')]
      return withArchive(openArchive, context, async archive => {
        const stored = (await archive.coverage(id)).map(one => one.timeframe)
        const timeframes = timeframe ? stored.filter(one => one === timeframe) : stored
        if (timeframes.length === 0) {
          throw new CliError(EXIT.failed, 'NOT_FOUND', `no ${timeframe ? `${timeframe} ` : ''}candles of ${id} are stored`)
        }
        const deleted = await archive.deleteSeries(id, timeframes, fromMs, toMs)
        context.out.result({ instrument: id, timeframes, deleted }, () => [
          `${deleted} bars of ${id} ${timeframes.join(', ')} deleted`,
        ])
        return EXIT.ok
      })
    },
  }
}

export const verb: VerbGroup = candleVerbs(async (context, purpose = 'read') =>
  (await import('./candle-archive-storage.ts')).openStoredArchive(context, purpose),
)
