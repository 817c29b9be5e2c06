// From a request to an outcome, and from a failing story to the smallest one that still fails.

import type { LabBackend } from './backend.ts'
import { MemoryBackend } from './backend.ts'
import { Lab, type Outcome } from './lab.ts'
import { randomLabBot } from './lab-bots.ts'
import type { Mutation } from './mutations.ts'
import { type Story, type StoryRequest, tellStory } from './story.ts'

export function storyOf(request: StoryRequest): Story {
  return tellStory(request, randomLabBot)
}

/** @param backend in memory unless given. */
export function runStory(story: Story, mutation: Mutation | null = null, backend?: LabBackend): Promise<Outcome> {
  return new Lab(story, backend ?? new MemoryBackend(story), mutation).tell()
}

export interface Shrunk {
  readonly story: Story
  readonly outcome: Outcome
  /** Stories that were told on the way. */
  readonly tries: number
}

const MOST_TRIES = 120

/**
 * Takes away faults, actions, kills and bots as long as the same invariant still breaks.
 * @param outcome what telling `story` gave; it is broken.
 */
export async function shrink(story: Story, outcome: Outcome, mutation: Mutation | null = null): Promise<Shrunk> {
  let best = story
  let bestOutcome = outcome
  let tries = 0
  const attempt = async (next: Story): Promise<boolean> => {
    if (tries >= MOST_TRIES) return false
    tries += 1
    const told = await runStory(next, mutation)
    if (told.broken?.invariant !== outcome.broken?.invariant) return false
    best = next
    bestOutcome = told
    return true
  }
  // Kills that were drawn by chance become points, so that they can be taken away one by one.
  if (best.kills.kind === 'chance') {
    const fewer = { ...best, kills: { kind: 'none' } } as const
    if (!(await attempt(fewer))) await attempt({ ...best, kills: { kind: 'at', points: outcome.kills.map(kill => kill.point) } })
  }
  for (let again = true; again; ) {
    again = false
    for (const fault of best.faults) {
      if (await attempt({ ...best, faults: best.faults.filter(each => each !== fault) })) again = true
    }
    for (const action of best.actions) {
      if (await attempt({ ...best, actions: best.actions.filter(each => each !== action) })) again = true
    }
    if (best.kills.kind === 'at') {
      for (const point of best.kills.points) {
        if (best.kills.kind !== 'at') break
        const points = best.kills.points.filter(each => each !== point)
        if (await attempt({ ...best, kills: points.length > 0 ? { kind: 'at', points } : { kind: 'none' } })) again = true
      }
    }
    for (let i = best.bots.length - 1; i > 0; i -= 1) {
      const isUsed = best.actions.some(({ action }) => 'bot' in action && action.bot >= best.bots.length - 1)
      if (!isUsed && (await attempt({ ...best, bots: best.bots.slice(0, -1) }))) again = true
    }
    if (tries >= MOST_TRIES) break
  }
  return { story: best, outcome: bestOutcome, tries }
}

/** Points of an untroubled telling at which a worker can be killed. */
export async function killPointsOf(story: Story): Promise<number> {
  return (await runStory({ ...story, kills: { kind: 'none' } })).killPoints
}
