// What one execution does to an account's money: spot changes hands, a perpetual moves its margin, and the fee goes in the instrument's
// own currency or in a coin that pays fees. Exact, except that a fee in another coin is rounded to 18 places.

import type { Instrument } from '../../core/market/instrument.ts'
import { type Decimal, maxDecimal, minDecimal, ONE, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'
import type { ExchangeAccount } from './exchange-account.ts'
import { simulatedFee } from './fill-price.ts'
import { applyPerpFill, closingPart } from './perpetual.ts'

/** Fees are taken in this coin, at this price in quote, as long as there is enough of it. */
export interface FeeCoin {
  readonly currency: string
  readonly priceInQuote: Decimal
}

export interface Trade {
  readonly instrument: Instrument
  readonly side: Side
  readonly price: Decimal
  readonly quantity: Decimal
  readonly liquidity: 'maker' | 'taker'
  /** Of perpetual positions. */
  readonly leverage: Decimal
}

export interface Fee {
  readonly fee: Decimal
  readonly feeAsset: string
}

const FEE_PLACES = 18

/** Books an execution that the account can pay. @returns its fee. */
export function settle(account: ExchangeAccount, trade: Trade, coin: FeeCoin | null): Fee {
  const { instrument, side, price, quantity } = trade
  if (instrument.kind === 'swap') settlePosition(account, trade)
  else {
    const value = price.times(quantity)
    account.add(side === 'buy' ? instrument.quote : instrument.base, (side === 'buy' ? value : quantity).negated())
    account.add(side === 'buy' ? instrument.base : instrument.quote, side === 'buy' ? quantity : value)
  }
  return takeFee(account, trade, coin)
}

/** A loss beyond the margin of what is closed is the venue's: an isolated position loses no more than that. */
function settlePosition(account: ExchangeAccount, { instrument, side, price, quantity, leverage }: Trade): void {
  const { symbol, quote } = instrument
  const change = applyPerpFill(account.position(symbol), side, price, quantity, leverage)
  const back = maxDecimal(change.marginBack.plus(change.realized), ZERO)
  account.add(quote, back.minus(change.marginAdded))
  account.setPosition(symbol, change.position)
}

function takeFee(account: ExchangeAccount, trade: Trade, coin: FeeCoin | null): Fee {
  const { instrument, side, price, quantity, liquidity } = trade
  const isPerp = instrument.kind === 'swap'
  const own = simulatedFee(instrument, side, price, quantity, liquidity)
  if (coin && own.feeValueQuote.isPositive()) {
    const fee = own.feeValueQuote.dividedBy(coin.priceInQuote, FEE_PLACES, 'half_even')
    if (fee.lte(account.free(coin.currency))) {
      account.add(coin.currency, fee.negated())
      return { fee, feeAsset: coin.currency }
    }
  }
  const feeAsset = isPerp ? instrument.quote : own.feeAsset
  const due = isPerp ? own.feeValueQuote : own.fee
  // A position that closes at a loss may leave less than its fee.
  const fee = minDecimal(due, account.free(feeAsset))
  account.add(feeAsset, fee.negated())
  return { fee, feeAsset }
}

/** The higher of both fee rates, as a share. */
function feeRate({ makerBps, takerBps }: Instrument): Decimal {
  return maxDecimal(maxDecimal(makerBps, takerBps), ZERO).shifted(-4)
}

/** Money of the account that an order of this quantity binds at this price. */
export function costOf(
  account: ExchangeAccount,
  trade: Omit<Trade, 'liquidity'>,
): { readonly currency: string; readonly amount: Decimal } {
  const { instrument, side, price, quantity, leverage } = trade
  const { base, quote } = instrument
  if (instrument.kind === 'swap') {
    const opening = quantity.minus(closingPart(account.position(instrument.symbol), side, quantity))
    const margin = opening.isZero() ? ZERO : opening.times(price).dividedBy(leverage, FEE_PLACES, 'up')
    return { currency: quote, amount: opening.isZero() ? ZERO : margin.plus(price.times(quantity).times(feeRate(instrument))) }
  }
  if (side === 'sell') return { currency: base, amount: quantity }
  const value = price.times(quantity)
  return { currency: quote, amount: instrument.feeAsset === base ? value : value.plus(value.times(feeRate(instrument))) }
}

/** The most of a quantity that the account can pay at this price, on the step. */
export function affordable(account: ExchangeAccount, trade: Omit<Trade, 'liquidity'>): Decimal {
  const { currency, amount } = costOf(account, trade)
  const free = account.free(currency)
  if (amount.lte(free)) return trade.quantity
  const { instrument, side, quantity, leverage, price } = trade
  if (instrument.kind === 'spot' && side === 'sell') return free.toGrid(instrument.step, 'floor')
  const closing = instrument.kind === 'swap' ? closingPart(account.position(instrument.symbol), side, quantity) : ZERO
  const rate = feeRate(instrument)
  const share = instrument.kind === 'swap' ? ONE.dividedBy(leverage, FEE_PLACES, 'up').plus(rate) : ONE.plus(rate)
  const left = free.minus(closing.times(price).times(rate))
  if (!left.isPositive()) return closing
  return closing.plus(left.dividedBy(price.times(share), FEE_PLACES, 'floor')).toGrid(instrument.step, 'floor')
}
