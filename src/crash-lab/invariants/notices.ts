// What people are told: each thing once, however often the engine was restarted in between.

import type { Invariant } from './invariant.ts'

/** Events that a deal has once in its life. */
const ONCE: ReadonlySet<string> = new Set(['DEAL_STARTED', 'DEAL_CANCELLED', 'RUN_STARTED', 'RUN_ENDED'])

export const toldOnce: Invariant = {
  number: 23,
  name: 'what happens once is told once',
  watch({ truth }, broken) {
    let commits = 0
    const told = new Set<string>()
    return {
      committed(_worker, commit) {
        if (truth.commits.length <= commits) told.clear()
        commits = truth.commits.length
        for (const { botId, batch } of commit.bots) {
          for (const { type, tradeSeq } of batch.events) {
            if (!ONCE.has(type)) continue
            const key = `${botId}|${type}|${tradeSeq}`
            if (told.has(key)) broken(`bot ${botId} tells ${type} of deal ${tradeSeq ?? '-'} a second time`)
            told.add(key)
          }
        }
      },
    }
  },
}
