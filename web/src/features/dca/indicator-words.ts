// Names of the indicator catalogue as traders write them, and the starting points the condition editor offers.

import { INDICATORS } from '../../../../src/core/indicators/index.ts'

const NAMES: Readonly<Record<string, string>> = {
  sma: 'SMA, simple average',
  wma: 'WMA, weighted average',
  vwma: 'VWMA, volume-weighted average',
  ema: 'EMA, exponential average',
  dema: 'DEMA, double EMA',
  tema: 'TEMA, triple EMA',
  hull: 'Hull moving average',
  kama: 'KAMA, adaptive average',
  rsi: 'RSI',
  stochastic: 'Stochastic',
  williamsR: 'Williams %R',
  cci: 'CCI',
  mfi: 'MFI, money flow',
  ultimate: 'Ultimate oscillator',
  macd: 'MACD',
  adx: 'ADX / DI',
  atr: 'ATR',
  bollinger: 'Bollinger bands',
  keltner: 'Keltner channel',
  donchian: 'Donchian channel',
  supertrend: 'SuperTrend',
  psar: 'Parabolic SAR',
  ichimoku: 'Ichimoku',
  obv: 'OBV, on-balance volume',
  vwap: 'VWAP',
  eom: 'Ease of movement',
  roc: 'Rate of change',
  stdDev: 'Standard deviation',
  stochRsi: 'Stochastic RSI',
  cmf: 'Chaikin money flow',
  aroon: 'Aroon',
  choppiness: 'Choppiness',
  linearRegression: 'Linear regression',
  pivotPoints: 'Pivot points',
}

export const INDICATOR_CHOICES = INDICATORS.map(one => ({ value: one.id, label: NAMES[one.id] ?? one.id }))

/** plusDi -> Plus di; percentB -> Percent b; smoothK -> Smooth k */
export function spacedName(name: string): string {
  const spaced = name.replace(/([A-Z])/g, letter => ` ${letter.toLowerCase()}`)
  return spaced.charAt(0).toUpperCase() + spaced.slice(1)
}

export interface QuickCondition {
  readonly id: string
  readonly label: string
  readonly condition: Readonly<Record<string, unknown>>
}

const indicator = (name: string, params: Record<string, number>, component?: string) => ({
  kind: 'indicator',
  name,
  params,
  ...(component ? { component } : {}),
})
const close = { kind: 'price', field: 'close' }

/** Conditions many bots begin with; each is complete and can be changed afterwards. */
export const QUICK_CONDITIONS: readonly QuickCondition[] = [
  {
    id: 'rsi',
    label: 'RSI is oversold',
    condition: { lhs: indicator('rsi', { period: 14 }), op: 'lt', rhs: { kind: 'level', name: 'oversold' } },
  },
  {
    id: 'rsi-back',
    label: 'RSI turns up from oversold',
    condition: { lhs: indicator('rsi', { period: 14 }), op: 'crosses_above', rhs: { kind: 'const', value: '30' } },
  },
  {
    id: 'stochastic',
    label: 'Stochastic is oversold',
    condition: { lhs: indicator('stochastic', { k: 14, smoothK: 1, d: 3 }), op: 'lt', rhs: { kind: 'level', name: 'oversold' } },
  },
  {
    id: 'macd',
    label: 'MACD crosses above its signal',
    condition: {
      lhs: indicator('macd', { fast: 12, slow: 26, signal: 9 }, 'line'),
      op: 'crosses_above',
      rhs: indicator('macd', { fast: 12, slow: 26, signal: 9 }, 'signal'),
    },
  },
  {
    id: 'ema',
    label: 'Price crosses above EMA 20',
    condition: { lhs: close, op: 'crosses_above', rhs: indicator('ema', { period: 20 }) },
  },
  {
    id: 'below-ema',
    label: 'Price is 2 % below EMA 50',
    condition: { lhs: close, op: 'lt', rhs: indicator('ema', { period: 50 }), offsetPct: '-2' },
  },
  {
    id: 'golden',
    label: 'SMA 50 crosses above SMA 200',
    condition: { lhs: indicator('sma', { period: 50 }), op: 'crosses_above', rhs: indicator('sma', { period: 200 }) },
  },
  {
    id: 'bollinger',
    label: 'Price touches the lower Bollinger band',
    condition: { lhs: { kind: 'price', field: 'low' }, op: 'lte', rhs: indicator('bollinger', { period: 20, k: 2 }, 'lower') },
  },
  {
    id: 'adx',
    label: 'ADX shows a trend',
    condition: { lhs: indicator('adx', { period: 14 }, 'adx'), op: 'gt', rhs: { kind: 'const', value: '25' } },
  },
  {
    id: 'volume',
    label: 'Volume is 50 % over its average',
    condition: { lhs: { kind: 'volume' }, op: 'gt', rhs: { kind: 'volume_avg', period: 20 }, offsetPct: '50' },
  },
  {
    id: 'engulfing',
    label: 'Bullish engulfing bar',
    condition: { lhs: { kind: 'pattern', name: 'bullish_engulfing' }, op: 'is', rhs: null },
  },
]

export const OPERATOR_CHOICES = [
  { value: 'lt', label: 'is below' },
  { value: 'lte', label: 'is at or below' },
  { value: 'gt', label: 'is above' },
  { value: 'gte', label: 'is at or above' },
  { value: 'crosses_above', label: 'crosses above' },
  { value: 'crosses_below', label: 'crosses below' },
  { value: 'between', label: 'is between' },
  { value: 'not_between', label: 'is outside of' },
  { value: 'rising', label: 'is rising' },
  { value: 'falling', label: 'is falling' },
  { value: 'eq', label: 'equals' },
  { value: 'neq', label: 'differs from' },
] as const

export const PATTERN_CHOICES = [
  { value: 'bullish_engulfing', label: 'bullish engulfing' },
  { value: 'bearish_engulfing', label: 'bearish engulfing' },
  { value: 'hammer', label: 'hammer' },
  { value: 'doji', label: 'doji' },
  { value: 'inside_bar', label: 'inside bar' },
  { value: 'outside_bar', label: 'outside bar' },
  { value: 'gap_up', label: 'gap up' },
  { value: 'gap_down', label: 'gap down' },
  { value: 'higher_high', label: 'higher high' },
  { value: 'higher_low', label: 'higher low' },
  { value: 'lower_high', label: 'lower high' },
  { value: 'lower_low', label: 'lower low' },
] as const

export const PRICE_CHOICES = [
  { value: 'close', label: 'close' },
  { value: 'open', label: 'open' },
  { value: 'high', label: 'high' },
  { value: 'low', label: 'low' },
  { value: 'hl2', label: 'mean of high and low' },
  { value: 'hlc3', label: 'typical price' },
  { value: 'ohlc4', label: 'mean of the bar' },
] as const
