// The candle in which each watched target came into being: under the pessimistic path it acts from the next one.

import type { PriceWatch, Watch } from '../watch.ts'

interface Birth {
  readonly id: string
  readonly price: number
  readonly bornIn: number
}

const NONE: readonly Birth[] = []

export class TargetBirths {
  #born = NONE

  /** @param candle number of the candle that is being walked; 0 between candles. */
  note(watches: readonly Watch[], candle: number): void {
    let born: Birth[] | null = null
    for (const watch of watches) {
      if (watch.kind !== 'price_at_or_above' || !watch.isTarget) continue
      const price = watch.price.toNumber()
      born ??= []
      born.push(this.#find(watch.id, price) ?? { id: watch.id, price, bornIn: candle })
    }
    this.#born = born ?? NONE
  }

  of(watch: PriceWatch): number {
    return this.#find(watch.id, watch.price.toNumber())?.bornIn ?? 0
  }

  #find(id: string, price: number): Birth | undefined {
    return this.#born.find(birth => birth.id === id && birth.price === price)
  }
}
