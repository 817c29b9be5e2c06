// The mean win, the mean loss, and what one trade brings on average.

import { Decimal } from '../money/decimal.ts'
import type { Outcomes } from './closed-trade.ts'

const MONEY_PLACES = 18

function mean(sum: Decimal, count: number): Decimal | null {
  return count === 0 ? null : sum.dividedBy(Decimal.from(count), MONEY_PLACES, 'half_even')
}

/** In quote, > 0; null without wins. */
export function averageWin({ won, wins }: Outcomes): Decimal | null {
  return mean(won, wins)
}

/** In quote, < 0; null without losses. */
export function averageLoss({ lost, losses }: Outcomes): Decimal | null {
  return mean(lost, losses)
}

/** Mean net PnL of all trades, break-even ones too, in quote; null without trades. */
export function expectancy({ won, lost, total }: Outcomes): Decimal | null {
  return mean(won.plus(lost), total)
}
