// The longest rows of wins and of losses in the order in which trades closed. A break-even trade neither lengthens nor ends a row.

import type { ClosedTrade } from './closed-trade.ts'

export function longestStreaks(trades: readonly ClosedTrade[]): { wins: number; losses: number } {
  const longest = { wins: 0, losses: 0 }
  let wins = 0
  let losses = 0
  for (const { netPnl } of [...trades].sort((a, b) => a.closedAtMs - b.closedAtMs)) {
    if (netPnl.isPositive()) {
      wins += 1
      losses = 0
    } else if (netPnl.isNegative()) {
      losses += 1
      wins = 0
    }
    longest.wins = Math.max(longest.wins, wins)
    longest.losses = Math.max(longest.losses, losses)
  }
  return longest
}
