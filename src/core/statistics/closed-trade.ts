// What statistics need to know of a closed trade. A win is a net PnL above zero after the fees of both legs; a trade that came out at
// exactly zero is neither win nor loss and is counted apart (decisions.md, semantics 15).

import { type Decimal, ZERO } from '../money/decimal.ts'

export interface ClosedTrade {
  /** In quote, after the fees of both legs and funding. */
  readonly netPnl: Decimal
  readonly openedAtMs: number
  readonly closedAtMs: number
  /** Of both legs, in quote. */
  readonly fees?: Decimal
  /** In quote; negative where it was paid. */
  readonly funding?: Decimal
}

export interface Outcomes {
  readonly total: number
  readonly wins: number
  readonly losses: number
  readonly breakEven: number
  /** Sum over wins, >= 0. */
  readonly won: Decimal
  /** Sum over losses, <= 0. */
  readonly lost: Decimal
}

export function countOutcomes(trades: readonly ClosedTrade[]): Outcomes {
  let wins = 0
  let losses = 0
  let won = ZERO
  let lost = ZERO
  for (const { netPnl } of trades) {
    if (netPnl.isPositive()) {
      wins += 1
      won = won.plus(netPnl)
    } else if (netPnl.isNegative()) {
      losses += 1
      lost = lost.plus(netPnl)
    }
  }
  return { total: trades.length, wins, losses, breakEven: trades.length - wins - losses, won, lost }
}
