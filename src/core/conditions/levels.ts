/** What the words overbought, oversold, zero and mid stand for, and on which scale an indicator lies. */

import { findIndicator } from '../indicators/index.ts'
import type { LevelName, Operand } from './condition.ts'

/** The number a level stands for on this indicator, as decimal text; null where the word means nothing for it. */
export function customaryLevel(indicator: string, level: LevelName): string | null {
  const definition = findIndicator(indicator)
  if (!definition) return null
  if (level === 'zero') return '0'
  return definition.levels ? String(definition.levels[level]) : null
}

/** Components that are prices, so that "2 % above" means something; true = every component. */
const PRICE_COMPONENTS: Readonly<Record<string, true | readonly string[]>> = {
  sma: true,
  wma: true,
  vwma: true,
  ema: true,
  dema: true,
  tema: true,
  hull: true,
  kama: true,
  vwap: true,
  donchian: true,
  keltner: true,
  ichimoku: true,
  pivotpoints: true,
  bollinger: ['middle', 'upper', 'lower'],
  supertrend: ['line'],
  psar: ['value'],
  linearregression: ['value', 'intercept'],
}

/** Whether an offset in percent may be put on this operand: prices and volumes, and what lies on their scale. */
export function takesOffset(operand: Operand): boolean {
  if (operand.kind === 'price' || operand.kind === 'volume' || operand.kind === 'volume_avg') return true
  if (operand.kind !== 'indicator') return false
  const components = PRICE_COMPONENTS[operand.name.toLowerCase()]
  return components === true || (components?.includes(operand.component) ?? false)
}
