// A deal as its rows in trades and positions show it.

import { HUNDRED, ZERO } from '../../core/money/decimal.ts'
import { averagePrice, netPnl, unrealizedPnl, volumeWeightedPrice } from '../../core/positions/lot.ts'
import type { TradeImage } from '../commit-batch.ts'
import type { DcaState, Deal } from './dca-state.ts'
import type { DcaSetting } from './deal-context.ts'
import { protectionOf } from './protection.ts'

const PLACES = 18

export function tradeImage(setting: DcaSetting, state: DcaState, deal: Deal): TradeImage {
  const { lot } = deal
  const exited = lot.soldQuantity.isPositive()
  const closed = deal.status === 'closed' || deal.status === 'released'
  const price = state.pairs[deal.symbol]?.lastPrice ?? null
  const protection = protectionOf(setting, deal)
  const net = netPnl(lot)
  return {
    tradeSeq: deal.tradeSeq,
    botTradeSeq: deal.botTradeSeq,
    parentTradeSeq: null,
    partialExit: null,
    symbol: deal.symbol,
    direction: setting.rules(deal.configVersion).config.direction,
    dealStatus: deal.status,
    configVersion: deal.configVersion,
    entryLogicName: deal.entryLogicName,
    createdAtMs: deal.createdAtMs,
    openedAtMs: deal.openedAtMs,
    closedAtMs: deal.closedAtMs,
    buyOrderCreatedAtMs: deal.buyOrderCreatedAtMs,
    buyOrderClosedAtMs: deal.buyOrderClosedAtMs,
    sellOrderCreatedAtMs: deal.sellOrderCreatedAtMs,
    sellOrderClosedAtMs: deal.sellOrderClosedAtMs,
    entryPrice: volumeWeightedPrice(lot.boughtValue, lot.boughtQuantity),
    exitPrice: closed ? volumeWeightedPrice(lot.soldValue, lot.soldQuantity) : null,
    entryValue: lot.boughtQuantity.isPositive() ? lot.boughtValue : null,
    exitValue: closed && exited ? lot.soldValue : null,
    size: lot.boughtQuantity.isPositive() ? lot.boughtQuantity : null,
    commission: lot.fees,
    grossPnl: closed ? lot.grossPnl : null,
    netPnl: closed ? net : null,
    pnlPercentage:
      closed && lot.boughtValue.isPositive() ? net.times(HUNDRED).dividedBy(lot.boughtValue, PLACES, 'half_even') : null,
    exitReason: closed ? deal.exitReason : null,
    averagingCount: deal.averagingCount,
    exitState: {
      firedTargets: deal.firedTargets,
      targetBase: deal.targetBase,
      trailingArmed: deal.trailingArmed,
      peak: deal.peak,
      bestPrice: deal.bestPrice,
      stop: deal.stop,
      breakEven: deal.breakEven,
      stopBeyondSinceMs: deal.stopBeyondSinceMs,
    },
    position: {
      quantity: lot.quantity,
      averagePrice: averagePrice(lot),
      basis: lot.basis,
      realizedPnl: lot.soldQuantity.isPositive() || closed ? net : lot.fees.negated(),
      feesPaid: lot.fees,
      currentPrice: price,
      unrealizedPnl: price && lot.quantity.isPositive() ? unrealizedPnl(lot, price) : ZERO,
      stopPrice: deal.stop,
      peakPrice: deal.peak ?? deal.bestPrice,
      breakEvenActive: deal.breakEven,
      trailingActive: deal.trailingArmed,
      takeProfits: deal.orders
        .filter(order => order.purpose === 'tp')
        .map(order => ({
          target: order.rung,
          price: order.limitPrice,
          quantity: order.quantity,
          state: order.status,
          purpose: order.purpose,
          sequence: order.sequence,
        })),
      isProtected: protection.isProtected,
      protectionReason: protection.reason,
    },
  }
}

/** The child row of an exit that left the deal open: its own size, price and result; it enters no count or sum. */
export function partialExitImage(
  setting: DcaSetting,
  state: DcaState,
  deal: Deal,
  part: Pick<TradeImage, 'exitPrice' | 'exitValue' | 'size' | 'commission' | 'grossPnl' | 'entryValue'> & { atMs: number },
): TradeImage {
  const whole = tradeImage(setting, state, deal)
  const net = part.grossPnl ? part.grossPnl.minus(part.commission) : null
  return {
    ...whole,
    parentTradeSeq: deal.tradeSeq,
    partialExit: deal.partialExits,
    dealStatus: 'closed',
    closedAtMs: part.atMs,
    sellOrderClosedAtMs: part.atMs,
    entryValue: part.entryValue,
    exitPrice: part.exitPrice,
    exitValue: part.exitValue,
    size: part.size,
    commission: part.commission,
    grossPnl: part.grossPnl,
    netPnl: net,
    pnlPercentage:
      net && part.entryValue?.isPositive() ? net.times(HUNDRED).dividedBy(part.entryValue, PLACES, 'half_even') : null,
    exitReason: 'take_profit',
  }
}
