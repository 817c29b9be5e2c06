/** Conditions and playbooks in plain words: what a user reads in the builder, and what a trace says with its numbers. */

import { findIndicator } from '../indicators/index.ts'
import type { Timeframe } from '../market/timeframe.ts'
import type { Condition, Operand, Operator, PatternName } from './condition.ts'
import type { ConditionEvaluation } from './evaluate.ts'
import { orderedItems, type Playbook, type PlaybookItem } from './playbook.ts'

/** Names as traders write them, by catalogue id; others are their id in capitals. */
const NAMES: Readonly<Record<string, string>> = {
  hull: 'Hull MA',
  stochastic: 'Stochastic',
  stochRsi: 'StochRSI',
  williamsR: 'Williams %R',
  ultimate: 'Ultimate Oscillator',
  bollinger: 'Bollinger Bands',
  keltner: 'Keltner Channel',
  donchian: 'Donchian Channel',
  supertrend: 'SuperTrend',
  psar: 'Parabolic SAR',
  ichimoku: 'Ichimoku',
  aroon: 'Aroon',
  choppiness: 'Choppiness',
  stdDev: 'Standard Deviation',
  linearRegression: 'Linear Regression',
  pivotPoints: 'Pivot Points',
  eom: 'Ease of Movement',
}

const PRICE_WORDS: Readonly<Record<string, string>> = {
  open: 'open price',
  high: 'high price',
  low: 'low price',
  close: 'close price',
  hl2: 'mean of high and low',
  hlc3: 'typical price',
  ohlc4: 'mean price of the bar',
}

const PATTERN_WORDS: Readonly<Record<PatternName, string>> = {
  inside_bar: 'an inside bar',
  outside_bar: 'an outside bar',
  bullish_engulfing: 'a bullish engulfing bar',
  bearish_engulfing: 'a bearish engulfing bar',
  doji: 'a doji',
  hammer: 'a hammer',
  gap_up: 'a gap up',
  gap_down: 'a gap down',
  higher_high: 'a higher high',
  higher_low: 'a higher low',
  lower_high: 'a lower high',
  lower_low: 'a lower low',
}

const OPERATOR_WORDS: Readonly<Record<Operator, string>> = {
  gt: 'is above',
  gte: 'is at or above',
  lt: 'is below',
  lte: 'is at or below',
  eq: 'equals',
  neq: 'differs from',
  between: 'is between',
  not_between: 'is outside',
  crosses_above: 'crosses above',
  crosses_below: 'crosses below',
  rising: 'is rising',
  falling: 'is falling',
  is: 'is',
}

