/**
 * What an indicator is: its catalogue entry (`IndicatorDefinition`), its running state (`IndicatorState`), and the
 * check of raw parameters. Indicators are float64 statistics over closed candles; they never hold money.
 */
import type { CandleColumns } from '../market/candles.ts'
import { load, type Snapshot, save } from './snapshot.ts'
import type { Source } from './source.ts'

/** A number parameter. `integer` counts bars; the others are factors. Bounds are inclusive. */
export interface NumberParam {
  readonly name: string
  readonly default: number
  readonly min: number
  readonly max: number
  readonly integer: boolean
}

/** A parameter with a fixed list of words. */
export interface ChoiceParam {
  readonly name: string
  readonly default: string
  readonly choices: readonly string[]
}

export type ParamSpec = NumberParam | ChoiceParam

/** Normalised parameters: every key of the definition, in its order, within bounds. */
export type IndicatorParams = Readonly<Record<string, number | string>>

/** What an indicator may know of the series it runs on. */
export interface IndicatorContext {
  readonly timeframeMs: number
}

/** Levels that `overbought`, `oversold` and `mid` of a condition stand for, where the indicator has them. */
export interface IndicatorLevels {
  readonly overbought: number
  readonly oversold: number
  readonly mid: number
}

export interface IndicatorFinding {
  readonly path: string
  readonly code: 'UNKNOWN_KEY' | 'OUT_OF_RANGE' | 'BAD_ENUM'
  readonly message: string
}

/** One entry of the catalogue. */
export interface IndicatorDefinition {
  /** Catalogue id as written in configs; looked up case-blind. */
  readonly id: string
  readonly params: readonly ParamSpec[]
  /** Component names; the first is the default one. */
  readonly components: readonly string[]
  /** True if the value depends on volume. */
  readonly needsVolume?: boolean
  /** True if `source` chooses the series; otherwise the formula itself names its prices. */
  readonly usesSource: boolean
  /** True if the formula needs a timeframe below one day (it starts anew at 00:00 UTC). */
  readonly intradayOnly?: boolean
  readonly levels?: IndicatorLevels
  /** Closed bars until the first value, per component. Only pivot points need `ctx`, for the bars of a day. */
  bars(params: IndicatorParams, ctx?: IndicatorContext): Record<string, number>
  /** Bars since the anchor below which a value is traced as `short_history`; absent = 0. */
  history?(params: IndicatorParams): number
  /** Findings that concern several parameters at once (fast below slow). */
  check?(params: IndicatorParams): readonly { name: string; message: string }[]
  /** A fresh state. `params` must be normalised. @throws RangeError for an intraday formula on a timeframe of a day or more. */
  create(params: IndicatorParams, source: Source, ctx: IndicatorContext): IndicatorState
  /** Where the formula comes from. */
  readonly reference: string
}

/** A running indicator: closed candles in, one value per component out. */
export interface IndicatorState {
  /** Indicator, parameters, source and timeframe; part of every snapshot. Set by the catalogue. */
  signature: string
  /**
   * Feeds one closed candle. Writes one value per component into `out` (NaN while warming up).
   * Prices are finite; a volume of NaN (no volume in the data) counts as 0.
   */
  next(openTimeMs: number, open: number, high: number, low: number, close: number, volume: number, out: Float64Array): void
  /** Feeds candles `from` (inclusive) to `to` (exclusive); `outs[c][i]` gets what `next` would have written. */
  run(columns: CandleColumns, from: number, to: number, outs: readonly Float64Array[]): void
  /** Plain JSON; a state made with the same parameters and restored from it continues bit-equal. */
  snapshot(): Snapshot
  /** @throws Error if the snapshot is of another indicator, other parameters or another layout. */
  restore(snapshot: unknown): void
}

/** Base of all states: saving and restoring. */
export abstract class CandleState {
  signature = ''

  snapshot(): Snapshot {
    return save(this)
  }

  restore(snapshot: unknown): void {
    load(this, snapshot)
  }
}

/** A number parameter of normalised params. @throws TypeError if it is not there. */
export function numberOf(params: IndicatorParams, name: string): number {
  const value = params[name]
  if (typeof value !== 'number') throw new TypeError(`indicator parameter ${name} is not a number`)
  return value
}

/** Longest window of the catalogue, in bars. */
export const MAX_PERIOD = 5000

/** The usual bar-count parameter. */
export function periodParam(defaultBars: number, name = 'period', min = 1): NumberParam {
  return { name, default: defaultBars, min, max: MAX_PERIOD, integer: true }
}

/** A factor that need not be whole. */
export function factorParam(name: string, defaultValue: number, min: number, max: number): NumberParam {
  return { name, default: defaultValue, min, max, integer: false }
}

/** Bars since the anchor after which a Wilder mean of `n` bars has forgotten its seed. */
export const wilderHistory = (n: number): number => 14 * n

/** Bars since the anchor after which an EMA of `n` bars has forgotten its seed. */
export const emaHistory = (n: number): number => 7 * (n + 1)
