// What many stories add up to: for the certificate and for progress. Plain numbers, so that threads can hand them over.

import type { Outcome } from './lab.ts'
import type { Story } from './story.ts'

export interface BrokenStory {
  readonly seed: number
  readonly scenario: string
  readonly invariant: number
  readonly name: string
  readonly message: string
  readonly step: number
  readonly atMs: number
  /** The point at which the worker was killed; null where kills are the story's own. */
  readonly killPoint: number | null
}

export interface Tally {
  stories: number
  steps: number
  killPoints: number
  kills: number
  orders: number
  fills: number
  deals: number
  commits: number
  readonly strikes: Record<string, number>
  readonly scenarios: Record<string, number>
  readonly broken: BrokenStory[]
}

export function emptyTally(): Tally {
  return {
    stories: 0,
    steps: 0,
    killPoints: 0,
    kills: 0,
    orders: 0,
    fills: 0,
    deals: 0,
    commits: 0,
    strikes: {},
    scenarios: {},
    broken: [],
  }
}

export function count(tally: Tally, story: Story, outcome: Outcome, killPoint: number | null = null): void {
  tally.stories += 1
  tally.steps += outcome.steps
  tally.killPoints += outcome.killPoints
  tally.kills += outcome.kills.length
  tally.orders += outcome.orders
  tally.fills += outcome.fills
  tally.deals += outcome.deals
  tally.commits += outcome.commits
  for (const [name, strikes] of Object.entries(outcome.strikes)) tally.strikes[name] = (tally.strikes[name] ?? 0) + strikes
  tally.scenarios[story.scenario] = (tally.scenarios[story.scenario] ?? 0) + 1
  if (!outcome.broken) return
  const { invariant, name, message, step, atMs } = outcome.broken
  tally.broken.push({ seed: story.seed, scenario: story.scenario, invariant, name, message, step, atMs, killPoint })
}

export function add(into: Tally, part: Tally): void {
  for (const key of ['stories', 'steps', 'killPoints', 'kills', 'orders', 'fills', 'deals', 'commits'] as const)
    into[key] += part[key]
  for (const [name, strikes] of Object.entries(part.strikes)) into.strikes[name] = (into.strikes[name] ?? 0) + strikes
  for (const [name, told] of Object.entries(part.scenarios)) into.scenarios[name] = (into.scenarios[name] ?? 0) + told
  into.broken.push(...part.broken)
}
