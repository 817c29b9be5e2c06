// A backtest: the same machine and simulated venue as a paper run, over candle columns in memory.

import type { SeriesLookup } from '../core/conditions/series-lookup.ts'
import { seriesKey } from '../core/conditions/series-node.ts'
import type { DcaConfig } from '../core/dca/config.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import type { Decimal } from '../core/money/decimal.ts'
import { tradesHash } from '../core/positions/trades-hash.ts'
import { checkTick, seriesLookup } from '../engine/candle-series.ts'
import { ColumnRun } from '../engine/column-run.ts'
import { createDcaMachine } from '../engine/dca/dca-machine.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import { type PreparedDca, prepareDca } from '../engine/dca/prepare.ts'
import { EquityRecorder } from '../engine/equity-recorder.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'
import { SimulatedRun, type SimulatedRunOptions } from '../engine/simulated-run.ts'
import type { VenueParameters } from '../engine/simulated-venue/fill-price.ts'
import { type BookCheck, checkBooks } from './book-check.ts'
import { MemoryJournal } from './memory-journal.ts'

export interface BacktestInput {
  readonly config: DcaConfig
  /** By symbol: the pairs, and every other symbol the configuration looks at. */
  readonly instruments: ReadonlyMap<string, Instrument>
  /** By symbol, all of one timeframe; a series starts at its anchor. */
  readonly candles: ReadonlyMap<string, CandleColumns>
  readonly timeframe: Timeframe
  readonly capital: Decimal
  /** Trading starts here; earlier candles warm indicators up. */
  readonly fromMs?: number
  readonly toMs?: number
  readonly venue: VenueParameters
  /** Sleep between wake-ups, or step through every candle: the trades are the same. */
  readonly skip: boolean
  /** Keep the bot's messages for a report. */
  readonly keepsEvents?: boolean
  /** Sample equity at every bar close. */
  readonly samplesEquity?: boolean
  /** Columns computed before, for many runs over the same candles. */
  readonly lookup?: SeriesLookup
  readonly onProgress?: (done: number, total: number) => void
  /** Sees every step: for tests that watch what must always hold. */
  readonly onStep?: (event: EngineEvent, result: StepResult<DcaState>) => void
  /** Saves the state as JSON after every n-th wake-up and goes on from that alone, as after a crash; 0 = never. */
  readonly restartEvery?: number
}

export interface BacktestOutcome {
  readonly journal: MemoryJournal<DcaState>
  readonly state: DcaState
  /** Reckoned when it is asked for. */
  readonly tradesHash: string
  /** Free and reserved quote at the end, and dust at its basis: exact. */
  readonly finalEquity: Decimal
  readonly books: BookCheck
  readonly equity: { readonly atMs: Float64Array; readonly value: Float64Array }
  readonly firstMs: number
  readonly lastMs: number
  readonly wakeUps: number
}

export function prepareBacktest(input: BacktestInput): { prepared: PreparedDca; lookup: SeriesLookup } {
  const prepared = prepareDca(new Map([[1, input.config]]), 1, input.instruments, input.timeframe)
  if (input.lookup) return { prepared, lookup: input.lookup }
  const venue = [...input.candles].map(([symbol, columns]) => {
    const instrument = input.instruments.get(symbol)
    if (!instrument) throw new RangeError(`candles of ${symbol} were given without its instrument`)
    return { instrumentId: instrument.id, columns }
  })
  for (const { symbol, instrument } of prepared.pairs) {
    const columns = input.candles.get(symbol)
    if (columns) checkTick(instrument, columns)
  }
  const clock = prepared.pairs.flatMap(({ instrument }) => [
    { instrumentId: instrument.id, timeframe: prepared.decisionTimeframe },
    { instrumentId: instrument.id, timeframe: input.config.timeframe },
  ])
  return { prepared, lookup: seriesLookup(venue, input.timeframe, [...clock, ...prepared.needs]) }
}

const PROGRESS_EVERY = 2000

