// Rules of acting: only the holder of the lease acts, entries only when all is well, and never more calls than the venue allows.

import type { WorkerProcess } from '../worker-process.ts'
import type { Invariant } from './invariant.ts'
import { isEntry } from './protection.ts'

/** Calls that the lab's venue allows in a minute, from one address. */
export const CALLS_A_MINUTE = 600

export const noStaleCall: Invariant = {
  number: 12,
  name: 'no call and no write under a token that another has taken over',
  watch({ currentToken }, broken) {
    return {
      called(worker, call) {
        if (worker.token !== currentToken())
          broken(
            `worker ${worker.number} calls ${call.kind} with token ${worker.token}, the account is held with ${currentToken()}`,
          )
      },
      committed(worker) {
        if (worker.token !== currentToken())
          broken(`worker ${worker.number} writes with token ${worker.token}, the account is held with ${currentToken()}`)
      },
    }
  },
}

export const entriesWhenClean: Invariant = {
  number: 17,
  name: 'entries only when ready, without open differences, at safety level normal',
  watch({ truth, statusOf, confirmedSafety }, broken) {
    return {
      committing(worker, commit) {
        for (const { id, status: becomes } of commit.intentChanges) {
          const intent = becomes === 'sent' ? truth.intents.get(id)?.intent : undefined
          if (intent?.kind !== 'place' || !isEntry(intent.order)) continue
          const status = statusOf(worker)
          const what = `bot ${intent.botId} enters with ${intent.order.purpose} ${intent.order.sequence} of deal ${intent.order.tradeSeq}`
          if (status && status.stage !== 'ready') broken(`${what} while the account is ${status.stage}`)
          if (status && status.openDifferences > 0) broken(`${what} with ${status.openDifferences} open differences`)
        }
      },
      called(worker, call) {
        if (call.kind !== 'place' || confirmedSafety() === 'normal') return
        const owner = truth.owners.get(call.payload.clientOrderId)
        if (owner && isEntry(owner.order))
          broken(`worker ${worker.number} sends an entry of ${owner.botId} at safety level ${confirmedSafety()}`)
      },
    }
  },
}

export const withinLimits: Invariant = {
  number: 25,
  name: "calls stay below the venue's limit, and none is made while it has shut us out",
  watch({ nowMs }, broken) {
    const times: number[] = []
    let first = 0
    const bannedUntil = new Map<WorkerProcess, number>()
    return {
      called(worker, call) {
        const now = nowMs()
        times.push(now)
        while (times[first]! <= now - 60_000) first += 1
        if (times.length - first > CALLS_A_MINUTE)
          broken(`${times.length - first} calls within a minute, ${CALLS_A_MINUTE} are allowed`)
        const until = bannedUntil.get(worker)
        if (until !== undefined && now < until)
          broken(`worker ${worker.number} calls ${call.kind} ${until - now} ms before its ban ends`)
      },
      banTold(worker, untilMs) {
        bannedUntil.set(worker, untilMs)
      },
    }
  },
}
