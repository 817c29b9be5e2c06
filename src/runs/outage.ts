// What to do while the database is away: nothing, and try again. Everything else that goes wrong is thrown.

import type { RunLog } from './ports.ts'

export interface OutageDeps {
  readonly log: RunLog
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 30_000

/** The database is gone, its disk is full, or it takes no writes: each may end, and then the same work goes through. */
const OUTAGES: readonly unknown[] = ['DATABASE_UNAVAILABLE', 'DISK_FULL', 'DATABASE_READ_ONLY']

export function isOutage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && OUTAGES.includes(error.code)
}

export function outageWaitMs(attempt: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS)
}

/** Repeats `work` while the database is away. @throws the outage once the signal asks to stop; any other error at once. */
export async function throughOutages<T>(
  work: () => Promise<T>,
  deps: OutageDeps,
  botId: string,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isOutage(error) || signal.aborted) throw error
      const waitMs = outageWaitMs(attempt)
      deps.log.warn({ botId, attempt, waitMs, error: String(error) }, 'the database is away: the bot waits')
      await nap(deps, waitMs, signal)
      if (signal.aborted) throw error
    }
  }
}

/** Sleeps; an abort of the signal ends it early and is no error. */
export async function nap(deps: Pick<OutageDeps, 'sleep'>, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await deps.sleep(ms, signal)
  } catch (cause) {
    if (!signal.aborted) throw cause
  }
}
