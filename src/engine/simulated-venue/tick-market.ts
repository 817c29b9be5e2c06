// One instrument as quotes, trades and marks tell it, and what an order gets from it (execution.md 5.4). A taker crosses the depth where
// it is known, else he gets the best price and slips. What he took of the depth is gone until the next quote.

import { type Decimal, maxDecimal, minDecimal, ZERO } from '../../core/money/decimal.ts'
import type { Side } from '../../core/orders/order.ts'
import { takerPrice } from './fill-price.ts'

export interface DepthLevel {
  readonly price: Decimal
  readonly quantity: Decimal
}

/** Best prices first. */
export interface Depth {
  readonly bids: readonly DepthLevel[]
  readonly asks: readonly DepthLevel[]
}

export interface Quote {
  readonly symbol: string
  readonly bid: Decimal
  readonly ask: Decimal
  readonly depth?: Depth
  readonly atMs: number
}

/** A trade of others. */
export interface Print {
  readonly symbol: string
  readonly price: Decimal
  readonly quantity: Decimal
  readonly atMs: number
}

export type TriggerRef = 'last' | 'mark'

export interface Execution {
  readonly price: Decimal
  readonly quantity: Decimal
}

interface OpenLevel {
  readonly price: Decimal
  left: Decimal
}

export class TickMarket {
  #bid: Decimal | null = null
  #ask: Decimal | null = null
  #levels: { readonly buy: OpenLevel[]; readonly sell: OpenLevel[] } | null = null
  #last: Decimal | null = null
  #mark: Decimal | null = null

  get last(): Decimal | null {
    return this.#last
  }

  get mark(): Decimal | null {
    return this.#mark ?? this.#last
  }

  quote({ bid, ask, depth }: Quote): void {
    this.#bid = bid
    this.#ask = ask
    const open = (levels: readonly DepthLevel[]): OpenLevel[] => levels.map(({ price, quantity }) => ({ price, left: quantity }))
    this.#levels = depth ? { buy: open(depth.asks), sell: open(depth.bids) } : null
  }

  /** A trade outside bid and ask shows that the market has left the quote behind: it is forgotten. */
  print(price: Decimal): void {
    this.#last = price
    if ((this.#bid && price.lt(this.#bid)) || (this.#ask && price.gt(this.#ask))) {
      this.#bid = null
      this.#ask = null
      this.#levels = null
    }
  }

  setMark(price: Decimal): void {
    this.#mark = price
  }

  price(reference: TriggerRef): Decimal | null {
    return reference === 'mark' ? this.mark : (this.#last ?? this.#middle())
  }

  /** Where a taker of this side begins; null before there is any price. */
  best(side: Side): Decimal | null {
    return (side === 'buy' ? this.#ask : this.#bid) ?? this.#last
  }

  /** Whether a limit order would take at once: it reaches the other side, or lies beyond the last trade where no quote is known. */
  crosses(side: Side, limit: Decimal): boolean {
    const best = this.best(side)
    if (!best) return false
    const isQuoted = (side === 'buy' ? this.#ask : this.#bid) !== null
    const distance = side === 'buy' ? limit.compare(best) : best.compare(limit)
    return isQuoted ? distance >= 0 : distance > 0
  }

  /** Quantity that waits at a price on the side where an order of this side would join; null where no depth is known. */
  restingAt(side: Side, price: Decimal): Decimal | null {
    const levels = side === 'buy' ? this.#levels?.sell : this.#levels?.buy
    return levels ? (levels.find(level => level.price.equals(price))?.left ?? ZERO) : null
  }

  /**
   * What a taker gets, best first: all of it without depth, else what the depth holds. Takes it out of the depth.
   * @param limit no execution is worse than this.
   */
  take(side: Side, quantity: Decimal, limit: Decimal | null, slippageBps: Decimal, tick: Decimal): Execution[] {
    const isTooFar = (price: Decimal): boolean => limit !== null && (side === 'buy' ? price.gt(limit) : price.lt(limit))
    if (!this.#levels) {
      const best = this.best(side)
      if (!best || isTooFar(best)) return []
      const slipped = takerPrice(side, best, slippageBps, tick)
      const price = limit ? (side === 'buy' ? minDecimal(slipped, limit) : maxDecimal(slipped, limit)) : slipped
      return [{ price, quantity }]
    }
    const executions: Execution[] = []
    let left = quantity
    for (const level of this.#levels[side]) {
      if (!left.isPositive() || isTooFar(level.price)) break
      const part = minDecimal(left, level.left)
      if (!part.isPositive()) continue
      level.left = level.left.minus(part)
      left = left.minus(part)
      executions.push({ price: level.price, quantity: part })
    }
    return executions
  }

  #middle(): Decimal | null {
    return this.#bid ?? this.#ask
  }
}

/** A stop is triggered by a touch. */
export function isTouched(side: Side, stop: Decimal, price: Decimal): boolean {
  return side === 'sell' ? price.lte(stop) : price.gte(stop)
}

/** Whether a trade at this price passes a resting limit: strictly through. */
export function isThrough(side: Side, limit: Decimal, price: Decimal): boolean {
  return side === 'buy' ? price.lt(limit) : price.gt(limit)
}

/** The place of a resting limit among others at its price, and what a print leaves for it. */
export interface Queue {
  /** Quantity that trades at this price before the order's turn; null: only a trade through the price reaches it. */
  ahead: Decimal | null
}

/** How much of what a print offers a resting limit may have; moves the queue on. */
export function reachedBy(side: Side, limit: Decimal, queue: Queue, print: Decimal, offered: Decimal): Decimal | null {
  if (isThrough(side, limit, print)) return offered
  if (!queue.ahead || !print.equals(limit)) return null
  if (offered.lte(queue.ahead)) {
    queue.ahead = queue.ahead.minus(offered)
    return null
  }
  const reached = offered.minus(queue.ahead)
  queue.ahead = ZERO
  return reached
}
