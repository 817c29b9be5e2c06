// Fills: every execution is booked, once, as it was, in the books of the bot whose order it is.

import { type Fill, orderKeyText } from '../../core/orders/order.ts'
import type { Invariant } from './invariant.ts'

/** Fills without an id of the venue's are named after their order and how much of it was filled. */
const SYNTHETIC = 'syn:'

export const bookedOnce: Invariant = {
  number: 3,
  name: 'each execution is booked once, and in the end each is',
  watch({ truth }, broken) {
    const seen = new Set<string>()
    return {
      restored() {
        seen.clear()
        for (const key of truth.booked.keys()) seen.add(key)
      },
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          const own = new Set<string>()
          for (const fill of batch.fills) {
            const key = `${fill.symbol}|${fill.fillId}`
            if (own.has(key) || seen.has(key)) broken(`execution ${key} is booked again, for bot ${botId} ${orderKeyText(fill)}`)
            own.add(key)
          }
          for (const key of own) seen.add(key)
        }
      },
      ended() {
        for (const execution of truth.executions) {
          const { fill, owner } = execution
          if (owner && truth.isOwed(execution) && !truth.booked.has(`${fill.symbol}|${fill.venueFillId}`))
            broken(
              `execution ${fill.venueFillId} of ${owner.botId} ${orderKeyText(owner.order)}, ${fill.side} ${fill.quantity} at ${fill.price}, was never booked`,
            )
        }
      },
    }
  },
}

export const bookedIsReal: Invariant = {
  number: 4,
  name: 'each booked fill is a real execution, as it was, or a marked stand-in for one',
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          for (const fill of batch.fills) {
            if (fill.fillId.startsWith(SYNTHETIC)) continue
            const real = truth.execution(fill.symbol, fill.fillId)
            if (!real) broken(`bot ${botId} books fill ${fill.fillId}, which never happened`)
            else if (!isSame(fill, real.fill)) {
              const { side, quantity, price } = real.fill
              broken(
                `bot ${botId} books fill ${fill.fillId} as ${fill.side} ${fill.quantity} at ${fill.price}; it was ${side} ${quantity} at ${price}`,
              )
            }
          }
        }
      },
      ended() {
        for (const { botId, fill } of truth.booked.values()) {
          if (fill.fillId.startsWith(SYNTHETIC)) broken(`fill ${fill.fillId} of bot ${botId} still stands in for a real one`)
        }
      },
    }
  },
}

function isSame(booked: Fill, real: { side: Fill['side']; quantity: Fill['quantity']; price: Fill['price'] }): boolean {
  return booked.side === real.side && booked.quantity.equals(real.quantity) && booked.price.equals(real.price)
}

export const ownBooks: Invariant = {
  number: 22,
  name: "what one bot's orders did is in that bot's books, and in no other's",
  watch({ truth }, broken) {
    return {
      committed(_worker, commit) {
        for (const { botId, batch } of commit.bots) {
          for (const fill of batch.fills) {
            const owner = truth.execution(fill.symbol, fill.fillId)?.owner
            if (!owner) continue
            // An order of the time that a backup does not know finds its way back under another name.
            const isRenamed = owner.epoch < truth.epoch
            if (owner.botId !== botId || (!isRenamed && orderKeyText(owner.order) !== orderKeyText(fill)))
              broken(
                `fill ${fill.fillId} is of ${owner.botId} ${orderKeyText(owner.order)} and is booked for ${botId} ${orderKeyText(fill)}`,
              )
          }
        }
      },
    }
  },
}

export const cursorBehindFills: Invariant = {
  number: 24,
  name: 'no cursor stands behind an execution that is not booked',
  watch({ truth }, broken) {
    /** All before are booked. */
    let safe = 0
    return {
      restored() {
        safe = 0
      },
      committed(_worker, commit) {
        if (commit.cursors.length === 0) return
        while (safe < truth.executions.length && isBooked(safe)) safe += 1
        for (const { symbol, cursor } of commit.cursors) {
          const place = placeOf(cursor)
          for (let i = safe; i < Math.min(place, truth.executions.length); i += 1) {
            const { fill } = truth.executions[i]!
            if (fill.symbol === symbol && !isBooked(i))
              broken(`the cursor of ${symbol} stands at ${cursor}, execution ${fill.venueFillId} before it is not booked`)
          }
        }
      },
    }

    function isBooked(index: number): boolean {
      const execution = truth.executions[index]!
      const { fill } = execution
      return !truth.isOwed(execution) || truth.booked.has(`${fill.symbol}|${fill.venueFillId}`)
    }
  },
}

/** The exchange's cursors count executions. */
function placeOf(cursor: string): number {
  return Number(/^\d+/.exec(cursor)?.[0] ?? 0)
}
