/** Short ways to write conditions and playbooks, for tests. */

import { findIndicator, normalizeParams } from '../indicators/index.ts'
import { type Candle, type CandleColumns, columnsFrom } from '../market/candles.ts'
import type { Timeframe } from '../market/timeframe.ts'
import { type CompileContext, compileCondition } from './compile.ts'
import type { Condition, IndicatorOperand, Operand, PriceField, SeriesOperand } from './condition.ts'
import type { Playbook, PlaybookItem } from './playbook.ts'
import { ColumnReads, SeriesLookup } from './series-lookup.ts'
import { seriesKey } from './series-node.ts'

export const HOUR_MS = 3_600_000

export const CONTEXT: CompileContext = { symbol: 'BTC/USDT', instrumentIdOf: symbol => `binance:${symbol}` }
export const BTC = 'binance:BTC/USDT'

export function indicator(
  name: string,
  params: Record<string, number> = {},
  rest: Partial<IndicatorOperand> = {},
): IndicatorOperand {
  const definition = findIndicator(name)
  if (!definition) throw new Error(`no indicator ${name}`)
  const normalized = normalizeParams(definition, params)
  if (!normalized.params) throw new Error(JSON.stringify(normalized.findings))
  return {
    kind: 'indicator',
    name: definition.id,
    component: definition.components[0] ?? 'value',
    params: normalized.params,
    source: 'close',
    barsAgo: 0,
    timeframe: null,
    ...rest,
  }
}

export function price(field: PriceField = 'close', barsAgo = 0, timeframe: Timeframe | null = null): SeriesOperand {
  return { kind: 'price', field, barsAgo, timeframe }
}

export function number(value: number | string): Operand {
  return { kind: 'const', value: String(value) }
}

export function condition(
  lhs: SeriesOperand,
  op: Condition['op'],
  rhs: Operand | null = null,
  rest: Partial<Condition> = {},
): Condition {
  return { timeframe: '1h', symbol: null, lhs, op, rhs, offsetPct: '0', ...rest }
}

export function item(id: string, from: Condition, rest: Partial<PlaybookItem> = {}): PlaybookItem {
  return { id, enabled: true, priority: 999, connector: 'and', holdBars: 0, validFor: null, condition: from, ...rest }
}

export function playbook(items: readonly PlaybookItem[], rest: Partial<Playbook> = {}): Playbook {
  return { gate: 'all', n: null, order: 'priority', fireMode: 'per_signal', sequence: null, items, ...rest }
}

/** Bars whose open, high, low and close are one price. */
export function closesAt(closes: readonly number[], stepMs = HOUR_MS): CandleColumns {
  return columnsFrom(closes.map((close, i) => flat(i * stepMs, close)))
}

export function flat(openTimeMs: number, close: number, volume = 1): Candle {
  return { openTimeMs, open: close, high: close, low: close, close, volume }
}

export function lookupOf(columns: CandleColumns, timeframe: Timeframe = '1h', instrumentId = BTC): SeriesLookup {
  return new SeriesLookup([{ instrumentId, timeframe, columns }])
}

/** The condition on the hourly bars of BTC/USDT, with the reads at the close of the last bar. */
export function atLastBar(from: Condition, columns: CandleColumns) {
  const compiled = compileCondition(from, CONTEXT)
  const lookup = lookupOf(columns, from.timeframe)
  const reads = new ColumnReads(lookup, [seriesKey(BTC, from.timeframe)])
  reads.advanceTo(Number.MAX_SAFE_INTEGER)
  return { compiled, lookup, reads }
}
