// Chance with a handle for each purpose: what one fault draws does not shift what another one draws, so a story from which a fault is
// taken away stays otherwise nearly the same. That is what makes a failing story shrink.

import { seeded } from './seeded.ts'

export class Dice {
  readonly #seed: number
  readonly #next: () => number

  constructor(seed: number) {
    this.#seed = seed
    this.#next = seeded(seed)
  }

  /** Dice of their own for what `label` names; asking twice gives the same ones from the start. */
  fork(label: string): Dice {
    let hash = this.#seed ^ 0x811c9dc5
    for (let i = 0; i < label.length; i += 1) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    return new Dice((hash ^ (hash >>> 12)) >>> 0)
  }

  /** In [0, 1). */
  next(): number {
    return this.#next()
  }

  chance(share: number): boolean {
    return this.#next() < share
  }

  between(low: number, high: number): number {
    return low + this.#next() * (high - low)
  }

  /** low and high included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.#next() * (high - low + 1))
  }

  of<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#next() * choices.length)]!
  }
}
