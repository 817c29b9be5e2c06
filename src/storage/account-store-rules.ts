// What every store of accounts holds to, whatever it keeps its rows in.

import type { OrderStatus } from '../core/orders/order.ts'
import type { AccountCommit, IntentChange, IntentStatus, SavedIntent } from '../engine/account-store.ts'

/**
 * Where an intent may go from where it stands. Only what is pending can be claimed, so that two claims never send one call twice; what
 * was settled can come into doubt again, when the venue no longer shows an order that it had confirmed.
 */
export const INTENT_MOVES: Readonly<Record<IntentStatus, readonly IntentStatus[]>> = {
  pending: ['pending', 'sent', 'settled'],
  sent: ['settled', 'in_doubt'],
  in_doubt: ['in_doubt', 'settled'],
  settled: ['settled', 'in_doubt'],
}

/** An order that ended so gives its rung free, unless something of it was filled. */
export const ENDED_UNFILLED: readonly OrderStatus[] = ['cancelled', 'rejected', 'expired']

/**
 * Whether a commit is the newest one tried again. The very object is; an equal one is too where the answer was lost, or where its
 * journal shows that it is no second claim.
 */
export function isSameCommit(last: AccountCommit, commit: AccountCommit, answerWasLost: boolean): boolean {
  if (last === commit) return true
  if (!answerWasLost && commit.bots.length === 0) return false
  if (last.bots.length !== commit.bots.length || last.intentChanges.length !== commit.intentChanges.length) return false
  if (
    last.bots.some(({ botId, batch }, i) => commit.bots[i]!.botId !== botId || commit.bots[i]!.batch.firstSeq !== batch.firstSeq)
  ) {
    return false
  }
  return JSON.stringify(last) === JSON.stringify(commit)
}

/** The last change of each intent: one commit tells its end. */
export function lastChanges(changes: readonly IntentChange[]): readonly IntentChange[] {
  return changes.length < 2 ? changes : [...new Map(changes.map(change => [change.id, change])).values()]
}

export function oldestFirst(intents: SavedIntent[]): SavedIntent[] {
  return intents.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
}
