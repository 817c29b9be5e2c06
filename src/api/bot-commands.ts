// The port through which the API commands bots. The API states what a person wants; whoever holds the bot's lease acts on it and reports
// what he observes. An outcome is a value: a refusal is an answer, never an exception.

import type { SimulatedVenue } from '../contract/bots.ts'
import type { Finding } from '../contract/finding.ts'

export type BotStatus = 'inactive' | 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'error'
export type DesiredState = 'running' | 'paused' | 'stopped'
export type RunMode = 'paper' | 'live'
/** What becomes of open deals when a bot stops: worked to flat, closed at market, or handed to the holdings. */
export type OpenDealsPolicy = 'manage' | 'close' | 'release'

/** Where a paper run takes its candles from. Absent: the demo market for bots on it, else a replay of what is stored. */
export type RunFeed =
  /** speed 1..60 times the wall's. */
  | { readonly kind: 'demo'; readonly speed: number }
  /** Stored candles; speed times real time, or as fast as possible. exchange: default that of the bot. */
  | {
      readonly kind: 'replay'
      readonly speed: number | 'max'
      readonly exchange?: string
      readonly fromMs?: number
      readonly toMs?: number
    }

export interface StartPaperRequest {
  /** Decimal text in the pairs' quote. Default max(10000, required capital x maxActiveDeals). */
  readonly initialBalance?: string
  readonly feed?: RunFeed
  /** Of everything random in the simulated venue. */
  readonly seed?: number
  readonly venue?: SimulatedVenue
}

/** Codes of the HTTP list with which a command may be refused. */
export type CommandRefusalCode =
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'INVALID_STATUS_TRANSITION'
  | 'MODE_CONFLICT'
  | 'BOT_HAS_OPEN_DEALS'
  | 'BOT_ACTIVE'
  | 'INSUFFICIENT_FUNDS'
  | 'INVALID_DEAL_TRANSITION'
  | 'VALIDATION_ERROR'
  | 'NOT_IMPLEMENTED'
  /** A safety limit lies inside of the bot's own limit that it guards. */
  | 'SAFETY_LIMIT_TIGHTER'
  /** The safety record allows no entry now. */
  | 'SAFETY_STATE'

export interface CommandAccepted {
  readonly ok: true
  /** true: 202, something will change. false: 200, it was so already. */
  readonly changed: boolean
  readonly botId: string
  readonly runId: string | null
  readonly mode: RunMode | null
  readonly status: BotStatus
  readonly desiredState: DesiredState
  /** Number of the command in the bot's inbox, for those that are only done later. */
  readonly commandId: string | null
  /** Pair of a deal that will start. */
  readonly symbol?: string
}

export interface CommandRefused {
  readonly ok: false
  readonly code: CommandRefusalCode
  /** One sentence with what was expected and what was found. */
  readonly message: string
  readonly details?: readonly Finding[]
}

export type CommandOutcome = CommandAccepted | CommandRefused

export interface BotCommands {
  startPaper(userId: string, botId: string, request: StartPaperRequest): Promise<CommandOutcome>
  pause(userId: string, botId: string, request: { readonly reason?: string; readonly until?: string }): Promise<CommandOutcome>
  resume(userId: string, botId: string): Promise<CommandOutcome>
  stop(userId: string, botId: string, openDeals: OpenDealsPolicy): Promise<CommandOutcome>
  /** Skips only the entry playbook. @param symbol null: the bot's only pair. */
  startDeal(userId: string, botId: string, symbol: string | null): Promise<CommandOutcome>
  /** Cancels entries and closes every deal of the bot at market. */
  panic(userId: string, botId: string): Promise<CommandOutcome>
  closeDeal(userId: string, tradeId: string): Promise<CommandOutcome>
}

export function refused(code: CommandRefusalCode, message: string, details?: readonly Finding[]): CommandRefused {
  return details === undefined ? { ok: false, code, message } : { ok: false, code, message, details }
}
