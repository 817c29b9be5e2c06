// What people decide for an account: the fate of an order that the venue never tells, and what becomes of an order that is not ours.
// Nothing of it happens by itself.

import type { Order } from '../core/orders/order.ts'
import type { ForeignOrder } from '../engine/account-store.ts'
import { adoptable, takeOver } from './account-adoption.ts'
import { applyWord } from './account-evidence.ts'
import type { AccountWriter } from './account-writer.ts'

export type ForeignDecision =
  /** It stays where it is and is not told of again. */
  | { readonly kind: 'ignore' }
  | { readonly kind: 'cancel' }
  /** It joins a deal of one of the account's bots, as if that bot had placed it. */
  | { readonly kind: 'adopt'; readonly botId: string; readonly tradeSeq: number }

/** A decision that cannot be carried out, with what is wrong and what would be right. */
export class DecisionRefusedError extends Error {
  readonly code: 'EVIDENCE_REQUIRED' | 'NOT_FOUND' | 'CONFLICT'

  constructor(code: DecisionRefusedError['code'], message: string) {
    super(message)
    this.name = 'DecisionRefusedError'
    this.code = code
  }
}

const SHORTEST_REASON = 10

/**
 * Evidence (d): a person who has looked at the venue says that the order is not there.
 * @throws DecisionRefusedError for an order that is not in doubt, or without a reason that can be read later.
 */
export function declareAbsent(writer: AccountWriter, clientOrderId: string, reason: string, by: string): void {
  const record = writer.records.orders.get(clientOrderId)
  if (!record) throw new DecisionRefusedError('NOT_FOUND', `there is no order ${clientOrderId} on this account`)
  if (record.order.status !== 'unknown')
    throw new DecisionRefusedError(
      'CONFLICT',
      `order ${clientOrderId} is ${record.order.status}: only one in doubt can be decided`,
    )
  if (reason.trim().length < SHORTEST_REASON)
    throw new DecisionRefusedError(
      'EVIDENCE_REQUIRED',
      `reason is ${JSON.stringify(reason)}: say in at least ${SHORTEST_REASON} characters what you saw at the venue`,
    )
  const bot = writer.bot(record.botId)
  if (!bot) throw new DecisionRefusedError('CONFLICT', `bot ${record.botId} is held: its orders cannot be decided`)
  const { tradeSeq, purpose, sequence } = record.order
  writer.outbox.changeIntent(writer.outbox.reopenIntent(record), {
    status: 'settled',
    nextProbeAtMs: null,
    lastError: `${by}: ${reason}`,
  })
  writer.step(bot, {
    kind: 'order_event',
    atMs: writer.nowMs,
    event: 'absent',
    order: { tradeSeq, purpose, sequence },
    acknowledged: record.isAcknowledged,
    reason: `${by} says: ${reason}`,
  })
}

/** @throws DecisionRefusedError for an order that was decided before or was never seen, or a deal that is not alive. */
export function decideForeign(writer: AccountWriter, venueOrderId: string, decision: ForeignDecision): void {
  const foreign = writer.records.foreign.get(venueOrderId)
  if (!foreign) throw new DecisionRefusedError('NOT_FOUND', `no foreign order ${venueOrderId} was seen on this account`)
  if (foreign.resolution !== 'open')
    throw new DecisionRefusedError('CONFLICT', `order ${venueOrderId} is ${foreign.resolution} already`)
  if (decision.kind === 'adopt') adoptForeign(writer, foreign, decision.botId, decision.tradeSeq)
  else if (decision.kind === 'cancel') {
    const { symbol, clientOrderId } = foreign.venueOrder
    // Cancelled is what the venue says, not what is wanted: until then it can be decided again.
    writer.foreignCancels.push({ symbol, clientOrderId: clientOrderId ?? '', venueOrderId })
  } else writer.outbox.noteForeign(foreign.venueOrder, 'ignored')
}

function adoptForeign(writer: AccountWriter, { venueOrder }: ForeignOrder, botId: string, tradeSeq: number): void {
  const bot = writer.bot(botId)
  const deal = bot?.deal(tradeSeq)
  if (!bot || !deal) throw new DecisionRefusedError('NOT_FOUND', `bot ${botId} has no open deal ${tradeSeq}`)
  if (deal.symbol !== venueOrder.symbol)
    throw new DecisionRefusedError('CONFLICT', `deal ${tradeSeq} trades ${deal.symbol}, the order is on ${venueOrder.symbol}`)
  if (venueOrder.clientOrderId === null)
    throw new DecisionRefusedError('CONFLICT', 'an order without a client order id cannot be followed: ignore or cancel it')
  if (venueOrder.side === 'sell' && venueOrder.quantity.gt(deal.lot.quantity))
    throw new DecisionRefusedError(
      'CONFLICT',
      `the order sells ${venueOrder.quantity}, deal ${tradeSeq} holds ${deal.lot.quantity}: it would sell what is not the deal's`,
    )
  const order: Order = {
    ...adoptable(venueOrder, { tradeSeq, purpose: 'adopt', sequence: (deal.sequences.adopt ?? 0) + 1 }),
    reason: 'adopted by the user',
  }
  const image = { botTradeSeq: deal.botTradeSeq, configVersion: deal.configVersion }
  const record = takeOver(writer, bot, venueOrder, venueOrder.clientOrderId, order, image)
  writer.outbox.noteForeign(venueOrder, 'adopted')
  applyWord(writer, record, venueOrder, [])
  writer.wantFills(venueOrder.symbol)
}
