// What the run of one exchange account is handed by whoever starts it: clock, chance, store, venue, and how a bot of it is opened.

import type { Candle } from '../core/market/candles.ts'
import type { Instrument } from '../core/market/instrument.ts'
import type { Timeframe } from '../core/market/timeframe.ts'
import type { Decimal } from '../core/money/decimal.ts'
import type { SavedBot } from '../engine/account-store.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { PreparedDca } from '../engine/dca/prepare.ts'
import type { BotMachine } from '../engine/machine.ts'
import type { AccountStore, Venue } from '../engine/ports.ts'
import type { Governor } from './governor.ts'
import type { RunLog } from './ports.ts'

export interface AccountClock {
  /** Wall clock, epoch ms: may jump. */
  now(): number
  /** Ms of a clock that is never set. */
  monotonic(): number
  /** Resolves after the time or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** A bot of the account, ready to be stepped. */
export interface OpenedBot {
  readonly machine: BotMachine<DcaState>
  readonly prepared: PreparedDca
  /** By symbol. */
  readonly instruments: ReadonlyMap<string, Instrument>
  readonly currency: string
  readonly initialBalance: Decimal
  /** Whether `run_started` books deposit and allocation itself: nobody has done so before. */
  readonly opensBooks: boolean
  /** Candle timeframe that the feed offers for this bot. */
  readonly feedTimeframe: Timeframe
}

export interface AccountRunDeps {
  readonly store: AccountStore
  readonly venue: Venue
  /** Of this venue and address, shared by all accounts that call through it. */
  readonly governor: Governor
  readonly clock: AccountClock
  /** In [0, 1): spreads retries. */
  random(): number
  /** False while this worker could not renew its lease: nothing is decided, written or called. */
  mayAct(): boolean
  /** @param rules by symbol, where the venue's are newer than the stored ones. */
  openBot(saved: SavedBot, rules?: ReadonlyMap<string, Instrument>): OpenedBot | Promise<OpenedBot>
  /** Closed candles of a symbol that were missed, oldest first: warms indicators up after a start. */
  history(symbol: string, timeframe: Timeframe, toMs: number): readonly Candle[] | Promise<readonly Candle[]>
  readonly log: RunLog
  /** Part of every client order id; raised when a backup is restored. */
  readonly epoch: number
}
