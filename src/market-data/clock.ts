// Time as feeds see it: injected, so that tests and simulations bring their own.

import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  /** Epoch ms, UTC. */
  now(): number
  /** Resolves after `ms`, or rejects with the signal's reason when it is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Longest delay a timer of Node keeps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(Math.min(Math.max(0, ms), LONGEST_TIMER_MS), undefined, signal ? { signal } : {})
  },
}
