// What trips the safety record by itself (execution.md 9.3): a loss since the day began, a fall from the peak, too many refused or
// too many placed orders. Fed with samples by the run, in the run's own time, so that a replay of a year counts like a year. What it
// remembers is plain data and part of the run's saved state.

import { Decimal, HUNDRED } from '../money/decimal.ts'
import type { SafetyLevel } from './safety.ts'
import type { SafetyLimits } from './safety-limits.ts'

export type TriggerCause = 'daily_loss' | 'drawdown' | 'reject_rate' | 'order_rate' | 'broken_invariant'

/** What a cause sets. A daily loss ends with the day; everything else waits for a person. */
export const LEVEL_OF_CAUSE: Readonly<Record<TriggerCause, SafetyLevel>> = {
  daily_loss: 'reduce_only',
  drawdown: 'halted',
  reject_rate: 'halted',
  order_rate: 'halted',
  broken_invariant: 'halted',
}

export interface SafetyTrigger {
  readonly cause: TriggerCause
  readonly level: SafetyLevel
  /** One sentence with what was found and the limit. */
  readonly reason: string
}

/** Money is decimal text. */
export interface TriggerMemory {
  readonly peakEquity: string
  readonly lastEquity: string
  readonly dayStartEquity: string
  /** UTC midnight; null before the first sample. */
  readonly dayStartAtMs: number | null
  /** Deals closed at a loss in a row. */
  readonly lossStreak: number
  readonly orderTimesMs: readonly number[]
  readonly rejectTimesMs: readonly number[]
}

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const TEN_SECONDS_MS = 10_000

export class SafetyTriggers {
  #limits: SafetyLimits
  #peak: Decimal
  #last: Decimal
  #dayStart: Decimal
  #dayStartAtMs: number | null
  #lossStreak: number
  #orders: number[]
  #rejects: number[]

  /** @param equity what the run began with, in quote. */
  constructor(limits: SafetyLimits, equity: Decimal, saved: TriggerMemory | null) {
    this.#limits = limits
    this.#peak = saved ? Decimal.from(saved.peakEquity) : equity
    this.#last = saved ? Decimal.from(saved.lastEquity) : equity
    this.#dayStart = saved ? Decimal.from(saved.dayStartEquity) : equity
    this.#dayStartAtMs = saved?.dayStartAtMs ?? null
    this.#lossStreak = saved?.lossStreak ?? 0
    this.#orders = [...(saved?.orderTimesMs ?? [])]
    this.#rejects = [...(saved?.rejectTimesMs ?? [])]
  }

  get memory(): TriggerMemory {
    return {
      peakEquity: this.#peak.toString(),
      lastEquity: this.#last.toString(),
      dayStartEquity: this.#dayStart.toString(),
      dayStartAtMs: this.#dayStartAtMs,
      lossStreak: this.#lossStreak,
      orderTimesMs: [...this.#orders],
      rejectTimesMs: [...this.#rejects],
    }
  }

  limit(limits: SafetyLimits): void {
    this.#limits = limits
  }

  /** Whether equity must be sampled at all: without a limit on it nothing is computed. */
  watchesEquity(): boolean {
    return this.#limits.maxDailyLossPct !== null || this.#limits.maxDrawdownPct !== null
  }

  /** Equity at an instant, in quote: cash and what is held at its last price. Instants must not go back. */
  equity(atMs: number, equity: Decimal): SafetyTrigger | null {
    const midnightMs = Math.floor(atMs / DAY_MS) * DAY_MS
    if (this.#dayStartAtMs === null || midnightMs > this.#dayStartAtMs) {
      // A day begins with what the day before ended with; a sample at midnight itself is both.
      this.#dayStart = atMs === midnightMs ? equity : this.#last
      this.#dayStartAtMs = midnightMs
    }
    this.#last = equity
    if (equity.gt(this.#peak)) this.#peak = equity
    return this.#drawdown() ?? this.#dailyLoss()
  }

  #dailyLoss(): SafetyTrigger | null {
    const limit = this.#limits.maxDailyLossPct
    if (!hasFallen(this.#dayStart, this.#last, limit)) return null
    return tripped('daily_loss', `lost ${fallPct(this.#dayStart, this.#last)} % since 00:00 UTC, the limit is ${limit} %`)
  }

  #drawdown(): SafetyTrigger | null {
    const limit = this.#limits.maxDrawdownPct
    if (!hasFallen(this.#peak, this.#last, limit)) return null
    return tripped('drawdown', `fell ${fallPct(this.#peak, this.#last)} % below the highest equity, the limit is ${limit} %`)
  }

  /** An order was sent. */
  order(atMs: number): SafetyTrigger | null {
    const { maxOrdersPerMin, maxOrdersPer10Sec } = this.#limits
    note(this.#orders, atMs, Math.max(maxOrdersPerMin, maxOrdersPer10Sec) + 1)
    const inTenSeconds = countSince(this.#orders, atMs - TEN_SECONDS_MS)
    if (inTenSeconds > maxOrdersPer10Sec) {
      return tripped('order_rate', `${inTenSeconds} orders within 10 seconds, the limit is ${maxOrdersPer10Sec}`)
    }
    const inMinute = countSince(this.#orders, atMs - MINUTE_MS)
    return inMinute > maxOrdersPerMin
      ? tripped('order_rate', `${inMinute} orders within a minute, the limit is ${maxOrdersPerMin}`)
      : null
  }

  /** The venue refused an order. */
  reject(atMs: number): SafetyTrigger | null {
    const { maxRejectsPerMin } = this.#limits
    note(this.#rejects, atMs, maxRejectsPerMin + 1)
    const inMinute = countSince(this.#rejects, atMs - MINUTE_MS)
    return inMinute > maxRejectsPerMin
      ? tripped('reject_rate', `${inMinute} refused orders within a minute, the limit is ${maxRejectsPerMin}`)
      : null
  }

  /** A deal has closed. */
  closed(netPnl: Decimal): void {
    this.#lossStreak = netPnl.isNegative() ? this.#lossStreak + 1 : 0
  }

  /** A person has reset the record: peak, day and counts begin anew, or the same figures would trip it again at once. */
  restart(): void {
    this.#peak = this.#last
    this.#dayStart = this.#last
    this.#orders = []
    this.#rejects = []
  }
}

function tripped(cause: TriggerCause, reason: string): SafetyTrigger {
  return { cause, level: LEVEL_OF_CAUSE[cause], reason }
}

/** Whether `to` lies `limitPct` percent or more below `from`: exact, without a division. */
function hasFallen(from: Decimal, to: Decimal, limitPct: string | null): boolean {
  if (limitPct === null || !from.isPositive()) return false
  return from
    .minus(to)
    .times(HUNDRED)
    .gte(from.times(Decimal.from(limitPct)))
}

/** How far `to` lies below `from` > 0, percent points, for people. */
function fallPct(from: Decimal, to: Decimal): Decimal {
  return from.minus(to).times(HUNDRED).dividedBy(from, 2, 'down')
}

function note(times: number[], atMs: number, atMost: number): void {
  times.push(atMs)
  let outdated = Math.max(0, times.length - atMost)
  while (outdated < times.length && times[outdated]! <= atMs - MINUTE_MS) outdated += 1
  times.splice(0, outdated)
}

/** Times later than `afterMs`. */
function countSince(times: readonly number[], afterMs: number): number {
  let count = 0
  for (let i = times.length - 1; i >= 0 && times[i]! > afterMs; i -= 1) count += 1
  return count
}
