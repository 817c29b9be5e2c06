// What waits for the one writer of an account, in the order in which it is stepped: of what waits at the same moment, safety comes first
// and people last (execution.md 1.2); among equals the one that came first.

/** Ranks of what may wait. */
export const RANKS = ['safety', 'orders', 'reports', 'candles', 'timers', 'prices', 'people'] as const
export type Rank = (typeof RANKS)[number]

interface Waiting<Item> {
  readonly item: Item
  readonly rank: number
  readonly arrival: number
}

export class Inbox<Item> {
  #waiting: Waiting<Item>[] = []
  #arrivals = 0
  #wake: () => void = () => {}
  #woken: Promise<void> | null = null

  put(rank: Rank, item: Item): void {
    this.#waiting.push({ item, rank: RANKS.indexOf(rank), arrival: this.#arrivals })
    this.#arrivals += 1
    this.#wake()
  }

  /** Everything that waits, in its order. */
  takeAll(): Item[] {
    const taken = this.#waiting.sort((a, b) => a.rank - b.rank || a.arrival - b.arrival)
    this.#waiting = []
    return taken.map(each => each.item)
  }

  /** Resolves once something waits. */
  filled(): Promise<void> {
    if (this.#waiting.length > 0) return Promise.resolve()
    this.#woken ??= new Promise(resolve => {
      this.#wake = () => {
        this.#woken = null
        this.#wake = () => {}
        resolve()
      }
    })
    return this.#woken
  }

  /** Ends the waiting of whoever waits, with nothing. */
  nudge(): void {
    this.#wake()
  }
}
