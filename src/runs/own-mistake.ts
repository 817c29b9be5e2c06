// Which failures of a run are our own mistake: then what the bot believes may be wrong, and it opens nothing more until a person has
// looked. What it holds stays protected.

import { LEVEL_OF_CAUSE, type SafetyTrigger } from '../core/risk/safety-triggers.ts'

/** A promise of the database that was broken: bad data (class 22), a key or a check (class 23). */
const BROKEN_PROMISE = /^2[23][0-9A-Z]{3}$/

/** Outages, lost leases and missing data carry a name; an assertion, or an error that nobody named, is ours. */
export function isOwnMistake(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'string') return true
  return error.code === 'ERR_ASSERTION' || BROKEN_PROMISE.test(error.code)
}

export function brokenInvariant(message: string): SafetyTrigger {
  const [firstLine = ''] = message.split('\n')
  return {
    cause: 'broken_invariant',
    level: LEVEL_OF_CAUSE.broken_invariant,
    reason: `its run has failed by a mistake of the program: ${firstLine.slice(0, 300)}`,
  }
}
