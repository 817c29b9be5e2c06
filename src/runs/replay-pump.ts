// A paper run over stored candles: the backtest's own pump, paced. As fast as possible it sleeps like a backtest does.

import { seriesKey } from '../core/conditions/series-node.ts'
import type { CandleColumns } from '../core/market/candles.ts'
import { firstIndexAtOrAfter } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import { nextBucketStart, type Timeframe } from '../core/market/timeframe.ts'
import { Decimal } from '../core/money/decimal.ts'
import { checkTick, seriesLookup } from '../engine/candle-series.ts'
import { ColumnRun } from '../engine/column-run.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { PreparedDca } from '../engine/dca/prepare.ts'
import { type EquityPoint, EquityRecorder } from '../engine/equity-recorder.ts'
import type { SimulatedRun } from '../engine/simulated-run.ts'
import type { Cursor, Pump } from './pump.ts'

export interface ReplayPumpOptions {
  readonly run: SimulatedRun<DcaState>
  readonly prepared: PreparedDca
  readonly instruments: ReadonlyMap<string, Instrument>
  readonly candles: ReadonlyMap<string, CandleColumns>
  readonly venueTimeframe: Timeframe
  /** The bot's own timeframe: equity is sampled at its closes. */
  readonly timeframe: Timeframe
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  readonly speed: number | 'max'
  readonly cursor: Cursor
  /** Set on a restart: where the run began stays, whatever earlier candles were stored meanwhile. */
  readonly startMs: number | null
  readonly equityUptoMs: number | null
  /** Walk every bar although nothing of the bot waits for it: somebody else looks at each. */
  readonly everyBar?: boolean
  sleep(ms: number, signal: AbortSignal): Promise<void>
  now(): number
}

export function createReplayPump(options: ReplayPumpOptions): Pump<DcaState> {
  const { run, prepared, venueTimeframe, speed } = options
  for (const { symbol, instrument } of prepared.pairs) checkTick(instrument, options.candles.get(symbol)!)
  const venue = [...options.candles].map(([symbol, columns]) => ({ instrumentId: options.instruments.get(symbol)!.id, columns }))
  const clock = prepared.pairs.flatMap(({ instrument }) => [
    { instrumentId: instrument.id, timeframe: prepared.decisionTimeframe },
    { instrumentId: instrument.id, timeframe: options.timeframe },
  ])
  const lookup = seriesLookup(venue, venueTimeframe, [...clock, ...prepared.needs])
  const venueColumns = prepared.pairs.map(({ instrument }) => lookup.columns(seriesKey(instrument.id, venueTimeframe)))
  const firstMs = Math.max(
    options.fromMs ?? 0,
    Math.min(...venueColumns.map(columns => columns.openTimeMs[0] ?? Number.POSITIVE_INFINITY)),
  )
  const startMs = options.startMs ?? firstMs
  const lastOpen = Math.max(...venueColumns.map(columns => columns.openTimeMs[columns.length - 1] ?? Number.NEGATIVE_INFINITY))
  const endMs = Math.min(options.toMs ?? Number.POSITIVE_INFINITY, nextBucketStart(venueTimeframe, lastOpen))

  const lanes = prepared.pairs.map(({ symbol, instrument }) => {
    const key = seriesKey(instrument.id, options.timeframe)
    return { symbol, bars: lookup.columns(key), closes: lookup.closes(key) }
  })
  let equityUptoMs = options.equityUptoMs ?? startMs
  const recorder = new EquityRecorder(lanes, equityUptoMs, endMs)
  const waiting: EquityPoint[] = []
  const sample = (uptoMs: number): void => {
    recorder.flush(
      uptoMs,
      () => run.machine.summary(run.state),
      point => waiting.push(point),
    )
    equityUptoMs = Math.max(equityUptoMs, Math.min(uptoMs, endMs))
  }

  const columnRun = new ColumnRun<DcaState>({
    run,
    pairs: prepared.pairs,
    lookup,
    venueTimeframe,
    decisionTimeframe: prepared.decisionTimeframe,
    series: prepared.needs.map(need => need.key),
    fromMs: startMs,
    toMs: endMs,
    skip: speed === 'max' && !options.everyBar,
    beforeTrade: sample,
  })
  if (options.cursor.kind === 'candle') columnRun.resumeAfter({ kind: 'candle', openMs: options.cursor.atMs })
  else if (options.cursor.kind === 'decision') columnRun.resumeAfter({ kind: 'decision', atMs: options.cursor.atMs })

  const nap = async (ms: number, signal: AbortSignal): Promise<void> => {
    try {
      await options.sleep(ms, signal)
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
  }
  let over = false
  let atMs = options.cursor.kind === 'none' ? startMs : options.cursor.atMs
  let dueMs = options.now()
  const everyMs = speed === 'max' ? 0 : 1000 / speed

  return {
    run,
    startMs,
    isOver: () => over,
    async next(patience) {
      const step = columnRun.next()
      if (step.kind === 'end') {
        over = true
        return null
      }
      const cursor: Cursor =
        step.kind === 'candle' ? { kind: 'candle', atMs: step.openMs } : { kind: 'decision', atMs: step.atMs }
      atMs = cursor.atMs
      if (everyMs > 0 && step.kind === 'candle') {
        dueMs = Math.max(dueMs, options.now() - 1000) + everyMs
        const early = dueMs - options.now()
        if (early > 2) await nap(early, patience())
      }
      return cursor
    },
    finish() {
      sample(endMs - 1)
      columnRun.finish()
      sample(endMs)
    },
    flushEquity(emit) {
      for (const point of waiting.splice(0)) emit(point)
    },
    equityUptoMs: () => equityUptoMs,
    prices() {
      const prices = new Map<string, Decimal>()
      for (const { symbol, instrument } of prepared.pairs) {
        const columns = lookup.columns(seriesKey(instrument.id, venueTimeframe))
        const index = firstIndexAtOrAfter(columns, atMs + 1) - 1
        if (index >= 0) prices.set(symbol, Decimal.from(columns.close[index]!))
      }
      return prices
    },
    stop() {},
  }
}
