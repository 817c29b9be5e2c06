// How freely the platform may act (execution.md 9.1): one level per scope, of which the strictest rules. No level keeps an exit from
// leaving or a stop from resting.

export const SAFETY_LEVELS = ['normal', 'paused', 'reduce_only', 'halted'] as const
export type SafetyLevel = (typeof SAFETY_LEVELS)[number]

export const SAFETY_SCOPES = ['global', 'tenant', 'account', 'bot'] as const
export type SafetyScope = (typeof SAFETY_SCOPES)[number]

/** The strictest of several levels; normal of none. */
export function strictestLevel(levels: Iterable<SafetyLevel>): SafetyLevel {
  let strictest = 0
  for (const level of levels) strictest = Math.max(strictest, SAFETY_LEVELS.indexOf(level))
  return SAFETY_LEVELS[strictest]!
}
