// A bot's books with its deal's lock, as the engine keeps both: for tests of postings.

import { Decimal } from '../money/decimal.ts'
import type { Fill } from '../orders/order.ts'
import { Books } from './books.ts'
import { type FillEffect, postFill } from './postings.ts'
import type { Transfer } from './transfer.ts'

const d = Decimal.from

export function testFill(side: 'buy' | 'sell', quantity: string, price: string, rest: Partial<Fill> = {}): Fill {
  return {
    tradeSeq: 1,
    purpose: side === 'buy' ? 'base' : 'tp',
    sequence: 1,
    symbol: 'SOL/USDT',
    fillId: '1',
    side,
    price: d(price),
    quantity: d(quantity),
    fee: d('0'),
    feeAsset: 'USDT',
    feeValueQuote: d('0'),
    liquidity: 'taker',
    atMs: 0,
    ...rest,
  }
}

export class Desk {
  readonly books = new Books()
  lock = d('0')
  free = d('0')

  post(...transfers: readonly Transfer[]): void {
    for (const each of transfers) this.books.post(each)
  }

  by<T>(post: (into: Transfer[]) => T): T {
    const into: Transfer[] = []
    const result = post(into)
    this.post(...into)
    return result
  }

  /** @returns what it took from the lock and from free money. */
  fill(each: Fill): FillEffect {
    const effect = this.by(into => postFill(into, { fill: each, base: 'SOL', quote: 'USDT', lock: this.lock }))
    this.take(effect)
    return effect
  }

  take({ fromLock, freeChange }: FillEffect): void {
    this.lock = this.lock.minus(fromLock)
    this.free = this.free.plus(freeChange)
  }

  /** Every account that is not zero. */
  balances(): Record<string, string> {
    const open = this.books.entries().filter(([, balance]) => !balance.isZero())
    return Object.fromEntries(open.map(([key, balance]): [string, string] => [key, balance.toString()]).sort())
  }

  assertBalanced(): void {
    for (const [currency, sum] of this.books.sums()) {
      if (!sum.isZero()) throw new Error(`${currency} sums to ${sum}, it must be 0`)
    }
  }
}
