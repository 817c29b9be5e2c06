// Where workers die. Every call that leaves a worker passes two points: it is issued, and it has taken effect. At each of them the worker
// may be killed, so that with every point counted a story can be told again and again, dying one point later each time.

import type { Dice } from './dice.ts'

export type KillMode =
  | { readonly kind: 'none' }
  /** At each point with this chance, as long as the fault phase lasts. */
  | { readonly kind: 'chance'; readonly probability: number }
  /** At these points, by number from 1. */
  | { readonly kind: 'at'; readonly points: readonly number[] }

export class Kills {
  readonly #mode: KillMode
  readonly #dice: Dice
  readonly #points: ReadonlySet<number>
  readonly #isActive: () => boolean
  #passed = 0
  readonly #struck: { readonly point: number; readonly where: string }[] = []

  constructor(mode: KillMode, dice: Dice, isActive: () => boolean) {
    this.#mode = mode
    this.#dice = dice
    this.#points = new Set(mode.kind === 'at' ? mode.points : [])
    this.#isActive = isActive
  }

  /** Points that were passed. */
  get passed(): number {
    return this.#passed
  }

  /** Where workers were killed. */
  get struck(): readonly { readonly point: number; readonly where: string }[] {
    return this.#struck
  }

  /** @returns whether the worker dies here. */
  passes(where: string): boolean {
    this.#passed += 1
    const dies =
      this.#mode.kind === 'at'
        ? this.#points.has(this.#passed)
        : this.#mode.kind === 'chance' && this.#dice.chance(this.#mode.probability) && this.#isActive()
    if (dies) this.#struck.push({ point: this.#passed, where })
    return dies
  }
}
