// How much was won for each unit lost.

import type { Outcomes } from './closed-trade.ts'

/** Sum of wins / |sum of losses|; null without losses, because no number says "never lost". */
export function profitFactor({ won, lost }: Outcomes): number | null {
  return lost.isZero() ? null : won.dividedBy(lost.negated(), 18, 'half_even').toNumber()
}
