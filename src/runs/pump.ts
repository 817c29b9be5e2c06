// A pump moves a run forward by one instant. Two kinds: over stored candles, and over a feed whose candles close while we wait.

import type { Decimal } from '../core/money/decimal.ts'
import type { EquityPoint } from '../engine/equity-recorder.ts'
import type { SimulatedRun } from '../engine/simulated-run.ts'

/** How far a run has come: all candles that opened before `openedBeforeMs` are traded, all decisions up to `decidedUpToMs` are made. */
export interface Cursor {
  readonly kind: 'none' | 'candle' | 'decision'
  readonly atMs: number
}

export interface Pump<State> {
  readonly run: SimulatedRun<State>
  /** First instant of the run: when run_started happens. */
  readonly startMs: number
  /**
   * Moves on by one instant; null when the data is over or the signal ended the waiting.
   * @param patience gives a signal that ends the waiting, and only that: an instant that has begun is finished. Asked for only where
   *   there is something to wait for.
   */
  next(patience: () => AbortSignal): Promise<Cursor | null>
  /** Whether the data is over (against: only the waiting was ended). */
  isOver(): boolean
  /** Closes what is open at the last price, when the data is over. */
  finish(): void
  flushEquity(emit: (point: EquityPoint) => void): void
  equityUptoMs(): number
  /** Last prices by symbol. */
  prices(): ReadonlyMap<string, Decimal>
  stop(): void
}
