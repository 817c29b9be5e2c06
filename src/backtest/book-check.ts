// The proof that a run's books close: asked at the end of every backtest, in production too. Whoever sees it fail has found a fault of
// ours, and no figure of that run may be used.

import { type Decimal, sumDecimals, ZERO } from '../core/money/decimal.ts'
import type { DcaState } from '../engine/dca/dca-state.ts'
import type { MemoryJournal } from './memory-journal.ts'

export interface BookCheck {
  /** Sum over all accounts of each currency: zero. */
  readonly sums: Readonly<Record<string, string>>
  readonly netPnl: Decimal
  /** Free and reserved quote, and dust at its basis. */
  readonly finalEquity: Decimal
}

export class BooksBrokenError extends Error {
  readonly code = 'BOOKS_BROKEN'
  /** Verification. */
  readonly exitCode = 5
  constructor(what: string) {
    super(`the books of this run do not close: ${what}. This is a fault of Evenkeel, and no figure of the run may be used`)
    this.name = 'BooksBrokenError'
  }
}

/** @throws BooksBrokenError unless every currency sums to zero, the state equals its accounts and net PnL is the change of equity. */
export function checkBooks(journal: MemoryJournal<DcaState>, state: DcaState, capital: Decimal): BookCheck {
  const sums: Record<string, string> = {}
  for (const [currency, sum] of journal.books.sums()) {
    if (!sum.isZero()) throw new BooksBrokenError(`${currency} sums to ${sum} instead of 0`)
    sums[currency] = sum.toString()
  }
  mustEqual('bot_free', journal.books.balance('bot_free', state.quote), state.free)
  mustEqual('bot_reserved', journal.books.balance('bot_reserved', state.quote), state.reserved)
  let finalEquity = state.free.plus(state.reserved)
  for (const [currency, dust] of Object.entries(state.dust)) {
    mustEqual(`bot_dust of ${currency}`, journal.books.balance('bot_dust', currency), dust.quantity)
    finalEquity = finalEquity.plus(dust.basis)
  }
  if (!state.ended) throw new BooksBrokenError('the run has not ended: a deal is still on its way')
  for (const currency of journal.books.sums().keys()) {
    mustEqual(`position of ${currency}, with everything sold`, journal.books.total('position', currency), ZERO)
  }
  const netPnl = sumDecimals(journal.closedTrades().map(trade => trade.netPnl ?? ZERO))
  if (!finalEquity.minus(capital).equals(netPnl)) {
    throw new BooksBrokenError(`trades made ${netPnl} net, equity changed by ${finalEquity.minus(capital)}`)
  }
  return { sums, netPnl, finalEquity }
}

function mustEqual(account: string, booked: Decimal, held: Decimal): void {
  if (!booked.equals(held)) throw new BooksBrokenError(`account ${account} holds ${booked}, the run's state says ${held}`)
}
