// An order at the venue that no record knows becomes one of a bot's orders: one that we placed in a lost time, or one that a person adopts.

import { ZERO } from '../core/money/decimal.ts'
import type { Order, OrderKey } from '../core/orders/order.ts'
import type { OrderImage } from '../engine/machine.ts'
import type { VenueOrder } from '../engine/venue.ts'
import type { AccountBot } from './account-bot.ts'
import { keyOf } from './account-outbox.ts'
import type { KnownOrder } from './account-records.ts'
import type { AccountWriter } from './account-writer.ts'

/** An order that the venue has, as one of ours. */
export function adoptable(word: VenueOrder, key: OrderKey): Order {
  return {
    ...keyOf(key),
    symbol: word.symbol,
    side: word.side,
    type: word.type,
    quantity: word.quantity,
    limitPrice: word.limitPrice,
    stopPrice: word.stopPrice,
    decisionPrice: null,
    rung: null,
    status: 'open',
    cancelState: 'none',
    isVirtual: false,
    filledQuantity: ZERO,
    filledValue: ZERO,
    feeValueQuote: ZERO,
    reason: null,
    intendedAtMs: word.updatedAtMs,
    expiresAtMs: null,
    closedAtMs: null,
  }
}

/** Makes an order that was placed by somebody, or by us in a lost time, one of a bot's orders: it was sent once, so it has an intent. */
export function takeOver(
  writer: AccountWriter,
  bot: AccountBot,
  word: VenueOrder,
  clientOrderId: string,
  order: Order,
  image: Omit<OrderImage, 'order'>,
): KnownOrder {
  const record: KnownOrder = {
    botId: bot.botId,
    clientOrderId,
    venueOrderId: word.venueOrderId,
    ...image,
    order,
    isAcknowledged: true,
    evidenceAtMs: 0,
    touchedAtMs: writer.nowMs,
  }
  writer.records.put(record)
  const id = `${clientOrderId}:place`
  if (!writer.records.intents.has(id)) {
    writer.outbox.addIntent({
      id,
      botId: bot.botId,
      order: keyOf(order),
      clientOrderId,
      kind: 'place',
      priority: 'P0',
      payload: null,
      createdAtMs: writer.nowMs,
    })
    writer.outbox.changeIntent(id, { status: 'settled', lastError: order.reason })
  }
  writer.step(bot, { kind: 'orphan_adopted', atMs: writer.nowMs, record: { order, ...image } })
  return writer.records.orders.get(clientOrderId) ?? record
}
