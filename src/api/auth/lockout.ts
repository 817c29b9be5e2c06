// How often somebody may guess. Five failures within fifteen minutes lock an account for fifteen minutes, the next five for thirty, and
// so on up to a day; twenty from one network address lock that one. An unknown account is counted as a known one, so that the answers
// tell nothing. Attempts while locked are not looked at and do not count: a lock cannot be held up by knocking.

import { createHash } from 'node:crypto'
import type { Database } from '../../storage/database.ts'
import { authFailures, recordAuthAttempt } from '../../storage/identity-store.ts'
import { addressGroup } from '../origin.ts'

const WINDOW_MS = 15 * 60_000
const DAY_MS = 86_400_000
const FAILURES_PER_ACCOUNT = 5
const FAILURES_PER_ADDRESS = 20

function emailHash(email: string): string {
  return createHash('sha256').update(`evenkeel login ${email.trim().toLowerCase()}`).digest('hex')
}

export interface FailureCounts {
  /** Of the account within a day, since its last success. */
  readonly ofDay: number
  /** Of these, within the fifteen minutes that ended with the last one. */
  readonly ofBurst: number
  /** Since the last failure of the account. */
  readonly sinceLastMs: number
  /** From the network address within fifteen minutes. */
  readonly ofAddress: number
}

/** How long nobody may try, 0 = now. */
export function lockedForMs({ ofDay, ofBurst, sinceLastMs, ofAddress }: FailureCounts): number {
  const address = ofAddress >= FAILURES_PER_ADDRESS ? WINDOW_MS : 0
  if (ofBurst < FAILURES_PER_ACCOUNT) return address
  const round = Math.max(1, Math.floor(ofDay / FAILURES_PER_ACCOUNT))
  const lockMs = Math.min(DAY_MS, WINDOW_MS * 2 ** Math.min(round - 1, 20))
  return Math.max(address, lockMs - sinceLastMs)
}

export async function lockOf(database: Database, email: string, ip: string, nowMs: number): Promise<number> {
  const hash = emailHash(email)
  const address = addressGroup(ip)
  const since = (atMs: number) => authFailures(database, hash, address, new Date(atMs).toISOString())
  const day = await since(nowMs - DAY_MS)
  if (day.byEmail < FAILURES_PER_ACCOUNT && day.byIp < FAILURES_PER_ADDRESS) return 0
  const recent = await since(nowMs - WINDOW_MS)
  const lastMs = day.lastByEmail === null ? null : Date.parse(day.lastByEmail)
  const burst = lastMs === null ? null : await since(lastMs - WINDOW_MS)
  return lockedForMs({
    ofDay: day.byEmail,
    ofBurst: burst?.byEmail ?? 0,
    sinceLastMs: lastMs === null ? 0 : Math.max(0, nowMs - lastMs),
    ofAddress: recent.byIp,
  })
}

export async function recordAttempt(database: Database, email: string, ip: string, success: boolean): Promise<void> {
  await recordAuthAttempt(database, emailHash(email), addressGroup(ip), success)
}

/** Attempts on one account go one after the other, so that a hundred at once are not a hundred free guesses. */
export function createTurnstile(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<void>>()
  return (key, work) => {
    const mine = (tails.get(key) ?? Promise.resolve()).then(work)
    const tail = mine.then(
      () => undefined,
      () => undefined,
    )
    tails.set(key, tail)
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key)
    })
    return mine
  }
}
