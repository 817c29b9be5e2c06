// Watches one run for what trips its safety record: listens to its steps, is shown its equity, and keeps the gravest trigger until it
// is asked for.

import type { Decimal } from '../core/money/decimal.ts'
import { SAFETY_LEVELS } from '../core/risk/safety.ts'
import type { SafetyLimits } from '../core/risk/safety-limits.ts'
import { type SafetyTrigger, SafetyTriggers, type TriggerMemory } from '../core/risk/safety-triggers.ts'
import type { EngineEvent, StepResult } from '../engine/machine.ts'

export interface RunGuardOptions {
  readonly limits: SafetyLimits
  readonly initialBalance: Decimal
  /** Orders and refusals are counted where time passes as on a market; not where stored years pass in seconds. */
  readonly isRealTime: boolean
  readonly saved: TriggerMemory | null
}

export class RunGuard {
  readonly #triggers: SafetyTriggers
  readonly #isRealTime: boolean
  #pending: SafetyTrigger | null = null

  constructor({ limits, initialBalance, isRealTime, saved }: RunGuardOptions) {
    this.#triggers = new SafetyTriggers(limits, initialBalance, saved)
    this.#isRealTime = isRealTime
  }

  get memory(): TriggerMemory {
    return this.#triggers.memory
  }

  limit(limits: SafetyLimits): void {
    this.#triggers.limit(limits)
  }

  /** The record was reset by a person: counting begins anew. */
  restart(): void {
    this.#triggers.restart()
    this.#pending = null
  }

  stepped(event: EngineEvent, { commands }: Pick<StepResult<unknown>, 'commands'>): void {
    if (!this.#isRealTime) return
    if (event.kind === 'order_event' && event.event === 'rejected') this.#keep(this.#triggers.reject(event.atMs))
    for (const command of commands) if (command.kind === 'place_order') this.#keep(this.#triggers.order(event.atMs))
  }

  watchesEquity(): boolean {
    return this.#triggers.watchesEquity()
  }

  equity(atMs: number, equity: Decimal): void {
    this.#keep(this.#triggers.equity(atMs, equity))
  }

  closed(netPnl: Decimal): void {
    this.#triggers.closed(netPnl)
  }

  takeTrigger(): SafetyTrigger | null {
    const trigger = this.#pending
    this.#pending = null
    return trigger
  }

  #keep(trigger: SafetyTrigger | null): void {
    if (trigger === null) return
    const graver = this.#pending === null || SAFETY_LEVELS.indexOf(trigger.level) > SAFETY_LEVELS.indexOf(this.#pending.level)
    if (graver) this.#pending = trigger
  }
}
