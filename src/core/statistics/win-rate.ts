// The share of wins among the trades that were decided: break-even trades stand apart.

import type { Outcomes } from './closed-trade.ts'

/** wins / (wins + losses) in percent points; null where nothing was won or lost. */
export function winRate({ wins, losses }: Outcomes): number | null {
  return wins + losses > 0 ? (wins / (wins + losses)) * 100 : null
}
