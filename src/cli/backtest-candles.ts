// The candles of a backtest: from files without any database, from the demo market, or from what is stored.

import { InsufficientDataError } from '../core/market/aggregate.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import { type Instrument, instrumentId } from '../core/market/instrument.ts'
import { nestsIn, TIMEFRAMES, type Timeframe, timeframeMs } from '../core/market/timeframe.ts'
import { dataHash } from '../market-data/import/data-hash.ts'
import { parseSymbol } from '../market-data/symbol.ts'
import { CliError, EXIT, suggestion, type VerbContext } from './verb.ts'

export interface LoadedCandles {
  readonly timeframe: Timeframe
  readonly columns: ReadonlyMap<string, CandleColumns>
  /** Rules by symbol, where the source knows them. */
  readonly rules: ReadonlyMap<string, Instrument>
}

function missing(symbol: string, remedy: string): CliError {
  return new CliError(EXIT.usage, 'INSUFFICIENT_DATA', `no candles of ${symbol} were given: ${remedy}`, [
    { path: '--candles', code: 'INSUFFICIENT_DATA', message: remedy },
  ])
}

function unknownSymbol(symbol: string, message: string): CliError {
  return new CliError(EXIT.usage, 'UNKNOWN_SYMBOL', message, [{ path: 'pairs', code: 'UNKNOWN_SYMBOL', message: symbol }])
}

/** All series in the coarsest timeframe among them. @throws InsufficientDataError where one does not nest in it. */
function inOneTimeframe(
  series: ReadonlyMap<string, { readonly timeframe: Timeframe; readonly columns: CandleColumns }>,
  aggregate: (columns: CandleColumns, from: Timeframe, to: Timeframe) => CandleColumns,
): { timeframe: Timeframe; columns: Map<string, CandleColumns> } {
  const timeframe = TIMEFRAMES[Math.max(...[...series.values()].map(one => TIMEFRAMES.indexOf(one.timeframe)))]!
  const columns = new Map([...series].map(([symbol, one]) => [symbol, aggregate(one.columns, one.timeframe, timeframe)]))
  return { timeframe, columns }
}

/** @param specs `SYMBOL=FILE`, or `FILE` where the bot has one symbol or the file's name tells which. */
export async function candlesFromFiles(
  context: VerbContext,
  specs: readonly string[],
  symbols: readonly string[],
): Promise<LoadedCandles> {
  const [{ readCandleFile }, { mergeSeries }, { namesOfFile }, { aggregateColumns }, { basename }] = await Promise.all([
    import('../market-data/import/read-candle-file.ts'),
    import('../market-data/import/merge.ts'),
    import('../market-data/symbol.ts'),
    import('../core/market/aggregate.ts'),
    import('node:path'),
  ])
  const files = new Map<string, string[]>()
  for (const spec of specs) {
    const cut = /^([A-Za-z0-9._-]+\/[A-Za-z0-9._:-]+|[A-Z0-9]{5,20})=(.+)$/.exec(spec)
    const path = cut ? cut[2]! : spec
    const named = cut ? parseSymbol(cut[1]!) : (namesOfFile(basename(path)).symbol ?? null)
    const symbol = named ?? (symbols.length === 1 ? symbols[0]! : null)
    if (!symbol) throw unknownSymbol(spec, `whose candles are in ${path}? Write SYMBOL=FILE, such as ${symbols[0]}=${path}`)
    if (!symbols.includes(symbol)) {
      const hint = suggestion(symbol, symbols)
      const remedy = cut ? '' : `; write ${symbols[0]}=${path} if its name is wrong`
      throw unknownSymbol(symbol, `${path} holds candles of ${symbol}, the bot reads ${symbols.join(', ')}. ${hint}${remedy}`)
    }
    files.set(symbol, [...(files.get(symbol) ?? []), path])
  }
  const series = new Map<string, { timeframe: Timeframe; columns: CandleColumns }>()
  for (const symbol of symbols) {
    const paths = files.get(symbol)
    if (!paths) throw missing(symbol, `add --candles ${symbol}=FILE`)
    const parts = []
    for (const path of paths) {
      const file = await readCandleFile(path)
      for (const notice of file.notices) context.out.note(`${file.file}: ${notice}`)
      parts.push(file)
    }
    const timeframe = parts[0]!.timeframe
    const other = parts.find(part => part.timeframe !== timeframe)
    if (other) {
      throw new CliError(
        EXIT.usage,
        'BAD_CANDLES',
        `${parts[0]!.file} holds ${timeframe} candles and ${other.file} ${other.timeframe}: give files of one timeframe per symbol`,
      )
    }
    series.set(symbol, { timeframe, columns: mergeSeries(parts) })
  }
  return { ...inOneTimeframe(series, aggregateColumns), rules: new Map() }
}

