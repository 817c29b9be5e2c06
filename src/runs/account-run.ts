// The bots of one exchange account, run against its venue by one writer: every event is stepped, committed with what it changed and
// what is to be sent, and only then sent. A start and a restart are one path (execution.md 8.1).

import type { Candle } from '../core/market/candles.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { SafetyLevel } from '../core/risk/safety.ts'
import type { AccountAssignment } from '../engine/account-store.ts'
import type { EngineEvent } from '../engine/machine.ts'
import type { AccountRunDeps } from './account-ports.ts'

export type AccountStage = 'starting' | 'reconciling' | 'protecting' | 'ready' | 'stopped'

export interface AccountStatus {
  readonly stage: AccountStage
  /** Differences between records and venue that nobody has explained yet: entries wait. */
  readonly openDifferences: number
  /** Orders in doubt, with their next probe. */
  readonly inDoubt: readonly { readonly clientOrderId: string; readonly sinceMs: number; readonly nextProbeAtMs: number }[]
}

/** What a bot is told by people: stepped, committed, and answered once it is. */
export type BotEvent = Extract<
  EngineEvent,
  { kind: 'run_paused' | 'run_resumed' | 'stop_requested' | 'user_command' | 'config_applied' }
>

export class AccountRun {
  readonly assignment: AccountAssignment
  readonly #deps: AccountRunDeps

  constructor(assignment: AccountAssignment, deps: AccountRunDeps) {
    this.assignment = assignment
    this.#deps = deps
  }

  /** Recovers, then runs until the signal aborts. @throws LEASE_LOST, STATE_DAMAGED and what else a supervisor must decide about. */
  async run(_signal: AbortSignal): Promise<void> {
    await this.#deps.store.load(this.assignment, 0)
    throw new Error('not yet')
  }

  status(): AccountStatus {
    return { stage: 'starting', openDifferences: 0, inDoubt: [] }
  }

  /** A price of the market: wakes what watches for it. */
  offerPrice(_symbol: string, _price: Decimal, _atMs: number): void {}

  /** A closed candle. */
  offerCandle(_symbol: string, _timeframe: Timeframe, _candle: Candle): void {}

  offerCommand(_botId: string, _event: BotEvent): Promise<void> {
    return Promise.resolve()
  }

  offerSafety(_level: SafetyLevel, _reason: string): Promise<void> {
    return Promise.resolve()
  }
}
