// What people are told: each thing once, however often the engine was restarted in between.

import type { AccountCommit } from '../../engine/account-store.ts'
import type { Invariant } from './invariant.ts'

/** Events that a deal has once in its life. */
const ONCE: ReadonlySet<string> = new Set(['DEAL_STARTED', 'DEAL_CANCELLED', 'RUN_STARTED', 'RUN_ENDED'])

export const toldOnce: Invariant = {
  number: 23,
  name: 'what happens once is told once',
  watch({ truth }, broken) {
    const told = new Set<string>()
    const take = (commit: AccountCommit, isNew: boolean): void => {
      for (const { botId, batch } of commit.bots) {
        for (const { type, tradeSeq } of batch.events) {
          if (!ONCE.has(type)) continue
          const key = `${botId}|${type}|${tradeSeq}`
          if (isNew && told.has(key)) broken(`bot ${botId} tells ${type} of deal ${tradeSeq ?? '-'} a second time`)
          told.add(key)
        }
      }
    }
    return {
      restored() {
        told.clear()
        for (const commit of truth.commits) take(commit, false)
      },
      committed(_worker, commit) {
        take(commit, true)
      },
    }
  },
}