export interface Range {
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
}

const DAY_MS = 86_400_000
/** History before the first traded candle of the demo market, for indicators; and how long it trades when no range is given. */
const DEMO_WARM_UP_MS = 60 * DAY_MS
const DEMO_SPAN_MS = 90 * DAY_MS

/** The demo market needs no import: its prices are computed. */
export async function candlesOfDemo(symbols: readonly string[], range: Range, nowMs: number): Promise<LoadedCandles> {
  const { createDemoMarket, DEMO_INSTRUMENTS, DEMO_SEED, DEMO_START_MS } = await import('../core/market/demo-market.ts')
  const { instrumentFromRules } = await import('../core/market/instrument.ts')
  const market = createDemoMarket(DEMO_SEED)
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS
  const toMs = range.toMs ?? today
  const fromMs = range.fromMs ?? toMs - DEMO_SPAN_MS
  const known = DEMO_INSTRUMENTS.map(rules => rules.symbol)
  const columns = new Map<string, CandleColumns>()
  const rules = new Map<string, Instrument>()
  for (const symbol of symbols) {
    const row = DEMO_INSTRUMENTS.find(each => each.symbol === symbol)
    if (!row) throw unknownSymbol(symbol, `the demo market has no ${symbol}; it has ${known.join(', ')}`)
    rules.set(symbol, instrumentFromRules(row))
    const start = Math.max(DEMO_START_MS, Math.floor((fromMs - DEMO_WARM_UP_MS) / DAY_MS) * DAY_MS)
    columns.set(symbol, market.candles(symbol, start, Math.min(toMs, today), '1m'))
  }
  return { timeframe: '1m', columns, rules }
}

/** Stored candles: of each symbol the series that covers most, all in one timeframe. */
export async function candlesFromStore(
  context: VerbContext,
  exchange: string,
  symbols: readonly string[],
  clock: Timeframe,
  range: Range,
): Promise<LoadedCandles> {
  const [{ openVerbDatabase }, { storedArchive }, { bestSeries }, { findInstrument, listInstruments }, { aggregateColumns }] =
    await Promise.all([
      import('./database.ts'),
      import('./candle-archive-storage.ts'),
      import('../market-data/candle-source.ts'),
      import('../storage/instrument-store.ts'),
      import('../core/market/aggregate.ts'),
    ])
  const db = await openVerbDatabase(context)
  try {
    const archive = storedArchive(db)
    const rules = new Map<string, Instrument>()
    const series = new Map<string, { timeframe: Timeframe; columns: CandleColumns }>()
    for (const symbol of symbols) {
      const id = instrumentId(exchange, symbol)
      const found = await db.withApp(tx => findInstrument(tx, id))
      if (!found) {
        const known = (await db.withApp(tx => listInstruments(tx, exchange))).map(each => each.symbol)
        const has =
          known.length === 0
            ? `nothing of ${exchange} is stored`
            : `${suggestion(symbol, known)}known are ${known.slice(0, 20).join(', ')}`
        throw unknownSymbol(symbol, `${symbol} is not known on ${exchange}: ${has}; evenkeel candles import brings candles in`)
      }
      rules.set(symbol, found)
      const coverage = await archive.coverage(id)
      const best = bestSeries(coverage, clock, range.fromMs, range.toMs)
      if (!best) {
        const finest = coverage.toSorted((a, b) => timeframeMs(a.timeframe) - timeframeMs(b.timeframe))[0]
        if (finest && !nestsIn(finest.timeframe, clock)) throw new InsufficientDataError(finest.timeframe, clock)
        throw missing(symbol, `nothing of it is stored for ${exchange}; evenkeel candles import brings candles in`)
      }
      series.set(symbol, {
        timeframe: best.timeframe,
        columns: await archive.readColumns(id, best.timeframe, undefined, range.toMs),
      })
    }
    return { ...inOneTimeframe(series, aggregateColumns), rules }
  } finally {
    await db.close()
  }
}

/** One name for all series: of a single one its own hash, else the hash over `symbol:hash` lines in the bot's order. */
export async function hashOfAll(
  columns: ReadonlyMap<string, CandleColumns>,
): Promise<{ all: string; each: Map<string, string> }> {
  const each = new Map([...columns].map(([symbol, one]) => [symbol, dataHash(one)]))
  if (each.size === 1) return { all: [...each.values()][0]!, each }
  const { sha256Hex } = await import('../core/hash/sha256.ts')
  return { all: sha256Hex([...each].map(([symbol, hash]) => `${symbol}:${hash}\n`).join('')), each }
}
