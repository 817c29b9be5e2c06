// Orders: one at the venue for each of ours, never more than was meant, where its evidence puts it, and never called before it is written.

import { Decimal, ZERO } from '../../core/money/decimal.ts'
import { isLive, ORDER_STATUSES, type Order, type OrderStatus, orderKeyText } from '../../core/orders/order.ts'
import { ORDER_EVENTS, transition } from '../../core/orders/transitions.ts'
import type { EngineEvent } from '../../engine/machine.ts'
import type { PlacePayload, VenueOrder } from '../../engine/venue.ts'
import type { Invariant } from './invariant.ts'

export const oneVenueOrder: Invariant = {
  number: 1,
  name: 'one venue order for each deal, purpose and sequence',
  watch({ truth }, broken) {
    const taken = new Map<string, string>()
    return {
      ordered(order) {
        if (order.clientOrderId === null) return
        const owner = truth.owners.get(order.clientOrderId)
        if (!owner) return
        const key = `${owner.botId}|${orderKeyText(owner.order)}|${owner.epoch}`
        const former = taken.get(key)
        if (former !== undefined && former !== order.venueOrderId)
          broken(`order ${key} exists twice at the venue, as ${former} and as ${order.venueOrderId}`)
        taken.set(key, order.venueOrderId)
      },
    }
  },
}

export const noOverfill: Invariant = {
  number: 2,
  name: 'an order books no more than was ordered, unless it is flagged as overfill',
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          const bot = truth.bot(botId)
          for (const fill of batch.fills) {
            const key = orderKeyText(fill)
            const order = bot.orders.get(key)
            const filled = bot.filled.get(key) ?? ZERO
            if (!order || filled.lte(order.quantity)) continue
            const flagged = batch.events.some(event => /overfill/i.test(event.type) && event.tradeSeq === fill.tradeSeq)
            if (!flagged) broken(`order ${botId} ${key} is of ${order.quantity} and has ${filled} booked, and nobody says so`)
          }
        }
      },
    }
  },
}

/** Every change of an order that is written must be one cell of its table; at the end it must stand where the venue has it. */
export const foldOfEvidence: Invariant = {
  number: 10,
  name: "an order's status is the fold of its evidence",
  watch({ truth, exchange }, broken) {
    const statuses = new Map<string, OrderStatus>()
    return {
      restored() {
        statuses.clear()
        for (const bot of truth.bots.values()) {
          for (const [key, order] of bot.orders) statuses.set(`${bot.botId}|${key}`, order.status)
        }
      },
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          for (const order of batch.orders) {
            const at = `${botId}|${orderKeyText(order)}`
            const former = statuses.get(at)
            statuses.set(at, order.status)
            if (former === undefined || former === order.status) continue
            if (!REACHABLE.has(`${former}>${order.status}`)) broken(`order ${at} was ${former} and is written as ${order.status}`)
            else if (!LIVE.has(former) && !isNamed(batch.journal, order))
              broken(`order ${at} had ended as ${former} and is ${order.status} without a word of the venue`)
          }
        }
      },
      ended() {
        for (const bot of truth.bots.values()) {
          for (const [key, order] of bot.orders) {
            const id = truth.clientOrderIdOf(bot.botId, order)
            if (id === undefined) continue
            const known = exchange.find({ symbol: order.symbol, clientOrderId: id, venueOrderId: null })
            if (isSameEnd(order, known)) continue
            const told = known ? `${known.status} with ${known.executedQuantity}` : 'not known'
            broken(`order ${bot.botId} ${key} is ${order.status} with ${order.filledQuantity} filled, at the venue it is ${told}`)
          }
        }
      },
    }
  },
}

const LIVE: ReadonlySet<OrderStatus> = new Set(ORDER_STATUSES.filter(status => isLive({ status } as Order)))

/** Every `from>to` that some event of the table makes; `sent` and its answer may be written as one change. */
const REACHABLE: ReadonlySet<string> = new Set(
  ORDER_STATUSES.flatMap(from =>
    ORDER_EVENTS.flatMap(event =>
      [false, true].flatMap(acknowledged => {
        const move = transition(from, event, acknowledged)
        return move.kind === 'to' ? [`${from}>${move.status}`] : []
      }),
    ),
  ),
)

function isNamed(journal: readonly { readonly payload: unknown }[], order: Order): boolean {
  return journal.some(({ payload }) => {
    const event = (payload as { readonly event?: EngineEvent }).event
    if (!event || !('order' in event || 'fill' in event || 'record' in event)) return false
    const key = 'order' in event ? event.order : 'fill' in event ? event.fill : event.record!.order
    return orderKeyText(key) === orderKeyText(order)
  })
}

