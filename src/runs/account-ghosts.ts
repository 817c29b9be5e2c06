// What the bots of an account hold on spot, for the comparison with the venue's balances, and what becomes of coins that are not there.

import type { Decimal } from '../core/money/decimal.ts'
import { minDecimal, sumDecimals, ZERO } from '../core/money/decimal.ts'
import { volumeWeightedPrice } from '../core/positions/lot.ts'
import type { OwnPosition, ReconcileEvent } from '../engine/reconciliation/report.ts'
import type { AccountWriter } from './account-writer.ts'

type Ghost = Extract<ReconcileEvent, { kind: 'ghost_position' }>

/** Lots of all deals that are alive, by symbol. */
export function heldCoins(writer: AccountWriter): OwnPosition[] {
  const held = new Map<string, OwnPosition>()
  for (const bot of writer.bots()) {
    for (const { symbol, lot } of bot.state.deals) {
      const instrument = bot.opened.instruments.get(symbol)
      if (instrument?.kind !== 'spot' || !lot.quantity.isPositive()) continue
      const quantity = lot.quantity.plus(held.get(symbol)?.quantity ?? ZERO)
      held.set(symbol, { symbol, quantity, coin: instrument.base })
    }
  }
  return [...held.values()]
}

/** Coins of deals are gone: the newest deals lose theirs first. */
export function stepGhost(writer: AccountWriter, { symbol, quantity, closedBy }: Ghost): void {
  const soldAt = priceOf(closedBy)
  writer.deps.log.error(
    { accountId: writer.assignment.accountId, symbol, quantity: quantity.toString(), soldAt: soldAt?.toString() ?? null },
    'coins of open deals are gone from the venue',
  )
  const holders = writer
    .bots()
    .flatMap(bot =>
      bot.state.deals.filter(deal => deal.symbol === symbol && deal.lot.quantity.isPositive()).map(deal => ({ bot, deal })),
    )
    .sort((a, b) => b.deal.createdAtMs - a.deal.createdAtMs || b.deal.tradeSeq - a.deal.tradeSeq)
  let missing = quantity
  for (const { bot, deal } of holders) {
    if (!missing.isPositive()) return
    const part = minDecimal(missing, deal.lot.quantity)
    missing = missing.minus(part)
    writer.step(bot, { kind: 'coins_missing', atMs: writer.nowMs, symbol, tradeSeq: deal.tradeSeq, quantity: part, soldAt })
  }
}

function priceOf(fills: Ghost['closedBy']): Decimal | null {
  return volumeWeightedPrice(
    sumDecimals(fills.map(fill => fill.price.times(fill.quantity))),
    sumDecimals(fills.map(fill => fill.quantity)),
  )
}
