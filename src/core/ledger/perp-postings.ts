// Transfers of linear perpetuals (execution.md 4.1): margin stands apart from what is free, contracts move between position and market,
// and what a reduction wins or loses is money from or to the market. Contracts are counted in a currency of their own, the
// instrument's symbol, so that no book takes them for coins.

import { type Decimal, ZERO } from '../money/decimal.ts'
import { type Fill, orderKeyText } from '../orders/order.ts'
import type { PerpLotChange } from '../positions/perp-lot.ts'
import { type Posting, post, postFee } from './postings.ts'
import type { Transfer } from './transfer.ts'

export interface PerpFillPosting {
  readonly fill: Fill
  readonly quote: string
  /** What the fill did to the deal's lot. */
  readonly change: PerpLotChange
}

/** Books one execution with its fee: first what it closes, then what it opens. @returns the change of the bot's free quote. */
export function postPerpFill(into: Transfer[], { fill, quote, change }: PerpFillPosting): Decimal {
  const orderKey = orderKeyText(fill)
  const cause = `fill:${orderKey}:${fill.fillId}`
  const book = (part: string, posting: Pick<Posting, 'kind' | 'debit' | 'credit' | 'currency' | 'amount'>): void =>
    post(into, { ...posting, cause: `${cause}:${part}`, tradeSeq: fill.tradeSeq, orderKey, fillId: fill.fillId })
  const contracts = (part: string, kind: string, amount: Decimal): void =>
    fill.side === 'buy'
      ? book(part, { kind, debit: 'position', credit: 'market', currency: fill.symbol, amount })
      : book(part, { kind, debit: 'market', credit: 'position', currency: fill.symbol, amount })

  const { closed, opened, gain, marginBack, marginAdded } = change
  contracts('close', 'perp_reduce', closed)
  book('gain', { kind: 'perp_gain', debit: 'bot_free', credit: 'market', currency: quote, amount: gain })
  book('loss', { kind: 'perp_loss', debit: 'market', credit: 'bot_free', currency: quote, amount: gain.negated() })
  book('margin-back', { kind: 'margin', debit: 'bot_free', credit: 'bot_margin', currency: quote, amount: marginBack })
  contracts('open', 'perp_open', opened)
  book('margin', { kind: 'margin', debit: 'bot_margin', credit: 'bot_free', currency: quote, amount: marginAdded })
  const fee = postFee(into, { fill, base: null, quote, lock: ZERO })
  return gain.plus(marginBack).minus(marginAdded).plus(fee.freeChange)
}

/** @param amount received; negative for paid. @returns the change of the bot's free quote. */
export function postFunding(into: Transfer[], cause: string, quote: string, amount: Decimal, tradeSeq: number): Decimal {
  const got = amount.isPositive()
  post(into, {
    cause,
    kind: 'funding',
    debit: got ? 'bot_free' : 'funding',
    credit: got ? 'funding' : 'bot_free',
    currency: quote,
    amount: amount.abs(),
    tradeSeq,
  })
  return amount
}
