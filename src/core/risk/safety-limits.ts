// Safety limits: the outer fence around what a bot's own limits already keep. A fence inside the limit it guards would stop bots that
// do what they were told, so a run is not even started with one (execution.md 9.3).

import type { DcaConfig, DecimalText } from '../dca/config.ts'
import { Decimal } from '../money/decimal.ts'

/** Null = no such limit. Percent points; orders and rejects are counted by the run's own time. */
export interface SafetyLimits {
  readonly maxDailyLossPct: DecimalText | null
  readonly maxDrawdownPct: DecimalText | null
  readonly maxRejectsPerMin: number
  readonly maxOrdersPerMin: number
  readonly maxOrdersPer10Sec: number
}

/** What a person has chosen; what is absent has its default. */
export type ChosenLimits = Partial<SafetyLimits>

export const DEFAULT_SAFETY_LIMITS: SafetyLimits = {
  maxDailyLossPct: null,
  maxDrawdownPct: null,
  maxRejectsPerMin: 5,
  maxOrdersPerMin: 60,
  maxOrdersPer10Sec: 10,
}

const COUNTS = ['maxRejectsPerMin', 'maxOrdersPerMin', 'maxOrdersPer10Sec'] as const
const PERCENTS = ['maxDailyLossPct', 'maxDrawdownPct'] as const
export const MAX_COUNT = 10_000

/** Limits as they were stored. @returns null where any of them cannot be read: nobody then knows what was wished. */
export function readChosenLimits(stored: unknown): ChosenLimits | null {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return null
  const given = stored as Record<string, unknown>
  const limits: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if ((COUNTS as readonly string[]).includes(name)) {
      if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > MAX_COUNT) return null
    } else if ((PERCENTS as readonly string[]).includes(name)) {
      if (value !== null && !isPercent(value)) return null
    } else return null
    limits[name] = value
  }
  return limits as ChosenLimits
}

function isPercent(value: unknown): boolean {
  if (typeof value !== 'string' || !/^\d{1,3}(\.\d{1,8})?$/.test(value)) return false
  const percent = Decimal.from(value)
  return percent.isPositive() && percent.lte(Decimal.from(100))
}

/** Orders that one deal may have at the venue right after its base order has filled. */
export function ordersAtOnce(config: DcaConfig): number {
  const { averaging } = config
  const rungs = averaging ? Math.min(averaging.activeOrdersCount, averaging.maxOrders) : 0
  return Math.max(1, rungs + exitsOf(config))
}

function exitsOf({ exits }: DcaConfig): number {
  return (exits.takeProfit?.targets.length ?? 0) + (exits.stopLoss ? 1 : 0)
}

/** Orders that one candle can call for when every deal fills its whole ladder in it: each fill lays the exits out anew. */
function ordersOfOneCandle(config: DcaConfig): number {
  const rungs = config.averaging?.maxOrders ?? 0
  return config.maxActiveDeals * (1 + rungs + (rungs + 1) * exitsOf(config))
}

/** The limits that hold for a bot: those chosen, else defaults wide enough for what its own settings can do at most. */
export function limitsFor(config: DcaConfig, chosen: ChosenLimits): SafetyLimits {
  const atMost = ordersOfOneCandle(config)
  return {
    ...DEFAULT_SAFETY_LIMITS,
    maxOrdersPerMin: Math.max(DEFAULT_SAFETY_LIMITS.maxOrdersPerMin, 2 * atMost),
    maxOrdersPer10Sec: Math.max(DEFAULT_SAFETY_LIMITS.maxOrdersPer10Sec, atMost),
    ...chosen,
  }
}

export interface TighterLimit {
  readonly limit: keyof SafetyLimits
  readonly value: string
  /** The setting that it guards, by its path in the config. */
  readonly guards: string
  readonly operating: string
}

/** Chosen safety limits that lie inside the operating limit they guard. */
export function tighterLimits(config: DcaConfig, chosen: ChosenLimits): TighterLimit[] {
  const found: TighterLimit[] = []
  const { maxDailyLossPct } = config.risk
  if (chosen.maxDailyLossPct && maxDailyLossPct && Decimal.from(chosen.maxDailyLossPct).lt(Decimal.from(maxDailyLossPct))) {
    found.push({
      limit: 'maxDailyLossPct',
      value: chosen.maxDailyLossPct,
      guards: 'risk.maxDailyLossPct',
      operating: maxDailyLossPct,
    })
  }
  const atOnce = ordersAtOnce(config)
  for (const limit of ['maxOrdersPer10Sec', 'maxOrdersPerMin'] as const) {
    const value = chosen[limit]
    if (value !== undefined && value < atOnce) {
      found.push({ limit, value: String(value), guards: 'averaging.activeOrdersCount', operating: String(atOnce) })
    }
  }
  return found
}
