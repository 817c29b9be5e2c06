// A Condition Playbook: many conditions, one yes or no. Every enabled item is evaluated and traced; the gate joins them.

import type { Condition } from './condition.ts'

export type Gate = 'all' | 'any' | 'atLeast' | 'chain'
export type PlaybookOrder = 'priority' | 'listed'
/** per_signal: after it fired the playbook must turn false before it can fire again. per_bar: at most once per bar. */
export type FireMode = 'per_signal' | 'per_bar'

/** Priority of an item that names none: after all that do. */
export const NO_PRIORITY = 999

export interface ValidFor {
  readonly n: number
  readonly unit: 'bars' | 'minutes'
}

export interface PlaybookItem {
  readonly id: string
  readonly enabled: boolean
  /** 1 is first; ties keep list order. */
  readonly priority: number
  /** How this item joins what stands before it when the gate is a chain. */
  readonly connector: 'and' | 'or'
  /** Closed bars in a row, this one included, on which the condition must be true; 0 and 1 both mean this bar alone. */
  readonly holdBars: number
  /** A true stays true this long, whatever the condition does meanwhile. */
  readonly validFor: ValidFor | null
  readonly condition: Condition
}

export interface Playbook {
  readonly gate: Gate
  /** How many items must be true; only with the gate atLeast, else null. */
  readonly n: number | null
  readonly order: PlaybookOrder
  readonly fireMode: FireMode
  /** Items must turn true in their order, the last at most windowBars bars of the fastest timeframe after the first. */
  readonly sequence: { readonly windowBars: number } | null
  readonly items: readonly PlaybookItem[]
}

/** Enabled items in the order in which they are joined and traced. */
export function orderedItems(playbook: Playbook): PlaybookItem[] {
  const enabled = playbook.items.filter(item => item.enabled)
  // Array sort is stable: ties keep list order.
  return playbook.order === 'priority' ? enabled.sort((a, b) => a.priority - b.priority) : enabled
}