/** A number as a reader wants it: no exponent, no digits nobody can use. */
export function plainNumber(value: number): string {
  if (!Number.isFinite(value)) return 'unknown'
  const size = Math.abs(value)
  const places = size >= 1000 ? 2 : size >= 1 ? 4 : size === 0 ? 0 : Math.min(12, 5 - Math.floor(Math.log10(size)))
  const text = value.toFixed(places)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function indicatorName(operand: Extract<Operand, { kind: 'indicator' }>): string {
  const definition = findIndicator(operand.name)
  const id = definition?.id ?? operand.name
  const parts = Object.values(operand.params).filter(value => typeof value === 'number')
  const inside: (number | string)[] = operand.source === 'close' ? parts : [...parts, operand.source]
  const shown = inside.length > 0 ? `(${inside.join(', ')})` : ''
  const component = operand.component === (definition?.components[0] ?? 'value') ? '' : ` ${spaced(operand.component)}`
  return `${NAMES[id] ?? id.toUpperCase()}${shown}${component}`
}

/** plusDi -> plus di */
function spaced(name: string): string {
  return name.replace(/([A-Z])/g, letter => ` ${letter.toLowerCase()}`)
}

/** An operand in words; its timeframe is named only where it is not the condition's. */
export function describeOperand(operand: Operand, timeframe?: Timeframe): string {
  if (operand.kind === 'const') return operand.value
  if (operand.kind === 'range') return `${operand.low} and ${operand.high}`
  if (operand.kind === 'level') return operand.name === 'zero' ? 'zero' : `${operand.name} (${operand.value})`
  const own = operand.timeframe !== null && operand.timeframe !== timeframe ? ` on ${operand.timeframe}` : ''
  const ago = operand.barsAgo === 0 ? '' : operand.barsAgo === 1 ? ' one bar ago' : ` ${operand.barsAgo} bars ago`
  return `${seriesWords(operand)}${own}${ago}`
}

function seriesWords(operand: Exclude<Operand, { kind: 'const' | 'range' | 'level' }>): string {
  switch (operand.kind) {
    case 'indicator':
      return indicatorName(operand)
    case 'price':
      return PRICE_WORDS[operand.field] ?? operand.field
    case 'volume':
      return 'volume'
    case 'volume_avg':
      return `average volume(${operand.period})`
    case 'pattern':
      return 'the bar'
  }
}

function offsetWords(condition: Condition): string {
  const offset = Number(condition.offsetPct)
  if (offset === 0 || condition.rhs === null) return ''
  return ` ${offset > 0 ? 'plus' : 'minus'} ${plainNumber(Math.abs(offset))} %`
}

/** "RSI(14) on 1h is below 30" */
export function describeCondition(condition: Condition): string {
  const { lhs, op, rhs, timeframe } = condition
  const where = `${condition.symbol === null ? '' : ` of ${condition.symbol}`} on ${lhs.timeframe ?? timeframe}`
  const subject = `${describeOperand({ ...lhs, timeframe: null }, timeframe)}${where}`
  if (lhs.kind === 'pattern') return `${subject} is ${PATTERN_WORDS[lhs.name]}`
  const clock = lhs.timeframe !== null && lhs.timeframe !== timeframe ? ` at each ${timeframe} close` : ''
  if (rhs === null) return `${subject} ${OPERATOR_WORDS[op]}${clock}`
  return `${subject} ${OPERATOR_WORDS[op]} ${describeOperand(rhs, timeframe)}${offsetWords(condition)}${clock}`
}

function itemSentence(item: PlaybookItem): string {
  const hold = item.holdBars > 1 ? ` for ${item.holdBars} bars in a row` : ''
  const valid = item.validFor
    ? `, valid for ${item.validFor.n} ${item.validFor.n === 1 ? item.validFor.unit.slice(0, -1) : item.validFor.unit}`
    : ''
  return `${describeCondition(item.condition)}${hold}${valid}`
}

/** "all of: RSI(14) on 1h is below 30; close price on 1h crosses above EMA(20)" */
export function describePlaybook(playbook: Playbook): string {
  const items = orderedItems(playbook)
  const sentences = items.map(itemSentence)
  if (playbook.sequence !== null) return `in this order within ${playbook.sequence.windowBars} bars: ${sentences.join('; then ')}`
  if (sentences.length === 1) return sentences[0] ?? ''
  switch (playbook.gate) {
    case 'all':
      return `all of: ${sentences.join('; ')}`
    case 'any':
      return `any of: ${sentences.join('; ')}`
    case 'atLeast':
      return `at least ${playbook.n} of: ${sentences.join('; ')}`
    case 'chain':
      return sentences.map((sentence, i) => (i === 0 ? sentence : `${items[i]?.connector} ${sentence}`)).join(' ')
  }
}

const WHY: Readonly<Record<string, string>> = {
  warming_up: 'has too few closed bars yet',
  no_data: 'has no closed bar yet',
  data_gap: 'cannot be joined across a hole in the candles',
}

/** "RSI(14) 1h is 34.2, needs below 30" */
export function explain(condition: Condition, evaluation: ConditionEvaluation): string {
  const { lhs, rhs, op, timeframe } = condition
  const subject = `${describeOperand({ ...lhs, timeframe: null }, timeframe)} ${lhs.timeframe ?? timeframe}`
  if (evaluation.reason !== null) return `${subject} ${WHY[evaluation.reason] ?? evaluation.reason}`
  if (lhs.kind === 'pattern') {
    return evaluation.truth === 1
      ? `the bar on ${timeframe} is ${PATTERN_WORDS[lhs.name]}`
      : `the bar on ${timeframe} is not ${PATTERN_WORDS[lhs.name]}`
  }
  const value = evaluation.operands[0]?.value
  const current = `${subject} is ${value === null || value === undefined ? 'unknown' : plainNumber(value)}`
  const words = OPERATOR_WORDS[op].replace(/^is /, '')
  let wanted = words
  if (rhs !== null) {
    const target = describeOperand(rhs, timeframe) + offsetWords(condition)
    const number = evaluation.threshold === null || rhs.kind === 'const' ? '' : ` = ${plainNumber(evaluation.threshold)}`
    wanted = `${words} ${target}${number}`
  }
  if (evaluation.truth === 1) return `${current}, ${wanted}`
  return `${current}, needs ${wanted.replace(/^crosses/, 'to cross')}`
}
