// Money: the books balance, agree with the exchange, and say the same as every projection made of them.

import { type Decimal, ZERO } from '../../core/money/decimal.ts'
import { netPnl } from '../../core/positions/lot.ts'
import type { DcaState } from '../../engine/dca/dca-state.ts'
import type { BotTruth } from '../truth.ts'
import type { Invariant } from './invariant.ts'

export const booksBalance: Invariant = {
  number: 5,
  name: 'over all accounts each currency sums to zero, and each cause is booked once',
  watch({ truth }, broken) {
    const check = (): void => {
      for (const books of [truth.accountBooks, ...[...truth.bots.values()].map(bot => bot.books)]) {
        for (const [currency, sum] of books.sums())
          if (!sum.isZero()) broken(`the accounts of ${currency} sum to ${sum}, not to 0`)
      }
    }
    return { ended: check }
  },
}

export const ledgerIsVenue: Invariant = {
  number: 6,
  name: 'the ledger holds what the venue holds; what nobody explains is what was slipped in',
  watch({ truth, exchange, injected }, broken) {
    return {
      ended() {
        const held = new Map(exchange.balances().map(({ currency, free, locked }) => [currency, free.plus(locked)]))
        for (const currency of truth.currencies) {
          const ledger = truth.ledgerHolding(currency)
          const venue = held.get(currency) ?? ZERO
          if (!ledger.equals(venue)) broken(`the ledger holds ${ledger} ${currency}, the venue ${venue}`)
          const found = truth.broughtIn(currency)
          const wanted = injected(currency).plus(estimatedFees(currency)).plus(lostTime(currency))
          if (!found.equals(wanted)) broken(`${found} ${currency} are booked as brought in or unexplained, ${wanted} were`)
        }
      },
    }

    /** What orders did that a restored backup has lost, and that nobody adopted. */
    function lostTime(currency: string): Decimal {
      let sum = ZERO
      for (const { fill, owner } of truth.executions) {
        if (!owner || !truth.isLost(fill.clientOrderId) || truth.booked.has(`${fill.symbol}|${fill.venueFillId}`)) continue
        const value = fill.price.times(fill.quantity)
        const isBuy = fill.side === 'buy'
        if (currency === truth.baseOf(fill.symbol)) sum = isBuy ? sum.plus(fill.quantity) : sum.minus(fill.quantity)
        else if (currency === truth.quoteOf(fill.symbol)) sum = isBuy ? sum.minus(value) : sum.plus(value)
        if (fill.fee && currency === fill.feeAsset) sum = sum.minus(fill.fee)
      }
      return sum
    }

    /** Fees that the venue never told are booked at what they should be; the difference shows up as drift. */
    function estimatedFees(currency: string): Decimal {
      let sum = ZERO
      for (const { fill } of truth.booked.values()) {
        if (!fill.feeEstimated) continue
        const real = truth.execution(fill.symbol, fill.fillId)?.fill
        if (fill.feeAsset === currency) sum = sum.plus(fill.fee)
        if (real?.feeAsset === currency) sum = sum.minus(real.fee ?? ZERO)
      }
      return sum
    }
  },
}

export const positionIsFills: Invariant = {
  number: 7,
  name: "a deal's position is its fills less fees in coins and dust",
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          const bot = truth.bot(botId)
          const touched = new Set<number>()
          for (const { tradeSeq } of batch.fills) touched.add(tradeSeq)
          for (const { tradeSeq, kind } of batch.transfers) if (tradeSeq !== null && kind !== 'reserve') touched.add(tradeSeq)
          for (const tradeSeq of touched) {
            const deal = bot.state?.deals.find(each => each.tradeSeq === tradeSeq)
            const says = deal?.lot.quantity ?? ZERO
            const fills = bot.held.get(tradeSeq) ?? ZERO
            const symbol = deal?.symbol ?? batch.fills.find(each => each.tradeSeq === tradeSeq)?.symbol
            if (!says.equals(fills)) broken(`deal ${botId} ${tradeSeq} holds ${says} by its state and ${fills} by its fills`)
            if (symbol === undefined) continue
            const booked = bot.books.balance('position', truth.baseOf(symbol), tradeSeq)
            if (!booked.equals(fills)) broken(`deal ${botId} ${tradeSeq} holds ${booked} by the ledger and ${fills} by its fills`)
          }
        }
      },
    }
  },
}

export const basisIffHeld: Invariant = {
  number: 8,
  name: 'what is held has a cost, and what is not has none',
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId } of commit.bots) {
          for (const deal of truth.openDeals(truth.bot(botId))) {
            const { quantity, basis } = deal.lot
            if (quantity.isZero() !== basis.isZero() || quantity.isNegative() || basis.isNegative())
              broken(`deal ${botId} ${deal.tradeSeq} holds ${quantity} at a cost of ${basis}`)
          }
        }
      },
    }
  },
}

export const netIsEquity: Invariant = {
  number: 9,
  name: 'a flat bot has what it began with and the net of its deals, dust at cost',
  watch({ truth, opened }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId } of commit.bots) {
          const bot = truth.bot(botId)
          const state = bot.state
          if (!state || state.status === 'starting') continue
          let equity = state.free.plus(state.reserved)
          for (const { basis } of Object.values(state.dust)) equity = equity.plus(basis)
          let earned = state.realizedPnl
          for (const deal of state.deals) {
            equity = equity.plus(deal.lot.basis)
            earned = earned.plus(netOf(deal))
          }
          const began = opened(botId).initialBalance
          if (!equity.equals(began.plus(earned)))
            broken(`bot ${botId} has ${equity} and should have ${began.plus(earned)}: ${began} and ${earned} earned`)
        }
      },
    }
  },
}

/** A deal that lives again after its end is counted with what it ended with. */
function netOf(deal: DcaState['deals'][number]): Decimal {
  const net = netPnl(deal.lot)
  const counted = deal.troubles.countedNet
  return counted ? net.minus(counted) : net
}

export const projectionsAgree: Invariant = {
  number: 21,
  name: 'free, reserved and dust are what the transfers add up to',
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          const bot = truth.bot(botId)
          const { state } = bot
          if (!state || state.status === 'starting') continue
          compare(bot, 'bot_free', state.quote, state.free)
          compare(bot, 'bot_reserved', state.quote, state.reserved)
          for (const [currency, { quantity }] of Object.entries(state.dust)) compare(bot, 'bot_dust', currency, quantity)
          const funds = batch.funds.find(each => each.currency === state.quote)
          if (!funds?.free.equals(state.free) || !funds.locked.equals(state.reserved))
            broken(
              `the funds of bot ${botId} show ${funds?.free} free and ${funds?.locked} locked, it has ${state.free} and ${state.reserved}`,
            )
        }
      },
    }

    function compare(bot: BotTruth, kind: 'bot_free' | 'bot_reserved' | 'bot_dust', currency: string, says: Decimal): void {
      const booked = bot.books.balance(kind, currency)
      if (!booked.equals(says))
        broken(`bot ${bot.botId} has ${says} ${currency} in ${kind} by its state and ${booked} by the ledger`)
    }
  },
}