function isSameEnd(order: Order, known: VenueOrder | null): boolean {
  const executed = known?.executedQuantity ?? ZERO
  if (!order.filledQuantity.equals(executed)) return false
  if (!known) return order.status === 'rejected' || order.status === 'cancelled'
  if (known.status === 'open') return order.status === 'open' || order.status === 'part_filled'
  if (known.status === 'filled') return order.status === 'filled'
  return !isLive(order)
}

export const intentBeforeCall: Invariant = {
  number: 11,
  name: 'what is called was written before, marked as sent, and is called once as it was written',
  watch({ truth }, broken) {
    const calls = new Map<string, number>()
    return {
      called(worker, call) {
        if (call.kind === 'place') {
          const id = `${call.payload.clientOrderId}:place`
          const known = truth.intents.get(id)
          if (!known) broken(`worker ${worker.number} places ${describe(call.payload)} and no intent was written`)
          else if (known.status !== 'sent')
            broken(`worker ${worker.number} places ${describe(call.payload)} while its intent is ${known.status}, not sent`)
          else if (!isSame(known.intent.payload as PlacePayload, call.payload))
            broken(
              `worker ${worker.number} places ${describe(call.payload)}, written was ${describe(known.intent.payload as PlacePayload)}`,
            )
          const times = (calls.get(id) ?? 0) + 1
          calls.set(id, times)
          if (times > 1) broken(`worker ${worker.number} places ${describe(call.payload)} for the second time`)
        } else if (call.kind === 'cancel') {
          const sent = [...truth.intents.values()].some(
            ({ intent, status }) =>
              intent.kind === 'cancel' && intent.clientOrderId === call.ref.clientOrderId && status === 'sent',
          )
          const foreign = !truth.owners.has(call.ref.clientOrderId)
          if (!sent && !foreign)
            broken(`worker ${worker.number} cancels ${call.ref.clientOrderId} and no intent of it is marked as sent`)
        }
      },
    }
  },
}

function describe(payload: PlacePayload): string {
  const price = payload.limitPrice ?? payload.stopPrice ?? 'the market'
  return `${payload.clientOrderId} (${payload.side} ${payload.quantity} ${payload.symbol} ${payload.type} at ${price})`
}

function isSame(a: PlacePayload, b: PlacePayload): boolean {
  const same = (x: string | null, y: string | null): boolean =>
    x === y || (x !== null && y !== null && Decimal.from(x).equals(Decimal.from(y)))
  return (
    a.symbol === b.symbol &&
    a.side === b.side &&
    a.type === b.type &&
    same(a.quantity, b.quantity) &&
    same(a.limitPrice, b.limitPrice) &&
    same(a.stopPrice, b.stopPrice)
  )
}

export const unknownBlocks: Invariant = {
  number: 13,
  name: 'while an order is in doubt its money stays reserved and its bot enters nothing on that pair',
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          const bot = truth.bot(botId)
          for (const deal of truth.openDeals(bot)) {
            if (!deal.orders.some(order => order.status === 'unknown')) continue
            const released = batch.transfers.find(each => each.kind === 'release' && each.tradeSeq === deal.tradeSeq)
            if (released) broken(`deal ${botId} ${deal.tradeSeq} has an order in doubt and releases ${released.amount}`)
          }
        }
        for (const intent of commit.newIntents) {
          // One without a payload takes over an order that is there already.
          if (intent.kind !== 'place' || intent.payload === null) continue
          if (intent.order.purpose !== 'base' && intent.order.purpose !== 'avg') continue
          const state = truth.bot(intent.botId)
          const symbol = state.orders.get(orderKeyText(intent.order))?.symbol
          const doubtful = truth
            .liveOrders(state)
            .find(order => order.status === 'unknown' && order.symbol === symbol && wasUnknown(state.formerState, order))
          if (doubtful)
            broken(`bot ${intent.botId} enters with ${orderKeyText(intent.order)} while ${orderKeyText(doubtful)} is in doubt`)
        }
      },
    }
  },
}

function wasUnknown(state: { readonly deals: readonly { readonly orders: readonly Order[] }[] } | null, order: Order): boolean {
  const key = orderKeyText(order)
  return state?.deals.some(deal => deal.orders.some(each => orderKeyText(each) === key && each.status === 'unknown')) ?? false
}
