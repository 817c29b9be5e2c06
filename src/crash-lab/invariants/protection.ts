// Protection: what is held has its stop, stops only move in favour, exits sell no more than there is, and nothing keeps them from it.

import { type Decimal, ZERO } from '../../core/money/decimal.ts'
import { isAcknowledged, isLive, type Order, orderKeyText } from '../../core/orders/order.ts'
import type { Deal } from '../../engine/dca/dca-state.ts'
import type { BotTruth } from '../truth.ts'
import type { Invariant, LabFacts } from './invariant.ts'

/** How long a position may be without its stop while nothing hinders the worker. */
const PROTECTED_WITHIN_MS = 10_000
/** Calls, commits and the queue of urgent calls take their time. */
const GRACE_MS = 2_000
/** A stop that goes without a word is missed by the second comparison at the latest. */
const MISSED_WITHIN_MS = 90_000

export const stopCovers: Invariant = {
  number: 14,
  name: 'a resting stop covers the position within 10 s, or it is watched here and there is an alarm',
  watch(facts, broken) {
    const since = new Map<string, number>()
    const alarmed = new Set<string>()
    let isStale = false
    /** Deals whose stop the platform has every reason to think at rest. */
    let believed = new Set<string>()
    const look = (nowMs: number): void => {
      const lacking = new Set<string>()
      const former = believed
      believed = new Set()
      for (const bot of facts.truth.bots.values()) {
        for (const deal of facts.truth.openDeals(bot)) {
          const key = `${bot.botId}|${deal.tradeSeq}`
          if (lacksStop(facts, bot, deal)) lacking.add(key)
          if (deal.orders.some(order => order.type === 'stop' && isAcknowledged(order) && order.cancelState === 'none'))
            believed.add(key)
        }
      }
      for (const key of since.keys()) if (!lacking.has(key)) since.delete(key)
      // From when it is known to be gone, it is the platform's to act.
      for (const key of lacking) if (!since.has(key) || (former.has(key) && !believed.has(key))) since.set(key, nowMs)
    }
    return {
      committed(_worker, commit) {
        isStale = true
        for (const { botId, batch } of commit.bots) {
          for (const { type, tradeSeq } of batch.events) {
            if (/^PROTECTION_(LATE|FAILED)$|^STOP_REJECTED$/.test(type)) alarmed.add(`${botId}|${tradeSeq}`)
            else if (type === 'PROTECTION_BACK') alarmed.delete(`${botId}|${tradeSeq}`)
          }
        }
      },
      ordered() {
        isStale = true
      },
      rested(nowMs) {
        if (isStale) look(nowMs)
        isStale = false
        for (const [key, sinceMs] of since) {
          const forMs = nowMs - Math.max(sinceMs, facts.undisturbedSinceMs())
          const withinMs = believed.has(key) ? MISSED_WITHIN_MS : PROTECTED_WITHIN_MS + GRACE_MS
          if (forMs > withinMs && !alarmed.has(key))
            broken(`deal ${key} has had no stop at the venue for ${forMs} ms, without an alarm`)
        }
      },
      ended() {
        for (const bot of facts.truth.bots.values()) {
          for (const deal of facts.truth.openDeals(bot)) {
            if (lacksStop(facts, bot, deal) && !isWatched(facts, bot, deal))
              broken(`deal ${bot.botId} ${deal.tradeSeq} holds ${deal.lot.quantity} at the end and nothing protects it`)
          }
        }
      },
    }
  },
}

