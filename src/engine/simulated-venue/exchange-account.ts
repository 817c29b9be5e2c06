// Money of one account at the simulated exchange: free and locked by currency, positions with their isolated margin.

import { type Decimal, ZERO } from '../../core/money/decimal.ts'
import type { VenueBalance, VenuePosition } from '../venue.ts'
import { entryPrice, FLAT, type PerpPosition } from './perpetual.ts'

export class ExchangeAccount {
  readonly #free = new Map<string, Decimal>()
  readonly #locked = new Map<string, Decimal>()
  readonly #positions = new Map<string, PerpPosition>()

  free(currency: string): Decimal {
    return this.#free.get(currency) ?? ZERO
  }

  locked(currency: string): Decimal {
    return this.#locked.get(currency) ?? ZERO
  }

  /** @param amount negative takes away. @throws where more is taken than is free: the exchange checks before it books. */
  add(currency: string, amount: Decimal): void {
    const free = this.free(currency).plus(amount)
    if (free.isNegative()) throw new RangeError(`${currency}: ${amount} would leave ${free} free`)
    this.#free.set(currency, free)
  }

  /** @param amount negative unlocks. */
  lock(currency: string, amount: Decimal): void {
    this.add(currency, amount.negated())
    const locked = this.locked(currency).plus(amount)
    if (locked.isNegative()) throw new RangeError(`${currency}: unlocking ${amount.negated()} would leave ${locked} locked`)
    this.#locked.set(currency, locked)
  }

  position(symbol: string): PerpPosition {
    return this.#positions.get(symbol) ?? FLAT
  }

  setPosition(symbol: string, position: PerpPosition): void {
    if (position.quantity.isZero()) this.#positions.delete(symbol)
    else this.#positions.set(symbol, position)
  }

  /** By currency; margin of positions is in neither figure. */
  balances(): VenueBalance[] {
    return [...new Set([...this.#free.keys(), ...this.#locked.keys()])]
      .toSorted()
      .map(currency => ({ currency, free: this.free(currency), locked: this.locked(currency) }))
  }

  positions(): VenuePosition[] {
    return [...this.#positions]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([symbol, position]) => ({ symbol, quantity: position.quantity, entryPrice: entryPrice(position) }))
  }
}
