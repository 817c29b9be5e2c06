// The candle in which each watched target came into being: under the pessimistic path it acts from the next one.

import type { PriceWatch, Watch } from '../watch.ts'

export class TargetBirths {
  readonly #born = new Map<string, { price: number; bornIn: number }>()

  /** @param candle number of the candle that is being walked; 0 between candles. */
  note(watches: readonly Watch[], candle: number): void {
    for (const watch of watches) {
      if (watch.kind !== 'price_at_or_above' || !watch.isTarget) continue
      const price = watch.price.toNumber()
      if (this.#born.get(watch.id)?.price !== price) this.#born.set(watch.id, { price, bornIn: candle })
    }
    if (this.#born.size <= 4 * watches.length + 64) return
    const alive = new Set(watches.map(watch => ('id' in watch ? watch.id : '')))
    for (const id of this.#born.keys()) if (!alive.has(id)) this.#born.delete(id)
  }

  of(watch: PriceWatch): number {
    return this.#born.get(watch.id)?.bornIn ?? 0
  }
}