/** A deal whose stop should rest, and at the venue nothing does. */
function lacksStop({ truth, exchange, opened }: LabFacts, bot: BotTruth, deal: Deal): boolean {
  if (deal.status !== 'open' || !deal.stop || !deal.lot.quantity.isPositive()) return false
  const { setting } = opened(bot.botId).prepared
  const { stopLoss } = setting.rules(deal.configVersion).config.exits
  if (stopLoss?.placement !== 'resting' || stopLoss.timeoutSec > 0) return false
  const instrument = setting.instruments.get(deal.symbol)!
  const selling = deal.orders.filter(order => order.side === 'sell' && order.type !== 'stop' && isLive(order))
  const held = selling.reduce((sum, order) => sum.minus(order.quantity.minus(order.filledQuantity)), deal.lot.quantity)
  const quantity = held.toGrid(instrument.step, 'floor')
  if (!quantity.isPositive() || quantity.lt(instrument.minQty) || quantity.times(deal.stop).lt(instrument.minNotional))
    return false
  return !deal.orders.some(order => {
    if (order.type !== 'stop') return false
    const id = truth.clientOrderIdOf(bot.botId, order)
    const known = id === undefined ? null : exchange.find({ symbol: order.symbol, clientOrderId: id, venueOrderId: null })
    return known?.status === 'open' && known.quantity.minus(known.executedQuantity ?? ZERO).gte(quantity)
  })
}

function isWatched({ opened }: LabFacts, bot: BotTruth, deal: Deal): boolean {
  return opened(bot.botId)
    .machine.watches(bot.state!)
    .some(watch => watch.kind === 'price_at_or_below' && watch.id === `${deal.tradeSeq}|stop`)
}

/** A sale may have been under way this long when the venue admits the one before it. */
const UNDER_WAY_MS = 60_000

export const noOversell: Invariant = {
  number: 15,
  name: 'exits never sell more than their bot holds, by all that the venue has let be known',
  watch({ truth, exchange, nowMs }, broken) {
    const holdingOf = (botId: string, symbol: string): Decimal =>
      truth.holding(botId, symbol).plus(truth.deniedSince(botId, symbol, nowMs() - UNDER_WAY_MS))
    return {
      ordered(order) {
        if (order.side !== 'sell' || order.status !== 'open' || order.clientOrderId === null) return
        const owner = truth.owners.get(order.clientOrderId)
        // Whose coins are whose is not known any more once a backup has lost deals.
        if (!owner || truth.epoch > 1) return
        let resting: Decimal = ZERO
        for (const each of exchange.openOrders()) {
          const whose = each.clientOrderId === null ? undefined : truth.owners.get(each.clientOrderId)
          if (each.side === 'sell' && each.symbol === order.symbol && whose?.botId === owner.botId)
            resting = resting.plus(each.quantity.minus(each.executedQuantity ?? ZERO))
        }
        const held = holdingOf(owner.botId, order.symbol)
        if (resting.gt(held)) broken(`bot ${owner.botId} has ${resting} for sale and holds ${held} ${order.symbol}`)
      },
      executed({ fill, owner }) {
        if (!owner || fill.side !== 'sell' || truth.epoch > 1) return
        const held = truth.holding(owner.botId, fill.symbol)
        if (held.isNegative())
          broken(
            `bot ${owner.botId} sold ${held.negated()} ${fill.symbol} that it did not have, with ${orderKeyText(owner.order)}`,
          )
      },
    }
  },
}

export const stopsMonotone: Invariant = {
  number: 16,
  name: 'a stop only moves in favour, except where a new entry lowers its basis',
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          const bot = truth.bot(botId)
          for (const deal of truth.openDeals(bot)) {
            const former = bot.formerState?.deals.find(each => each.tradeSeq === deal.tradeSeq)
            if (!former?.stop || !deal.stop || deal.stop.gte(former.stop)) continue
            const entered = batch.fills.some(fill => fill.tradeSeq === deal.tradeSeq && fill.side === 'buy')
            if (!entered) broken(`the stop of deal ${botId} ${deal.tradeSeq} moved from ${former.stop} to ${deal.stop}`)
          }
        }
      },
    }
  },
}

export const exitsAreFree: Invariant = {
  number: 18,
  name: 'no gate refuses an exit',
  watch(_facts, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          for (const { type, message } of batch.events) {
            if (type === 'EXIT_REFUSED') broken(`bot ${botId}: ${message}`)
          }
        }
      },
    }
  },
}

export function isEntry(order: Pick<Order, 'purpose'>): boolean {
  return order.purpose === 'base' || order.purpose === 'avg'
}
