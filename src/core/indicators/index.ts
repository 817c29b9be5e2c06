/** The indicator catalogue: what the API, the UI, conditions and strategies can name. */
import type { CandleColumns } from '../market/candles.ts'
import { adx } from './adx.ts'
import { aroon } from './aroon.ts'
import { atr } from './atr.ts'
import { bollinger } from './bollinger.ts'
import { cci } from './cci.ts'
import { choppiness } from './choppiness.ts'
import { cmf } from './cmf.ts'
import { dema } from './dema.ts'
import { donchian } from './donchian.ts'
import { ema } from './ema.ts'
import { eom } from './eom.ts'
import { hull } from './hull.ts'
import { ichimoku } from './ichimoku.ts'
import type { IndicatorDefinition, IndicatorFinding, IndicatorParams, ParamSpec } from './indicator.ts'
import { kama } from './kama.ts'
import { keltner } from './keltner.ts'
import { linearRegression } from './linear-regression.ts'
import { macd } from './macd.ts'
import { mfi } from './mfi.ts'
import { obv } from './obv.ts'
import { pivotPoints } from './pivot-points.ts'
import { psar } from './psar.ts'
import { roc } from './roc.ts'
import { rsi } from './rsi.ts'
import { sma } from './sma.ts'
import type { Source } from './source.ts'
import { stdDev } from './std-dev.ts'
import { stochRsi } from './stoch-rsi.ts'
import { stochastic } from './stochastic.ts'
import { supertrend } from './supertrend.ts'
import { tema } from './tema.ts'
import { ultimate } from './ultimate.ts'
import { vwap } from './vwap.ts'
import { vwma } from './vwma.ts'
import { williamsR } from './williams-r.ts'
import { wma } from './wma.ts'

export type {
  ChoiceParam,
  IndicatorContext,
  IndicatorDefinition,
  IndicatorFinding,
  IndicatorLevels,
  IndicatorParams,
  IndicatorState,
  NumberParam,
  ParamSpec,
} from './indicator.ts'
export type { Snapshot } from './snapshot.ts'
export { SOURCES, type Source } from './source.ts'

const DAY_MS = 86_400_000

/** Every indicator there is. A new one is one file and one line here. */
export const INDICATORS: readonly IndicatorDefinition[] = [
  sma,
  wma,
  vwma,
  ema,
  dema,
  tema,
  hull,
  kama,
  rsi,
  stochastic,
  williamsR,
  cci,
  mfi,
  ultimate,
  macd,
  adx,
  atr,
  bollinger,
  keltner,
  donchian,
  supertrend,
  psar,
  ichimoku,
  obv,
  vwap,
  eom,
  roc,
  stdDev,
  stochRsi,
  cmf,
  aroon,
  choppiness,
  linearRegression,
  pivotPoints,
].map(tied)

/** Ties each state's snapshots to indicator, parameters, source and timeframe, and keeps intraday formulas intraday. */
function tied(def: IndicatorDefinition): IndicatorDefinition {
  return {
    ...def,
    create(params, source, ctx) {
      if (def.intradayOnly && ctx.timeframeMs >= DAY_MS) throw new RangeError(`${def.id} needs a timeframe below one day`)
      const state = def.create(params, source, ctx)
      state.signature = `${def.id} ${JSON.stringify(params)} ${source} ${ctx.timeframeMs}`
      return state
    },
  }
}

const BY_ID = new Map(INDICATORS.map(def => [def.id.toLowerCase(), def]))

/** The definition with this id, case-blind; undefined if there is none. */
export function findIndicator(id: string): IndicatorDefinition | undefined {
  return BY_ID.get(id.toLowerCase())
}

export type NormalizedParams =
  | { readonly params: IndicatorParams; readonly findings?: undefined }
  | { readonly findings: readonly IndicatorFinding[]; readonly params?: undefined }

/**
 * Fills defaults and checks every value; all findings at once. Factors may come as decimal text, bar counts only as
 * numbers. Keys of the result stand in the definition's order. `path` is put before each finding's parameter name.
 */
export function normalizeParams(def: IndicatorDefinition, raw: unknown = {}, path = 'params'): NormalizedParams {
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) {
    return { findings: [{ path, code: 'OUT_OF_RANGE', message: `${path} must be an object` }] }
  }
  const given = raw as Record<string, unknown>
  const findings: IndicatorFinding[] = []
  for (const key of Object.keys(given)) {
    if (!def.params.some(spec => spec.name === key)) {
      const known = def.params.map(spec => spec.name).join(', ') || 'no parameters'
      findings.push({
        path: `${path}.${key}`,
        code: 'UNKNOWN_KEY',
        message: `${def.id} has no parameter ${key}; it has ${known}`,
      })
    }
  }
  const params: Record<string, number | string> = {}
  for (const spec of def.params) {
    const at = `${path}.${spec.name}`
    const value = Object.hasOwn(given, spec.name) ? given[spec.name] : undefined
    const checked = value === undefined ? spec.default : checkParam(spec, value, at, findings)
    if (checked !== undefined) params[spec.name] = checked
  }
  if (findings.length === 0) {
    for (const { name, message } of def.check?.(params) ?? [])
      findings.push({ path: `${path}.${name}`, code: 'OUT_OF_RANGE', message })
  }
  return findings.length > 0 ? { findings } : { params }
}

function checkParam(spec: ParamSpec, value: unknown, path: string, findings: IndicatorFinding[]): number | string | undefined {
  if ('choices' in spec) {
    if (typeof value === 'string' && spec.choices.includes(value)) return value
    findings.push({ path, code: 'BAD_ENUM', message: `${path} must be one of ${spec.choices.join(', ')}` })
    return undefined
  }
  const isText = typeof value === 'string' && !spec.integer && /^-?\d+(\.\d+)?$/.test(value)
  const number = isText ? Number(value) : value
  if (typeof number === 'number' && number >= spec.min && number <= spec.max && (!spec.integer || Number.isInteger(number)))
    return number
  const kind = spec.integer ? 'a whole number' : 'a number'
  findings.push({ path, code: 'OUT_OF_RANGE', message: `${path} must be ${kind} from ${spec.min} to ${spec.max}` })
  return undefined
}

/** Bars since the series' anchor below which a value is traced as `short_history`: 14n (Wilder), 7(n+1) (EMA), else 0. */
export function historyNeed(def: IndicatorDefinition, params: IndicatorParams): number {
  return def.history?.(params) ?? 0
}

/**
 * All components over whole columns, NaN while warming up: `result[c][i]` belongs to candle i. The very same state
 * classes run live, so batch and live agree bit for bit. `params` must be normalised.
 */
export function computeColumns(
  def: IndicatorDefinition,
  params: IndicatorParams,
  source: Source,
  columns: CandleColumns,
  timeframeMs: number,
): Float64Array[] {
  const outs = def.components.map(() => new Float64Array(columns.length))
  def.create(params, source, { timeframeMs }).run(columns, 0, columns.length, outs)
  return outs
}
