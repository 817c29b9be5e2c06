// The place where bots meet a market: however many listen, each minute of a market's time is waited for and computed once.

import type { DemoMarket } from '../core/market/demo-market.ts'
import type { Clock } from './clock.ts'
import { DemoFeed, DemoPulse, type DemoTime } from './demo-feed.ts'

interface SharedPulse {
  readonly pulse: DemoPulse
  feeds: number
}

export class DemoHub {
  readonly #market: DemoMarket
  readonly #clock: Clock
  readonly #pulses = new Map<string, SharedPulse>()
  readonly #listeners = new Map<string, number>()

  constructor(market: DemoMarket, clock: Clock) {
    this.#market = market
    this.#clock = clock
  }

  /**
   * A feed of its own reader over the shared pulse of its time. It counts as a listener of its symbols until it is stopped or its
   * iteration ends.
   * @throws RangeError for a symbol the demo market does not list.
   */
  subscribe(symbols: readonly string[], time: DemoTime): DemoFeed {
    const key = `${time.speed} ${time.wallMs} ${time.marketMs}`
    const shared = this.#pulses.get(key) ?? { pulse: new DemoPulse(this.#market, this.#clock, time), feeds: 0 }
    const feed = new DemoFeed(shared.pulse, symbols, () => {
      shared.feeds -= 1
      if (shared.feeds === 0) this.#pulses.delete(key)
      for (const symbol of symbols) this.#count(symbol, -1)
    })
    shared.feeds += 1
    this.#pulses.set(key, shared)
    for (const symbol of symbols) this.#count(symbol, 1)
    return feed
  }

  /** Listeners by symbol; symbols without any are absent. */
  listeners(): ReadonlyMap<string, number> {
    return this.#listeners
  }

  /** Different times that are followed now. */
  get pulses(): number {
    return this.#pulses.size
  }

  #count(symbol: string, change: number): void {
    const count = (this.#listeners.get(symbol) ?? 0) + change
    if (count > 0) this.#listeners.set(symbol, count)
    else this.#listeners.delete(symbol)
  }
}
