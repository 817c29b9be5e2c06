// A condition as bots, alerts and scanners store it: one comparison on the closed bars of one timeframe. This is the form with every
// default filled; the loose form people write is read by `contract/condition-schema.ts`.

import type { Timeframe } from '../market/timeframe.ts'

export type PriceField = 'open' | 'high' | 'low' | 'close' | 'hl2' | 'hlc3' | 'ohlc4'
export type LevelName = 'overbought' | 'oversold' | 'zero' | 'mid'

export const PRICE_FIELDS: readonly PriceField[] = ['open', 'high', 'low', 'close', 'hl2', 'hlc3', 'ohlc4']
export const LEVEL_NAMES: readonly LevelName[] = ['overbought', 'oversold', 'zero', 'mid']

export const PATTERNS = [
  'inside_bar',
  'outside_bar',
  'bullish_engulfing',
  'bearish_engulfing',
  'doji',
  'hammer',
  'gap_up',
  'gap_down',
  'higher_high',
  'higher_low',
  'lower_high',
  'lower_low',
] as const
export type PatternName = (typeof PATTERNS)[number]

export const OPERATORS = [
  'gt',
  'gte',
  'lt',
  'lte',
  'eq',
  'neq',
  'between',
  'not_between',
  'crosses_above',
  'crosses_below',
  'rising',
  'falling',
  'is',
] as const
export type Operator = (typeof OPERATORS)[number]

/** Parameters of an indicator by name: numbers, or one of the named choices. */
export type IndicatorParams = Readonly<Record<string, number | string>>

/** What every operand that is read from candles carries. `timeframe` null = that of its condition; else equal or coarser. */
interface ReadOperand {
  readonly barsAgo: number
  readonly timeframe: Timeframe | null
}

export interface IndicatorOperand extends ReadOperand {
  readonly kind: 'indicator'
  /** Id of the catalogue, as the catalogue spells it. */
  readonly name: string
  readonly component: string
  readonly params: IndicatorParams
  readonly source: string
}

export interface PriceOperand extends ReadOperand {
  readonly kind: 'price'
  readonly field: PriceField
}

export interface VolumeOperand extends ReadOperand {
  readonly kind: 'volume'
}

/** Simple mean of the last `period` volumes, this bar included. */
export interface VolumeAverageOperand extends ReadOperand {
  readonly kind: 'volume_avg'
  readonly period: number
}

/** The shape of this bar against the one before; only with the operator `is`. */
export interface PatternOperand extends ReadOperand {
  readonly kind: 'pattern'
  readonly name: PatternName
}

export interface ConstOperand {
  readonly kind: 'const'
  /** Decimal text. */
  readonly value: string
}

/** Both ends belong to the range; low < high. Decimal text. */
export interface RangeOperand {
  readonly kind: 'range'
  readonly low: string
  readonly high: string
}

/** A customary threshold of the indicator on the left side; `value` is the number it stands for. */
export interface LevelOperand {
  readonly kind: 'level'
  readonly name: LevelName
  /** Decimal text: the customary one, or the user's own. */
  readonly value: string
}

export type SeriesOperand = IndicatorOperand | PriceOperand | VolumeOperand | VolumeAverageOperand | PatternOperand
export type Operand = SeriesOperand | ConstOperand | RangeOperand | LevelOperand

export interface Condition {
  readonly timeframe: Timeframe
  /** Unified symbol; null = the pair the bot is looking at. */
  readonly symbol: string | null
  readonly lhs: SeriesOperand
  readonly op: Operator
  /** null with `rising`, `falling` and `is`. */
  readonly rhs: Operand | null
  /** Signed percent points by which the right side is moved, decimal text; '0' where the right side is no price or volume. */
  readonly offsetPct: string
}