export function runBacktest(input: BacktestInput): BacktestOutcome {
  const { prepared, lookup } = prepareBacktest(input)
  const machine = createDcaMachine(prepared.setting, 1, false, input.keepsEvents ?? false)
  const journal = new MemoryJournal<DcaState>(input.keepsEvents ?? false, input.onStep)
  const venueColumns = prepared.pairs.map(({ instrument }) => lookup.columns(seriesKey(instrument.id, input.timeframe)))
  const firstMs = Math.max(
    input.fromMs ?? 0,
    Math.min(...venueColumns.map(columns => columns.openTimeMs[0] ?? Number.POSITIVE_INFINITY)),
  )
  const lastOpen = Math.max(...venueColumns.map(columns => columns.openTimeMs[columns.length - 1] ?? Number.NEGATIVE_INFINITY))
  const lastMs = Math.min(input.toMs ?? Number.POSITIVE_INFINITY, nextBucketStart(input.timeframe, lastOpen))

  const equity = sampler(input, prepared, lookup, firstMs, lastMs)
  const open = (from?: SimulatedRunOptions<DcaState>['from']) => {
    const run = new SimulatedRun<DcaState>({
      machine,
      instruments: input.instruments,
      venue: input.venue,
      venueTimeframe: input.timeframe,
      direction: prepared.direction,
      sink: journal,
      ...(from ? { from } : {}),
    })
    const pump = new ColumnRun<DcaState>({
      run,
      pairs: prepared.pairs,
      lookup,
      venueTimeframe: input.timeframe,
      decisionTimeframe: prepared.decisionTimeframe,
      series: prepared.needs.map(need => need.key),
      fromMs: firstMs,
      toMs: lastMs,
      skip: input.skip,
      ...(equity ? { beforeTrade: openMs => equity.flush(openMs, () => machine.summary(run.state)) } : {}),
    })
    return { run, pump }
  }
  let { run, pump } = open()
  run.raise({
    kind: 'run_started',
    atMs: firstMs,
    currency: prepared.setting.quote,
    initialBalance: input.capital,
    nextBotTradeSeq: 1,
    opensBooks: true,
  })
  let wakeUps = 0
  for (let advance = pump.next(); advance.kind !== 'end'; advance = pump.next()) {
    wakeUps += 1
    if (input.restartEvery && wakeUps % input.restartEvery === 0) {
      const { state, venue } = JSON.parse(JSON.stringify({ state: run.state, venue: run.savedVenue() }))
      ;({ run, pump } = open({ state: machine.revive(state), seq: run.seq, ...(venue ? { venue } : {}) }))
      pump.resumeAfter(advance)
    }
    if (input.onProgress && wakeUps % PROGRESS_EVERY === 0) {
      const { done, total } = pump.progress()
      input.onProgress(done, total)
    }
  }
  equity?.flush(lastMs - 1, () => machine.summary(run.state))
  pump.finish()
  equity?.flush(lastMs, () => machine.summary(run.state))

  const { state } = run
  const books = checkBooks(journal, state, input.capital)
  let hash: string | null = null
  return {
    journal,
    state,
    get tradesHash() {
      hash ??= tradesHash(journal.hashedTrades())
      return hash
    },
    finalEquity: books.finalEquity,
    books,
    equity: equity?.points() ?? { atMs: new Float64Array(0), value: new Float64Array(0) },
    firstMs,
    lastMs,
    wakeUps,
  }
}

function sampler(input: BacktestInput, prepared: PreparedDca, lookup: SeriesLookup, fromMs: number, toMs: number) {
  if (input.samplesEquity === false) return null
  const lanes = prepared.pairs.map(({ symbol, instrument }) => {
    const key = seriesKey(instrument.id, input.config.timeframe)
    return { symbol, bars: lookup.columns(key), closes: lookup.closes(key) }
  })
  const recorder = new EquityRecorder(lanes, fromMs, toMs)
  const size = lanes.reduce((sum, lane) => sum + lane.closes.length, 0)
  const atMs = new Float64Array(size)
  const value = new Float64Array(size)
  let count = 0
  return {
    flush(uptoMs: number, summary: () => ReturnType<ReturnType<typeof createDcaMachine>['summary']>): void {
      recorder.flush(uptoMs, summary, point => {
        atMs[count] = point.atMs
        value[count] = point.equity
        count += 1
      })
    },
    points: () => ({ atMs: atMs.subarray(0, count), value: value.subarray(0, count) }),
  }
}
