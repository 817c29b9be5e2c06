// What a run makes of the safety record and shows its triggers: the same at the time and when its journal is replayed.

import { canonicalJson } from '../core/hash/canonical-json.ts'
import { limitsFor } from '../core/risk/safety-limits.ts'
import { isOfAnotherDay } from '../core/risk/safety-record.ts'
import type { RunSafety } from './ports.ts'
import { money } from './run-batch.ts'
import type { Session } from './session.ts'

/** Takes over what the record says. @returns whether anything of it is new: then the engine must be told. */
export function obeySafety(session: Session, safety: RunSafety, atMs: number): boolean {
  const { safety: before, saved, guard } = session
  // Where nothing could be read, all that is known is that nothing may be opened.
  const now = safety.own === null ? { ...before, level: safety.level, reason: safety.reason } : safety
  const config = saved.config(saved.currentVersion)
  if (config) guard.limit(limitsFor(config, now.limits))
  // Reset by a person: figures that tripped it once do not trip it again at once. A day that is over needs no such help.
  const dayIsOver = before.dailyLoss !== null && isOfAnotherDay(before.dailyLoss, atMs)
  if (before.own !== 'normal' && now.own === 'normal' && !dayIsOver) guard.restart()
  session.safety = now
  return canonicalJson(before) !== canonicalJson(now)
}

/** Shows the triggers what the run is worth now, where a limit depends on it. */
export function watchEquity(session: Session, atMs: number): void {
  if (session.guard.watchesEquity()) session.guard.equity(atMs, money(session).equity)
}
