// The archive of the candles verbs in Postgres.

import { type InstrumentRules, instrumentId } from '../core/market/instrument.ts'
import { isTimeframe } from '../core/market/timeframe.ts'
import type { CandleCoverage } from '../market-data/candle-source.ts'
import { candleCoverage, deleteCandles, importCandles, readCandles } from '../storage/candle-store.ts'
import type { Database, Transaction } from '../storage/database.ts'
import { findInstrument, upsertInstruments } from '../storage/instrument-store.ts'
import type { CandleArchive, ImportedCount, ImportedSeries } from './candle-archive.ts'
import { openVerbDatabase } from './database.ts'
import type { VerbContext } from './verb.ts'

export async function openStoredArchive(context: VerbContext, purpose: 'read' | 'write'): Promise<CandleArchive> {
  const db = await openVerbDatabase(context, purpose)
  return storedArchive(db)
}

export function storedArchive(db: Database): CandleArchive {
  return {
    importSeries: (series, progress) => db.withApp(tx => importAll(db, tx, series, progress)),
    list: () => db.withApp(tx => coverageOf(tx)),
    coverage: id => db.withApp(tx => coverageOf(tx, id)),
    readColumns: (id, timeframe, fromMs, toMs) =>
      db.withApp(tx =>
        readCandles(tx, {
          instrumentId: id,
          timeframe,
          ...(fromMs === undefined ? {} : { fromMs }),
          ...(toMs === undefined ? {} : { untilMs: toMs }),
        }),
      ),
    deleteSeries: (id, timeframes, fromMs, toMs) =>
      db.withApp(async tx => {
        let deleted = 0
        for (const timeframe of timeframes) {
          deleted += await deleteCandles(tx, {
            instrumentId: id,
            timeframe,
            ...(fromMs === undefined ? {} : { fromMs }),
            ...(toMs === undefined ? {} : { untilMs: toMs }),
          })
        }
        return deleted
      }),
    close: () => db.close(),
  }
}

async function importAll(
  db: Database,
  tx: Transaction,
  series: readonly ImportedSeries[],
  progress: (done: number) => void,
): Promise<ImportedCount[]> {
  // the store opens a transaction of its own for each series; here they share one, so that a set of files is stored whole or not at all
  const inThisTransaction: Database = { ...db, withApp: work => work(tx) }
  const counts: ImportedCount[] = []
  let done = 0
  for (const { rules, timeframe, columns } of series) {
    const id = await ensureInstrument(tx, rules)
    const report = await importCandles(inThisTransaction, {
      instrumentId: id,
      timeframe,
      symbol: rules.symbol,
      source: 'file',
      columns,
    })
    await tx.query('drop table if exists incoming')
    counts.push({
      instrumentId: id,
      timeframe,
      inserted: report.inserted,
      changed: report.revised,
      unchanged: report.unchanged,
    })
    done += columns.length
    progress(done)
  }
  return counts
}

/** Rules that a venue stated are better than those a file makes one guess: known instruments stay as they are. */
async function ensureInstrument(tx: Transaction, rules: InstrumentRules): Promise<string> {
  const id = instrumentId(rules.exchange, rules.symbol)
  if (!(await findInstrument(tx, id))) await upsertInstruments(tx, [rules])
  return id
}

async function coverageOf(tx: Transaction, id?: string): Promise<CandleCoverage[]> {
  return (await candleCoverage(tx, id)).map(one => {
    const { instrumentId: id, timeframe, bars, firstOpenTimeMs: firstMs, lastOpenTimeMs: lastMs } = one
    if (!isTimeframe(timeframe)) throw new RangeError(`stored candles of ${id} have the unknown timeframe ${timeframe}`)
    return { instrumentId: id, timeframe, bars, firstMs, lastMs }
  })
}
